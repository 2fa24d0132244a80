# SPDX-License-Identifier: Apache-2.0
"""
A container engine for tests: the one that answers, or one of its own.

Its own is a dockerd (as root) with its data, socket and bridge network apart from others; what it
changes of the machine (packet filter, forwarding, its bridge) is as before afterwards.
"""

import os
import shutil
import subprocess
import tempfile

from harness.process import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
BRIDGE = "10.213.0.1/24"
NETWORKS = "10.214.0.0/16"
FORWARDING = "/proc/sys/net/ipv4/ip_forward"
STAND_INS = {"postgres:15": "postgres", "redis:7": "redis", "haproxy:2.8": "haproxy"}
BASES = ("debian:12", "debian:12-slim")


def answer(*command, env=None, timeout=60, cwd=None):
    """The finished process; never raises for a status."""
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=timeout, env=env, cwd=cwd,
        stdin=subprocess.DEVNULL,
    )


class Engine:
    def __init__(self):
        self.environment = dict(os.environ)
        self.directory = None
        self.process = None
        self.filter = None
        self.forwarding = None

    def docker(self, *words, timeout=600, cwd=None):
        return answer("docker", *words, env=self.environment, timeout=timeout, cwd=cwd)

    def answers(self):
        return shutil.which("docker") is not None and self.docker("info").returncode == 0

    def compose_command(self):
        for command in (["docker", "compose"], ["docker-compose"]):
            if shutil.which(command[0]):
                if answer(*command, "version", env=self.environment).returncode == 0:
                    return command
        return None

    def start(self):
        """One of its own; a sentence of why not."""
        missing = [name for name in ("dockerd", "iptables-save") if not shutil.which(name)]
        if os.geteuid() != 0 or missing:
            return "an engine of its own needs root and dockerd, iptables"
        self.directory = tempfile.mkdtemp(prefix="sluice-engine-")
        self.filter = answer("iptables-save").stdout
        with open(FORWARDING, encoding="ascii") as file:
            self.forwarding = file.read()
        place = lambda name: os.path.join(self.directory, name)  # noqa: E731
        self.environment["DOCKER_HOST"] = f"unix://{place('socket')}"
        with open(place("log"), "wb") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", place("data"), "--exec-root", place("exec")]
                + ["--pidfile", place("pid"), "--host", self.environment["DOCKER_HOST"]]
                + ["--bip", BRIDGE, "--default-address-pool", f"base={NETWORKS},size=24"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        try:
            wait_until(self.answers, 30, "dockerd answers")
            answer("iptables", "-P", "FORWARD", "ACCEPT")  # others' bridges pass here, too
        except TimeoutError:
            with open(place("log"), encoding="utf-8", errors="replace") as log:
                return "dockerd does not start: " + log.read()[-400:]
        return None

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait(60)
        answer("ip", "link", "delete", "docker0")
        for table in ("filter", "nat"):  # what was empty is not in what was saved
            answer("iptables", "-t", table, "-F")
            answer("iptables", "-t", table, "-X")
        answer("iptables", "-P", "FORWARD", "ACCEPT")
        subprocess.run(["iptables-restore"], input=self.filter, text=True, check=False)
        with open(FORWARDING, "w", encoding="ascii") as file:
            file.write(self.forwarding)
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- images ----------------------------------------------------------------------------------

    def has(self, image):
        return self.docker("image", "inspect", image).returncode == 0

    def make_base(self):
        if not shutil.which("mmdebstrap"):
            raise RuntimeError("mmdebstrap is needed for stand-ins")
        with tempfile.TemporaryDirectory(prefix="sluice-base-") as directory:
            path = os.path.join(directory, "base.tar")
            # without a mirror it takes Debian's own, with updates and security
            done = answer("mmdebstrap", "--variant=minbase", "bookworm", path, timeout=900)
            if done.returncode != 0:
                raise RuntimeError(done.stderr[-400:])
            done = self.docker("import", path, BASES[0])
            if done.returncode != 0:
                raise RuntimeError(done.stderr)
        self.docker("tag", BASES[0], BASES[1])

    def make_stand_ins(self):
        """Images of Debian's packages under the names of those that are not there."""
        if not all(self.has(image) for image in BASES):
            self.make_base()
        folder = os.path.join(HERE, "images")
        for image, name in STAND_INS.items():
            if not self.has(image):
                words = ("-f", f"{name}.Dockerfile", "-t", image, ".")
                done = self.docker("build", *words, cwd=folder)
                if done.returncode != 0:
                    raise RuntimeError(f"{image}: {done.stdout[-600:]}{done.stderr[-600:]}")
