# SPDX-License-Identifier: Apache-2.0
"""Scenarios that a data file cannot tell: memory, many clients at once, time limits. Each is a
class with `says`, a configuration and a run(); what differs is appended to `problems`."""

import contextlib
import json
import os
import random
import signal
import socket
import threading
import time

from harness import http1
from harness.process import Sluice, wait_until

EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * 4000 + b'"}}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def whole(text="ok"):
    body = json.dumps(
        {
            "choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5},
        }
    ).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


def request(model="auto", stream=False, headers=(), text="Hi", extra=None):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **(extra or {})}
    if stream:
        body["stream"] = True
    data = json.dumps(body).encode()
    head = ["POST /v1/chat/completions HTTP/1.1", "Host: localhost", *headers]
    head += ["Content-Type: application/json", f"Content-Length: {len(data)}", "", ""]
    return "\r\n".join(head).encode() + data


class Provider:
    """A provider whose answer is a function of the connection and the request."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        connection = http1.Connection(sock, 60)
        try:
            while (got := http1.read_request(connection)) is not None:
                if got.start.endswith("HTTP/1.0"):
                    # a question about models, of the gateway's start: no call's
                    connection.send(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    return
                self.answer(connection, got)
        except (OSError, http1.Broken):
            pass
        finally:
            connection.close()

    def close(self):
        self.listener.close()


class Live:
    server = ""
    environment = None
    targets = """\
  cheap: { provider: lab, model: cheap-1, tier: premium, latency_ms: 100, context_tokens: 32000,
    price: { input_per_mtok: 1, output_per_mtok: 2 } }
"""

    def __init__(self, workers, program, directory):
        self.workers = workers
        self.problems = []
        self.provider = Provider(self.answer)
        self.sluice = Sluice(program, directory, self.environment)

    def answer(self, connection, got):
        connection.send(whole())

    def config(self):
        return (
            f"server: {{ listen: 127.0.0.1:{self.sluice.port}, "
            f"workers: {self.workers}{self.server} }}\n"
            "log: { format: json, access: false }\n"
            "ledger: { path: ledger.db, segment_bytes: 1MB }\n"
            f"providers:\n  lab: {{ preset: openai-compatible,"
            f' base_url: "http://127.0.0.1:{self.provider.port}/v1" }}\n'
            f"targets:\n{self.targets}"
        )

    def expect(self, condition, says):
        if not condition:
            self.problems.append(says)

    def run(self):
        try:
            self.sluice.configure(self.config())
            self.sluice.start()
            self.play()
            status = self.sluice.stop()
            self.expect(status == 0, f"exit status {status}: {self.sluice.log()[-2000:]}")
            self.expect("Sanitizer" not in self.sluice.log(), self.sluice.log()[-3000:])
        except Exception as problem:  # noqa: BLE001 - it is this scenario's result
            self.problems.append(f"{type(problem).__name__}: {problem}")
            self.problems.append("log: " + self.sluice.log()[-1500:])
        finally:
            self.sluice.close()
            self.provider.close()
        return self.problems


class SlowClientBoundsMemory(Live):
    says = "A client that does not read stops the provider; memory stays; it gets all in the end"
    events = 12000  # of 4 KB: more than all buffers of both kernels (tcp_rmem, tcp_wmem) can take
    # What was freed is no memory of the program's, and a sanitizer keeps it for a while.
    environment = {"ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:quarantine_size_mb=1"}

    def answer(self, connection, got):
        self.sent = 0
        connection.send(STREAM_HEAD)
        for _ in range(self.wanted):
            connection.send(chunk(EVENT))
            self.sent += 1
        connection.send(chunk(LAST) + b"0\r\n\r\n")

    def touch(self):
        """A short stream first: pages of the program that were never used are not there yet."""
        self.wanted = 10
        client = http1.connect(self.sluice.port, 30)
        client.send(request(stream=True))
        self.expect(http1.read_answer(client).end == "complete", "the first answer was cut")
        client.close()

    def play(self):
        self.touch()
        self.wanted = self.events
        client = http1.connect(self.sluice.port, 30)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        before, _ = self.sluice.memory()
        client.send(request(stream=True))
        wait_until(self.stalled, 20, "the provider is stopped")
        after, _ = self.sluice.memory()
        grown = (after - before) >> 20
        self.expect(grown < 6, f"the gateway grew by {grown} MB for a client that does not read")
        self.expect(self.sent < self.events, "the provider could send everything")
        answer = http1.read_answer(client)
        text = answer.body.count(b"data: {")
        self.expect(text == self.events + 1, f"{text} of {self.events + 1} events came")
        self.expect(answer.end == "complete", "the answer was cut")
        row = self.sluice.call(answer.header("x-sluice-call-id"))
        self.expect(row["complete"], f"the row says {row}")
        client.close()

    def stalled(self):
        first = getattr(self, "sent", -1)
        time.sleep(0.15)
        return first > 0 and self.sent == first


class SilentClientIsCut(Live):
    says = "A client that reads nothing for write_timeout is cut, and the call is charged"
    server = ", write_timeout: 1s"

    def answer(self, connection, got):
        self.left = threading.Event()
        connection.send(STREAM_HEAD)
        try:
            while True:
                connection.send(chunk(EVENT))
        except OSError:
            self.left.set()
            raise

    def play(self):
        client = http1.connect(self.sluice.port, 30)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(request(stream=True))
        wait_until(lambda: hasattr(self, "left") and self.left.is_set(), 15, "the provider is left")

        def newest():
            _, page = self.sluice.api("/sluice/v1/calls?limit=1")
            return page["calls"][0] if page["calls"] else None

        row = wait_until(newest, 10, "a row")
        self.expect(not row["complete"] and row["cost_usd"] > 0, f"the row says {row}")
        client.close()


class SlowHeadTimesOut(Live):
    says = "A head that does not arrive in head_timeout is 408, and a slow drip does not extend it"
    server = ", head_timeout: 300ms"

    def play(self):
        client = http1.connect(self.sluice.port)
        begin = time.monotonic()
        for byte in b"POST /v1/chat/completions HTTP/1.1\r\nX-Slow: " + b"a" * 400:
            try:
                client.send(bytes([byte]))
            except OSError:
                break
            client.sock.settimeout(0.02)
            try:
                if not client.more() or client.buffer:
                    break
            except TimeoutError:
                pass
        client.sock.settimeout(5)
        answer = http1.read_answer(client)
        self.expect(answer.status == 408, f"the answer is {answer.start}")
        self.expect(b'"request_timeout"' in answer.body, f"the body is {answer.body!r}")
        self.expect(time.monotonic() - begin < 3, "the drip extended the time")
        client.close()


class DrainTimesOut(Live):
    says = "A stream that outlasts drain_timeout is cut and recorded; the exit status is 0"
    server = ", drain_timeout: 300ms"

    def answer(self, connection, got):
        connection.send(STREAM_HEAD + chunk(EVENT))
        while connection.more():
            pass

    def play(self):
        client = http1.connect(self.sluice.port)
        client.send(request(stream=True))
        http1.read_answer(client, lambda body: b"data:" in body)
        self.sluice.process.send_signal(signal.SIGTERM)
        self.expect(self.sluice.process.wait(10) == 0, "the exit status is not 0")
        while client.more():
            pass
        self.expect(b"0\r\n\r\n" not in client.buffer[-8:], "the cut looks like an orderly end")
        rows = self.sluice.database().execute("SELECT complete, cost_nd FROM calls").fetchall()
        self.expect(len(rows) == 1 and rows[0][0] == 0 and rows[0][1] > 0, f"rows: {rows}")
        client.close()


class OneProbe(Live):
    says = "When a dead target is due, one of many calls at once probes it"
    targets = Live.targets + """\
  dear: { provider: lab, model: dear-1, tier: premium, latency_ms: 300, context_tokens: 32000,
    price: { input_per_mtok: 10, output_per_mtok: 20 } }
"""
    dead = True
    probes = 0

    def answer(self, connection, got):
        if b"cheap-1" not in got.body:
            connection.send(whole())
            return
        if self.dead:
            connection.send(b"HTTP/1.1 429 X\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
            return
        self.probes += 1
        self.release.wait(10)
        connection.send(whole())

    def one(self, found):
        client = http1.connect(self.sluice.port)
        client.send(request())
        found.append(http1.read_answer(client).header("x-sluice-target"))
        client.close()

    def play(self):
        self.release = threading.Event()
        found = []
        self.one(found)
        self.expect(found == ["dear"], f"the first call was answered by {found}")
        self.dead = False

        def due():
            _, answer = self.sluice.api("/sluice/v1/targets")
            return all(t["status"] == "on" for t in answer["targets"])

        wait_until(due, 10, "the target is due")
        found = []
        threads = [threading.Thread(target=self.one, args=(found,)) for _ in range(24)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(found) >= 23, 10, "the others are answered")
        self.release.set()
        for thread in threads:
            thread.join()
        self.expect(self.probes == 1, f"{self.probes} calls probed the target at once")
        self.expect(sorted(found).count("dear") == 23, f"answered by {found}")


class ConnectionsComeAndGo(Live):
    says = "After 600 clients came, called and left, the descriptors are as before"

    def play(self):
        def call(close):
            client = http1.connect(self.sluice.port)
            client.send(request())
            self.expect(http1.read_answer(client).status == 200, "a call failed")
            if close:
                client.close()
            return client

        for _ in range(8 * self.workers):
            call(True)
        time.sleep(0.05)
        before = self.sluice.descriptors()
        for _ in range(3):
            clients = [call(False) for _ in range(200)]
            for number, client in enumerate(clients):
                client.reset() if number % 2 else client.close()
        wait_until(
            lambda: self.sluice.descriptors() <= before + self.workers, 5, "descriptors are closed"
        )


class KeysTakeEffectAtOnce(Live):
    says = "When the admin API has answered, every worker knows: made, rotated, revoked"
    server = ""
    rounds = 25

    def config(self):
        return super().config() + "keys: { required: true }\n"

    def admin(self, path, body):
        status, answer = http1.post_unix(
            os.path.join(self.sluice.directory, "ledger.db.sock"), path, json.dumps(body).encode()
        )
        self.expect(status == 200, f"{path} {body}: {status} {answer}")
        return json.loads(answer)

    def all_say(self, clients, key, status, what):
        for client in clients:
            client.send(request(headers=[f"Authorization: Bearer {key}"]))
        said = [http1.read_answer(client).status for client in clients]
        self.expect(said == [status] * len(clients), f"{what}: {said}")

    def play(self):
        http1.get(self.sluice.port, "/livez")  # all its sockets are open when it answers
        clients = [http1.connect(self.sluice.port) for _ in range(4 * self.workers)]
        for number in range(self.rounds):
            made = self.admin("/sluice/v1/keys", {"name": f"key {number}", "expires_in": "1h"})
            self.all_say(clients, made["key"], 200, "a new key")
            rotated = self.admin("/sluice/v1/keys/rotate", {"which": made["id"], "overlap": "1h"})
            self.all_say(clients, made["key"], 200, "the old secret")
            self.all_say(clients, rotated["key"], 200, "the new secret")
            self.admin("/sluice/v1/keys/rotate", {"which": made["id"], "overlap": "0s"})
            self.all_say(clients, made["key"], 401, "a secret before the last one")
            self.all_say(clients, rotated["key"], 401, "a secret without overlap")
            made = self.admin("/sluice/v1/keys", {"name": f"other {number}"})
            self.all_say(clients, made["key"], 200, "another key")
            self.admin("/sluice/v1/keys/revoke", {"which": made["prefix"]})
            self.all_say(clients, made["key"], 401, "a revoked key")
        for client in clients:
            client.close()
        status, told = self.sluice.api("/sluice/v1/audit/verify")
        self.expect(status == 200 and told["entries"] >= 5 * self.rounds, f"audit: {told}")
        self.expect("sk-sl-" not in self.sluice.log(), "a key is in the log")


class TenantsSeeNothing(Live):
    says = "Two tenants with a route each see nothing of each other, whatever they ask for"
    server = ""
    targets = """\
  redone: { provider: lab, model: red-1, price: { input_per_mtok: 1, output_per_mtok: 2 } }
  bluone: { provider: lab, model: blue-1, price: { input_per_mtok: 1, output_per_mtok: 2 } }
routes:
  red: { targets: [redone, bluone] }
  blue: { targets: [bluone] }
keys: { required: true }
"""

    def answer(self, connection, got):
        self.asked.append(json.loads(got.body))
        connection.send(whole("for " + self.asked[-1]["model"]))

    def key(self, name, organisation, route, target):
        status, out, err = self.sluice.run(
            *("key", "create", "-c", self.sluice.config, "--name", name, "--org", organisation),
            *("--user", "ann", "--route", route, "--target", target, "--json"),
        )
        self.expect(status == 0, err)
        return json.loads(out)["key"]

    def ask(self, key, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            "Connection: close\r\n"
        )
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        connection = http1.connect(self.sluice.port)
        connection.send(head.encode() + b"\r\n" + data)
        answer = http1.read_answer(connection)
        connection.close()
        return answer

    def chat(self, key, model, **extra):
        messages = [{"role": "user", "content": "Hi"}]
        return self.ask(
            key, "POST", "/v1/chat/completions", {"model": model, "messages": messages, **extra}
        )

    def plain(self, answer, name):
        """What it says, but for the name that was asked for and the call's id."""
        told = json.loads(answer.body)
        told["error"].pop("call_id", None)
        return json.dumps(told).replace(name, "?")

    def names_look_unknown(self, key, own, target, foreign):
        unknown = self.chat(key, "x" * 6)
        for name in foreign:
            got = self.chat(key, name)
            same = self.plain(got, name) == self.plain(unknown, "x" * 6)
            self.expect(got.status == 404 and same, f"{name}: {got.status} {got.body}")
            one = self.ask(key, "GET", f"/v1/models/{name}")
            self.expect(one.status == 404, f"/v1/models/{name}: {one.body}")
            show = self.ask(key, "POST", "/api/show", {"model": name})
            self.expect(show.status == 404, f"/api/show {name}: {show.body}")
        for path in ("/v1/models", "/v1beta/models", "/api/tags"):
            listed = self.ask(key, "GET", path)
            self.expect(listed.status == 200, f"{path}: {listed.status}")
            self.expect(own.encode() in listed.body, f"{path} misses {own}: {listed.body}")
            for name in foreign:
                self.expect(name.encode() not in listed.body, f"{path} shows {name}")
        mixed = self.chat(key, foreign[0], models=[foreign[1], target])
        self.expect(mixed.status == 200, f"a list with an own name: {mixed.body}")

    def explained(self, key, model, hidden):
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
        told = self.ask(key, "POST", "/sluice/v1/explain", body)
        self.expect(told.status == 200, f"explain: {told.body}")
        self.expect(hidden not in told.body, f"explain shows {hidden}: {told.body}")

    def stored_answers(self, first, second):
        made = self.ask(first, "POST", "/v1/responses", {"model": "red", "input": "secret word"})
        self.expect(made.status == 200, f"a response: {made.body}")
        made = json.loads(made.body)["id"]
        more = {"model": "red", "input": "go on", "previous_response_id": made}
        mine = self.ask(first, "POST", "/v1/responses", more)
        self.expect(mine.status == 200, f"one's own: {mine.body}")
        self.expect("secret word" in json.dumps(self.asked[-1]), "it builds on nothing")
        before = len(self.asked)
        theirs = self.ask(second, "POST", "/v1/responses", {**more, "model": "blue"})
        never = {**more, "model": "blue", "previous_response_id": made[:-4] + "0000"}
        none = self.ask(second, "POST", "/v1/responses", never)
        self.expect(theirs.status == none.status >= 400, f"another's: {theirs.body}")
        self.expect(
            self.plain(theirs, made) == self.plain(none, never["previous_response_id"]),
            f"it can be told from one that never was: {theirs.body} {none.body}",
        )
        self.expect(len(self.asked) == before, "the provider was asked")

    def own_calls(self, owner, other, call):
        mine = self.ask(owner, "GET", f"/sluice/v1/calls/{call}")
        self.expect(mine.status == 200, f"one's own call: {mine.body}")
        theirs = self.ask(other, "GET", f"/sluice/v1/calls/{call}")
        none = self.ask(other, "GET", f"/sluice/v1/calls/{call[:-4]}0000")
        self.expect(theirs.status == none.status == 404, f"another's call: {theirs.body}")
        self.expect(theirs.body == none.body, f"it can be told from none: {theirs.body}")
        listed = self.ask(other, "GET", "/sluice/v1/calls?limit=1000")
        self.expect(listed.status == 200 and call.encode() not in listed.body, "it is listed")

    def administration(self, key):
        for path in ("keys", "keys/1", "scopes", "targets", "audit", "audit/verify"):
            got = self.ask(key, "GET", f"/sluice/v1/{path}")
            self.expect(got.status == 403 and b"admin_only" in got.body, f"{path}: {got.body}")
        changes = ("revoke", "rotate", "acknowledge", "reseal")
        for path in ("keys", *(f"keys/{change}" for change in changes), "limits"):
            got = self.ask(key, "POST", f"/sluice/v1/{path}", {"which": "1"})
            self.expect(got.status == 403 and b"admin_only" in got.body, f"{path}: {got.body}")

    def recorded(self):
        def all_there():
            _, told = self.sluice.api("/sluice/v1/audit?limit=1000")
            refused = {
                (entry["actor"], entry["subject"])
                for entry in told["entries"]
                if entry["outcome"] == "admin_only"
            }
            return ("key:2 blue", "/sluice/v1/keys/revoke") in refused and (
                "key:1 red",
                "/sluice/v1/audit",
            ) in refused

        wait_until(all_there, 5, "what was refused is in the audit log")
        status, told = self.sluice.api("/sluice/v1/audit/verify")
        self.expect(status == 200, f"the chain: {told}")

    def play(self):
        self.asked = []
        red = self.key("red", "acme", "red", "redone")
        blue = self.key("blue", "other", "blue", "bluone")
        answer = self.chat(red, "red")
        self.expect(answer.status == 200, f"one's own route: {answer.body}")
        self.expect(answer.header("x-sluice-target") == "redone", "another's target answered")
        call = answer.header("x-sluice-call-id")
        self.names_look_unknown(red, "red", "redone", ["blue", "bluone", "lab/blue-1"])
        self.names_look_unknown(blue, "blue", "bluone", ["red", "redone", "lab/red-1"])
        self.explained(red, "red", b"bluone")
        self.stored_answers(red, blue)
        self.sluice.call(call)  # (it is in the ledger)
        self.own_calls(red, blue, call)
        self.administration(red)
        self.administration(blue)
        self.recorded()


class AdministratorsKeepToTheirOwn(TenantsSeeNothing):
    says = "An administrator's key administers on its own listener, and only what is below it"

    def config(self):
        return super().config() + "admin: { listen: 127.0.0.1:0 }\n"

    def listening(self):
        lines = [json.loads(line) for line in self.sluice.log().splitlines() if line[:1] == "{"]
        return [line["msg"] for line in lines if line.get("event") == "admin_listening"]

    def made(self, *options):
        status, out, err = self.sluice.run(
            "key", "create", "-c", self.sluice.config, "--json", *options
        )
        self.expect(status == 0, err)
        return json.loads(out)

    def admin(self, key, method, path, body=None, status=200, code=None):
        front, self.sluice.port = self.sluice.port, self.admin_port
        try:
            got = self.ask(key, method, path, body)
        finally:
            self.sluice.port = front
        self.expect(got.status == status, f"{path} {body}: {got.status} {got.body}")
        told = json.loads(got.body) if got.body[:1] == b"{" else {}
        if code is not None:
            self.expect(told.get("error", {}).get("code") == code, f"{path}: {got.body}")
        return told

    def play(self):
        self.asked = []
        log = wait_until(self.listening, 5, "it says where it listens")
        self.admin_port = int(log[0].split()[-1])
        all_of_it = self.made("--name", "root", "--admin")["key"]
        part = self.made(
            *("--name", "ops", "--admin", "--org", "acme", "--cap-usd", "10", "--per", "month"),
            *("--route", "red"),
        )
        part = part["key"]
        other = self.made("--name", "foreign", "--org", "other", "--user", "eve")
        client = self.key("client", "acme", "red", "redone")
        # Who is none, and what is not there.
        self.admin("sk-sl-none", "GET", "/sluice/v1/keys", status=401, code="invalid_api_key")
        self.admin(client, "GET", "/sluice/v1/keys", status=403, code="client_key")
        self.admin(client, "POST", "/sluice/v1/keys", {"name": "x"}, 403, "client_key")
        for key in (part, all_of_it):
            body = {"model": "red", "messages": [{"role": "user", "content": "Hi"}]}
            self.admin(key, "POST", "/v1/chat/completions", body, 403, "admin_key")
            self.admin(key, "GET", "/v1/models", None, 403, "admin_key")
            self.expect(self.chat(key, "red").status == 403, "an administrator calls a model")
            got = self.ask(key, "GET", "/sluice/v1/keys")
            self.expect(got.status == 403, f"in front: {got.body}")
        # All of it, and a part.
        names = [key["name"] for key in self.admin(all_of_it, "GET", "/sluice/v1/keys")["keys"]]
        self.expect(names == ["foreign", "client"], f"of clients' keys it sees {names}")
        self.admin(all_of_it, "GET", "/sluice/v1/calls")
        self.admin(all_of_it, "GET", "/sluice/v1/audit")
        names = [key["name"] for key in self.admin(part, "GET", "/sluice/v1/keys")["keys"]]
        self.expect(names == ["client"], f"the part sees {names}")
        scopes = [s["name"] for s in self.admin(part, "GET", "/sluice/v1/scopes")["scopes"]]
        self.expect(scopes == ["ann", "acme"], f"the part sees {scopes}")
        for path in ("calls", "report", "targets", "audit", "audit/verify"):
            self.admin(part, "GET", f"/sluice/v1/{path}", None, 403, "admin_scope")
        self.admin(part, "GET", f"/sluice/v1/keys/{other['id']}", None, 404, "key_not_found")
        for path in ("revoke", "rotate", "acknowledge"):
            body = {"which": other["id"]}
            self.admin(part, "POST", f"/sluice/v1/keys/{path}", body, 404, "key_not_found")
        # No more than it has.
        order = {"name": "new", "routes": ["red"], "caps": [{"usd": 5, "per": "month"}]}
        for more in (
            {"caps": [{"usd": 11, "per": "month"}]},
            {"caps": []},
            {"routes": ["red", "blue"]},
            {"organisation": "other"},
            {"admin": True},
        ):
            self.admin(part, "POST", "/sluice/v1/keys", {**order, **more}, 403, "exceeds_creator")
        made = self.admin(part, "POST", "/sluice/v1/keys", order)
        self.expect(made.get("organisation") == "acme", f"made: {made}")
        self.expect(self.chat(made["key"], "red").status == 200, "the new key")
        self.admin(part, "POST", "/sluice/v1/keys/revoke", {"which": "new"})
        self.expect(self.chat(made["key"], "red").status == 401, "the revoked key")
        # Revoked itself, it is out at once.
        status, _, err = self.sluice.run("key", "revoke", "-c", self.sluice.config, "ops")
        self.expect(status == 0, err)
        self.admin(part, "GET", "/sluice/v1/keys", status=401, code="key_revoked")
        entries = self.admin(all_of_it, "GET", "/sluice/v1/audit?limit=1000")["entries"]
        acts = {(e["actor"], e["action"], e["outcome"]) for e in entries}
        self.expect(("admin:2 ops", "key.create", "ok") in acts, f"acts: {acts}")
        self.expect(("admin:2 ops", "key.create", "exceeds_creator") in acts, f"acts: {acts}")
        self.expect(("admin:2 ops", "key.rotate", "key_not_found") in acts, f"acts: {acts}")
        self.admin(all_of_it, "GET", "/sluice/v1/audit/verify")


class ExplainAgrees(Live):
    says = "Explain and the real path decide the same for thousands of random requests"
    targets = """\
  free: { provider: lab, model: free-1, tier: budget, latency_ms: 50, context_tokens: 3000,
    capabilities: [streaming, json], price: { input_per_mtok: 0, output_per_mtok: 0 } }
  small: { provider: lab, model: small-1, tier: mid, latency_ms: 150, context_tokens: 16000,
    capabilities: [streaming, json, tools], price: { input_per_mtok: 1, output_per_mtok: 4 } }
  large: { provider: lab, model: large-1, tier: premium, latency_ms: 400, context_tokens: 200000,
    capabilities: [streaming, json, json_schema, tools, vision, reasoning],
    price: { input_per_mtok: 5, output_per_mtok: 25 } }
routes:
  auto: { tasks: { classification: [free, small], math: { prefer: [large] } } }
  thrifty: { targets: [free, small], conservative: 0 }
"""
    requests = int(os.environ.get("EXPLAIN_REQUESTS", "5000"))
    texts = [
        "Classify this review as positive or negative: the soup was cold.",
        "What is 17 * 23? Show each step of the proof.",
        "Fix the bug: int f(int *p) { return p[1; }",
        "Design the architecture of a payment system of three services; explain trade-offs.",
        "Translate to French: good morning",
        "Rename the variable x to total in this function.",
        "Hi",
        "Summarize the following text. " + "It rained all day in the harbour. " * 200,
        "Why is the sky blue?",
    ]

    def random_request(self, source):
        extra = {}
        if source.random() < 0.2:
            extra["tools"] = [{"type": "function", "function": {"name": "f"}}]
        if source.random() < 0.2:
            extra["max_tokens"] = source.randrange(1, 4000)
        if source.random() < 0.2:
            extra["sluice"] = {"max_cost_usd": source.choice([0, 0.001, 0.02])}
        if source.random() < 0.1:
            extra["response_format"] = {"type": "json_object"}
        if source.random() < 0.1:
            extra["sluice"] = {"min_tier": source.choice(["budget", "mid", "premium"])}
        text = source.choice(self.texts) * source.choice([1, 1, 1, 2, 9])
        return request(source.choice(["auto", "auto", "thrifty", "small"]), text=text, extra=extra)

    def explain(self, client, real):
        client.send(real.replace(b"/v1/chat/completions", b"/sluice/v1/explain", 1))
        return json.loads(http1.read_answer(client).body)

    def agrees(self, told, answer, alone):
        target = told["plan"][0]["target"] if told["plan"] else None
        got = answer.header("x-sluice-target") if answer.status == 200 else None
        if alone and target != got:
            return False
        if not alone and (target is None or got is None):
            return True
        tier = answer.header("x-sluice-tier")
        return told["task"] == answer.header("x-sluice-task") and told["required_tier"] == tier

    def decisions(self, seed, count, turn):
        source = random.Random(seed)
        client = http1.connect(self.sluice.port)
        for _ in range(count):
            real = self.random_request(source)
            with turn or contextlib.nullcontext():
                told = self.explain(client, real)
                client.send(real)
                answer = http1.read_answer(client)
            if not self.agrees(told, answer, turn is not None):
                self.problems.append(f"explain says {told}, the answer is {answer.headers}")
                break
        client.close()

    def decide_in_threads(self, seeds, count, turn):
        threads = [
            threading.Thread(target=self.decisions, args=(seed, count, turn)) for seed in seeds
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def play(self):
        # What an answer teaches may move the next decision: only with no other call between
        # question and call is the target the same. All at once, what no answer teaches is.
        self.decide_in_threads(range(4), self.requests // 5, threading.Lock())
        self.decide_in_threads(range(4, 8), self.requests // 20, None)


LIVE = {
    "slow_client_bounds_memory": SlowClientBoundsMemory,
    "silent_client_is_cut": SilentClientIsCut,
    "slow_head_times_out": SlowHeadTimesOut,
    "drain_times_out": DrainTimesOut,
    "one_probe": OneProbe,
    "connections_come_and_go": ConnectionsComeAndGo,
    "keys_take_effect_at_once": KeysTakeEffectAtOnce,
    "keys_tenants_see_nothing": TenantsSeeNothing,
    "keys_administrators": AdministratorsKeepToTheirOwn,
    "explain_agrees": ExplainAgrees,
}
