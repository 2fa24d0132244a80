# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL of the machine's own packages: its own data directory, socket and port, as a
user without rights. `python3 -m tests.harness.postgres` runs one for a test that is no Python: it
prints the connection string, then does what each line of its input says (kill, start, stop,
restart, pause, resume, reset, copy NAME, restore NAME, sql ...) and answers "ok" or the rows; when
the input ends, so does the server, and its directory goes."""

import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PASSWORD = "hunter2-for-tests"
START_TIMEOUT = 30.0
SETTINGS = {
    "dynamic_shared_memory_type": "mmap",  # files of its own: kill -9 leaves nothing in /dev/shm
    "fsync": "off",  # a killed server loses nothing by it, only a machine would
    "max_connections": "60",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
    "log_min_error_statement": "warning",
}
# The working directory and the environment of root may be closed to the server's user.
ELSEWHERE = {"cwd": "/", "env": {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}}


def binaries():
    """The directory of the newest version's programs, or None."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb") + glob.glob("/usr/pgsql-*/bin/initdb")
    if found:
        newest = max(found, key=lambda path: [int(digits) for digits in re.findall(r"\d+", path)])
        return os.path.dirname(newest)
    path = shutil.which("initdb")
    return os.path.dirname(path) if path else None


def unprivileged():
    """Whom the server runs as: PostgreSQL refuses to be root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("no user postgres or nobody to run PostgreSQL as")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Postgres:
    def __init__(self, settings=None):
        self.programs = binaries()
        if self.programs is None:
            raise RuntimeError("PostgreSQL is not installed: run tools/setup.sh --test")
        self.user = unprivileged()
        self.directory = tempfile.mkdtemp(prefix="sluice-pg-")
        self.data = os.path.join(self.directory, "data")
        self.settings = {**SETTINGS, **(settings or {})}
        self.process = None
        self.port = free_port()
        if self.user:
            os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        os.chmod(self.directory, 0o755)
        self._initialise()

    def _run_as(self):
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _initialise(self):
        secret = os.path.join(self.directory, "password")
        with open(secret, "w", encoding="utf-8") as file:
            file.write(PASSWORD)
        os.chmod(secret, 0o644)
        command = [os.path.join(self.programs, "initdb"), "-D", self.data, "-U", "sluice"]
        command += ["-E", "UTF8", "--locale=C", "--no-sync"]
        command += ["--auth-local=trust", "--auth-host=scram-sha-256"]
        command.append(f"--pwfile={secret}")
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, **ELSEWHERE, **self._run_as()
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb: {done.stderr}")

    def url(self, host="127.0.0.1", database="postgres"):
        return f"postgresql://sluice:{PASSWORD}@{host}:{self.port}/{database}"

    def start(self):
        command = [os.path.join(self.programs, "postgres"), "-D", self.data, "-k", self.directory]
        command += ["-p", str(self.port), "-h", "127.0.0.1"]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        with open(os.path.join(self.directory, "log"), "ab") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = subprocess.Popen(
                command, start_new_session=True, **streams, **ELSEWHERE, **self._run_as()
            )
        end = time.monotonic() + START_TIMEOUT
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL does not start: {self.log()[-2000:]}")
            time.sleep(0.02)
        return self

    def _ready(self):
        command = [os.path.join(self.programs, "pg_isready"), "-q", "-h", self.directory]
        return subprocess.run([*command, "-p", str(self.port)], check=False).returncode == 0

    def log(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self, how=signal.SIGINT):
        """SIGTERM: waits for clients, SIGINT: cuts them off, SIGQUIT: as a crash."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(START_TIMEOUT)
        self.process = None

    def kill(self):
        """Every process of the server at once, as the kernel does when memory is short."""
        if self.process and self.process.poll() is None:
            backends = self._backends()
            self.process.kill()
            for pid in backends:
                self._signal(pid, signal.SIGKILL)
            self.process.wait(START_TIMEOUT)
        self.process = None

    def _backends(self):
        """They lead process groups of their own."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    @staticmethod
    def _signal(pid, how):
        """A backend may have ended since it was listed."""
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            pass

    def pause(self, how=signal.SIGSTOP):
        """The server and its backends answer nothing more, until resume()."""
        for pid in [self.process.pid, *self._backends()]:
            self._signal(pid, how)

    def resume(self):
        self.pause(signal.SIGCONT)

    def restart(self):
        self.stop()
        self.start()

    def reset(self):
        """As an operator who restored nothing: the database is there and empty."""
        self.sql("DROP SCHEMA IF EXISTS sluice CASCADE")

    def copy(self, name):
        """Keeps the data as they are; restore(name) brings them back. The server restarts."""
        self.stop()
        subprocess.run(["cp", "-a", self.data, os.path.join(self.directory, name)], check=True)
        self.start()

    def restore(self, name, promote=False):
        """`promote`: as a standby that is told to take over, on a timeline of its own."""
        self.stop()
        shutil.rmtree(self.data)
        subprocess.run(["cp", "-a", os.path.join(self.directory, name), self.data], check=True)
        if promote:
            signal_file = os.path.join(self.data, "standby.signal")
            with open(signal_file, "w", encoding="ascii"):
                pass
            if self.user:
                os.chown(signal_file, self.user.pw_uid, self.user.pw_gid)
        self.start()
        if promote:
            self.sql("SELECT pg_promote()")

    def sql(self, text, database="postgres"):
        """Rows as text, columns parted by '|'."""
        command = [os.path.join(self.programs, "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", self.directory, "-p", str(self.port), "-U", "sluice"]
        command += ["-d", database, "-c", text]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{text}: {done.stderr}")
        return done.stdout.strip()

    @contextlib.contextmanager
    def lock(self, *tables):
        """Nobody else reads or writes these, for as long."""
        command = [os.path.join(self.programs, "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", self.directory, "-p", str(self.port), "-U", "sluice", "-d", "postgres"]
        holder = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **ELSEWHERE
        )
        holder.stdin.write(f"BEGIN; LOCK TABLE {', '.join(tables)}; SELECT 'held';\n")
        holder.stdin.flush()
        if holder.stdout.readline().strip() != "held":
            raise RuntimeError(f"{tables} cannot be locked")
        try:
            yield
        finally:
            holder.communicate("ROLLBACK;\n")

    def close(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


def obey(server, line):
    verb, _, rest = line.partition(" ")
    if verb in ("kill", "start", "stop", "restart", "pause", "resume", "reset"):
        getattr(server, verb)()
    elif verb in ("copy", "restore"):
        getattr(server, verb)(rest)
    elif verb == "sql":
        return server.sql(rest).replace("\n", ";")
    else:
        raise RuntimeError(f"what is {verb}?")
    return "ok"


def main():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    server = Postgres()
    try:
        server.start()
        print(server.url(), flush=True)
        for line in sys.stdin:
            try:
                answer = obey(server, line.strip())
            except RuntimeError as failure:
                answer = "error " + str(failure).replace("\n", " ")
            print(answer, flush=True)
    finally:
        server.close()


if __name__ == "__main__":
    main()
