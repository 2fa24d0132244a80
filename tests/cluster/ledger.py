#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Keys and the ledger of a cluster: real nodes, a real PostgreSQL, a small provider.

- a key made on one node opens on the other; a revoked one opens nowhere once that was answered;
- without PostgreSQL calls go on and keys are not changed; what was refused is audited later;
- a PostgreSQL that lost its data is not taken for the cluster.

    ledger.py [--program build/release/sluice] [--rounds N] [--seed N]

TAP on stdout.
"""

import argparse
import http.client
import http.server
import json
import os
import shutil
import sys
import tempfile
import threading
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE)]

from harness.postgres import PASSWORD, Postgres  # noqa: E402
from harness.process import Sluice, wait_until  # noqa: E402

CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2 }}
log: {{ format: json, level: info, access: false }}
keys: {{ required: true }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{upstream}/v1" }}
targets:
  small: {{ provider: lab, model: small-1, tier: premium, context_tokens: 100000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
ledger: {{ path: ledger.db, segment_bytes: 1MB, sync: 20ms }}
cluster: {{ node: {node}, postgres: "{postgres}" }}
"""
ANSWER = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "small-1",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
).encode()
COST_ND = 10 * 1000 + 5 * 2000


class Provider(http.server.ThreadingHTTPServer):
    """Answers everything with the same few tokens, and counts."""

    daemon_threads = True
    request_queue_size = 256

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            with self.server.lock:
                self.server.answered += 1
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(ANSWER)))
            self.end_headers()
            self.wfile.write(ANSWER)

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.lock = threading.Lock()
        self.answered = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Node(Sluice):
    ledger = "ledger.db"

    def __init__(self, program, directory, name, provider, postgres):
        super().__init__(program, os.path.join(directory, name))
        self.name = name
        self.configure(
            CONFIG.format(
                port=self.port, node=name, upstream=provider.server_port, postgres=postgres.url()
            )
        )

    def key(self, *arguments):
        status, out, err = self.run("key", *arguments, "-c", self.config)
        return status, out, err

    def make_key(self, name):
        status, out, err = self.key("create", "--name", name, "--json")
        if status != 0:
            raise RuntimeError(f"{self.name}: {err}")
        return json.loads(out)

    def ask(self, key):
        """The status of one call; 0: no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        body = json.dumps(
            {"model": "small", "max_tokens": 8, "messages": [{"role": "user", "content": "hello"}]}
        )
        try:
            connection.request(
                "POST",
                "/v1/chat/completions",
                body,
                {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except OSError:
            return 0
        except http.client.HTTPException:
            return 0
        finally:
            connection.close()

    def audit(self):
        status, out, err = self.run("audit", "verify", "-c", self.config, "--json")
        if status != 0:
            raise RuntimeError(f"{self.name}: {err}")
        return json.loads(out)


class Cluster:
    def __init__(self, program, names=("a", "b")):
        self.directory = tempfile.mkdtemp(prefix="sluice-cluster-")
        self.postgres = Postgres().start()
        self.provider = Provider()
        self.nodes = {
            name: Node(program, self.directory, name, self.provider, self.postgres)
            for name in names
        }
        for node in self.nodes.values():
            node.start()
        wait_until(
            lambda: self.postgres.sql("SELECT count(*) FROM sluice.nodes WHERE NOT stopped")
            == str(len(names)),
            20,
            "the nodes are in the cluster",
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self.nodes.values():
            node.close()
        self.postgres.close()
        self.provider.shutdown()
        self.provider.server_close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def check_secrets(self):
        for node in self.nodes.values():
            expect(PASSWORD not in node.log(), f"{node.name} logs the password")


def expect(holds, text):
    if not holds:
        raise AssertionError(text)


def equal(found, wanted, what):
    expect(found == wanted, f"{what}: {found!r}, wanted {wanted!r}")


# --- keys ---------------------------------------------------------------------------------------


def keys_are_shared(arguments):
    with Cluster(arguments.program) as cluster:
        a, b = cluster.nodes["a"], cluster.nodes["b"]
        made = a.make_key("one")
        equal(made["pending_nodes"], [], "pending nodes")
        equal(b.ask(made["key"]), 200, "on the other node")
        equal(a.ask(made["key"]), 200, "on its own node")
        other = b.make_key("two")
        equal(a.ask(other["key"]), 200, "the other way round")
        for number in range(10):
            key = (a, b)[number % 2].make_key(f"n{number}")["key"]
            equal(b.ask(key), 200, "a key at once")
            status, _, err = (b, a)[number % 2].key("revoke", f"n{number}", "--json")
            equal(status, 0, err)
            equal((a.ask(key), b.ask(key)), (401, 401), "a revoked key")
        wait_until(lambda: a.audit() == b.audit(), 10, "one audit log")
        expect(a.audit()["entries"] >= 22, f"entries: {a.audit()}")
        cluster.check_secrets()


def changes_need_the_authority(arguments):
    with Cluster(arguments.program) as cluster:
        a, b = cluster.nodes["a"], cluster.nodes["b"]
        key = a.make_key("one")["key"]
        cluster.postgres.kill()
        status, _, err = a.key("create", "--name", "no", "--json")
        equal(status, 1, "the exit code")
        expect("authority_away" in err, err)
        status, _, err = b.key("revoke", "one", "--json")
        expect(status == 1 and "authority_away" in err, err)
        equal((a.ask(key), b.ask(key)), (200, 200), "calls go on")
        equal(a.ask("sk-sl-" + "x" * 43), 401, "a stranger")
        b.stop()
        b.start()
        equal(b.ask(key), 200, "after a start without PostgreSQL")
        before = a.audit()["entries"]
        cluster.postgres.start()
        wait_until(lambda: a.audit()["entries"] > before, 20, "refusals reach the audit log")
        wait_until(lambda: a.audit() == b.audit(), 20, "one audit log")
        wait_until(lambda: a.key("revoke", "one", "--json")[0] == 0, 20, "changes go on")
        equal((a.ask(key), b.ask(key)), (401, 401), "a revoked key")
        cluster.check_secrets()


def an_empty_database_is_not_the_cluster(arguments):
    with Cluster(arguments.program) as cluster:
        a, b = cluster.nodes["a"], cluster.nodes["b"]
        key = a.make_key("one")["key"]
        cluster.postgres.reset()
        cluster.postgres.restart()
        wait_until(lambda: "authority_lost" in a.log(), 20, "the node says so")
        status, _, err = a.key("create", "--name", "no", "--json")
        expect(status == 1 and "authority_lost" in err, err)
        equal((a.ask(key), b.ask(key)), (200, 200), "calls go on")
        equal(cluster.postgres.sql("SELECT to_regclass('sluice.cluster')"), "", "the schema")


TESTS = (
    (keys_are_shared, "keys are shared, and revoked everywhere before the answer"),
    (changes_need_the_authority, "without PostgreSQL calls go on and keys stay as they are"),
    (an_empty_database_is_not_the_cluster, "an emptied PostgreSQL is not taken for the cluster"),
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    failed = 0
    chosen = [t for t in TESTS if not arguments.names or t[0].__name__ in arguments.names]
    for number, (test, name) in enumerate(chosen, 1):
        try:
            test(arguments)
            print(f"ok {number} - {name}", flush=True)
        except Exception:  # noqa: BLE001
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    print(f"1..{len(chosen)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
