# SPDX-License-Identifier: Apache-2.0
"""Requests of many kinds for a gateway that is being profiled: what clients of each dialect write,
with prompts of data/workload, seeded."""

import json
import os

SYSTEM = (
    "You are a helpful assistant.",
    "You are a careful reviewer of code. Answer in the language of the question. Name the file and "
    "the line, say what is wrong and how to mend it, and do not rewrite what is right.",
    "Du beantwortest Fragen von Kunden freundlich und kurz. Erfinde nichts.",
    "You work for the support desk of a shop. Policies:\n"
    + "\n".join(
        f"{i}. Orders of group {i} may be returned within {10 + i} days if the seal is whole; "
        "the customer pays the postage unless the goods were damaged."
        for i in range(1, 13)
    ),
)
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "A city, as people write it"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
    },
    "required": ["city"],
}
TOOLS = (
    ("get_weather", "The weather in a city on the next days", SCHEMA),
    (
        "search_files",
        "Search the files of the workspace for a pattern and return lines with their places",
        {"type": "object", "properties": {"pattern": {"type": "string"}}},
    ),
)
ANSWERS = (
    "It is the second one: the first was closed in the year before.",
    "Here is what I found:\n\n1. The index is read twice.\n2. The lock is held too long.\n\n```c\n"
    "for (size_t i = 0; i < count; i++) {\n    total += rows[i].amount;\n}\n```\n",
)
CLIENTS = (
    ("User-Agent: curl/8.4.0", "Accept: */*"),
    (
        "Accept: application/json",
        "Accept-Encoding: gzip, deflate",
        "User-Agent: OpenAI/Python 1.68.2",
        "X-Stainless-Lang: python",
        "X-Stainless-Package-Version: 1.68.2",
        "X-Stainless-OS: Linux",
        "X-Stainless-Arch: x64",
        "X-Stainless-Runtime: CPython",
        "X-Stainless-Async: false",
        "x-stainless-retry-count: 0",
    ),
    ("accept: application/json", "user-agent: node", "accept-language: *", "sec-fetch-mode: cors"),
    (),
)


class Chat:
    """What is asked, apart from the dialect in which it is said."""

    def __init__(self, random, prompts):
        self.model = random.choices(("auto", "to-openai", "to-anthropic", "checked"), (85, 6, 4, 5))[0]
        self.system = random.choices((None, *SYSTEM), (5, 4, 3, 1, 2))[0]
        self.turns = []
        for _ in range(random.choices((0, 1, 4), (8, 2, 1))[0]):
            self.turns += [("user", random.choice(prompts)), ("assistant", random.choice(ANSWERS))]
        self.turns.append(("user", self.last(random, prompts)))
        self.tools = TOOLS[: random.choices((0, 1, 2), (16, 2, 2))[0]]
        self.stream = random.random() < 0.35
        self.most = random.choice((None, 100, 256, 1024))
        self.temperature = random.choice((None, 0, 0.7, 1))

    @staticmethod
    def last(random, prompts):
        size = random.choices((0, 1000, 5000, 20000, 100000), (60, 25, 8, 4, 1))[0]
        parts = [random.choice(prompts)]
        while sum(map(len, parts)) < size:
            parts.append(random.choice(prompts))
        return "\n\n".join(parts)


def drop_none(body):
    return {name: value for name, value in body.items() if value is not None}


def as_openai(chat):
    system = [("system", chat.system)] if chat.system else []
    tools = [
        {"type": "function", "function": {"name": n, "description": d, "parameters": s}}
        for n, d, s in chat.tools
    ]
    return "/v1/chat/completions", {
        "model": chat.model,
        "messages": [{"role": role, "content": text} for role, text in system + chat.turns],
        "tools": tools or None,
        "max_tokens": chat.most,
        "temperature": chat.temperature,
        "stream": chat.stream or None,
    }


def as_anthropic(chat):
    tools = [{"name": n, "description": d, "input_schema": s} for n, d, s in chat.tools]
    return "/v1/messages", {
        "model": chat.model,
        "max_tokens": chat.most or 1024,
        "system": chat.system,
        "messages": [
            {"role": role, "content": [{"type": "text", "text": text}]} for role, text in chat.turns
        ],
        "tools": tools or None,
        "stream": chat.stream or None,
    }


def as_responses(chat):
    tools = [
        {"type": "function", "name": n, "description": d, "parameters": s, "strict": False}
        for n, d, s in chat.tools
    ]
    return "/v1/responses", {
        "model": chat.model,
        "instructions": chat.system,
        "input": [{"role": role, "content": text} for role, text in chat.turns],
        "tools": tools or None,
        "max_output_tokens": chat.most,
        "temperature": chat.temperature,
        "stream": chat.stream or None,
    }


def as_gemini(chat):
    verb = "streamGenerateContent?alt=sse" if chat.stream else "generateContent"
    tools = [{"name": n, "description": d, "parameters": s} for n, d, s in chat.tools]
    return f"/v1beta/models/{chat.model}:{verb}", {
        "contents": [
            {"role": "model" if role == "assistant" else role, "parts": [{"text": text}]}
            for role, text in chat.turns
        ],
        "systemInstruction": {"parts": [{"text": chat.system}]} if chat.system else None,
        "tools": [{"functionDeclarations": tools}] if tools else None,
    }


def as_ollama(chat):
    _, body = as_openai(chat)
    options = drop_none({"num_predict": body.pop("max_tokens"), "temperature": chat.temperature})
    return "/api/chat", {
        **drop_none({**body, "temperature": None}),
        "stream": chat.stream,
        "options": options,
    }


DIALECTS = (as_openai, as_anthropic, as_responses, as_gemini, as_ollama)
SHARES = (70, 12, 8, 5, 5)


def read_prompts(directory):
    """The prompts of both workloads."""
    prompts = []
    for name in ("mixed.jsonl", "coding_day.jsonl"):
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            prompts += [json.loads(line)["prompt"] for line in file]
    return prompts


def written(random, body):
    """As the clients of some languages write it: with or without blanks, escaped or UTF-8."""
    separators = random.choice(((",", ":"), (", ", ": ")))
    text = json.dumps(drop_none(body), separators=separators, ensure_ascii=random.random() < 0.3)
    return text.encode()


def make(random, prompts, key):
    """The bytes of one request."""
    if random.random() < 0.004:
        path, data = "/v1/chat/completions", random.choice((b'{"model":', b'{"messages":[]}', b"[1]"))
    else:
        path, body = random.choices(DIALECTS, SHARES)[0](Chat(random, prompts))
        data = written(random, body)
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost:8080",
        *random.choice(CLIENTS),
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
    ]
    if random.random() < 0.1:
        lines.insert(3, f"x-sluice-session: s{random.randrange(50)}")
    if random.random() < 0.05:
        lines.insert(3, "x-sluice-tags: team-a")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data
