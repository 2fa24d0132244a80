#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Line coverage of the unit tests: builds the variant `cov` with the injected faults compiled in, runs every unit test, and
# prints a table of the files of src/. Exit status 1 when a test fails or a parser (a file that reads what others wrote) is
# below the bar. Usage: coverage.sh [--lines] (also which lines of the parsers nothing ran)
set -eu
cd "$(dirname "$0")/.."
build=build/coverage
jobs=$(nproc)
find "$build" -name '*.gcda' -delete 2>/dev/null || true
make -j"$jobs" --no-print-directory VARIANT=cov CC=gcc BUILD="$build" CFLAGS=-DSLUICE_FAULTS unit >"build/coverage.log" 2>&1 || {
    tail -60 build/coverage.log
    exit 1
}
tail -1 build/coverage.log
exec python3 - "$build" "${1-}" <<'PYTHON'
import fnmatch
import json
import os
import subprocess
import sys

BAR = 90.0
DIALECT_BAR = 95.0
PARSERS = """
    src/cli/arguments.c src/cli/probe.c
    src/codec/*.c
    src/config/dotenv.c src/config/interpolate.c src/config/validate.c src/config/values.c
    src/config/yaml*.c
    src/dialect/*.c
    src/gateway/decide*.c src/gateway/key_body.c src/gateway/wishes.c
    src/provider/service_account.c src/provider/sigv4.c
    src/net/http_chunk.c src/net/http_head.c src/net/upstream_answer.c src/net/upstream_head.c
    src/sim/request.c
    src/store/journal_reader.c src/store/record_codec.c
""".split()
BATCH = 50


def is_parser(path):
    return any(fnmatch.fnmatch(path, pattern) for pattern in PARSERS)


def bar_of(path):
    return DIALECT_BAR if path.startswith("src/dialect/") else BAR


def reports(build):
    """What gcov says of each object that ran or was built, in batches."""
    notes = [
        os.path.join(directory, name)
        for directory, _, names in os.walk(os.path.join(build, "obj", "src"))
        for name in names
        if name.endswith(".gcno") and os.path.exists(
            os.path.join(directory, name[: -len(".gcno")] + ".o"))
    ]
    for i in range(0, len(notes), BATCH):
        told = subprocess.run(
            ["gcov", "--stdout", "--json-format", *notes[i : i + BATCH]],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ).stdout
        for line in told.splitlines():
            if line.strip():
                yield from json.loads(line)["files"]


def lines_by_file(build):
    """{path: {line: how often it ran}}, without headers and generated files."""
    found = {}
    for file in reports(build):
        path = os.path.normpath(file["file"])
        if path.startswith("src/") and path.endswith(".c") and os.path.exists(path):
            lines = found.setdefault(path, {})
            for line in file["lines"]:
                number = line["line_number"]
                lines[number] = lines.get(number, 0) + line["count"]
    return found


def row(path, lines, note=""):
    ran = sum(1 for count in lines if count)
    percent = 100.0 * ran / len(lines) if lines else 100.0
    print(f"{percent:6.1f} {ran:6}/{len(lines):<6} {path}{note}")
    return percent


files = lines_by_file(sys.argv[1])
low = []
print("     %    lines        file")
for path in sorted(files, key=lambda p: (not is_parser(p), p)):
    parser = is_parser(path)
    percent = row(path, files[path].values(), "  (parser)" if parser else "")
    if parser and percent <= bar_of(path):
        low.append(path)
    if parser and sys.argv[2] == "--lines":
        missing = [str(n) for n, count in sorted(files[path].items()) if not count]
        print("".join(f"{'':21}{', '.join(missing)}\n" if missing else ""), end="")
row("all parsers", [c for p in files if is_parser(p) for c in files[p].values()])
row("all of src/", [c for p in files for c in files[p].values()])
unmatched = [p for p in PARSERS if not any(fnmatch.fnmatch(f, p) for f in files)]
for path in low:
    print(f"FAIL {path} is not above {bar_of(path):g} %")
for pattern in unmatched:
    print(f"FAIL no file is called {pattern}")
count = sum(1 for p in files if is_parser(p))
bad = len(low) + len(unmatched)
print(f"coverage: {count - len(low)} passed, {bad} failed")
sys.exit(1 if bad else 0)
PYTHON
