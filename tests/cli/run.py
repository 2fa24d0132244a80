# SPDX-License-Identifier: Apache-2.0
"""The program at its outside: command lines of tests/cli/cases/*.case, and live servers.

A case file holds cases of this form; only `run` is needed:

    case  says the behaviour
    file  NAME                 the lines until `end` are its content; {OLLAMA}, {DIR} are replaced
    end
    env   NAME=value
    stdin TEXT                 \\n is a line feed
    run   ARGUMENTS            as a shell would split them
    exit  0
    out   REGEX                must be found in standard output (several lines: each)
    err   REGEX                the same of standard error
    json  PATH == VALUE        standard output is JSON with this (a.b.0; VALUE: JSON, or * for any)
    no    REGEX                in neither of them

Each case has an empty home, which is its directory; the `run` blocks of one case share it.
Usage: run.py [--program FILE] [WORD ...]   (only cases that have the word in their name)
"""

import argparse
import collections
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

import replay
from ollama_stub import start_ollama

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TIMEOUT = 60
REPLAYED = 10000


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Tap:
    def __init__(self):
        self.count = 0
        self.failures = 0

    def point(self, name, problems):
        self.count += 1
        self.failures += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}", flush=True)
        for problem in problems:
            for line in problem.splitlines():
                print(f"#   {line}")


class Place:
    """An empty home with an environment that leads nowhere but to the stub."""

    def __init__(self, program, directory, replacements):
        self.program = program
        self.directory = directory
        self.replacements = replacements
        closed = free_port()
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": directory,
            "LC_ALL": "C.UTF-8",
            "ASAN_OPTIONS": "detect_leaks=1",
        }
        for name in ("OLLAMA", "VLLM", "LLAMACPP", "LMSTUDIO"):
            self.environment[f"{name}_BASE_URL"] = f"http://127.0.0.1:{closed}"

    def expand(self, text):
        for name, value in self.replacements.items():
            text = text.replace("{" + name + "}", value)
        return text.replace("{DIR}", self.directory)

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.expand(text))
        os.chmod(path, 0o600)

    def run(self, arguments, stdin=""):
        return subprocess.run(
            [self.program, *arguments],
            cwd=self.directory,
            env=self.environment,
            input=stdin.encode(),
            capture_output=True,
            timeout=TIMEOUT,
        )


# --- case files ---


def parse_cases(path):
    cases = []
    case = run = name = None
    content = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if name is not None:
                if line == "end":
                    case.append(("file", (name, "\n".join(content) + "\n")))
                    name = None
                else:
                    content.append(line)
                continue
            if not line.strip() or line.startswith("#"):
                continue
            word, _, rest = line.partition(" ")
            rest = rest.strip()
            if word == "case":
                case = []
                run = None
                cases.append((rest, case))
            elif word == "file":
                name, content = rest, []
            elif word == "run":
                run = {"arguments": rest, "exit": 0, "expect": []}
                case.append(("run", run))
            elif word == "exit":
                run["exit"] = int(rest)
            elif word in ("out", "err", "no", "json"):
                run["expect"].append((word, rest))
            elif word in ("env", "stdin", "chmod"):
                case.append((word, rest))
            else:
                sys.exit(f"{path}:{number}: what is {word}?")
    return cases


def lookup(value, path):
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def check_json(rest, out):
    path, _, wanted = (part.strip() for part in rest.partition("=="))
    try:
        actual = lookup(json.loads(out), path)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return [f"json {path}: {type(error).__name__} {error}"]
    if wanted == "*" or actual == json.loads(wanted):
        return []
    return [f"json {path} is {json.dumps(actual)}, wanted {wanted}"]


def check_run(place, run, result):
    out = result.stdout.decode(errors="replace")
    err = result.stderr.decode(errors="replace")
    problems = []
    if result.returncode != run["exit"]:
        problems.append(f"exit code {result.returncode}, wanted {run['exit']}")
    for kind, rest in run["expect"]:
        rest = place.expand(rest)
        if kind == "json":
            problems += check_json(rest, out)
        elif kind == "no":
            if re.search(rest, out + err, re.MULTILINE):
                problems.append(f"found {rest}")
        elif not re.search(rest, out if kind == "out" else err, re.MULTILINE):
            problems.append(f"{kind} has no {rest}")
    if "Sanitizer" in err:
        problems.append("a sanitizer reports")
    if problems:
        problems.append(f"sluice {run['arguments']}\n{out}{err}")
    return problems


def run_case(place, case):
    problems = []
    stdin = ""
    for kind, what in case:
        if kind == "file":
            place.write(*what)
        elif kind == "env":
            name, _, value = place.expand(what).partition("=")
            place.environment[name] = value
        elif kind == "chmod":
            mode, name = what.split()
            os.chmod(os.path.join(place.directory, name), int(mode, 8))
        elif kind == "stdin":
            stdin = what.replace("\\n", "\n")
        else:
            result = place.run(shlex.split(place.expand(what["arguments"])), stdin)
            problems += check_run(place, what, result)
            stdin = ""
    return problems


# --- a running server ---


class Served:
    """`sluice serve` until its banner has come."""

    def __init__(self, place, *arguments):
        self.place = place
        self.process = subprocess.Popen(
            [place.program, *arguments],
            cwd=place.directory,
            env=place.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.banner = ""
        # the banner ends with the -d line of its curl
        while not self.banner.rstrip().endswith("}]}'"):
            line = self.process.stdout.readline().decode()
            if not line:
                break
            self.banner += line

    def stop(self, problems, wanted=0):
        self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=TIMEOUT)
        if self.process.returncode != wanted:
            problems.append(f"serve ended with {self.process.returncode}\n{err!r}")
        return err.decode(errors="replace")


def expect(problems, condition, text):
    if not condition:
        problems.append(text)


def curl_of(banner):
    return banner[banner.index("  curl ") :]


def banner_works(place):
    """Discovery finds the stub, the banner's curl answers when pasted, the report has the call."""
    problems = []
    port = free_port()
    place.environment["OLLAMA_BASE_URL"] = place.expand("http://{OLLAMA}")
    served = Served(place, "--listen", str(port))
    lines = served.banner.splitlines()
    expect(problems, len(lines) <= 14, f"the banner has {len(lines)} lines")
    expect(problems, all(len(line) <= 80 for line in lines), "the banner is wider than 80 columns")
    expect(problems, "ollama (" in served.banner, served.banner)
    expect(problems, "2 targets" in served.banner, served.banner)
    expect(problems, "~/.local/state/sluice/sluice.db (new)" in served.banner, served.banner)
    answer = subprocess.run(
        ["sh", "-c", curl_of(served.banner)], capture_output=True, timeout=TIMEOUT
    )
    expect(problems, b"hello from the stub" in answer.stdout, f"curl: {answer}")
    state = os.path.join(place.directory, ".local/state/sluice")
    expect(problems, os.stat(state).st_mode & 0o777 == 0o700, "the state directory is open")
    listed = place.run(["target", "list", "--json"])
    expect(problems, listed.returncode == 0, f"target list: {listed.stderr!r}")
    targets = json.loads(listed.stdout or b'{"targets":[]}')["targets"]
    names = [target["name"] for target in targets]
    expect(problems, names == ["ollama/llama3.2:1b", "ollama/qwen3:8b"], f"target list: {names}")
    table = place.run(["target", "list"]).stdout.decode()
    expect(problems, re.search(r"^TARGET +STATUS", table), f"target list: {table}")
    log = served.stop(problems)
    expect(problems, all(json.loads(line) for line in log.splitlines()), "the log is no JSON")
    report = place.run(["report", "--by", "provider", "--json"])
    total = json.loads(report.stdout or b"{}").get("total", {})
    expect(problems, total.get("calls") == 1, f"report: {report.stdout!r}")
    expect(problems, total.get("output_tokens") == 4, f"report: {report.stdout!r}")
    again = Served(place, "--listen", str(port))
    expect(problems, "sluice.db (new)" not in again.banner, "the second start has a new ledger")
    again.stop(problems)
    return problems


def switch_works(place):
    """`target off` takes a target from the running server, `target on` gives it back."""
    problems = []
    port = free_port()
    place.environment["OLLAMA_BASE_URL"] = place.expand("http://{OLLAMA}")
    served = Served(place, "--listen", str(port))

    def status():
        targets = json.loads(place.run(["target", "list", "--json"]).stdout)["targets"]
        return {target["name"]: target["status"] for target in targets}["ollama/qwen3:8b"]

    off = place.run(["target", "off", "ollama/qwen3:8b"])
    expect(problems, off.returncode == 0 and status() == "off", f"off: {off.stderr!r}")
    on = place.run(["target", "on", "ollama/qwen3:8b", "--json"])
    expect(problems, on.returncode == 0 and json.loads(on.stdout) == {"on": True}, f"on: {on}")
    expect(problems, status() == "on", "target on did not switch")
    unknown = place.run(["target", "off", "nobody"])
    expect(problems, unknown.returncode == 1, f"unknown: {unknown}")
    expect(problems, b"No target has this name" in unknown.stderr, f"unknown: {unknown}")
    served.stop(problems)
    gone = place.run(["target", "list"])
    expect(problems, gone.returncode == 1 and b"no server is running" in gone.stderr, f"{gone}")
    return problems


def taken_port_is_named(place):
    """A port in use: the message names the address and --listen."""
    problems = []
    place.environment["OLLAMA_BASE_URL"] = place.expand("http://{OLLAMA}")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        port = holder.getsockname()[1]
        result = place.run(["serve", "--listen", f"127.0.0.1:{port}"])
    expect(problems, result.returncode == 1, f"exit code {result.returncode}")
    expect(problems, f"127.0.0.1:{port} is in use".encode() in result.stderr, f"{result.stderr!r}")
    expect(problems, b"--listen" in result.stderr, f"{result.stderr!r}")
    return problems


def reload_is_checked(place):
    """SIGHUP: a broken file is reported and changes nothing; a good one is taken."""
    problems = []
    port = free_port()
    good = (
        "server: { listen: '127.0.0.1:%d', workers: 1 }\n"
        "providers: { stub: { preset: ollama, base_url: 'http://{OLLAMA}' } }\n"
        "targets: { %s: { provider: stub, model: m } }\n"
    )
    place.write("sluice.yaml", good % (port, "first"))
    served = Served(place)
    expect(problems, "sluice.yaml" in served.banner, served.banner)

    def names():
        listed = place.run(["target", "list", "-c", "running.yaml", "--json"]).stdout
        return [target["name"] for target in json.loads(listed)["targets"]]

    def wait_for(wanted):
        end = time.monotonic() + 20
        while names() != wanted and time.monotonic() < end:
            time.sleep(0.02)
        return names() == wanted

    # the client's own file stays good while the server's is broken: both name the same ledger
    place.write("running.yaml", good % (port, "first"))
    place.write("sluice.yaml", "providers: { stub: { prest: ollama } }\n")
    served.process.send_signal(signal.SIGHUP)
    lines = []
    while not any("reload_failed" in line for line in lines):
        lines.append(served.process.stderr.readline().decode())
        if not lines[-1]:
            break
    told = [json.loads(line) for line in lines if line.strip()]  # nothing but JSON lines
    broken = [event for event in told if event.get("event") == "config_error"]
    expect(
        problems,
        any("yaml:1:22: unknown_key" in e["msg"] and "did you mean" in e["msg"] for e in broken),
        f"no diagnostic: {lines}",
    )
    expect(problems, names() == ["first"], f"after a broken reload: {names()}")
    place.write("sluice.yaml", good % (port, "second"))
    served.process.send_signal(signal.SIGHUP)
    expect(problems, wait_for(["second"]), f"after a good reload: {names()}")
    served.stop(problems)
    return problems


def local_models_are_found_out(place):
    """A file that only names a local server serves its models; a reload without it says so."""
    problems = []
    port = free_port()
    text = "server: { listen: '127.0.0.1:%d', workers: 1 }\n"
    text += "providers: { stub: { preset: ollama, base_url: 'http://%s' } }\n"
    place.write("sluice.yaml", text % (port, "{OLLAMA}"))
    served = Served(place)

    def targets():
        listed = place.run(["target", "list", "--json"]).stdout
        return {target["name"]: target for target in json.loads(listed)["targets"]}

    able = [(name, "tools" in target["capabilities"]) for name, target in targets().items()]
    wanted = [("stub/llama3.2:1b", False), ("stub/qwen3:8b", True)]
    expect(problems, sorted(able) == wanted, f"found: {able}")
    place.write("sluice.yaml", text % (port, f"127.0.0.1:{free_port()}"))
    served.process.send_signal(signal.SIGHUP)
    lines = []
    while not any("reloaded" in line for line in lines):
        lines.append(served.process.stderr.readline().decode())
        if not lines[-1]:
            break
    log = "".join(lines)
    expect(problems, "stub has told of no models" in log, f"the log: {log}")
    expect(problems, "provider stub is gone, with 2 targets" in log, f"the log: {log}")
    served.stop(problems)
    return problems


def keys_guard(place):
    """With keys.required the banner's curl works once SLUICE_KEY is set; a revoked key ends."""
    problems = []
    port = free_port()
    place.write(
        "sluice.yaml",
        "server: { listen: '127.0.0.1:%d' }\nkeys: { required: true }\n"
        "providers: { stub: { preset: ollama, base_url: 'http://{OLLAMA}' } }\n"
        "targets: { t: { provider: stub, model: m } }\n" % port,
    )
    served = Served(place)
    curl = curl_of(served.banner)
    expect(problems, "sluice key create" in served.banner, served.banner)

    def pasted(key):
        environment = dict(place.environment, SLUICE_KEY=key)
        result = subprocess.run(
            ["sh", "-c", curl], env=environment, capture_output=True, timeout=TIMEOUT
        )
        return b"hello from the stub" in result.stdout

    expect(problems, not pasted(""), "a call without a key was answered")
    created = place.run(["key", "create", "--name", "ci", "--json"])
    key = json.loads(created.stdout)["key"]
    expect(problems, pasted(key), "the new key is not known")
    place.run(["key", "revoke", "ci"])
    expect(problems, not pasted(key), "the revoked key still works")
    served.stop(problems)
    report = place.run(["report", "--by", "key", "--csv"]).stdout.decode()
    expect(problems, '\n"ci",' in report, f"report: {report}")
    return problems


def demo_is_marked(place):
    """--demo: every answer says that it is simulated, and the other commands work on its file."""
    problems = []
    served = Served(place, "--demo", "--listen", str(free_port()))
    expect(problems, "SIMULATED" in served.banner, served.banner)
    file = ".local/state/sluice/demo.yaml"
    expect(problems, f"~/{file}" in served.banner, served.banner)
    program = curl_of(served.banner).replace("curl ", "curl -si ", 1)
    answer = subprocess.run(["sh", "-c", program], capture_output=True, timeout=TIMEOUT)
    expect(problems, b"x-sluice-simulated: true" in answer.stdout, f"curl: {answer}")
    listed = place.run(["target", "list", "-c", file, "--json"])
    expect(problems, len(json.loads(listed.stdout)["targets"]) == 4, f"targets: {listed}")
    for command in (["report"], ["target", "list"], ["explain", "Hi"], ["key", "list"]):
        unnamed = place.run(command)
        expect(problems, unnamed.returncode == 0 and b"simulated" in unnamed.stderr, f"{unnamed}")
    served.stop(problems)
    ended = place.run(["explain", "Hi"])
    expect(problems, ended.returncode == 78, f"explain without a demo: {ended}")
    report = place.run(["report", "-c", file, "--json"])
    expect(problems, json.loads(report.stdout)["total"]["calls"] == 1, f"report: {report}")
    both = place.run(["serve", "--demo", "-c", file])
    expect(problems, both.returncode == 2, f"--demo with -c: {both}")
    fallback = Served(place, "--or-demo", "--listen", str(free_port()))
    expect(problems, "SIMULATED" in fallback.banner, fallback.banner)
    fallback.stop(problems)
    place.environment["OLLAMA_BASE_URL"] = place.expand("http://{OLLAMA}")
    found = Served(place, "--or-demo", "--listen", str(free_port()))
    expect(problems, "SIMULATED" not in found.banner, found.banner)
    found.stop(problems)
    return problems


def explain_is_what_happens(place):
    """10,000 requests through explain and through the real path: no difference, and no monotony."""
    problems = []
    process, stub = replay.start_stub()
    port = free_port()
    place.write("sluice.yaml", replay.CONFIG.format(port=port, stub=f"127.0.0.1:{stub}"))
    served = Served(place)
    results = replay.replay(port, REPLAYED, seed=1)
    expect(problems, len(results) == REPLAYED, f"{len(results)} results")
    wrong = [(found, body) for _, found, body in results if found]
    expect(problems, not wrong, f"{len(wrong)} differ, the first ones: {wrong[:3]}")
    mixed = replay.replay(port, REPLAYED // 4, seed=2, alone=False)
    wrong = [(found, body) for _, found, body in mixed if found]
    expect(problems, not wrong, f"{len(wrong)} differ among others: {wrong[:3]}")
    targets = collections.Counter(target for target, _, _ in results)
    expect(problems, len(targets) == 6 and min(targets.values()) > REPLAYED / 200, f"{targets}")
    _, body = replay.make_request(random.Random(7))
    printed = place.run(["explain", "-d", "-", "--json"], stdin=body)
    plan = json.loads(printed.stdout or b"{}").get("plan")
    expect(problems, plan, f"explain: {printed}")
    served.stop(problems)
    process.terminate()
    process.join()
    return problems


REPLAYED_CONFIG = """\
server: {{ listen: '127.0.0.1:{port}' }}
providers: {{ local: {{ preset: ollama, base_url: 'http://{ollama}' }} }}
targets:
  small: {{ provider: local, model: 'llama3.2:1b', tier: budget,
           price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
  large: {{ provider: local, model: 'qwen3:8b', tier: premium,
           price: {{ input_per_mtok: 10, output_per_mtok: 20 }} }}
routes:
  auto: {{ baseline: large, tasks: {{ math: [large], chat: [{chat}] }} }}
ledger: {{ path: calls.db }}
"""


def replay_knows_what_was(place):
    """The same policy changes nothing, not a nano-dollar; another one moves what it says."""
    problems = []
    port = free_port()
    fill = {"port": port, "ollama": place.expand("{OLLAMA}")}
    place.write("sluice.yaml", REPLAYED_CONFIG.format(chat="small", **fill))
    place.write("other.yaml", REPLAYED_CONFIG.format(chat="large", **fill))
    served = Served(place)
    for task in ["chat"] * 3 + ["math"] * 2:
        body = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
        curl = ["curl", "-sf", f"http://127.0.0.1:{port}/v1/chat/completions", "-d"]
        asked = subprocess.run(
            [*curl, json.dumps(body), "-H", f"x-sluice-task: {task}"], capture_output=True
        )
        expect(problems, asked.returncode == 0, f"curl: {asked}")
    refused = [*curl[:1], "-s", *curl[2:], json.dumps(body), "-H", "x-sluice-task: nonsense"]
    expect(problems, b"invalid_header" in subprocess.run(refused, capture_output=True).stdout, "")
    served.stop(problems)
    total = json.loads(place.run(["report", "--json"]).stdout)["total"]
    same = json.loads(place.run(["replay", "--policy", "sluice.yaml", "--json"]).stdout)
    expect(problems, same["calls"] == 5 and same["changed"] == 0, f"the same: {same}")
    expect(problems, same["before"] == same["after"], f"the same: {same}")
    left_out = (same["named_by_caller"], same["unanswered"])
    expect(problems, left_out == (0, 1), f"left out: {left_out}")
    expect(problems, same["before"]["cost_usd"] == total["cost_usd"], f"{same} {total}")
    expect(problems, same["baseline_usd"] == total["baseline_usd"], f"{same} {total}")
    moved = json.loads(place.run(["replay", "--policy", "other.yaml", "--json"]).stdout)
    expect(problems, moved["changed"] == 3, f"another: {moved}")
    expect(problems, moved["after"]["tiers"]["premium"] == 5, f"another: {moved}")
    expect(problems, moved["after"]["cost_usd"] == moved["baseline_usd"], f"another: {moved}")
    expect(problems, moved["after"]["cost_doubt_usd"] > 0, f"another: {moved}")
    expect(problems, moved["kinds"][0]["calls"] == 3, f"another: {moved}")
    free_only = REPLAYED_CONFIG.replace("baseline: large,", "baseline: large, max_cost_usd: 0,")
    place.write("nothing.yaml", free_only.format(chat="small", **fill))
    none = json.loads(place.run(["replay", "--policy", "nothing.yaml", "--json"]).stdout)
    expect(problems, none["after"]["refused"] == 5, f"a policy that refuses: {none}")
    expect(problems, none["after"]["baseline_usd"] == 0, f"saves nothing: {none}")
    text = place.run(["replay", "--policy", "nothing.yaml"]).stdout.decode()
    expect(problems, re.search(r"^saved against the baseline .* 0\.0 %", text, re.M), text)
    text = place.run(["replay", "--policy", "other.yaml"]).stdout.decode()
    expect(problems, re.search(r"^small  large  chat +3 ", text, re.M), text)
    return problems


BY_LOT = "  ab: {{ strategy: weighted, split_by: user, weights: {weights} }}\n"
LOTS_CONFIG = REPLAYED_CONFIG.replace("tasks: {{ math: [large], chat: [{chat}] }}", "{dial}")
LOTS_CONFIG = LOTS_CONFIG.replace("ledger:", BY_LOT + "ledger:")
MIXED_PROMPTS = (
    "What is the capital of Australia?",
    "Which of these is a noble gas? A. oxygen B. argon C. chlorine D. nitrogen",
    "A train leaves at noon at 60 mph, another at 1 pm at 80 mph. When do they meet?",
    "Janet has 3 ducks that lay 16 eggs a day. She eats 3 and sells the rest at $2. How much?",
    "Write a function that returns the longest palindrome in a string.",
    "A 30-year-old man has chest pain that gets better when he leans forward. The diagnosis is",
    "Find the degree of the extension Q(sqrt(2), sqrt(3)) over Q.",
    "Translate to French: good morning",
)


def replay_moves_no_more_than_the_policy(place):
    """What a text and a lot came to is taken from the ledger: the same policy moves no call."""
    problems = []
    port = free_port()
    fill = {"port": port, "ollama": place.expand("{OLLAMA}")}

    def write(name, dial="conservative: 0.7", weights="{ small: 70, large: 30 }"):
        place.write(name, LOTS_CONFIG.format(dial=dial, weights=weights, **fill))
        return json.loads(place.run(["replay", "--policy", name, "--json"]).stdout or b"{}")

    write("sluice.yaml")
    served = Served(place)
    asked = [{"model": "auto", "messages": [{"role": "user", "content": p}]} for p in MIXED_PROMPTS]
    hello = {"model": "ab", "messages": [{"role": "user", "content": "hello"}]}
    asked += [{**hello, "user": f"u{i}"} for i in range(40)]
    for body in asked:
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        subprocess.run(["curl", "-sf", url, "-d", json.dumps(body)], capture_output=True)
    served.stop(problems)
    same = write("same.yaml")
    expect(problems, same["calls"] == len(asked) and same["changed"] == 0, f"the same: {same}")
    premium = same["before"]["tiers"]["premium"]
    expect(problems, 0 < premium < len(asked), f"both were asked: {same}")
    turned = write("turned.yaml", weights="{ small: 10, large: 90 }")
    more = turned["after"]["tiers"]["premium"] - premium
    expect(problems, 0 < more == turned["changed"], f"calls move one way: {turned}")
    cheap = write("cheap.yaml", dial="conservative: 0")
    less = premium - cheap["after"]["tiers"]["premium"]
    expect(problems, 0 < cheap["changed"] == less, f"the cheapest: {cheap}")
    return problems


def labels_are_understood_or_named(place):
    """What rows say in other words is folded or named; what was judged of nothing is no success."""
    problems = []

    def rows(name, category):
        lines = [{"prompt": f"say {i} of {i % 7}", "category": category(i)} for i in range(90)]
        place.write(name, "".join(json.dumps(line) + "\n" for line in lines))

    def judged(*words):
        done = place.run(["eval", *words, "--json"])
        tasks = json.loads(done.stdout or b"{}").get("tasks", {})
        return done.returncode, tasks.get("rows"), done.stderr.decode()

    rows("plain.jsonl", lambda i: ("open_qa", "summarization")[i % 2])
    rows("other.jsonl", lambda i: ("Open QA", "Summarization", "open-qa", "SUMMARIZATION")[i % 4])
    rows("wrong.jsonl", lambda i: ("open_qa", "summarization", "Riddles")[i % 3])
    rows("none.jsonl", lambda _: "Riddles")
    for name in ("plain.jsonl", "other.jsonl"):
        found = judged(name)
        expect(problems, found == (0, 90, ""), f"{name}: {found}")
    wrong = judged("wrong.jsonl")
    named = "30 rows have a category" in wrong[2] and '"Riddles"' in wrong[2]
    expect(problems, wrong[:2] == (0, 60) and named, f"one is unknown: {wrong}")
    place.run(["train", "plain.jsonl", "-o", "weights.bin"])
    none = judged("none.jsonl", "--weights", "weights.bin")
    expect(problems, none[0] == 1, f"nothing to judge: {none}")
    typo = place.run(["train", "plain.jsonl", "--tag", "subjekt", "-o", "t.bin"])
    expect(problems, typo.returncode == 2 and b"subjekt" in typo.stderr, f"a typo: {typo}")
    both = ["plain.jsonl", "other.jsonl", "--weights", "weights.bin", "--share", ".3"]
    judged(*both, "--rows", "out.jsonl")
    with open(os.path.join(place.directory, "out.jsonl"), encoding="utf-8") as file:
        ids = [json.loads(line)["id"] for line in file]
    expect(problems, len(set(ids)) == 180 and ids[0] == "1" and ids[-1] == "2:90", f"{ids}")
    with open(os.path.join(place.directory, "latin.jsonl"), "wb") as file:
        file.write(b'{"prompt": "caf\xe9"}')
    latin = place.run(["train", "latin.jsonl", "-o", "typo.bin"])
    expect(problems, b"latin.jsonl:1: this is not UTF-8" in latin.stderr, f"{latin}")
    return problems


WORDY_CONFIG = """\
providers: {{ lab: {{ preset: openai-compatible, base_url: 'http://127.0.0.1:1', api_key: k }} }}
targets:
  wordy: {{ provider: lab, model: wordy, tier: mid,
           price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
  terse: {{ provider: lab, model: terse, tier: mid,
           price: {{ input_per_mtok: 1, output_per_mtok: 3 }} }}
routes: {{ auto: {{ strategy: {strategy} }} }}
"""


def expected_price_beats_the_list(place):
    """Where the cheaper list price belongs to the longer answers, expected prices find it out."""
    problems = []
    for strategy in ("list-price", "cheapest-capable"):
        place.write(f"{strategy}.yaml", WORDY_CONFIG.format(strategy=strategy))
    rng = random.Random(3)
    lines = []
    for number in range(400):
        tokens = {"wordy": rng.randint(600, 1400), "terse": rng.randint(80, 160)}
        text = f"What is the capital of country number {number}?"
        lines.append(json.dumps({"prompt": text, "output_tokens": tokens}))
    place.write("work.jsonl", "\n".join(lines) + "\n")
    command = ["replay", "--policy", "cheapest-capable.yaml", "-c", "list-price.yaml", "--json"]
    told = json.loads(place.run([*command, "work.jsonl"]).stdout)
    before, after = told["before"]["cost_usd"], told["after"]["cost_usd"]
    expect(problems, told["calls"] == 400 and told["before"]["cost_doubt_usd"] == 0, f"{told}")
    expect(problems, after < before / 3, f"by list price {before}, by expected price {after}")
    expect(problems, told["changed"] > 300, f"{told}")
    return problems


def completions_parse(place):
    """The bash completion is valid bash and completes commands, flags and choices."""
    problems = []
    script = place.run(["completion", "bash"]).stdout.decode()
    place.write("completion.bash", script)

    def complete(*words):
        line = " ".join(shlex.quote(word) for word in words)
        program = (
            f"source ./completion.bash; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
            "_sluice; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        result = subprocess.run(
            ["bash", "-c", program], cwd=place.directory, capture_output=True, timeout=TIMEOUT
        )
        expect(problems, result.returncode == 0 and not result.stderr, f"bash: {result}")
        return result.stdout.decode().split()

    expect(problems, complete("sluice", "che") == ["check"], "commands")
    expect(problems, "rotate" in complete("sluice", "key", ""), "members")
    found = complete("sluice", "key", "r")
    expect(problems, found == ["revoke", "rotate", "reseal"], "their beginning")
    expect(problems, complete("sluice", "key", "create", "--na") == ["--name"], "flags of create")
    found = complete("sluice", "report", "--by", "ta")
    expect(problems, sorted(found) == ["tag", "target", "task"], "choice")
    expect(problems, complete("sluice", "--lis") == ["--listen"], "flags of serve without its name")
    expect(problems, complete("sluice", "completion", "f") == ["fish"], "words")
    expect(problems, "completion.bash" in complete("sluice", "check", "-c", "comp"), "files")
    return problems


def rows_share_a_file(place):
    """`eval --rows` into the file that the table goes to writes over neither."""
    problems = []
    rows = [
        json.dumps(
            {"id": i, "prompt": f"{i} plus {7 * i}?", "weak": i % 3 == 0, "strong": i % 5 > 0}
        )
        for i in range(60)
    ]
    place.write("rows.jsonl", "\n".join(rows))
    for out in ("/dev/stdout", "both.txt"):
        with open(os.path.join(place.directory, "both.txt"), "wb") as file:
            result = subprocess.run(
                [place.program, "eval", "rows.jsonl", "--rows", out],
                cwd=place.directory,
                env=place.environment,
                stdout=file,
                stderr=subprocess.PIPE,
                timeout=TIMEOUT,
            )
        with open(os.path.join(place.directory, "both.txt"), encoding="utf-8") as file:
            text = file.read()
        said = [line for line in text.splitlines() if line.startswith('{"id":')]
        expect(problems, result.returncode == 0, f"{out}: {result}")
        expect(problems, len([json.loads(line) for line in said]) == 60, f"{out}: {text[:200]}")
        expect(problems, "best single" in text, f"{out}: no table: {text[-200:]}")
    return problems


def help_ends_there(place):
    """--help of every command prints its usage in lines of 100 and does nothing else."""
    problems = []
    listed = place.run(["--help"]).stdout.decode().partition("\nCommands")[2].partition("\n\n")[0]
    commands = [re.split(r"  +", line.strip())[0] for line in listed.splitlines()[1:]]
    expect(problems, len(commands) > 30, f"{commands}")
    for command in commands:
        if command == "help":
            continue
        result = place.run([*command.split(), "--help"])
        text = result.stdout.decode()
        expect(problems, result.returncode == 0 and not result.stderr, f"{command}: {result}")
        expect(problems, "\nUsage:\n" in text, f"{command}: no usage")
        long = [line for line in text.splitlines() if len(line) > 100]
        expect(problems, not long, f"{command}: {long}")
    return problems


LIVE = [
    ("--help of every command says how it is used, and nothing more happens", help_ends_there),
    ("a first start finds a local server, and its banner's curl works", banner_works),
    ("target on and off reach the running server", switch_works),
    ("a port in use is named, with the way out", taken_port_is_named),
    ("SIGHUP takes a good configuration and refuses a broken one", reload_is_checked),
    ("a local server's models are found out, and missed", local_models_are_found_out),
    ("required keys are created, known at once, and revoked", keys_guard),
    ("the simulated fleet serves, and says so", demo_is_marked),
    ("explain says what 10,000 calls then get", explain_is_what_happens),
    ("a replay of the same policy changes nothing", replay_knows_what_was),
    ("a replay moves no more calls than the policy does", replay_moves_no_more_than_the_policy),
    ("expected prices beat list prices where answers differ", expected_price_beats_the_list),
    ("eval's rows and table share a file", rows_share_a_file),
    ("labels are understood or named", labels_are_understood_or_named),
    ("the bash completion completes", completions_parse),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/sluice"))
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    ollama = start_ollama()
    replacements = {"OLLAMA": f"127.0.0.1:{ollama.server_port}"}
    cases = []
    directory = os.path.join(HERE, "cases")
    for name in sorted(os.listdir(directory)):
        if name.endswith(".case"):
            cases += [
                (title, lambda place, case=case: run_case(place, case))
                for title, case in parse_cases(os.path.join(directory, name))
            ]
    tap = Tap()
    for title, function in cases + LIVE:
        if options.words and not any(word in title for word in options.words):
            continue
        with tempfile.TemporaryDirectory(prefix="sluice-cli-") as home:
            try:
                tap.point(title, function(Place(program, home, replacements)))
            except (OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
                tap.point(title, [f"{type(error).__name__}: {error}"])
    print(f"1..{tap.count}")
    return 1 if tap.failures else 0


if __name__ == "__main__":
    sys.exit(main())
