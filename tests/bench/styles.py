# SPDX-License-Identifier: Apache-2.0
"""What learned weights are worth in other styles of prompt, learned from each file and from all.

Of each file 70 % of the rows are trained on, the rest is judged, as it is and with its prompts
restyled: nothing about the work changes, only how it is put. "own" are weights of the file's own
rows, "all" those of every file named here.

Usage: python3 tests/bench/styles.py mmlu.jsonl gsm8k.jsonl llmrouter9.jsonl[:WEAK:STRONG] ...
                                     [--draws 3] [--cascade]
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "build/release/sluice")
NOTES = "System notes: the user sells garden furniture, and likes answers without a preamble. "
STYLES = {
    "as is": lambda p: p,
    "Answer:": lambda p: p + "\nAnswer:",
    "Question:/Answer:": lambda p: "Question: " + p.replace("\nAnswer:", "") + "\nAnswer:",
    "JSON": lambda p: p + '\n\nRespond in JSON: {"answer": ...}. Do not explain.',
    "letter": lambda p: re.sub(r"\n([A-D])\. ", r"\n(\1) ", p).replace("\nAnswer:", "")
    + "\n\nReply with the letter of the right option only.",
    "chatty": lambda p: "hey, my kid asked me this lol: " + p.replace("\n", " ") + " thanks!!",
    "context": lambda p: NOTES * 8 + p,
    "capitals": str.upper,
}


def sluice(*words):
    return subprocess.run([PROGRAM, *words], check=True, capture_output=True).stdout


def save(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def divide(path, draw, directory):
    """Trained rows as a file's path; the rows to judge."""
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    random.Random(draw).shuffle(rows)
    cut = len(rows) * 7 // 10
    trained = os.path.join(directory, os.path.basename(path))
    save(trained, rows[:cut])
    return trained, rows[cut:]


def judge(rows, style, weights, words, directory):
    path = os.path.join(directory, "judged.jsonl")
    text = next(name for name in ("prompt", "instruction", "text") if name in rows[0])
    save(path, [{**row, text: STYLES[style](row[text])} for row in rows])
    pair = json.loads(sluice("eval", path, "--weights", weights, "--json", *words)).get("pair")
    return None if pair is None else pair["weights"].get("apgr")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--cascade", action="store_true")
    wanted = parser.parse_args()
    found = {}
    for draw in range(wanted.draws):
        with tempfile.TemporaryDirectory() as directory:
            divided = [
                (name, divide(name.split(":")[0], draw, directory)) for name in wanted.files
            ]
            both = os.path.join(directory, "all.bin")
            own = os.path.join(directory, "own.bin")
            sluice("train", *(trained for _, (trained, _) in divided), "-o", both)
            for name, (trained, rows) in divided:
                sluice("train", trained, "-o", own)
                models = name.split(":")[1:]
                words = ["--weak", models[0], "--strong", models[1]] if models else []
                words += ["--cascade"] if wanted.cascade else []
                for style in STYLES:
                    for which, weights in (("own", own), ("all", both)):
                        value = judge(rows, style, weights, words, directory)
                        if value is not None:
                            found.setdefault((name, style, which), []).append(value)
    for (name, style, which), values in found.items():
        print(f"{name}\t{style}\t{which}\t{statistics.mean(values):.3f}\t{len(values)} draws")


if __name__ == "__main__":
    main()
