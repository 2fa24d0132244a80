#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The machine's wall clock jumps while the gateway runs (libfaketime): over midnight, over the end of
the month, back, forward again, also with a restart in between. The monotonic clock goes on as it
does on a real machine.

- a cap is reset once for each day or month that is entered, however often the clock enters it;
- what a period allows is never exceeded;
- limits of a minute and the timeouts of a call under way do not notice;
- a rolling cap stays spent, also when it gets another span, as long as its time has not passed;
- with a retention of a day nothing is removed while the clock jumps by months;
- seconds back and forth between overlapping holds, and another caps.time_zone, change nothing;
- no row is lost or charged wrongly, no duration is measured by the wall clock, and `sluice ledger
  verify` finds nothing after each of it: but a cap that is set below what was spent under it.

    clock.py [--program build/release/sluice]

TAP on stdout.
"""

import argparse
import calendar
import contextlib
import json
import os
import re
import sqlite3
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from crash import Crash  # noqa: E402
from crash_load import OUTPUT_TOKENS  # noqa: E402
from harness import http1  # noqa: E402

LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
)
INPUT_ND, OUTPUT_ND = 1000, 2000
CAP_ND = 2_000_000
PADDING = " ".join(["word"] * 120)  # the worst case is known from the bytes
PER_MINUTE = 4
CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2 }}
log: {{ format: json, level: info, access: false }}
keys: {{ required: true }}
caps: {{ time_zone: UTC }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{upstream}/v1" }}
targets:
  small: {{ provider: lab, model: small-1, tier: premium, context_tokens: 100000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
ledger: {{ path: ledger.db, sync: 20ms, retention: 1d }}
"""
WOBBLES = (-7, 3, -2, 11, -20, 5, -1, 30, -30)  # seconds


def seconds(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M"))


class Clock(Crash):
    def __init__(self, program, directory, library):
        super().__init__(program, directory, CONFIG)
        self.path = os.path.join(self.sluice.directory, "clock")
        self.sluice.environment.update(
            LD_PRELOAD=library,
            FAKETIME_TIMESTAMP_FILE=self.path,
            FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
            DONT_FAKE_MONOTONIC="1",
            NO_FAKE_STAT="1",
            TZ="UTC",
        )
        self.secrets = {}

    def jump(self, text):
        """The wall clock says this now, and goes on."""
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(f"{seconds(text) - time.time():+.3f}\n")
        os.replace(self.path + ".new", self.path)

    def wobble(self, seconds_by):
        """The wall clock is put forth or back by so much."""
        with open(self.path, encoding="ascii") as file:
            offset = float(file.read())
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(f"{offset + seconds_by:+.3f}\n")
        os.replace(self.path + ".new", self.path)

    def zone(self, name):
        """Another time zone of the caps, from the next start on."""
        with open(self.sluice.config, encoding="utf-8") as file:
            text = file.read()
        with open(self.sluice.config, "w", encoding="utf-8") as file:
            file.write(re.sub("time_zone: [^ ]*", f"time_zone: {name}", text))

    def verify(self, when):
        status, text, problem = self.sluice.run("ledger", "verify", "-c", self.sluice.config)
        if status != 0:
            self.problems.append(f"{when}: ledger verify: {text}{problem}")

    def key(self, name, *limits):
        status, text, problem = self.sluice.run(
            "key", "create", "-c", self.sluice.config, "--name", name, "--json", *limits
        )
        if status != 0:
            raise RuntimeError(f"key create: {problem}")
        self.secrets[name] = json.loads(text)["key"]

    def limit(self, name, *limits):
        status, text, problem = self.sluice.run(
            "key", "limit", "-c", self.sluice.config, *limits, "key:" + name
        )
        if status != 0:
            raise RuntimeError(f"key limit: {text}{problem}")

    def call(self, name, connection):
        """(status, code, cost in nano-dollars) of one call with this key."""
        number = next(self.numbers)
        body = json.dumps(
            {
                "model": "auto",
                "max_tokens": 20,
                "messages": [{"role": "user", "content": f"request-{number}- {PADDING}"}],
            }
        ).encode()
        connection.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nAuthorization: Bearer "
            + self.secrets[name].encode()
            + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
            + body
        )
        answer = http1.read_answer(connection)
        if answer.status == 200:
            self.complete[number] = answer.header("x-sluice-call-id")
            return 200, None, number * INPUT_ND + OUTPUT_TOKENS * OUTPUT_ND
        return answer.status, json.loads(answer.body)["error"]["code"], 0

    def spend(self, name):
        """What this key still gets, until it is refused."""
        spent = 0
        connection = http1.connect(self.sluice.port, 20)
        with contextlib.closing(connection):
            for _ in range(200):
                status, code, cost = self.call(name, connection)
                spent += cost
                if status == 429:
                    return spent
                if status != 200:
                    raise RuntimeError(f"{name}: {status} {code}")
        raise RuntimeError(f"{name}: 200 calls, and no refusal")

    def expect(self, when, name, fresh):
        spent = self.spend(name)
        if fresh and not 0 < spent <= CAP_ND:
            self.problems.append(f"{when}: the key {name} should have {CAP_ND} nd, it got {spent}")
        if not fresh and spent != 0:
            self.problems.append(f"{when}: the key {name} should have nothing, it got {spent}")

    def check_durations(self):
        with contextlib.closing(self.sluice.database()) as database:
            wrong = database.execute(
                "SELECT count(*) FROM calls WHERE total_us < 0 OR total_us > 60000000"
            ).fetchone()[0]
            wrong += database.execute(
                "SELECT count(*) FROM attempts WHERE total_us < 0 OR total_us > 60000000"
            ).fetchone()[0]
        if wrong:
            self.problems.append(f"{wrong} durations are the wall clock's")


# When, and whether it is the first time that the clock is in this day, and in this month. "restart"
# starts the gateway again at that time.
STEPS = (
    ("2026-03-30 12:00", "", True, True),
    ("2026-03-30 23:58", "", False, False),
    ("2026-03-31 00:01", "over midnight", True, False),
    ("2026-03-30 12:00", "back", False, False),
    ("2026-03-31 00:02", "forward again", False, False),
    ("2026-04-01 00:01", "over the end of the month", True, True),
    ("2026-03-31 12:00", "back", False, False),
    ("2026-03-31 12:01", "back, restart", False, False),
    ("2026-04-01 12:00", "forward again, to where it has been", False, False),
    ("2026-03-31 12:00", "back once more", False, False),
    ("2026-04-02 00:01", "two days on", True, False),
    ("2026-04-02 00:02", "restart", False, False),
    ("2026-05-03 00:01", "a month on", True, True),
    ("2026-04-02 12:00", "back, restart", False, False),
    ("2026-05-03 00:03", "restart", False, False),
)


def run(clock):
    clock.jump(STEPS[0][0])
    clock.sluice.start(60)
    cap = f"{CAP_ND / 1e9:.9f}"
    clock.key("day", "--cap-usd", cap, "--per", "day")
    clock.key("month", "--cap-usd", cap, "--per", "month")
    clock.key("minute", "--rpm", str(PER_MINUTE))
    clock.key("rolling", "--cap-usd", cap, "--rolling", "24h")
    clock.key("wobble", "--cap-usd", f"{4 * CAP_ND / 1e9:.9f}", "--per", "day")
    clock.key("free")
    clock.sluice.stop()
    clock.sluice.start(60)
    clock.spend("minute")
    roll(clock, "at first", True)
    for when, how, fresh_day, fresh_month in STEPS:
        if "restart" in how:
            clock.sluice.stop()
        clock.jump(when)
        if "restart" in how:
            clock.sluice.start(60)
            clock.spend("minute")
        else:
            clock.problems += limits_notice(clock, when)
        clock.expect(f"{when} {how}", "day", fresh_day)
        clock.expect(f"{when} {how}", "month", fresh_month)
        roll(clock, f"{when} {how}")
        clock.verify(f"{when} {how}")
    for span in ("48h", "1h", "30d"):
        clock.limit("rolling", "--rolling", "24h", "--cap-usd", "none")
        clock.limit("rolling", "--rolling", span, "--cap-usd", f"{CAP_ND / 1e9:.9f}")
        roll(clock, f"a span of {span}")
        clock.limit("rolling", "--rolling", span, "--cap-usd", "none")


def overlap(clock):
    """Calls that overlap while the clock is put back and forth by seconds, up to a cap."""
    stopping = threading.Event()

    def client():
        connection = http1.connect(clock.sluice.port, 20)
        with contextlib.closing(connection):
            while not stopping.wait(0.1):  # what a call costs grows with their number
                status, code, _ = clock.call("wobble", connection)
                if status == 429 and code != "cap_exceeded":
                    clock.problems.append(f"the clock wobbles: {status} {code}")

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    for seconds_by in WOBBLES:
        time.sleep(0.25)
        clock.wobble(seconds_by)
    time.sleep(0.25)
    stopping.set()
    for thread in clients:
        thread.join()


def change_zone(clock):
    """Around midnight here and there: nothing of the day before comes again at once."""
    for name, when in (
        ("Asia/Tokyo", "2026-05-10 16:00"),
        ("America/Los_Angeles", "2026-05-10 16:30"),
        ("UTC", "2026-05-11 00:30"),
    ):
        clock.sluice.stop()
        clock.zone(name)
        clock.jump(when)
        clock.sluice.start(60)
        clock.spend("day")
        clock.expect(f"{name} {when}", "day", False)
        clock.verify(f"caps.time_zone {name}")


def roll(clock, how, fresh=False):
    clock.expect(how, "rolling", fresh)


def limits_notice(clock, when):
    """A minute's limit is the monotonic clock's: it does not come back with a jump. At most one
    bucket's worth of real time has passed."""
    connection = http1.connect(clock.sluice.port, 20)
    with contextlib.closing(connection):
        status, code, _ = clock.call("minute", connection)
    return [] if status == 429 else [f"{when}: the limit of a minute was reset ({status} {code})"]


def check_tampering(clock):
    """What is still found: a cap lower than what was spent under it, as if it had always been."""
    database = sqlite3.connect(os.path.join(clock.sluice.directory, "ledger.db"))
    with contextlib.closing(database):
        database.execute(
            "UPDATE caps SET amount_nd = 1000 WHERE period = 1 AND scope ="
            " (SELECT id FROM keys WHERE name = 'day')"
        )
        database.execute(
            "UPDATE audit SET detail = replace(detail, ?, '0.000001') WHERE detail LIKE '%day%'",
            (f"{CAP_ND / 1e9:.9f}",),
        )
        database.commit()
    status, text, problem = clock.sluice.run("ledger", "verify", "-c", clock.sluice.config)
    if status == 0:
        clock.problems.append("a cap below what was spent was not found")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program")
    arguments = parser.parse_args()
    os.chdir(os.path.dirname(os.path.dirname(HERE)))
    library = next((path for path in LIBRARIES if os.path.exists(path)), None)
    if library is None:
        print("1..0 # SKIP libfaketime is not installed")
        return 0
    clock = Clock(
        arguments.program or "build/release/sluice", os.path.join("build", "clock"), library
    )
    counts = [0, 0]

    def tell(says):
        counts[bool(clock.problems)] += 1
        word = "not ok" if clock.problems else "ok"
        print(f"{word} {sum(counts)} - {says}", flush=True)
        for problem in clock.problems[:12]:
            print("# " + str(problem).replace("\n", "\n#   "), flush=True)
        clock.problems = []

    print("TAP version 13", flush=True)
    try:
        run(clock)
        tell("each day and each month is entered once, whatever the clock does")
        overlap(clock)
        clock.verify("seconds back and forth")
        tell("calls that overlap while the clock is put back by seconds are in order")
        change_zone(clock)
        tell("another time zone gives no day twice at once, and breaks no book")
        clock.sluice.stop()
        clock.sluice.start(60)
        clock.sluice.stop()
        clock.verify("at the end")
        clock.compare()
        check_tampering(clock)
        tell("no row is lost or charged wrongly")
        clock.check_durations()
        tell("durations are the monotonic clock's")
    except Exception as problem:  # noqa: BLE001
        clock.problems.append(f"{type(problem).__name__}: {problem}")
        tell("the clock jumps")
    finally:
        clock.close()
    print(f"1..{sum(counts)}\n# clock: {counts[0]} passed, {counts[1]} failed")
    return 1 if counts[1] else 0


if __name__ == "__main__":
    sys.exit(main())
