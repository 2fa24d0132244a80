#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
kill -9 under load, at random moments and at every fault point; then the gateway is started
again and what the clients, the upstream and the ledger noted is compared:

- what a client got in full is one call, complete, with one charged attempt at exactly the
  reported price;
- no request is charged twice, and none that was not answered is charged as reported;
- for every request that reached the upstream there is an attempt, settled or found interrupted;
- nothing stays open: no hold, no call.

The same once more for a cascade: a small model whose answers are checked and judged, a stronger one
that is asked where they are poor, and the exact cache, of which every request is asked again: each
of its attempts and judgements is charged once, what the cache repeats is a call that costs nothing.
And of a provider that charges more than its bound (crash_overrun.py): its key stays blocked.

    crash.py [--long] [--rounds N] [--points NAME,...] [--program build/fault/sluice] [--seed N]

TAP on stdout. Builds the variant `fault` with make when no program is named.
"""

import argparse
import collections
import contextlib
import glob
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from crash_load import (  # noqa: E402
    JUDGE_TOKENS,
    OUTPUT_TOKENS,
    Clients,
    NotingUpstream,
    cascade_asks,
)
from crash_overrun import rounds as overrun_rounds  # noqa: E402
from harness.process import Sluice, wait_until  # noqa: E402

INPUT_ND, OUTPUT_ND = 1000, 2000  # per token: $1 and $2 per million
CHARGE_CACHE = 6  # see enum charge_basis: an answer that was repeated
CLIENTS = 8
KILLS_OF_A_LEDGER = 25  # all that it holds is compared after each
# How often the long form passes a point: most are passed by every call or sync, these by every
# segment or commit, and some of them already at the start.
PASSINGS_LONG = (1, 2, 57)
PASSINGS_LONG_RARE = (1, 2, 4)
RARE_POINTS = re.compile(
    r"journal\.(prepare|rotate)d?|ledger\.(before_commit|after_commit|consumed)"
)
FAULT_TIMEOUT = 15.0
CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2 }}
log: {{ format: json, level: info, access: false }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{upstream}/v1" }}
targets:
  small: {{ provider: lab, model: small-1, tier: premium, context_tokens: 100000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
ledger: {{ path: ledger.db, segment_bytes: 1MB, sync: 20ms }}
"""
PRICES = {"small": (1000, 2000), "strong": (10000, 20000), "judge": (3000, 6000)}
CASCADE = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2 }}
log: {{ format: json, level: info, access: false }}
cache: {{ exact: {{ ttl: 1h }} }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{upstream}/v1" }}
targets:
  small: {{ provider: lab, model: small-1, tier: budget, context_tokens: 100000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
  strong: {{ provider: lab, model: strong-1, tier: premium, context_tokens: 100000,
    price: {{ input_per_mtok: 10, output_per_mtok: 20 }} }}
  judge: {{ provider: lab, model: judge-1, tier: mid, context_tokens: 100000,
    price: {{ input_per_mtok: 3, output_per_mtok: 6 }} }}
routes:
  auto: {{ targets: [small, strong], strategy: priority,
    escalate: {{ when: [empty, judge], judge: {{ target: judge, timeout: 20s }} }} }}
ledger: {{ path: ledger.db, segment_bytes: 1MB, sync: 20ms }}
"""


class Crash:
    """One gateway, its two witnesses, and the ledger that outlives its deaths."""

    cascade = False

    def __init__(self, program, directory, config=CONFIG):
        shutil.rmtree(directory, ignore_errors=True)
        self.upstream = NotingUpstream(self.cascade)
        self.sluice = Sluice(program, directory)
        self.sluice.configure(config.format(port=self.sluice.port, upstream=self.upstream.port))
        self.numbers = itertools.count(1)
        self.complete = {}
        self.repeated = {}
        self.problems = []
        self.hits = collections.Counter()

    def arm(self, fault):
        self.sluice.environment.pop("SLUICE_FAULT", None)
        if fault:
            self.sluice.environment["SLUICE_FAULT"] = fault

    def load_until(self, over):
        """Load until over() or the gateway's death; then the gateway is dead."""
        clients = Clients(self.sluice.port, CLIENTS, self.numbers, self.cascade)
        end = time.monotonic() + FAULT_TIMEOUT
        while self.sluice.process.poll() is None and not over() and time.monotonic() < end:
            time.sleep(0.002)
        died = self.sluice.process.poll() is not None
        self.sluice.kill()
        clients.stop()
        self.complete.update(clients.complete)
        self.repeated.update(clients.repeated)
        self.problems += clients.problems
        return died

    def settle_down(self):
        """Starts it again without faults until the ledger holds everything; then stops it."""
        self.arm(None)
        self.sluice.start(60)

        def quiet():
            with contextlib.closing(self.sluice.database()) as database:
                opened = sum(
                    database.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
                    for t in ("holds", "open_calls")
                )
                opened += database.execute("SELECT record - open_record FROM state").fetchone()[0]
            return opened == 0 and self.sluice.metrics().get("sluice_ledger_queue_depth") == 0

        wait_until(quiet, 30, "the ledger has closed every call")
        status = self.sluice.stop()
        if status != 0:
            self.problems.append(f"exit status {status}: {self.sluice.log()[-1000:]}")

    def rows(self):
        with contextlib.closing(self.sluice.database()) as database:
            calls = database.execute(
                "SELECT hex(id), complete, cost_nd, attempts, status FROM calls"
            ).fetchall()
            attempts = database.execute(
                "SELECT hex(call), attempt, outcome, reported, input, output, cost_nd, held_nd,"
                " (SELECT name FROM names WHERE id = attempts.target) FROM attempts"
                f" WHERE basis <> {CHARGE_CACHE}"
            ).fetchall()
            self.hits = collections.Counter(
                database.execute(
                    "SELECT hex(call), cost_nd, held_nd FROM attempts"
                    f" WHERE basis = {CHARGE_CACHE}"
                ).fetchall()
            )
            integrity = database.execute("PRAGMA integrity_check").fetchone()[0]
            nameless = database.execute(
                "SELECT count(*) FROM calls"
                " WHERE attempts > 0 AND 0 IN (target, endpoint, asked_model)"
            ).fetchone()[0]
        if nameless > 0:
            self.problems.append(f"{nameless} calls do not say what was asked, and which target")
        if integrity != "ok":
            self.problems.append(f"the database is damaged: {integrity}")
        return calls, attempts

    def compare(self):
        calls, attempts = self.rows()
        by_call = {}
        for attempt in attempts:
            by_call.setdefault(attempt[0], []).append(attempt)
        self.compare_clients({c[0]: c for c in calls}, by_call)
        self.compare_upstream(attempts)
        for call, _, cost, _, _ in calls:
            total = sum(a[6] for a in by_call.get(call, []))
            if total != cost:
                self.problems.append(f"call {call}: its cost is {cost}, its attempts cost {total}")
        for call in by_call.keys() - {c[0] for c in calls}:
            self.problems.append(f"call {call} has attempts and no row")
        return len(calls)

    def compare_clients(self, calls, by_call):
        for number, call_id in self.complete.items():
            name = call_id.replace("-", "").upper()
            row = calls.get(name)
            mine = by_call.get(name, [])
            expected = number * INPUT_ND + OUTPUT_TOKENS * OUTPUT_ND
            if row is None:
                self.problems.append(
                    f"request {number} (call {call_id}) was answered in full and has no row"
                )
            elif row[1] != 1 or row[4] != 200 or len(mine) != 1:
                self.problems.append(
                    f"request {number} was answered in full; its row says {row}, attempts {mine}"
                )
            elif (
                mine[0][2] != 0
                or mine[0][4] != number
                or mine[0][6] != expected
                or row[2] != expected
            ):
                self.problems.append(f"request {number} should cost {expected}: {row} {mine}")

    def compare_upstream(self, attempts):
        reported = [a[4] for a in attempts if a[3]]
        twice = (
            {n for n in reported if reported.count(n) > 1}
            if len(reported) != len(set(reported))
            else set()
        )
        received = self.upstream.received
        if twice:
            self.problems.append(f"charged more than once: {sorted(twice)[:10]}")
        if len(received) != len(set(received)):
            self.problems.append("a request reached the upstream twice")
        invented = set(reported) - set(received)
        if invented:
            self.problems.append(
                f"charged as reported, but never received: {sorted(invented)[:10]}"
            )
        unsettled = len(set(received) - set(reported))
        others = sum(1 for a in attempts if not a[3])
        if unsettled > others:
            self.problems.append(
                f"{unsettled} requests reached the upstream without a reported charge,"
                f" but only {others} attempts were found interrupted or failed"
            )
        self.compare_interrupted(attempts)

    def compare_interrupted(self, attempts):
        for call, _, outcome, is_reported, _, _, cost, held, _ in attempts:
            if outcome == 4 and (is_reported or cost != held):
                self.problems.append(f"call {call}: interrupted, charged {cost}, held {held}")

    def close(self):
        self.sluice.close()
        self.upstream.close()


class Cascade(Crash):
    """Checks, a judge, a stronger model and the cache."""

    cascade = True

    def __init__(self, program, directory):
        super().__init__(program, directory, CASCADE)

    @staticmethod
    def charge_of(target, number):
        output = JUDGE_TOKENS if target == "judge" else OUTPUT_TOKENS
        per_input, per_output = PRICES[target]
        return (target, number, output, number * per_input + output * per_output)

    def compare_clients(self, calls, by_call):
        for number, call_id in self.complete.items():
            name = call_id.replace("-", "").upper()
            row = calls.get(name)
            mine = sorted(by_call.get(name, []), key=lambda a: a[1])
            charged = [(a[8], a[4], a[5], a[6]) for a in mine]
            expected = [self.charge_of(target, number) for target in cascade_asks(number)]
            if row is None or row[1] != 1 or row[4] != 200:
                self.problems.append(f"request {number} was answered in full; its row says {row}")
            elif sorted(charged) != sorted(expected) or row[2] != sum(c[3] for c in expected):
                self.problems.append(f"request {number} should cost {expected}: {row} {mine}")
        for number, call_id in self.repeated.items():
            name = call_id.replace("-", "").upper()
            row = calls.get(name)
            asked_nobody = name not in by_call and self.hits[(name, 0, 0)] == 1
            if row is None or row[1:] != (1, 0, 1, 200) or not asked_nobody:
                self.problems.append(f"request {number}, repeated from the cache: {row}")

    def compare_upstream(self, attempts):
        reported = collections.Counter((a[8], a[4]) for a in attempts if a[3])
        received = collections.Counter(self.upstream.received)
        if reported - received:
            self.problems.append(f"charged more than asked: {list(reported - received)[:10]}")
        unsettled = sum((received - reported).values())
        others = sum(1 for a in attempts if not a[3])
        if unsettled > others:
            self.problems.append(
                f"{unsettled} requests reached the upstream without a reported charge,"
                f" but only {others} attempts were found interrupted or failed"
            )
        self.compare_interrupted(attempts)

    def compare(self):
        """Also the books, as the program itself sees them."""
        rows = super().compare()
        status, text, problem = self.sluice.run("ledger", "verify", "-c", "sluice.yaml")
        if status != 0:
            self.problems.append(f"ledger verify: {text}{problem}")
        return rows


NOT_REACHED = "death at"


def fault_points():
    """Those of the sources that a node by itself passes under load: ship.* are a cluster's, whose
    nodes tests/cluster/ledger.py kills; overrun.* are crash_overrun.py's."""
    found = set()
    for path in glob.glob("src/**/*.c", recursive=True):
        with open(path, encoding="utf-8") as file:
            found.update(re.findall(r'FAULT_POINT\("([^"]+)"\)', file.read()))
    return sorted(point for point in found if not point.startswith(("ship.", "overrun.")))


def random_rounds(crash, kills, rounds, random_source):
    """One report for each of these kills; the ledger stays."""
    for number in kills:
        crash.arm(None)
        crash.sluice.start(60)
        moment = time.monotonic() + random_source.uniform(0.01, 0.5)
        before = len(crash.complete)
        crash.load_until(lambda m=moment: time.monotonic() > m)
        crash.settle_down()
        rows = crash.compare()
        answers = len(crash.complete) - before
        what = "a cascade, kill" if crash.cascade else "kill"
        yield f"{what} {number} of {rounds} at a random moment ({answers} answers, {rows} rows)"


def passings(point, long):
    if point.startswith("ledger.recover"):
        return (1,)  # once per start, or once per call that a kill left open: often only one
    if not long:
        return (2,)
    return PASSINGS_LONG_RARE if RARE_POINTS.fullmatch(point) else PASSINGS_LONG


def starts_alive(crash):
    """False: it died of the armed point before it listened, which is a death like another."""
    try:
        crash.sluice.start(60)
    except RuntimeError:
        if crash.sluice.process.returncode != -signal.SIGKILL:
            raise
        return False
    return True


def at_point(program, root, point, passes):
    """A kill may leave no call open: then there is nothing to recover, and another one must do."""
    for number in range(4):
        problems = once_at_point(program, os.path.join(root, f"{point}-{number}"), point, passes)
        missed = any(NOT_REACHED in problem for problem in problems)
        if not (missed and point.startswith("ledger.recover")):
            break
    return problems


def once_at_point(program, root, point, passes):
    """Dies at the point: at the start, under load, or in the recovery after a kill under load."""
    crash = (Cascade if point.startswith("cascade.") else Crash)(program, root)
    try:
        crash.arm(f"{point}:{passes}")
        died = not starts_alive(crash)
        recovering = point.startswith("ledger.recover")
        if not died:
            end = time.monotonic() + (0.3 if recovering else FAULT_TIMEOUT)
            died = crash.load_until(lambda: time.monotonic() > end)
        if recovering:
            crash.sluice.spawn()
            died = wait_until(
                lambda: crash.sluice.process.poll() is not None, 10, f"{NOT_REACHED} {point}"
            )
        if not died:
            crash.problems.append("the point was never reached")
        crash.settle_down()
        crash.compare()
    except Exception as problem:  # noqa: BLE001 - it is this point's result
        crash.problems.append(f"{type(problem).__name__}: {problem}")
    finally:
        crash.close()
    return crash.problems


class Report:
    def __init__(self):
        self.number = 0
        self.failed = 0

    def tell(self, says, problems):
        self.number += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.number} - {says}", flush=True)
        for problem in problems[:8]:
            print("# " + problem.replace("\n", "\n#   "), flush=True)


def kill_one_ledger(crash, kills, rounds, source, report):
    """False: something was wrong."""
    try:
        for says in random_rounds(crash, kills, rounds, source):
            report.tell(says, crash.problems)
            if crash.problems:
                return False
    except Exception as problem:  # noqa: BLE001
        report.tell(
            "kills at random moments", crash.problems + [f"{type(problem).__name__}: {problem}"]
        )
        return False
    finally:
        crash.close()
    return True


def read_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program")
    parser.add_argument(
        "--long", action="store_true", help="1,000 kills, and each point at several passings"
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--points", help="names; 'none' for none; default: all of the sources")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser.parse_args()


def main():
    arguments = read_arguments()
    os.chdir(os.path.dirname(os.path.dirname(HERE)))
    program = arguments.program or "build/fault/sluice"
    if arguments.program is None:
        subprocess.run(
            ["make", "-j2", "VARIANT=fault", program], check=True, stdout=subprocess.DEVNULL
        )
    rounds = arguments.rounds if arguments.rounds is not None else 1000 if arguments.long else 20
    points = (
        fault_points()
        if not arguments.points
        else [p for p in arguments.points.split(",") if p != "none"]
    )
    root = os.path.abspath(os.path.join("build", "crash"))
    report = Report()
    print(f"TAP version 13\n# seed {arguments.seed}", flush=True)
    source = random.Random(arguments.seed)
    for first in range(1, rounds + 1, KILLS_OF_A_LEDGER):
        kills = range(first, min(first + KILLS_OF_A_LEDGER, rounds + 1))
        crash = Crash(program, os.path.join(root, "random"))
        if not kill_one_ledger(crash, kills, rounds, source, report):
            break
    rounds = (rounds + 3) // 4
    for first in range(1, rounds + 1, KILLS_OF_A_LEDGER):
        kills = range(first, min(first + KILLS_OF_A_LEDGER, rounds + 1))
        crash = Cascade(program, os.path.join(root, "cascade"))
        if not kill_one_ledger(crash, kills, rounds, source, report):
            break
    for says, problems in overrun_rounds(program, root) if arguments.points is None else ():
        report.tell(says, problems)
    for point in points:
        for passes in passings(point, arguments.long):
            report.tell(
                f"killed at {point}, passing {passes}", at_point(program, root, point, passes)
            )
    print(f"1..{report.number}")
    print(f"# crash: {report.number - report.failed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
