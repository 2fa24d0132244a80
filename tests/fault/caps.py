#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A thousand calls at once against a cap that fits 37 of them, on all workers, with kill -9 at random
moments. Three witnesses: the upstream adds up what is under way and what it has answered, at every
request; the ledger's rows are read over and over while it is written; after it all, what is left of
the cap can still be spent.

- settled and held never exceed the cap, at the upstream and at every commit of the ledger;
- calls of one size are answered exactly 37 times;
- the others get 429, cap_exceeded, and no upstream request;
- what the calls did not use of their holds is free again: no refusal without a reason;
- after a kill, what was held is charged, and the balances go on from there;
- the same where each answer is judged: the judge, too, is held under the cap.

    caps.py [--long] [--rounds N] [--program build/release/sluice] [--seed N]

TAP on stdout.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from harness.configuration import configuration  # noqa: E402
from harness.process import Sluice, wait_until  # noqa: E402

CALLS = 1000
FITS = 37
INPUT_ND, OUTPUT_ND = 1000, 2000  # per token: $1 and $2 per million
JUDGED = """\
routes:
  auto: { targets: [small], escalate: { when: [judge], judge: { target: small, timeout: 30s } } }
"""


class Upstream:
    """Answers after a while, and knows at any time what it may cost: what it has answered, and of
    what is under way the output that was asked for."""

    def __init__(self):
        self.port = None
        self.wait = None  # () -> awaitable, before an answer
        self.random = random.Random(1)
        self.limit = {}  # round -> cap
        self.answered = {}  # round -> nd
        self.under_way = {}
        self.received = {}
        self.problems = []

    async def start(self, address="127.0.0.1"):
        server = await asyncio.start_server(self._serve, address, 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def begin(self, number, cap):
        self.limit[number], self.answered[number], self.under_way[number] = cap, 0, 0
        self.received[number] = 0

    def check(self, number):
        worst = self.answered[number] + self.under_way[number]
        if worst > self.limit[number]:
            self.problems.append(
                f"the upstream was asked for {worst} nd under a cap of {self.limit[number]}"
            )

    async def _serve(self, reader, writer):
        with contextlib.suppress(
            OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ValueError
        ):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                await self._answer(writer, body)
        writer.close()

    async def _answer(self, writer, body):
        asked = body["messages"][-1]["content"]
        number = int(asked.removeprefix("<question>\n").split()[0])
        wanted = body["max_tokens"] * OUTPUT_ND
        self.received[number] += 1
        self.under_way[number] += wanted
        self.check(number)
        try:
            await self.wait()
            usage = {
                "prompt_tokens": self.random.randint(1, len(asked)),
                "completion_tokens": self.random.randint(0, body["max_tokens"]),
            }
            answer = {
                "id": "c",
                "object": "chat.completion",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "9"},
                        "finish_reason": "stop",
                    }
                ],
                "usage": usage,
            }
            text = json.dumps(answer).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % len(text) + text
            )
            await writer.drain()
        finally:
            self.under_way[number] -= wanted
            cost = usage["prompt_tokens"] * INPUT_ND + usage["completion_tokens"] * OUTPUT_ND
            self.answered[number] += cost


class Sampler(threading.Thread):
    """Reads the ledger again and again: what keys have spent and what is held, in one moment."""

    def __init__(self, sluice, caps):
        super().__init__(daemon=True)
        self.sluice, self.caps = sluice, caps
        self.samples, self.problems = 0, []
        self.stopping = threading.Event()
        self.start()

    def run(self):
        while not self.stopping.wait(0.02):
            with contextlib.suppress(sqlite3.Error), contextlib.closing(
                self.sluice.database()
            ) as database:
                rows = database.execute(
                    "SELECT key, sum(nd) FROM (SELECT key, cost_nd AS nd FROM attempts UNION ALL"
                    " SELECT o.key, h.amount_nd FROM holds h JOIN open_calls o ON o.call = h.call)"
                    " GROUP BY key"
                ).fetchall()
                self.samples += 1
                for key, nd in rows:
                    if key in self.caps and nd > self.caps[key]:
                        self.problems.append(f"a commit has {nd} nd, the cap is {self.caps[key]}")

    def stop(self):
        self.stopping.set()
        self.join(10)


async def call(port, secret, number, size, max_tokens, address="127.0.0.1", model="small"):
    """(status, code); (0, None): the gateway was killed."""
    content = f"{number:04} " + "x" * size  # the number's length must not change the worst case
    body = json.dumps(
        {
            "model": model,
            "max_tokens": max_tokens,
            "messages": [{"role": "user", "content": content}],
        }
    ).encode()
    writer = None
    try:
        reader, writer = await asyncio.open_connection(address, port)
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nConnection: close\r\n"
            b"Authorization: Bearer " + secret.encode() + b"\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        answer = await asyncio.wait_for(reader.read(), 60)
        status = int(answer.split(b" ", 2)[1])
        text = json.loads(answer.split(b"\r\n\r\n", 1)[1])
        return status, text.get("error", {}).get("code")
    except (OSError, IndexError, ValueError):
        return 0, None
    finally:
        if writer is not None:
            writer.close()


class Caps:
    def __init__(self, program, directory, seed):
        shutil.rmtree(directory, ignore_errors=True)
        self.random = random.Random(seed)
        self.upstream = Upstream()
        self.sluice = Sluice(program, directory)
        self.caps = {}  # key id -> nd
        self.rounds = 0
        self.problems = []

    def key(self, cap_nd):
        """A key with this cap, known to the running gateway: (id, secret)."""
        self.rounds += 1
        status, text, problem = self.sluice.run(
            "key", "create", "-c", "sluice.yaml", "--name", f"round-{self.rounds}", "--json",
            "--cap-usd", f"{cap_nd / 1e9:.9f}", "--per", "total",
        )
        if status != 0:
            raise RuntimeError(f"key create: {problem}")
        secret = json.loads(text)["key"]
        with contextlib.closing(self.sluice.database()) as database:
            number = database.execute("SELECT max(id) FROM keys").fetchone()[0]
        self.caps[number] = cap_nd
        self.upstream.begin(self.rounds, cap_nd)
        return number, secret

    async def known(self, secret):
        """The gateway has seen the key: it answers something but 401."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            status, _ = await call(self.sluice.port, secret, self.rounds, 0, 10**9)
            if status not in (0, 401):
                return
            await asyncio.sleep(0.02)
        self.problems.append("the gateway does not know the key")

    def settled(self):
        def quiet():
            with contextlib.closing(self.sluice.database()) as database:
                held = database.execute("SELECT count(*) FROM holds").fetchone()[0]
                held += database.execute("SELECT record - open_record FROM state").fetchone()[0]
            return held == 0 and self.sluice.metrics().get("sluice_ledger_queue_depth") == 0

        wait_until(quiet, 30, "the ledger has settled everything")

    def spent(self, key):
        with contextlib.closing(self.sluice.database()) as database:
            return database.execute(
                "SELECT coalesce(sum(cost_nd), 0) FROM attempts WHERE key = ?", (key,)
            ).fetchone()[0]

    def held_for(self, key):
        """The largest hold of a key's attempts."""
        with contextlib.closing(self.sluice.database()) as database:
            return database.execute(
                "SELECT max(held_nd) FROM attempts WHERE key = ?", (key,)
            ).fetchone()[0]

    async def worst_of(self, size, max_tokens):
        """What is held for a call of this size, as the ledger says."""
        key, secret = self.key(10**12)
        await self.known(secret)

        async def at_once():
            return None

        self.upstream.wait = at_once
        status, code = await call(self.sluice.port, secret, self.rounds, size, max_tokens)
        if status != 200:
            raise RuntimeError(f"a lone call was refused: {status} {code}")
        await asyncio.to_thread(self.settled)
        return self.held_for(key)

    def count(self, results, killed):
        """How many were answered; everything else must be a refusal by the cap."""
        for status, code in results:
            if status == 200 or (status == 429 and code == "cap_exceeded"):
                continue
            if not (killed and status == 0):
                self.problems.append(f"a call ended with {status} {code}")
        return sum(1 for status, _ in results if status == 200)

    async def one_size(self):
        """All of one size, none answered before all are decided."""
        size, max_tokens = 200, 100
        worst = await self.worst_of(size, max_tokens)
        key, secret = self.key(worst * FITS + worst // 2)
        await self.known(secret)
        decided = asyncio.Event()
        refused = 0

        async def wait():
            await asyncio.wait_for(decided.wait(), 60)

        def look():
            if refused + self.upstream.received[self.rounds] >= CALLS:
                decided.set()

        async def one():
            nonlocal refused
            result = await call(self.sluice.port, secret, self.rounds, size, max_tokens)
            refused += result[0] != 200
            look()
            return result

        async def watch():
            while not decided.is_set():
                look()
                await asyncio.sleep(0.01)

        self.upstream.wait = wait
        watcher = asyncio.create_task(watch())
        served = self.count(await asyncio.gather(*[one() for _ in range(CALLS)]), False)
        decided.set()
        await watcher
        if served != FITS:
            self.problems.append(f"{served} calls of one size were answered, not {FITS}")
        await self.spend_the_rest(key, secret)

    async def spend_the_rest(self, key, secret):
        """What is left can be spent, down to less than the smallest call needs."""

        async def at_once():
            return None

        self.upstream.wait = at_once
        await asyncio.to_thread(self.settled)
        small = await self.small_worst()
        for _ in range(2000):
            left = self.caps[key] - self.spent(key)
            status, code = await call(self.sluice.port, secret, self.number_of(key), 0, 1)
            if status == 429 and left >= small:
                self.problems.append(f"refused with {left} nd left, where {small} nd are enough")
                return
            if status == 200 and left < small:
                self.problems.append(f"answered with {left} nd left, where {small} nd are held")
                return
            if status == 429:
                return
            await asyncio.to_thread(self.settled)
            if left > 40 * small:
                return  # enough was seen: it is free

    def number_of(self, key):
        return list(self.caps).index(key) + 1

    async def small_worst(self):
        if not hasattr(self, "small"):
            self.small = await self.worst_of(0, 1)
        return self.small

    async def mixed(self, kill, model="small"):
        """Sizes of all kinds, answers after a while; killed and started again in between."""
        mean = await self.mean_worst()
        key, secret = self.key(mean * FITS)
        number = self.rounds
        await self.known(secret)

        async def wait():
            await asyncio.sleep(self.random.uniform(0, 0.2))

        self.upstream.wait = wait
        if model == "auto":
            # In the crowd no cap may be left for a judge; here there is.
            self.count([await call(self.sluice.port, secret, number, 0, 1, model=model)], False)
        sizes = [(self.random.randint(0, 3000), self.random.randint(1, 400)) for _ in range(CALLS)]
        tasks = [
            asyncio.create_task(call(self.sluice.port, secret, number, *size, model=model))
            for size in sizes
        ]
        if kill:
            await asyncio.sleep(self.random.uniform(0.02, 0.8))
            await asyncio.to_thread(self.sluice.kill)
            results = await asyncio.gather(*tasks)
            self.upstream.under_way[number] = 0  # of the dead one; its holds are charged
            await asyncio.to_thread(self.sluice.start, 60)
            tasks = [
                asyncio.create_task(call(self.sluice.port, secret, number, *size, model=model))
                for size in sizes[: CALLS // 2]
            ]
            results += await asyncio.gather(*tasks)
        else:
            results = await asyncio.gather(*tasks)
        self.count(results, kill)
        await self.spend_the_rest(key, secret)
        spent = self.spent(key)
        if model == "auto" and self.judged(key) == 0:
            self.problems.append("no answer was judged")
        if spent > self.caps[key]:
            self.problems.append(f"{spent} nd were spent under a cap of {self.caps[key]}")

    def judged(self, key):
        with contextlib.closing(self.sluice.database()) as database:
            return database.execute(
                "SELECT count(*) FROM attempts WHERE key = ? AND purpose = 1 AND outcome = 0",
                (key,),
            ).fetchone()[0]

    async def mean_worst(self):
        if not hasattr(self, "mean"):
            self.mean = await self.worst_of(1500, 200)
        return self.mean

    def verify(self):
        status, text, problem = self.sluice.run("ledger", "verify", "-c", "sluice.yaml")
        if status != 0:
            self.problems.append(f"ledger verify: {text}{problem}")


async def run(caps, rounds, tell):
    server = await caps.upstream.start()
    caps.sluice.configure(
        configuration(caps.sluice.port, caps.upstream.port, workers=4, more=JUDGED)
    )
    caps.sluice.start(60)
    sampler = Sampler(caps.sluice, caps.caps)

    async def step(says, work):
        try:
            await work
            await asyncio.to_thread(caps.settled)
            caps.verify()
        except Exception as problem:  # noqa: BLE001 - it is this round's result
            caps.problems.append(f"{type(problem).__name__}: {problem}")
        problems = caps.problems + caps.upstream.problems + sampler.problems
        tell(says, problems)
        caps.problems, caps.upstream.problems, sampler.problems = [], [], []
        return not problems

    good = await step(f"{CALLS} calls of one size at once: {FITS} are answered", caps.one_size())
    good = good and await step(f"{CALLS} calls of all sizes at once", caps.mixed(False))
    for number in range(1, rounds + 1):
        if good:
            says = f"{CALLS} calls of all sizes, killed in between ({number} of {rounds})"
            good = await step(says, caps.mixed(True))
    if good:
        says = f"{CALLS} calls whose answers are judged, killed in between"
        good = await step(says, caps.mixed(True, "auto"))
    sampler.stop()
    print(f"# {sampler.samples} looks at the ledger", flush=True)
    if good and caps.sluice.stop() != 0:
        tell("it stops in order", [caps.sluice.log()[-1000:]])
    if good:
        tell("a cap that was exceeded would be found in the ledger", smaller_cap(caps))
    server.close()


def smaller_cap(caps):
    """What `ledger verify` says when one cap had been a little smaller than what was used of it:
    the audit log knows another one, and where that cannot be read, it was exceeded."""
    path = os.path.join(caps.sluice.directory, "ledger.db")
    changes = {
        "UPDATE caps SET amount_nd = amount_nd * 9 / 10"
        " WHERE amount_nd = (SELECT min(amount_nd) FROM caps)": "a cap is not what the audit log",
        "UPDATE audit SET detail = '' WHERE action = 'key.create'": "a cap was exceeded: key ",
    }
    problems = []
    for change, found in changes.items():
        with contextlib.closing(sqlite3.connect(path, timeout=20)) as database:
            database.execute(change)
            database.commit()
        status, text, problem = caps.sluice.run("ledger", "verify", "-c", "sluice.yaml")
        if status != 1 or found not in text + problem:
            problems.append(f"`ledger verify` says {status}: {text}{problem}")
    return problems


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program")
    parser.add_argument("--long", action="store_true", help="50 kills")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    os.chdir(os.path.dirname(os.path.dirname(HERE)))
    program = arguments.program or "build/release/sluice"
    if arguments.program is None:
        subprocess.run(["make", "-j2", program], check=True, stdout=subprocess.DEVNULL)
    rounds = arguments.rounds if arguments.rounds is not None else 50 if arguments.long else 3
    counts = [0, 0]

    def tell(says, problems):
        counts[bool(problems)] += 1
        print(f"{'not ok' if problems else 'ok'} {sum(counts)} - {says}", flush=True)
        for problem in problems[:8]:
            print("# " + str(problem).replace("\n", "\n#   "), flush=True)

    print(f"TAP version 13\n# seed {arguments.seed}", flush=True)
    caps = Caps(program, os.path.abspath("build/caps"), arguments.seed)
    try:
        asyncio.run(run(caps, rounds, tell))
    finally:
        caps.sluice.close()
    print(f"1..{sum(counts)}\n# caps: {counts[0]} passed, {counts[1]} failed")
    return 1 if counts[1] else 0


if __name__ == "__main__":
    sys.exit(main())
