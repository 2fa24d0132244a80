# SPDX-License-Identifier: Apache-2.0
"""Builds data/workload/mixed.jsonl and coding_day.jsonl, reproducibly.

Usage: build.py DIRECTORY-WITH-dolly.jsonl-gsm8k.jsonl-mmlu.jsonl OUTPUT-DIRECTORY

Labels come from the material, never from a router. Where two models' outcomes are known (GSM8K, MMLU in RouteLLM's data) a
prompt is hard when the weak model failed and the strong one succeeded, easy when the weak one succeeded, and left out when
both failed. Dolly's prompts were written for and answered by ordinary people: easy. Templated prompts carry the difficulty
they were constructed with.
"""
import hashlib
import itertools
import json
import os
import sys

BYTES_MAX = 600
DOLLY = {"classification": "classification", "information_extraction": "extraction", "summarization": "summarization",
         "closed_qa": "qa_closed", "open_qa": "qa_open", "general_qa": "qa_open", "brainstorming": "brainstorming",
         "creative_writing": "generation"}
QUOTA = {"dolly": 5600, "gsm8k": 600, "mmlu": 1500, "template": 2300}


def order(text):
    return hashlib.sha256(("workload:" + text).encode()).hexdigest()


def rows(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def dolly(folder):
    for row in rows(os.path.join(folder, "dolly.jsonl")):
        prompt = row["instruction"] + ("\n\n" + row["context"] if row["context"] else "")
        yield {"prompt": prompt.strip(), "task": DOLLY[row["category"]], "difficulty": "easy"}


def judged(folder, name, task):
    for row in rows(os.path.join(folder, name)):
        if row.get("contaminated") or not (row["weak"] or row["strong"]):
            continue
        yield {"prompt": row["prompt"].strip(), "task": task, "difficulty": "easy" if row["weak"] else "hard"}


FUNCTIONS = ["parse_duration", "merge_intervals", "slugify", "retry_with_backoff", "read_csv_header", "format_bytes",
             "group_by_key", "is_valid_iban", "chunk_list", "deep_merge", "levenshtein", "debounce", "flatten_tree",
             "rotate_log", "normalize_path", "count_words"]
LANGUAGES = ["Python", "TypeScript", "Go", "Rust", "Java", "C"]
MODULES = ["the payment service", "our session store", "the image pipeline", "the job scheduler", "the search indexer",
           "the message queue consumer", "the permissions layer", "the billing exporter"]
SENTENCES = ["The delivery will arrive on Tuesday after nine.", "Please send me the signed contract by Friday.",
             "Where is the nearest train station?", "Our office is closed on public holidays.",
             "The second quarter was better than we expected.", "Thank you for your patience and understanding."]
TONGUES = ["French", "German", "Spanish", "Japanese", "Italian", "Portuguese"]
MAILS = ["Hi team, the release moved from Monday to Thursday because the migration took longer than planned; QA starts "
         "on Tuesday and marketing is informed.",
         "Dear customer, invoice 4711 over 129.90 EUR was due on 3 May; please pay by 17 May to avoid a fee.",
         "Thanks for the call. We agreed on two licences, a trial until June and a review with Dana in July."]
EASY_CODE = [
    ("code_docs", "Write a docstring for the {l} function `{f}`."),
    ("code_rename", "Rename the variable `tmp` to `result` everywhere in this {l} function `{f}`."),
    ("code_lint", "Fix the lint warnings in `{f}` ({l}): unused import, line too long, missing newline at the end."),
    ("code_boilerplate", "Generate a {l} project skeleton with one package, a main file and a test folder for `{f}`."),
    ("code_completion", "Complete this {l} code:\n\nfunction {f}(input) {{\n    // "),
]
HARD_CODE = [
    ("code_architecture", "Design the architecture for splitting {m} into services: data ownership, consistency, failure "
     "modes, migration without downtime. We use {l}."),
    ("code_debugging", "After some hours {m} ({l}) deadlocks under load although every lock is taken in order. Only one of "
     "twelve hosts shows it. How do I find the cause?"),
    ("code_security", "Review {m} ({l}) for security holes: authentication, injection, race conditions between check and "
     "use, secrets in logs. Explain how each could be exploited."),
    ("code_performance", "The p99 latency of {m} ({l}) grew from 40 ms to 900 ms after we doubled the traffic; CPU is at "
     "30 %. Find the bottleneck and propose a fix that keeps ordering."),
    ("code_refactor", "Refactor {m} ({l}) from callbacks to an event-sourced design across all its modules without "
     "changing the public API, step by step with tests."),
]
MID_CODE = [
    ("code_function", "Write a {l} function `{f}` with error handling."),
    ("code_tests", "Write unit tests for the {l} function `{f}`, edge cases included."),
    ("code_review", "Review this pull request: it adds `{f}` to {m} ({l}). What would you ask the author to change?"),
    ("code_fix", "Fix this bug: `{f}` ({l}) returns an empty result when the input has exactly one element."),
]


def templates():
    for (task, text), l, f in itertools.product(EASY_CODE, LANGUAGES, FUNCTIONS):
        yield {"prompt": text.format(l=l, f=f), "task": task, "difficulty": "easy"}
    for (task, text), l, m in itertools.product(HARD_CODE, LANGUAGES, MODULES):
        yield {"prompt": text.format(l=l, m=m), "task": task, "difficulty": "hard"}
    for (task, text), l, f, m in itertools.product(MID_CODE, LANGUAGES, FUNCTIONS, MODULES[:3]):
        yield {"prompt": text.format(l=l, f=f, m=m), "task": task}
    for s, t in itertools.product(SENTENCES, TONGUES):
        yield {"prompt": f"Translate to {t}: {s}", "task": "translation", "difficulty": "easy"}
        yield {"prompt": f"How do you say this in {t}? \"{s}\"", "task": "translation", "difficulty": "easy"}
    for mail in MAILS:
        for ask in ("Summarize this mail in one sentence: ", "TL;DR: ", "What are the key points of this message?\n\n"):
            yield {"prompt": ask + mail, "task": "summarization", "difficulty": "easy"}
        for ask in ("Extract all dates as a JSON list: ", "List the names, amounts and dates in this text: "):
            yield {"prompt": ask + mail, "task": "extraction", "difficulty": "easy"}
    for greeting in ("Hi!", "Hello, how are you?", "Good morning", "Thanks, that helped", "ok, bye"):
        yield {"prompt": greeting, "task": "chat", "difficulty": "easy"}


def choose(candidates, count):
    unique = {}
    for row in candidates:
        if 0 < len(row["prompt"].encode()) <= BYTES_MAX:
            unique.setdefault(row["prompt"], row)
    chosen = sorted(unique.values(), key=lambda row: order(row["prompt"]))[:count]
    assert len(chosen) == count, (len(chosen), count)
    return chosen


def coding_day():
    mix = [("code_completion", 24), ("code_docs", 9), ("code_boilerplate", 10), ("code_rename", 6), ("code_lint", 6),
           ("code_function", 13), ("code_tests", 8), ("code_review", 5), ("code_fix", 7), ("code_architecture", 2),
           ("code_refactor", 3), ("code_debugging", 4), ("code_security", 1), ("code_performance", 2)]
    by_task = {}
    for row in templates():
        by_task.setdefault(row["task"], []).append(row)
    day = []
    for task, count in mix:
        for row in sorted(by_task[task], key=lambda r: order(r["prompt"]))[:count]:
            day.append(dict(row, input_tokens=2000, output_tokens=1000))
    assert len(day) == 100
    return sorted(day, key=lambda row: order(row["prompt"]))


def write(path, material):
    with open(path, "w", encoding="utf-8") as f:
        for row in material:
            f.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    source, target = sys.argv[1:3]
    mixed = choose(dolly(source), QUOTA["dolly"]) + choose(judged(source, "gsm8k.jsonl", "math"), QUOTA["gsm8k"]) + \
        choose(judged(source, "mmlu.jsonl", "qa_closed"), QUOTA["mmlu"])
    fixed = choose(templates(), min(QUOTA["template"], len({r["prompt"] for r in templates()})))
    rest = 10000 - len(mixed) - len(fixed)
    more = [row for row in choose(dolly(source), QUOTA["dolly"] + rest)][QUOTA["dolly"]:]
    mixed = sorted(mixed + fixed + more, key=lambda row: order("mix" + row["prompt"]))
    assert len(mixed) == 10000, len(mixed)
    write(os.path.join(target, "mixed.jsonl"), mixed)
    write(os.path.join(target, "coding_day.jsonl"), coding_day())


if __name__ == "__main__":
    main()
