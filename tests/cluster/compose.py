#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
deploy/compose.yaml started for real: three nodes, HAProxy, Redis and PostgreSQL in containers,
built and configured as docs/guides/deployment.md says, from a copy of what git has.

- the image is built and has no password and nothing that is not needed; nobody runs as root;
- a key made on one node opens on all through HAProxy, whole and streamed; a cap and a limit of a
  minute are those of all nodes; passwords are in no log;
- a node that is killed is started again, and the others go on meanwhile;
- stopping waits for streams, and everybody ends by themselves;
- down and up: keys, caps and reports are as before.

    compose.py [--own-engine] [--stand-ins] [--port 14141]

--own-engine: starts a dockerd of its own, as root. --stand-ins: images that are not there are made
of Debian's packages (tests/cluster/images) instead of being pulled. Without an engine: skipped.
TAP on stdout.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.dirname(HERE), HERE]

from container_engine import Engine, answer  # noqa: E402
from harness.process import wait_until  # noqa: E402

NODES = ("node1", "node2", "node3")
SERVICES = (*NODES, "fleet", "haproxy", "postgres", "redis")
USERS = {"postgres": 999, "redis": 999, "haproxy": 99}  # of the official images; else:
OUR_USER = 10001
SECRETS = {"POSTGRES_PASSWORD": "postgres1secret", "REDIS_PASSWORD": "redis1secret"}
CAP_USD = 0.0006  # of small: some calls of 100 tokens
SLOW_TOKENS = 60  # of a stream that takes longer than the 10 s that engines usually wait


def expect(holds, text):
    if not holds:
        raise AssertionError(text)


def equal(found, wanted, what):
    expect(found == wanted, f"{what}: {found!r}, wanted {wanted!r}")


class Deployment:
    def __init__(self, engine, port):
        self.engine = engine
        self.command = engine.compose_command()
        self.directory = tempfile.mkdtemp(prefix="sluice-compose-")
        self.url = f"http://127.0.0.1:{port}"
        self.project = f"sluice-test-{os.getpid()}"
        self.overrides = []
        self.keys = {}
        self.told = None
        self.copy_tree()
        with open(os.path.join(ROOT, "deploy/env.example"), encoding="utf-8") as file:
            lines = file.read()
        for name, value in SECRETS.items():
            expect(f"\n{name}=\n" in lines, f"env.example asks for {name}")
            lines = lines.replace(f"\n{name}=\n", f"\n{name}={value}\n")
        lines = lines.replace("SLUICE_PUBLISH=127.0.0.1:4141", f"SLUICE_PUBLISH=127.0.0.1:{port}")
        lines = lines.replace("PROJECT_NAME=sluice", f"PROJECT_NAME={self.project}")
        with open(os.path.join(self.directory, "deploy/.env"), "w", encoding="utf-8") as file:
            file.write(lines)

    def copy_tree(self):
        listed = answer("git", "ls-files", "-z", cwd=ROOT).stdout
        for path in filter(None, listed.split("\0")):
            if os.path.isfile(os.path.join(ROOT, path)):  # not what was just removed
                place = os.path.join(self.directory, path)
                os.makedirs(os.path.dirname(place), exist_ok=True)
                shutil.copy(os.path.join(ROOT, path), place)

    def compose(self, *words, timeout=300, status=0):
        files = [word for path in ("deploy/compose.yaml", *self.overrides) for word in ("-f", path)]
        command = [*self.command, *files, *words]
        done = answer(*command, env=self.engine.environment, timeout=timeout, cwd=self.directory)
        text = done.stdout[-1500:] + done.stderr[-1500:]
        expect(done.returncode == status, f"{words}: {done.returncode}: {text}")
        return done.stdout

    def container(self, service):
        return self.compose("ps", "-a", "-q", service).strip()

    def inspect(self, service, template):
        done = self.engine.docker("inspect", "-f", template, self.container(service))
        return done.stdout.strip()

    def sluice(self, node, *words):
        return self.compose("exec", "-T", node, "sluice", *words, "-c", "/etc/sluice/sluice.yaml")

    def key(self, name, *limits):
        text = self.sluice("node1", "key", "create", "--name", name, *limits, "--json")
        self.keys[name] = json.loads(text)["key"]
        return self.keys[name]

    def ask(self, key, max_tokens=10, stream=False, timeout=60):
        """(status, text)"""
        body = {"model": "small", "max_tokens": max_tokens, "stream": stream}
        body["messages"] = [{"role": "user", "content": "Hello"}]
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        url = f"{self.url}/v1/chat/completions"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except OSError as problem:
            return 0, str(problem)

    def statuses(self, key, count, **options):
        with ThreadPoolExecutor(count) as threads:
            asks = [threads.submit(self.ask, key, **options) for _ in range(count)]
            return [ask.result()[0] for ask in asks]

    def spent(self, name, node="node3"):
        """(calls that were answered, dollars), as the node reports it."""
        text = self.sluice(node, "report", "--by", "key", "--since", "all", "--json")
        rows = [row for row in json.loads(text)["rows"] if row["name"] == name]
        return [rows[0]["calls"] - rows[0]["failed"], rows[0]["cost_usd"]] if rows else [0, 0]

    def served(self):
        status = json.loads(self.sluice("node1", "cluster", "status", "--json"))
        return {node["name"]: node["calls"] for node in status["nodes"]}

    def all_healthy(self, services=NODES):
        return all(
            self.inspect(service, "{{.State.Status}} {{.State.Health.Status}}") == "running healthy"
            for service in services
        )

    def up(self):
        self.compose("up", "-d", "--build", timeout=1800)
        wait_until(self.all_healthy, 60, "all nodes are healthy")
        wait_until(lambda: self.ask("none")[0] == 401, 20, "HAProxy answers")

    def remove(self):
        self.compose("down", "-v", "--remove-orphans", "--rmi", "local", timeout=300)
        shutil.rmtree(self.directory, ignore_errors=True)


# --- what must hold ------------------------------------------------------------------------------


def it_is_built_and_starts(deployment):
    deployment.up()
    for service in ("postgres", "redis"):
        equal(deployment.inspect(service, "{{.State.Health.Status}}"), "healthy", service)
    for service in SERVICES:
        equal(deployment.inspect(service, "{{.RestartCount}}"), "0", f"{service} was restarted")


def the_first_start_waits(deployment):
    """Nodes are started when PostgreSQL can be reached, not while it makes the database."""
    for node in NODES:
        log = deployment.compose("logs", "--no-color", node)
        expect("authority_away" not in log, f"{node} found no PostgreSQL: {log[-1500:]}")


def nobody_is_root(deployment):
    for service in SERVICES:
        words = ("top", deployment.container(service), "-eo", "pid,uid,args")
        lines = deployment.engine.docker(*words).stdout.splitlines()[1:]
        wanted = str(USERS.get(service, OUR_USER))
        users = {line.split()[1] for line in lines}
        equal(users, {wanted}, f"users of {service}")


def the_image_is_clean(deployment):
    image = deployment.inspect("node1", "{{.Image}}")
    history = deployment.engine.docker("history", "--no-trunc", image).stdout
    settings = deployment.engine.docker("inspect", image).stdout
    listing = deployment.engine.docker(
        "run", "--rm", "--entrypoint", "find", image, "/etc/sluice", "/usr/local", "/src",
        "/var/lib/sluice", "-type", "f",
    ).stdout.split()
    for value in SECRETS.values():
        expect(value not in history + settings, "a password is in the image")
    wanted = ["/etc/sluice/sluice.yaml"]
    wanted += [f"/usr/local/bin/{name}" for name in ("fakeprovider", "sluice", "sluice-ready")]
    found = [path for path in listing if not path.startswith("/var/lib/sluice/.")]  # of useradd
    equal(sorted(found), wanted, "files of ours in the image")


def calls_go_to_all_nodes(deployment):
    key = deployment.key("open")
    equal(deployment.statuses(key, 24), [200] * 24, "calls through HAProxy")
    status, text = deployment.ask(key, stream=True)
    expect(status == 200 and text.rstrip().endswith("data: [DONE]"), f"a stream: {status} {text}")
    wait_until(lambda: sum(deployment.served().values()) == 25, 20, "all calls are in PostgreSQL")
    served = deployment.served()
    expect(len(served) == 3 and min(served.values()) > 1, f"HAProxy uses all nodes: {served}")


def limits_are_of_all_nodes(deployment):
    early = deployment.key("early", "--rpm", "3")  # an empty Redis grants each node its part
    wait_until(lambda: 503 not in deployment.statuses(early, 12), 20, "Redis grants")
    often = deployment.statuses(deployment.key("often", "--rpm", "20"), 60)
    expect(set(often) <= {200, 429} and 17 <= often.count(200) <= 20, f"20 a minute: {often}")
    capped = deployment.key("capped", "--cap-usd", str(CAP_USD), "--per", "total")
    answers = deployment.statuses(capped, 60, max_tokens=100)
    expect(set(answers) == {200, 429}, f"a cap that fits some: {answers}")
    answers.append(200)  # what was held and not spent comes back, and can be spent
    while answers[-1] == 200:
        answers.append(deployment.ask(capped, max_tokens=100)[0])
    answers.remove(200)
    equal(answers[-1], 429, "a call that does not fit")
    for name, seen in (("often", often), ("capped", answers)):
        wait_until(
            lambda n=name, s=seen: deployment.spent(n)[0] == s.count(200), 20, f"report of {name}"
        )
    deployment.told = deployment.spent("capped")
    expect(0 < deployment.told[1] <= CAP_USD, f"what was spent: {deployment.told}")


def a_killed_node_comes_back(deployment):
    key = deployment.keys["open"]
    pid = int(deployment.inspect("node2", "{{.State.Pid}}"))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: deployment.statuses(key, 6) == [200] * 6, 20, "HAProxy goes on")
    wait_until(lambda: deployment.all_healthy(["node2"]), 60, "node2 is back")
    equal(deployment.inspect("node2", "{{.RestartCount}}"), "1", "restarts of node2")
    before = deployment.served()["node2"]
    wait_until(
        lambda: deployment.statuses(key, 6) and deployment.served()["node2"] > before,
        30, "node2 serves again",
    )


def databases_may_be_restarted(deployment):
    limited = deployment.key("again", "--rpm", "1000", "--cap-usd", "1", "--per", "total")
    for service in ("redis", "postgres"):
        pid = int(deployment.inspect(service, "{{.State.Pid}}"))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda s=service: deployment.all_healthy([s]), 60, f"{service} is back")
        equal(deployment.statuses(deployment.keys["open"], 6), [200] * 6, "calls go on")
        wait_until(
            lambda: deployment.statuses(limited, 6) == [200] * 6, 40, f"grants after {service}"
        )
    equal(deployment.ask(deployment.keys["capped"], max_tokens=100)[0], 429, "the cap stands")


def stopping_waits_for_streams(deployment):
    place = os.path.join(deployment.directory, "slow.yaml")
    with open(place, "w", encoding="utf-8") as file:
        file.write(
            'services: { fleet: { command: ["--listen", "0.0.0.0:9000", "--models",'
            ' "tiny-1,grand-1", "--tps", "4", "--tokens", "1000"] } }\n'
        )
    deployment.overrides = [place]
    deployment.compose("up", "-d", timeout=300)
    key = deployment.keys["open"]
    wait_until(lambda: deployment.ask(key)[0] == 200, 60, "calls are answered")
    with ThreadPoolExecutor(6) as threads:
        began = time.monotonic()
        streams = [
            threads.submit(deployment.ask, key, SLOW_TOKENS, True, 90) for _ in range(6)
        ]
        time.sleep(1.5)  # they are under way
        deployment.compose("stop", "haproxy", *NODES, timeout=200)
        took = time.monotonic() - began
        for stream in streams:
            status, text = stream.result()
            whole = status == 200 and text.rstrip().endswith("data: [DONE]")
            expect(whole, f"a stream was cut: {status} ...{text[-200:]}")
    expect(11 < took < 60, f"stopping took {took:.1f} s")
    deployment.compose("stop", timeout=200)
    killed = {s for s in SERVICES if deployment.inspect(s, "{{.State.ExitCode}}") == "137"}
    equal(killed, set(), "who had to be killed")
    for service in (*NODES, "fleet"):  # the others' programs are not ours
        equal(deployment.inspect(service, "{{.State.ExitCode}}"), "0", f"exit of {service}")


def all_is_kept(deployment):
    deployment.compose("down", timeout=200)
    deployment.overrides = []
    deployment.up()
    equal(deployment.ask(deployment.keys["open"])[0], 200, "the key of the first start")
    equal(deployment.spent("capped"), deployment.told, "what was spent before")
    capped = deployment.keys["capped"]
    wait_until(lambda: deployment.ask(capped, max_tokens=100)[0] == 429, 30, "the cap stands")
    equal(deployment.spent("capped"), deployment.told, "nothing was added")
    deployment.sluice("node2", "cluster", "verify")


def no_log_has_a_password(deployment):
    text = deployment.compose("logs", "--no-color")
    for value in (*SECRETS.values(), *deployment.keys.values()):
        expect(value not in text, f"{value[:9]}... is in a log")


TESTS = (
    (it_is_built_and_starts, "the image is built, all are started and healthy"),
    (the_first_start_waits, "nodes are started when PostgreSQL can be reached"),
    (nobody_is_root, "nobody runs as root"),
    (the_image_is_clean, "the image has what it needs and no password"),
    (calls_go_to_all_nodes, "calls and streams go through HAProxy to all nodes"),
    (limits_are_of_all_nodes, "a cap and a limit of a minute are those of all nodes"),
    (a_killed_node_comes_back, "a killed node is started again, the others go on"),
    (databases_may_be_restarted, "PostgreSQL and Redis are killed and come back"),
    (stopping_waits_for_streams, "stopping waits for streams, all end by themselves"),
    (all_is_kept, "down and up: keys, caps and reports are kept"),
    (no_log_has_a_password, "no password and no key is in a log"),
)


def skip(reason):
    print(f"1..0 # SKIP {reason}")
    return 0


def run(deployment):
    failed = 0
    for number, (test, name) in enumerate(TESTS, 1):
        began = time.monotonic()
        try:
            test(deployment)
            print(f"ok {number} - {name} ({time.monotonic() - began:.0f} s)", flush=True)
        except Exception as problem:  # noqa: BLE001
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print("# " + str(problem).replace("\n", "\n# "), flush=True)
            if number == 1:
                print("Bail out! nothing runs")
                break
    print(f"1..{len(TESTS)}")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--own-engine", action="store_true")
    parser.add_argument("--stand-ins", action="store_true")
    parser.add_argument("--port", type=int, default=14141)
    arguments = parser.parse_args()
    engine = Engine()
    try:
        if arguments.own_engine:
            reason = engine.start()
            if reason:
                return skip(reason)
        if not engine.answers():
            return skip("no container engine answers (docker info)")
        if engine.compose_command() is None:
            return skip("neither docker compose nor docker-compose is there")
        if arguments.stand_ins:
            engine.make_stand_ins()
        deployment = Deployment(engine, arguments.port)
        try:
            return run(deployment)
        finally:
            deployment.remove()
    finally:
        engine.stop()


if __name__ == "__main__":
    sys.exit(main())
