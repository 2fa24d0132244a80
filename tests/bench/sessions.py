#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What keeping conversations together saves: the same conversations through the same targets, once
with `session: { sticky: true }` and once without, at simulated providers that cache prompts as real
ones do (beginnings of 1,024 tokens and more, for five minutes). The prices are those of the
configuration below, the costs what the gateway charged.

    sessions.py [--program build/release/sluice] [--fakeprovider build/release/fakeprovider]
                [--conversations 40] [--turns 12] [--json]

- equal: two targets of the same price, drawn by lot for each request, as where two regions or
  accounts share the load;
- mixed: three tiers of targets, and turns that ask for different kinds of work;
- agent: the same, but each piece of work is a loop of tool calls.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE)]

from harness import http1  # noqa: E402
from harness.process import Sluice  # noqa: E402

CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 1 }}
log: {{ format: json, access: false }}
ledger: {{ path: ledger.db }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{provider}/v1" }}
targets:
  east:
    {{ provider: lab, model: east, tier: mid,
      price: {{ input_per_mtok: 3, output_per_mtok: 15, cache_read_per_mtok: 0.3 }} }}
  west:
    {{ provider: lab, model: west, tier: mid,
      price: {{ input_per_mtok: 3, output_per_mtok: 15, cache_read_per_mtok: 0.3 }} }}
  small:
    {{ provider: lab, model: small, tier: budget,
      price: {{ input_per_mtok: 0.4, output_per_mtok: 1.6, cache_read_per_mtok: 0.1 }} }}
  large:
    {{ provider: lab, model: large, tier: premium,
      price: {{ input_per_mtok: 5, output_per_mtok: 25, cache_read_per_mtok: 0.5 }} }}
routes:
  equal-off: {{ targets: [east, west], strategy: weighted, split_by: request }}
  equal-on:
    {{ targets: [east, west], strategy: weighted, split_by: request, session: {{ sticky: true }} }}
  mixed-off: {{ targets: [small, east, large] }}
  mixed-on: {{ targets: [small, east, large], session: {{ sticky: true }} }}
  agent-off: {{ targets: [small, east, large] }}
  agent-on: {{ targets: [small, east, large], session: {{ sticky: true }} }}
"""
WORDS = "the parser reads a line and keeps what it has seen until the next one ends it".split()
# Of a day with a coding agent: many small turns, some work, seldom a design.
TASKS = ["chat"] * 2 + ["code_docs"] * 2 + ["code_function"] * 4 + ["code_review"] * 2
TASKS += ["code_architecture"]
KINDS = ("equal", "mixed", "agent")
SYSTEM_WORDS, TURN_WORDS, ANSWER_TOKENS = 4500, 500, 200
LOOP_TURNS = 6  # of an agent, for one piece of work


def text(source, count):
    return " ".join(source.choices(WORDS, k=count))


class Fleet:
    def __init__(self, arguments, directory):
        shutil.rmtree(directory, ignore_errors=True)
        words = ["--behaviour", "prompt-cache", "--tokens", str(ANSWER_TOKENS), "--record", "1"]
        self.fake = subprocess.Popen([arguments.fakeprovider, *words], stdout=subprocess.PIPE)
        port = json.loads(self.fake.stdout.readline())["port"]
        self.sluice = Sluice(arguments.program, directory)
        self.sluice.configure(CONFIG.format(port=self.sluice.port, provider=port))
        self.sluice.start()
        self.client = http1.connect(self.sluice.port)

    def ask(self, route, task, messages):
        data = json.dumps({"model": route, "messages": messages}).encode()
        self.client.send(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-sluice-task: {task}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        answer = http1.read_answer(self.client)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {answer.body[:500]}")
        return answer, json.loads(answer.body)

    def close(self):
        self.client.close()
        self.sluice.stop()
        self.sluice.close()
        self.fake.terminate()
        self.fake.wait()


def say(talk, words, in_loop):
    """The next turn's message: of a user, or what a tool has given back."""
    if not in_loop:
        talk.append({"role": "user", "content": words})
        return
    call = {"id": f"call_{len(talk)}", "type": "function"}
    call["function"] = {"name": "read", "arguments": "{}"}
    talk[-1] = {"role": "assistant", "content": None, "tool_calls": [call]}
    talk.append({"role": "tool", "tool_call_id": call["id"], "content": words})


def play(fleet, route, arguments):
    """The costs of all conversations; turns of all of them take turns."""
    loop = LOOP_TURNS if route.startswith("agent") else 1
    tasks = [None] * arguments.conversations
    source = random.Random(7)
    system = {"role": "system", "content": f"{route}: {text(source, SYSTEM_WORDS)}"}
    talks = [[system] for _ in range(arguments.conversations)]
    found = {"cost_usd": 0.0, "input": 0, "cached": 0, "changes": 0, "below_tier": 0}
    last = [None] * len(talks)
    for turn in range(arguments.turns * (3 if loop > 1 else 1)):
        for number, talk in enumerate(talks):
            in_loop = turn % loop > 0
            tasks[number] = tasks[number] if in_loop else source.choice(TASKS)
            say(talk, f"{number}.{turn} {text(source, TURN_WORDS)}", in_loop)
            answer, body = fleet.ask(route, tasks[number], talk)
            talk.append({"role": "assistant", "content": body["choices"][0]["message"]["content"]})
            found["cost_usd"] += float(answer.header("x-sluice-cost-usd"))
            found["input"] += body["usage"]["prompt_tokens"]
            found["cached"] += body["usage"]["prompt_tokens_details"]["cached_tokens"]
            found["below_tier"] += answer.header("x-sluice-below-tier") == "true"
            target = answer.header("x-sluice-target")
            found["changes"] += last[number] not in (None, target)
            last[number] = target
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--fakeprovider", default="build/release/fakeprovider")
    parser.add_argument("--conversations", type=int, default=40)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    fleet = Fleet(arguments, os.path.join("build", "bench", "sessions"))
    try:
        routes = [f"{kind}-{way}" for kind in KINDS for way in ("off", "on")]
        found = {route: play(fleet, route, arguments) for route in routes}
    finally:
        fleet.close()
    if arguments.json:
        print(json.dumps(found))
        return
    print("| route | cost | input from caches | changes of target | turns below their tier |")
    print("| --- | --- | --- | --- | --- |")
    for route, f in found.items():
        print(
            f"| {route} | ${f['cost_usd']:.3f} | {f['cached'] / f['input']:.0%} |"
            f" {f['changes']} | {f['below_tier']} |"
        )
    for kind in KINDS:
        off, on = found[f"{kind}-off"]["cost_usd"], found[f"{kind}-on"]["cost_usd"]
        print(f"{kind}: {1 - on / off:.1%} saved")


if __name__ == "__main__":
    main()
