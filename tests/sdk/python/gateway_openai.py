# SPDX-License-Identifier: Apache-2.0
"""The openai package of PyPI against a running gateway: BASE_URL. TAP on stdout."""

import asyncio
import os
import sys
import traceback

import openai

client = openai.OpenAI(
    base_url=os.environ["BASE_URL"], api_key="sk-test", max_retries=0, timeout=20
)
HELLO = [{"role": "user", "content": "Hello there"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather now",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


def models_are_listed():
    names = [model.id for model in client.models.list()]
    assert "auto" in names and "small" in names, names
    assert client.models.retrieve("small").id == "small"


def chat_answers():
    answer = client.chat.completions.create(model="auto", messages=HELLO)
    assert answer.choices[0].message.content, answer
    assert answer.choices[0].finish_reason == "stop"
    assert (
        answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    )


def headers_tell_the_decision():
    raw = client.chat.completions.with_raw_response.create(
        model="auto",
        messages=HELLO,
        extra_headers={"x-sluice-task": "chat"},
        extra_body={"sluice": {"min_tier": "mid"}},
    )
    assert raw.headers["x-sluice-task"] == "chat", raw.headers
    assert raw.headers["x-sluice-target"] == "small"
    assert float(raw.headers["x-sluice-cost-usd"]) > 0
    assert raw.parse().choices[0].message.content
    assert raw.request_id == raw.headers["x-sluice-call-id"]


def stream_has_no_usage_unless_asked():
    text = ""
    for chunk in client.chat.completions.create(model="auto", messages=HELLO, stream=True):
        assert chunk.choices, chunk
        assert chunk.usage is None, chunk
        text += chunk.choices[0].delta.content or ""
    assert text


def stream_has_usage_when_asked():
    chunks = list(
        client.chat.completions.create(
            model="auto", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].usage.completion_tokens > 0, chunks[-1]
    assert chunks[-1].choices == []


def local_model_streams_too():
    text, finish = "", None
    for chunk in client.chat.completions.create(model="llama", messages=HELLO, stream=True):
        text += chunk.choices[0].delta.content or ""
        finish = chunk.choices[0].finish_reason or finish
    assert text and finish == "stop"


def tools_are_called(model, stream_helper):
    messages = [{"role": "user", "content": "Weather in Rome? [[sim:tools]]"}]
    if stream_helper:
        with client.chat.completions.stream(model=model, messages=messages, tools=TOOLS) as stream:
            for _ in stream:
                pass
            message = stream.get_final_completion().choices[0].message
    else:
        message = (
            client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
            .choices[0]
            .message
        )
    call = message.tool_calls[0]
    assert call.function.name == "weather", call
    assert call.id
    openai.types.chat.ChatCompletionMessageToolCall.model_validate(call.model_dump())
    follow = client.chat.completions.create(
        model=model,
        tools=TOOLS,
        messages=[
            {"role": "user", "content": "Weather in Rome?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": "weather", "arguments": call.function.arguments},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": call.id, "content": "20 C"},
        ],
    )
    assert follow.choices[0].message.role == "assistant"


def completions_answer():
    answer = client.completions.create(model="small", prompt="Once upon", max_tokens=5)
    assert answer.choices[0].text


def raises(kind, code, call):
    try:
        call()
    except kind as error:
        assert error.code == code, (error.code, error.body)
        assert error.response.headers["x-sluice-call-id"], error.response.headers
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def errors_are_the_sdks():
    create = client.chat.completions.create
    raises(openai.NotFoundError, "model_not_found", lambda: create(model="nobody", messages=HELLO))
    raises(openai.BadRequestError, "empty_messages", lambda: create(model="auto", messages=[]))
    raises(
        openai.UnprocessableEntityError,
        "no_feasible_target",
        lambda: create(model="small", messages=HELLO, extra_headers={"x-sluice-max-cost-usd": "0"}),
    )
    raises(
        openai.RateLimitError,
        "upstream_rate_limited",
        lambda: create(
            model="limited", messages=[{"role": "user", "content": "x [[sim:status-429]]"}]
        ),
    )
    raises(
        openai.InternalServerError,
        "upstream_failed",
        lambda: create(
            model="broken", messages=[{"role": "user", "content": "x [[sim:status-500]]"}]
        ),
    )


def cut_stream_raises():
    messages = [{"role": "user", "content": "x [[sim:reset-mid-3]]"}]
    try:
        for _ in client.chat.completions.create(model="cut", messages=messages, stream=True):
            pass
    except openai.APIConnectionError:
        return  # the cut itself reached the SDK before it had read the event
    except openai.APIError as error:
        assert error.code == "upstream_cut", error
        return
    raise AssertionError("a cut stream ended as if it were complete")


def async_clients_at_once():
    async def run():
        async with openai.AsyncOpenAI(
            base_url=os.environ["BASE_URL"], api_key="sk-test", max_retries=0
        ) as many:
            answers = await asyncio.gather(
                *[many.chat.completions.create(model="auto", messages=HELLO) for _ in range(30)]
            )
            assert all(a.choices[0].message.content for a in answers)

    asyncio.run(run())


TESTS = [
    ("models are listed", models_are_listed),
    ("a chat is answered with usage", chat_answers),
    ("headers tell the decision", headers_tell_the_decision),
    ("a stream has no usage unless asked", stream_has_no_usage_unless_asked),
    ("a stream has usage when asked", stream_has_usage_when_asked),
    ("a local model streams, translated", local_model_streams_too),
    ("a tool is called", lambda: tools_are_called("small", False)),
    ("a tool is called in a stream, by the SDK's helper", lambda: tools_are_called("small", True)),
    ("a local model calls a tool", lambda: tools_are_called("llama", False)),
    ("a local model calls a tool in a stream", lambda: tools_are_called("llama", True)),
    ("completions are answered", completions_answer),
    ("errors are the SDK's own classes, with codes", errors_are_the_sdks),
    ("a cut stream is an error", cut_stream_raises),
    ("thirty asynchronous calls at once", async_clients_at_once),
]


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for number, (says, test) in enumerate(TESTS, 1):
        try:
            test()
            print(f"ok {number} - python openai {openai.__version__}: {says}")
        except Exception:  # noqa: BLE001
            failed += 1
            print(f"not ok {number} - python openai {openai.__version__}: {says}")
            print("# " + traceback.format_exc().replace("\n", "\n# "))
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
