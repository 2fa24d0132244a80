# SPDX-License-Identifier: Apache-2.0
"""Providers of the client's own dialect: what a client sends and gets is byte for byte the same,
with members that nobody knows at any depth, in odd spelling, whole and streamed. Where an edit is
due, the listed spans change and nothing else does."""

import json
import random
import threading

from harness import http1
from live import Live, chunk

SEED = 20261122
ROUNDS = 10
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
TEXTS = ["", "a", "caf\u00e9 \U0001f600", 'q"\\/', "line\nline\ttab", "\u2028"]
TURN = {"role": "user", "content": "Hi"}

# dialect: preset, options of the provider, path, request, whole answer, events of a stream
DIALECTS = {
    "chat": {
        "provider": "preset: openai-compatible",
        "base": "/v1",
        "path": "/v1/chat/completions",
        "request": {"messages": [TURN], "stream_options": {"include_usage": True}},
        "whole": {
            "id": "c1",
            "choices": [{"index": 0, "message": {"content": "ok"}, "finish_reason": "stop"}],
            "usage": USAGE,
        },
        "events": [
            {"id": "c1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "o"}}]},
            {"choices": [{"index": 0, "delta": {"content": "k"}, "finish_reason": "stop"}]},
            {"choices": [], "usage": USAGE},
            "[DONE]",
        ],
    },
    "completions": {
        "provider": "preset: openai-compatible",
        "base": "/v1",
        "path": "/v1/completions",
        "request": {"prompt": "Once", "stream_options": {"include_usage": True}},
        "whole": {"choices": [{"index": 0, "text": "x", "finish_reason": "stop"}], "usage": USAGE},
        "events": [
            {"choices": [{"index": 0, "text": "x", "finish_reason": "stop"}]},
            {"choices": [], "usage": USAGE},
            "[DONE]",
        ],
    },
    "responses": {
        "provider": "preset: openai, dialect: openai-responses",
        "base": "/v1",
        "path": "/v1/responses",
        "request": {"input": [TURN]},
        "whole": {
            "id": "resp_1",
            "status": "completed",
            "output": [
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "ok", "annotations": []}],
                }
            ],
            "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        },
        "events": [
            {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "item": {"id": "m", "type": "message", "role": "assistant", "content": []},
            },
            {"type": "response.output_text.delta", "output_index": 0, "delta": "ok"},
            {"type": "response.x_new", "y": 1},
            {
                "type": "response.completed",
                "response": {
                    "id": "resp_1",
                    "status": "completed",
                    "output": [],
                    "usage": {"input_tokens": 3, "output_tokens": 2},
                },
            },
        ],
    },
    "anthropic": {
        "provider": "preset: anthropic",
        "base": "/v1",
        "path": "/v1/messages",
        "request": {"max_tokens": 50, "messages": [TURN]},
        "whole": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "ok"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 3, "output_tokens": 2},
        },
        "events": [
            {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 3}}},
            {"type": "ping"},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "ok"},
            },
            {"type": "x_new", "y": 1},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 2},
            },
            {"type": "message_stop"},
        ],
    },
    "gemini": {
        "provider": "preset: gemini",
        "base": "/v1beta",
        "path": "/v1beta/models/%s:generateContent",
        "stream": "/v1beta/models/%s:streamGenerateContent?alt=sse",
        "request": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        "whole": {
            "candidates": [{"content": {"parts": [{"text": "ok"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2},
        },
        "events": [
            {"candidates": [{"content": {"parts": [{"text": "o"}]}}]},
            {
                "candidates": [{"content": {"parts": [{"text": "k"}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2},
            },
        ],
    },
    "ollama": {
        "provider": "preset: ollama",
        "base": "",
        "path": "/api/chat",
        "lines": True,
        "request": {"messages": [TURN]},
        "whole": {"message": {"content": "ok"}, "done": True, "eval_count": 2},
        "events": [
            {"message": {"role": "assistant", "content": "o"}, "done": False},
            {"message": {"content": "k"}, "done": False},
            {"message": {"content": ""}, "done": True, "prompt_eval_count": 3, "eval_count": 2},
        ],
    },
}


class Writer:
    """JSON as somebody else might write it."""

    def __init__(self, source):
        self.source = source
        self.breaks = True  # line ends between tokens

    def space(self):
        blanks = ["", "", "", " ", "  ", "\t"] + (["\n", "\r\n "] if self.breaks else [])
        return self.source.choice(blanks)

    def string(self, text):
        return json.dumps(text, ensure_ascii=self.source.random() < 0.5)

    def unknown(self, depth=0):
        kind = self.source.randrange(8 if depth < 3 else 6)
        if kind < 3:
            return self.source.choice(["1.50E+2", "-0", "1e400", "12345678901234567890", "true"])
        if kind < 6:
            return self.source.choice(["null", self.string(self.source.choice(TEXTS)), '"\\u00e9"'])
        inner = [self.unknown(depth + 1) for _ in range(self.source.randrange(4))]
        if kind == 6:
            return "[" + ",".join(self.space() + i + self.space() for i in inner) + "]"
        return "{" + ",".join(f'"k{n}"{self.space()}:{i}' for n, i in enumerate(inner)) + "}"

    def value(self, value):
        if isinstance(value, dict):
            members = [(self.string(k), self.value(v)) for k, v in value.items()]
            for number in range(self.source.choice([0, 0, 1, 2])):
                at = self.source.randrange(len(members) + 1)
                members.insert(at, (f'"x_unknown_{number}"', self.unknown()))
            texts = (
                f"{self.space()}{key}{self.space()}:{self.space()}{text}{self.space()}"
                for key, text in members
            )
            return "{" + ",".join(texts) + "}"
        if isinstance(value, list):
            items = (self.space() + self.value(item) + self.space() for item in value)
            return "[" + ",".join(items) + "]"
        return self.string(value) if isinstance(value, str) else json.dumps(value)


class RandomMembers(Live):
    says = "Between a client and a provider of one dialect every byte stays, but for listed edits"

    def __init__(self, workers, program, directory):
        self.lock = threading.Lock()
        self.next = b""
        self.got = None
        super().__init__(workers, program, directory)

    def config(self):
        providers, targets = "", ""
        for name, row in DIALECTS.items():
            can = "completion, streaming" if name == "completions" else "streaming"
            providers += (
                f"  p-{name}: {{ {row['provider']}, api_key: k,"
                f' base_url: "http://127.0.0.1:{self.provider.port}{row["base"]}" }}\n'
            )
            for target, model in ((f"same-{name}", f"same-{name}"), (f"other-{name}", f"m-{name}")):
                targets += (
                    f"  {target}: {{ provider: p-{name}, model: {model}, tier: premium,"
                    f" capabilities: [{can}], price: {{ input_per_mtok: 1, output_per_mtok: 1 }}"
                    " }\n"
                )
        head = super().config().split("providers:")[0]
        return f"{head}providers:\n{providers}targets:\n{targets}"

    def answer(self, connection, got):
        self.got = got
        connection.send(self.next)

    def stream_body(self, writer, row):
        source = writer.source
        if row.get("lines"):
            ends = [source.choice(["\n", "\n", "\r\n", "\n\n"]) for _ in row["events"][1:]] + ["\n"]
            return "".join(writer.value(e) + end for e, end in zip(row["events"], ends))
        end = source.choice(["\n", "\r\n"])
        body = ""
        for event in row["events"]:
            lines = [source.choice([": note", "id: 7", "retry: 1000"])] * source.randrange(2)
            text = event
            if isinstance(event, dict):
                lines += [f"event: {event['type']}"] if "type" in event else []
                text = writer.value(event)
            lines.append("data:" + source.choice(["", " "]) + text)
            body += end.join(lines) + end + end
        return body

    def answer_bytes(self, body, stream, row):
        kind = "application/x-ndjson" if row.get("lines") else "text/event-stream"
        if not stream:
            return (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body), body)
            )
        cuts = sorted(self.source.randrange(len(body)) for _ in range(5))
        pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)])]
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head.encode() + b"".join(chunk(p) for p in pieces if p) + b"0\r\n\r\n"

    def one(self, client, name, edit, stream):
        row = DIALECTS[name]
        writer = Writer(self.source)
        request = dict(row["request"])
        in_path = "%s" in row["path"]
        target, model = (f"other-{name}", f"m-{name}") if edit else (f"same-{name}",) * 2
        if not in_path:
            request = {"model": "@model@", "stream": stream, **request}
        if not stream:
            request.pop("stream_options", None)
        text = writer.value(request)
        sent, wanted = text.replace("@model@", target), text.replace("@model@", model)
        if edit:
            sent = '{"sluice":{"min_tier":"budget"},' + sent.lstrip()[1:].lstrip()
            wanted = "{" + wanted.lstrip()[1:].lstrip()
        writer.breaks = not stream
        body = (self.stream_body(writer, row) if stream else writer.value(row["whole"])).encode()
        self.next = self.answer_bytes(body, stream, row)
        path = row.get("stream", row["path"]) if stream else row["path"]
        data = sent.encode()
        client.send(
            f"POST {path % target if in_path else path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
        )
        answer = http1.read_answer(client)
        what = f"{name}, {'edit' if edit else 'verbatim'}, {'stream' if stream else 'whole'}"
        lane = answer.header("x-sluice-lane")
        self.expect(lane == ("edit" if edit else "verbatim"), f"{what}: the lane is {lane}")
        self.expect(
            self.got is not None and self.got.body == wanted.encode(),
            f"{what}: sent {data!r}\n  the provider got {self.got and self.got.body!r}",
        )
        self.expect(answer.body == body, f"{what}: {body!r}\n  the client got {answer.body!r}")
        self.got = None

    def play(self):
        self.source = random.Random(SEED)
        client = http1.connect(self.sluice.port)
        for name in DIALECTS:
            for number in range(ROUNDS * 4):
                self.one(client, name, number % 2 == 1, number % 4 > 1)
                if self.problems:
                    self.problems.append(f"seed {SEED}")
                    return
        client.close()


LANES = {"lane_random_members": RandomMembers}
