#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The SDKs that users have against the gateway and the simulated provider: the openai packages of
PyPI and npm, installed into build/sdk on first use. A package that cannot be installed is
skipped, loudly. TAP on stdout.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from harness.process import Sluice  # noqa: E402

PYTHON_PACKAGE = "openai==3.54.0"
NODE_PACKAGE = "openai@7.57.0"
ROOT = os.path.abspath(os.path.join("build", "sdk"))
CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2 }}
log: {{ format: json, level: info }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{fake}/v1" }}
  local: {{ preset: ollama, base_url: "http://127.0.0.1:{fake}" }}
targets:
  small: {{ provider: lab, model: small-1, tier: premium, context_tokens: 32000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
  llama: {{ provider: local, model: llama3.2, tier: budget, context_tokens: 32000,
    capabilities: [streaming, tools, json] }}
  limited: {{ provider: lab, model: limited-1, tier: premium, context_tokens: 32000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
  broken: {{ provider: lab, model: broken-1, tier: premium, context_tokens: 32000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
  cut: {{ provider: lab, model: cut-1, tier: premium, context_tokens: 32000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
routes:
  auto: {{ targets: [small] }}
ledger: {{ path: ledger.db, segment_bytes: 1MB }}
"""


def quiet(*command, **more):
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
        **more,
    )


def install_python():
    """The interpreter of a virtual environment with the package, or (None, why)."""
    python = os.path.join(ROOT, "venv", "bin", "python")
    if (
        not os.path.exists(python)
        and quiet(sys.executable, "-m", "venv", os.path.join(ROOT, "venv")).returncode != 0
    ):
        return None, "python3 has no venv"
    if quiet(python, "-c", "import openai").returncode != 0:
        result = quiet(python, "-m", "pip", "install", "-q", PYTHON_PACKAGE)
        if result.returncode != 0:
            return None, f"{PYTHON_PACKAGE} cannot be installed: {result.stdout.strip()[-200:]}"
    return [python, os.path.join(HERE, "python_sdk.py")], None


def install_node():
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None, "node or npm is not installed"
    if not os.path.exists(os.path.join(ROOT, "node_modules", "openai")):
        result = quiet("npm", "install", "--no-audit", "--no-fund", "--prefix", ROOT, NODE_PACKAGE)
        if result.returncode != 0:
            return None, f"{NODE_PACKAGE} cannot be installed: {result.stdout.strip()[-200:]}"
    script = os.path.join(ROOT, "node_sdk.mjs")  # beside node_modules, where imports are looked up
    shutil.copy(os.path.join(HERE, "node_sdk.mjs"), script)
    return ["node", script], None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--fakeprovider", default="build/release/fakeprovider")
    arguments = parser.parse_args()
    os.makedirs(ROOT, exist_ok=True)
    if not os.path.exists(arguments.fakeprovider):
        subprocess.run(["make", "-s", arguments.fakeprovider], check=True)
    directory = os.path.join(ROOT, "run")
    shutil.rmtree(directory, ignore_errors=True)
    fake = subprocess.Popen([arguments.fakeprovider], stdout=subprocess.PIPE, text=True)
    passed = failed = 0
    sluice = Sluice(arguments.program, directory)
    try:
        port = json.loads(fake.stdout.readline())["port"]
        sluice.configure(CONFIG.format(port=sluice.port, fake=port))
        sluice.start()
        for name, install in (("openai of PyPI", install_python), ("openai of npm", install_node)):
            command, why = install()
            if command is None:
                print(f"# SKIP {name}: {why}", flush=True)
                continue
            result = quiet(
                *command, env={**os.environ, "BASE_URL": f"http://127.0.0.1:{sluice.port}/v1"}
            )
            print(result.stdout, flush=True)
            good = result.stdout.count("\nok ")
            bad = result.stdout.count("\nnot ok ")
            passed += good
            failed += bad or (0 if good and result.returncode == 0 else 1)
        status = sluice.stop()
        if status != 0:
            failed += 1
            print(f"not ok - the gateway ended with {status}\n{sluice.log()[-2000:]}")
    finally:
        sluice.close()
        fake.kill()
        fake.wait()
    print(f"# sdk: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
