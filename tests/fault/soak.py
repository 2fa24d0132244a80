#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Mixed load with faults, for 2 minutes (60 with --long): whole and streamed calls, tools, large
bodies, bad requests, clients that leave in the middle, targets that fail, hang, reset and send
nonsense; reloads and target switches meanwhile. Asserts that after the warm-up memory and
descriptors stay flat, that the ledger has a row for every answer, and that nothing is left
open: no call, no hold, no record of the journal. Writes build/soak/samples.tsv.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from harness import http1  # noqa: E402
from harness.process import Sluice, wait_until  # noqa: E402
from soak_upstream import FaultyUpstream  # noqa: E402

CLIENTS = 12
SAMPLE_SECONDS = 1.0
CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2, body_bytes: 1MB }}
log: {{ format: json, level: error, access: false }}
providers:
  good: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{upstream}/good/v1" }}
  bad: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{upstream}/bad/v1",
    first_byte_timeout: 500ms, idle_timeout: 500ms }}
  local: {{ preset: ollama, base_url: "http://127.0.0.1:{upstream}/good" }}
targets:
  shaky: {{ provider: bad, model: shaky-1, tier: premium, context_tokens: 400000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
  solid: {{ provider: good, model: solid-1, tier: premium, context_tokens: 400000,
    price: {{ input_per_mtok: 5, output_per_mtok: 9 }} }}
  llama: {{ provider: local, model: llama, tier: budget, context_tokens: 400000,
    capabilities: [streaming, tools, json] }}
routes:
  auto: {{ targets: [shaky, solid, llama], baseline: solid }}
ledger: {{ path: ledger.db, segment_bytes: 4MB }}
"""


class Client(threading.Thread):
    """One client after its own random plan; notes the call ids of complete answers."""

    def __init__(self, port, seed, stopping):
        super().__init__(daemon=True)
        self.port = port
        self.random = random.Random(seed)
        self.stopping = stopping
        self.complete = []
        self.counts = {}
        self.problems = []

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def run(self):
        while not self.stopping.is_set():
            connection = None
            try:
                connection = http1.connect(self.port, 30)
                for _ in range(self.random.randrange(1, 30)):
                    if self.stopping.is_set() or not self.act(connection):
                        break
            except (OSError, http1.Broken) as problem:
                self.count(f"connection: {type(problem).__name__}")
            finally:
                if connection is not None:
                    connection.close()

    def body(self, streamed):
        text = self.random.choice(
            ["Hi", "Summarize this: " + "word " * 300, "é😀" * 200, "x" * 60000]
        )
        body = {
            "model": self.random.choice(["auto", "auto", "auto", "solid", "llama"]),
            "messages": [{"role": "user", "content": text}],
            "max_tokens": 50,
        }
        if streamed:
            body["stream"] = True
        if self.random.random() < 0.2:
            body["tools"] = [
                {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
            ]
        return json.dumps(body).encode()

    def act(self, connection):
        """One request; False: this connection is over."""
        dice = self.random.random()
        if dice < 0.05:
            return self.bad(connection)
        streamed = dice > 0.5
        data = self.body(streamed)
        connection.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
            % len(data)
            + data
        )
        if dice > 0.93:
            self.leave(connection)
            return False
        answer = http1.read_answer(connection)
        self.note(answer, streamed)
        return answer.end == "complete" and answer.header("connection", "") != "close"

    def note(self, answer, streamed):
        self.count(f"status {answer.status}")
        if answer.status == 200 and (
            answer.body.endswith(b"data: [DONE]\n\n") if streamed else answer.end == "complete"
        ):
            self.complete.append(answer.header("x-sluice-call-id"))
        elif answer.status == 422 and b"(switched_off)" in answer.body:
            pass  # its only target is off at the moment: see disturb()
        elif answer.status not in (200, 429, 502, 503, 504):
            self.problems.append(f"{answer.start}: {answer.body[:300]!r}")

    def bad(self, connection):
        data = self.random.choice(
            [
                b'{"model":',
                b'{"model":"nobody","messages":[{"role":"user","content":"x"}]}',
                b"[" * 5000,
                b'{"messages":[]}',
                b"\xff\xfe",
            ]
        )
        connection.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
            % len(data)
            + data
        )
        answer = http1.read_answer(connection)
        self.count("bad request")
        if answer.status not in (400, 404):
            self.problems.append(f"bad request {data[:40]!r}: {answer.start}")
        return True

    def leave(self, connection):
        """After some of the answer, by a reset every second time."""
        self.count("left")
        connection.sock.settimeout(0.2)
        try:
            for _ in range(self.random.randrange(0, 3)):
                connection.more()
        except TimeoutError:
            pass
        if self.random.random() < 0.5:
            connection.reset()


class Soak:
    def __init__(self, arguments):
        self.seconds = arguments.seconds or (3600 if arguments.long else 120)
        self.directory = os.path.abspath(os.path.join("build", "soak"))
        shutil.rmtree(self.directory, ignore_errors=True)
        self.upstream = FaultyUpstream(arguments.seed)
        self.sluice = Sluice(arguments.program, self.directory)
        self.sluice.configure(CONFIG.format(port=self.sluice.port, upstream=self.upstream.port))
        self.stopping = threading.Event()
        self.seed = arguments.seed
        self.samples = []  # (seconds, resident bytes, descriptors, queue depth)
        self.problems = []

    def disturb(self, second):
        """Reloads and switches while calls are under way."""
        if second % 20 == 7:
            self.sluice.process.send_signal(signal.SIGHUP)
        if second % 30 in (11, 17):
            state = "false" if second % 30 == 11 else "true"
            body = f'{{"on":{state}}}'.encode()
            connection = http1.connect(self.sluice.port)
            connection.send(
                b"POST /sluice/v1/targets/llama HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            http1.read_answer(connection)
            connection.close()

    def sample(self, begin):
        rss, _ = self.sluice.memory()
        depth = self.sluice.metrics().get("sluice_ledger_queue_depth", 0)
        self.samples.append((time.monotonic() - begin, rss, self.sluice.descriptors(), depth))

    def run(self):
        self.sluice.start()
        clients = [Client(self.sluice.port, self.seed + i, self.stopping) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        begin = time.monotonic()
        second = 0
        while time.monotonic() - begin < self.seconds:
            time.sleep(SAMPLE_SECONDS)
            if self.sluice.process.poll() is not None:
                self.problems.append(
                    f"it died: {self.sluice.process.returncode}: {self.sluice.log()[-2000:]}"
                )
                break
            self.disturb(second)
            self.sample(begin)
            second += 1
        self.stopping.set()
        for client in clients:
            client.join(60)
            self.problems += client.problems[:3]
        self.write_samples()
        if self.sluice.process.poll() is None:
            self.check_flat()
            self.check_idle()
            self.check_rows([i for c in clients for i in c.complete])
        counts = {}
        for client in clients:
            for what, count in client.counts.items():
                counts[what] = counts.get(what, 0) + count
        return counts

    def write_samples(self):
        with open(os.path.join(self.directory, "samples.tsv"), "w", encoding="ascii") as file:
            file.write("seconds\tresident_bytes\tdescriptors\tqueue_depth\n")
            for row in self.samples:
                file.write("\t".join(f"{v:.0f}" for v in row) + "\n")

    def check_flat(self):
        """The last fifth against the second: the first is warm-up."""
        fifth = len(self.samples) // 5
        if fifth < 3:
            self.problems.append("too few samples")
            return
        for name, index, slack in (("resident memory", 1, 4 << 20), ("descriptors", 2, 20)):
            early = sorted(s[index] for s in self.samples[fifth : 2 * fifth])[fifth // 2]
            late = sorted(s[index] for s in self.samples[-fifth:])[fifth // 2]
            if late > early * 1.10 + slack:
                self.problems.append(f"{name} grew from {early} to {late}")

    def check_idle(self):
        """Without clients there is nothing in flight, and the descriptors of their connections are
        closed."""

        def idle():
            _, answer = self.sluice.api("/sluice/v1/targets")
            return all(t["in_flight"] == 0 for t in answer["targets"])

        try:
            wait_until(idle, 20, "nothing is in flight")
        except TimeoutError as problem:
            self.problems.append(str(problem))

    def check_rows(self, complete):
        status = self.sluice.stop(60)
        if status != 0:
            self.problems.append(f"exit status {status}: {self.sluice.log()[-2000:]}")
        with contextlib.closing(self.sluice.database()) as database:
            rows = dict(database.execute("SELECT hex(id), complete FROM calls").fetchall())
            left = sum(
                database.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
                for t in ("holds", "open_calls")
            )
            uneven = database.execute(
                "SELECT count(*) FROM calls c WHERE cost_nd <>"
                " (SELECT coalesce(sum(cost_nd), 0) FROM attempts a WHERE a.call = c.id)"
            ).fetchone()[0]
            record, open_record = database.execute(
                "SELECT record, open_record FROM state"
            ).fetchone()
        missing = [i for i in complete if rows.get(i.replace("-", "").upper()) != 1]
        if missing:
            self.problems.append(
                f"{len(missing)} of {len(complete)} complete answers have no complete row:"
                f" {missing[:3]}"
            )
        if left:
            self.problems.append(f"{left} holds and calls are left open")
        if record != open_record:
            self.problems.append(
                f"the ledger has read up to record {record}, but holds {open_record} for open"
            )
        if uneven:
            self.problems.append(f"{uneven} calls do not cost the sum of their attempts")
        self.rows = len(rows)

    def close(self):
        self.sluice.close()
        self.upstream.close()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    soak = Soak(arguments)
    try:
        counts = soak.run()
    finally:
        soak.close()
    first, last = soak.samples[len(soak.samples) // 5], soak.samples[-1]
    print(f"# seed {arguments.seed}, {soak.seconds} s; {json.dumps(counts, sort_keys=True)}")
    print(
        f"# resident {first[1] >> 20} MB -> {last[1] >> 20} MB,"
        f" descriptors {first[2]} -> {last[2]},"
        f" {getattr(soak, 'rows', 0)} rows"
    )
    for problem in soak.problems[:8]:
        print("# " + problem.replace("\n", "\n#   "))
    print(
        f"{'not ok' if soak.problems else 'ok'} 1 - memory and descriptors stay flat"
        " and no ledger row is lost"
    )
    print(f"# soak: {int(not soak.problems)} passed, {int(bool(soak.problems))} failed")
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
