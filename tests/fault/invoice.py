#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The vendor's invoice against the ledger. Clients of five dialects call six kinds of provider, whole
and streamed, through every lane; each answer has another usage, and the vendor adds up what it asks
for by its own arithmetic: cached and thought tokens, what a cache keeps for an hour, prompts above
a tier, prices since a date (models of the catalogue, with the vendor's own list, and configured),
sound, images and thoughts with prices of their own, prices per request and such as the provider
tells (for who brings a key of his own with the bill beside the fee), judges and the stronger
answers after them. What the exact cache repeats is on no invoice. Afterwards the ledger's charges
must be the invoice's, one by one and to the nano-dollar: the same tokens, the same amounts, as
often.

    invoice.py [--calls N] [--program build/release/sluice] [--seed N]

TAP on stdout.
"""

import argparse
import collections
import contextlib
import itertools
import json
import os
import random
import shutil
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from invoice_upstream import Price, Vendor  # noqa: E402

from harness import http1  # noqa: E402
from harness.process import Sluice, wait_until  # noqa: E402

CLIENTS = 8
PRICES = {  # pico-dollars per token; odd ones, so that every rounding shows
    "chat": Price(1_250_003, 10_000_007, 125_001, 1_250_003, 0),
    "router": Price(3_000_000, 15_000_000, 300_000, 3_000_000, 0),
    "deepseek": Price(140_011, 280_013, 14_017, 140_011, 0),
    "anthropic": Price(3_000_019, 15_000_023, 300_029, 3_750_031, 0),
    "gemini": Price(300_037, 2_500_041, 75_043, 300_037, 1_234_567),
    "ollama": Price(49_013, 51_017, 49_013, 49_013, 0),
    "small": Price(100_003, 400_009, 10_007, 100_003, 0),
    "strong": Price(5_000_011, 20_000_003, 500_009, 5_000_011, 0),
    "judge": Price(200_017, 800_023, 20_011, 200_017, 77),
    "own": Price(3_000_000, 15_000_000, 300_000, 3_000_000, 0),
    # sound, images and thoughts each with a price, above a tier all of them dearer
    "voice": Price(
        *(2_500_003, 10_000_019, 1_250_007, 2_500_003, 0, 0, 150_000),
        Price(
            *(5_000_007, 20_000_039, 1_250_007, 2_500_003, 0, 0, 0, None),
            *(80_000_009, 10_000_003, 160_000_007, 90_000_011, 13_000_013),
        ),
        *(40_000_003, 5_000_011, 80_000_009, 50_000_017, 8_000_021),
    ),
    # thoughts and what is heard cost what text does
    "painter": Price(
        *(300_037, 2_500_041, 75_043, 300_037, 3, 0, 0, None),
        *(None, 450_001, 64_000_003, 30_000_001, None),
    ),
}
# As the vendor's list has them: claude-sonnet-4-5 has a dearer price above 200,000 tokens, and
# claude-sonnet-4-6 had one until 13 March 2026.
LISTED = {
    "tiered": Price(
        *(3_000_000, 15_000_000, 300_000, 3_750_000, 0, 6_000_000, 200_000),
        Price(6_000_000, 22_500_000, 600_000, 7_500_000, 0, 12_000_000),
    ),
    "dated": Price(3_000_000, 15_000_000, 300_000, 3_750_000, 0, 6_000_000),
    "listed": Price(300_000, 2_500_000, 300_000, 300_000, 0, drawn=30_000_000),
}
MODELS = {
    "tiered": "claude-sonnet-4-5",
    "dated": "claude-sonnet-4-6",
    "listed": "gemini-2.5-flash-image",
}
CASCADE = ("small", "strong", "judge")
REPEATED = 0.05
PRESETS = {
    "chat": ("openai-compatible", "/v1"),
    "router": ("openrouter", "/v1"),
    "deepseek": ("deepseek", "/v1"),
    "anthropic": ("anthropic", "/v1"),
    "gemini": ("gemini", "/v1beta"),
    "ollama": ("ollama", ""),
    "tiered": ("anthropic", "/v1"),
    "dated": ("anthropic", "/v1"),
    "listed": ("gemini", "/v1beta"),
    "voice": ("openai-compatible", "/v1"),
    "painter": ("gemini", "/v1beta"),
    "own": ("openrouter", "/v1"),
    **{name: ("openai-compatible", "/v1") for name in CASCADE},
}
TARGETS = tuple(name for name in PRESETS if name not in CASCADE)


def dollars_per_mtok(pico):
    return f"{pico // 10**6}.{pico % 10**6:06d}"


def rates(price):
    """As the configuration writes them; what is None costs what text does, and is not written."""
    rows = {
        "input": price.input,
        "output": price.output,
        "cache_read": price.read,
        "cache_write": price.write,
        "audio_input": price.heard,
        "image_input": price.seen,
        "audio_output": price.spoken,
        "image_output": price.drawn,
        "reasoning": price.thought,
    }
    written = [f"{k}_per_mtok: {dollars_per_mtok(v)}" for k, v in rows.items() if v is not None]
    return ", ".join(written)


def price_block(price, name):
    tiers = ""
    if price.dear is not None:
        tiers = f", tiers: {{ {price.above}: {{ {rates(price.dear)} }} }}"
    whole = f"{rates(price)}, per_request: {price.request_nd / 1e9:.9f}{tiers}"
    if name != "painter":
        return whole
    # another price has been in force since a day in the past, and another will be
    other = "input_per_mtok: 7, output_per_mtok: 7"
    return f"{other}, from: {{ 2199-01-01: {{ {other} }}, 2025-01-31: {{ {whole} }} }}"


def configuration(port, upstream):
    lines = [
        f"server: {{ listen: 127.0.0.1:{port}, workers: 2 }}",
        "log: { format: json, level: warn, access: false }",
        "ledger: { path: ledger.db }",
        "cache: { exact: { ttl: 1h } }",
        "providers:",
    ]
    for name, (preset, path) in PRESETS.items():
        url = f"http://127.0.0.1:{upstream}/{name}{path}"
        lines.append(f'  {name}: {{ preset: {preset}, base_url: "{url}", api_key: k }}')
    lines.append("targets:")
    for name, price in PRICES.items():
        lines.append(
            f"  {name}: {{ provider: {name}, model: model-{name}, context_tokens: 1000000,"
            f" price: {{ {price_block(price, name)} }} }}"
        )
    for name, model in MODELS.items():
        lines.append(f"  {name}: {{ provider: {name}, model: {model}, context_tokens: 1000000 }}")
    lines.append("routes:")
    lines.append(f"  auto: {{ targets: [{', '.join(TARGETS)}] }}")
    lines.append(
        "  cascade: { targets: [small, strong], strategy: priority,"
        " escalate: { when: [empty, judge], judge: { target: judge, timeout: 30s } } }"
    )
    return "\n".join(lines) + "\n"


def chat_request(model, streamed, text):
    body = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": text}]}
    return "/v1/chat/completions", dict(body, stream=True) if streamed else body


def messages_request(model, streamed, text):
    _, body = chat_request(model, streamed, text)
    return "/v1/messages", body


def responses_request(model, streamed, text):
    body = {"model": model, "input": text, "store": False}
    return "/v1/responses", dict(body, stream=True) if streamed else body


def gemini_request(model, streamed, text):
    method = "streamGenerateContent?alt=sse" if streamed else "generateContent"
    return f"/v1beta/models/{model}:{method}", {"contents": [{"parts": [{"text": text}]}]}


def ollama_request(model, streamed, text):
    message = {"role": "user", "content": text}
    return "/api/chat", {"model": model, "messages": [message], "stream": streamed}


FRONTS = (chat_request, messages_request, responses_request, gemini_request, ollama_request)


class Clients:
    """Threads that take the numbers 1..calls; a number decides what is asked."""

    def __init__(self, port, calls, seed):
        self.port = port
        self.seed = seed
        self.numbers = itertools.takewhile(lambda n: n <= calls, itertools.count(1))
        self.lock = threading.Lock()
        self.statuses = collections.Counter()
        self.problems = []
        self.threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()

    def _run(self):
        connection = http1.connect(self.port, 60)
        try:
            while True:
                with self.lock:
                    number = next(self.numbers, None)
                if number is None:
                    return
                if self._call(connection, number):
                    connection.close()
                    connection = http1.connect(self.port, 60)
        except (OSError, http1.Broken) as problem:
            self.problems.append(repr(problem))
        finally:
            connection.close()

    def _call(self, connection, number):
        """True: the gateway said that it closes the connection."""
        if random.Random(f"{self.seed}-again-{number}").random() < REPEATED:
            number = -(number % 50)  # the same once more
        choice = random.Random(f"{self.seed}-{number}")
        model = choice.choice((*TARGETS, "auto", "cascade", "cascade"))
        path, body = choice.choice(FRONTS)(model, choice.random() < 0.5, f"Say done, {number}.")
        body = json.dumps(body, separators=(",", ":")).encode()
        connection.send(
            b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % (path.encode(), len(body)) + body
        )
        answer = http1.read_answer(connection)
        with self.lock:
            self.statuses[answer.status] += 1
        if answer.status == 200 and answer.end != "complete":
            self.problems.append(f"call {number}: cut: {answer.body[-200:]!r}")
        elif answer.status not in (200, 502, 503):
            self.problems.append(f"call {number}: {answer.start}: {answer.body[:300]!r}")
        return (answer.header("connection") or "").lower() == "close"


CACHE = 6  # the exact cache's basis of a charge


def charges(sluice):
    """The ledger's, in the invoice's form; attempts that failed cost nothing and are none."""
    with contextlib.closing(sluice.database()) as database:
        rows = database.execute(
            "SELECT (SELECT name FROM names n WHERE n.id = a.target), cost_nd, input, output,"
            " outcome, reported, basis FROM attempts a"
        ).fetchall()
    found = collections.Counter()
    repeated = 0
    problems = []
    for target, cost, tokens, output, outcome, reported, basis in rows:
        if basis == CACHE and cost == 0:
            repeated += 1
        elif outcome == 0 and reported:
            found[(target, cost, tokens, output)] += 1
        elif cost != 0 or outcome == 0:
            problems.append(f"an attempt at {target} of outcome {outcome} costs {cost}")
    return found, repeated, problems


def result(number, good, what, problems):
    print(f"{'ok' if good else 'not ok'} {number} - {what}")
    for problem in problems[:10]:
        print(f"# {problem}")
    return good


def total(counter):
    return sum(key[1] * count for key, count in counter.items())


def run(options, directory):
    vendor = Vendor({**PRICES, **LISTED}, options.seed)
    sluice = Sluice(options.program, directory)
    try:
        sluice.configure(configuration(sluice.port, vendor.port))
        sluice.start()
        clients = Clients(sluice.port, options.calls, options.seed)
        wait_until(
            lambda: sluice.metrics().get("sluice_ledger_queue_depth") == 0, 60, "the ledger rests"
        )
        status = sluice.stop()
        found, repeated, problems = charges(sluice)
        verified = sluice.run("ledger", "verify", "-c", sluice.config)
    finally:
        sluice.close()
        vendor.close()
    missing = vendor.invoice - found
    extra = found - vendor.invoice
    problems += [f"on the invoice only: {k} x{n}" for k, n in missing.items()]
    problems += [f"in the ledger only: {k} x{n}" for k, n in extra.items()]
    print(f"# {options.calls} calls, answers by status {dict(clients.statuses)}")
    print(f"# {vendor.requests} requests to vendors, {vendor.failures} of them failed as told")
    print(f"# invoice {total(vendor.invoice)} nano-dollars, ledger {total(found)}")
    print(f"# {repeated} answers repeated by the cache; charges: {dict(vendor.kinds)}")
    absent = [kind for kind, count in vendor.kinds.items() if count == 0]
    good = [
        result(1, not clients.problems, "every call was answered or told why", clients.problems),
        result(2, not problems, "the ledger's charges are the invoice's, one by one", problems),
        result(3, total(found) == total(vendor.invoice), "and so are their sums", []),
        result(4, verified[0] == 0 and status == 0, "the ledger is sound", [verified[2]]),
        result(5, repeated > 0 and not absent, "and every kind of charge was among them", absent),
    ]
    print("1..5")
    return all(good)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    directory = os.path.join("build", "invoice")
    shutil.rmtree(directory, ignore_errors=True)
    return 0 if run(options, directory) else 1


if __name__ == "__main__":
    sys.exit(main())
