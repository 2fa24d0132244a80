#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Two nodes as plain processes with a real PostgreSQL and a real Redis: a conversation is where it is
for both of them.

- a turn at one node is known at the other, moves too, in both directions, under many at once;
- what a tool found, brought to another node, goes to the target that called it, also where the
  client gives no ids back;
- the same session id of another key is another session, on whichever node;
- Redis killed, or hanging: each node goes on by itself, and no call waits for it;
- Redis back: nodes agree again;
- nothing that names a session is in Redis, only its hash;
- what the exact cache of one node has, the other has, for the same key; what is no answer there, or
  is gone, is asked of the provider.

    sessions.py [--program build/release/sluice]

TAP on stdout.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "scenario")]

from harness import http1  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from harness.process import Sluice, wait_until  # noqa: E402
from harness.redis import Redis  # noqa: E402
from live import Provider, request  # noqa: E402

CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2 }}
log: {{ format: json, access: false }}
keys: {{ required: true }}
cache: {{ exact: {{ ttl: 1h }} }}
ledger: {{ path: ledger.db, segment_bytes: 1MB }}
cluster: {{ node: "{name}", postgres: "{postgres}", redis: "{redis}", lease_wait: 2s }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{provider}/v1" }}
targets:
  cheap:
    {{ provider: lab, model: cheap-1, tier: budget,
      price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
  dear:
    {{ provider: lab, model: dear-1, tier: premium,
      price: {{ input_per_mtok: 9, output_per_mtok: 18 }} }}
routes:
  auto: {{ session: {{ sticky: true }} }}
  free: {{ }}
"""
PREMIUM = ["x-sluice-min-tier: premium"]
DEADLINE_S = 1.0  # of a call that takes a few milliseconds where the machine is not busy


CALLS = [
    {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}}
    for name in ("look", "listen", "smell")
]
TOOLS = [{"name": call["function"]["name"], "parameters": {"type": "object"}} for call in CALLS]


def answer(connection, got):
    """Calls of tools where the request's text asks for them."""
    message = {"content": "ok"}
    if b"Use them." in got.body and b"call_" not in got.body:
        message = {"content": None, "tool_calls": CALLS}
    body = json.dumps(
        {
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5},
        }
    ).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    connection.send(head % len(body) + body)


class Nodes:
    def __init__(self, program, directory):
        shutil.rmtree(directory, ignore_errors=True)
        self.postgres = Postgres().start()
        self.redis = Redis(os.path.join(directory, "redis"))
        self.redis.start()
        self.provider = Provider(answer)
        self.nodes = [Sluice(program, os.path.join(directory, f"n{n}")) for n in range(2)]
        self.problems = []
        self.keys = []

    def start(self):
        for number, node in enumerate(self.nodes):
            node.configure(
                CONFIG.format(
                    port=node.port,
                    name=f"n{number}",
                    postgres=self.postgres.url(),
                    redis=self.redis.url(),
                    provider=self.provider.port,
                )
            )
            node.start()
        self.keys = [self.key(name) for name in ("one", "two")]

    def key(self, name):
        def create():
            words = ("key", "create", "-c", "sluice.yaml", "--name", name, "--json")
            status, text, self.last_error = self.nodes[0].run(*words)
            return json.loads(text)["key"] if status == 0 else None

        secret = wait_until(create, 30, f"a key {name} is created")
        for number in range(2):
            wait_until(
                lambda number=number: self.ask(number, "none", secret=secret)[0] == 200,
                20,
                f"node {number} knows the key",
            )
        return secret

    def ask(self, node, session, headers=(), secret=None):
        client = http1.connect(self.nodes[node].port)
        client.send(
            request(
                headers=[
                    f"Authorization: Bearer {secret or self.keys[0]}",
                    f"x-sluice-session: {session}",
                    "x-sluice-task: chat",
                    "x-sluice-cache: off",
                    *headers,
                ]
            )
        )
        answer = http1.read_answer(client)
        client.close()
        return answer.status, answer.header("x-sluice-target"), answer.header("x-sluice-session")

    def expect(self, condition, says):
        if not condition:
            self.problems.append(says)

    def expect_ask(self, node, session, target, state, **more):
        got = self.ask(node, session, **more)
        self.expect(got == (200, target, state), f"{session} at node {node}: {got}, not {state}")

    def connected(self):
        def both():
            return all(node.metrics().get("sluice_redis_up") == 1 for node in self.nodes)

        wait_until(both, 20, "both nodes have Redis")

    def close(self):
        for node in self.nodes:
            node.close()
        self.provider.close()
        self.redis.kill()
        self.postgres.close()


def shares(nodes):
    """Redis is told behind the answer, and asked for some milliseconds: on a busy machine a turn
    may come too early for it, but not three times."""
    nodes.connected()
    for turn in range(3):
        a, b = f"a{turn}", f"b{turn}"
        nodes.problems.clear()
        nodes.expect_ask(0, a, "dear", "new", headers=PREMIUM)
        nodes.expect_ask(1, a, "dear", "kept")
        nodes.expect_ask(0, a, "dear", "kept")
        nodes.expect_ask(1, b, "cheap", "new")
        nodes.expect_ask(0, b, "dear", "moved; reason=limits", headers=PREMIUM)
        nodes.expect_ask(1, b, "dear", "kept")
        if not nodes.problems:
            break


def post(nodes, node, path, body, headers=()):
    data = json.dumps(body).encode()
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {nodes.keys[0]}"]
    head += ["x-sluice-task: chat", "x-sluice-cache: off", "Content-Type: application/json"]
    head += [*headers, f"Content-Length: {len(data)}", "", ""]
    client = http1.connect(nodes.nodes[node].port)
    client.send("\r\n".join(head).encode() + data)
    got = http1.read_answer(client)
    client.close()
    return got.status, got.header("x-sluice-target"), got.header("x-sluice-session")


def openai_loop(text):
    user = {"role": "user", "content": text}
    tools = [{"type": "function", "function": tool} for tool in TOOLS]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "no"} for call in CALLS]
    whole = [user, {"role": "assistant", "content": None, "tool_calls": CALLS}, *results]
    path = "/v1/chat/completions"
    begin = {"model": "free", "messages": [user], "tools": tools}
    return path, begin, {**begin, "messages": whole}


def gemini_loop(text):
    user = {"role": "user", "parts": [{"text": text}]}
    names = [tool["name"] for tool in TOOLS]
    calls = [{"functionCall": {"name": name, "args": {}}} for name in names]
    results = [{"functionResponse": {"name": name, "response": {}}} for name in names]
    whole = [user, {"role": "model", "parts": calls}, {"role": "user", "parts": results}]
    path = "/v1beta/models/free:generateContent"
    begin = {"contents": [user], "tools": [{"functionDeclarations": TOOLS}]}
    return path, begin, {**begin, "contents": whole}


def keeps_loops(nodes):
    """As shares(): one of three turns may come too early."""
    nodes.connected()
    for loop in (openai_loop, gemini_loop):
        for turn in range(3):
            path, begin, end = loop(f"Use them. {loop.__name__} {turn}")
            first = post(nodes, 0, path, begin, PREMIUM)
            second = post(nodes, 1, path, end)
            if second[1] == "dear":
                break
        nodes.expect(first[:2] == (200, "dear"), f"{loop.__name__} began: {first}")
        kept = (200, "dear", "kept; reason=tool-loop")
        nodes.expect(second == kept, f"{loop.__name__} at the other node: {second}")


def many_at_once(nodes):
    """Where the machine is so busy that Redis does not answer in time, a node goes by itself."""

    def conversation(number):
        session = f"many-{number}"
        first = nodes.ask(number % 2, session, headers=PREMIUM)
        rest = [nodes.ask((number + turn) % 2, session) for turn in range(1, 6)]
        return first == (200, "dear", "new") and rest == [(200, "dear", "kept")] * 5

    with ThreadPoolExecutor(8) as pool:
        kept = sum(pool.map(conversation, range(40)))
    nodes.expect(kept >= 32, f"{kept} of 40 conversations stayed together")


def keeps_tenants_apart(nodes):
    nodes.expect_ask(0, "shared", "dear", "new", headers=PREMIUM)
    nodes.expect_ask(1, "shared", "cheap", "new", secret=nodes.keys[1])
    nodes.expect_ask(1, "shared", "dear", "kept")
    nodes.expect_ask(0, "shared", "cheap", "kept", secret=nodes.keys[1])


def names_nothing(nodes):
    nodes.expect_ask(0, "a-very-private-name", "cheap", "new")
    found = nodes.redis.ask("KEYS", "*session*")
    nodes.expect(len(found) > 0, "Redis has no sessions")
    values = [nodes.redis.ask("GET", key) for key in found]
    text = repr(found) + repr(values)
    nodes.expect("private" not in text, f"Redis has a session's name: {text[:500]}")
    ttl = nodes.redis.ask("PTTL", found[0])
    nodes.expect(0 < ttl <= 1800000, f"a session lives for {ttl} ms in Redis")


def cached(nodes, node, text, key=0):
    client = http1.connect(nodes.nodes[node].port)
    client.send(request(headers=[f"Authorization: Bearer {nodes.keys[key]}"], text=text))
    answer = http1.read_answer(client)
    client.close()
    nodes.expect(answer.status == 200, f"{answer.start} {answer.body[:200]!r}")
    return answer.header("x-sluice-cache")


def keep_in_redis(nodes, text):
    """Asks the first node; the name that its answer has in Redis then."""
    before = set(nodes.redis.ask("KEYS", "*cache:*"))
    nodes.expect(cached(nodes, 0, text) == "miss", f"{text}: the first one is no miss")

    def added():
        return set(nodes.redis.ask("KEYS", "*cache:*")) - before

    return wait_until(added, 10, "Redis has the answer").pop()


def repeats(nodes):
    def found(number):
        text = f"Number {number}?"
        name = keep_in_redis(nodes, text)
        ttl = nodes.redis.ask("PTTL", name)
        nodes.expect(0 < ttl <= 3600000, f"an answer lives for {ttl} ms in Redis")
        nodes.expect(cached(nodes, 1, text, key=1) == "miss", "another key's is a hit")
        return cached(nodes, 1, text) == "hit"

    # Redis has 5 ms to answer: where the machine is busy, a hit comes late
    nodes.expect(any(found(number) for number in range(10)), "the other node has nothing")
    whole_one = nodes.redis.ask("GET", keep_in_redis(nodes, "Whole?"))
    for spoiled in ("", "x", "SLUSANS1" + "y" * 200, whole_one[:-1]):
        text = f"Spoiled {len(spoiled)}?"
        nodes.redis.ask("SET", keep_in_redis(nodes, text), spoiled)
        nodes.expect(cached(nodes, 1, text) == "miss", f"{len(spoiled)} spoiled bytes are a hit")


def timed(nodes, node, session, state):
    begin = time.monotonic()
    nodes.expect_ask(node, session, "dear", state)
    took = time.monotonic() - begin
    nodes.expect(took < DEADLINE_S, f"a call took {took:.3f} s without Redis")


def goes_on_without(nodes):
    nodes.expect_ask(0, "alone", "dear", "new", headers=PREMIUM)
    nodes.redis.process.send_signal(signal.SIGSTOP)
    try:
        for _ in range(3):
            timed(nodes, 0, "alone", "kept")
    finally:
        nodes.redis.process.send_signal(signal.SIGCONT)
    nodes.redis.kill()
    for _ in range(2):
        timed(nodes, 0, "alone", "kept")
    nodes.expect_ask(1, "alone", "cheap", "new")
    nodes.redis.start()
    nodes.connected()

    def agreed():
        nodes.ask(0, "after", headers=PREMIUM)
        return nodes.ask(1, "after")[2] == "kept"

    wait_until(agreed, 20, "the nodes agree again")


def scripts_run(nodes):
    text = nodes.redis.ask("INFO", "commandstats")
    text = text.decode() if isinstance(text, bytes) else text
    lines = [line for line in text.splitlines() if line.startswith("cmdstat_evalsha:")]
    return int(lines[0].split("calls=")[1].split(",")[0]) if lines else 0


def most_calls_ask_nobody(nodes):
    """Slices of limits of a minute and of calls at the same time are asked of Redis by a script."""
    words = ("--name", "busy", "--rpm", "60000", "--tpm", "60000000", "--parallel", "50")
    status, text, err = nodes.nodes[0].run("key", "create", "-c", "sluice.yaml", *words, "--json")
    nodes.expect(status == 0, err)
    secret = json.loads(text)["key"]
    wait_until(lambda: nodes.ask(0, "busy", secret=secret)[0] == 200, 20, "the key opens")
    before = scripts_run(nodes)
    for _ in range(400):
        nodes.expect(nodes.ask(0, "busy", secret=secret)[0] == 200, "a call was refused")
    asked = scripts_run(nodes) - before
    nodes.expect(0 < asked < 60, f"{asked} scripts for 400 calls")
    print(f"# {asked} scripts in Redis for 400 calls under limits of a minute", flush=True)


TESTS = [
    (shares, "a turn at one node is known at the other, moves too"),
    (keeps_loops, "the results of tools go to who called them, at any node, without ids, too"),
    (many_at_once, "forty conversations at once, each turn at the other node"),
    (keeps_tenants_apart, "the same session id of another key is another session"),
    (names_nothing, "Redis has hashes, for as long as a session lives"),
    (repeats, "what one node's cache has, the other's has; what is spoiled there is no answer"),
    (most_calls_ask_nobody, "most calls under limits of a minute ask Redis nothing"),
    (goes_on_without, "Redis away or hanging holds nobody up; then nodes agree again"),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/release/sluice")
    arguments = parser.parse_args()
    nodes = Nodes(arguments.program, os.path.join("build", "cluster-sessions"))
    failed = 0
    print(f"TAP version 13\n1..{len(TESTS)}", flush=True)
    try:
        nodes.start()
        for number, (test, says) in enumerate(TESTS, 1):
            nodes.problems = []
            try:
                test(nodes)
            except Exception as problem:  # noqa: BLE001 - it is this test's result
                nodes.problems.append(f"{type(problem).__name__}: {problem}")
            failed += bool(nodes.problems)
            print(f"{'not ok' if nodes.problems else 'ok'} {number} - {says}", flush=True)
            for problem in nodes.problems[:20]:
                print(f"# {problem}")
    finally:
        nodes.close()
    print(f"# cluster sessions: {len(TESTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
