# SPDX-License-Identifier: Apache-2.0
"""What explain says and what calls get: the same requests through both, compared.

The requests are made from a seed: prompts of every kind, models by every way of naming, wishes in
headers and bodies, tools, images, formats. Upstream is a stub in a process of its own that answers
OpenAI and Ollama at once.

Each answer teaches its target how long its answers are and how fast it is, and so may move the next
plan. So a question and its call are compared with nothing between them (`alone`); where other calls
come between, what no answer teaches still has to be the same.
"""

import asyncio
import contextlib
import json
import multiprocessing
import random

CONFIG = """\
server: {{ listen: '127.0.0.1:{port}', workers: 1 }}
log: {{ access: false }}
providers:
  local:      {{ preset: ollama, base_url: 'http://{stub}' }}
  openrouter: {{ preset: openrouter, base_url: 'http://{stub}/v1', api_key: k }}
  openai:     {{ preset: openai, base_url: 'http://{stub}/v1', api_key: k }}
targets:
  llama: {{ provider: local, model: llama2, latency_ms: 150, context_tokens: 4096 }}
  haiku: {{ provider: openrouter, model: anthropic/claude-3-haiku, tier: budget, latency_ms: 250 }}
  sonnet: {{ provider: openrouter, model: anthropic/claude-sonnet-4.5, latency_ms: 300 }}
  gpt4:  {{ provider: openrouter, model: openai/gpt-4, latency_ms: 300,
           price: {{ input_per_mtok: 15, output_per_mtok: 15 }} }}
  gpt4d: {{ provider: openai, model: gpt-4, latency_ms: 250,
           price: {{ input_per_mtok: 30, output_per_mtok: 30 }} }}
routes:
  auto:
    baseline: gpt4d
    max_latency_ms: 60000
    max_cost_usd: 0.05
    tasks:
      classification: [llama, haiku, gpt4]
      reasoning: {{ prefer: [gpt4, gpt4d, haiku], min_tier: premium }}
  cheap: {{ targets: [llama, haiku], on_infeasible: nearest, max_cost_usd: 0.0001 }}
  bold: {{ conservative: 0, targets: [haiku, sonnet, gpt4d] }}
"""

VERBS = [
    "Summarize",
    "Translate to German",
    "Classify as positive or negative",
    "Explain",
    "Prove",
    "Rewrite",
    "Write a poem about",
    "Extract all names from",
    "What is",
    "Why is",
    "How many",
    "List ten ideas for",
    "Do not summarize but translate",
    "Debug",
    "Refactor across all files",
    "Write unit tests for",
    "Rename the variable in",
    "Add a docstring to",
    "Review for security holes",
    "Make faster",
]
OBJECTS = [
    "the annual report of a small bakery",
    "x^2 + 3x - 4 = 0",
    "a function that sorts a linked list",
    "the letter below:\n\nDear Sir,\nI have been waiting for weeks.",
    "photosynthesis in one paragraph",
    "```c\nfor (i = 0; i <= n; i++) { a[i] = 0; }\n```",
    "the prototype of the show",
    "Zürich und 東京",
    "a race condition between two threads that appears once a week",
    "17 * 23 and the square root of 1764",
]
MODELS = ["auto"] * 12 + [
    "cheap",
    "bold",
    "haiku",
    "gpt4d",
    "openrouter/openai/gpt-4",
    "auto:floor",
    "auto:nitro",
]
TASKS = ["classification", "reasoning", "math", "code_fix", "chat", "translation"]
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def make_request(rng):
    """One request: headers and body."""
    text = f"{rng.choice(VERBS)} {rng.choice(OBJECTS)}"
    text = text * rng.choice([1, 1, 1, 1, 3, 40]) + rng.choice(["", "?", ".", " Answer in JSON."])
    content = (
        text
        if rng.random() < 0.95
        else [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    )
    messages = [{"role": "user", "content": content}]
    if rng.random() < 0.3:
        messages.insert(0, {"role": "system", "content": "You are a careful assistant."})
    if rng.random() < 0.2:
        messages = [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi!"},
        ] + messages
    body = {"model": rng.choice(MODELS), "messages": messages}
    if rng.random() < 0.2:
        body["max_tokens"] = rng.choice([1, 50, 4000])
    if rng.random() < 0.1:
        body["tools"] = [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        ]
    if rng.random() < 0.1:
        body["response_format"] = {"type": "json_object"}
    if rng.random() < 0.1:
        body["sluice"] = {"task": rng.choice(TASKS)}
    if rng.random() < 0.1:
        body["provider"] = rng.choice(
            [
                {"sort": "price"},
                {"ignore": ["openai"]},
                {"order": ["openai"]},
                {"only": ["local"]},
                {"max_price": {"completion": 10}},
            ]
        )
    headers = {}
    if rng.random() < 0.2:
        headers["x-sluice-max-cost-usd"] = rng.choice(["0", "0.0005", "0.01", "1"])
    if rng.random() < 0.1:
        headers["x-sluice-task"] = rng.choice(TASKS)
    if rng.random() < 0.1:
        headers["x-sluice-min-tier"] = rng.choice(["budget", "mid", "premium"])
    if rng.random() < 0.05:
        headers["x-sluice-local-only"] = "true"
    return headers, json.dumps(body)


# --- the stub ---

OLLAMA_ANSWER = json.dumps(
    {
        "model": "m",
        "created_at": "2026-01-01T00:00:00Z",
        "done": True,
        "done_reason": "stop",
        "message": {"role": "assistant", "content": "ok"},
        "prompt_eval_count": 5,
        "eval_count": 1,
    }
)
OPENAI_ANSWER = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
    }
)


def render(body):
    return (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def answer_all(reader, writer):
    answers = {True: render(OLLAMA_ANSWER), False: render(OPENAI_ANSWER)}
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(length_of(head))
            writer.write(answers[head.startswith(b"POST /api/")])
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def stub_main(pipe):
    async def main():
        server = await asyncio.start_server(answer_all, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(main())


def start_stub():
    """A process and its port."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=stub_main, args=(theirs,), daemon=True)
    process.start()
    return process, ours.recv()


# --- the client ---


def length_of(head):
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def headers_of(head):
    pairs = (line.partition(":") for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in pairs}


async def post(reader, writer, path, headers, body):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    data = body.encode()
    writer.write(
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\n"
        f"content-length: {len(data)}\r\n{lines}\r\n".encode()
        + data
    )
    head = await reader.readuntil(b"\r\n\r\n")
    answer = await reader.readexactly(length_of(head))
    return int(head[9:12]), headers_of(head), json.loads(answer)


def differences_of_refusal(plan, call):
    """One of the two refuses: the limits that learning moves may be the reason, and no others."""
    status, headers, body = call
    learned = {"over_cost", "context_too_small", "over_latency"}
    told = plan if status == 200 else body["error"].get("sluice", {})
    if not plan["plan"] and status == 422:
        return []
    moved = any(entry["reason"] in learned for entry in told.get("refused", []))
    return [] if moved else [f"explain {plan}, call {status} {body}"]


def differences(explained, call, alone):
    """What differs between an explanation and the call of the same request."""
    status, _, plan = explained
    call_status, headers, body = call
    if status != 200:
        return [] if call_status == status else [f"explain {status}, call {call_status}"]
    if not alone and (call_status == 422 or not plan["plan"]):
        return differences_of_refusal(plan, call)
    if not plan["plan"]:
        return [] if call_status == 422 else [f"explain says infeasible, call {call_status} {body}"]
    wanted = {
        "x-sluice-route": plan.get("route", ""),
        "x-sluice-task": plan["task"],
        "x-sluice-tier": plan["required_tier"],
        "x-sluice-target": plan["plan"][0]["target"],
        "x-sluice-provider": plan["plan"][0]["provider"],
        "x-sluice-attempts": "1",
    }
    if not alone:
        del wanted["x-sluice-target"], wanted["x-sluice-provider"]
    found = [
        f"{name}: explain {value!r}, call {headers.get(name, '')!r}"
        for name, value in wanted.items()
        if headers.get(name, "") != value
    ]
    return found + ([f"call {call_status}: {body}"] if call_status != 200 else [])


async def work(port, requests, turn, results):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for headers, body in requests:
        async with turn or contextlib.nullcontext():
            explained = await post(reader, writer, "/sluice/v1/explain", headers, body)
            call = await post(reader, writer, "/v1/chat/completions", headers, body)
        first = (
            explained[2]["plan"][0]["target"]
            if explained[0] == 200 and explained[2]["plan"]
            else None
        )
        results.append((first, differences(explained, call, turn is not None), body))
    writer.close()


def replay(port, count, seed, connections=8, alone=True):
    """List of (target or None, differences, body)."""
    rng = random.Random(seed)
    requests = [make_request(rng) for _ in range(count)]
    results = []

    async def main():
        turn = asyncio.Lock() if alone else None
        await asyncio.gather(
            *(work(port, requests[i::connections], turn, results) for i in range(connections))
        )

    asyncio.run(main())
    return results
