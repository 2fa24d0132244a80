# SPDX-License-Identifier: Apache-2.0
"""Expected against actual. Expected texts may hold %ID% (a call id), %NUM% (a whole number), %ANY%
(anything on the line), %DATE%."""

import json
import re
from decimal import Decimal

PLACEHOLDERS = {
    "%ID%": r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "%NUM%": r"-?[0-9]+",
    "%ANY%": r"[^\n]*?",
    "%DATE%": r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] [A-Z][a-z]{2} 20[0-9]{2}"
    r" [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT",
}
SPLIT = re.compile("(" + "|".join(map(re.escape, PLACEHOLDERS)) + ")")


def pattern_of(text):
    return "".join(PLACEHOLDERS.get(part, re.escape(part)) for part in SPLIT.split(text))


def matches(expected, actual):
    return re.fullmatch(pattern_of(expected), actual, re.S) is not None


def show_difference(expected, actual):
    if len(expected) + len(actual) < 160:
        return f"expected {expected!r}\n     but got {actual!r}"
    at = 0
    parts = SPLIT.split(expected)
    # as far as the literal text before the first placeholder goes, tell where it differs
    while at < len(parts[0]) and at < len(actual) and parts[0][at] == actual[at]:
        at += 1
    return f"differs at byte {at}:\n  expected {expected!r}\n   but got {actual!r}"


def check_bytes(what, expected, actual, problems):
    actual = actual.decode("utf-8", "surrogateescape")
    if not matches(expected, actual):
        problems.append(f"{what}: {show_difference(expected, actual)}")


def check_head(what, lines, message, exactly, problems):
    """Lines that are listed must be there; "!name" must not; with `exactly` there must be no
    other."""
    start = lines[0]
    if re.fullmatch(r"[1-5][0-9][0-9].*", start):
        start = "HTTP/1.1 " + start
    if not matches(start, message.start):
        problems.append(f"{what}: expected {start!r} but got {message.start!r}")
    listed = []
    for line in lines[1:]:
        if line.startswith("!"):
            name = line[1:].strip().rstrip(":")
            if message.all(name):
                problems.append(f"{what}: header {name} should not be there: {message.all(name)}")
            continue
        name, _, value = line.partition(":")
        value = value.strip()
        listed.append(name.lower())
        found = message.all(name)
        if not any(matches(value, v) for v in found):
            problems.append(f"{what}: header {name}: expected {value!r} but got {found}")
    if exactly:
        actual = [name.lower() for name, _ in message.headers]
        if actual != listed:
            problems.append(f"{what}: the headers should be exactly {listed}, they are {actual}")


def find(value, path):
    """a.0.b in a decoded JSON value; `count` of a list; KeyError when it is not there."""
    for part in path.split("."):
        if isinstance(value, list):
            value = len(value) if part == "count" else value[int(part)]
        else:
            value = value[part]
    return value


def same(expected, actual):
    if isinstance(expected, str) and isinstance(actual, str):
        return matches(expected, actual)
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    return expected == actual


def check_members(what, text, value, problems):
    """Lines of `path = JSON value`; `path absent`; `path contains "text"`."""
    for line in text.split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([\w.\-/]+) (=|absent|contains|>=|<=)(?: (.*))?", line.strip())
        if match is None:
            problems.append(f"{what}: cannot read the line {line!r}")
            continue
        path, relation, wanted = match.groups()
        try:
            actual = find(value, path)
        except (KeyError, IndexError, ValueError, TypeError):
            if relation != "absent":
                problems.append(
                    f"{what}: {path} is missing in {json.dumps(value, default=str)[:1500]}"
                )
            continue
        check_member(what, path, relation, wanted, actual, problems)


def check_member(what, path, relation, wanted, actual, problems):
    if relation == "absent":
        problems.append(f"{what}: {path} should be absent, it is {actual!r}")
        return
    expected = json.loads(wanted, parse_float=Decimal)
    if relation == "contains":
        ok = expected in actual
    elif relation == "=":
        ok = same(expected, actual)
    else:
        ok = actual >= expected if relation == ">=" else actual <= expected
    if not ok:
        problems.append(f"{what}: {path}: expected {relation} {wanted} but it is {actual!r}")


def decode(body):
    return json.loads(body, parse_float=Decimal)
