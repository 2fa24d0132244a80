#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The ledger's disk and database fail while the gateway is under load; then they are well again. Each
case is the real program, with the same three witnesses as the crash tests (clients, upstream,
ledger), which must agree afterwards: what was answered is a row, charged once, at the right price.

- full: the disk (a small tmpfs) has no room. Under `when_full: deny` calls go on until the journal
  is full and are then refused before anything is sent; under `allow` they go on. A start on the
  full disk is refused, and nothing is damaged by it. With room again it goes on by itself.
- locked: another process holds the database's write lock. Calls go on.
- slow: every sync takes a third of a second. Calls do not notice.
- corrupt: a byte of the database is flipped. Calls go on, the log says so, a start on it is refused
  and `ledger verify` names it; after `ledger restore` of a copy the journal brings the rest.
- gone: the database is moved away. Calls go on; it is never made anew; it comes back.
- replaced: a copy is put in its place. Calls go on; the journal brings what the copy lacks.

    disk.py [--program build/release/sluice] [CASE...]

TAP on stdout. Needs a mount namespace of its own: starts itself again under unshare(1).
"""

import argparse
import contextlib
import os
import sqlite3
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from crash import Crash  # noqa: E402
from crash_load import Clients  # noqa: E402
from harness.process import wait_until  # noqa: E402

CLIENTS = 4
DISK_BYTES = 16 << 20
SLOW_SYNC_MS = 300
CONFIG = """\
server: {{{{ listen: 127.0.0.1:{{port}}, workers: 2 }}}}
log: {{{{ format: json, level: info, access: false }}}}
providers:
  lab: {{{{ preset: openai-compatible, base_url: "http://127.0.0.1:{{upstream}}/v1" }}}}
targets:
  small: {{{{ provider: lab, model: small-1, tier: premium, context_tokens: 100000,
    price: {{{{ input_per_mtok: 1, output_per_mtok: 2 }}}} }}}}
ledger: {{{{ path: disk/ledger.db, segment_bytes: {segment}, sync: 20ms, when_full: {policy} }}}}
"""


class Patient(Clients):
    """Notes refusals and how long each call took, and goes on."""

    def __init__(self, port, count, numbers):
        self.refused = []
        self.seconds = []
        super().__init__(port, count, numbers)

    def _call(self, connection, number):
        begin = time.monotonic()
        super()._call(connection, number)
        self.seconds.append(time.monotonic() - begin)

    def refuse(self, number, answer):
        if answer.status == 503 and b"ledger_full" in answer.body:
            self.refused.append(number)
            time.sleep(0.002)  # a client would wait longer
        else:
            super().refuse(number, answer)


class Disk(Crash):
    """A gateway whose ledger is in a directory of its own, `disk`."""

    def __init__(self, program, directory, segment="16MB", policy="deny"):
        super().__init__(program, directory, CONFIG.format(segment=segment, policy=policy))
        self.disk = os.path.join(self.sluice.directory, "disk")
        self.sluice.ledger = "disk/ledger.db"
        self.clients = None
        os.mkdir(self.disk)

    def recorded(self, count):
        """Waits until so many calls are in the database."""

        def there():
            with contextlib.closing(self.sluice.database()) as database:
                return database.execute("SELECT count(*) FROM calls").fetchone()[0] >= count

        wait_until(there, 20, f"{count} calls in the database")

    def path(self, name):
        return os.path.join(self.disk, name)

    def begin(self):
        self.sluice.start()
        self.clients = Patient(self.sluice.port, CLIENTS, self.numbers)
        self.answered(100, "before the fault")

    def answered(self, more, when):
        """Waits for so many more answers."""
        goal = len(self.clients.complete) + more
        wait_until(lambda: len(self.clients.complete) >= goal, 20, f"{more} more answers {when}")

    def end(self):
        """The load stops; the ledger holds everything; the witnesses agree."""
        self.clients.stop()
        self.complete.update(self.clients.complete)
        self.problems += self.clients.problems
        if self.sluice.process.poll() is not None:
            self.problems.append(f"it died: {self.sluice.log()[-800:]}")
        self.sluice.stop()
        self.settle_down()
        self.compare()
        sent = set(self.upstream.received) & set(self.clients.refused)
        if sent:
            self.problems.append(f"refused and yet sent to the upstream: {sorted(sent)[:5]}")
        self.verify(True)

    def verify(self, sound):
        status, out, err = self.sluice.run("ledger", "verify", "-c", self.sluice.config)
        if (status == 0) != sound:
            self.problems.append(f"`ledger verify` says {status}: {out}{err}")
        return out + err

    def says(self, code, when):
        wait_until(lambda: code in self.sluice.log(), 20, f"the log says {code} {when}")

    def refuses_to_start(self, code):
        self.sluice.spawn()
        try:
            status = self.sluice.process.wait(20)
        except subprocess.TimeoutExpired:
            self.sluice.kill()
            status = "running"
        text = self.sluice.log()
        if status in (0, "running") or code not in text:
            self.problems.append(f"the start should say {code}: {status} {text[-500:]}")


# --- full ---


@contextlib.contextmanager
def small_disk(path):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def fill(path):
    """Takes all the room that there is."""
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while file.write(b"\0" * size) == size:
                    pass


def full(disk, policy):
    with small_disk(disk.disk):
        disk.begin()
        fill(disk.path("ballast"))
        disk.says("ledger_full", "about the database")
        if policy == "deny":
            wait_until(lambda: len(disk.clients.refused) > 50, 60, "calls are refused")
        else:
            refused = "sluice_ledger_refused_total"
            wait_until(lambda: disk.sluice.metrics()[refused] > 50, 60, "the journal is full")
            disk.answered(100, "although nothing is recorded")
        if policy == "deny":
            before = len(disk.clients.complete)
            disk.clients.stop()
            disk.complete.update(disk.clients.complete)
            disk.sluice.kill()
            disk.refuses_to_start("No space left on device")
            os.unlink(disk.path("ballast"))
            disk.sluice.start()
            again = Patient(disk.sluice.port, CLIENTS, disk.numbers)
            again.refused += disk.clients.refused
            again.problems += disk.clients.problems
            disk.clients = again
            disk.answered(100, f"after the disk has room again (there were {before})")
            disk.end()
        else:
            os.unlink(disk.path("ballast"))
            disk.says("ledger_recovered", "of the database")
            wait_until(lambda: all_recorded(disk), 20, "everything is recorded again")
            recorded_from = max(disk.clients.complete) + 2 * CLIENTS
            disk.answered(200, "after the disk has room again")
            recorded(disk, recorded_from)


def all_recorded(disk):
    """No record was refused while fifty calls were answered."""
    refused = "sluice_ledger_refused_total"
    before = disk.sluice.metrics()[refused]
    disk.answered(50, "after the disk has room again")
    return disk.sluice.metrics()[refused] == before


def recorded(disk, since):
    """What was answered while nothing could be recorded may have no row; the others have."""
    disk.clients.stop()
    disk.problems += disk.clients.problems
    disk.sluice.stop()
    disk.settle_down()
    with contextlib.closing(disk.sluice.database()) as database:
        rows = {row[0] for row in database.execute("SELECT hex(id) FROM calls WHERE complete")}
    missing = {
        number
        for number, call in disk.clients.complete.items()
        if call.replace("-", "").upper() not in rows
    }
    wrong = [number for number in missing if number <= 100 or number >= since]
    if not missing or wrong:
        disk.problems.append(f"{len(missing)} answers have no row, wrong: {sorted(wrong)[:5]}")
    disk.verify(True)


def full_and_space_returns(disk):
    """Without a restart: deny, then room."""
    with small_disk(disk.disk):
        disk.begin()
        fill(disk.path("ballast"))
        disk.says("ledger_full", "about the database")
        wait_until(lambda: len(disk.clients.refused) > 50, 60, "calls are refused")
        os.unlink(disk.path("ballast"))
        disk.answered(200, "after the disk has room again")
        disk.says("ledger_recovered", "of the database")
        disk.end()


# --- the database ---


def locked(disk):
    disk.begin()
    with contextlib.closing(sqlite3.connect(disk.path("ledger.db"), timeout=20)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        disk.says("ledger_locked", "while another process writes")
        if f"process {os.getpid()} " not in disk.sluice.log():
            disk.problems.append("the log does not name the process that holds the lock")
        disk.answered(200, "while the database is locked")
        other.execute("ROLLBACK")
    disk.says("ledger_recovered", "after it")
    disk.end()


def slow(disk):
    library = os.path.join(os.path.dirname(disk.sluice.program), "slow_disk.so")
    disk.sluice.environment.update(LD_PRELOAD=library, SLOW_SYNC_MS=str(SLOW_SYNC_MS))
    disk.begin()
    wait_until(
        lambda: disk.sluice.metrics()["sluice_ledger_commit_seconds"] > SLOW_SYNC_MS / 1000,
        20,
        "a commit is slow",
    )
    disk.clients.seconds.clear()
    begin = time.monotonic()
    disk.answered(1000, "while syncs are slow")
    seconds = sorted(disk.clients.seconds)
    if seconds[len(seconds) // 2] > SLOW_SYNC_MS / 3000:
        disk.problems.append(f"half of the calls took longer than {seconds[len(seconds) // 2]} s")
    print(f"# median {seconds[len(seconds) // 2] * 1e3:.1f} ms, {time.monotonic() - begin:.1f} s")
    disk.sluice.environment.pop("LD_PRELOAD")
    disk.end()


def flip_a_byte(path):
    """The kind of the root page of a table that every batch writes."""
    with contextlib.closing(sqlite3.connect(path, timeout=20)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'state'").fetchone()
        size = other.execute("PRAGMA page_size").fetchone()
        with open(path, "r+b", buffering=0) as file:
            file.seek((page[0] - 1) * size[0])
            kind = file.read(1)
            file.seek((page[0] - 1) * size[0])
            file.write(bytes([kind[0] ^ 0x40]))
        # Another connection's commit: the writer forgets the pages that it remembers.
        other.execute("CREATE TABLE forget(x)")
        other.commit()


def corrupt(disk):
    disk.begin()
    disk.recorded(100)
    status, out, err = disk.sluice.run(
        "ledger", "backup", "copy.db", "-c", disk.sluice.config
    )
    if status != 0:
        disk.problems.append(f"`ledger backup` says {status}: {out}{err}")
    disk.answered(100, "after the backup")
    flip_a_byte(disk.path("ledger.db"))
    disk.says("ledger_corrupt", "of the database")
    disk.answered(200, "while the database is damaged")
    disk.clients.stop()
    disk.sluice.kill()
    disk.refuses_to_start("malformed")
    says = disk.verify(False)
    if "is damaged" not in says:
        disk.problems.append(f"`ledger verify` does not name the damage: {says}")
    status, out, err = disk.sluice.run(
        "ledger", "restore", "copy.db", "-c", disk.sluice.config
    )
    if status != 0:
        disk.problems.append(f"`ledger restore` says {status}: {out}{err}")
    disk.sluice.start()
    disk.end()


def gone(disk):
    disk.begin()
    os.rename(disk.path("ledger.db"), disk.path("elsewhere"))
    disk.says("ledger_gone", "of the database")
    disk.answered(200, "while the database is gone")
    if os.path.exists(disk.path("ledger.db")):
        disk.problems.append("it was made anew")
    os.rename(disk.path("elsewhere"), disk.path("ledger.db"))
    disk.says("ledger_recovered", "when it is back")
    disk.answered(100, "when the database is back")
    disk.end()


def replaced(disk):
    disk.begin()
    disk.recorded(100)
    status, out, err = disk.sluice.run(
        "ledger", "backup", "disk/copy.db", "-c", disk.sluice.config
    )
    if status != 0:
        disk.problems.append(f"`ledger backup` says {status}: {out}{err}")
    disk.answered(100, "after the backup")
    os.rename(disk.path("copy.db"), disk.path("ledger.db"))
    disk.says("ledger_replaced", "of the database")
    disk.answered(200, "with the copy")
    disk.end()


CASES = {
    "full-deny": (
        "disk full, deny: refused before anything is sent, no start on it, nothing lost",
        lambda disk: full(disk, "deny"),
        {"segment": "1MB"},
    ),
    "full-returns": (
        "disk full, deny: goes on by itself when there is room again",
        full_and_space_returns,
        {"segment": "1MB"},
    ),
    "full-allow": (
        "disk full, allow: calls go on, and are recorded again when there is room",
        lambda disk: full(disk, "allow"),
        {"segment": "1MB", "policy": "allow"},
    ),
    "locked": ("database locked by another process: calls go on, nothing is lost", locked, {}),
    "slow": ("database and journal slow: calls do not wait for them", slow, {}),
    "corrupt": ("database damaged: calls go on; the journal restores the rest", corrupt, {}),
    "gone": ("database gone: calls go on, it is not made anew, nothing is lost", gone, {}),
    "replaced": ("database replaced by a copy: calls go on, nothing is lost", replaced, {}),
}


def enter_namespace():
    """A mount namespace of our own, so that nothing is left mounted, whatever happens."""
    if os.environ.get("SLUICE_DISK_NAMESPACE") == "1":
        return
    os.environ["SLUICE_DISK_NAMESPACE"] = "1"
    own = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    os.execvp(own[0], own + [sys.executable, os.path.abspath(__file__), *sys.argv[1:]])


def run_case(name, program):
    says, run, options = CASES[name]
    disk = Disk(program, os.path.join("build", "disk", name), **options)
    try:
        run(disk)
    except Exception as problem:  # noqa: BLE001 - it is this case's result
        disk.problems.append(f"{type(problem).__name__}: {problem}")
    finally:
        if disk.clients is not None:
            disk.clients.stop()
        disk.close()
    return says, disk.problems


def main():
    enter_namespace()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program")
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    os.chdir(os.path.dirname(os.path.dirname(HERE)))
    program = arguments.program or "build/release/sluice"
    failed = 0
    names = arguments.cases or list(CASES)
    print("TAP version 13", flush=True)
    for number, name in enumerate(names, 1):
        begin = time.monotonic()
        says, problems = run_case(name, program)
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {says}", flush=True)
        print(f"# {name}: {time.monotonic() - begin:.1f} s", flush=True)
        for problem in problems[:8]:
            print("# " + str(problem).replace("\n", "\n#   "), flush=True)
    print(f"1..{len(names)}\n# disk: {len(names) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
