#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Who may come in, with the built program: tokens of an identity provider, which PyJWT makes and
judges.

    run.py [--program build/release/sluice] [PART ...]

TAP on stdout.
"""

import argparse
import importlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from harness.packages import install_pip  # noqa: E402
from stand import Points  # noqa: E402

PACKAGES = os.path.join(ROOT, "build", "keys")
PARTS = {
    "tokens": "tokens of an identity provider",
    "browsers": "web pages",
    "bad_input": "mistakes and attacks",
    "intruders": "every door, every gift, every parameter",
    "damaged": "rows of keys that another program changed",
    "limits": "what limits say",
    "shared_tokens": "tokens at two nodes",
    "shared_alerts": "alerts of caps at two nodes",
    "tenants": "two tenants, crossed over every endpoint",
    "crossed": "tenants who say the same words, at one node and at two",
}


def in_environment(arguments):
    """Again, with the packages."""
    python = os.path.join(PACKAGES, "bin", "python")
    why = install_pip(os.path.join(HERE, "requirements.lock"), PACKAGES)
    if why is not None:
        print(f"1..0 # SKIP {why}")
        return 1
    return subprocess.run([python, __file__, "--inside", *arguments], check=False).returncode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "release", "sluice"))
    parser.add_argument("--inside", action="store_true")
    parser.add_argument("parts", nargs="*", metavar="PART")
    options = parser.parse_args()
    if not options.inside:
        return in_environment(sys.argv[1:])
    points = Points()
    for part in options.parts or PARTS:
        directory = os.path.join(ROOT, "build", f"test-keys-{part}")
        importlib.import_module(part).run(points, options.program, directory)
    print(f"1..{points.count}")
    return 1 if points.failed else 0


if __name__ == "__main__":
    sys.exit(main())
