# SPDX-License-Identifier: Apache-2.0
"""A real redis-server in a directory of its own, and as much of a client as the tests need."""

import os
import shutil
import socket
import subprocess

from .process import wait_until


class RedisError(Exception):
    """The server says no, in its own words."""


class Redis:
    """`wrapper`: words before the command, such as those that enter a network namespace; `address`
    is where it listens there. It saves nothing: after kill() and start() it is empty."""

    def __init__(self, directory, password="", address="127.0.0.1", port=0, wrapper=()):
        self.directory = os.path.abspath(directory)
        self.password, self.address, self.wrapper = password, address, list(wrapper)
        self.port = port or free_port()
        self.socket = os.path.join(self.directory, "redis.sock")
        self.process = None
        os.makedirs(self.directory, exist_ok=True)

    def url(self):
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}{self.address}:{self.port}"

    def start(self, timeout=20.0):
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeError("redis-server is not installed: tools/setup.sh --test")
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        config = os.path.join(self.directory, "redis.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(
                f"bind {self.address}\nport {self.port}\nunixsocket {self.socket}\n"
                f"dir {self.directory}\nsave \"\"\nappendonly no\n"
            )
            if self.password:
                file.write(f"requirepass {self.password}\n")
            else:
                file.write("protected-mode no\n")
        with open(os.path.join(self.directory, "redis.log"), "ab") as log:
            self.process = subprocess.Popen(
                self.wrapper + [program, config], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

        def answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"redis-server exited with {self.process.returncode}")
            try:
                return self.ask("PING") == "PONG"
            except OSError:
                return False

        wait_until(answers, timeout, "redis-server answers")

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def ask(self, *words, timeout=10.0):
        """One command over the unix socket, which works from every network namespace."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        try:
            sock.connect(self.socket)
            stream = sock.makefile("rwb")
            if self.password and words[0] != "AUTH":
                send(stream, "AUTH", self.password)
                receive(stream)
            send(stream, *words)
            return receive(stream)
        finally:
            sock.close()


def free_port():
    """Nobody's at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def send(stream, *words):
    stream.write(b"*%d\r\n" % len(words))
    for word in words:
        data = str(word).encode()
        stream.write(b"$%d\r\n%s\r\n" % (len(data), data))
    stream.flush()


def receive(stream):
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("the server closed the connection")
    kind, text = line[:1], line[1:-2].decode()
    if kind == b"-":
        raise RedisError(text)
    if kind == b":":
        return int(text)
    if kind == b"$":
        return None if text == "-1" else stream.read(int(text) + 2)[:-2].decode("utf-8", "replace")
    if kind == b"*":
        return None if text == "-1" else [receive(stream) for _ in range(int(text))]
    return text
