#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The SDKs that users have against the gateway and the simulated provider. Each driver runs the same
checks (node/checks.mjs, python/checks.py) with each provider behind the gateway, or with
--direct against the simulated provider of its own dialect, which shows that the fake is faithful.
Packages are installed into build/sdk on first use, as the lock files say (harness/packages.py);
what cannot be installed is skipped, loudly. TAP on stdout.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from harness.backs import BACKS, EMBEDDING, providers  # noqa: E402
from harness.packages import install_npm, install_pip, quiet  # noqa: E402
from harness.process import Sluice  # noqa: E402

ROOT = os.path.abspath(os.path.join("build", "sdk"))
DRIVER_SECONDS = 200

# One row for each driver: its file, and the dialect that it speaks.
Driver = collections.namedtuple("Driver", "file dialect")
DRIVERS = (
    Driver("node/langchain_openai.mjs", "openai"),
    Driver("node/langchain_anthropic.mjs", "anthropic"),
    Driver("python/litellm_client.py", "openai"),
    Driver("python/langchain_openai_client.py", "openai"),
    Driver("node/ai_openai_responses.mjs", "responses"),
    Driver("node/ai_openai_chat.mjs", "openai"),
    Driver("node/ai_compatible.mjs", "openai"),
    Driver("node/ai_anthropic.mjs", "anthropic"),
    Driver("node/openai_chat.mjs", "openai"),
    Driver("node/openai_responses.mjs", "responses"),
    Driver("node/anthropic.mjs", "anthropic"),
    Driver("node/ollama.mjs", "ollama"),
    Driver("node/genai.mjs", "gemini"),
    Driver("node/openrouter.mjs", "openai"),
    Driver("python/openai_chat.py", "openai"),
    Driver("python/openai_responses.py", "responses"),
    Driver("python/anthropic_messages.py", "anthropic"),
)

# Tests of what only the gateway does: headers, decisions, errors of its own; and of the clouds that
# no client speaks to in their own words: their makers' SDKs show that the simulated ones are right.
EXTRA = (
    Driver("python/bedrock_direct.py", None),
    Driver("python/vertex_direct.py", None),
    Driver("node/gateway_openai.mjs", None),
    Driver("python/gateway_openai.py", None),
)
HEAD = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2 }}
log: {{ format: json, level: info }}
ledger: {{ path: ledger.db, segment_bytes: 1MB }}
routes:
  auto: {{ targets: [small] }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{fake}/v1" }}
  local: {{ preset: ollama, base_url: "http://127.0.0.1:{fake}" }}
  vertex: {{ preset: vertex, service_account: account.json,
    base_url: "http://127.0.0.1:{fake}/v1/projects/p/locations/l/publishers/google" }}
"""
OWN_TARGETS = """\
targets:
  small: { provider: lab, model: small-1, tier: premium, context_tokens: 32000,
    price: { input_per_mtok: 1, output_per_mtok: 2 } }
  llama: { provider: local, model: llama3.2, tier: budget, context_tokens: 32000,
    capabilities: [streaming, tools, json] }
  limited: { provider: lab, model: limited-1, tier: premium, context_tokens: 32000,
    price: { input_per_mtok: 1, output_per_mtok: 2 } }
  broken: { provider: lab, model: broken-1, tier: premium, context_tokens: 32000,
    price: { input_per_mtok: 1, output_per_mtok: 2 } }
  cut: { provider: lab, model: cut-1, tier: premium, context_tokens: 32000,
    price: { input_per_mtok: 1, output_per_mtok: 2 } }
"""
ALL = "[streaming, tools, parallel_tools, json, json_schema, vision, documents, audio, reasoning]"
FLAKY = "fault-flap-1-status-503-retry-ms-10"


def name_of(driver):
    return os.path.splitext(driver.file)[0].replace("_", "-").replace("/", "-")


def target(name, provider, model, capabilities=ALL):
    return (
        f"  {name}: {{ provider: {provider}, model: {model}, tier: premium,\n"
        f"    context_tokens: 100000,\n"
        f"    capabilities: {capabilities}, price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}\n"
    )


def configuration(port, fake):
    text = HEAD.format(port=port, fake=fake) + providers(fake) + OWN_TARGETS
    for back in BACKS:
        text += target(f"to-{back.name}", f"back-{back.name}", f"{back.name}-1")
        for driver in DRIVERS:
            model = f"{name_of(driver)}-{back.name}-{FLAKY}"
            text += target(f"flaky-{back.name}-{name_of(driver)}", f"back-{back.name}", model)
    for model in ("gemini-embedding-001", "gemini-embedding-2", "text-embedding-005", "e5-maas"):
        text += target(f"v-{model}", "vertex", model, "[embeddings]")
    text += target("v-gemini-3", "vertex", "gemini-3")
    for back in EMBEDDING:
        text += target(f"vectors-{back}", f"back-{back}", "vectors-1", "[embeddings]")
    return text


# --- packages -------------------------------------------------------------------------------------


def install_node():
    """The folder with node_modules and copies of the drivers, or (None, why)."""
    directory = os.path.join(ROOT, "node")
    os.makedirs(directory, exist_ok=True)
    for name in os.listdir(os.path.join(HERE, "node")):
        shutil.copy(os.path.join(HERE, "node", name), os.path.join(directory, name))
    why = install_npm(os.path.join(HERE, "node"), directory)
    return (None, why) if why else (directory, None)


def install_python():
    """The interpreter of a virtual environment with the packages, or (None, why)."""
    directory = os.path.join(ROOT, "python")
    why = install_pip(os.path.join(HERE, "requirements.lock"), directory)
    return (None, why) if why else (os.path.join(directory, "bin", "python"), None)


def installed(installers, drivers):
    """What runs the drivers of each language; a language that cannot be is reported."""
    runners = {}
    wanted = [x for x in installers if any(driver.file.startswith(x) for driver in drivers)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        jobs = {language: pool.submit(installers[language]) for language in wanted}
    for language, job in jobs.items():
        runners[language], why = job.result()
        if why:
            print(f"# SKIP the SDKs of {language}: {why}", flush=True)
    return runners


def command_of(driver, runners):
    language, file = driver.file.split("/")
    if runners[language] is None:
        return None
    if language == "node":
        return ["node", os.path.join(runners["node"], file)]
    return [runners["python"], os.path.join(HERE, driver.file)]


def fetch_account(url, sluice):
    """The key file of the simulated Google, beside the configuration."""
    with urllib.request.urlopen(f"{url}/sim/service-account", timeout=30) as response:
        with open(os.path.join(sluice.directory, "account.json"), "wb") as file:
            file.write(response.read())


# --- runs -----------------------------------------------------------------------------------------


def targets_of(driver, direct, backs):
    if direct:
        model = f"{name_of(driver)}-{FLAKY}"
        own = {"back": driver.dialect, "model": "direct-1", "vectors": "direct-2"}
        return [{**own, "flaky": model}]
    return [
        {
            "back": back.name,
            "model": f"to-{back.name}",
            "vectors": f"vectors-{back.name}",
            "flaky": f"flaky-{back.name}-{name_of(driver)}",
        }
        for back in BACKS
        if backs is None or back.name in backs
    ]


def run(driver, command, environment):
    """(passed, failed, output)"""
    try:
        result = quiet(*command, timeout=DRIVER_SECONDS, env={**os.environ, **environment})
        output, status = result.stdout, result.returncode
    except subprocess.TimeoutExpired as late:
        output, status = str(late.stdout or "") + "\n# it took too long", 1
    passed = len(re.findall(r"^ok (?!.* # SKIP )", output, re.M))
    failed = len(re.findall(r"^not ok ", output, re.M))
    if failed == 0 and (status != 0 or passed == 0):
        output += f"\nnot ok - {driver.file} ended with {status}"
        failed = 1
    return passed, failed, output


def run_all(drivers, runners, url, fake, arguments):
    passed = failed = 0
    base = {"URL": url, "BASE_URL": f"{url}/v1", "SIM": f"http://127.0.0.1:{fake}"}
    backs = arguments.back.split(",") if arguments.back else None
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = []
        for driver in drivers:
            command = command_of(driver, runners)
            if command is None:
                continue
            environment = dict(base)
            if driver.dialect is not None:
                environment["TARGETS"] = json.dumps(targets_of(driver, arguments.direct, backs))
            jobs.append(pool.submit(run, driver, command, environment))
        for job in jobs:
            good, bad, output = job.result()
            print(output.strip(), flush=True)
            passed += good
            failed += bad
    return passed, failed


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--fakeprovider", default="build/release/fakeprovider")
    parser.add_argument("--direct", action="store_true", help="no gateway: the fake alone")
    parser.add_argument("--back", help="only these providers behind the gateway: openai,gemini")
    parser.add_argument("--jobs", type=int, default=2, help="drivers at a time")
    parser.add_argument("drivers", nargs="*", help="file names, or parts of them")
    arguments = parser.parse_args()
    os.makedirs(ROOT, exist_ok=True)
    drivers = DRIVERS if arguments.direct else DRIVERS + EXTRA
    if arguments.drivers:
        drivers = [d for d in drivers if any(part in d.file for part in arguments.drivers)]
    runners = installed({"node": install_node, "python": install_python}, drivers)
    directory = os.path.join(ROOT, "run")
    shutil.rmtree(directory, ignore_errors=True)
    fake = subprocess.Popen(
        [arguments.fakeprovider, "--models", "sim-1,sim-2"], stdout=subprocess.PIPE, text=True
    )
    sluice = Sluice(arguments.program, directory)
    status = 0
    try:
        port = json.loads(fake.stdout.readline())["port"]
        url = f"http://127.0.0.1:{port}"
        if not arguments.direct:
            sluice.configure(configuration(sluice.port, port))
            fetch_account(url, sluice)
            sluice.start()
            url = f"http://127.0.0.1:{sluice.port}"
        passed, failed = run_all(drivers, runners, url, port, arguments)
        if not arguments.direct:
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
