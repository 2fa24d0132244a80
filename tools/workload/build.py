# SPDX-License-Identifier: Apache-2.0
"""Builds data/workload/mixed.jsonl and coding_day.jsonl, reproducibly.

Usage: build.py DIRECTORY-WITH-dolly.jsonl-gsm8k.jsonl-mmlu.jsonl OUTPUT-DIRECTORY

mixed.jsonl is what a team might send in some days: about half of it simple, a third of middling difficulty, the rest hard. The
quotas below say how much of each kind; they were set once, before any router saw the file, and are not tuned to a result.

Labels come from the material, never from a router. Where two models' outcomes are known (GSM8K, MMLU in RouteLLM's data) a
prompt is hard when the weak model failed and the strong one succeeded, easy when the weak one succeeded, and left out when
both failed. Dolly's prompts were written for and answered by ordinary people: easy. Templated prompts carry the difficulty
they were constructed with; those of middling work carry none.
"""

import hashlib
import itertools
import json
import os
import sys

from templates import code_day_templates, templates

BYTES_MAX = 600
TOTAL = 10000
DOLLY = {
    "classification": "classification",
    "information_extraction": "extraction",
    "summarization": "summarization",
    "closed_qa": "qa_closed",
    "open_qa": "qa_open",
    "general_qa": "qa_open",
    "brainstorming": "brainstorming",
    "creative_writing": "generation",
}

# (source, task or None, difficulty or None) -> prompts; sources in the order in which they are read
QUOTA = [
    # simple: 5,000
    (("dolly", "qa_open", "easy"), 1470),
    (("dolly", "classification", "easy"), 800),
    (("dolly", "brainstorming", "easy"), 600),
    (("dolly", "qa_closed", "easy"), 370),
    (("dolly", "extraction", "easy"), 220),
    (("dolly", "summarization", "easy"), 140),
    (("template", "translation", "easy"), 330),
    (("template", "rewrite", "easy"), 220),
    (("template", "extraction", "easy"), 60),
    (("template", "summarization", "easy"), 60),
    (("template", "chat", "easy"), 30),
    (("template", "code_completion", "easy"), 240),
    (("template", "code_docs", "easy"), 140),
    (("template", "code_boilerplate", "easy"), 120),
    (("template", "code_lint", "easy"), 100),
    (("template", "code_rename", "easy"), 100),
    # middling: 3,300
    (("dolly", "generation", "easy"), 420),
    (("mmlu", "qa_open", "easy"), 1200),
    (("gsm8k", "math", "easy"), 380),
    (("template", "generation", None), 170),
    (("template", "code_function", None), 350),
    (("template", "code_fix", None), 300),
    (("template", "code_tests", None), 260),
    (("template", "code_review", None), 220),
    # hard: 1,700
    (("mmlu", "qa_open", "hard"), 800),
    (("gsm8k", "math", "hard"), 180),
    (("template", "reasoning", "hard"), 200),
    (("template", "code_debugging", "hard"), 130),
    (("template", "code_architecture", "hard"), 110),
    (("template", "code_refactor", "hard"), 110),
    (("template", "code_performance", "hard"), 90),
    (("template", "code_security", "hard"), 80),
]

# A day at the keyboard, mostly routine: 70 requests that any model can answer (completions above all) and 30 that ask for more,
# the split of the published example that the demo recomputes.
CODING_DAY = [
    ("code_completion", 38),
    ("code_docs", 9),
    ("code_boilerplate", 9),
    ("code_rename", 7),
    ("code_lint", 7),
    ("code_function", 9),
    ("code_tests", 5),
    ("code_review", 3),
    ("code_fix", 5),
    ("code_architecture", 1),
    ("code_refactor", 2),
    ("code_debugging", 3),
    ("code_security", 1),
    ("code_performance", 1),
]


def order(text):
    return hashlib.sha256(("workload:" + text).encode()).hexdigest()


def rows(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def dolly(folder):
    for row in rows(os.path.join(folder, "dolly.jsonl")):
        prompt = row["instruction"].strip() + (
            "\n\n" + row["context"].strip() if row["context"].strip() else ""
        )
        yield "dolly", {"prompt": prompt, "task": DOLLY[row["category"]], "difficulty": "easy"}


def judged(folder, source, task):
    for row in rows(os.path.join(folder, source + ".jsonl")):
        if row.get("contaminated") or not (row["weak"] or row["strong"]):
            continue
        yield source, {
            "prompt": row["prompt"].strip(),
            "task": task,
            "difficulty": "easy" if row["weak"] else "hard",
        }


def material(folder):
    """Rows by (source, task, difficulty), each prompt once, in an order that only its text decides."""
    groups = {}
    seen = set()
    sources = itertools.chain(
        dolly(folder),
        judged(folder, "gsm8k", "math"),
        judged(folder, "mmlu", "qa_open"),
        (("template", row) for row in templates()),
    )
    for source, row in sources:
        if row["prompt"] in seen or not 0 < len(row["prompt"].encode()) < BYTES_MAX:
            continue
        seen.add(row["prompt"])
        groups.setdefault((source, row["task"], row.get("difficulty")), []).append(row)
    for group in groups.values():
        group.sort(key=lambda row: order(row["prompt"]))
    return groups


def mixed(folder):
    groups = material(folder)
    chosen = []
    for key, count in QUOTA:
        assert len(groups[key]) >= count, (key, len(groups[key]), count)
        chosen += groups[key][:count]
    assert len(chosen) == TOTAL, len(chosen)
    return sorted(chosen, key=lambda row: order("mix" + row["prompt"]))


def coding_day():
    groups = {}
    for row in code_day_templates():
        groups.setdefault(row["task"], {})[row["prompt"]] = row
    day = []
    for task, count in CODING_DAY:
        by_text = sorted(groups[task].values(), key=lambda row: order("day" + row["prompt"]))
        day += [dict(row, input_tokens=2000, output_tokens=1000) for row in by_text[:count]]
    assert len({row["prompt"] for row in day}) == 100, len(day)
    return sorted(day, key=lambda row: order("hour" + row["prompt"]))


def write(path, lines):
    with open(path, "w", encoding="utf-8") as f:
        for row in lines:
            f.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = sys.argv[1:3]
    write(os.path.join(target, "mixed.jsonl"), mixed(source))
    write(os.path.join(target, "coding_day.jsonl"), coding_day())


if __name__ == "__main__":
    main()
