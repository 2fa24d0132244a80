# SPDX-License-Identifier: Apache-2.0
"""anthropic of PyPI."""

import anthropic
from checks import FINISHES, TOOLS, Call, Result, main


def messages(turns):
    for turn in turns:
        if "results" in turn:
            content = [
                {"type": "tool_result", "tool_use_id": result["id"], "content": result["text"]}
                for result in turn["results"]
            ]
            yield {"role": "user", "content": content}
        elif "assistant" in turn:
            yield {"role": "assistant", "content": turn["assistant"]}
        else:
            content = [{"type": "text", "text": turn["user"]}]
            if "image" in turn:
                source = {"type": "base64", "media_type": "image/png", "data": turn["image"]}
                content.insert(0, {"type": "image", "source": source})
            yield {"role": "user", "content": content}


def body(request):
    made = {
        "model": request["model"],
        "max_tokens": request.get("max_tokens", 4000),
        "messages": list(messages(request["turns"])),
    }
    if "tools" in request:
        made["tools"] = [
            {
                "name": tool["name"],
                "description": tool["description"],
                "input_schema": tool["schema"],
            }
            for tool in request["tools"]
        ]
    if "schema" in request:
        made["output_config"] = {"format": {"type": "json_schema", "schema": request["schema"]}}
    if "thinking" in request:
        made["thinking"] = request["thinking"]
    return made


def result_of(message):
    blocks = message.content
    return Result(
        text="".join(block.text for block in blocks if block.type == "text"),
        turn=[block.model_dump(exclude_none=True, mode="json") for block in blocks],
        calls=[Call(b.id, b.name, b.input) for b in blocks if b.type == "tool_use"],
        finish=FINISHES.get(message.stop_reason, message.stop_reason),
        input=message.usage.input_tokens,
        output=message.usage.output_tokens,
        cached=message.usage.cache_read_input_tokens or 0,
    )


class Driver:
    name = f"python anthropic {anthropic.__version__}"
    retries = True

    def make(self, url, retries):
        return anthropic.Anthropic(
            base_url=url, api_key="sk-test", max_retries=retries, timeout=15
        )

    def run(self, client, request):
        return result_of(client.messages.create(**body(request)))

    def stream(self, client, request):
        with client.messages.stream(**body(request)) as stream:
            for event in stream:
                yield event.text if event.type == "text" else None
            return result_of(stream.get_final_message())

    def status(self, error):
        return getattr(error, "status_code", None)

    def keeps_thoughts(t):
        """Thoughts come with a signature and go back as they are, before the call."""
        thinking = {"type": "enabled", "budget_tokens": 1024}
        turns = [{"user": "Think, then call [[sim:tools-thinking]]"}]
        first = t.run(turns, tools=TOOLS, thinking=thinking)
        assert first.turn[0]["type"] == "thinking" and first.turn[0]["signature"], first.turn
        result = {"id": first.calls[0].id, "name": "get_weather", "text": "20 C [[sim:echo]]"}
        turns += [{"assistant": first.turn}, {"results": [result]}]
        assert t.run(turns, tools=TOOLS, thinking=thinking).text == "20 C [[sim:echo]]"

    def counts_tokens(t):
        count = t.client.messages.count_tokens(
            model=t.target["model"], messages=[{"role": "user", "content": "How many?"}]
        )
        assert count.input_tokens > 0, count

    more = (("thoughts", keeps_thoughts, ("anthropic",)), ("count_tokens", counts_tokens, None))


if __name__ == "__main__":
    main(Driver())
