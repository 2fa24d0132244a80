# SPDX-License-Identifier: Apache-2.0
"""A vendor that keeps its own books: every answer has another usage, told in the words of one of
six kinds of API, and what it comes to is added to an invoice by the vendor's own arithmetic, which
shares no code and no word with the gateway's."""

import collections
import json
import random
import socket
import threading

from harness import http1

PICO_PER_NANO = 1000
FAILURES = 0.04

# Dollars per million tokens are pico-dollars per token, times a million.
Price = collections.namedtuple("Price", "input output read write request_nd")
# What was used, in exclusive parts: plain input, read from the cache, written to it, output.
Used = collections.namedtuple("Used", "plain read written output reasoning cost_nd")


def amount_nd(price, used):
    """One charge: exact, and rounded up once."""
    if used.cost_nd is not None:
        return used.cost_nd
    pico = (
        used.plain * price.input
        + used.read * price.read
        + used.written * price.write
        + used.output * price.output
    )
    return -(-pico // PICO_PER_NANO) + price.request_nd


def sse(*events):
    return b"".join(
        (b"event: %s\n" % e["type"].encode() if "type" in e else b"")
        + b"data: "
        + json.dumps(e).encode()
        + b"\n\n"
        for e in events
    )


def chat_usage(used, cached_word):
    usage = {
        "prompt_tokens": used.plain + used.read + used.written,
        "completion_tokens": used.output,
        "completion_tokens_details": {"reasoning_tokens": used.reasoning},
    }
    if cached_word == "hit":
        usage["prompt_cache_hit_tokens"] = used.read
        usage["prompt_cache_miss_tokens"] = used.plain + used.written
    else:
        usage["prompt_tokens_details"] = {"cached_tokens": used.read}
    if used.cost_nd is not None:
        usage["cost"] = used.cost_nd / 1e9
    return usage


def chat(used, streamed, cached_word="details"):
    usage = chat_usage(used, cached_word)
    if not streamed:
        message = {"role": "assistant", "content": "done"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage}
    return (
        sse(
            {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "do"}}]},
            {"id": "c", "choices": [{"index": 0, "delta": {"content": "ne"}}]},
            {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"id": "c", "choices": [], "usage": usage},
        )
        + b"data: [DONE]\n\n"
    )


def deepseek(used, streamed):
    return chat(used, streamed, "hit")


def anthropic(used, streamed):
    usage = {
        "input_tokens": used.plain,
        "cache_read_input_tokens": used.read,
        "cache_creation_input_tokens": used.written,
        "output_tokens": used.output,
    }
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}
    if not streamed:
        message["content"] = [{"type": "text", "text": "done"}]
        return dict(message, stop_reason="end_turn", stop_sequence=None, usage=usage)
    block = {"type": "text", "text": ""}
    return sse(
        {"type": "message_start", "message": dict(message, usage=dict(usage, output_tokens=1))},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "done"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": used.output},
        },
        {"type": "message_stop"},
    )


def gemini(used, streamed):
    """Thoughts are counted beside the candidates here; cached tokens are part of the prompt."""
    content = {"role": "model", "parts": [{"text": "done"}]}
    answer = {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": used.plain + used.read + used.written,
            "cachedContentTokenCount": used.read,
            "candidatesTokenCount": used.output - used.reasoning,
            "thoughtsTokenCount": used.reasoning,
            "totalTokenCount": used.plain + used.read + used.written + used.output,
        },
        "modelVersion": "m",
        "responseId": "r",
    }
    return sse(answer) if streamed else answer


def ollama(used, streamed):
    first = {"model": "m", "created_at": "t", "message": {"role": "assistant", "content": "done"}}
    last = dict(
        first, done=True, done_reason="stop", prompt_eval_count=used.plain, eval_count=used.output
    )
    if not streamed:
        return last
    last["message"] = {"role": "assistant", "content": ""}
    return b"".join(json.dumps(x).encode() + b"\n" for x in (dict(first, done=False), last))


# path of the request -> who answers, which parts of a usage it can tell
VENDORS = {
    "chat": (chat, ("read", "reasoning")),
    "router": (chat, ("read", "reasoning", "cost")),
    "deepseek": (deepseek, ("read", "reasoning")),
    "anthropic": (anthropic, ("read", "written")),
    "gemini": (gemini, ("read", "reasoning")),
    "ollama": (ollama, ()),
}


class Vendor:
    def __init__(self, prices, seed):
        self.prices = prices
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.invoice = collections.Counter()  # (vendor, amount, input, output) -> charges
        self.requests = 0
        self.failures = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _use(self, parts):
        output = self.random.randrange(1, 4000)
        return Used(
            plain=self.random.randrange(1, 200000),
            read=self.random.randrange(0, 90000) if "read" in parts else 0,
            written=self.random.randrange(0, 9000) if "written" in parts else 0,
            output=output,
            reasoning=self.random.randrange(0, output) if "reasoning" in parts else 0,
            cost_nd=self.random.randrange(0, 5_000_000_000) if "cost" in parts else None,
        )

    def _charge(self, name, used):
        tokens = used.plain + used.read + used.written
        self.invoice[(name, amount_nd(self.prices[name], used), tokens, used.output)] += 1

    def _answer(self, request):
        name = request.start.split(" ")[1].split("/")[1]
        answer, parts = VENDORS[name]
        with self.lock:
            self.requests += 1
            if self.random.random() < FAILURES:
                self.failures += 1
                body = b'{"error":{"message":"overloaded","type":"server_error"}}'
                return b"503 Service Unavailable", b"application/json", body
            used = self._use(parts)
            self._charge(name, used)
        streamed = b'"stream":true' in request.body or b":streamGenerate" in request.start.encode()
        body = answer(used, streamed)
        if not streamed:
            return b"200 OK", b"application/json", json.dumps(body).encode()
        kind = b"application/x-ndjson" if name == "ollama" else b"text/event-stream"
        return b"200 OK", kind, body

    def _serve(self, sock):
        connection = http1.Connection(sock, 120)
        try:
            while (request := http1.read_request(connection)) is not None:
                status, kind, body = self._answer(request)
                head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
                connection.send(head % (status, kind, len(body)) + body)
        except (OSError, http1.Broken):
            pass
        finally:
            connection.close()
