# SPDX-License-Identifier: Apache-2.0
"""A provider reports more than its bound, and the gateway dies at once: at the next start the key
is blocked before anybody gets in with it, in the database as well, once, until it is
acknowledged."""

import contextlib
import json
import os
import shutil

from crash_load import NotingUpstream
from harness import http1
from harness.process import Sluice, wait_until

TOKENS = 5000  # reported for a prompt of some hundred bytes
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
"""
# Where the process dies; None: as soon as the client has the whole answer.
DEATHS = (
    None,
    "call.after_settle",
    "call.after_client_write",
    "overrun.before_block",
    "overrun.after_block",
)


class Overrun:
    def __init__(self, program, directory):
        shutil.rmtree(directory, ignore_errors=True)
        self.upstream = NotingUpstream()
        self.sluice = Sluice(program, directory)
        self.sluice.configure(CONFIG.format(port=self.sluice.port, upstream=self.upstream.port))
        self.problems = []
        status, text, problem = self.sluice.run(
            *("key", "create", "-c", "sluice.yaml", "--name", "tight", "--json"),
            *("--cap-usd", "1", "--per", "month"),
        )
        if status != 0:
            raise RuntimeError(f"key create: {problem}")
        self.secret = json.loads(text)["key"]

    def ask(self, streamed):
        """Status and error code; 0 where the gateway died of it."""
        body = json.dumps(
            {
                "model": "small",
                "max_tokens": 20,
                "messages": [{"role": "user", "content": f"request-{TOKENS}-"}],
                **({"stream": True} if streamed else {}),
            },
            separators=(",", ":"),
        ).encode()
        connection = http1.connect(self.sluice.port, 20)
        try:
            connection.send(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nAuthorization: Bearer %s\r\n"
                b"Content-Length: %d\r\n\r\n" % (self.secret.encode(), len(body)) + body
            )
            answer = http1.read_answer(connection)
        except (OSError, http1.Broken):
            return 0, ""
        finally:
            connection.close()
        if answer.status == 200:
            return 200, ""
        return answer.status, json.loads(answer.body)["error"]["code"]

    def expect(self, what, is_so):
        if not is_so:
            self.problems.append(f"{what}: {self.sluice.log()[-1500:]}")

    def numbers(self):
        """Overruns that wait, acts that blocked, whether the key is."""
        with contextlib.closing(self.sluice.database()) as database:
            return database.execute(
                "SELECT (SELECT count(*) FROM overruns),"
                " (SELECT count(*) FROM audit WHERE action = 'key.block'),"
                " (SELECT blocked_s > 0 FROM keys)"
            ).fetchone()

    def start(self, fault=None):
        self.sluice.environment.pop("SLUICE_FAULT", None)
        if fault:
            self.sluice.environment["SLUICE_FAULT"] = f"{fault}:1"
        self.sluice.start(60)

    def die(self, death, streamed):
        self.start(death)
        status, code = self.ask(streamed)
        if death is None:
            self.expect(f"the answer is whole, not {status} {code}", status == 200)
        else:
            wait_until(lambda: self.sluice.process.poll() is not None, 15, f"death at {death}")
        self.sluice.kill()

    def come_back(self, death):
        self.start()
        self.expect("the key is blocked at once", self.ask(False) == (403, "key_blocked"))
        wait_until(lambda: self.numbers() == (0, 1, 1), 15, f"blocked once: {self.numbers()}")
        if death != "overrun.after_block":
            wait_until(self.is_told, 15, "the new process tells of it")

    def is_told(self):
        with open(self.sluice.log_path(), encoding="utf-8") as log:
            return '"event":"overrun"' in log.read()

    def acknowledge(self):
        status, _, problem = self.sluice.run("key", "acknowledge", "-c", "sluice.yaml", "tight")
        self.expect(f"acknowledged: {problem}", status == 0)
        self.sluice.stop()
        self.start()
        self.expect("it is not blocked again", self.numbers() == (0, 1, 0))
        self.expect("the key opens", self.ask(False)[0] == 200)
        self.sluice.stop()
        status, text, problem = self.sluice.run("ledger", "verify", "-c", "sluice.yaml")
        self.expect(f"the books are sound: {text}{problem}", status == 0)

    def close(self):
        self.sluice.close()
        self.upstream.close()


def rounds(program, root):
    """(what, problems) of each death."""
    for death in DEATHS:
        for streamed in (False, True) if death is None else (False,):
            what = f"killed {'at ' + death if death else 'after the answer'}" + (
                ", a stream" if streamed else ""
            )
            crash = Overrun(program, os.path.join(root, f"overrun-{death}-{streamed}"))
            try:
                crash.die(death, streamed)
                crash.come_back(death)
                crash.acknowledge()
            except Exception as problem:  # noqa: BLE001 - it is this death's result
                crash.problems.append(f"{type(problem).__name__}: {problem}")
            finally:
                crash.close()
            yield f"an overrun blocks its key, {what}", crash.problems
