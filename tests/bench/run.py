#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The benchmark: figures beside their bars. `make bench`, `make bench ONLY=json,tls`, `make bench
RECORD=1` (writes docs/benchmarks.md, with ONLY these sections of it). Needs nginx and wrk;
qemu-system-x86 and Debian's kernel (fetched on first use) for instructions, valgrind and strace
for those of the user and for system calls, node and npm for the peer. A section whose tools are
missing says so and is left out. Exit status 1 when a bar is missed.
"""

import argparse
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import machine  # noqa: E402
import servers  # noqa: E402
from sections import SECTIONS, Bench  # noqa: E402
from table import Table  # noqa: E402


def read_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument(
        "--only", default="", help="sections, separated by commas: " + ", ".join(SECTIONS)
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument(
        "--long",
        action="store_true",
        help="the ledger section takes 10 minutes, history has 10 million calls",
    )
    parser.add_argument(
        "--record", action="store_true", help="write docs/benchmarks.md, or its sections --only"
    )
    return parser.parse_args()


def main():
    arguments = read_arguments()
    wanted = [name for name in arguments.only.split(",") if name] or list(SECTIONS)
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        print(
            f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}",
            file=sys.stderr,
        )
        return 2
    os.makedirs(servers.BUILD, exist_ok=True)
    servers.PROGRAM = arguments.program
    about = machine.describe()
    for name, value in about.items():
        print(f"# {name}: {value}")
    table = Table()
    bench = Bench(table, arguments.rounds, arguments.seconds, arguments.long)
    begin = time.monotonic()
    for name in wanted:
        try:
            SECTIONS[name](bench)
        except Exception as problem:  # noqa: BLE001 - one section must not hide the others
            table.fail(name, f"{type(problem).__name__}: {problem}")
            traceback.print_exc()
    about["seconds"] = round(time.monotonic() - begin)
    table.write_json(os.path.join(servers.BUILD, "results.json"), about)
    if arguments.record:
        page = os.path.join("docs", "benchmarks.md")
        (table.update_page if arguments.only else table.write_page)(page, about)
    print(f"# bench: {table.passed()} passed, {table.failed()} failed, {about['seconds']} s")
    return 1 if table.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
