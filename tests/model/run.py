#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Checks the model of leases, holds, settles and crashes (lease.pml) with Spin: every order of events
within the bounds that are given. As it is it must hold; with each rule taken out (BUG_...) it must
break, or it would show nothing.

    run.py [--long [--minutes N]]

The long form looks at more nodes, attempts, kills and restores, and at all faults together.
That is too much to look at all of it: states are kept as bits (a few may be taken for others), and
each search ends after some minutes. It says how many states it has seen.

TAP on stdout.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))

HOLDS = (
    ("messages are lost, late and doubled", ("-DCRASHES=0",)),
    ("a node is killed and comes back, messages are lost and late", ("-DDOUBLES=0",)),
    (
        "three nodes: messages are lost, late and doubled",
        ("-DNODES=3", "-DASKS=1", "-DCRASHES=0"),
    ),
    (
        "three nodes: one is killed and comes back, messages are lost and late",
        ("-DNODES=3", "-DASKS=1", "-DDOUBLES=0"),
    ),
    ("the authority comes back older", ("-DCRASHES=0", "-DRESTORES=1", "-DDOUBLES=0")),
)
WIDE = (
    ("two attempts of each of two nodes, all faults but an older authority", ("-DATTEMPTS=2",)),
    (
        "three nodes that ask twice in a life, all faults but an older authority",
        ("-DNODES=3", "-DCAP=4"),
    ),
    (
        "three nodes, one of which is killed twice, the authority comes back older",
        ("-DNODES=3", "-DCRASHES=2", "-DRESTORES=1", "-DCAP=4"),
    ),
    (
        "two nodes, kills, doubles, late answers, the authority comes back older twice",
        ("-DCRASHES=2", "-DRESTORES=2", "-DASKS=3", "-DLATE_ANSWERS=2"),
    ),
)
BREAKS = (
    ("an answer is delivered before its settle is in the journal", ("-DBUG_DELIVER_FIRST",)),
    ("a request is sent before its hold is in the journal", ("-DBUG_SEND_FIRST",)),
    ("a start forgets what the journal has as held", ("-DBUG_FORGET_HOLDS",)),
    ("an answer says what was added, and comes twice", ("-DBUG_INCREMENT", "-DCRASHES=0")),
    ("requests have no numbers", ("-DBUG_NO_NUMBERS", "-DCRASHES=0")),
    ("what is given back is used until the answer", ("-DBUG_RETURN_LATE", "-DCRASHES=0")),
    ("what is held is given back", ("-DBUG_RETURN_HELD", "-DCRASHES=0")),
    ("a dead node's slice is given to others", ("-DBUG_EXPIRE", "-DDOUBLES=0")),
    (
        "an authority that came back older grants before all have said what they have",
        ("-DBUG_NO_ASSERTIONS", "-DRESTORES=1", "-DCRASHES=0", "-DDOUBLES=0"),
    ),
)


def explore(directory, options, optimise, minutes=0):
    """(errors, states, seconds, the assertion that broke, was it all?); `minutes`: as bits, and no
    longer than that."""
    begin = time.monotonic()
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    model = os.path.join(HERE, "lease.pml")
    subprocess.run(["spin", "-a", *options, model], cwd=directory, check=True, capture_output=True)
    bits = ["-DBITSTATE"] if minutes else []
    subprocess.run(
        ["gcc", optimise, "-w", "-DSAFETY", "-DVECTORSZ=2048", "-DMEMLIM=6000", *bits, "pan.c"],
        cwd=directory,
        check=True,
    )
    limits = ["-w33", "-k3", f"-Q{minutes}"] if minutes else ["-w22"]
    run = subprocess.run(
        ["./a.out", "-m100000", *limits], cwd=directory, capture_output=True, text=True, check=False
    )
    errors = re.search(r"errors: (\d+)", run.stdout)
    states = re.search(r"([\d.e+]+) states, stored", run.stdout)
    whole = "Search not completed" not in run.stdout and "max search depth" not in run.stdout
    broken = re.search(r"pan:1: (.*)", run.stdout)
    if errors is None or (not whole and not minutes and int(errors.group(1)) == 0):
        raise RuntimeError(f"the search ended early: {run.stdout[-600:]}{run.stderr[-300:]}")
    return (
        int(errors.group(1)),
        int(float(states.group(1))),
        time.monotonic() - begin,
        broken.group(1) if broken else "",
        whole,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--long", action="store_true", help="wider, some minutes each")
    parser.add_argument("--minutes", type=int, default=3)
    arguments = parser.parse_args()
    os.chdir(os.path.dirname(os.path.dirname(HERE)))
    if shutil.which("spin") is None:
        print("1..0 # SKIP spin is not installed")
        return 0
    cases = [(True, *case, 0) for case in HOLDS] + [(False, *case, 0) for case in BREAKS]
    if arguments.long:
        cases = [(True, *case, arguments.minutes) for case in WIDE]
    failed = 0
    print("TAP version 13", flush=True)
    for number, (sound, says, options, minutes) in enumerate(cases, 1):
        try:
            errors, states, seconds, broken, whole = explore(
                os.path.join("build", "model"), options, "-O2" if sound else "-O0", minutes
            )
            good = (errors == 0) == sound
        except (RuntimeError, subprocess.CalledProcessError) as problem:
            good, states, seconds, broken, whole = False, 0, 0.0, str(problem), False
        failed += not good
        word = "ok" if good else "not ok"
        print(f"{word} {number} - {'it holds when' if sound else 'it breaks when'} {says}")
        part = "" if whole or not good or not sound else ", not all there are"
        print(f"# {states} states{part}, {seconds:.1f} s {broken}", flush=True)
    print(f"1..{len(cases)}\n# model: {len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
