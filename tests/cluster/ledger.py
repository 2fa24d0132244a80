#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Keys and the ledger of a cluster: real nodes, a real PostgreSQL, a small provider.

- a key made on one node opens on the other; a revoked one opens nowhere once that was answered;
- without PostgreSQL calls go on and keys are not changed; what was refused is audited later;
- a PostgreSQL that lost its data is not taken for the cluster;
- reports, lists and single calls are of all nodes, and of one where PostgreSQL is away;
- a PostgreSQL that is full, or whose tables somebody holds, gets all of it when it is well again;
- a standby takes over that lacks what was done last: no cap is exceeded, the ledger is whole again;
- most calls under a cap ask nobody;
- kill -9 of nodes and of PostgreSQL under load: each call of each node's ledger is there once.

    ledger.py [--program build/release/sluice] [--rounds N] [--seed N]

TAP on stdout.
"""

import argparse
import http.client
import http.server
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE)]

from harness.configuration import INPUT_ND, OUTPUT_ND, cluster_section, configuration  # noqa: E402
from harness.postgres import PASSWORD, Postgres  # noqa: E402
from harness.process import Sluice, wait_until  # noqa: E402

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
COST_ND = 10 * INPUT_ND + 5 * OUTPUT_ND
MAX_TOKENS = 8
REQUEST = json.dumps(
    {
        "model": "small",
        "max_tokens": MAX_TOKENS,
        "messages": [{"role": "user", "content": "hello"}],
    }
)
# The worst case of one, which is what must fit: a token for every byte that goes upstream.
HELD_ND = len(REQUEST) * INPUT_ND + MAX_TOKENS * OUTPUT_ND


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
        more = cluster_section(name, postgres.url())
        self.configure(configuration(self.port, provider.server_port, more=more))

    def key(self, *arguments):
        status, out, err = self.run("key", *arguments, "-c", self.config)
        return status, out, err

    def make_key(self, name, *options):
        status, out, err = self.key("create", "--name", name, *options, "--json")
        if status != 0:
            raise RuntimeError(f"{self.name}: {err}")
        return json.loads(out)

    def ask(self, key):
        """The status of one call; 0: no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(
                "POST",
                "/v1/chat/completions",
                REQUEST,
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
        wait_until(lambda: self.live() == len(names), 20, "the nodes are in the cluster")

    def live(self):
        if not self.postgres.sql("SELECT to_regclass('sluice.nodes')"):
            return 0
        return int(self.postgres.sql("SELECT count(*) FROM sluice.nodes WHERE NOT stopped"))

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


# --- the ledger ----------------------------------------------------------------------------------


def shipped(cluster):
    """Is all that the nodes' ledgers have in PostgreSQL?"""
    for node in cluster.nodes.values():
        with node.database() as database:
            last = database.execute("SELECT coalesce(max(seq), 0) FROM ship").fetchone()[0]
        seq = cluster.postgres.sql(
            "SELECT coalesce(max(s.seq), 0) FROM sluice.shipped s JOIN sluice.nodes n"
            f" ON n.id = s.node WHERE n.name = '{node.name}'"
        )
        if int(seq) < last:
            return False
    return True


def settled(cluster, calls):
    """All calls are in the nodes' ledgers, and those in PostgreSQL."""
    rows = 0
    for node in cluster.nodes.values():
        with node.database() as database:
            rows += database.execute("SELECT count(*) FROM calls").fetchone()[0]
    return rows >= calls and shipped(cluster)


def command(node, *words):
    status, out, err = node.run(*words, "-c", node.config, "--json")
    if status != 0:
        raise RuntimeError(f"{node.name}: {words}: {err}")
    return json.loads(out), err


def reports_are_of_all_nodes(arguments):
    with Cluster(arguments.program) as cluster:
        a, b = cluster.nodes["a"], cluster.nodes["b"]
        key = a.make_key("one")["key"]
        for _ in range(7):
            equal((a.ask(key), b.ask(key)), (200, 200), "calls")
        wait_until(lambda: settled(cluster, 14), 20, "all is shipped")
        for node in (a, b):
            report, err = command(node, "report", "--by", "key")
            equal((report["nodes"], report["total"]["calls"]), ("all", 14), "the report")
            equal(report["total"]["cost_usd"], 14 * COST_ND / 1e9, "the sum")
            equal(err, "", "words")
            status, answer = node.api("/sluice/v1/report?by=model")
            equal((status, answer["nodes"], answer["total"]["calls"]), (200, "all", 14), "report")
            status, answer = node.api("/sluice/v1/calls?limit=100")
            equal((status, answer["nodes"], len(answer["calls"])), (200, "all", 14), "calls")
            for call in answer["calls"]:
                status, one = node.api(f"/sluice/v1/calls/{call['id']}")
                equal((status, one["id"]), (200, call["id"]), "a call")
                equal(len(one["attempts"]), 1, "attempts")
            told = [
                json.dumps(n.api(f"/sluice/v1/calls/{answer['calls'][0]['id']}")) for n in (a, b)
            ]
            equal(told[1], told[0], "the same arithmetic on both nodes")
            for words in ((), ("--json",)):
                call = ["report", "--explain", answer["calls"][0]["id"], *words]
                told = [n.run(*call, "-c", n.config) for n in (a, b)]
                equal(told[0][0], 0, told[0][2])
                expect("small" in told[0][1], told[0][1])
                equal(told[1], told[0], "the same explanation by both nodes")
        mine = a.make_key("mine", "--user", "ann", "--team", "lab", "--org", "acme", "--tag", "x")
        equal((a.ask(mine["key"]), b.ask(mine["key"])), (200, 200), "calls of a user")
        wait_until(lambda: settled(cluster, 16), 20, "all is shipped")
        for by, name in (
            ("user", "acme/ann"),
            ("team", "acme/lab"),
            ("organisation", "acme"),
            ("tag", "x"),
        ):
            report, _ = command(b, "report", "--by", by)
            rows = [(row["name"], row["calls"]) for row in report["rows"]]
            equal(rows, [("(none)", 14), (name, 2)], f"the report by {by}")
            equal((report["nodes"], report["total"]["calls"]), ("all", 16), "all")
        equal(command(a, "cluster", "verify")[0], {"sound": "cluster"}, "verify")
        status, _ = command(b, "cluster", "status")
        equal([n["name"] for n in status["nodes"]], ["a", "b"], "nodes")
        equal([n["state"] for n in status["nodes"]], ["live", "live"], "states")
        equal(sum(n["calls"] for n in status["nodes"]), 16, "calls of nodes")
        cluster.postgres.kill()
        report, err = command(a, "report")
        equal((report["nodes"], report["total"]["calls"]), ("this", 8), "without PostgreSQL")
        expect("only this node's calls" in err, err)
        status, answer = b.api("/sluice/v1/calls?limit=100")
        equal((status, answer["nodes"], len(answer["calls"])), (200, "this", 8), "its own calls")
        cluster.check_secrets()


FULL = """
CREATE FUNCTION sluice.full() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END$$;
"""
WRITTEN = ("calls", "nodes", "leases", "key_log")


def a_full_and_a_locked_database_lose_nothing(arguments):
    """Full: each write ends as PostgreSQL ends it then. Locked: somebody holds the tables."""
    with Cluster(arguments.program) as cluster:
        a, b = cluster.nodes["a"], cluster.nodes["b"]
        key = a.make_key("one")["key"]
        capped = a.make_key("capped", "--cap-usd", "1", "--per", "total")["key"]
        equal((a.ask(key), b.ask(capped)), (200, 200), "before")
        cluster.postgres.sql(
            FULL
            + "".join(
                f"CREATE TRIGGER full_{t} BEFORE INSERT OR UPDATE ON sluice.{t} FOR EACH STATEMENT"
                f" EXECUTE FUNCTION sluice.full();"
                for t in WRITTEN
            )
        )
        wait_until(lambda: leasing(a) == 0 and leasing(b) == 0, 20, "the nodes notice")
        for _ in range(5):
            equal((a.ask(key), b.ask(key)), (200, 200), "calls without a cap go on")
        equal(a.ask(capped), 503, "nothing is granted")
        status, _, err = a.key("create", "--name", "no", "--json")
        expect(status == 1 and "no space left" in err, f"keys are not changed: {status} {err}")
        expect(int(cluster.postgres.sql("SELECT count(*) FROM sluice.calls")) <= 2, "it is full")
        cluster.postgres.sql("DROP FUNCTION sluice.full() CASCADE")
        wait_until(lambda: settled(cluster, 12), 30, "with room again all is shipped")
        wait_until(lambda: leasing(a) == 1 and a.ask(capped) == 200, 20, "and caps are leased")
        with cluster.postgres.lock("sluice.calls", "sluice.attempts", "sluice.rollups"):
            for _ in range(5):
                equal((a.ask(key), b.ask(capped)), (200, 200), "calls go on, also under a cap")
            report, _ = command(a, "report", "--since", "all")
            expect(report["nodes"] == "this", f"the report is of this node: {report}")
        wait_until(lambda: settled(cluster, 23), 30, "without the lock all is shipped")
        equal(command(a, "cluster", "verify")[0], {"sound": "cluster"}, "verify")


def leasing(node):
    return node.metrics().get("sluice_lease_authority_up")


def a_standby_takes_over_and_caps_hold(arguments):
    """It lacks what was granted, spent and changed last."""
    with Cluster(arguments.program) as cluster:
        a, b = cluster.nodes["a"], cluster.nodes["b"]
        fits = 40
        capped = a.make_key("capped", "--cap-usd", f"{fits * COST_ND / 1e9:.9f}", "--per", "total")
        capped, answered = capped["key"], 0
        for _ in range(5):
            equal((a.ask(capped), b.ask(capped)), (200, 200), "calls")
            answered += 2
        cluster.postgres.copy("standby")
        wait_until(lambda: leasing(a) == 1 and leasing(b) == 1, 20, "PostgreSQL is back")
        later = a.make_key("later")["key"]
        for _ in range(8):
            equal((a.ask(capped), b.ask(capped)), (200, 200), "calls that the standby lacks")
            answered += 2
        wait_until(lambda: settled(cluster, answered), 20, "all is shipped")
        before = int(cluster.postgres.sql("SELECT incarnation FROM sluice.cluster"))
        cluster.postgres.restore("standby", promote=True)
        wait_until(lambda: cluster.postgres.sql(RAISED.format(before)) == "t", 30, "all have told")
        refused = 0
        while refused < 6 and answered < 2 * fits:
            status = (a, b)[refused % 2].ask(capped)
            answered += status == 200
            refused = 0 if status == 200 else refused + 1
        last = -(-HELD_ND // COST_ND)  # what is left for these holds none
        expect(fits - last <= answered <= fits, f"{answered} calls under a cap for {fits}")
        equal(b.ask(later), 200, "a key that the standby lacked")
        wait_until(lambda: settled(cluster, answered + 1), 30, "what it lacked is shipped again")
        report, _ = command(a, "report", "--since", "all", "--by", "key")
        calls = {row["name"]: row["calls"] - row["failed"] for row in report["rows"]}
        equal((calls["capped"], report["nodes"]), (answered, "all"), "the report")
        equal(command(a, "cluster", "verify")[0], {"sound": "cluster"}, "verify")


RAISED = (
    "SELECT c.incarnation > {} AND (SELECT bool_and(n.incarnation = c.incarnation)"
    " FROM sluice.nodes n) FROM sluice.cluster c"
)


def most_calls_ask_nobody(arguments):
    with Cluster(arguments.program) as cluster:
        a = cluster.nodes["a"]
        key = a.make_key("capped", "--cap-usd", "100", "--per", "day")["key"]
        exchanges = 'sluice_lease_exchanges_total{done="yes"}'
        equal(a.ask(key), 200, "the first call")
        before = a.metrics()[exchanges]
        for _ in range(400):
            equal(a.ask(key), 200, "a call")
        asked = a.metrics()[exchanges] - before
        expect(asked < 40, f"{asked:.0f} exchanges with PostgreSQL for 400 calls")
        print(f"# {asked:.0f} exchanges with PostgreSQL for 400 calls", flush=True)


def status_tells_who_is_waited_for(arguments):
    with Cluster(arguments.program) as cluster:
        a, b = cluster.nodes["a"], cluster.nodes["b"]
        key = a.make_key("one", "--cap-usd", "1", "--per", "day")["key"]
        equal((a.ask(key), b.ask(key)), (200, 200), "calls")
        equal([n["waited_for"] for n in command(a, "cluster", "status")[0]["nodes"]], [[], []], "")
        b.kill()
        cluster.postgres.sql("UPDATE sluice.cluster SET incarnation = incarnation + 1")
        wait_until(lambda: waited_for(a) == {"b": ["keys_told", "caps_told"]}, 20, "b is named")
        wait_until(lambda: states(a)["b"] == "away", 30, "b is away")
        _, out, _ = a.run("cluster", "status", "-c", a.config)
        expect(out.count("\nWaited for b, since ") == 2 and "cluster remove" in out, out)
        status, _, err = a.key("create", "--name", "no", "--json")
        expect(status == 1 and "authority_recovering" in err, err)
        b.start()
        wait_until(lambda: waited_for(a) == {}, 20, "b has told what it knows")
        equal(b.ask(key), 200, "a call under the cap")


def states(node):
    return {n["name"]: n["state"] for n in command(node, "cluster", "status")[0]["nodes"]}


def waited_for(node):
    nodes = command(node, "cluster", "status")[0]["nodes"]
    return {n["name"]: [w["reason"] for w in n["waited_for"]] for n in nodes if n["waited_for"]}


def a_lost_node_is_removed(arguments):
    with Cluster(arguments.program, ("a", "b", "c")) as cluster:
        a, c = cluster.nodes["a"], cluster.nodes["c"]
        key = a.make_key("one")["key"]
        equal(c.ask(key), 200, "a call")
        wait_until(lambda: settled(cluster, 1), 20, "all is shipped")
        status, _, err = a.run("cluster", "remove", "c", "-c", a.config)
        expect(status == 1 and "stop it first" in err, err)
        equal(c.stop(), 0, "the exit status")
        equal(command(a, "cluster", "remove", "c")[0], {"removed": "c"}, "removed")
        status, _, err = a.run("cluster", "remove", "c", "-c", a.config)
        expect(status == 1 and "no node" in err, err)
        c.start()
        wait_until(lambda: "node_removed" in c.log(), 20, "it is told")
        equal(c.ask(key), 200, "its calls go on")
        c.stop()
        equal(c.run("cluster", "forget", "-c", c.config)[0], 0, "forget")
        c.start()
        wait_until(lambda: settled(cluster, 2), 20, "it is back, and its calls are")
        equal(command(a, "cluster", "verify")[0], {"sound": "cluster"}, "verify")
        made = c.make_key("two")["key"]
        equal(a.ask(made), 200, "a key of the returned node")


class Load(threading.Thread):
    """Asks one node after the other until it is stopped."""

    def __init__(self, nodes, key):
        super().__init__(daemon=True)
        self.nodes, self.key, self.ended, self.answered = nodes, key, False, 0

    def run(self):
        while not self.ended:
            for node in self.nodes:
                self.answered += node.ask(self.key) == 200


def kills_lose_and_double_nothing(arguments):
    seed = arguments.seed if arguments.seed is not None else int.from_bytes(os.urandom(4), "big")
    chance = random.Random(seed)
    print(f"# seed {seed}", flush=True)
    with Cluster(arguments.program) as cluster:
        a, b = cluster.nodes["a"], cluster.nodes["b"]
        key = a.make_key("one")["key"]
        loads = [Load((a, b), key) for _ in range(3)]
        for load in loads:
            load.start()
        for _ in range(arguments.rounds):
            victim = chance.choice(("node", "postgres", "both"))
            reached = cluster.provider.answered + chance.randrange(50, 300)
            wait_until(lambda at=reached: cluster.provider.answered >= at, 60, "load")
            node = chance.choice((a, b))
            if victim != "node":
                cluster.postgres.kill()
            if victim != "postgres":
                node.kill()
            if victim != "node":
                cluster.postgres.start()
            if victim != "postgres":
                node.start()
        for load in loads:
            load.ended = True
        for load in loads:
            load.join(30)
        for node in (a, b):
            equal(node.stop(), 0, "the exit status")
            node.start()
        wait_until(lambda: settled(cluster, 1), 60, "all is shipped")
        local = {}
        for node in (a, b):
            equal(node.run("ledger", "verify", "-c", node.config)[0], 0, "the node's ledger")
            with node.database() as database:
                local.update(database.execute("SELECT hex(id), cost_nd FROM calls").fetchall())
        rows = cluster.postgres.sql("SELECT replace(id::text, '-', ''), cost_nd FROM sluice.calls")
        remote = [row.split("|") for row in rows.splitlines()]
        equal(len(remote), len(local), "calls")
        equal({i.upper(): int(nd) for i, nd in remote}, local, "costs")
        equal(command(a, "cluster", "verify")[0], {"sound": "cluster"}, "verify")
        report, _ = command(b, "report", "--since", "all")
        equal(report["total"]["calls"], len(local), "the report")
        expect(len(local) >= sum(load.answered for load in loads), "an answered call is missing")
        print(f"# {len(local)} calls", flush=True)


TESTS = (
    (keys_are_shared, "keys are shared, and revoked everywhere before the answer"),
    (changes_need_the_authority, "without PostgreSQL calls go on and keys stay as they are"),
    (an_empty_database_is_not_the_cluster, "an emptied PostgreSQL is not taken for the cluster"),
    (reports_are_of_all_nodes, "reports are of all nodes, without PostgreSQL of one"),
    (a_full_and_a_locked_database_lose_nothing, "a full and a locked PostgreSQL lose nothing"),
    (a_standby_takes_over_and_caps_hold, "a standby takes over that lacks the last: caps hold"),
    (most_calls_ask_nobody, "most calls under a cap ask nobody"),
    (status_tells_who_is_waited_for, "cluster status names whom others wait for"),
    (a_lost_node_is_removed, "a node is removed, and comes back"),
    (kills_lose_and_double_nothing, "kills of nodes and PostgreSQL lose and double no call"),
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
