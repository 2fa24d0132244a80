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

# Dollars per million tokens are pico-dollars per token, times a million. `hour`: what is kept in
# the cache for an hour; `dear`: the prices of a prompt of more tokens than `above`; `heard` and
# `seen` (sound and images in the prompt), `spoken` and `drawn` (in the answer), `thought`: None, as
# text.
Price = collections.namedtuple(
    "Price",
    "input output read write request_nd hour above dear heard seen spoken drawn thought",
    defaults=(0, 0, None, None, None, None, None, None),
)
# What was used: plain input, read from the cache, written to it (for some minutes, for an hour),
# each without the others. Heard and seen tokens are among the plain ones, reasoning, spoken and
# drawn ones among the output, and none is two of them. `bill_nd`: of whose key it was, beside the
# fee in `cost_nd`.
Used = collections.namedtuple(
    "Used",
    "plain read written hour output reasoning cost_nd heard seen spoken drawn bill_nd",
    defaults=(0, 0, 0, 0, None),
)
GRADED = b"You grade an answer"


def prompt(used):
    return used.plain + used.read + used.written + used.hour


def amount_nd(price, used):
    """One charge: exact, and rounded up once."""
    if used.cost_nd is not None:
        return used.cost_nd + (used.bill_nd or 0)
    if price.dear is not None and prompt(used) > price.above:
        price = price.dear
    pico = (
        used.plain * price.input
        + used.read * price.read
        + used.written * price.write
        + used.hour * price.hour
        + used.output * price.output
    )
    for tokens, rate, text in (
        (used.heard, price.heard, price.input),
        (used.seen, price.seen, price.input),
        (used.spoken, price.spoken, price.output),
        (used.drawn, price.drawn, price.output),
        (used.reasoning, price.thought, price.output),
    ):
        pico += 0 if rate is None else tokens * (rate - text)
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
        details = {"cached_tokens": used.read}
        usage["prompt_tokens_details"] = details
        if used.heard or used.seen:
            details.update(audio_tokens=used.heard, image_tokens=used.seen)
    if used.spoken or used.drawn:
        usage["completion_tokens_details"].update(
            audio_tokens=used.spoken, image_tokens=used.drawn
        )
    if used.cost_nd is not None:
        usage["cost"] = used.cost_nd / 1e9
        usage["is_byok"] = used.bill_nd is not None
        usage["cost_details"] = {"upstream_inference_cost": (used.bill_nd or 7) / 1e9}
    return usage


def chat(used, streamed, cached_word="details", text="done"):
    usage = chat_usage(used, cached_word)
    if not streamed:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage}
    return (
        sse(
            {
                "id": "c",
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": text[:2]}}],
            },
            {"id": "c", "choices": [{"index": 0, "delta": {"content": text[2:]}}]},
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
        "cache_creation_input_tokens": used.written + used.hour,
        "output_tokens": used.output,
    }
    if used.hour:
        usage["cache_creation"] = {
            "ephemeral_5m_input_tokens": used.written,
            "ephemeral_1h_input_tokens": used.hour,
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
    usage = answer["usageMetadata"]
    if used.heard or used.seen:
        usage["promptTokensDetails"] = modalities(
            usage["promptTokenCount"], used.heard, used.seen
        )
    if used.spoken or used.drawn:
        usage["candidatesTokensDetails"] = modalities(
            usage["candidatesTokenCount"], used.spoken, used.drawn
        )
    return sse(answer) if streamed else answer


def modalities(total, sound, images):
    return [
        {"modality": "TEXT", "tokenCount": total - sound - images},
        {"modality": "IMAGE", "tokenCount": images},
        {"modality": "AUDIO", "tokenCount": sound},
    ]


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
    "tiered": (anthropic, ("read", "written", "hour")),
    "dated": (anthropic, ("read", "written", "hour")),
    "voice": (chat, ("read", "reasoning", "media")),
    "painter": (gemini, ("read", "reasoning", "media")),
    "listed": (gemini, ("drawn",)),
    "own": (chat, ("reasoning", "cost", "bill")),
    "small": (chat, ("read",)),
    "strong": (chat, ("read",)),
    "judge": (chat, ("read",)),
}


class Vendor:
    def __init__(self, prices, seed):
        self.prices = prices
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.invoice = collections.Counter()  # (vendor, amount, input, output) -> charges
        self.requests = 0
        self.failures = 0
        self.kinds = collections.Counter()  # of prices that are not the same for every token
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
        plain = self.random.randrange(1, 200000)
        reasoning = self.random.randrange(0, output) if "reasoning" in parts else 0
        return Used(
            plain=plain,
            read=self.random.randrange(0, 90000) if "read" in parts else 0,
            written=self.random.randrange(0, 9000) if "written" in parts else 0,
            hour=self.random.choice((0, self.random.randrange(1, 7000))) if "hour" in parts else 0,
            output=output,
            reasoning=reasoning,
            cost_nd=self.random.randrange(0, 5_000_000_000) if "cost" in parts else None,
            **self._use_media(parts, plain, output - reasoning),
        )

    def _use_media(self, parts, plain, spoken):
        """Parts of what is plain, and of what is said aloud."""
        media = {}
        if "media" in parts:
            media["heard"] = self.random.randrange(0, plain)
            media["seen"] = self.random.randrange(0, plain - media["heard"])
            media["spoken"] = self.random.randrange(0, spoken)
        if "media" in parts or "drawn" in parts:
            media["drawn"] = self.random.randrange(0, spoken - media.get("spoken", 0))
        if "bill" in parts and self.random.random() < 0.5:
            media["bill_nd"] = self.random.randrange(1, 5_000_000_000)
        return media

    def _charge(self, name, used):
        price = self.prices[name]
        self.invoice[(name, amount_nd(price, used), prompt(used), used.output)] += 1
        self.kinds["above a tier"] += price.dear is not None and prompt(used) > price.above
        self.kinds["dated, and no tier any more"] += name == "dated" and prompt(used) > 200_000
        self.kinds["kept for an hour"] += used.hour > 0
        self.kinds["per request"] += price.request_nd > 0
        self.kinds["told by the provider"] += used.cost_nd is not None
        self.kinds["a fee and a bill"] += used.bill_nd is not None
        self.kinds["sound"] += used.heard > 0 and used.spoken > 0
        self.kinds["images"] += used.drawn > 0 and price.drawn is not None
        self.kinds["thoughts with a price"] += used.reasoning > 0 and price.thought is not None
        self.kinds["a judgement"] += name == "judge"
        self.kinds["a stronger answer"] += name == "strong"

    def _text(self, name, body):
        """Of four answers of the small model one is empty, one is poor."""
        if GRADED in body:
            return "1" if b"poor" in body else "9"
        return self.random.choice(("", "poor", "done", "done")) if name == "small" else "done"

    def _answer(self, request):
        name = request.start.split(" ")[1].split("/")[1]
        if request.start.split(" ")[1].endswith("/api/show"):  # what a model can do costs nothing
            return b"404 Not Found", b"application/json", b'{"error":"model not found"}'
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
        text = self._text(name, request.body)
        body = answer(used, streamed, text=text) if answer is chat else answer(used, streamed)
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
