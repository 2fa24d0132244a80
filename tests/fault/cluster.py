#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Three nodes in network namespaces of their own, with a real PostgreSQL and a real Redis in theirs,
as root. A thousand calls at once over all nodes against caps that fit 37 of them (in all, of the
day, of the last hour), while nodes, PostgreSQL and Redis are killed, hang, or are cut off from each
other at random moments. Witnesses: the provider adds up what is under way and what it has answered,
at every request; the ledgers and PostgreSQL's leases are read over and over; after it all, what is
left of the cap can be spent, to the last call that fits.

- settled and held never exceed a cap, at the provider, in any commit of the authority, in the
  ledgers of all nodes together;
- calls of one size are answered exactly 37 times; others get 429, cap_exceeded;
- no refusal without a reason, once all have settled;
- requests and tokens of a minute and calls at the same time hold over all nodes; without Redis
  each node has its part;
- a key that one node has revoked opens nothing on another that PostgreSQL does not reach.

    cluster.py [--long] [--rounds N] [--seed N] [--only caps,rates,keys,faults] [--program PATH]
               [--plain]

Where namespaces cannot be made (or --plain), all of it runs on addresses of the loopback, but for
what is cut off from each other: that is skipped, and said; the long form then fails.

TAP on stdout.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import caps as single  # noqa: E402
from harness.cluster import PORT, Cluster  # noqa: E402
from harness.configuration import configuration  # noqa: E402
from harness.process import wait_until  # noqa: E402

NODES = 3
CALLS = 1000
FITS = 37
MARGIN = 20  # tokens: names of rounds differ in length
PERIODS = (("--per", "total"), ("--per", "day"), ("--rolling", "1h"))
# 4: a rolling cap, of which what was spent counts by its buckets
LEASES = """
SELECT m.kind, m.scope, m.what,
  l.room + CASE WHEN m.what = 4 THEN coalesce(b.spent, 0) ELSE l.spent END, m.amount
FROM sluice.lease_meters m
JOIN (SELECT meter, sum(room) AS room, sum(spent) AS spent FROM sluice.leases
  GROUP BY meter) l ON l.meter = m.id
LEFT JOIN (SELECT meter, sum(spent) AS spent FROM sluice.lease_buckets
  GROUP BY meter) b ON b.meter = m.id
WHERE l.room + CASE WHEN m.what = 4 THEN coalesce(b.spent, 0) ELSE l.spent END > m.amount
"""
REFUSED = {(429, "cap_exceeded"), (503, "authority_away"), (429, "authority_away")}


class Upstream(single.Upstream):
    """Also counts requests at the same time, and tokens, of each round."""

    def __init__(self):
        super().__init__()
        self.active, self.most, self.tokens = {}, {}, {}

    def begin(self, number, cap):
        super().begin(number, cap)
        self.active[number] = self.most[number] = self.tokens[number] = 0

    async def _answer(self, writer, body):
        number = int(body["messages"][0]["content"].split()[0])
        self.active[number] += 1
        self.most[number] = max(self.most[number], self.active[number])
        before = self.answered[number]
        try:
            await super()._answer(writer, body)
        finally:
            self.active[number] -= 1
            self.tokens[number] += (
                self.answered[number] - before
            )  # in nd: between 1000 and 2000 each


class Sampler(threading.Thread):
    """Looks again and again: what all ledgers say was settled, and what each holds besides."""

    def __init__(self, trial):
        super().__init__(daemon=True)
        self.trial = trial
        self.samples, self.commits, self.problems = 0, 0, []
        self.stopping = threading.Event()
        self.start()

    def look(self):
        settled = {}
        for node in self.trial.cluster.nodes:
            held = {}
            for key, cost, hold in self.trial.ledger(node):
                settled[key] = settled.get(key, 0) + cost
                held[key] = cost + hold
            for key, nd in held.items():
                self.judge(key, nd, f"{node.name} has settled and holds")
        for key, nd in settled.items():
            self.judge(key, nd, "all nodes have settled")
        self.samples += 1

    def look_at_leases(self):
        """PostgreSQL, in one statement: has more been granted of a cap than it allows?"""
        over = self.trial.cluster.postgres.sql(LEASES)
        self.commits += 1
        if over:
            self.problems.append(
                f"PostgreSQL has granted too much (kind|scope|what|sum|cap): {over}"
            )

    def judge(self, key, nd, what):
        cap = self.trial.caps.get(key)
        if cap is not None and nd > cap:
            self.problems.append(f"{what} {nd} nd, the cap is {cap}")

    def run(self):
        while not self.stopping.wait(0.05):
            with contextlib.suppress(single.sqlite3.Error):
                self.look()
            if self.samples % 4 == 0:
                with contextlib.suppress(RuntimeError):  # it is away
                    self.look_at_leases()

    def stop(self):
        self.stopping.set()
        self.join(10)


class Trial:
    def __init__(self, program, directory, seed, plain):
        self.random = random.Random(seed)
        self.upstream = Upstream()
        self.program, self.directory, self.plain = program, directory, plain
        self.caps = {}  # key id -> nd
        self.rounds = {}  # key id -> number
        self.problems = []
        self.worst = {}
        self.cluster = None

    async def start(self):
        self.cluster = Cluster(
            self.program, self.directory, NODES, self.configuration, plain=self.plain
        )
        server = await self.upstream.start(self.cluster.network.ours(0))
        self.upstream_port = server.sockets[0].getsockname()[1]
        for node in self.cluster.nodes:
            with open(node.config, encoding="utf-8") as file:
                text = file.read()
            node.configure(text.replace("UPSTREAM", str(self.upstream_port)))
        await asyncio.to_thread(self.cluster.start)
        return server

    def configuration(self, node):
        upstream = f"{node.network.ours(0)}:UPSTREAM"
        return configuration(
            f"{node.address}:{PORT}", upstream, server=", drain_timeout: 5s"
        )

    # --- keys and calls ---

    async def key(self, cap_nd, *limits, capped=True):
        """A key that all nodes know: (id, number of the round, secret)."""
        number = len(self.rounds) + 1
        arguments = ["key", "create", "-c", "sluice.yaml", "--name", f"round-{number}", "--json"]
        if capped:
            arguments += ["--cap-usd", f"{cap_nd / 1e9:.9f}"]
        node = self.cluster.nodes[0]
        secret = await asyncio.to_thread(self.create, node, [*arguments, *limits])
        with contextlib.closing(node.database()) as database:
            key = database.execute("SELECT max(id) FROM keys").fetchone()[0]
        self.rounds[key] = number
        if capped:
            self.caps[key] = cap_nd
        self.upstream.begin(number, cap_nd)
        for node in self.cluster.nodes:
            await self.known(node, secret, number)
        return key, number, secret

    @staticmethod
    def create(node, arguments):
        """Tried again while PostgreSQL, or a node that must be heard, is not back yet."""
        end = time.monotonic() + 20
        while True:
            status, text, problem = node.run(*arguments)
            if status == 0:
                return json.loads(text)["key"]
            if "authority_" not in problem or time.monotonic() > end:
                raise RuntimeError(f"key create: {problem}")
            time.sleep(0.1)

    async def known(self, node, secret, number):
        end = time.monotonic() + 15
        while time.monotonic() < end:
            # a model that nobody has: nothing is counted but the request
            status, _ = await self.call(node, secret, number, 0, 10**9)
            if status not in (0, 401):
                return
            await asyncio.sleep(0.02)
        raise RuntimeError(f"{node.name} does not know the key of round {number}")

    def call(self, node, secret, number, size, max_tokens):
        return single.call(PORT, secret, number, size, max_tokens, address=node.address)

    def any_node(self):
        return self.random.choice(self.cluster.nodes)

    # --- ledgers ---

    def ledger(self, node):
        """[(key, settled, held)] in one moment of the node's ledger."""
        with contextlib.closing(node.database()) as database:
            return database.execute(
                "SELECT key, sum(cost), sum(hold) FROM ("
                "SELECT key, cost_nd AS cost, 0 AS hold FROM attempts UNION ALL"
                " SELECT o.key, 0, h.amount_nd FROM holds h JOIN open_calls o ON o.call = h.call)"
                " GROUP BY key"
            ).fetchall()

    def spent(self, key):
        total = 0
        for node in self.cluster.nodes:
            total += sum(cost for number, cost, _ in self.ledger(node) if number == key)
        return total

    def settled(self):
        def quiet():
            for node in self.cluster.nodes:
                with contextlib.closing(node.database()) as database:
                    held = database.execute("SELECT count(*) FROM holds").fetchone()[0]
                    held += database.execute("SELECT record - open_record FROM state").fetchone()[0]
                if held != 0 or node.metrics().get("sluice_ledger_queue_depth") != 0:
                    return False
            return True

        wait_until(quiet, 60, "all ledgers have settled everything")

    async def worst_of(self, size, max_tokens):
        """What is held for a call of this size, as the ledger says."""
        if (size, max_tokens) not in self.worst:
            key, number, secret = await self.key(10**12, "--per", "total")
            self.upstream.wait = at_once
            status, code = await self.call(self.cluster.nodes[0], secret, number, size, max_tokens)
            if status != 200:
                raise RuntimeError(f"a lone call was refused: {status} {code}")
            await asyncio.to_thread(self.settled)
            with contextlib.closing(self.cluster.nodes[0].database()) as database:
                self.worst[size, max_tokens] = database.execute(
                    "SELECT max(held_nd) FROM attempts WHERE key = ?", (key,)
                ).fetchone()[0]
        return self.worst[size, max_tokens]

    def count(self, results, faulty):
        """How many were answered; everything else must be a refusal by the cap."""
        for status, code in results:
            if status == 200 or (status == 429 and code == "cap_exceeded"):
                continue
            if not (faulty and (status == 0 or (status, code) in REFUSED)):
                self.problems.append(f"a call ended with {status} {code}")
        return sum(1 for status, _ in results if status == 200)

    # --- caps ---

    async def one_size(self, period):
        """All of one size, none answered before all are decided."""
        size, max_tokens = 200, 100
        worst = await self.worst_of(size, max_tokens)
        key, number, secret = await self.key(worst * FITS + worst // 2, *period)
        decided = asyncio.Event()
        refused = 0

        def look():
            if refused + self.upstream.received[number] >= CALLS:
                decided.set()

        async def wait():
            look()
            await asyncio.wait_for(decided.wait(), 60)

        async def one(node):
            nonlocal refused
            result = await self.call(node, secret, number, size, max_tokens)
            refused += result[0] != 200
            look()
            return result

        self.upstream.wait = wait
        calls = [one(self.cluster.nodes[i % NODES]) for i in range(CALLS)]
        served = self.count(await asyncio.gather(*calls), False)
        if served != FITS:
            self.problems.append(f"{served} calls of one size were answered, not {FITS}")
        await self.spend_the_rest(key, number, secret, 0)

    async def spend_the_rest(self, key, number, secret, patience):
        """What is left can be spent on any node: a call that takes almost all of it is answered,
        one that takes a little more than all of it is not. After faults a node may need a moment
        (`patience`, s) to have its authorities back."""
        small = await self.worst_of(0, 1)
        self.upstream.wait = at_once
        end = time.monotonic() + patience
        for _ in range(3):
            await asyncio.to_thread(self.settled)
            left = self.caps[key] - self.spent(key)
            fits = (left - small) // single.OUTPUT_ND + 1
            node = self.any_node()
            status, code = await self.call(node, secret, number, 0, max(1, fits) + MARGIN)
            if status == 200:
                self.problems.append(f"answered what needs more than the {left} nd that are left")
            if fits <= MARGIN:
                return
            status, code = await self.patiently(
                node, secret, number, min(fits, 90000) - MARGIN, end
            )
            if status != 200:
                self.problems.append(
                    f"{node.name} refuses ({status} {code}) a call that fits, with {left} nd left"
                )
                return

    async def patiently(self, node, secret, number, max_tokens, end):
        while True:
            status, code = await self.call(node, secret, number, 0, max_tokens)
            if status == 200 or time.monotonic() >= end:
                return status, code
            await asyncio.sleep(0.2)

    async def mixed(self, period, faults):
        """Sizes of all kinds, answers after a while; `faults` in between."""
        mean = await self.worst_of(1500, 200)
        key, number, secret = await self.key(mean * FITS, *period)

        async def wait():
            await asyncio.sleep(self.random.uniform(0, 0.3))

        self.upstream.wait = wait
        sizes = [(self.random.randint(0, 3000), self.random.randint(1, 400)) for _ in range(CALLS)]
        half = CALLS if faults is None else CALLS // 2

        def begin(some):
            return [
                asyncio.create_task(self.call(self.any_node(), secret, number, *size))
                for size in some
            ]

        tasks = begin(sizes[:half])
        if faults is not None:
            await faults()
            tasks += begin(sizes[half:])
        self.count(await asyncio.gather(*tasks), faults is not None)
        if faults is not None:
            await self.whole_again()
        await self.spend_the_rest(key, number, secret, 0 if faults is None else 20)
        spent = self.spent(key)
        if spent > self.caps[key]:
            self.problems.append(f"{spent} nd were spent under a cap of {self.caps[key]}")

    # --- faults ---

    async def some_faults(self):
        """One to three at once, each mended after a while; calls of the second half meet them."""
        kinds = [
            self.node_dies,
            self.postgres_dies,
            self.postgres_hangs,
            self.redis_dies,
        ]
        if self.cluster.network.parts:
            kinds.append(self.cut_off)
        chosen = self.random.sample(kinds, self.random.choice((1, 1, 2, 3)))
        self.told = "+".join(kind.__name__ for kind in chosen)
        self.mending = []
        for kind in chosen:
            await asyncio.sleep(self.random.uniform(0.01, 0.4))
            await kind(self.random.uniform(0.05, 2.0))
        await asyncio.sleep(self.random.uniform(0, 0.3))

    def mend_later(self, seconds, mend):
        async def later():
            await asyncio.sleep(seconds)
            await asyncio.to_thread(mend)

        self.mending.append(asyncio.create_task(later()))

    async def node_dies(self, seconds):
        node = self.any_node()
        node.kill()
        self.mend_later(seconds, node.spawn)

    async def postgres_dies(self, seconds):
        await asyncio.to_thread(self.cluster.postgres.kill)
        self.mend_later(seconds, self.cluster.postgres.start)

    async def postgres_hangs(self, seconds):
        if self.cluster.postgres.process is not None:
            process = self.cluster.postgres.process
            pids = [process.pid, *self.cluster.postgres._backends()]
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)

            def go_on():
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)

            self.mend_later(seconds, go_on)

    async def redis_dies(self, seconds):
        self.cluster.redis.kill()
        self.mend_later(seconds, self.cluster.redis.start)

    async def cut_off(self, seconds):
        node = self.any_node()
        self.cluster.network.cut(node.name)
        self.mend_later(seconds * 2, lambda: self.cluster.network.mend(node.name))

    async def whole_again(self):
        await asyncio.gather(*self.mending)
        for node in self.cluster.nodes:
            await asyncio.to_thread(self.cluster.await_ready, node)

    # --- rates ---

    async def at_once_on_all(self, secret, number, count, size=0, max_tokens=1):
        calls = [
            self.call(self.cluster.nodes[i % NODES], secret, number, size, max_tokens)
            for i in range(count)
        ]
        results = await asyncio.gather(*calls)
        codes = {}
        for status, code in results:
            codes[status, code] = codes.get((status, code), 0) + 1
        return codes

    async def leasing(self):
        """All nodes have their authorities."""

        def all_are():
            return all(n.metrics().get("sluice_redis_leasing") == 1 for n in self.cluster.nodes)

        await asyncio.to_thread(wait_until, all_are, 20, "Redis grants to all nodes")

    def expect(self, codes, answered, code, away=False):
        """`answered` is a range; the others were refused with the code."""
        served = codes.get((200, None), 0)
        allowed = {(200, None), (429, code)} | ({(503, "authority_away")} if away else set())
        others = set(codes) - allowed
        if served not in answered or others:
            self.problems.append(f"answered {served}, wanted {answered}; all: {codes}")

    async def requests(self):
        await self.leasing()
        self.upstream.wait = at_once
        _, number, secret = await self.key(10**12, "--rpm", "60", capped=False)
        used = NODES  # known() asked each node once
        codes = await self.at_once_on_all(secret, number, 200)
        self.expect(codes, range(60 - used - 3, 60 - used + 1), "rate_limited")

    async def tokens(self):
        self.upstream.wait = at_once
        _, number, secret = await self.key(10**12, "--tpm", "4000", capped=False)
        for _ in range(4):
            await self.at_once_on_all(secret, number, 60, 50, 40)
        used = self.upstream.tokens[number] / single.OUTPUT_ND
        if used > 4000 or self.upstream.received[number] < 15:
            self.problems.append(
                f"{used:.0f} tokens at least, of 4000; {self.upstream.received[number]} calls"
            )

    async def parallel(self):
        _, number, secret = await self.key(10**12, "--parallel", "7", capped=False)

        async def wait():
            await asyncio.sleep(0.3)

        self.upstream.wait = wait
        for _ in range(3):
            codes = await self.at_once_on_all(secret, number, 60)
            self.expect(codes, range(7, 61), "parallel_limit")
        if self.upstream.most[number] != 7:
            self.problems.append(f"{self.upstream.most[number]} at the same time, the limit is 7")

    async def without_redis(self):
        """Each node has a third of it; and when Redis is back, empty, what was used is known."""
        self.upstream.wait = at_once
        _, number, secret = await self.key(10**12, "--rpm", "90", capped=False)
        self.cluster.redis.kill()
        codes = await self.at_once_on_all(secret, number, 300)
        self.expect(codes, range(80, 91), "rate_limited", True)
        await asyncio.to_thread(self.cluster.redis.start)
        await self.leasing()
        codes = await self.at_once_on_all(secret, number, 100)
        self.expect(codes, range(0, 11), "rate_limited")

    async def a_node_cut_off(self):
        """It has its third; the others share the whole, for it cannot be asked."""
        self.upstream.wait = at_once
        _, number, secret = await self.key(10**12, "--rpm", "90", capped=False)
        self.cluster.network.cut("node2")
        try:
            await asyncio.sleep(1)
            codes = await self.at_once_on_all(secret, number, 400)
            self.expect(codes, range(80, 90 + 30 + 1), "rate_limited", True)
        finally:
            self.cluster.network.mend("node2")
        await self.leasing()

    async def revoked(self):
        """Redis tells the node that PostgreSQL does not reach."""
        self.upstream.wait = at_once
        _, number, secret = await self.key(10**12, capped=False)
        first, second = self.cluster.nodes[:2]
        parts = self.cluster.network.parts
        if parts:
            self.cluster.network.block("node2", "pg")
        try:
            before, _ = await self.call(second, secret, number, 0, 1)
            name = f"round-{number}"
            await asyncio.to_thread(first.run, "key", "revoke", name, "-c", "sluice.yaml")
            status, code = await self.call(second, secret, number, 0, 1)
            if (before, status, code) != (200, 401, "key_revoked"):
                self.problems.append(f"answered {before}, then {status} {code}")
        finally:
            if parts:
                self.cluster.network.unblock("node2", "pg")

    def verify(self):
        for node in self.cluster.nodes:
            status, text, problem = node.run("ledger", "verify", "-c", "sluice.yaml")
            if status != 0:
                self.problems.append(f"{node.name}: ledger verify: {text}{problem}")


async def at_once():
    return None


class Steps:
    """Runs them one after another, each with its line."""

    def __init__(self, trial, sampler):
        self.trial, self.sampler = trial, sampler
        self.passed = self.failed = 0

    async def run(self, says, work):
        trial = self.trial
        start = time.monotonic()
        try:
            await work
            await asyncio.to_thread(trial.settled)
            await asyncio.to_thread(trial.verify)
        except Exception as problem:  # noqa: BLE001 - it is this step's result
            trial.problems.append(f"{type(problem).__name__}: {problem}")
        problems = trial.problems + trial.upstream.problems + self.sampler.problems
        trial.problems, trial.upstream.problems, self.sampler.problems = [], [], []
        self.passed += not problems
        self.failed += bool(problems)
        told = getattr(trial, "told", "")
        trial.told = ""
        print(
            f"{'not ok' if problems else 'ok'} {self.passed + self.failed} - {says}"
            + (f" ({told})" if told else "")
            + f" # {time.monotonic() - start:.1f} s",
            flush=True,
        )
        for problem in problems[:8]:
            print("# " + str(problem).replace("\n", "\n#   "), flush=True)
        return not problems


async def run(trial, rounds, only):
    server = await trial.start()
    sampler = Sampler(trial)
    steps = Steps(trial, sampler)
    good, parts = True, trial.cluster.network.parts
    if not parts:
        print(f"# no namespaces: {trial.cluster.network.why}", flush=True)
    if "caps" in only:
        for period in PERIODS:
            what = f"{CALLS} calls of one size on {NODES} nodes, {' '.join(period)}: {FITS} pass"
            good = good and await steps.run(what, trial.one_size(period))
        if good:
            good = await steps.run(
                f"{CALLS} calls of all sizes at once", trial.mixed(PERIODS[0], None)
            )
    if "keys" in only:
        where = ", also without PostgreSQL" if parts else ""
        await steps.run(f"a revoked key opens nothing{where}", trial.revoked())
    if "rates" in only:
        await steps.run("requests of a minute are those of all nodes", trial.requests())
        await steps.run("tokens of a minute are those of all nodes", trial.tokens())
        await steps.run("calls at the same time are those of all nodes", trial.parallel())
        await steps.run("without Redis each node has its part of a minute", trial.without_redis())
        if parts:
            await steps.run("a node that is cut off has its part", trial.a_node_cut_off())
    for number in range(1, rounds + 1):
        if good and "faults" in only:
            period = PERIODS[number % len(PERIODS)]
            what = f"{CALLS} calls of all sizes, {' '.join(period)}, faults {number} of {rounds}"
            good = await steps.run(what, trial.mixed(period, trial.some_faults))
    sampler.stop()
    print(f"# {sampler.samples} looks at the ledgers, {sampler.commits} at the leases", flush=True)
    server.close()
    return steps


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--long", action="store_true", help="50 rounds with faults")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", default="caps,rates,keys,faults")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--plain", action="store_true", help="without network namespaces")
    arguments = parser.parse_args()
    os.chdir(os.path.dirname(os.path.dirname(HERE)))
    rounds = arguments.rounds if arguments.rounds is not None else 50 if arguments.long else 2
    print(f"TAP version 13\n# seed {arguments.seed}", flush=True)
    trial = Trial(
        os.path.abspath(arguments.program),
        os.path.abspath("build/cluster"),
        arguments.seed,
        arguments.plain,
    )
    parts = False
    try:
        steps = asyncio.run(run(trial, rounds, arguments.only.split(",")))
        parts = trial.cluster.network.parts
    finally:
        if trial.cluster is not None:
            trial.cluster.close()
    passed, failed = steps.passed, steps.failed
    if not parts:
        # Whoever builds without being root must not fail for it; the long form is about this alone.
        word, end = ("not ok", "") if arguments.long else ("ok", " # SKIP no namespaces")
        failed += arguments.long
        print(f"{word} {passed + failed + (not arguments.long)} - nodes are cut off{end}")
    print(f"1..{passed + failed + (not parts and not arguments.long)}")
    print(f"# cluster: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    sys.exit(main())
