#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Three nodes as plain processes on one real PostgreSQL; a thousand calls at once over all of them
against a cap that fits 37. Witnesses: the upstream adds up what is under way and what it has
answered, at every request; PostgreSQL's leases are read over and over; afterwards the ledgers of
all nodes are added up, and what is left of the cap can be spent, on any node.

- calls of one size are answered exactly 37 times, of mixed sizes never beyond the cap;
- a node that is killed keeps what it had until it is back, then it is free again;
- PostgreSQL restarted: calls wait or are refused, nothing is spent twice;
- PostgreSQL away: what was granted is spent, then authority_away (deny), or the node's own limit
  alone holds (allow); the gateways stay ready.

    cluster_caps.py [--program build/release/sluice] [--seed N]

TAP on stdout.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import caps as single  # noqa: E402
from harness.configuration import cluster_section, configuration  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from harness.process import Sluice, wait_until  # noqa: E402

NODES = 3
CALLS = 1000
FITS = 37
SIZE, MAX_TOKENS = 200, 100
REFUSED = {(429, "cap_exceeded"), (503, "authority_away")}


class Leases(threading.Thread):
    """Reads PostgreSQL again and again: has more been granted of a cap than it allows?"""

    def __init__(self, postgres):
        super().__init__(daemon=True)
        self.postgres = postgres
        self.samples, self.problems = 0, []
        self.stopping = threading.Event()
        self.start()

    def run(self):
        while not self.stopping.wait(0.05):
            with contextlib.suppress(RuntimeError):
                rows = self.postgres.sql(
                    "SELECT m.scope, m.amount, sum(l.spent + l.room) FROM sluice.lease_meters m"
                    " JOIN sluice.leases l ON l.meter = m.id WHERE m.what = 0"
                    " GROUP BY 1, 2 HAVING sum(l.spent + l.room) > m.amount"
                )
                self.samples += 1
                if rows:
                    self.problems.append(f"granted beyond a cap (scope|cap|granted): {rows}")

    def stop(self):
        self.stopping.set()
        self.join(10)


class Cluster:
    def __init__(self, program, directory, seed):
        shutil.rmtree(directory, ignore_errors=True)
        self.random = random.Random(seed)
        self.postgres = Postgres().start()
        self.upstream = single.Upstream()
        self.nodes = [Sluice(program, os.path.join(directory, f"n{n}")) for n in range(NODES)]
        self.caps = {}
        self.rounds = 0
        self.problems = []

    def configure(self, away="deny"):
        for number, node in enumerate(self.nodes):
            ways = f", when_away: {away}, lease_wait: 2s"
            more = cluster_section(f"n{number}", self.postgres.url(), ways)
            text = configuration(node.port, self.upstream.port, more=more)
            node.configure(text)

    def close(self):
        for node in self.nodes:
            node.close()
        self.postgres.close()

    def key(self, cap_nd):
        self.rounds += 1
        status, text, problem = self.nodes[0].run(
            "key", "create", "-c", "sluice.yaml", "--name", f"round-{self.rounds}", "--json",
            "--cap-usd", f"{cap_nd / 1e9:.9f}", "--per", "total",
        )
        if status != 0:
            raise RuntimeError(f"key create: {problem}")
        self.upstream.begin(self.rounds, cap_nd)
        with contextlib.closing(self.nodes[0].database()) as database:
            number = database.execute("SELECT max(id) FROM keys").fetchone()[0]
        self.caps[number] = cap_nd
        return number, json.loads(text)["key"]

    async def known(self, secret):
        end = time.monotonic() + 20
        for node in self.nodes:
            status = 0
            while status in (0, 401) and time.monotonic() < end:
                status, _ = await single.call(node.port, secret, self.rounds, 0, 10**9)
                await asyncio.sleep(0.02)
            if status in (0, 401):
                self.problems.append(f"a node does not know the key: {status}")

    def settled(self):
        def quiet():
            held = 0
            for node in self.nodes:
                with contextlib.closing(node.database()) as database:
                    held += database.execute("SELECT count(*) FROM holds").fetchone()[0]
                    held += database.execute("SELECT record - open_record FROM state").fetchone()[0]
                held += node.metrics().get("sluice_ledger_queue_depth", 1)
            return held == 0

        wait_until(quiet, 30, "all ledgers have settled everything")

    def spent(self, key, column="sum(cost_nd)"):
        total = 0
        for node in self.nodes:
            with contextlib.closing(node.database()) as database:
                total += database.execute(
                    f"SELECT coalesce({column}, 0) FROM attempts WHERE key = ?", (key,)
                ).fetchone()[0]
        return total

    def connected(self):
        wait_until(
            lambda: all(n.metrics().get("sluice_lease_authority_up") == 1 for n in self.nodes),
            30,
            "all nodes have PostgreSQL",
        )

    def ready(self):
        for node in self.nodes:
            status, _ = node.api("/readyz")
            if status != 200:
                self.problems.append(f"/readyz answers {status}")

    async def at_once(self):
        return None

    async def one(self, secret, node, size=SIZE, max_tokens=MAX_TOKENS):
        return await single.call(self.nodes[node].port, secret, self.rounds, size, max_tokens)

    async def worst(self):
        key, secret = self.key(10**12)
        await self.known(secret)
        self.upstream.wait = self.at_once
        result = await self.one(secret, 0)
        if result != (200, None):
            raise RuntimeError(f"a lone call was refused: {result}")
        await asyncio.to_thread(self.settled)
        return self.spent(key, "max(held_nd)")

    def count(self, results, may_break=False):
        for result in results:
            if result[0] == 200 or result in REFUSED or (may_break and result[0] == 0):
                continue
            self.problems.append(f"a call ended with {result}")
        return sum(1 for result in results if result[0] == 200)

    async def crowd_of_one_size(self, worst):
        """None is answered before all are decided."""
        _, secret = self.key(worst * FITS + worst // 2)
        await self.known(secret)
        decided, refused = asyncio.Event(), 0

        async def wait():
            await asyncio.wait_for(decided.wait(), 60)

        async def one(number):
            nonlocal refused
            result = await self.one(secret, number % NODES)
            refused += result[0] != 200
            return result

        async def watch():
            while refused + self.upstream.received[self.rounds] < CALLS:
                await asyncio.sleep(0.01)
            decided.set()

        self.upstream.wait = wait
        watcher = asyncio.create_task(watch())
        results = await asyncio.gather(*[one(number) for number in range(CALLS)])
        served = self.count(results)
        await watcher
        if served != FITS:
            self.problems.append(f"{served} calls of one size were answered, not {FITS}")

    async def crowd_of_many_sizes(self, worst, disturb=None):
        key, secret = self.key(worst * FITS)
        await self.known(secret)

        async def wait():
            await asyncio.sleep(self.random.random() * 0.03)

        async def one(number):
            await asyncio.sleep(self.random.random() * 1.5)
            size, tokens = self.random.randint(0, 2 * SIZE), self.random.randint(1, 2 * MAX_TOKENS)
            return await self.one(secret, number % NODES, size, tokens)

        self.upstream.wait = wait
        crowd = asyncio.gather(*[one(number) for number in range(CALLS)])
        if disturb is not None:
            await asyncio.sleep(0.6)
            await asyncio.to_thread(disturb)
        self.count(await crowd, disturb is not None)
        for node in self.nodes:
            if node.process.poll() is not None:
                node.start()
        await asyncio.to_thread(self.connected)
        await self.spend_the_rest(key, secret, worst)

    async def spend_the_rest(self, key, secret, worst):
        """On one node after the other, down to less than a call needs."""
        self.upstream.wait = self.at_once
        refused = 0
        for turn in range(400):
            await asyncio.to_thread(self.settled)
            left = self.caps[key] - self.spent(key)
            status, code = await self.one(secret, turn % NODES)
            if status == 429 and left >= worst:
                self.problems.append(f"refused ({code}) with {left} nd left of {self.caps[key]}")
                return
            if status == 200 and left < worst:
                self.problems.append(f"answered with {left} nd left, {worst} are held")
                return
            refused = refused + 1 if status == 429 else 0
            if refused == NODES:
                break
        if self.spent(key) > self.caps[key]:
            self.problems.append(f"{self.spent(key)} nd of {self.caps[key]} were spent")

    def kill_one(self):
        self.nodes[self.random.randrange(1, NODES)].kill()

    def restart_postgres(self):
        self.postgres.kill()
        time.sleep(0.3)
        self.postgres.start()

    async def away_denied(self, worst):
        _, secret = self.key(worst * FITS)
        await self.known(secret)
        self.upstream.wait = self.at_once
        if (await self.one(secret, 0))[0] != 200:
            self.problems.append("a call was refused before PostgreSQL went away")
        await asyncio.to_thread(self.postgres.stop)
        results = [await self.one(secret, 1) for _ in range(FITS + 5)]
        if results[-1] != (503, "authority_away"):
            self.problems.append(f"away, the last call ended with {results[-1]}")
        self.count(results)
        await asyncio.to_thread(self.ready)
        await asyncio.to_thread(self.postgres.start)
        await asyncio.to_thread(self.connected)
        for number in range(NODES):
            result = await self.one(secret, number)
            if result[0] != 200:
                self.problems.append(f"back again, a call ended with {result}")

    async def away_allowed(self, worst):
        for node in self.nodes:
            node.stop()
        self.configure("allow")
        for node in self.nodes:
            node.start()
        key, secret = self.key(worst * FITS)
        self.upstream.limit[self.rounds] = NODES * worst * FITS
        await self.known(secret)
        self.upstream.wait = self.at_once
        await asyncio.to_thread(self.postgres.stop)
        results = [await self.one(secret, n % NODES) for n in range(6 * NODES)]
        if self.count(results) != len(results):
            self.problems.append(f"allowed, but refused: {results}")
        if not any(n.metrics().get("sluice_lease_unleased_total", 0) > 0 for n in self.nodes):
            self.problems.append("what went without a lease is not counted")
        await asyncio.to_thread(self.postgres.start)
        await asyncio.to_thread(self.connected)
        await asyncio.to_thread(self.settled)

        def told():
            total = self.postgres.sql(
                "SELECT sum(l.spent) FROM sluice.leases l JOIN sluice.lease_meters m"
                f" ON m.id = l.meter WHERE m.scope = {key}"
            )
            return total != "" and int(total) == self.spent(key)

        await asyncio.to_thread(wait_until, told, 30, "PostgreSQL knows what was spent meanwhile")


async def run(cluster, check):
    server = await cluster.upstream.start()
    cluster.configure()
    for node in cluster.nodes:
        node.start()
    await asyncio.to_thread(cluster.connected)
    worst = await cluster.worst()
    leases = Leases(cluster.postgres)
    parts = (
        ("a thousand calls of one size on three nodes: 37", cluster.crowd_of_one_size, {}),
        ("mixed sizes: never beyond the cap, all of it is used", cluster.crowd_of_many_sizes, {}),
        ("a node is killed", cluster.crowd_of_many_sizes, {"disturb": cluster.kill_one}),
        ("so is PostgreSQL", cluster.crowd_of_many_sizes, {"disturb": cluster.restart_postgres}),
        ("PostgreSQL away, deny", cluster.away_denied, {}),
    )
    for name, part, options in parts:
        await part(worst, **options)
        check(name, cluster.problems + cluster.upstream.problems + leases.problems)
    leases.stop()
    check(f"no cap was granted twice ({leases.samples} looks)", [] if leases.samples else ["none"])
    await cluster.away_allowed(worst)
    check("PostgreSQL away, allow", cluster.problems + cluster.upstream.problems)
    server.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="sluice-caps-")
    cluster = Cluster(arguments.program, directory, arguments.seed)
    points = failed = 0

    def check(name, problems):
        nonlocal points, failed
        points += 1
        failed += bool(problems)
        for problem in problems[:5]:
            print(f"# {problem}")
        print(f"{'not ok' if problems else 'ok'} {points} - {name}", flush=True)
        problems.clear()
        cluster.problems.clear()
        cluster.upstream.problems.clear()

    print(f"# seed {arguments.seed}")
    try:
        asyncio.run(run(cluster, check))
    finally:
        cluster.close()
    print(f"1..{points}")
    if not failed:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
