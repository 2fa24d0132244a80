# SPDX-License-Identifier: Apache-2.0
"""A gateway with a provider that always answers, for tests of who may come in."""

import contextlib
import http.client
import http.server
import json
import os
import shutil
import threading

from harness.process import Sluice, wait_until

CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2{server} }}
log: {{ format: json, level: info, access: false }}
keys: {{ required: {required}{keys} }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{upstream}/v1" }}
targets:
  small: {{ provider: lab, model: small-1, tier: budget, context_tokens: 100000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
  large: {{ provider: lab, model: large-1, tier: premium, context_tokens: 100000,
    price: {{ input_per_mtok: 10, output_per_mtok: 20 }} }}
routes:
  both: {{ targets: [small, large] }}
{routes}ledger: {{ path: ledger.db }}
{more}"""
ANSWER = {
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "x"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 20},
}
COST_ND = 10 * 1000 + 20 * 2000  # of one call of "small"


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server:
    """`handle(handler)` answers each request, on a thread of its own."""

    def __init__(self, handle):
        class Handler(Quiet):
            def do_GET(self):
                handle(self)

            do_POST = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    def json(self):
        return json.loads(self.body) if self.body else None

    @property
    def code(self):
        """The error's, or ""."""
        try:
            return self.json()["error"]["code"]
        except (ValueError, KeyError, TypeError):
            return ""


class Stand:
    """The gateway with its provider, in a directory of its own."""

    def __init__(self, program, directory):
        shutil.rmtree(directory, ignore_errors=True)
        self.asked = 0
        self.lock = threading.Lock()
        self.upstream = Server(self._complete)
        self.sluice = Sluice(program, directory)
        self.directory = self.sluice.directory

    def _complete(self, handler):
        length = int(handler.headers.get("Content-Length", "0"))
        handler.rfile.read(length)
        with self.lock:
            self.asked += 1
        handler.answer(200, json.dumps(ANSWER).encode())

    def configure(self, required="true", keys="", server="", more="", routes=""):
        self.sluice.configure(
            CONFIG.format(
                port=self.sluice.port,
                upstream=self.upstream.port,
                required=required,
                keys=keys,
                server=server,
                more=more,
                routes=routes,
            )
        )

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
            file.write(text)

    def request(self, method, path, body=None, headers=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.sluice.port, timeout=20)
        with contextlib.closing(connection):
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())

    def chat(self, secret=None, model="small", headers=None, path="/v1/chat/completions"):
        headers = dict(headers or {})
        headers.setdefault("Content-Type", "application/json")
        if secret is not None:
            headers["Authorization"] = "Bearer " + secret
        body = {
            "model": model,
            "max_tokens": 50,
            "messages": [{"role": "user", "content": "Hi"}],
        }
        return self.request("POST", path, body, headers)

    def cli(self, *arguments):
        status, out, err = self.sluice.run(arguments[0], "-c", self.sluice.config, *arguments[1:])
        return status, out, err

    def json(self, *arguments):
        status, out, err = self.key(*arguments, "--json")
        assert status == 0, (arguments, out, err)
        return json.loads(out)

    def key(self, command, *arguments):
        return self.sluice.run("key", command, "-c", self.sluice.config, *arguments)

    def rows(self, sql, *parameters):
        with contextlib.closing(self.sluice.database()) as database:
            return database.execute(sql, parameters).fetchall()

    def audit(self):
        """(actor, action, subject, outcome, detail), oldest first."""
        return self.rows("SELECT actor, action, subject, outcome, detail FROM audit ORDER BY id")

    def settled(self, calls):
        """Waits until the ledger has so many calls that were answered."""
        wait_until(
            lambda: self.rows("SELECT count(*) FROM calls WHERE status = 200")[0][0] >= calls,
            10,
            "the ledger has the calls",
        )

    def close(self):
        status = self.sluice.stop()
        self.sluice.close()
        self.upstream.close()
        return status


class Points:
    """TAP on stdout."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def point(self, good, name, *detail):
        self.count += 1
        if not good:
            self.failed += 1
            for line in detail:
                print(f"# {line}")
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)

    def same(self, name, have, want):
        self.point(have == want, name, f"have {have!r}", f"want {want!r}")
