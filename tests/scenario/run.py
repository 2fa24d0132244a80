#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Runs the scenarios in cases/: each with its own gateway process, once with each number of
workers. TAP on stdout; what differs is told in lines that begin with '#'.

    run.py [--program build/release/sluice] [--workers 1,4] [--jobs 4] [--keep] [NAME...]
"""

import argparse
import concurrent.futures
import fnmatch
import glob
import os
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from casefile import Case  # noqa: E402
from checks import CHECKED  # noqa: E402
from failures import FAILED  # noqa: E402
from lanes import LANES  # noqa: E402
from conversations import CONVERSATIONS  # noqa: E402
from live import LIVE  # noqa: E402
from refusals import REFUSALS  # noqa: E402
from scenario import Scenario  # noqa: E402

SLOW_SECONDS = 5.0


def read_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--workers", default="1,4")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument(
        "--keep", action="store_true", help="keep the directories of cases that pass"
    )
    parser.add_argument("names", nargs="*", help="patterns; default: all cases")
    return parser.parse_args()


class LiveCase:
    """A scenario of live.py, as run_one() wants it."""

    def __init__(self, name, kind):
        self.name, self.kind, self.says = name, kind, kind.says

    def scenario(self, workers, program, directory):
        return self.kind(workers, program, directory)


class DataCase(Case):
    def scenario(self, workers, program, directory):
        return Scenario(self, workers, program, directory)


def select(names):
    """Live ones first: they take the longest."""
    live = {**LIVE, **CONVERSATIONS, **LANES, **FAILED, **REFUSALS, **CHECKED}
    cases = [LiveCase(name, kind) for name, kind in live.items()]
    cases += [DataCase(path) for path in sorted(glob.glob(os.path.join(HERE, "cases", "*.case")))]
    if not names:
        return cases
    return [c for c in cases if any(fnmatch.fnmatch(c.name, name) for name in names)]


def run_one(case, workers, arguments, root):
    directory = os.path.join(root, f"{case.name}-{workers}")
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    begin = time.monotonic()
    problems = case.scenario(workers, arguments.program, directory).run()
    if not problems and not arguments.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return problems, time.monotonic() - begin


def main():
    arguments = read_arguments()
    cases = select(arguments.names)
    counts = [int(w) for w in arguments.workers.split(",")]
    runs = [(case, workers) for case in cases for workers in counts]
    if not runs:
        print("Bail out! no case has such a name")
        return 1
    root = os.path.join("build", "scenario")
    os.makedirs(root, exist_ok=True)
    print(f"TAP version 13\n1..{len(runs)}", flush=True)
    failed = 0
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = pool.map(lambda run: run_one(*run, arguments, root), runs)
        for number, ((case, workers), (problems, seconds)) in enumerate(zip(runs, results), 1):
            word = "not ok" if problems else "ok"
            failed += bool(problems)
            slow = f" # {seconds:.1f} s" if seconds > SLOW_SECONDS else ""
            print(
                f"{word} {number} - {case.name}, {workers} worker{'s' * (workers > 1)}:"
                f" {case.says}{slow}"
            )
            for problem in problems:
                print("# " + problem.replace("\n", "\n#   "))
            sys.stdout.flush()
    print(
        f"# scenario: {len(runs) - failed} passed, {failed} failed,"
        f" {time.monotonic() - begin:.1f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
