# SPDX-License-Identifier: Apache-2.0
"""langchain-openai of PyPI."""

import json

from checks import FINISHES, Call, Result, main
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from openai_chat import functions


def messages(turns):
    for turn in turns:
        if "results" in turn:
            for result in turn["results"]:
                yield ToolMessage(result["text"], tool_call_id=result["id"], name=result["name"])
        elif "assistant" in turn:
            yield turn["assistant"]
        else:
            content = [{"type": "text", "text": turn["user"]}]
            if "image" in turn:
                url = "data:image/png;base64," + turn["image"]
                content.append({"type": "image_url", "image_url": {"url": url}})
            yield HumanMessage(content)


def model_of(client, request):
    chat = client(model=request["model"], max_tokens=request.get("max_tokens"))
    return chat.bind_tools(functions(request["tools"])) if "tools" in request else chat


def result_of(message):
    usage = message.usage_metadata
    finish = message.response_metadata["finish_reason"]
    return Result(
        text=message.text if isinstance(message.text, str) else message.text(),
        turn=message,
        calls=[Call(call["id"], call["name"], call["args"]) for call in message.tool_calls],
        finish=FINISHES.get(finish, finish),
        input=usage["input_tokens"],
        output=usage["output_tokens"],
        cached=(usage.get("input_token_details") or {}).get("cache_read", 0),
    )


class Driver:
    name = "python langchain-openai"
    retries = True

    def make(self, url, retries):
        def chat(**options):
            return ChatOpenAI(
                base_url=url + "/v1",
                api_key="sk-test",
                max_retries=retries,
                timeout=15,
                stream_usage=True,
                **options,
            )

        return chat

    def run(self, client, request):
        if "schema" in request:
            chat = client(model=request["model"])
            chat = chat.with_structured_output(request["schema"], method="json_schema")
            return Result(json.dumps(chat.invoke(list(messages(request["turns"])))))
        return result_of(model_of(client, request).invoke(list(messages(request["turns"]))))

    def stream(self, client, request):
        whole = None
        for chunk in model_of(client, request).stream(list(messages(request["turns"]))):
            whole = chunk if whole is None else whole + chunk
            yield chunk.text if isinstance(chunk.text, str) else chunk.text()
        return result_of(whole)

    def status(self, error):
        cause = getattr(error, "__cause__", None)
        return getattr(error, "status_code", getattr(cause, "status_code", None))


if __name__ == "__main__":
    main(Driver())
