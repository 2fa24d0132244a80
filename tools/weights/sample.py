# SPDX-License-Identifier: Apache-2.0
"""Writes data/weights/outcomes.jsonl.gz, before it is packed: the public rows that the default weights are trained on.

Usage: sample.py DIRECTORY-WITH-dolly.jsonl-gsm8k.jsonl-mmlu.jsonl-llmrouter9.jsonl data/workload/mixed.jsonl | gzip -9n > outcomes.jsonl.gz

No prompt of the demo's workload is taken. Which rows are taken is decided by a hash of their text. data/weights/ORIGIN.md has origin
and licence.
"""

import hashlib
import json
import os
import sys

BYTES_MAX = 1200
TAKE = {"dolly": 5000, "mmlu": 4200, "gsm8k": 138, "llmrouter9": 2700}
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
LLMROUTER = {
    "gsm8k": "math",
    "math": "math",
    "agentverse-mgsm": "math",
    "mmlu": "qa_open",
    "arc_challenge": "qa_open",
    "gpqa": "qa_open",
    "trivia_qa": "qa_open",
    "mbpp": "code_function",
    "human_eval": "code_function",
    "commongen": "generation",
}
SMALL = ["llama-3.1-8b-instruct", "gemma-2-9b-it", "qwen2.5-7b-instruct"]


def mean(scores, names):
    known = [scores[name] for name in names if scores.get(name) is not None]
    return round(sum(known) / len(known), 4) if known else None


def convert(source, row):
    """The row as material.py copies it."""
    if source == "dolly":
        context = row["context"].strip()
        return {"prompt": row["instruction"].strip() + ("\n\n" + context if context else ""), "category": DOLLY[row["category"]]}
    if source == "llmrouter9":
        scores = row["scores"]
        return {"prompt": row["prompt"].strip(), "category": LLMROUTER.get(row["task"]), "success": mean(scores, SMALL)}
    task = "qa_open" if source == "mmlu" else "math"
    return {"prompt": row["prompt"].strip(), "category": task, "success": float(row["weak"])}


def main():
    with open(sys.argv[2], encoding="utf-8") as f:
        seen = {json.loads(line)["prompt"] for line in f}
    for source, count in TAKE.items():
        rows = []
        with open(os.path.join(sys.argv[1], source + ".jsonl"), encoding="utf-8") as f:
            for line in f:
                row = json.loads(line)
                if row.get("contaminated"):
                    continue
                row = {"source": source, **convert(source, row)}
                if row["prompt"] not in seen and 0 < len(row["prompt"].encode()) <= BYTES_MAX:
                    seen.add(row["prompt"])
                    rows.append(row)
        rows.sort(key=lambda row: hashlib.sha256(("weights:" + row["prompt"]).encode()).hexdigest())
        for row in rows[:count]:
            print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
