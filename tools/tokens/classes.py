#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/model/unicode_class_ranges.h: which characters are letters, marks and numbers, by
Unicode 16.0 (what the regular expressions of tiktoken 1.0.22 know). Needs the package
unicodedata2==16.0.0 of PyPI.

    classes.py > src/model/unicode_class_ranges.h"""

import unicodedata2

CLASSES = {
    "Lu": "UPPER", "Lt": "UPPER", "Ll": "LOWER", "Lm": "LETTER", "Lo": "LETTER", "Mn": "MARK", "Mc": "MARK",
    "Me": "MARK", "Nd": "NUMBER", "Nl": "NUMBER", "No": "NUMBER",
}  # fmt: skip
SPACES = {0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}


def class_of(code):
    if code in SPACES:
        return "SPACE"
    return CLASSES.get(unicodedata2.category(chr(code)), "OTHER")


def ranges():
    """(first, last, class)"""
    begin, name = 0x80, class_of(0x80)
    for code in range(0x81, 0x110001):
        now = class_of(code) if code < 0x110000 else None
        if now != name:
            if name != "OTHER":
                yield begin, code - 1, name
            begin, name = code, now


def main():
    assert unicodedata2.unidata_version == "16.0.0", unicodedata2.unidata_version
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Made by tools/tokens/classes.py from Unicode 16.0: first, last and class of all that is not")
    print(" * OTHER beyond ASCII. Nothing of it is edited by hand. */")
    print("/* clang-format off */")
    line = ""
    for first, last, name in ranges():
        entry = f"{{0x{first:X}, 0x{last:X}, {name}}}, "
        if len(line) + len(entry) > 100:
            print(line.rstrip())
            line = ""
        line += entry
    print(line.rstrip())
    print("/* clang-format on */")


if __name__ == "__main__":
    main()
