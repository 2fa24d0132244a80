#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Coding agents through the gateway: Claude Code, Codex, opencode and Gemini CLI, each with every
provider behind it, complete a scripted loop: the simulated model calls the agent's shell, sees
what it printed and says it. What is more: Claude Code asks again without a stream when one breaks.

The packages are installed into build/agents on first use, as the lock file says and without their
scripts. Everything runs in a network namespace that has nothing but a loopback, where the system
lets us make one. TAP on stdout.
"""

import argparse
import collections
import json
import os
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from harness.backs import BACKS, providers  # noqa: E402
from harness.packages import install_npm  # noqa: E402
from harness.process import Sluice  # noqa: E402

ROOT = os.path.abspath(os.path.join("build", "agents"))
MODULES = os.path.join(ROOT, "node_modules")
SECONDS = 40
SAID = "sluice-42"
SHELL = "printf sluice-%s-done 42"

CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2 }}
log: {{ format: json, level: info }}
ledger: {{ path: ledger.db, segment_bytes: 1MB }}
providers:
"""
CAPABILITIES = "[streaming, tools, parallel_tools, json, json_schema, vision, documents, reasoning]"


def configuration(port, fake):
    text = CONFIG.format(port=port) + providers(fake) + "targets:\n"
    for back in BACKS:
        for name, model in (("to", "1"), ("breaks", "fault-flap-1-reset-mid-8")):
            text += (
                f"  {name}-{back.name}: {{ provider: back-{back.name}, tier: premium,\n"
                f"    model: {back.name}-{model}, context_tokens: 400000,\n"
                f"    capabilities: {CAPABILITIES},\n"
                f"    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}\n"
            )
    return text


# --- the agents -----------------------------------------------------------------------------------


def script(tool, arguments):
    return f"Please run it. [[call:{tool} {json.dumps(arguments)}]] [[sim:echo-result]]"


def claude(url, model, prompt, home):
    environment = {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "sk-agent",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    program = os.path.join(MODULES, "@anthropic-ai", "claude-code-linux-x64", "claude")
    command = [program, "-p", prompt, "--model", model, "--output-format", "json"]
    return [*command, "--allowedTools", "Bash(printf:*)"], environment


def codex(url, model, prompt, home):
    os.makedirs(os.path.join(home, ".codex"))
    with open(os.path.join(home, ".codex", "config.toml"), "w", encoding="utf-8") as file:
        file.write(
            f'model = "{model}"\nmodel_provider = "kit"\n[model_providers.kit]\nname = "kit"\n'
            f'base_url = "{url}/v1"\nenv_key = "KIT_KEY"\nwire_api = "responses"\n'
        )
    program = os.path.join(MODULES, ".bin", "codex")
    options = ["--skip-git-repo-check", "--json", "--dangerously-bypass-approvals-and-sandbox"]
    return [program, "exec", *options, prompt], {"KIT_KEY": "sk-agent"}


def opencode_with(package, path):
    def opencode(url, model, prompt, home):
        provider = {
            "npm": AI_SDK + package,
            "options": {"baseURL": url + path, "apiKey": "sk-agent"},
            "models": {model: {}},
        }
        with open(os.path.join(home, "work", "opencode.json"), "w", encoding="utf-8") as file:
            json.dump({"provider": {"kit": provider}, "permission": {"bash": "allow"}}, file)
        environment = {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}
        program = os.path.join(MODULES, "opencode-linux-x64", "bin", "opencode")
        return [program, "run", "-m", f"kit/{model}"], environment

    return opencode


def gemini(url, model, prompt, home):
    os.makedirs(os.path.join(home, ".gemini"))
    with open(os.path.join(home, ".gemini", "settings.json"), "w", encoding="utf-8") as file:
        json.dump({"security": {"auth": {"selectedType": "gemini-api-key"}}}, file)
    environment = {
        "GEMINI_API_KEY": "sk-agent",
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }
    program = os.path.join(MODULES, ".bin", "gemini")
    return [program, "-m", model, "--approval-mode", "yolo", "-p", prompt], environment


AI_SDK = "@ai-sdk/"  # opencode's providers, of which it has its own copies
BASH = ("bash", {"command": SHELL, "description": "Says it"})

# One row for each agent: its dialect, how it is started, its shell, and whether it reads the prompt
# from its standard input.
Agent = collections.namedtuple("Agent", "name dialect command tool reads", defaults=(False,))
AGENTS = (
    Agent("Claude Code", "anthropic", claude, ("Bash", BASH[1])),
    Agent("Codex", "responses", codex, ("exec_command", {"cmd": SHELL})),
    Agent("opencode", "openai", opencode_with("openai-compatible", "/v1"), BASH, True),
    Agent("opencode (anthropic)", "anthropic", opencode_with("anthropic", "/v1"), BASH, True),
    Agent("opencode (openai)", "responses", opencode_with("openai", "/v1"), BASH, True),
    Agent("Gemini CLI", "gemini", gemini, ("run_shell_command", {"command": SHELL})),
)


# --- running --------------------------------------------------------------------------------------


class Fake:
    """The simulated provider and what it got."""

    def __init__(self, program):
        command = [program, "--models", "sim-1"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]

    def requests(self):
        import urllib.request  # noqa: PLC0415

        url = f"http://127.0.0.1:{self.port}/sim/requests"
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["requests"]

    def forget(self):
        import urllib.request  # noqa: PLC0415

        url = f"http://127.0.0.1:{self.port}/sim/requests"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10).close()

    def close(self):
        self.process.kill()
        self.process.wait()


def start(agent, url, model, prompt):
    """(exit status, output) of the agent in a home of its own."""
    home = os.path.join(ROOT, "home")
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(os.path.join(home, "work"))
    command, environment = agent.command(url, model, prompt, home)
    base = {"PATH": os.environ["PATH"], "HOME": home, "TERM": "dumb", "NO_COLOR": "1"}
    log = os.path.join(ROOT, "output")  # a file: what an agent leaves behind would keep a pipe open
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=os.path.join(home, "work"),
            env={**base, **environment},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        if agent.reads:
            process.stdin.write(prompt.encode())
        process.stdin.close()
        status = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        status = "too much time"
    end_session(process)
    with open(log, encoding="utf-8", errors="replace") as output:
        return status, output.read()


def end_session(process):
    """Ends the agent with what it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def tool_loop(agent, url, fake, back):
    """None, or what is wrong."""
    status, output = start(agent, url, f"to-{back}", script(*agent.tool))
    if status != 0:
        return f"it ended with {status}:\n{output[-2000:]}"
    if SAID not in output:
        return f"it did not say {SAID}:\n{output[-2000:]}"
    if not any(SAID in request["body"] for request in fake.requests()):
        return "the provider saw no result"
    return None


def asks_again(agent, url, fake, back):
    """A stream that breaks off: the same request without `stream` follows, and is answered."""
    status, output = start(agent, url, f"breaks-{back}", "Say something. [[call:nothing {}]]")
    if status != 0:
        return f"it ended with {status}:\n{output[-2000:]}"
    answer = json.loads(output.strip().splitlines()[-1])
    if answer.get("is_error") or not answer.get("result"):
        return f"no answer:\n{output[-2000:]}"
    asked = [r for r in fake.requests() if "Say something" in r["body"]]
    streamed = [is_stream(request) for request in asked]
    if streamed != [True, False]:
        return f"the provider was asked for streams like this: {streamed}"
    return None


def is_stream(request):
    by_default = request["target"].startswith("/api/")
    asked = json.loads(request["body"]).get("stream", by_default)
    target = request["target"]
    return asked or "streamGenerateContent" in target or target.endswith("/converse-stream")


def cases(backs):
    for agent in AGENTS:
        for back in BACKS:
            if backs is None or back.name in backs:
                yield agent, back.name, "a tool loop", tool_loop
                if agent.name == "Claude Code":
                    yield agent, back.name, "a broken stream, asked again", asks_again


def run_all(arguments, url, fake):
    passed = failed = 0
    backs = arguments.back.split(",") if arguments.back else None
    for agent, back, what, case in cases(backs):
        if arguments.agents and not any(part in agent.name.lower() for part in arguments.agents):
            continue
        fake.forget()
        problem = case(agent, url, fake, back)
        number = passed + failed + 1
        says = f"ok {number} - {agent.name} ({agent.dialect}) -> {back}: {what}"
        if problem is None:
            passed += 1
            print(says, flush=True)
        else:
            failed += 1
            print("not " + says + "\n# " + problem.replace("\n", "\n# "), flush=True)
    return passed, failed


def cut_off():
    """Starts itself again without a network but loopback; returns if that cannot be."""
    if os.environ.get("SLUICE_CUT_OFF"):
        return
    probe = ["unshare", "-rn", "ip", "link", "set", "lo", "up"]
    if shutil.which("unshare") is None or subprocess.run(probe, check=False).returncode != 0:
        print("# no network namespace can be made: the agents could reach the network", flush=True)
        return
    os.environ["SLUICE_CUT_OFF"] = "1"
    inner = 'ip link set lo up && exec "$@"'
    os.execvp("unshare", ["unshare", "-rn", "sh", "-c", inner, "sh", sys.executable, *sys.argv])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--fakeprovider", default="build/release/fakeprovider")
    parser.add_argument("--back", help="only these providers behind the gateway: openai,gemini")
    parser.add_argument("agents", nargs="*", help="names, or parts of them, in small letters")
    arguments = parser.parse_args()
    why = install_npm(HERE, ROOT)
    if why:
        print(f"# SKIP the agents: {why}\n# agents: 0 passed, 0 failed")
        return 0
    cut_off()
    directory = os.path.join(ROOT, "run")
    shutil.rmtree(directory, ignore_errors=True)
    fake = Fake(arguments.fakeprovider)
    sluice = Sluice(arguments.program, directory)
    try:
        sluice.configure(configuration(sluice.port, fake.port))
        sluice.start()
        passed, failed = run_all(arguments, f"http://127.0.0.1:{sluice.port}", fake)
        status = sluice.stop()
        if status != 0:
            failed += 1
            print(f"not ok - the gateway ended with {status}\n{sluice.log()[-2000:]}")
    finally:
        sluice.close()
        fake.close()
    print(f"1..{passed + failed}\n# agents: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
