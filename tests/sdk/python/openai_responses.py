# SPDX-License-Identifier: Apache-2.0
"""openai of PyPI: responses."""

import json

import openai
from checks import Call, Result, main


def items(turns):
    for turn in turns:
        if "results" in turn:
            for result in turn["results"]:
                yield {
                    "type": "function_call_output",
                    "call_id": result["id"],
                    "output": result["text"],
                }
        elif "assistant" in turn:
            yield from turn["assistant"]
        else:
            content = [{"type": "input_text", "text": turn["user"]}]
            if "image" in turn:
                url = "data:image/png;base64," + turn["image"]
                content.append({"type": "input_image", "image_url": url, "detail": "auto"})
            yield {"role": "user", "content": content}


def body(request):
    made = {"model": request["model"], "input": list(items(request["turns"])), "store": False}
    if "tools" in request:
        made["tools"] = [
            {
                "type": "function",
                "name": tool["name"],
                "description": tool["description"],
                "parameters": tool["schema"],
                "strict": False,
            }
            for tool in request["tools"]
        ]
    if "max_tokens" in request:
        made["max_output_tokens"] = request["max_tokens"]
    if "schema" in request:
        schema = {"name": "answer", "schema": request["schema"], "strict": True}
        made["text"] = {"format": {"type": "json_schema", **schema}}
    return made


def result_of(response):
    calls = [item for item in response.output if item.type == "function_call"]
    finish = {"completed": "tools" if calls else "stop", "incomplete": "length"}
    return Result(
        text=response.output_text,
        turn=[item.model_dump(exclude_none=True, mode="json") for item in response.output],
        calls=[Call(call.call_id, call.name, json.loads(call.arguments)) for call in calls],
        finish=finish.get(response.status, response.status),
        input=response.usage.input_tokens,
        output=response.usage.output_tokens,
        cached=response.usage.input_tokens_details.cached_tokens,
    )


class Driver:
    name = f"python openai {openai.__version__} responses"
    retries = True

    def make(self, url, retries):
        return openai.OpenAI(
            base_url=url + "/v1", api_key="sk-test", max_retries=retries, timeout=15
        )

    def run(self, client, request):
        return result_of(client.responses.create(**body(request)))

    def stream(self, client, request):
        """The events themselves: the SDK's helper does not know of answers that are cut."""
        final = None
        with client.responses.create(**body(request), stream=True) as stream:
            for event in stream:
                if event.type in ("response.failed", "error"):
                    raise RuntimeError(event.type)
                if event.type in ("response.completed", "response.incomplete"):
                    final = event.response
                yield event.delta if event.type == "response.output_text.delta" else None
        return result_of(final)

    def status(self, error):
        return getattr(error, "status_code", None)


if __name__ == "__main__":
    main(Driver())
