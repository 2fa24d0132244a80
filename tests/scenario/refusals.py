# SPDX-License-Identifier: Apache-2.0
"""Bad requests, in every dialect in front: each is refused with 400 in the client's own shape, with
a stable code and a JSON pointer to the client's own member, and nothing is sent to any provider."""

import json

from harness import http1
from live import Live

BAD_BASE64 = "!!!!"
CUT_BASE64 = "QUJDR"
DEEP = "[" * 200 + "]" * 200
LARGE = {"type": "object", "properties": {"a": {"enum": ["x" * 1100000]}}}
USER = {"role": "user", "content": "Hi"}
CHAT_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def chat(**more):
    return {"model": "all", "messages": [USER], **more}


def chat_parts(*parts):
    return chat(messages=[USER, {"role": "user", "content": list(parts)}])


def chat_tool(**more):
    return chat(tools=[CHAT_TOOL, {"type": "function", "function": more}])


def image(data):
    return f"data:image/png;base64,{data}"


def chat_calls(call, result):
    turns = [USER, {"role": "assistant", "content": None, "tool_calls": [call]}]
    return chat(messages=turns + ([result] if result else []))


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

CHAT = [
    ("no messages", {"model": "all"}, "missing_messages", "/messages"),
    ("messages of a wrong type", chat(messages={}), "invalid_type", "/messages"),
    ("messages that are empty", chat(messages=[]), "empty_messages", "/messages"),
    ("a turn of a wrong type", chat(messages=[USER, "Hi"]), "invalid_type", "/messages/1"),
    (
        "a wrong role",
        chat(messages=[USER, {"role": "robot", "content": "a"}]),
        "invalid_role",
        "/messages/1/role",
    ),
    ("no role", chat(messages=[{"content": "a"}]), "missing_member", "/messages/0/role"),
    ("no content", chat(messages=[{"role": "user"}]), "missing_member", "/messages/0/content"),
    (
        "content of a wrong type",
        chat(messages=[{"role": "user", "content": 7}]),
        "invalid_type",
        "/messages/0/content",
    ),
    (
        "a part without a type",
        chat_parts({"text": "a"}),
        "missing_member",
        "/messages/1/content/0/type",
    ),
    ("a part of a wrong type", chat_parts("a"), "invalid_type", "/messages/1/content/0"),
    (
        "a text without text",
        chat_parts({"type": "text", "text": "a"}, {"type": "text"}),
        "missing_member",
        "/messages/1/content/1/text",
    ),
    (
        "an image that is no base64",
        chat_parts({"type": "image_url", "image_url": {"url": image(BAD_BASE64)}}),
        "invalid_base64",
        "/messages/1/content/0/image_url/url",
    ),
    (
        "an image cut short",
        chat_parts({"type": "image_url", "image_url": {"url": image(CUT_BASE64)}}),
        "invalid_base64",
        "/messages/1/content/0/image_url/url",
    ),
    (
        "an image as a bare text",
        chat_parts({"type": "image_url", "image_url": "https://a.example/b.png"}),
        "invalid_type",
        "/messages/1/content/0/image_url",
    ),
    (
        "audio that is no base64",
        chat_parts({"type": "input_audio", "input_audio": {"data": BAD_BASE64, "format": "mp3"}}),
        "invalid_base64",
        "/messages/1/content/0/input_audio/data",
    ),
    (
        "an orphan result",
        chat(messages=[USER, {"role": "tool", "tool_call_id": "c9", "content": "1"}]),
        "orphan_tool_result",
        "/messages/1/tool_call_id",
    ),
    (
        "a result of another call",
        chat_calls(CALL, {"role": "tool", "tool_call_id": "c2", "content": "1"}),
        "orphan_tool_result",
        "/messages/2/tool_call_id",
    ),
    (
        "a result without an id",
        chat_calls(CALL, {"role": "tool", "content": "1"}),
        "missing_member",
        "/messages/2/tool_call_id",
    ),
    (
        "a call without an id",
        chat_calls({"type": "function", "function": {"name": "f", "arguments": "{}"}}, None),
        "missing_member",
        "/messages/1/tool_calls/0/id",
    ),
    (
        "a call without arguments",
        chat_calls({"id": "c", "type": "function", "function": {"name": "f"}}, None),
        "missing_member",
        "/messages/1/tool_calls/0/function/arguments",
    ),
    (
        "a user's call",
        chat(messages=[{"role": "user", "content": "a", "tool_calls": [CALL]}]),
        "invalid_value",
        "/messages/0/tool_calls",
    ),
    ("a tool without a name", chat_tool(), "missing_member", "/tools/1/function/name"),
    (
        "a tool's schema of a wrong type",
        chat_tool(name="g", parameters=[]),
        "invalid_type",
        "/tools/1/function/parameters",
    ),
    (
        "an oversized schema",
        chat_tool(name="g", parameters=LARGE),
        "schema_too_large",
        "/tools/1/function/parameters",
    ),
    ("a tool demanded of none", chat(tool_choice="required"), "invalid_value", "/tool_choice"),
    (
        "a tool demanded that is not there",
        chat(tools=[CHAT_TOOL], tool_choice={"type": "function", "function": {"name": "g"}}),
        "invalid_value",
        "/tool_choice",
    ),
    (
        "an unknown choice",
        chat(tools=[CHAT_TOOL], tool_choice="maybe"),
        "invalid_value",
        "/tool_choice",
    ),
    (
        "two limits",
        chat(max_tokens=5, max_completion_tokens=6),
        "conflicting_members",
        "/max_completion_tokens",
    ),
    ("no tokens", chat(max_tokens=0), "invalid_max_tokens", "/max_tokens"),
    ("tokens as a text", chat(max_tokens="9"), "invalid_max_tokens", "/max_tokens"),
    ("a hot temperature", chat(temperature="hot"), "invalid_type", "/temperature"),
    ("a stream as a text", chat(stream="yes"), "invalid_type", "/stream"),
    ("no answers", chat(n=0), "invalid_value", "/n"),
    ("a stop that is a number", chat(stop=[1]), "invalid_type", "/stop"),
    (
        "a schema without one",
        chat(response_format={"type": "json_schema"}),
        "missing_member",
        "/response_format/json_schema",
    ),
    ("a format of a wrong type", chat(response_format="json"), "invalid_type", "/response_format"),
    ("a model that is a number", {"model": 1, "messages": [USER]}, "invalid_type", "/model"),
]

COMPLETIONS = [
    ("no prompt", {"model": "all"}, "missing_member", "/prompt"),
    ("a prompt of numbers", {"model": "all", "prompt": [1, 2]}, "unsupported_prompt", "/prompt"),
    ("two prompts", {"model": "all", "prompt": ["a", "b"]}, "unsupported_prompt", "/prompt"),
    (
        "a suffix of a wrong type",
        {"model": "all", "prompt": "a", "suffix": 1},
        "invalid_type",
        "/suffix",
    ),
    (
        "more candidates than answers",
        {"model": "all", "prompt": "a", "best_of": 3},
        "invalid_value",
        "/best_of",
    ),
]


def responses(**more):
    return {"model": "all", "input": [USER], **more}


def items(*more):
    return responses(input=[USER, *more])


def input_parts(*parts):
    return items({"role": "user", "content": list(parts)})


RESPONSE_CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
RESPONSE_TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}}

RESPONSES = [
    ("no input", {"model": "all"}, "missing_member", "/input"),
    ("input of a wrong type", responses(input=7), "invalid_type", "/input"),
    ("input that is empty", responses(input=[]), "empty_messages", "/input"),
    ("an item of a wrong type", items("Hi"), "invalid_type", "/input/1"),
    ("a wrong role", items({"role": "robot", "content": "a"}), "invalid_role", "/input/1/role"),
    ("no content", items({"role": "user"}), "missing_member", "/input/1/content"),
    ("a part of a wrong type", input_parts(7), "invalid_type", "/input/1/content/0"),
    (
        "an image that is no base64",
        input_parts({"type": "input_image", "image_url": image(BAD_BASE64)}),
        "invalid_base64",
        "/input/1/content/0/image_url",
    ),
    (
        "a file that is no base64",
        input_parts({"type": "input_file", "filename": "a", "file_data": BAD_BASE64}),
        "invalid_base64",
        "/input/1/content/0/file_data",
    ),
    (
        "an orphan result",
        items({"type": "function_call_output", "call_id": "c9", "output": "1"}),
        "orphan_tool_result",
        "/input/1/call_id",
    ),
    (
        "a result without output",
        items(RESPONSE_CALL, {"type": "function_call_output", "call_id": "c1"}),
        "missing_member",
        "/input/2/output",
    ),
    (
        "a call without a name",
        items({"type": "function_call", "call_id": "c1", "arguments": "{}"}),
        "missing_member",
        "/input/1/name",
    ),
    (
        "a tool without a name",
        responses(tools=[{"type": "function"}]),
        "missing_member",
        "/tools/0/name",
    ),
    (
        "a tool's schema of a wrong type",
        responses(tools=[{"type": "function", "name": "f", "parameters": 1}]),
        "invalid_type",
        "/tools/0/parameters",
    ),
    (
        "an oversized schema",
        responses(tools=[{"type": "function", "name": "f", "parameters": LARGE}]),
        "schema_too_large",
        "/tools/0/parameters",
    ),
    ("a tool demanded of none", responses(tool_choice="required"), "invalid_value", "/tool_choice"),
    (
        "a conversation twice",
        responses(conversation="c", previous_response_id="resp_1"),
        "conflicting_members",
        "/previous_response_id",
    ),
    ("in the background", responses(background=True), "unsupported_value", "/background"),
    ("no tokens", responses(max_output_tokens=0), "invalid_max_tokens", "/max_output_tokens"),
    (
        "a schema without one",
        responses(text={"format": {"type": "json_schema", "name": "a"}}),
        "missing_member",
        "/text/format/schema",
    ),
    (
        "an effort of a wrong type",
        responses(reasoning={"effort": 1}),
        "invalid_type",
        "/reasoning/effort",
    ),
]


def messages(**more):
    return {"model": "all", "max_tokens": 50, "messages": [USER], **more}


def blocks(*parts, role="user"):
    return messages(messages=[USER, {"role": role, "content": list(parts)}])


def block_image(data):
    source = {"type": "base64", "media_type": "image/png", "data": data}
    return {"type": "image", "source": source}


USE = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
ANTHROPIC_TOOL = {"name": "f", "input_schema": {"type": "object"}}

ANTHROPIC = [
    ("no messages", {"model": "all", "max_tokens": 5}, "missing_messages", "/messages"),
    ("messages that are empty", messages(messages=[]), "empty_messages", "/messages"),
    ("a turn of a wrong type", messages(messages=["Hi"]), "invalid_type", "/messages/0"),
    (
        "a wrong role",
        messages(messages=[{"role": "robot", "content": "a"}]),
        "invalid_role",
        "/messages/0/role",
    ),
    ("no content", messages(messages=[{"role": "user"}]), "missing_member", "/messages/0/content"),
    ("fewer tokens than none", messages(max_tokens=-1), "invalid_max_tokens", "/max_tokens"),
    (
        "a block without a type",
        blocks({"text": "a"}),
        "missing_member",
        "/messages/1/content/0/type",
    ),
    (
        "an image that is no base64",
        blocks(block_image(BAD_BASE64)),
        "invalid_base64",
        "/messages/1/content/0/source/data",
    ),
    (
        "an image cut short",
        blocks(block_image(CUT_BASE64)),
        "invalid_base64",
        "/messages/1/content/0/source/data",
    ),
    (
        "an orphan result",
        blocks({"type": "tool_result", "tool_use_id": "t9", "content": "1"}),
        "orphan_tool_result",
        "/messages/1/content/0/tool_use_id",
    ),
    ("a user's call", blocks(USE), "invalid_value", "/messages/1/content/0/type"),
    (
        "an assistant's result",
        blocks(USE, {"type": "tool_result", "tool_use_id": "t1"}, role="assistant"),
        "invalid_value",
        "/messages/1/content/1/type",
    ),
    (
        "a call whose input is a text",
        blocks({**USE, "input": "{}"}, role="assistant"),
        "invalid_type",
        "/messages/1/content/0/input",
    ),
    ("a system of a wrong type", messages(system=7), "invalid_type", "/system"),
    (
        "a tool without a name",
        messages(tools=[{"input_schema": {}}]),
        "missing_member",
        "/tools/0/name",
    ),
    (
        "a tool's schema of a wrong type",
        messages(tools=[{"name": "f", "input_schema": 1}]),
        "invalid_type",
        "/tools/0/input_schema",
    ),
    (
        "an oversized schema",
        messages(tools=[{"name": "f", "input_schema": LARGE}]),
        "schema_too_large",
        "/tools/0/input_schema",
    ),
    (
        "a tool demanded of none",
        messages(tool_choice={"type": "any"}),
        "invalid_value",
        "/tool_choice",
    ),
    (
        "thoughts longer than the answer",
        messages(thinking={"type": "enabled", "budget_tokens": 50}),
        "invalid_value",
        "/thinking/budget_tokens",
    ),
    (
        "thoughts without a budget",
        messages(thinking={"type": "enabled"}),
        "missing_member",
        "/thinking/budget_tokens",
    ),
    ("a stop that is a text", messages(stop_sequences="x"), "invalid_type", "/stop_sequences"),
]


def contents(*more, **members):
    return {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}, *more], **members}


def parts(*list_, role="user"):
    return contents({"role": role, "parts": list(list_)})


def declared(*functions):
    return contents(tools=[{"functionDeclarations": list(functions)}])


def config(**members):
    return contents(generationConfig=members)


def inline(data):
    return {"inlineData": {"mimeType": "image/png", "data": data}}


GEMINI_CALL = {"functionCall": {"name": "f", "args": {}}}
GEMINI_RESULT = {"functionResponse": {"name": "f", "response": {}}}

GEMINI = [
    ("no contents", {}, "missing_messages", "/contents"),
    ("contents that are empty", {"contents": []}, "empty_messages", "/contents"),
    ("a content of a wrong type", {"contents": [7]}, "invalid_type", "/contents/0"),
    (
        "a wrong role",
        contents({"role": "robot", "parts": [{"text": "a"}]}),
        "invalid_role",
        "/contents/1/role",
    ),
    ("no parts", contents({"role": "user"}), "missing_member", "/contents/1/parts"),
    ("an empty part", parts({}), "missing_member", "/contents/1/parts/0/text"),
    (
        "an image that is no base64",
        parts(inline(BAD_BASE64)),
        "invalid_base64",
        "/contents/1/parts/0/inlineData/data",
    ),
    (
        "an image cut short",
        parts(inline(CUT_BASE64)),
        "invalid_base64",
        "/contents/1/parts/0/inlineData/data",
    ),
    (
        "two kinds in one part",
        parts({"text": "a", **inline("QUJD")}),
        "conflicting_members",
        "/contents/1/parts/0/inlineData",
    ),
    (
        "an orphan result",
        parts(GEMINI_RESULT),
        "orphan_tool_result",
        "/contents/1/parts/0/functionResponse",
    ),
    ("a user's call", parts(GEMINI_CALL), "invalid_value", "/contents/1/parts/0"),
    (
        "a model's result",
        parts(GEMINI_CALL, GEMINI_RESULT, role="model"),
        "invalid_value",
        "/contents/1/parts/1",
    ),
    (
        "a call without a name",
        parts({"functionCall": {"args": {}}}, role="model"),
        "missing_member",
        "/contents/1/parts/0/functionCall/name",
    ),
    (
        "a tool without a name",
        declared({"description": "d"}),
        "missing_member",
        "/tools/0/functionDeclarations/0/name",
    ),
    (
        "a tool's schema of a wrong type",
        declared({"name": "f", "parameters": 1}),
        "invalid_type",
        "/tools/0/functionDeclarations/0/parameters",
    ),
    (
        "two schemas of one tool",
        declared({"name": "f", "parameters": {}, "parametersJsonSchema": {}}),
        "conflicting_members",
        "/tools/0/functionDeclarations/0/parametersJsonSchema",
    ),
    (
        "an oversized schema",
        declared({"name": "f", "parametersJsonSchema": LARGE}),
        "schema_too_large",
        "/tools/0/functionDeclarations/0/parametersJsonSchema",
    ),
    (
        "a tool demanded of none",
        contents(toolConfig={"functionCallingConfig": {"mode": "ANY"}}),
        "invalid_value",
        "/toolConfig/functionCallingConfig",
    ),
    (
        "two schemas",
        config(responseMimeType="application/json", responseSchema={}, responseJsonSchema={}),
        "conflicting_members",
        "/generationConfig/responseJsonSchema",
    ),
    (
        "a schema of plain text",
        config(responseSchema={"type": "STRING"}),
        "conflicting_members",
        "/generationConfig/responseMimeType",
    ),
    (
        "two measures of thought",
        config(thinkingConfig={"thinkingBudget": 5, "thinkingLevel": "LOW"}),
        "conflicting_members",
        "/generationConfig/thinkingConfig/thinkingLevel",
    ),
    (
        "no tokens",
        config(maxOutputTokens=0),
        "invalid_max_tokens",
        "/generationConfig/maxOutputTokens",
    ),
    (
        "six stops",
        config(stopSequences=list("abcdef")),
        "invalid_value",
        "/generationConfig/stopSequences",
    ),
    (
        "a system of a wrong type",
        contents(systemInstruction=7),
        "invalid_type",
        "/systemInstruction",
    ),
]


def ollama(**more):
    return {"model": "all", "messages": [USER], **more}


def turns(*more):
    return ollama(messages=[USER, *more])


OLLAMA_TOOL = {"type": "function", "function": {"name": "f"}}
OLLAMA_CALL = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f"}}]}

OLLAMA = [
    ("no messages", {"model": "all"}, "missing_messages", "/messages"),
    ("messages that are empty", ollama(messages=[]), "empty_messages", "/messages"),
    ("a turn of a wrong type", turns("Hi"), "invalid_type", "/messages/1"),
    ("a wrong role", turns({"role": "robot", "content": "a"}), "invalid_role", "/messages/1/role"),
    (
        "content that is a list",
        turns({"role": "user", "content": []}),
        "invalid_type",
        "/messages/1/content",
    ),
    ("no content", turns({"role": "user"}), "missing_member", "/messages/1/content"),
    (
        "an image that is no base64",
        turns({"role": "user", "content": "a", "images": ["QUJD", BAD_BASE64]}),
        "invalid_base64",
        "/messages/1/images/1",
    ),
    (
        "an image cut short",
        turns({"role": "user", "content": "a", "images": [CUT_BASE64]}),
        "invalid_base64",
        "/messages/1/images/0",
    ),
    (
        "an orphan result",
        turns({"role": "tool", "content": "1", "tool_name": "f"}),
        "orphan_tool_result",
        "/messages/1/tool_name",
    ),
    (
        "a result of another tool",
        turns(OLLAMA_CALL, {"role": "tool", "content": "1", "tool_name": "g"}),
        "orphan_tool_result",
        "/messages/2/tool_name",
    ),
    (
        "a call without a function",
        turns({"role": "assistant", "content": "", "tool_calls": [{}]}),
        "missing_member",
        "/messages/1/tool_calls/0/function",
    ),
    (
        "a call without a name",
        turns({"role": "assistant", "content": "", "tool_calls": [{"function": {}}]}),
        "missing_member",
        "/messages/1/tool_calls/0/function/name",
    ),
    (
        "a user's call",
        turns({**OLLAMA_CALL, "role": "user"}),
        "invalid_value",
        "/messages/1/tool_calls",
    ),
    (
        "a tool without a name",
        ollama(tools=[{"type": "function", "function": {}}]),
        "missing_member",
        "/tools/0/function/name",
    ),
    (
        "a tool's schema of a wrong type",
        ollama(tools=[{"function": {"name": "f", "parameters": 1}}]),
        "invalid_type",
        "/tools/0/function/parameters",
    ),
    (
        "an oversized schema",
        ollama(tools=[{"function": {"name": "f", "parameters": LARGE}}]),
        "schema_too_large",
        "/tools/0/function/parameters",
    ),
    ("an unknown format", ollama(format="xml"), "invalid_value", "/format"),
    (
        "a limit that is a text",
        ollama(options={"num_predict": "9"}),
        "invalid_max_tokens",
        "/options/num_predict",
    ),
    ("options of a wrong type", ollama(options=[]), "invalid_type", "/options"),
    ("a stream as a text", ollama(stream="no"), "invalid_type", "/stream"),
]

GENERATE = [
    ("no prompt", {"model": "all"}, "missing_member", "/prompt"),
    (
        "an image that is no base64",
        {"model": "all", "prompt": "a", "images": [BAD_BASE64]},
        "invalid_base64",
        "/images/0",
    ),
    ("raw as a text", {"model": "all", "prompt": "a", "raw": "yes"}, "invalid_type", "/raw"),
]

EMBEDDINGS = [
    ("no input", {"model": "vectors"}, "missing_member", "/input"),
    ("input of a wrong type", {"model": "vectors", "input": {}}, "invalid_type", "/input"),
    ("input that is empty", {"model": "vectors", "input": []}, "empty_messages", "/input"),
]

# What is wrong before anything of the dialect is looked at: sent as it stands.
ANY = [
    ("no JSON", '{"a":', "invalid_json", ""),
    ("an array", "[]", "invalid_type", ""),
    ("bytes that are no text", b'{"a":"\xff"}', "invalid_utf8", ""),
    ("JSON too deep", '{"a":' + DEEP + "}", "json_too_deep", ""),
]

ENDPOINTS = {
    "/v1/chat/completions": (CHAT, "openai"),
    "/v1/completions": (COMPLETIONS, "openai"),
    "/v1/responses": (RESPONSES, "openai"),
    "/v1/messages": (ANTHROPIC, "anthropic"),
    "/v1beta/models/all:generateContent": (GEMINI, "gemini"),
    "/api/chat": (OLLAMA, "ollama"),
    "/api/generate": (GENERATE, "ollama"),
    "/v1/embeddings": (EMBEDDINGS, "openai"),
}


def read_openai(body):
    error = body["error"]
    return error["type"], error["code"], error["param"] or ""


def read_anthropic(body):
    error = body["error"]
    kind = error["type"] if body["type"] == "error" and body["request_id"] else "no error"
    return kind, error["code"], error.get("param", "")


def read_gemini(body):
    error = body["error"]
    info = next(d for d in error["details"] if d["@type"].endswith("ErrorInfo"))
    bad = [d for d in error["details"] if d["@type"].endswith("BadRequest")]
    kind = error["status"] if error["code"] == 400 else "no error"
    return kind, info["reason"], bad[0]["fieldViolations"][0]["field"] if bad else ""


def read_ollama(body):
    return type(body["error"]).__name__, body["code"], body.get("param", "")


SHAPES = {
    "openai": (read_openai, "invalid_request_error"),
    "anthropic": (read_anthropic, "invalid_request_error"),
    "gemini": (read_gemini, "INVALID_ARGUMENT"),
    "ollama": (read_ollama, "str"),
}


class BadInput(Live):
    says = "What is wrong with a request is told with its place, and no provider is asked"
    targets = """\
  all: { provider: lab, model: m, tier: premium, capabilities: [tools, parallel_tools, vision,
    documents, audio, json, json_schema, reasoning, logprobs, streaming, completion, suffix],
    price: { input_per_mtok: 1, output_per_mtok: 1 } }
  vectors: { provider: lab, model: v, tier: premium, capabilities: [embeddings],
    price: { input_per_mtok: 1, output_per_mtok: 1 } }
"""

    def answer(self, connection, got):
        self.problems.append(f"a provider was asked: {got.start} {got.body[:300]!r}")
        super().answer(connection, got)

    def one(self, client, path, shape, row):
        name, body, code, pointer = row
        data = body if isinstance(body, bytes) else None
        if data is None:
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
        client.send(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode() + data
        )
        answer = http1.read_answer(client)
        read, kind = SHAPES[shape]
        try:
            got = (answer.status, *read(json.loads(answer.body)))
        except (ValueError, KeyError, TypeError, StopIteration) as problem:
            got = f"{answer.status} {type(problem).__name__} {answer.body[:300]!r}"
        wanted = (400, kind, code, pointer)
        self.expect(got == wanted, f"{path}: {name}: wanted {wanted}\n  got {got}")
        self.expect(
            answer.header("x-should-retry") == "false", f"{path}: {name}: would be tried again"
        )

    def play(self):
        client = http1.connect(self.sluice.port)
        for path, (rows, shape) in ENDPOINTS.items():
            for row in ANY + rows:
                self.one(client, path, shape, row)
        client.close()


REFUSALS = {"bad_input": BadInput}
