#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What deploy/ has works: three nodes, HAProxy, Redis and PostgreSQL as plain processes, and the files
for containers as far as they can be read without any.

- the script starts it all; a key made on one node opens on all, calls go through HAProxy to all
  nodes, whole and streamed; a cap and a limit of a minute are those of all nodes;
- a node is killed: HAProxy goes on with the others; the report is of all nodes;
- the script ends with the command's status and leaves no process and no file; with --dir the data
  stay, and the second start has the key and the cap of the first;
- compose.yaml is read by compose, haproxy.cfg by HAProxy, sluice.yaml by `sluice check`; the image
  has the libraries that the program needs, and what its Dockerfile copies is enough to build.

    deploy.py [--program build/release/sluice] [--fakeprovider build/release/fakeprovider]

TAP on stdout. Itself is what the script runs, with --inside.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.dirname(HERE)]

from harness.process import wait_until  # noqa: E402

SECRETS = {"POSTGRES_PASSWORD": "postgres1secret", "REDIS_PASSWORD": "redis1secret"}
CAP_USD = 0.0006  # of small: some calls of 100 tokens
STATUS = 23  # of the command that the script runs


def expect(holds, text):
    if not holds:
        raise AssertionError(text)


def equal(found, wanted, what):
    expect(found == wanted, f"{what}: {found!r}, wanted {wanted!r}")


def output(*command, env=None, status=0, told=True):
    """What the command wrote; `told`: also to standard error."""
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, **(env or {})},
    )
    expect(done.returncode == status, f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + (done.stderr if told else "")


# --- as the command that the script runs ---------------------------------------------------------


class Inside:
    def __init__(self):
        self.directory = os.environ["CLUSTER_DIR"]
        self.url = os.environ["CLUSTER_URL"]
        self.nodes = [os.environ[f"CLUSTER_NODE{n}"] for n in (1, 2, 3)]

    def sluice(self, node, *words):
        config = os.path.join(self.directory, f"node{node}", "sluice.yaml")
        return output(os.environ["SLUICE"], *words, "-c", config, told=False)

    def key(self, name, *limits):
        text = self.sluice(1, "key", "create", "--name", name, *limits, "--json")
        return json.loads(text)["key"]

    def ask(self, key, url=None, model="small", max_tokens=10, stream=False):
        """(status, text)"""
        body = {"model": model, "max_tokens": max_tokens, "stream": stream}
        body["messages"] = [{"role": "user", "content": "Hello"}]
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        ask = urllib.request.Request(
            f"{url or self.url}/v1/chat/completions", json.dumps(body).encode(), headers
        )
        try:
            with urllib.request.urlopen(ask, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def statuses(self, key, count, **options):
        with ThreadPoolExecutor(count) as threads:
            asks = [threads.submit(self.ask, key, **options) for _ in range(count)]
            return [ask.result()[0] for ask in asks]

    def report(self, node):
        return json.loads(self.sluice(node, "report", "--by", "key", "--since", "all", "--json"))

    def served(self):
        """Calls of each node's own ledger."""
        status = json.loads(self.sluice(1, "cluster", "status", "--json"))
        return {node["name"]: node["calls"] for node in status["nodes"]}

    def pid(self, node):
        mark = os.path.join(self.directory, f"node{node}", "sluice.yaml").encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if mark in words and b"serve" in words:
                return int(pid)
        raise AssertionError(f"node {node} has no process")


def first_start():
    cluster = Inside()
    key = cluster.key("open")
    for node in cluster.nodes:
        equal(cluster.ask(key, url=node)[0], 200, f"a call of {node}")
    equal(cluster.statuses(key, 24), [200] * 24, "calls through HAProxy")
    status, text = cluster.ask(key, stream=True, model="auto")
    expect(status == 200 and text.rstrip().endswith("data: [DONE]"), f"a stream: {status} {text}")
    wait_until(lambda: sum(cluster.served().values()) == 28, 20, "all calls are in PostgreSQL")
    expect(min(cluster.served().values()) > 1, f"HAProxy uses all nodes: {cluster.served()}")

    # An empty Redis grants nothing beyond each node's part until all have told what they took.
    early = cluster.key("early", "--rpm", "3")
    wait_until(lambda: 503 not in cluster.statuses(early, 12), 20, "Redis grants")
    often = cluster.statuses(cluster.key("often", "--rpm", "20"), 60)
    expect(set(often) <= {200, 429} and 17 <= often.count(200) <= 20, f"20 a minute: {often}")
    capped = cluster.statuses(cluster.key("capped", "--cap-usd", str(CAP_USD)), 60, max_tokens=100)
    expect(set(capped) == {200, 429}, f"a cap that fits some: {capped}")

    reported = (("often", often), ("capped", capped))
    for name, answers in reported:  # a node that is killed brings its last ones when it is back
        wait_until(
            lambda n=name, a=answers: spent(cluster, n)[0] == a.count(200), 20, f"report of {name}"
        )
    dollars = spent(cluster, "capped")[1]
    expect(0 < dollars <= CAP_USD, f"what was spent: {dollars}")
    os.kill(cluster.pid(2), signal.SIGKILL)
    wait_until(lambda: cluster.statuses(key, 6) == [200] * 6, 20, "HAProxy goes on with two nodes")
    equal(cluster.statuses(key, 12), [200] * 12, "calls through HAProxy, of two nodes")
    with open(os.path.join(cluster.directory, "told"), "w", encoding="utf-8") as file:
        json.dump({"key": key, "spent": spent(cluster, "capped")}, file)
    return STATUS


def spent(cluster, name):
    """(calls that were answered, dollars), as node 3 reports it."""
    rows = [row for row in cluster.report(3)["rows"] if row["name"] == name]
    return (rows[0]["calls"] - rows[0]["failed"], rows[0]["cost_usd"]) if rows else (0, 0)


def second_start():
    cluster = Inside()
    with open(os.path.join(cluster.directory, "told"), encoding="utf-8") as file:
        told = json.load(file)
    equal(cluster.ask(told["key"])[0], 200, "the key of the first start")
    wait_until(lambda: spent(cluster, "open")[0] >= 29, 20, "reports go on")
    equal(list(spent(cluster, "capped")), told["spent"], "what was spent before")
    return STATUS


# --- from outside --------------------------------------------------------------------------------


def processes_of(directory):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read()
        except OSError:
            continue
        if directory.encode() in words and int(pid) != os.getpid():
            found.append(words.replace(b"\0", b" ").decode())
    return found


def script(arguments, which, *options):
    """Runs it all with this file as the command; what it printed, and its status."""
    environment = {
        **os.environ,
        "SLUICE": os.path.abspath(arguments.program),
        "FAKEPROVIDER": os.path.abspath(arguments.fakeprovider),
    }
    return subprocess.run(
        ["bash", "deploy/cluster.sh", *options]
        + ["--run", sys.executable, os.path.abspath(__file__), "--inside", which],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=150,
    )


def the_script_starts_three_nodes(arguments):
    directory = tempfile.mkdtemp(prefix="sluice-deploy-")
    os.chmod(directory, 0o711)  # PostgreSQL runs as another user
    try:
        for which in ("first_start", "second_start"):
            done = script(arguments, which, "--dir", os.path.join(directory, "data"))
            equal(done.returncode, STATUS, f"{which}: {done.stdout}{done.stderr}")
            equal(processes_of(directory), [], "processes that were left")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def the_script_cleans_up(arguments):
    done = script(arguments, "where")
    equal(done.returncode, STATUS, done.stdout + done.stderr)
    directory = done.stdout.strip().splitlines()[-1]
    expect("/sluice-cluster-" in directory, directory)
    equal(processes_of(directory), [], "processes that were left")
    expect(not os.path.exists(directory), f"{directory} was left")


def where():
    print(os.environ["CLUSTER_DIR"])
    return STATUS


def haproxy_reads_its_file(_):
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    nodes = {f"SLUICE_NODE{n}": f"node{n}:4141" for n in (1, 2, 3)}
    output(program, "-c", "-f", "deploy/haproxy.cfg", env={"SLUICE_BIND": "0.0.0.0:4141", **nodes})


def sluice_reads_its_file(arguments):
    output(arguments.program, "check", "deploy/sluice.yaml", env=SECRETS)
    output(arguments.program, "check", "deploy/sluice.yaml", status=78)  # secrets are not optional


def compose_command():
    for command in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "version"], capture_output=True, check=False)
            if done.returncode == 0:
                return command
    return None


def compose_reads_its_file(_):
    command = compose_command()
    expect(command is not None, "docker-compose is not installed: tools/setup.sh --test")
    command = [*command, "-f", "deploy/compose.yaml", "config"]
    services = output(*command, "--services", env=SECRETS).split()
    wanted = ["fleet", "haproxy", "node1", "node2", "node3", "postgres", "redis"]
    equal(sorted(services), wanted, "services")
    text = output(*command, env=SECRETS)
    for node in ("node1", "node2", "node3"):
        equal(len(re.findall(rf"{node}:/var/lib/sluice", text)), 1, f"a volume of {node}'s own")
    expect("/deploy/haproxy.cfg:/" in text, "HAProxy has its file")
    output(*command, env={"POSTGRES_PASSWORD": "", "REDIS_PASSWORD": ""}, status=1)


def the_image_has_what_it_needs(arguments):
    with open("deploy/Dockerfile", encoding="utf-8") as file:
        dockerfile = file.read()
    libraries = re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", arguments.program))
    wanted = {"libhiredis", "libpq"} | {name.split(".so")[0] for name in libraries}
    wanted -= {"libc", "libm", "libgcc_s", "ld-linux-x86-64", "libcrypto"}  # those of others
    for name in sorted(wanted):
        package = "zlib1g" if name == "libz" else rf"{name}[-0-9]"
        expect(re.search(rf"\b{package}", dockerfile), f"the image lacks {name}")
    copies = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", dockerfile, re.M)
    sources = [path for words in copies for path in words.split()]
    with tempfile.TemporaryDirectory(prefix="sluice-deploy-") as directory:
        for path in sources:
            place = os.path.join(directory, path)
            os.makedirs(os.path.dirname(place) or directory, exist_ok=True)
            (shutil.copytree if os.path.isdir(path) else shutil.copy)(path, place)
        output("make", "-n", "-C", directory, "build", "build/release/fakeprovider")


TESTS = (
    (the_script_starts_three_nodes, "the script starts three nodes behind HAProxy, twice"),
    (the_script_cleans_up, "the script leaves nothing, and ends as the command did"),
    (haproxy_reads_its_file, "HAProxy reads haproxy.cfg"),
    (sluice_reads_its_file, "sluice reads sluice.yaml, and wants the passwords"),
    (compose_reads_its_file, "compose reads compose.yaml, and wants the passwords"),
    (the_image_has_what_it_needs, "the image has the libraries and the sources that it needs"),
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--fakeprovider", default="build/release/fakeprovider")
    parser.add_argument("--inside", choices=("first_start", "second_start", "where"))
    arguments = parser.parse_args()
    if arguments.inside:
        return globals()[arguments.inside]()
    os.chdir(ROOT)
    failed = 0
    for number, (test, name) in enumerate(TESTS, 1):
        try:
            test(arguments)
            print(f"ok {number} - {name}", flush=True)
        except Exception as problem:  # noqa: BLE001
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print("# " + str(problem).replace("\n", "\n# "), flush=True)
    print(f"1..{len(TESTS)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
