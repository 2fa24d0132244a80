# SPDX-License-Identifier: Apache-2.0
"""A scripted provider: each request that arrives takes the next step of the script, is kept for
comparison, and gets exactly the bytes of that step."""

import array
import fcntl
import socket
import termios
import threading
import time

from . import http1


class Step:
    """What is answered, and how the bytes leave."""

    def __init__(self, answer, options=()):
        self.answer = answer
        self.every_byte = "every byte" in options
        self.reset = "then reset" in options
        self.close = "then close" in options
        self.hang = "then hang" in options
        self.early = "before the body" in options
        self.left = threading.Event()  # of a hanging step: the gateway has closed


class Upstream:
    def __init__(self, name, steps=()):
        self.name = name
        self.steps = list(steps)
        self.requests = []
        self.problems = []
        self.lock = threading.Lock()
        self.connections = set()
        self.accepted = 0
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(256)
        self.port = self.listener.getsockname()[1]
        self.closing = False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _next(self, request):
        with self.lock:
            self.requests.append(request)
            if len(self.requests) > len(self.steps):
                self.problems.append(
                    f"{self.name} got request {len(self.requests)}, which no step expects:"
                    f" {request.start} {request.body[:300]!r}"
                )
                return None
            return self.steps[len(self.requests) - 1]

    def _hang(self, connection, step):
        try:
            while connection.more():
                pass
        except OSError:
            pass
        step.left.set()

    def _answer(self, connection, step):
        """False: this connection is over."""
        if step.answer:
            try:
                connection.send(step.answer, step.every_byte)
            except OSError:
                step.left.set()
                return False
        if step.hang:
            self._hang(connection, step)
            return False
        if step.reset:
            self._drained(connection)
            connection.reset()
            return False
        return not step.close

    def _drained(self, connection):
        """Until the gateway's kernel has all bytes; received bytes outlive a reset."""
        end = time.monotonic() + 2
        left = array.array("i", [1])
        while left[0] > 0 and time.monotonic() < end:
            fcntl.ioctl(connection.sock.fileno(), termios.TIOCOUTQ, left)

    def _serve(self, sock):
        connection = http1.Connection(sock, 30.0)
        self.connections.add(connection)
        try:
            while True:
                request = http1.read_request(connection)
                if request is None:
                    return
                if request.start.endswith("HTTP/1.0"):
                    # a question about models, of the gateway's start: no call's
                    self.accepted -= 1
                    connection.send(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    return
                step = self._next(request)
                if step is None:
                    connection.send(b"HTTP/1.1 599 Unexpected\r\nContent-Length: 0\r\n\r\n")
                    continue
                if not self._answer(connection, step):
                    return
        except http1.Broken as broken:
            if not self.closing:
                self.problems.append(f"{self.name} was sent broken HTTP: {broken}")
        except OSError:
            pass
        finally:
            self.connections.discard(connection)
            connection.close()

    def close(self):
        self.closing = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in list(self.connections):
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
