#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Request smuggling: some thousands of requests with misspelt framing, each with innocent ones behind
it on the same connection, go through the gateway to an upstream that records what it gets, and,
byte for byte the same, through nginx to another. Checked for every connection:

- the upstream got exactly the requests that were answered with 2xx, in their order, each with the
  body of one request and nothing of a following one, as well-formed HTTP;
- nothing of one connection turns up on another;
- what the gateway let through, nginx read as a request too. (Refusing what nginx forgives is
  fine.)

    diff_smuggling.py [--program build/release/sluice] [--requests N] [--seconds S] [--seed N]

TAP on stdout. Without nginx its part is skipped.
"""

import argparse
import concurrent.futures
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from harness import http1  # noqa: E402
from harness.process import Port, Sluice, wait_until  # noqa: E402
from smuggling_requests import Plan  # noqa: E402

THREADS = 16
IDLE_SECONDS = 0.3  # nothing came for so long: the gateway waits for more of a request
PATIENT_SECONDS = 3.0  # the same, when a suspicion is looked into
MARK = re.compile(rb"(first|hidden|last)-(\d+)-")
CONFIG = """\
server: {{ listen: 127.0.0.1:{port}, workers: 2, body_bytes: 1MB }}
log: {{ format: json, level: error, access: false }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://127.0.0.1:{upstream}/v1" }}
targets:
  small: {{ provider: lab, model: small-1, tier: premium, context_tokens: 100000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
ledger: {{ path: ledger.db, segment_bytes: 4MB }}
"""
NGINX = """\
worker_processes 1;
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream recorder {{ server 127.0.0.1:{upstream}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} reuseport;
        location / {{
            proxy_pass http://recorder;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


class Recorder:
    """An upstream that answers everything with the marks it found in it, and keeps them by the
    number of the connection that they name."""

    def __init__(self):
        self.requests = {}  # number -> [marks of one request]
        self.strays = []  # bodies without a mark
        self.broken = []
        self.lock = threading.Lock()
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

    def _note(self, request):
        marks = [(word.decode(), int(number)) for word, number in MARK.findall(request.body)]
        with self.lock:
            if marks:
                self.requests.setdefault(marks[-1][1], []).append(marks)
            else:
                self.strays.append(request.body[:200])
        return " ".join(f"{word}-{number}-" for word, number in marks)

    def _serve(self, sock):
        connection = http1.Connection(sock, 120)
        try:
            while True:
                request = http1.read_request(connection)
                if request is None:
                    return
                message = {"role": "assistant", "content": self._note(request)}
                body = json.dumps(
                    {
                        "object": "chat.completion",
                        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
                    }
                ).encode()
                connection.send(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(body) + body
                )
        except http1.Broken as broken:
            self.broken.append(str(broken))
        except OSError:
            pass
        finally:
            connection.close()

    def take(self, number):
        with self.lock:
            return self.requests.pop(number, [])

    def close(self):
        self.listener.close()


class Nginx:
    def __init__(self, program, directory):
        self.recorder = Recorder()
        self.port_holder = Port()
        self.port = self.port_holder.number
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        path = os.path.join(directory, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                NGINX.format(directory=directory, port=self.port, upstream=self.recorder.port)
            )
        self.process = subprocess.Popen([program, "-e", "stderr", "-c", path])
        wait_until(self.accepts, 20, "nginx accepts connections")

    def accepts(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"nginx ended with {self.process.returncode}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.port_holder.release()
        self.recorder.close()


def converse(port, data, idle):
    """Sends the bytes, in pieces of any size, and returns all that comes back. When nothing comes
    any more, the client says that it has nothing to add."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=idle)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    received = b""
    finished = False
    try:
        half = len(data) // 2 if len(data) % 3 == 0 else len(data)
        sock.sendall(data[:half])
        sock.sendall(data[half:])
        while True:
            try:
                piece = sock.recv(65536)
            except TimeoutError:
                if finished:
                    break
                finished = True
                sock.settimeout(10)
                sock.shutdown(socket.SHUT_WR)
                continue
            if not piece:
                break
            received += piece
    except OSError:
        pass  # a reset behind a refusal; what came before it counts
    finally:
        sock.close()
    return received


class Bytes(http1.Connection):
    """Bytes that were received before, to be read as answers."""

    def __init__(self, data):
        self.buffer, self.ended, self.reads = data, True, 0


def answers_in(received, head_first):
    """[(status, marks)]; raises Broken for what is no answer. head_first: the first one answers a
    HEAD, and has no body when the gateway came to read the method."""
    if head_first:
        try:
            return read_answers(received, True)
        except http1.Broken:
            pass
    return read_answers(received, False)


def read_answers(received, head_first):
    connection = Bytes(received)
    found = []
    while connection.buffer:
        answer = http1.read_answer(connection, head_request=head_first and not found)
        if answer.end != "complete":
            raise http1.Broken(f"an answer is cut: {answer.start}")
        if answer.status >= 200:
            marks = [(word.decode(), int(number)) for word, number in MARK.findall(answer.body)]
            found.append((answer.status, marks))
    return found


def without_tabs(data):
    """nginx does not know that a tab around a field's value is a blank (RFC 9110, 5.6.3)."""
    head, end, rest = data.partition(b"\r\n\r\n")
    return re.sub(rb":[ \t]+", b": ", re.sub(rb"[ \t]+(\r\n|$)", rb"\1", head)) + end + rest


def closes(value):
    return any(token.strip().lower() == b"close" for token in value.split(b","))


def without_close(data):
    """nginx ends a connection for any value of Connection with these letters in it; they mean that
    only as a whole word (RFC 9110, 7.6.1)."""
    head, end, rest = data.partition(b"\r\n\r\n")

    def level(field):
        return field[0] if closes(field[2]) else re.sub(b"(?i)close", b"other", field[0])

    return re.sub(rb"(?im)^(connection:)([^\r\n]*)", level, head) + end + rest


def is_within(few, many):
    """Are `few` in `many`, in the same order?"""
    rest = iter(many)
    return all(any(one == other for other in rest) for one in few)


class Check:
    def __init__(self, sluice, recorder, nginx, seed):
        self.sluice, self.recorder, self.nginx, self.seed = sluice, recorder, nginx, seed
        self.lock = threading.Lock()
        self.counts = {}

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def plan(self, number):
        return Plan(random.Random(f"{self.seed}-{number}"), number)

    def run(self, number):
        """None, or what is wrong; a suspicion is looked into with more patience."""
        problem = self.once(number, IDLE_SECONDS, True)
        if problem:
            self.count("looked at twice")
            problem = self.once(number, PATIENT_SECONDS, False)
        return problem

    def once(self, number, idle, counting):
        plan = self.plan(number)
        received = converse(self.sluice.port, plan.bytes, idle)
        passed = self.recorder.take(number)
        try:
            head_first = plan.bytes.lstrip().startswith(b"HEAD ")
            answers = answers_in(received, head_first)
        except (http1.Broken, ValueError) as broken:
            return f"the answers are no HTTP: {broken}"
        if counting:
            self.count(f"{len(passed)} let through")
        if any(status >= 500 and status not in (501, 505) for status, _ in answers):
            return f"a fault of the server: {[status for status, _ in answers]}"
        answered = [marks for status, marks in answers if 200 <= status < 300]
        if answered != passed:
            return f"answered with 2xx: {answered}; got by the upstream: {passed}"
        for marks in passed:
            if len(marks) != 1 or marks[0][1] != number:
                return f"a body holds {marks}"
        if self.nginx is None:
            return None
        return self.compare(number, plan.bytes, idle, passed, counting)

    def compare(self, number, data, idle, passed, counting):
        converse(self.nginx.port, data, idle)
        theirs = self.nginx.recorder.take(number)
        levelled = without_close(without_tabs(data))
        if not is_within(passed, theirs) and levelled != data:
            converse(self.nginx.port, levelled, idle)
            theirs = self.nginx.recorder.take(number)
        if counting:
            self.count("as nginx" if passed == theirs else "stricter than nginx")
        if not is_within(passed, theirs):
            return f"let through: {passed}; nginx: {theirs}"
        return None


def run_all(check, requests, seconds):
    """([what is wrong], how many connections)."""
    end = time.monotonic() + seconds
    problems, done = [], 0
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:

        def one(number):
            if time.monotonic() > end:
                return number, False, None
            return number, True, check.run(number)

        for number, ran, problem in pool.map(one, range(1, requests + 1)):
            done += ran
            if problem:
                problems.append(
                    f"connection {number}: {problem}\n{check.plan(number).bytes[:1500]!r}"
                )
    return problems, done


def read_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default="build/release/sluice")
    parser.add_argument("--requests", type=int, default=20000, help="connections to make")
    parser.add_argument("--seconds", type=float, default=50.0, help="no new ones after that")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser.parse_args()


def main():
    arguments = read_arguments()
    directory = os.path.abspath(os.path.join("build", "smuggling"))
    shutil.rmtree(directory, ignore_errors=True)
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    recorder = Recorder()
    sluice = Sluice(arguments.program, os.path.join(directory, "sluice"))
    sluice.configure(CONFIG.format(port=sluice.port, upstream=recorder.port))
    nginx = None
    begin = time.monotonic()
    try:
        sluice.start()
        nginx = Nginx(program, os.path.join(directory, "nginx")) if program else None
        check = Check(sluice, recorder, nginx, arguments.seed)
        problems, done = run_all(check, arguments.requests, arguments.seconds)
        status = sluice.stop()
        if status != 0:
            problems.append(f"exit status {status}: {sluice.log()[-2000:]}")
    finally:
        sluice.close()
        if nginx is not None:
            nginx.close()
    problems += [f"the upstream was sent broken HTTP: {b}" for b in recorder.broken]
    problems += [f"the upstream got a body without a mark: {b!r}" for b in recorder.strays]
    problems += [f"turned up on no connection: {r}" for r in recorder.requests.values()]
    if check.counts.get("3 let through", 0) + check.counts.get("2 let through", 0) < done / 20:
        problems.append(f"hardly anything was let through: {check.counts}")
    print(
        f"# seed {arguments.seed}, {done} connections, {time.monotonic() - begin:.0f} s;", end=" "
    )
    print(json.dumps(check.counts, sort_keys=True))
    for problem in problems[:10]:
        print("# " + problem.replace("\n", "\n#   "))
    verdict = "not ok" if problems else "ok"
    compared = "" if nginx else " # SKIP nginx is not installed: not compared"
    print(f"{verdict} 1 - nobody smuggles a request through misspelt framing{compared}")
    print(f"# smuggling: {int(not problems)} passed, {int(bool(problems))} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
