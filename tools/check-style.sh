#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The rules of style that a machine can hold: sizes, comments, licence lines, dangerous calls. TAP on stdout, exit status 1
# when one is broken. A function above the ceiling is allowed with a comment directly above it that says
# "long function:" and why. With arguments only these files are checked (without the rule on the median).
set -eu
cd "$(dirname "$0")/.."
exec python3 - "$@" <<'PYTHON'
import os
import re
import statistics
import sys

FILE_LINES, COLUMNS, FUNCTION_LINES, MEDIAN_LINES = 800, 100, 60, 20
C_SUFFIXES = (".c", ".h", ".def")
SUFFIXES = C_SUFFIXES + (".py", ".sh", ".mk")
BANNED = re.compile(
    r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof|alloca|system|"
    r"popen|exec(?:l|le|lp|v|ve|vp|vpe))\s*\("
)
# What must not be looked into: strings, characters and block comments; a line comment is kept, to be found.
OPAQUE = re.compile(
    r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|(?P<line_comment>//[^\n]*)", re.S
)

RULES = {
    "length": f"no file is longer than {FILE_LINES} lines",
    "columns": f"no line is longer than {COLUMNS} columns",
    "spdx": "every file names its licence in its first three lines",
    "comments": "only block comments are used",
    "banned": "no dangerous function is called",
    "functions": f"no function is longer than {FUNCTION_LINES} lines without a stated reason",
    "median": f"the median function is not longer than {MEDIAN_LINES} lines",
}
problems = {rule: [] for rule in RULES}
lengths = {"src": [], "tests": []}


def blank(match):
    """The same number of lines, and nothing on them."""
    if match.group("line_comment"):
        return match.group(0)
    return re.sub(r"[^\n]", " ", match.group(0))


def has_reason(lines, start):
    """Does the comment directly above line `start` give a reason for a long function?"""
    above = start - 1
    while above >= 0 and lines[above].strip():
        if "long function:" in lines[above]:
            return True
        if lines[above].lstrip().startswith("/*"):
            return False
        above -= 1
    return False


def check_functions(path, lines, code):
    """The brace of a function, and of nothing else, stands alone in the first column."""
    opening = [i for i, line in enumerate(code) if line.rstrip() == "{"]
    for begin in opening:
        end = next((i for i in range(begin, len(code)) if code[i].rstrip() == "}"), None)
        if end is None:
            continue
        start = begin
        while start > 0 and code[start - 1].strip() and not re.match(r"[#}]|.*;\s*$", code[start - 1]):
            start -= 1
        length = end - start + 1
        lengths[path.split("/")[0]].append(length)
        if length > FUNCTION_LINES and not has_reason(lines, start):
            problems["functions"].append(f"{path}:{start + 1}: {length} lines")


def check_c(path, text, lines):
    code = OPAQUE.sub(blank, text).split("\n")
    for number, line in enumerate(code, 1):
        if "//" in line:
            problems["comments"].append(f"{path}:{number}: a // comment")
            line = line.split("//")[0]
        call = BANNED.search(line)
        if call:
            problems["banned"].append(f"{path}:{number}: {call.group(1)}()")
    check_functions(path, lines, code)


def check_file(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    lines = text.split("\n")
    if text.count("\n") > FILE_LINES:
        problems["length"].append(f"{path}: {text.count(chr(10))} lines")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            problems["columns"].append(f"{path}:{number}: {len(line)} columns")
    if not any("SPDX-License-Identifier:" in line for line in lines[:3]):
        problems["spdx"].append(path)
    if path.endswith(C_SUFFIXES):
        check_c(path, text, lines)


def find_files():
    for top in ("src", "tests"):
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(f for f in folders if f not in ("corpus", "node_modules", "__pycache__"))
            for name in sorted(names):
                if name.endswith(SUFFIXES):
                    yield os.path.join(folder, name)


files = [os.path.relpath(name) for name in sys.argv[1:]] or list(find_files())
for path in files:
    if not path.startswith(("src/", "tests/")):
        sys.exit(f"check-style: {path} is neither in src/ nor in tests/")
    check_file(path)
for top, counted in lengths.items():
    if counted and len(sys.argv) == 1:
        median = statistics.median(counted)
        print(f"# {top}: {len(counted)} functions, median {median:g} lines, longest {max(counted)}")
        if median > MEDIAN_LINES:
            problems["median"].append(f"{top}: {median:g} lines")
for number, (rule, name) in enumerate(RULES.items(), 1):
    for problem in problems[rule]:
        print("# " + problem)
    print(f"{'not ok' if problems[rule] else 'ok'} {number} - {name}")
print(f"1..{len(RULES)}")
sys.exit(1 if any(problems.values()) else 0)
PYTHON
