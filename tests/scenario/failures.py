# SPDX-License-Identifier: Apache-2.0
"""Answers that fail in every way that we know, from providers of every dialect to clients of every
dialect. The client never sees a clean end, the ledger never calls it a success, and where nothing
was said yet another target answers instead."""

import json
import struct
import zlib

from harness import http1
from live import Live, chunk

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
SSE = "text/event-stream"


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def data(value, name=None):
    text = value if isinstance(value, bytes) else compact(value)
    return (b"event: %s\n" % name.encode() if name else b"") + b"data: %s\n\n" % text


def amazon(kind, payload, message_type="event"):
    """A message in Amazon's framing."""
    name = ":event-type" if message_type == "event" else ":exception-type"
    headers = b""
    for key, value in ((name, kind), (":message-type", message_type)):
        headers += struct.pack("!B", len(key)) + key.encode()
        headers += struct.pack("!BH", 7, len(value)) + value.encode()
    body = compact(payload)
    head = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    message = head + struct.pack("!I", zlib.crc32(head)) + headers + body
    return message + struct.pack("!I", zlib.crc32(message))


# --- what providers say ---


class Chat:
    preset, base, stream_type = "preset: openai-compatible, api_key: k", "/v1", SSE
    failed, done = "error", data(b"[DONE]")
    error = data({"error": {"message": "no capacity", "code": 503}})
    whole_error = {"error": {"message": "no capacity", "code": 503}}
    garbled = b'data: {"id":"c","choices":[{"index":0,"del\n\n'
    start = data(
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant"}}]}
    )

    @staticmethod
    def delta(delta, finish=None):
        return data({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def text(self, text):
        return self.delta({"content": text})

    def call(self, name, arguments):
        function = {"arguments": arguments, **({"name": name} if name else {})}
        return self.delta({"tool_calls": [{"index": 0, "id": "c1", "function": function}]})

    def finish(self, word):
        return self.delta({}, {"call": "tool_calls"}.get(word, word)) + self.done

    def whole(self, text, call, finish):
        message = {"role": "assistant", "content": text}
        if call:
            message["tool_calls"] = [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": call[0], "arguments": call[1]},
                }
            ]
        finish = {"call": "tool_calls"}.get(finish, finish)
        return {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


class Responses:
    preset = "preset: openai, dialect: openai-responses, api_key: k"
    base, stream_type, failed, done = "/v1", SSE, "failed", data(b"[DONE]")
    whole_error = {"error": {"message": "no capacity", "code": "server_error"}}
    garbled = b'event: response.output_text.delta\ndata: {"type":"response.output_te\n\n'

    @staticmethod
    def event(kind, **members):
        return data({"type": kind, **members}, kind)

    @property
    def error(self):
        return self.event("error", code="server_error", message="no capacity", param=None)

    @property
    def start(self):
        response = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
        return self.event("response.created", response=response) + self.event(
            "response.in_progress", response=response
        )

    def text(self, text):
        return self.event(
            "response.output_item.added",
            output_index=0,
            item={"id": "m", "type": "message", "role": "assistant", "content": []},
        ) + self.event("response.output_text.delta", item_id="m", output_index=0, delta=text)

    def call(self, name, arguments):
        item = {"id": "f", "type": "function_call", "call_id": "c1", "name": name, "arguments": ""}
        if name is None:
            del item["name"]
        at = {"item_id": "f", "output_index": 1}
        return (
            self.event("response.output_item.added", output_index=1, item=item)
            + self.event("response.function_call_arguments.delta", delta=arguments, **at)
            + self.event(
                "response.output_item.done", output_index=1, item={**item, "arguments": arguments}
            )
        )

    def finish(self, word):
        word = word if word == "failed" else "completed"
        response = {"id": "resp_1", "object": "response", "status": word, "output": []}
        if word == "failed":
            response["error"] = {"code": "server_error", "message": "no capacity"}
        return self.event("response." + word, response=response)

    def whole(self, text, call, finish):
        output = []
        if text:
            content = [{"type": "output_text", "text": text, "annotations": []}]
            output.append({"type": "message", "id": "m", "role": "assistant", "content": content})
        if call:
            output.append(
                {
                    "type": "function_call",
                    "id": "f",
                    "call_id": "c1",
                    "name": call[0],
                    "arguments": call[1],
                }
            )
        status = {"failed": "failed", None: "in_progress"}.get(finish, "completed")
        return {"id": "resp_1", "object": "response", "status": status, "output": output}


class Anthropic:
    preset, base, stream_type, failed = "preset: anthropic, api_key: k", "/v1", SSE, None
    whole_error = {"type": "error", "error": {"type": "overloaded_error", "message": "no capacity"}}
    garbled = b'event: content_block_delta\ndata: {"type":"content_block_delta","ind\n\n'

    @staticmethod
    def event(kind, **members):
        return data({"type": kind, **members}, kind)

    @property
    def error(self):
        return self.event("error", error=self.whole_error["error"])

    @property
    def start(self):
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
        }
        message.update(stop_reason=None, usage={"input_tokens": 3, "output_tokens": 1})
        return self.event("message_start", message=message) + self.event("ping")

    @property
    def done(self):
        return self.event("message_stop")

    def text(self, text):
        return (
            self.event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            + self.event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
            + self.event("content_block_stop", index=0)
        )

    def call(self, name, arguments):
        block = {"type": "tool_use", "id": "c1", "name": name, "input": {}}
        if name is None:
            del block["name"]
        delta = {"type": "input_json_delta", "partial_json": arguments}
        return (
            self.event("content_block_start", index=1, content_block=block)
            + self.event("content_block_delta", index=1, delta=delta)
            + self.event("content_block_stop", index=1)
        )

    def finish(self, word):
        word = {"stop": "end_turn", "call": "tool_use"}.get(word, word)
        return (
            self.event("message_delta", delta={"stop_reason": word}, usage={"output_tokens": 2})
            + self.done
        )

    def whole(self, text, call, finish):
        content = [{"type": "text", "text": text}] if text else []
        if call:
            content.append({"type": "tool_use", "id": "c1", "name": call[0], "input": call[1]})
        finish = {"stop": "end_turn", "call": "tool_use"}.get(finish, finish)
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
        return {
            **message,
            "content": content,
            "stop_reason": finish,
            "usage": {"input_tokens": 3, "output_tokens": 2},
        }


class Gemini:
    preset, base, stream_type = "preset: gemini, api_key: k", "/v1beta", SSE
    failed, done = "MALFORMED_FUNCTION_CALL", None
    error = data({"error": {"code": 503, "message": "no capacity", "status": "UNAVAILABLE"}})
    whole_error = {"error": {"code": 503, "message": "no capacity", "status": "UNAVAILABLE"}}
    garbled = b'data: {"candidates":[{"content":{"par\n\n'
    start = data({"usageMetadata": {"promptTokenCount": 3}, "modelVersion": "m", "responseId": "r"})

    @staticmethod
    def parts(*parts, finish=None):
        candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
        return {
            "candidates": [{**candidate, **({"finishReason": finish} if finish else {})}],
            "responseId": "r",
        }

    def text(self, text):
        return data(self.parts({"text": text}))

    def call(self, name, arguments):
        return data(
            self.parts({"functionCall": {"args": arguments, **({"name": name} if name else {})}})
        )

    def finish(self, word):
        return data(self.parts(finish={"stop": "STOP", "call": "STOP"}.get(word, word)))

    def whole(self, text, call, finish):
        parts = [{"text": text}] if text else []
        if call:
            parts.append(
                {"functionCall": {"args": call[1], **({"name": call[0]} if call[0] else {})}}
            )
        return self.parts(*parts, finish={"stop": "STOP", "call": "STOP"}.get(finish, finish))


class Ollama:
    preset, base, stream_type, failed, done = (
        "preset: ollama",
        "",
        "application/x-ndjson",
        None,
        None,
    )
    error = compact({"error": "no capacity"}) + b"\n"
    whole_error = {"error": "no capacity"}
    garbled = b'{"model":"m","message":{"role":"ass\n'
    start = (
        compact({"model": "m", "message": {"role": "assistant", "content": ""}, "done": False})
        + b"\n"
    )

    @staticmethod
    def message(done=False, **members):
        line = {
            "model": "m",
            "message": {"role": "assistant", "content": "", **members},
            "done": done,
        }
        return {**line, **({"done_reason": "stop", "eval_count": 2} if done else {})}

    def text(self, text):
        return compact(self.message(content=text)) + b"\n"

    @staticmethod
    def tool_calls(name, arguments):
        return [{"function": {"arguments": arguments, **({"name": name} if name else {})}}]

    def call(self, name, arguments):
        return compact(self.message(tool_calls=self.tool_calls(name, arguments))) + b"\n"

    def finish(self, word):
        return compact(self.message(done=True)) + b"\n"

    def whole(self, text, call, finish):
        members = {"tool_calls": self.tool_calls(*call)} if call else {}
        return self.message(done=finish is not None, content=text, **members)


class Bedrock:
    preset = "preset: bedrock, region: eu-west-1, access_key_id: a, secret_access_key: s"
    base, stream_type = "", "application/vnd.amazon.eventstream"
    failed = "malformed_tool_use"
    error = amazon("serviceUnavailableException", {"message": "no capacity"}, "exception")
    whole_error = {"message": "no capacity"}
    start = amazon("messageStart", {"role": "assistant"})
    done = amazon("metadata", {"usage": {"inputTokens": 3, "outputTokens": 2}})

    @property
    def garbled(self):
        return amazon("contentBlockDelta", {})[:-20] + b"x" * 20

    def text(self, text):
        return amazon("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})

    def call(self, name, arguments):
        use = {"toolUseId": "c1", **({"name": name} if name else {})}
        return amazon(
            "contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": use}}
        ) + amazon(
            "contentBlockDelta",
            {"contentBlockIndex": 1, "delta": {"toolUse": {"input": arguments}}},
        )

    def finish(self, word):
        word = {"stop": "end_turn", "call": "tool_use"}.get(word, word)
        return amazon("messageStop", {"stopReason": word}) + self.done

    def whole(self, text, call, finish):
        content = [{"text": text}] if text else []
        if call:
            use = {"toolUseId": "c1", "input": call[1], **({"name": call[0]} if call[0] else {})}
            content.append({"toolUse": use})
        finish = {"stop": "end_turn", "call": "tool_use"}.get(finish, finish)
        answer = {"output": {"message": {"role": "assistant", "content": content}}}
        return {
            **answer,
            **({"stopReason": finish} if finish else {}),
            "usage": {"inputTokens": 3, "outputTokens": 2},
        }


BACKS = {
    "chat": Chat(),
    "responses": Responses(),
    "anthropic": Anthropic(),
    "gemini": Gemini(),
    "ollama": Ollama(),
    "bedrock": Bedrock(),
}

# Their arguments are text; those of the others are objects, and a text in their place is broken.
TEXT_ARGUMENTS = ("chat", "responses")
BROKEN = "{broken"


class Failure:
    """`stream` and `whole` make the bytes, None: not in this dialect. `said`: a part of the answer
    came before it. `passes`: what the client's own dialect has a form for, by our reading, goes to
    it as it came. `kind` is the content type that it claims, "": that of an answer. `breaks`: the
    connection ends within the body."""

    def __init__(self, stream, whole, said=False, passes=False, kind="", breaks=False):
        self.stream, self.whole, self.said, self.passes = stream, whole, said, passes
        self.kind, self.breaks = kind, breaks


def cut(answer):
    return compact(answer)[:-12]


FAILURES = {
    "error first": Failure(lambda b: b.error, lambda b: compact(b.whole_error)),
    "error after the start": Failure(lambda b: b.start + b.error, None),
    "error after a text": Failure(lambda b: b.start + b.text("Once") + b.error, None, said=True),
    "nothing after the start": Failure(lambda b: b.start, None),
    "nothing after a text": Failure(
        lambda b: b.start + b.text("Once"), lambda b: cut(b.whole("Once", None, "stop")), said=True
    ),
    "an end without a reason": Failure(
        lambda b: b.done and b.start + b.text("Once") + b.done,
        lambda b: compact(b.whole("Once", None, None)),
        said=True,
        passes=True,
    ),
    "an end after the start": Failure(lambda b: b.done and b.start + b.done, None),
    "an error as the reason": Failure(
        lambda b: b.failed and b.start + b.finish(b.failed),
        lambda b: b.failed and compact(b.whole("", None, b.failed)),
        passes=True,
    ),
    "a text and an error as the reason": Failure(
        lambda b: b.failed and b.start + b.text("Once") + b.finish(b.failed),
        lambda b: b.failed and compact(b.whole("Once", None, b.failed)),
        said=True,
        passes=True,
    ),
    "broken arguments": Failure(
        lambda b: b.start + b.call("f", BROKEN) + b.finish("call"),
        lambda b: compact(b.whole("", ("f", BROKEN), "call")),
        passes=True,
    ),
    "balanced but broken arguments": Failure(
        lambda b: b.start + b.call("f", BROKEN + "}") + b.finish("call"),
        lambda b: compact(b.whole("", ("f", BROKEN + "}"), "call")),
        passes=True,
    ),
    "a call of nothing": Failure(
        lambda b: b.start + b.call(None, "{}") + b.finish("call"),
        lambda b: compact(b.whole("", (None, "{}"), "call")),
        passes=True,
    ),
    "a broken event first": Failure(lambda b: b.garbled + b.text("x") + b.finish("stop"), None),
    "a broken event after the start": Failure(
        lambda b: b.start + b.garbled + b.text("x") + b.finish("stop"), None
    ),
    "a broken event at the end": Failure(
        lambda b: b.start + b.text("Once") + b.garbled, None, said=True
    ),
    "a broken connection after the start": Failure(lambda b: b.start, None, breaks=True),
    "a broken connection after a text": Failure(
        lambda b: b.start + b.text("Once"),
        lambda b: cut(b.whole("Once", None, "stop")),
        said=True,
        breaks=True,
    ),
    "a broken connection at the end": Failure(
        lambda b: b.start + b.text("Once") + b.text("x")[:-2],
        lambda b: compact(b.whole("Once", None, "stop")),
        said=True,
        breaks=True,
    ),
    "HTML": Failure(lambda b: HTML, lambda b: HTML, kind="text/html"),
    "HTML that claims to be an answer": Failure(lambda b: HTML, lambda b: HTML),
    "HTML of no type": Failure(lambda b: HTML, lambda b: HTML, kind="application/octet-stream"),
    "an error in one piece": Failure(
        lambda b: compact(b.whole_error), None, kind="application/json"
    ),
    "half an answer in one piece": Failure(
        lambda b: cut(b.whole("Once", None, "stop")), None, kind="application/json"
    ),
    "broken arguments in one piece": Failure(
        lambda b: compact(b.whole("", ("f", []), "call")), None, kind="application/json"
    ),
    "no body": Failure(lambda b: b"", lambda b: b""),
    "null": Failure(None, lambda b: b"null"),
    "JSON of nobody": Failure(None, lambda b: b'{"answer":"yes"}', passes=True),
}


# --- what clients make of it: True for an answer that looks whole and well ---


def blocks(body):
    """Events of a stream."""
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        text = "".join(line[5:].strip() for line in lines if line.startswith("data:"))
        if lines:
            yield json.loads(text) if text != "[DONE]" else text


class ChatClient:
    path = stream_path = "/v1/chat/completions"
    body = {"messages": [{"role": "user", "content": "Hi"}]}

    def whole(self, answer):
        return self.good([answer["choices"][0]["finish_reason"]], answer)

    @staticmethod
    def good(reasons, answer):
        return "error" not in answer and reasons in (["stop"], ["tool_calls"])

    def stream(self, events):
        if events[-1] != "[DONE]":
            return False
        choices = [c for e in events[:-1] for c in e.get("choices", [])]
        reasons = [c["finish_reason"] for c in choices if c.get("finish_reason")]
        return all(self.good(reasons, e) for e in events[:-1])


class ResponsesClient:
    path = stream_path = "/v1/responses"
    body = {"input": "Hi"}

    def whole(self, answer):
        return answer["status"] == "completed" and not answer.get("error")

    def stream(self, events):
        events = [e for e in events if e != "[DONE]"]
        last = events[-1]
        failed = [e for e in events if e["type"] in ("error", "response.failed")]
        return not failed and last["type"] == "response.completed" and self.whole(last["response"])


class AnthropicClient:
    path = stream_path = "/v1/messages"
    body = {"max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}

    def whole(self, answer):
        return answer["type"] == "message" and answer["stop_reason"] is not None

    def stream(self, events):
        reasons = [e["delta"]["stop_reason"] for e in events if e["type"] == "message_delta"]
        failed = [e for e in events if e["type"] == "error"]
        ended = events[0]["type"] == "message_start" and events[-1]["type"] == "message_stop"
        return not failed and ended and reasons and reasons[-1] is not None


class GeminiClient:
    path = "/v1beta/models/%s:generateContent"
    stream_path = "/v1beta/models/%s:streamGenerateContent?alt=sse"
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}

    def whole(self, answer):
        return "error" not in answer and answer["candidates"][0].get("finishReason") == "STOP"

    def stream(self, events):
        reasons = [c.get("finishReason") for e in events for c in e.get("candidates", [])]
        return all("error" not in e for e in events) and "STOP" in reasons


class OllamaClient:
    path = stream_path = "/api/chat"
    body = {"messages": [{"role": "user", "content": "Hi"}]}

    def whole(self, answer):
        return answer.get("done") is True and "error" not in answer

    def stream(self, events):
        return all("error" not in e for e in events) and events[-1].get("done") is True


FRONTS = {
    "chat": ChatClient(),
    "responses": ResponsesClient(),
    "anthropic": AnthropicClient(),
    "gemini": GeminiClient(),
    "ollama": OllamaClient(),
}


class FailedAnswers(Live):
    front = ""

    def __init__(self, workers, program, directory):
        self.cells = []  # target, back, failure, streamed, with a spare
        for back, row in BACKS.items():
            for name, failure in FAILURES.items():
                for streamed in (False, True):
                    make = failure.stream if streamed else failure.whole
                    body = make(row) if make else None
                    for spare in (False, True) if body is not None else ():
                        self.cells.append((back, name, streamed, spare, body))
        super().__init__(workers, program, directory)

    def config(self):
        providers, targets, routes = "", "", ""
        for back, row in BACKS.items():
            providers += (
                f"  p-{back}: {{ {row.preset},"
                f' base_url: "http://127.0.0.1:{self.provider.port}/{back}{row.base}" }}\n'
            )
        can = "tier: premium, capabilities: [tools, streaming]"
        for number, (back, _, _, spare, _) in enumerate(self.cells):
            price = "price: { input_per_mtok: 1, output_per_mtok: 1 }"
            targets += f"  t{number}: {{ provider: p-{back}, model: m{number}, {can}, {price} }}\n"
            routes += f"  r{number}: {{ targets: [t{number}{', good' if spare else ''}] }}\n"
        price = "price: { input_per_mtok: 9, output_per_mtok: 9 }"
        targets += f"  good: {{ provider: p-chat, model: good, {can}, {price} }}\n"
        head = super().config().split("providers:")[0]
        return f"{head}providers:\n{providers}targets:\n{targets}routes:\n{routes}"

    def answer(self, connection, got):
        back = got.start.split()[1].split("/")[1]
        row = BACKS[back]
        if b'"good"' in got.body:
            whole = compact(row.whole("fine", None, "stop"))
            stream = row.start + row.text("fine") + row.finish("stop")
            body = stream if self.streamed else whole
        else:
            body = self.body
        kind = row.stream_type if self.streamed else "application/json"
        if body is self.body:
            kind = self.failure.kind or kind
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head.encode() + (chunk(body) if body else b""))
        if body is self.body and self.failure.breaks:
            raise http1.Broken("on purpose")
        connection.send(b"0\r\n\r\n")

    # --- what the client sees ---

    def ask(self, number, streamed):
        client = FRONTS[self.front]
        path = client.stream_path if streamed else client.path
        body = dict(client.body)
        if "%s" in path:
            path = path % f"r{number}"
        else:
            body.update(model=f"r{number}", stream=streamed)
        text = compact(body)
        connection = http1.connect(self.sluice.port)
        connection.send(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\n\r\n".encode() + text
        )
        answer = http1.read_answer(connection)
        connection.close()
        return answer

    def looks_well(self, answer, streamed):
        client = FRONTS[self.front]
        if answer.status != 200:
            return False
        if not streamed:
            return client.whole(json.loads(answer.body))
        try:
            if self.front == "ollama":
                events = [json.loads(line) for line in answer.body.decode().split("\n") if line]
            else:
                events = list(blocks(answer.body))
        except ValueError:
            return False
        return bool(events and client.stream(events))

    def texts_pass(self, back, name, streamed):
        """Arguments are what the model wrote, where both sides have them as a text."""
        backs = ["chat", "responses", "ollama"] + ["anthropic", "bedrock"] * streamed
        return name.endswith("broken arguments") and self.front in TEXT_ARGUMENTS and back in backs

    def wanted(self, back, name, streamed, spare):
        """Is the answer to look well, and its attempts' outcomes."""
        # Anthropic's clients get a call as it begins, where its arguments come later.
        later = self.front == "anthropic" and back in ("responses", "bedrock")
        pieces = name.endswith("broken arguments") and later
        said = streamed and (FAILURES[name].said or pieces)
        if spare and not said:
            return True, ["failed", "ok"]
        return False, ["cut" if said else "failed"]

    def passes(self, back, name, streamed, spare):
        """In the client's own dialect it is the provider's word."""
        if back != self.front or not FAILURES[name].passes:
            return False
        ends_in_error = "an error as the reason" in name
        if back == "responses":  # where a failure is an event of its own, and [DONE] no end
            return not ends_in_error and not (streamed and name == "an end without a reason")
        return not (spare and name == "an error as the reason")

    def judge(self, cell, answer, row):
        back, name, streamed, spare, body = cell
        what = f"{back} to {self.front}, {name}, {'stream' if streamed else 'whole'}"
        what += ", with a spare" if spare else ""
        errors = [(a["outcome"], a.get("error")) for a in row["attempts"]]
        what += f": {answer.status} {answer.body[-300:]!r} {errors}"
        if self.passes(back, name, streamed, spare):
            failed = ("cut", "provider_failed")
            wanted = [failed if "an error as the reason" in name else ("ok", "")]
            good = answer.body == body and [(o, e or "") for o, e in errors] == wanted
            self.expect(good and row["complete"], f"not as it came: {what}")
            self.expect(row["estimated"] or name != "JSON of nobody", f"usage: {what}")
            return
        if self.texts_pass(back, name, streamed):
            self.expect(self.looks_well(answer, streamed) and b"broken" in answer.body, what)
            return
        well, outcomes = self.wanted(back, name, streamed, spare)
        found = [a["outcome"] for a in row["attempts"]]
        holds = {
            "how it looks": self.looks_well(answer, streamed) == well,
            "its outcomes": found == outcomes,
            "the ledger's word": row["complete"] == well,
        }
        if well:
            holds["whose it is"] = b"fine" in answer.body and b"Once" not in answer.body
        else:
            holds["an error"] = b"rror" in answer.body[-1000:]
            holds["its status"] = (
                answer.status == 200 and (b"Once" in answer.body or b"broken" in answer.body)
                if outcomes == ["cut"]
                else answer.status in (502, 503, 529)
            )
        wrong = [what for what, good in holds.items() if not good]
        self.expect(not wrong, f"{wrong}: {what}")

    def play(self):
        answers = []
        for number, (_, name, streamed, _, body) in enumerate(self.cells):
            self.streamed, self.body, self.failure = streamed, body, FAILURES[name]
            answers.append(self.ask(number, streamed))
        for cell, answer in zip(self.cells, answers):
            self.judge(cell, answer, self.sluice.call(answer.header("x-sluice-call-id")))


def of_front(front):
    says = f"Whatever way a provider fails, a client of {front} never takes it for an answer"
    return type(f"FailedAnswers_{front}", (FailedAnswers,), {"front": front, "says": says})


FAILED = {f"failed_answers_{front}": of_front(front) for front in FRONTS}
