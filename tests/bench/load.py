# SPDX-License-Identifier: Apache-2.0
"""The load: wrk for rates, single connections for pacing, held streams for memory."""

import json
import os
import re
import selectors
import socket
import subprocess
import time

import machine
from servers import BUILD, HERE

PROMPT = (
    "You are helping with a support desk. Classify the message below as question, complaint or "
    "praise, name the product it is about, and answer in one polite paragraph that tells the "
    "customer what happens next. Keep the order of the facts, do not invent any, and do not "
    "promise a date. "
)


def make_body(size, stream):
    """A chat request of about `size` bytes of JSON, in the form that an SDK writes."""
    message = {
        "model": "auto",
        "messages": [{"role": "system", "content": PROMPT}, {"role": "user", "content": ""}],
        "max_tokens": 256,
        "temperature": 0.7,
    }
    if stream:
        message["stream"] = True
    words = (
        "My order number 48213 arrived with a broken lid and the courier left it at the wrong "
        "door, although the shop had confirmed the address twice. I would like a "
        "replacement or my money back. "
    )
    room = size - len(json.dumps(message, separators=(",", ":")))
    message["messages"][1]["content"] = (words * (room // len(words) + 1))[: max(room, 1)]
    path = os.path.join(BUILD, f"body-{size}{'-stream' if stream else ''}.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(message, separators=(",", ":")))
    return path


def wrk(port, body, connections, seconds, timeout=30):
    command = machine.pinned(
        machine.LOAD_CORE,
        [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            f"--timeout={timeout}s",
            "-s",
            os.path.join(HERE, "load", "post.lua"),
            f"http://127.0.0.1:{port}/v1/chat/completions",
        ],
    )
    result = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "BODY_FILE": body},
    )
    found = re.search(r"^RESULT (\{.*\})$", result.stdout, re.M)
    if found is None:
        raise RuntimeError("wrk failed:\n" + result.stdout[-2000:])
    return json.loads(found.group(1))


def measured(server, body, connections, seconds):
    """wrk's result with the CPU that the server spent meanwhile, per request, in microseconds."""
    before = machine.thread_cpu_ns(server.pid)
    result = wrk(server.port, body, connections, seconds)
    loop, whole = machine.cpu_between(before, machine.thread_cpu_ns(server.pid))
    if result["requests"] == 0 or result["errors"] > result["requests"] / 1000:
        raise RuntimeError(f"{server.name}: {result}")
    result["loop_us"] = loop / 1e3 / result["requests"]
    result["cpu_us"] = whole / 1e3 / result["requests"]
    result["rate"] = result["requests"] / result["seconds"]
    return result


def request_bytes(body, port):
    with open(body, "rb") as file:
        data = file.read()
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Content-Type: application/json\r\n"
        f"Authorization: Bearer sk-benchmark\r\nContent-Length: {len(data)}\r\n\r\n"
    ).encode() + data


def read_paced(port, body):
    """One stream to its end: (reads with events, longest gap between two of them in seconds)."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(request_bytes(body, port))
        times, seen = [], b""
        while not seen.endswith(b"0\r\n\r\n"):
            piece = sock.recv(65536)
            if not piece:
                raise RuntimeError("the stream was cut")
            seen = (seen + piece)[-65536:]
            if b"data:" in piece:
                times.append(time.monotonic())
    return len(times), max(b - a for a, b in zip(times, times[1:]))


class HeldStreams:
    """Many streams that got their head and first event, and stay open."""

    def __init__(self, port, body, count):
        self.sockets = []
        selector = selectors.DefaultSelector()
        request = request_bytes(body, port)
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", port), timeout=30)
            sock.sendall(request)
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ, bytearray())
            self.sockets.append(sock)
        waiting = count
        end = time.monotonic() + 60
        while waiting > 0:
            if time.monotonic() > end:
                raise RuntimeError(f"{waiting} of {count} streams did not begin")
            for key, _ in selector.select(1):
                piece = key.fileobj.recv(65536)
                if not piece:
                    raise RuntimeError("a stream ended")
                key.data.extend(piece)
                if b"data:" in key.data:
                    if b" 200 " not in key.data[:16]:
                        raise RuntimeError(bytes(key.data[:300]))
                    selector.unregister(key.fileobj)
                    waiting -= 1
        selector.close()

    def close(self):
        for sock in self.sockets:
            sock.close()
