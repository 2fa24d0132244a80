# SPDX-License-Identifier: Apache-2.0
"""Writes the training material of the default weights as JSON lines, reproducibly.

Usage: material.py PHRASES-DIRECTORY [OUTCOMES.jsonl.gz ...] > material.jsonl

What people ask is composed from phrases and slots of our own (phrases/*.txt): a request, in one of several languages, in one of
several layouts, with the text it is about before it, behind it or between marks. Rows of the other files are copied behind
them: {"prompt", "category"} and, where outcomes of small models are known, {"success": 0..1}.

Every choice follows from a hash of what is chosen for: the same phrases give the same rows, and a phrase that is added does not
change the others.
"""

import gzip
import hashlib
import json
import os
import re
import sys

from snippets import SNIPPETS

NEEDS_TEXT = {"classification", "extraction", "summarization", "translation", "rewrite"}
ENGLISH_ROWS = 26  # of each phrase that has slots or takes a text
OTHER_ROWS = 11
PLAIN_ROWS = 8  # of a phrase that is only itself


class Dice:
    """Numbers that follow from a name."""

    def __init__(self, name):
        self.name = name
        self.count = 0

    def below(self, limit):
        self.count += 1
        digest = hashlib.sha256(f"{self.name}/{self.count}".encode()).digest()
        return int.from_bytes(digest[:6], "big") % limit

    def choose(self, items):
        return items[self.below(len(items))]

    def chance(self, percent):
        return self.below(100) < percent


def read_phrases(folder):
    phrases, slots = [], {}
    for name in sorted(os.listdir(folder)):
        key = None
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            for line in f.read().split("\n"):
                if not line.strip() or (key is None and line.startswith("# ")):
                    continue
                head = re.fullmatch(r"\[(\w+)(?: (\w+))?\]", line)
                if head:
                    key = (head.group(1), head.group(2))
                elif name == "slots_other.txt":
                    slot, _, values = line.partition(": ")
                    slots[slot, key[0]] = [unfold(v) for v in values.split("|")]
                elif name.startswith("slots"):
                    slots.setdefault(key, []).append(unfold(line))
                else:
                    phrases.append((key[0], key[1], unfold(line)))
    return phrases, slots


def unfold(line):
    return line.replace("\\n", "\n").replace("\\t", "\t")


def number(dice):
    return str(dice.choose([2, 3, 4, 5, 6, 7, 8, 9, 10, 12]))


def large(dice):
    return str(11 + dice.below(dice.choose([40, 90, 900])))


def make_sum(dice):
    a, b, c = large(dice), number(dice), large(dice)
    forms = ["{a} + {c}", "{a} * {b}", "{a} x {b}", "{a} - {b}", "({a} + {b}) * {c}", "{a}/{b}", "{b}^{b}", "{a} + {c} - {b}", "{b}!",
             "sqrt({a})", "{a}% of {c}", "{a}.5 * {b}", "{b}/{c} + {b}/{a}"]
    return dice.choose(forms).format(a=a, b=b, c=c)


def make_equation(dice):
    a, b, c = number(dice), number(dice), large(dice)
    forms = ["{a}x + {b} = {c}", "x^2 - {c} = 0", "x^2 + {b}x - {c} = 0", "{a}y - {b} = {c}", "{a}(x - {b}) = {c}", "x/{a} = {b}", "2^x = {c}",
             "{a}x + y = {c}, x - y = {b}"]
    return dice.choose(forms).format(a=a, b=b, c=c)


def make_function(dice):
    a, b = number(dice), number(dice)
    forms = ["x^{a} + {b}x", "sin({a}x)", "e^({a}x)", "{a}x^2 - {b}", "ln(x) + {b}", "x cos x", "1/(x+{a})", "(x+{a})(x-{b})", "sqrt(x^2+{b})"]
    return dice.choose(forms).format(a=a, b=b)


def make_sequence(dice):
    a, d = dice.below(9) + 1, dice.below(7) + 2
    kind = dice.below(3)
    if kind == 0:
        terms = [a + d * i for i in range(5)]
    elif kind == 1:
        terms = [a * d**i for i in range(4)]
    else:
        terms = [(i + a) ** 2 + d for i in range(5)]
    return ", ".join(map(str, terms)) + ", ?"


def cut_snippet(dice):
    text = dice.choose(SNIPPETS)
    lines = text.split("\n")
    keep = 1 + dice.below(max(1, len(lines) - 1))
    text = "\n".join(lines[:keep])
    return text if dice.chance(50) else text + "\n" + re.match(r"\s*", lines[keep] if keep < len(lines) else "").group(0) + dice.choose(
        ["", "if ", "for ", "return ", "const ", "x = ", "// ", "let "])


def make_diff(dice):
    lines = dice.choose(SNIPPETS).split("\n")[:8]
    at = dice.below(len(lines))
    marked = [("-" + l + "\n+" + l.replace("(", "(ctx, ", 1)) if i == at else " " + l for i, l in enumerate(lines)]
    return "diff --git a/app b/app\n@@ -1,8 +1,8 @@\n" + "\n".join(marked)


def code(dice):
    text = dice.choose(SNIPPETS)
    return "```\n" + text + "\n```" if dice.chance(35) else text


MADE = {
    "n": number,
    "m": large,
    "sum": make_sum,
    "equation": make_equation,
    "function": make_function,
    "sequence": make_sequence,
    "c": code,
    "cut": cut_snippet,
    "diff": make_diff,
}


FENCES = ["c", "python", "js", "", "java", "go", "rust"]


def long_code(dice):
    """A file or two, as an editor sends them along."""
    pieces = [dice.choose(SNIPPETS) for _ in range(3 + dice.below(14))]
    text = "\n\n".join(pieces)
    return f"```{dice.choose(FENCES)}\n{text}\n```" if dice.chance(75) else text


def long_text(language, slots, dice):
    pieces = [fill("{p}", language, slots, dice) for _ in range(4 + dice.below(16))]
    return dice.choose(["\n\n", "\n", " "]).join(pieces)


def fill(text, language, slots, dice):
    def value(match):
        slot = match.group(1)
        if slot in MADE:
            return MADE[slot](dice)
        choices = slots.get((slot, language)) or slots.get((slot, "en"))
        return dice.choose(choices) if choices else match.group(0)

    for _ in range(2):
        text = re.sub(r"\{([a-z]+)\}", value, text)
    return text


INSTRUCTIONS = {"de": ("Anweisung", "Eingabe"), "fr": ("Instruction", "Texte"), "es": ("Instrucción", "Texto"), "ru": ("Инструкция", "Текст"),
                "zh": ("指令", "输入"), "ja": ("指示", "入力")}


def with_text(request, text, language, dice):
    """A request and what it is about, as people lay it out."""
    bare = request.rstrip(".:?？ ")
    instruction, given = INSTRUCTIONS.get(language, ("Instruction", "Input"))
    layouts = [
        lambda: f"{bare}: {text}",
        lambda: f"{bare}: {text}",
        lambda: f"{request}\n\n{text}",
        lambda: f"{request}\n\n{text}",
        lambda: f"{request}\n{text}",
        lambda: f'{bare}: "{text}"',
        lambda: f"{bare} - {text}",
        lambda: f"{request} {text}",
        lambda: f"{bare}:\n\n{text}",
        lambda: f"{text}\n\n{request}",
        lambda: f"{text}\n{request}",
        lambda: f"{text}\n\n---\n{request}",
        lambda: f'"{text}" {request}',
        lambda: f'{request}\n\n"""\n{text}\n"""',
        lambda: f"<text>\n{text}\n</text>\n\n{request}",
        lambda: f"{request}\n\n<document>{text}</document>",
        lambda: f"### {instruction}:\n{request}\n\n### {given}:\n{text}\n\n### Response:",
        lambda: f"{instruction}: {request}\n{given}: {text}\nOutput:",
        lambda: f"{instruction}: {request}\n{given}: {text}",
        lambda: f"{request}\n> {text}",
    ]
    return dice.choose(layouts)()


POLITE = ["Please {}", "please {}", "Can you {}", "could you {}", "Could you please {}", "I need you to {}", "I'd like you to {}", "Hi, can you {}",
          "hey, {}", "Hello! {}", "Hi! Please {}", "help me: {}", "quick one: {}", "Your task: {}", "Task: {}", "Now {}", "ok now {}"]
ENDS = [" Thanks!", " thanks", " please", " pls", " Thank you.", " Be concise.", " Answer briefly.", "!", " Keep it short.", " asap"]


def dress(request, language, dice, task):
    """Small differences in how the same thing is said."""
    if task in ("chat", "other", "code_completion"):
        return request.lower() if dice.chance(20) else request.rstrip("!.?") if dice.chance(20) else request
    if language == "en":
        begins = request[:1].isalpha() and request.split(" ")[0].lower() not in ("what", "who", "why", "how", "when", "where", "is", "are", "does",
                                                                                  "do", "can", "which", "the", "a", "i", "if", "all", "given")
        if begins and dice.chance(22):
            request = dice.choose(POLITE).format(request[0].lower() + request[1:])
        if dice.chance(12) and len(request) < 300:
            request = request.rstrip(".") + ("" if request.endswith("?") else ".") * dice.below(2) + dice.choose(ENDS)
    kind = dice.below(100)
    if kind < 18:
        return request.lower()
    if kind < 24:
        return request.lower().replace("?", "").replace("'", "")
    if kind < 27:
        return request.upper() if len(request) < 60 else request
    return request


def wrap(prompt, dice):
    kind = dice.below(100)
    if kind < 5:
        return f"### Instruction:\n{prompt}\n\n### Response:"
    if kind < 7:
        return f"### Instruction:\n{prompt}"
    if kind < 9:
        return f"User: {prompt}\nAssistant:"
    if kind < 11:
        return f"You are a helpful assistant.\n\n{prompt}"
    if kind < 13:
        return f"Q: {prompt}\nA:"
    if kind < 14:
        return f"[INST] {prompt} [/INST]"
    return prompt


def compose(task, language, phrase, slots, index):
    dice = Dice(f"{task}/{language}/{phrase}/{index}")
    request = dress(fill(phrase, language, slots, dice), language, dice, task)
    has_text = re.search(r"\{(s|p|foreign)\}", phrase) is not None
    if task in NEEDS_TEXT and not has_text and "{list}" not in phrase and dice.chance(93):
        text = fill("{p}" if dice.chance(60 if task in ("summarization", "extraction") else 25) else "{s}", language, slots, dice)
        if task in ("summarization", "extraction") and dice.chance(40):
            text += dice.choose(["\n", "\n\n", " "]) + fill("{p}", language, slots, dice)
        if dice.chance(14):
            text = long_text(language, slots, dice)
        return with_text(request, text, language, dice)
    if task.startswith("code_") and dice.chance(30 if task == "code_completion" else 16):
        request = request + dice.choose(["\n\n", "\n"]) + long_code(dice)
    if task in ("chat", "code_completion", "other"):
        return request
    return wrap(request, dice)


def compose_all(phrases, slots):
    seen = set()
    for task, language, phrase in phrases:
        plain = "{" not in phrase and task not in NEEDS_TEXT
        rows = PLAIN_ROWS if plain else ENGLISH_ROWS if language == "en" else OTHER_ROWS
        if phrase in ("{wordproblem}", "{puzzle}") or task == "code_completion":
            rows *= 3
        for index in range(rows):
            prompt = compose(task, language, phrase, slots, index)
            if (task, prompt) not in seen:
                seen.add((task, prompt))
                yield {"prompt": prompt, "category": task}


def main():
    phrases, slots = read_phrases(sys.argv[1])
    for row in compose_all(phrases, slots):
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    for path in sys.argv[2:]:
        with gzip.open(path, "rt", encoding="utf-8") as f:
            for line in f:
                sys.stdout.write(line)


if __name__ == "__main__":
    main()
