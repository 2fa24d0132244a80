#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The load under which the gateway is profiled: clients of five dialects ask for prompts of
data/workload, alone and in conversations, with and without tools and streams, over six kinds of
providers; once open, once with keys, limits, checks of answers, access log and TLS. It is not the
load of the benchmarks: what is fast there must be fast because it is fast for most.

Usage: train.py --program SLUICE --fakeprovider PROGRAM [--requests N] [--seed N]
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import mix

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))

from harness import http1  # noqa: E402
from harness.backs import BACKS, providers  # noqa: E402
from harness.process import Sluice  # noqa: E402

CONNECTIONS = 48
CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 1, body_bytes: 4MB }}
log: {{ format: json, level: warn, access: {access} }}
keys: {{ required: {keys} }}
ledger: {{ path: ledger.db }}
routes:
  auto: {{ baseline: to-anthropic }}
  checked: {{ escalate: {{ when: [empty, refusal, truncated, wrong_language, repetition,
    invalid_json, tool_arguments, arithmetic, code] }} }}
providers:
  secure: {{ preset: openai-compatible, base_url: "https://localhost:{tls}/v1", api_key: sk-back,
    ca_file: {certificate} }}
"""
TIERS = (("budget", 0.1), ("mid", 1), ("premium", 5))
ALL = "[streaming, tools, parallel_tools, json, json_schema, vision]"


def targets(backs):
    """Of each provider one target; its tier and price by its place."""
    text = "targets:\n"
    for number, (name, provider) in enumerate(backs):
        tier, price = TIERS[number % 3]
        text += (
            f"  to-{name}: {{ provider: {provider}, model: {name}-{number}, tier: {tier},\n"
            f"    context_tokens: 200000, latency_ms: {100 + 50 * number}, capabilities: {ALL},\n"
            f"    price: {{ input_per_mtok: {price}, output_per_mtok: {4 * price} }} }}\n"
        )
    return text


class Fake:
    """The simulated provider."""

    def __init__(self, program, *options):
        self.process = subprocess.Popen(
            [os.path.abspath(program), "--tokens", "150", *options],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.port = json.loads(self.process.stdout.readline())["port"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def make_certificate(directory):
    certificate, key = (os.path.join(directory, name) for name in ("certificate.pem", "key.pem"))
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost".split()
        + ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return certificate, key


def drive(port, count, make):
    """So many requests, a wave of one for each connection at a time: {status: how often}."""
    found = {}
    connections = [http1.connect(port, 60) for _ in range(CONNECTIONS)]
    for begin in range(0, count, CONNECTIONS):
        for place, connection in enumerate(connections):
            if connection.ended or begin % 97 == place:
                connection.close()
                connections[place] = http1.connect(port, 60)
        for connection in connections:
            connection.send(make())
        if begin % 50 == 0:
            connections[0].reset()
            connections[0] = http1.connect(port, 60)
            connections[0].send(make())
        for connection in connections:
            answer = http1.read_answer(connection)
            found[answer.status] = found.get(answer.status, 0) + 1
            if answer.header("connection", "") == "close":
                connection.ended = True
    for connection in connections:
        connection.close()
    return found


def create_key(sluice, name):
    limits = "--cap-usd 10000 --per month --rpm 1000000 --tpm 1000000000".split()
    arguments = ["key", "create", "-c", "sluice.yaml", "--name", name, "--json", *limits]
    status, text, problem = sluice.run(*arguments)
    if status != 0:
        raise RuntimeError(f"key create: {problem}")
    return json.loads(text)["key"]


def train(arguments, guarded, count):
    """A gateway from its start to its end, which writes what was counted."""
    directory = tempfile.mkdtemp(prefix="sluice-profile-")
    sluice = Sluice(arguments.program, directory)
    rng = random.Random(arguments.seed + guarded)
    prompts = mix.read_prompts(os.path.join(ROOT, "data", "workload"))
    try:
        files = make_certificate(directory)
        with Fake(arguments.fakeprovider) as plain, Fake(
            arguments.fakeprovider, "--tls", *files
        ) as secure:
            backs = [(back.name, f"back-{back.name}") for back in BACKS]
            backs.insert(0, ("lab", "secure" if guarded else "back-openai"))
            sluice.configure(
                CONFIG.format(
                    port=sluice.port,
                    access=str(guarded).lower(),
                    keys=str(guarded).lower(),
                    tls=secure.port,
                    certificate=files[0],
                )
                + providers(plain.port)
                + targets(backs)
            )
            sluice.start(60)
            keys = [create_key(sluice, f"k{i}") for i in range(3)] if guarded else ["sk-any"]
            found = drive(
                sluice.port, count, lambda: mix.make(rng, prompts, rng.choice(keys))
            )
            http1.get(sluice.port, "/metrics")
            if sluice.stop(120) != 0:
                raise RuntimeError(sluice.log()[-2000:])
    finally:
        sluice.close()
        shutil.rmtree(directory)
    print(f"profile: {'guarded' if guarded else 'open'}: {found}", flush=True)
    if found.get(200, 0) < 0.9 * sum(found.values()):
        raise RuntimeError("too few were answered: this is not the load that it should be")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", required=True)
    parser.add_argument("--fakeprovider", required=True)
    parser.add_argument("--requests", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    train(arguments, False, arguments.requests * 2 // 3)
    train(arguments, True, arguments.requests // 3)


if __name__ == "__main__":
    main()
