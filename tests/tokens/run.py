#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The tokens of seeded texts, by tiktoken (npm) and by src/model/tokenizer.h: number by number.

    run.py --encode build/release/token_encode [--count 10000] [--seed N]

TAP on stdout.
"""

import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

from harness.packages import install_npm  # noqa: E402

PACKAGES = os.path.join(ROOT, "build", "tokens")


def compare(name, options):
    file = os.path.join(PACKAGES, name)
    subprocess.run(
        [
            "node",
            os.path.join(HERE, "oracle.mjs"),
            name,
            str(options.count),
            str(options.seed),
            file,
        ],
        cwd=PACKAGES,
        check=True,
    )
    with open(file + ".texts", "rb") as texts:
        have = subprocess.run(
            [os.path.abspath(options.encode), name], stdin=texts, stdout=subprocess.PIPE, check=True
        )
    with open(file + ".tokens", encoding="ascii") as tokens:
        want = tokens.read().splitlines()
    got = have.stdout.decode().splitlines()
    wrong = [i for i in range(len(want)) if i >= len(got) or got[i] != want[i]]
    for i in wrong[:5]:
        print(f"# text {i}: have {got[i] if i < len(got) else None}, want {want[i]}")
    total = sum(len(line.split()) for line in want)
    print(f"# {name}: {len(want)} texts, {total} tokens, {len(wrong)} texts differ")
    return not wrong and len(got) == len(want) == options.count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--encode", required=True)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=20261122)
    options = parser.parse_args()
    why = install_npm(HERE, PACKAGES)
    if why is not None:
        print(f"1..0 # SKIP {why}")
        return 1
    failed = 0
    for number, name in enumerate(("cl100k_base", "o200k_base"), 1):
        good = compare(name, options)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name} (--seed {options.seed})")
    print("1..2")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
