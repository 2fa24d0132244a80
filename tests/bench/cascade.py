#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cascade end to end: a fake provider replays what a weak and a strong model answered to
questions whose outcomes are known, the gateway asks the weak one first, reads its answer, and
escalates below a threshold. Swept over thresholds this is a curve of quality over spend; the spend,
and who was asked, are taken from the ledger. What the gateway goes by was trained on other folds
only. APGR is the area below the share of the quality gap that is won, over the spend on the strong
model as a share of what it costs to ask it always (0.5: a coin)."""

import argparse
import hashlib
import json
import math
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness import http1  # noqa: E402
from harness.process import Sluice, wait_until  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(HERE, "..", "..", "data", "cascade", "gsm8k.jsonl")
# Dollars per million tokens, of the two models when their answers were made.
PRICES = {"weak": (0.6, 0.6), "strong": (10, 30)}


def fold_of(row, folds):
    return int.from_bytes(hashlib.sha256(str(row["id"]).encode()).digest()[:8], "big") % folds


class Replay(threading.Thread):
    """A provider of OpenAI's dialect that knows what each model said to each question."""

    def __init__(self, rows):
        super().__init__(daemon=True)
        self.answers = {
            (model, row["prompt"]): row[model + "_response"] for row in rows for model in PRICES
        }
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.sock.getsockname()[1]

    def run(self):
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        connection = http1.Connection(client)
        try:
            while True:
                request = http1.read_request(connection)
                if request is None:
                    return
                client.sendall(self.answer(json.loads(request.body)))
        except (OSError, http1.Broken):
            client.close()

    def answer(self, body):
        prompt = body["messages"][-1]["content"]
        text = self.answers[(body["model"], prompt)]
        choice = {"index": 0, "message": {"role": "assistant", "content": text}}
        choice["finish_reason"] = "stop"
        usage = {"prompt_tokens": len(prompt) // 4 + 1, "completion_tokens": len(text) // 4 + 1}
        bytes_ = json.dumps({"id": "r", "choices": [choice], "usage": usage}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(bytes_)}"
        return head.encode() + b"\r\n\r\n" + bytes_


def configuration(port, replay, folds, thresholds):
    lines = [
        f"server: {{ listen: 127.0.0.1:{port}, workers: 1 }}",
        "log: { access: false }",
        "ledger: { path: ledger.db }",
        "providers:",
        f"  fake: {{ preset: openai-compatible, base_url: 'http://127.0.0.1:{replay.port}/v1' }}",
        "targets:",
    ]
    for (name, (into, out)), tier in zip(PRICES.items(), ("budget", "premium")):
        lines.append(
            f"  {name}: {{ provider: fake, model: {name}, tier: {tier}, context_tokens: 16000,"
            f" price: {{ input_per_mtok: {into}, output_per_mtok: {out} }} }}"
        )
    lines.append("routes:")
    for fold in range(folds):
        for point, threshold in enumerate(thresholds):
            lines.append(
                f"  f{fold}t{point}: {{ targets: [weak, strong],"
                f" baseline: strong, escalate: {{ when: learned, weights: fold{fold}.bin,"
                f" threshold: {threshold:.3f} }} }}"
            )
    return "\n".join(lines) + "\n"


def spread(points):
    """Thresholds from 0 to 1, evenly in log odds in between."""
    inner = [-3.5 + 7 * i / (points - 3) for i in range(points - 2)]
    return [0.0, *(round(1 / (1 + math.exp(-odds)), 3) for odds in inner), 1.0]


def train(program, directory, rows, folds):
    """Weights for each fold, from the rows of all others."""
    for fold in range(folds):
        path = os.path.join(directory, "train.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for row in rows:
                if fold_of(row, folds) != fold:
                    file.write(json.dumps(row) + "\n")
        subprocess.run(
            [program, "train", path, "-o", os.path.join(directory, f"fold{fold}.bin")],
            check=True,
            stdout=subprocess.DEVNULL,
        )


def ask(connection, model, prompt):
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": prompt}]}).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sock.sendall(head.encode() + body)
    answer = http1.read_answer(connection)
    if answer.status != 200:
        raise RuntimeError(f"{model}: {answer.status} {answer.body[:300]}")
    return answer


def drive(sluice, rows, folds, points):
    """Asks every question at every threshold, and of both models; who answered, by call."""
    calls = {}
    for index, row in enumerate(rows):
        connection = http1.connect(sluice.port)
        names = [f"f{fold_of(row, folds)}t{point}" for point in range(points)] + ["weak", "strong"]
        for point, name in enumerate(names):
            answer = ask(connection, name, row["prompt"])
            who = answer.header("x-sluice-target", "")
            calls[answer.header("x-sluice-call-id")] = (point, index, who)
        connection.sock.close()
    return calls


def read_ledger(path, calls, rows, points):
    """By point and row: spend in nano-dollars, was the strong model asked, is the answer right."""

    def complete():
        database = sqlite3.connect(path)
        count = database.execute("SELECT count(*) FROM calls").fetchone()[0]
        database.close()
        return count >= len(calls)

    wait_until(complete, 60, "the ledger has every call")
    spent = [[0] * len(rows) for _ in range(points + 2)]
    asked = [[False] * len(rows) for _ in range(points + 2)]
    right = [[0.0] * len(rows) for _ in range(points + 2)]
    database = sqlite3.connect(path)
    found = database.execute(
        "SELECT a.call, a.cost_nd, n.name, a.purpose"
        " FROM attempts a JOIN names n ON n.id = a.target"
    )
    for call, cost, target, purpose in found:
        text = call.hex()
        text = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        point, index, who = calls[text]
        spent[point][index] += cost
        asked[point][index] |= target == "strong"
        if purpose == 0 and target != who:
            raise RuntimeError(f"{text}: {who} answered, the ledger says {target}")
        right[point][index] = float(rows[index][who])
    database.close()
    return spent, asked, right


def mean(values, which):
    return sum(values[i] for i in which) / len(which)


def area(spent, asked, right, which, by_spend):
    """Area below PGR over the share of strong calls, or of their spend."""
    weak, strong = len(spent) - 2, len(spent) - 1
    low, high = mean(right[weak], which), mean(right[strong], which)
    base, dear = mean(spent[weak], which), mean(spent[strong], which)
    curve = [(0.0, 0.0), (1.0, 1.0)]
    for point in range(weak):
        x = (mean(spent[point], which) - base) / dear if by_spend else mean(asked[point], which)
        curve.append((x, (mean(right[point], which) - low) / (high - low)))
    curve.sort()
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(curve, curve[1:]))


def interval(spent, asked, right, by_spend, seed=5, turns=300):
    chance = random.Random(seed)
    rows = range(len(spent[0]))
    values = sorted(
        area(spent, asked, right, [chance.choice(rows) for _ in rows], by_spend)
        for _ in range(turns)
    )
    return values[turns // 40], values[-1 - turns // 40]


def table(thresholds, spent, asked, right):
    rows = range(len(spent[0]))
    weak, strong = len(spent) - 2, len(spent) - 1
    print("threshold  strong asked  right   spend       of always strong")
    names = [f"{t:9.3f}" for t in thresholds] + ["     weak", "   strong"]
    for point, name in enumerate(names):
        dollars = sum(spent[point]) / 1e9
        strong_share, good = mean(asked[point], rows), mean(right[point], rows)
        print(
            f"{name}  {100 * strong_share:10.1f} %  {100 * good:5.1f} %"
            f"  ${dollars:9.6f}  {100 * sum(spent[point]) / sum(spent[strong]):6.1f} %"
        )
    if sum(spent[weak]) >= sum(spent[strong]):
        raise RuntimeError("the weak model is not the cheaper one")


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--rows", default=SAMPLE, help="as data/router/gsm8k.jsonl has them")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--points", type=int, default=21)
    parser.add_argument("--bar", type=float, default=0.0, help="fail below this APGR over spend")
    return parser.parse_args()


def main():
    asked_for = options()
    with open(asked_for.rows, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    thresholds = spread(asked_for.points)
    directory = tempfile.mkdtemp(prefix="cascade.")
    program = os.path.abspath(asked_for.program)
    replay = Replay(rows)
    replay.start()
    sluice = Sluice(program, directory)
    begin = time.monotonic()
    try:
        train(program, directory, rows, asked_for.folds)
        sluice.configure(configuration(sluice.port, replay, asked_for.folds, thresholds))
        sluice.start()
        calls = drive(sluice, rows, asked_for.folds, asked_for.points)
        found = read_ledger(
            os.path.join(directory, sluice.ledger), calls, rows, asked_for.points
        )
        status = sluice.stop()
    finally:
        sluice.close()
        replay.sock.close()
    if status != 0:
        raise RuntimeError(f"the gateway ended with {status}: {sluice.log()[-2000:]}")
    shutil.rmtree(directory)
    table(thresholds, *found)
    everything = range(len(rows))
    results = {}
    for by_spend in (False, True):
        low, high = interval(*found, by_spend)
        results[by_spend] = area(*found, everything, by_spend)
        print(
            f"APGR over {'spend' if by_spend else 'calls'}: {results[by_spend]:.3f}"
            f" ({low:.3f} to {high:.3f})"
        )
    print(f"{len(rows)} questions, {len(calls)} calls, {time.monotonic() - begin:.0f} s")
    good = results[True] >= asked_for.bar
    print(f"{'ok' if good else 'not ok'} - APGR over spend, bar {asked_for.bar:g}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
