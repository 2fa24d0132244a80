# SPDX-License-Identifier: Apache-2.0
"""Plays one case: starts the upstreams and the gateway, goes through the sections in order,
collects what differs."""

import contextlib
import json
import os
import re
import shlex
import signal
import sqlite3
import threading

import arithmetic
import casefile
import compare
from harness import http1
from harness.process import Port, Sluice, wait_until
from harness.upstream import Step, Upstream

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = "sk-upstream-secret"
GATE = b"%GATE%"


class GatedStep(Step):
    """An answer with %GATE% in it: what follows waits for a section [gate opens]."""

    def __init__(self, answer, options, gate):
        super().__init__(answer, options)
        self.gate = gate


class ScriptedUpstream(Upstream):
    def _answer(self, connection, step):
        parts = step.answer.split(GATE)
        for part in parts[:-1]:
            connection.send(part, step.every_byte)
            if not step.gate.wait(10):
                self.problems.append("the gate was not opened")
                return False
        last = Step(parts[-1])
        last.__dict__.update({**step.__dict__, "answer": parts[-1]})
        return super()._answer(connection, last)


class Scenario:
    def __init__(self, case, workers, program, directory):
        self.case = case
        self.workers = workers
        self.problems = []
        self.variables = {"WORKERS": str(workers)}
        self.upstreams = {}
        self.holders = []
        self.expects = []  # (upstream, index of its request, section)
        self.gate = threading.Event()
        self.connection = None
        self.sent = []
        self.answers = []
        self.ids = []
        self.sluice = Sluice(program, directory, {"UPSTREAM_SECRET": SECRET})
        self.exit_status = 0

    # --- text ---

    def expand(self, text):
        def one(match):
            name, argument = match.group(1), match.group(2)
            if name == "PORT":
                return str(self.upstream_port(argument))
            if name == "KEY":
                return self.variables[f"KEY {argument}"]
            if name == "ANSWER":
                return self.member_of_answer(argument)
            if name == "CALL":
                return self.answers[int(argument) - 1].all("x-sluice-call-id")[0]
            if name == "REPEAT":
                count, what = argument.split(",", 1)
                return what * int(count)
            raise casefile.CaseError(f"unknown variable {match.group(0)}")

        return re.sub(r"%(PORT|KEY|REPEAT|ANSWER|CALL)\(([^()]*)\)%", one, text)

    def member_of_answer(self, path):
        """Of the last answer; of a stream, of its last event with JSON."""
        lines = self.answers[-1].body.decode().split("\n")
        events = [line[6:] for line in lines if line.startswith("data: {")]
        return str(compare.find(compare.decode(events[-1] if events else "\n".join(lines)), path))

    def text(self, section):
        return self.expand(section.text())

    def upstream_port(self, name):
        if name not in self.upstreams:
            self.upstreams[name] = ScriptedUpstream(name)
        return self.upstreams[name].port

    # --- before the gateway runs ---

    def prepare_upstreams(self):
        pending = {}
        for section in self.case.sections:
            match = re.fullmatch(r"upstream ([\w-]+) (expects|answers|refuses)", section.kind)
            if match is None:
                continue
            name, what = match.groups()
            if what == "refuses":
                holder = Port()
                self.holders.append(holder)
                self.upstreams[name] = type(
                    "Refusing",
                    (),
                    {
                        "port": holder.number,
                        "steps": [],
                        "requests": [],
                        "problems": [],
                        "close": lambda self: None,
                    },
                )()
                continue
            self.upstream_port(name)
            if what == "expects":
                pending[name] = section
                continue
            upstream = self.upstreams[name]
            if name in pending:
                self.expects.append((upstream, len(upstream.steps), pending.pop(name)))
            answer = casefile.build_answer(section, self.text(section))
            upstream.steps.append(GatedStep(answer, section.options, self.gate))
        for section in pending.values():
            raise casefile.CaseError(
                f"line {section.line}: an upstream expects, but answers nothing"
            )

    def config_text(self, section):
        server = self.case.first("server")
        lines = ["server:", f"  listen: 127.0.0.1:{self.sluice.port}", f"  workers: {self.workers}"]
        if server is not None:
            lines += ["  " + line for line in server.text().split("\n")]
        lines += [
            "log: { format: json, level: info }",
            "ledger: { path: ledger.db, segment_bytes: 1MB }",
        ]
        if section.kind == "fleet":
            with open(
                os.path.join(HERE, "fleets", section.argument + ".yaml"), encoding="utf-8"
            ) as file:
                body = file.read()
        else:
            body = section.text()
        return "\n".join(lines) + "\n" + self.expand(body) + "\n"

    def initial_config(self):
        section = self.case.first("fleet")
        extra = self.case.first("config")
        if section is None and extra is None:
            raise casefile.CaseError("a case needs a [fleet] or a [config]")
        text = self.config_text(section or extra)
        if section is not None and extra is not None:
            text += self.expand(extra.text()) + "\n"
        return text

    def create_keys(self):
        for section in self.case.sections:
            if not section.kind.startswith("key "):
                continue
            name = section.kind[4:]
            options = shlex.split(self.text(section))
            status, out, err = self.sluice.run(
                "key", "create", "-c", self.sluice.config, "--name", name, "--json", *options
            )
            if status != 0:
                raise RuntimeError(f"sluice key create: {status} {out} {err}")
            self.variables[f"KEY {name}"] = json.loads(out)["key"]

    # --- sections ---

    def client_sends(self, section):
        fresh = section.has("on a new connection") or self.connection is None
        if fresh or self.connection.ended:
            if self.connection is not None:
                self.connection.close()
            self.connection = http1.connect(self.sluice.port)
        data = casefile.build_request(section, self.text(section), self.sluice.port)
        if not section.has("body only"):
            self.sent.append(data[:5] == b"HEAD ")
        try:
            self.connection.send(data, section.has("every byte"))
        except ConnectionError:
            if not section.has("may be cut off"):
                raise

    def client_gets(self, section):
        what = f"line {section.line}: the client's answer {len(self.answers) + 1}"
        lines, body = casefile.split_message(self.text(section))
        body = casefile.with_line_ends(section, body)
        enough = None
        if section.has("begins"):
            size = len(body.encode())
            enough = lambda got: len(got) >= size  # noqa: E731
        head_only = self.sent[min(len(self.answers), len(self.sent) - 1)]
        answer = http1.read_answer(self.connection, enough, head_only)
        if answer.status >= 200:
            self.answers.append(answer)
            self.note_id(answer)
        compare.check_head(what, lines, answer, section.has("exactly"), self.problems)
        wanted_end = (
            "cut" if section.has("cut") else "open" if section.has("begins") else "complete"
        )
        if answer.end != wanted_end:
            self.problems.append(f"{what}: its end is {answer.end}, not {wanted_end}")
        if section.has("json"):
            compare.check_members(what, body, compare.decode(answer.body), self.problems)
        elif not section.has("any body"):
            compare.check_bytes(what + ", body", body, answer.body, self.problems)
        if section.has("then closed") and not self.connection.at_end():
            self.problems.append(f"{what}: more bytes followed: {self.connection.buffer[:200]!r}")

    def client_gets_rest(self, section):
        """What follows of an answer of which only the beginning was read."""
        answer = self.answers[-1]
        before = len(answer.body)
        answer.end = "complete"
        http1.read_body(self.connection, answer)
        what = f"line {section.line}: the rest of the client's answer"
        expected = self.text(section)
        if answer.header("content-type", "").startswith("text/event-stream"):
            expected = expected.rstrip("\n") + "\n\n"
        compare.check_bytes(what, expected, answer.body[before:], self.problems)
        wanted = "cut" if section.has("cut") else "complete"
        if answer.end != wanted:
            self.problems.append(f"{what}: its end is {answer.end}, not {wanted}")

    def note_id(self, answer):
        ids = answer.all("x-sluice-call-id")
        if len(ids) > 1 or (ids and ids[0] in self.ids):
            self.problems.append(f"call ids are not unique: {ids} {self.ids}")
        if ids:
            self.ids.append(ids[0])

    def client_leaves(self, section):
        self.connection.reset() if section.has("by a reset") else self.connection.close()
        self.connection = None

    def ledger(self, section):
        if section.has("newest"):

            def newest():
                _, page = self.sluice.api("/sluice/v1/calls?limit=1")
                return page["calls"][0]["id"] if page["calls"] else None

            call_id = wait_until(newest, 10, "the ledger has a call")
        else:
            call_id = self.ids[-1]
        row = compare.decode(json.dumps(self.sluice.call(call_id)))
        compare.check_members(
            f"line {section.line}: the ledger", self.text(section), row, self.problems
        )
        arithmetic.check(f"line {section.line}: the ledger", row, self.problems)

    def ledger_has(self, section):
        wanted = int(section.argument.split()[0])

        def count():
            _, page = self.sluice.api("/sluice/v1/calls?limit=100")
            return len(page["calls"]) == wanted

        wait_until(count, 10, f"the ledger has {wanted} calls")

    def targets(self, section):
        text = self.text(section)

        def holds():
            problems = []
            _, answer = self.sluice.api("/sluice/v1/targets")
            by_name = {t["name"]: t for t in compare.decode(json.dumps(answer))["targets"]}
            compare.check_members(f"line {section.line}: the targets", text, by_name, problems)
            holds.problems = problems
            return not problems

        try:
            wait_until(holds, 10 if section.has("in time") else 2, "the targets")
        except TimeoutError:
            self.problems += holds.problems

    def metrics(self, section):
        wanted = dict(line.rsplit(" = ", 1) for line in self.text(section).split("\n") if line)

        def holds():
            found = self.sluice.metrics()
            holds.found = {name: found.get(name) for name in wanted}
            return all(holds.found[name] == float(value) for name, value in wanted.items())

        try:
            wait_until(holds, 2, "metrics")
        except TimeoutError:
            self.problems.append(
                f"line {section.line}: metrics: expected {wanted}, they are {holds.found}"
            )

    def config_becomes(self, section):
        before = self.sluice.metrics()
        base = self.case.first("fleet")
        text = (
            self.config_text(section)
            if base is None or section.has("alone")
            else self.config_text(base) + self.text(section) + "\n"
        )
        self.sluice.configure(text)
        self.sluice.process.send_signal(signal.SIGHUP)
        stamp = "sluice_config_last_reload_timestamp_seconds"
        wanted = 0 if section.has("refused") else 1

        def reloaded():
            now = self.sluice.metrics()
            reloaded.taken = now["sluice_config_last_reload_success"]
            return reloaded.taken == wanted and (wanted == 0 or now[stamp] != before[stamp])

        try:
            wait_until(reloaded, 10, "the reload")
        except TimeoutError:
            self.problems.append(
                f"line {section.line}: the reload was {'taken' if reloaded.taken else 'refused'}:"
                f" {self.sluice.log()[-600:]}"
            )

    def command(self, section):
        """[sluice] ARGUMENTS, and the expected members of its JSON below."""
        arguments = self.expand(section.argument).split()
        status, out, err = self.sluice.run(*arguments)
        if status != 0:
            self.problems.append(
                f"line {section.line}: sluice {section.argument}: status {status}: {out}{err}"
            )
        elif section.text():
            compare.check_members(
                f"line {section.line}: sluice {arguments[0]}",
                self.text(section),
                compare.decode(out),
                self.problems,
            )

    def sees_leave(self, name):
        upstream = self.upstreams[name]
        index = len(upstream.requests) - 1
        if not upstream.steps[index].left.wait(10):
            self.problems.append(
                f"upstream {name}: the gateway kept the connection of a call that is over"
            )

    def upstream_has(self, name, section):
        """[upstream X has the request]: waits until it arrived."""
        wanted = int(section.argument or 1)
        wait_until(
            lambda: len(self.upstreams[name].requests) >= wanted, 10, f"{name} has request {wanted}"
        )

    def refused_in_time(self, section):
        """[refused in time] CREDENTIAL: until fresh connections in a row are all answered 401."""
        credential = self.expand(section.argument)

        def refused():
            for _ in range(4 * self.workers):
                connection = http1.connect(self.sluice.port)
                connection.send(
                    f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: {credential}\r\n"
                    "Connection: close\r\n\r\n".encode()
                )
                status = http1.read_answer(connection).status
                connection.close()
                if status != 401:
                    return False
            return True

        wait_until(refused, 10, "the credential is refused")

    def no_new_connections(self, section):
        def refused():
            try:
                connection = http1.connect(self.sluice.port, 2)
            except OSError:
                return True
            connection.close()
            return False

        wait_until(refused, 5, "new connections are refused")

    def exits_in_time(self, section):
        self.exit_status = 0
        self.sluice.process.wait(10)

    def recorded(self, section):
        """The newest row of the database, which needs no running gateway."""
        with contextlib.closing(self.sluice.database()) as database:
            database.row_factory = sqlite3.Row
            row = database.execute("SELECT * FROM calls ORDER BY id DESC LIMIT 1").fetchone()
        compare.check_members(
            f"line {section.line}: the database", self.text(section), dict(row), self.problems
        )

    def log_has(self, section):
        """An event by its name, with the given members."""
        sign = f'"event":"{section.argument}"'

        def last():
            lines = self.sluice.log().split("\n")[:-1]
            return next((line for line in reversed(lines) if sign in line), None)

        line = wait_until(last, 5, f"the log has {section.argument}")
        what = f"line {section.line}: the log"
        compare.check_members(what, self.text(section), json.loads(line), self.problems)

    def play(self, section):
        match = re.fullmatch(r"upstream ([\w-]+) (.*)", section.kind)
        if match:
            if match.group(2) == "sees the gateway leave":
                self.sees_leave(match.group(1))
            elif match.group(2) == "has the request":
                self.upstream_has(match.group(1), section)
            elif match.group(2) not in ("expects", "answers", "refuses"):
                raise casefile.CaseError(f"line {section.line}: unknown section [{section.kind}]")
            return
        if section.kind in ("fleet", "config", "server") or section.kind.startswith("key "):
            return
        actions = {
            "client sends": self.client_sends,
            "client gets": self.client_gets,
            "client gets the rest": self.client_gets_rest,
            "client leaves": self.client_leaves,
            "ledger": self.ledger,
            "ledger has": self.ledger_has,
            "targets": self.targets,
            "metrics": self.metrics,
            "config becomes": self.config_becomes,
            "gate opens": lambda _: self.gate.set(),
            "signal": lambda s: self.sluice.process.send_signal(getattr(signal, s.argument)),
            "sluice": self.command,
            "refused in time": self.refused_in_time,
            "no new connections": self.no_new_connections,
            "exits in time": self.exits_in_time,
            "recorded": self.recorded,
            "log has": self.log_has,
        }
        if section.kind not in actions:
            raise casefile.CaseError(f"line {section.line}: unknown section [{section.kind}]")
        actions[section.kind](section)

    # --- what holds in every case ---

    def check_requests(self):
        for upstream, index, section in self.expects:
            if index >= len(upstream.requests):
                continue  # told by check_counts
            request = upstream.requests[index]
            what = f"line {section.line}: request {index + 1} at {upstream.name}"
            lines, body = casefile.split_message(self.text(section))
            if not lines[0].endswith("HTTP/1.1"):
                lines[0] += " HTTP/1.1"
            compare.check_head(what, lines, request, section.has("exactly"), self.problems)
            if section.has("json"):
                compare.check_members(what, body, compare.decode(request.body), self.problems)
            else:
                compare.check_bytes(what + ", body", body, request.body, self.problems)

    def check_counts(self):
        for upstream in self.upstreams.values():
            self.problems += upstream.problems
            if len(upstream.requests) < len(upstream.steps):
                self.problems.append(
                    f"upstream {upstream.name} got {len(upstream.requests)} requests,"
                    f" expected {len(upstream.steps)}"
                )

    def check_secrets(self):
        """Nothing of the client's credentials travels on, nothing of any credential is logged."""
        keys = [v for k, v in self.variables.items() if k.startswith("KEY ")]
        log = self.sluice.log()
        for secret in [SECRET, "sk-client-secret", *keys]:
            if secret in log:
                self.problems.append("a secret is in the log")
        for upstream in self.upstreams.values():
            for request in upstream.requests:
                names = [name.lower() for name, _ in request.headers]
                leaked = [n for n in names if n.startswith("x-sluice") or n == "cookie"]
                given = [request.all(n) for n in ("authorization", "x-api-key", "x-goog-api-key")]
                credentials = [v for values in given for v in values if SECRET not in v]
                if leaked or credentials or len(names) != len(set(names)):
                    self.problems.append(
                        f"upstream {upstream.name} should not see {leaked} {credentials} {names}"
                    )

    def check_exit(self):
        if self.connection is not None:
            self.connection.close()
        status = self.sluice.stop()
        if status != self.exit_status:
            self.problems.append(
                f"the gateway's exit status is {status}:\n{self.sluice.log()[-3000:]}"
            )
        log = self.sluice.log()
        for sign in (
            "AddressSanitizer",
            "ThreadSanitizer",
            "runtime error:",
            "LeakSanitizer",
            "CHECK failed",
        ):
            if sign in log:
                self.problems.append(f"{sign}:\n{log[-4000:]}")

    def run(self):
        try:
            self.prepare_upstreams()
            self.sluice.configure(self.initial_config())
            self.create_keys()
            self.sluice.start()
            for section in self.case.sections:
                self.play(section)
            self.check_requests()
            self.check_exit()
            self.check_counts()
            self.check_secrets()
        except Exception as problem:  # noqa: BLE001 - whatever goes wrong is the case's result
            self.problems.append(f"{type(problem).__name__}: {problem}")
            self.check_counts()
            if self.sluice.starts:
                self.problems.append("log: " + self.sluice.log()[-1500:])
        finally:
            self.close()
        return self.problems

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.sluice.close()
        for upstream in self.upstreams.values():
            upstream.close()
        for holder in self.holders:
            holder.release()
