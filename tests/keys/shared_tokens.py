# SPDX-License-Identifier: Apache-2.0
"""Tokens at two nodes of a cluster, with a real PostgreSQL: a subject that comes to both at the
same moment is one key."""

import os
import threading
import time

from harness.postgres import Postgres
from harness.process import wait_until
from stand import Stand
from tokens import SETTINGS, Issuer

SUBJECTS = 12


class Nodes:
    def __init__(self, program, directory, issuer, postgres):
        self.stands = [Stand(program, os.path.join(directory, name)) for name in ("n1", "n2")]
        for number, stand in enumerate(self.stands):
            stand.write("keys.json", issuer.jwks(["ES256"]))
            stand.configure(
                keys=SETTINGS.format(
                    source="jwks_file: keys.json", claims="team: team, organisation: org"
                ),
                more=f'cluster: {{ node: n{number + 1}, postgres: "{postgres.url()}" }}\n',
            )
            stand.sluice.start()
        for stand in self.stands:
            wait_until(lambda s=stand: self.is_member(s), 30, "the node is in the cluster")

    @staticmethod
    def is_member(stand):
        status, out, _ = stand.sluice.run("cluster", "status", "-c", stand.sluice.config)
        return status == 0 and "n1" in out and "n2" in out

    def at_once(self, work):
        """work(stand, number) for every number at both nodes, each pair at the same moment."""
        barrier = threading.Barrier(len(self.stands))
        answers = {}

        def run(which, stand):
            for number in range(SUBJECTS):
                barrier.wait(30)
                answers[which, number] = work(stand, number)

        threads = [threading.Thread(target=run, args=pair) for pair in enumerate(self.stands)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers


def subjects(stand):
    return stand.rows("SELECT id, name, digest, team, organisation FROM keys ORDER BY id")


def run(points, program, directory):
    issuer = Issuer()
    with Postgres() as postgres:
        nodes = Nodes(program, directory, issuer, postgres)
        one, two = nodes.stands
        tokens = [issuer.token(sub=f"subject {i}", team=f"team {i % 3}") for i in range(SUBJECTS)]
        answers = nodes.at_once(lambda stand, number: stand.chat(tokens[number]))
        points.same(
            "every first token of a subject opens at both nodes",
            sorted((a.status, a.code) for a in answers.values()),
            [(200, "")] * 2 * SUBJECTS,
        )
        points.same("and makes one key", len(subjects(one)), SUBJECTS)
        wait_until(lambda: subjects(one) == subjects(two), 10, "both nodes have the same keys")
        log = postgres.sql("SELECT count(*) FROM sluice.key_log")
        points.same("each of them is one change", int(log), SUBJECTS)
        points.same(
            "in one entry of the audit log",
            [
                stand.rows("SELECT count(*) FROM audit WHERE action = 'key.subject'")[0][0]
                for stand in nodes.stands
            ],
            [SUBJECTS] * 2,
        )
        one.json("revoke", "jwt:subject 3")
        wait_until(
            lambda: two.chat(tokens[3]).code == "key_revoked", 10, "it is revoked there, too"
        )
        points.same(
            "what is revoked at one node is at the other", two.chat(tokens[3]).code, "key_revoked"
        )
        named = issuer.token(sub="subject 1", jti="of-one")
        points.same("a token before it is revoked", two.chat(named).status, 200)
        told = one.json("revoke", "--token", "of-one")
        points.same(
            "when it is revoked at one node the other has it",
            (told["pending_nodes"], [two.chat(named).code for _ in range(4)]),
            ([], ["token_revoked"] * 4),
        )
        postgres.pause()
        begin = time.monotonic()
        wait_until(
            lambda: one.chat(issuer.token(sub="late")).code == "keys_unavailable",
            60,
            "a new subject waits for PostgreSQL",
        )
        points.same("known subjects open without PostgreSQL", one.chat(tokens[0]).status, 200)
        points.point(
            time.monotonic() - begin < 30, "who is new is refused soon", time.monotonic() - begin
        )
        postgres.resume()
        wait_until(
            lambda: one.chat(issuer.token(sub="late")).status == 200, 30, "PostgreSQL is back"
        )
        points.same("and opens when it is back", two.chat(issuer.token(sub="late")).status, 200)
        points.same("the processes end with 0", [stand.close() for stand in nodes.stands], [0, 0])
