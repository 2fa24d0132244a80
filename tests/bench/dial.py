# SPDX-License-Identifier: Apache-2.0
"""What `conservative` does to the demo's mixed workload, and how fast it is replayed.

The demo's fleet and prompts through `sluice replay`, once for each place of the dial: share of each
target, cost, and how many of the prompts labelled hard or easy went to a cheap or a premium target.
Usage: python3 tests/bench/dial.py [PROGRAM]
"""

import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORKLOAD = os.path.join(ROOT, "data/workload/mixed.jsonl")
DIAL = [0, 0.3, 0.5, 0.7, 0.9, 1]
TARGETS = ["llama", "haiku", "gpt4", "gpt4d"]
TIMES = 20  # the workload, for the speed

POLICY = """\
providers:
  ollama: {{ preset: ollama }}
  openrouter: {{ preset: openrouter, api_key: none }}
  openai: {{ preset: openai, api_key: none }}
targets:
  llama: {{ provider: ollama, model: llama2, latency_ms: 150 }}
  haiku: {{ provider: openrouter, model: anthropic/claude-3-haiku, latency_ms: 250,
    price: {{ input_per_mtok: 0.8, output_per_mtok: 0.8 }} }}
  gpt4: {{ provider: openrouter, model: openai/gpt-4, latency_ms: 300,
    price: {{ input_per_mtok: 15, output_per_mtok: 15 }} }}
  gpt4d: {{ provider: openai, model: gpt-4, latency_ms: 250,
    price: {{ input_per_mtok: 30, output_per_mtok: 30 }} }}
routes: {{ auto: {{ baseline: gpt4d, conservative: {dial} }} }}
"""


def replay(program, directory, dial, workload):
    with open(os.path.join(directory, "policy.yaml"), "w", encoding="utf-8") as file:
        file.write(POLICY.format(dial=dial))
    command = [program, "replay", "--policy", "policy.yaml", "--at", "2026-11-23T12:00"]
    command += ["--json", "--rows", "rows.jsonl", workload]
    result = subprocess.run(command, cwd=directory, check=True, stdout=subprocess.PIPE)
    return json.loads(result.stdout)


def judge(directory, labels):
    """Shares of the targets, of hard prompts at cheap ones and of easy prompts at premium ones."""
    counts = dict.fromkeys(TARGETS, 0)
    hard_to_cheap = easy_to_premium = 0
    with open(os.path.join(directory, "rows.jsonl"), encoding="utf-8") as file:
        for line, label in zip(file, labels, strict=True):
            target = json.loads(line)["after"]["target"]
            counts[target] += 1
            hard_to_cheap += label == "hard" and target in TARGETS[:2]
            easy_to_premium += label == "easy" and target in TARGETS[2:]
    under = hard_to_cheap / labels.count("hard")
    over = easy_to_premium / labels.count("easy")
    return [counts[name] / len(labels) for name in TARGETS], under, over


def main():
    default = os.path.join(ROOT, "build/release/sluice")
    program = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else default
    with open(WORKLOAD, encoding="utf-8") as file:
        lines = file.readlines()
    labels = [json.loads(line).get("difficulty") for line in lines]
    print(f"| `conservative` | {' | '.join(TARGETS)} | cost | under-routing | over-routing |")
    print("| --- " * (len(TARGETS) + 4) + "|")
    with tempfile.TemporaryDirectory() as directory:
        for dial in DIAL:
            told = replay(program, directory, dial, WORKLOAD)
            shares, under, over = judge(directory, labels)
            cells = [f"{share:.1%}" for share in shares]
            cells += [f"${told['after']['cost_usd']:.2f}", f"{under:.1%}", f"{over:.1%}"]
            print(f"| {dial} | {' | '.join(cells)} |")
        with open(os.path.join(directory, "long.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(lines * TIMES)
        began = time.monotonic()
        calls = replay(program, directory, 0.7, "long.jsonl")["calls"]
        seconds = time.monotonic() - began
        speed = calls / seconds * 60 / 1e6
        print(f"\n{calls:,} calls in {seconds:.2f} s: {speed:.1f} million a minute")
        return 0 if speed >= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
