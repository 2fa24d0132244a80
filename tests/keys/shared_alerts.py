# SPDX-License-Identifier: Apache-2.0
"""Alerts of caps at two nodes of a cluster, with a real PostgreSQL: people are told once, also when
the node that is about to tell them dies."""

import json
import os
import threading
import time

from harness.postgres import Postgres
from harness.process import wait_until
from stand import Server, Stand

CAP = "0.01"


class Bell:
    """Where alerts arrive: (node, event), by the token that each node has."""

    def __init__(self):
        self.rung = []
        self.held = None  # the node whose message waits
        self.hold = False
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.server = Server(self.answer)

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        node = handler.headers["Authorization"].split()[-1]
        with self.lock:
            held, self.hold = self.hold, False
        if held:
            self.held = node
            self.go.wait(60)
            return  # (nobody is there any more)
        with self.lock:
            self.rung.append((node, json.loads(body)))
        handler.answer(200, b"{}")

    def heard(self, key):
        """(percent, refused) of what was told of this key, in order."""
        with self.lock:
            events = [event for _, event in self.rung]
        return [(e["percent"], e["refused"]) for e in events if e.get("name") == key]


def open_nodes(program, directory, bell, postgres):
    stands = [Stand(program, os.path.join(directory, name)) for name in ("n1", "n2")]
    for number, stand in enumerate(stands):
        name = f"n{number + 1}"
        stand.configure(
            more=f'cluster: {{ node: {name}, postgres: "{postgres.url()}" }}\n'
            f'caps: {{ webhook: "http://127.0.0.1:{bell.server.port}/", webhook_token: {name} }}\n'
        )
        stand.sluice.start()
    for stand in stands:
        wait_until(lambda s=stand: is_member(s), 30, "the node is in the cluster")
    return stands


def is_member(stand):
    status, out, _ = stand.sluice.run("cluster", "status", "-c", stand.sluice.config)
    return status == 0 and "n1" in out and "n2" in out


def spend(stands, secret):
    """Until both nodes have refused a call."""
    left = set(range(len(stands)))
    end = time.monotonic() + 60
    while left and time.monotonic() < end:
        for which in list(left):
            if stands[which].chat(secret).code == "cap_exceeded":
                left.discard(which)
    assert not left


def noticed(stand, key):
    """What the node itself noticed, as its log says."""
    lines = [line for line in stand.sluice.log().splitlines() if "cap_alert" in line]
    return [line for line in lines if key in line]


def run(points, program, directory):
    bell = Bell()
    with Postgres() as postgres:
        stands = open_nodes(program, directory, bell, postgres)
        make = lambda name: stands[0].json(  # noqa: E731
            "create", "--name", name, "--cap-usd", CAP, "--per", "month"
        )["key"]
        secret = make("once")
        spend(stands, secret)
        wait_until(lambda: len(bell.heard("once")) >= 3, 20, "people are told")
        points.point(
            all(noticed(stand, "once") for stand in stands),
            "both nodes noticed",
            *[noticed(stand, "once") for stand in stands],
        )
        time.sleep(6)  # as long as a node waits before it looks whether another one has told it
        told = sorted({event for event in bell.heard("once")})
        points.point(
            len(bell.heard("once")) == len(told)
            and len([event for event in told if event[1]]) == 1
            and {event[0] for event in told if not event[1]} <= {50, 80, 100},
            "each threshold and the refusal are told once",
            bell.heard("once"),
        )
        claimed = postgres.sql("SELECT count(*) FROM sluice.alerts WHERE NOT told")
        points.same("and all nodes know", claimed, "0")

        bell.hold = True
        secret = make("dead")
        spend(stands, secret)
        wait_until(lambda: bell.held, 20, "a node is about to tell")
        number = int(bell.held[1]) - 1
        dying, living = stands[number], stands[1 - number]
        dying.sluice.kill()
        bell.go.set()
        before = time.monotonic()
        wanted = set(told)

        def all_told():
            return (
                {e for e in bell.heard("dead")} >= {e for e in wanted if e[1]}
                and any(
                    node == f"n{2 - number}" for node, e in bell.rung if e.get("name") == "dead"
                )
                and int(postgres.sql("SELECT count(*) FROM sluice.alerts WHERE NOT told")) == 0
            )

        try:
            wait_until(all_told, 40, "the other node tells it")
            good = True
        except TimeoutError:
            good = False
        points.point(
            good,
            "what a node dies of telling the other tells",
            bell.rung[-6:],
            noticed(living, "dead"),
            time.monotonic() - before,
            postgres.sql("SELECT * FROM sluice.alerts"),
        )
        points.same("the process ends with 0", living.close(), 0)
        dying.close()
    bell.server.close()
