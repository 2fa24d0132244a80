# SPDX-License-Identifier: Apache-2.0
"""openai of PyPI: chat completions."""

import json

import openai
from checks import FINISHES, Call, Result, main


def messages(turns):
    for turn in turns:
        if "results" in turn:
            for result in turn["results"]:
                yield {"role": "tool", "tool_call_id": result["id"], "content": result["text"]}
        elif "assistant" in turn:
            yield turn["assistant"]
        elif "image" in turn:
            url = "data:image/png;base64," + turn["image"]
            yield {
                "role": "user",
                "content": [
                    {"type": "text", "text": turn["user"]},
                    {"type": "image_url", "image_url": {"url": url}},
                ],
            }
        else:
            yield {"role": "user", "content": turn["user"]}


def functions(tools):
    return [
        {
            "type": "function",
            "function": {
                "name": tool["name"],
                "description": tool["description"],
                "parameters": tool["schema"],
            },
        }
        for tool in tools
    ]


def body(request):
    made = {"model": request["model"], "messages": list(messages(request["turns"]))}
    if "tools" in request:
        made["tools"] = functions(request["tools"])
    if "max_tokens" in request:
        made["max_tokens"] = request["max_tokens"]
    if "schema" in request:
        schema = {"name": "answer", "schema": request["schema"], "strict": True}
        made["response_format"] = {"type": "json_schema", "json_schema": schema}
    return made


def result_of(completion):
    choice = completion.choices[0]
    usage = completion.usage
    details = getattr(usage, "prompt_tokens_details", None)
    calls = choice.message.tool_calls or []
    turn = {"role": "assistant", "content": choice.message.content}
    if calls:
        turn["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ]
    return Result(
        text=choice.message.content or "",
        turn=turn,
        calls=[
            Call(call.id, call.function.name, json.loads(call.function.arguments))
            for call in calls
        ],
        finish=FINISHES.get(choice.finish_reason, choice.finish_reason),
        input=usage.prompt_tokens,
        output=usage.completion_tokens,
        cached=(details.cached_tokens or 0) if details else 0,
    )


class Driver:
    name = f"python openai {openai.__version__} chat"
    retries = True

    def make(self, url, retries):
        return openai.OpenAI(
            base_url=url + "/v1", api_key="sk-test", max_retries=retries, timeout=15
        )

    def run(self, client, request):
        return result_of(client.chat.completions.create(**body(request)))

    def stream(self, client, request):
        options = {"include_usage": True}
        with client.chat.completions.stream(**body(request), stream_options=options) as stream:
            for event in stream:
                yield event.delta if event.type == "content.delta" else None
            try:
                return result_of(stream.get_final_completion())
            except openai.LengthFinishReasonError as cut:  # the helper's way of saying so
                return result_of(cut.completion)

    def status(self, error):
        return getattr(error, "status_code", None)

    def embeddings(t):
        answer = t.client.embeddings.create(model=t.target["vectors"], input=["one", "two"])
        plain = t.client.embeddings.create(
            model=t.target["vectors"], input=["one", "two"], encoding_format="float"
        )
        assert len(answer.data) == 2, answer
        for packed, floats in zip(answer.data, plain.data, strict=True):
            near = zip(packed.embedding, floats.embedding, strict=True)
            assert all(abs(a - b) < 1e-6 for a, b in near), packed

    more = (("embeddings", embeddings, ("openai", "responses", "ollama", "gemini")),)


if __name__ == "__main__":
    main(Driver())
