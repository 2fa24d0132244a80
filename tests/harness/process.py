# SPDX-License-Identifier: Apache-2.0
"""A running gateway: its directory, configuration, process, ports, ledger."""

import glob
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time

from . import http1

START_TIMEOUT = 20.0


def wait_until(condition, timeout, what, longest=0.05):
    """Asks again and again, with growing pauses of milliseconds, until the condition holds.
    `longest`: of the pauses, in seconds; smaller where the time itself is measured."""
    end = time.monotonic() + timeout
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, longest)


class Port:
    """A port of the kernel's choice that stays ours: bound, never listening. The gateway, which
    binds with SO_REUSEPORT, may listen on it; without a listener a connection is refused."""

    def __init__(self):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.sock.bind(("127.0.0.1", 0))
        self.number = self.sock.getsockname()[1]

    def release(self):
        self.sock.close()


class Sluice:
    def __init__(self, program, directory, environment=None, wrapper=()):
        self.program = os.path.abspath(program)
        self.directory = os.path.abspath(directory)
        self.port_holder = Port()
        self.port = self.port_holder.number
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": self.directory,
            "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1",
        }
        self.environment.update(environment or {})
        self.wrapper = list(wrapper)
        self.process = None
        self.starts = 0
        os.makedirs(directory, exist_ok=True)
        self.config = os.path.join(self.directory, "sluice.yaml")
        self.ledger = "ledger.db"

    def configure(self, text):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def log_path(self, which=None):
        return os.path.join(self.directory, f"log.{self.starts if which is None else which}")

    def log(self):
        """Everything that was written to standard output and error, of all starts."""
        text = ""
        for number in range(1, self.starts + 1):
            with open(self.log_path(number), encoding="utf-8", errors="replace") as file:
                text += file.read()
        return text

    def spawn(self):
        self.starts += 1
        log = open(self.log_path(), "wb")
        self.process = subprocess.Popen(
            self.wrapper + [self.program, "serve", "-c", self.config],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        return self.process

    def start(self, timeout=START_TIMEOUT):
        """Spawns and waits until it accepts; returns the seconds that took."""
        begin = time.monotonic()
        self.spawn()

        def accepts():
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"it exited with {self.process.returncode}:\n{self.log()[-2000:]}"
                )
            probe = socket.socket()
            try:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
            finally:
                probe.close()

        wait_until(accepts, timeout, "the gateway accepts connections")
        return time.monotonic() - begin

    def stop(self, timeout=20.0):
        """SIGTERM, and the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return "did not stop"

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def close(self):
        self.kill()
        self.port_holder.release()

    def run(self, *arguments):
        """One of the other subcommands; returns (status, stdout)."""
        result = subprocess.run(
            [self.program, *arguments],
            cwd=self.directory,
            env=self.environment,
            timeout=60,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
        return result.returncode, result.stdout.decode(), result.stderr.decode()

    # --- the project's own API: over TCP where it is open, else over the admin socket ---

    def api(self, path):
        status, body = http1.get(self.port, path)
        if status in (401, 403):
            sockets = [
                s
                for s in glob.glob(os.path.join(self.directory, "**"), recursive=True)
                if s.endswith(".sock")
            ]
            if not sockets:
                raise RuntimeError("the API is closed on TCP and there is no admin socket")
            status, body = http1.get_unix(sockets[0], path)
        return status, json.loads(body) if body[:1] in (b"{", b"[") else body.decode()

    def call(self, call_id, timeout=10.0):
        """The ledger's row of a call, awaited."""

        def present():
            status, row = self.api(f"/sluice/v1/calls/{call_id}")
            return row if status == 200 else None

        return wait_until(present, timeout, f"the ledger has call {call_id}")

    def metrics(self):
        """{"name{labels}": value}"""
        _, body = http1.get(self.port, "/metrics")
        found = {}
        for line in body.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def memory(self):
        """Of the process, in bytes: (resident, proportional)."""
        rss = pss = 0
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Rss:"):
                    rss = int(line.split()[1]) * 1024
                elif line.startswith("Pss:"):
                    pss = int(line.split()[1]) * 1024
        return rss, pss

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def database(self):
        """The ledger, read-only."""
        path = os.path.join(self.directory, self.ledger)
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
