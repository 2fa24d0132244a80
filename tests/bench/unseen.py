# SPDX-License-Identifier: Apache-2.0
"""What learned weights are worth on kinds of work that they never saw, over many divisions.

Of the rows' tags some are drawn to be unseen; `sluice train` has the rows of the others, `sluice
eval --weights` those drawn, once for each division. How many rank significantly below random (the
95 % interval ends under one half), how many above, and what choosing comes to against the better
single model. Divisions where the strong model is not better on what was drawn have no APGR.

Usage: python3 tests/bench/unseen.py ROWS.jsonl [--part 0.5] [--divisions 40] [--weak W --strong S]
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "build/release/sluice")
TAGS = ("tag", "subject", "task")


def tag_of(row):
    return next((row[name] for name in TAGS if name in row), None)


def sluice(*words):
    done = subprocess.run([PROGRAM, *words], check=True, capture_output=True)
    return done.stdout


def save(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def judge(rows, unseen, pair, directory):
    """The pair's part of `eval --json` on the rows with these tags."""
    seen_file, unseen_file, weights = (
        os.path.join(directory, name) for name in ("seen.jsonl", "unseen.jsonl", "weights.bin")
    )
    save(seen_file, [row for row in rows if tag_of(row) not in unseen])
    save(unseen_file, [row for row in rows if tag_of(row) in unseen])
    sluice("train", seen_file, "-o", weights)
    return json.loads(sluice("eval", unseen_file, "--weights", weights, "--json", *pair))["pair"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows")
    parser.add_argument("--part", type=float, default=0.5, help="of the tags that is not seen")
    parser.add_argument("--divisions", type=int, default=40)
    parser.add_argument("--weak")
    parser.add_argument("--strong")
    wanted = parser.parse_args()
    with open(wanted.rows, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    pair = ["--weak", wanted.weak, "--strong", wanted.strong] if wanted.weak else []
    tags = sorted({tag_of(row) for row in rows} - {None})
    judged = []
    with tempfile.TemporaryDirectory() as directory:
        for seed in range(wanted.divisions):
            dice = random.Random(1000 + seed)
            unseen = set(dice.sample(tags, round(wanted.part * len(tags))))
            judged.append(judge(rows, unseen, pair, directory))
    figures_of = [found["weights"] for found in judged]
    known = [one for one in figures_of if None not in (one["apgr"], one["low"], one["high"])]
    figures = sorted(found["apgr"] for found in known)
    quartiles = statistics.quantiles(figures, n=4)
    lost = min(found["chosen"] - found["best_single"] for found in judged)
    print(f"{len(known)} divisions of {len(tags)} tags with an APGR")
    print(f"below random: {sum(found['high'] < 0.5 for found in known)}")
    print(f"above random: {sum(found['low'] > 0.5 for found in known)}")
    print("APGR quartiles: " + ", ".join(f"{quartile:.3f}" for quartile in quartiles))
    print(f"chosen less best single, at worst: {lost:.4f}")


if __name__ == "__main__":
    main()
