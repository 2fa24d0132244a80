# SPDX-License-Identifier: Apache-2.0
"""Several nodes with a real PostgreSQL and a real Redis, each in a network namespace of its own, on
two networks: in front are clients and providers (this process), behind are the shared services, so
that a node can be cut off from these and still be asked. That needs root and iproute2; without them
each has addresses of its own on the loopback, and nothing can be cut off."""

import contextlib
import os
import re
import shutil
import subprocess

from . import http1
from .configuration import cluster_section
from .postgres import Postgres
from .process import Sluice, wait_until
from .redis import Redis

PORT = 4141


class NoNetwork(Exception):
    """This machine does not let us have network namespaces, or what they are for."""


def ip(*words, check=True):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise NoNetwork(f"ip {' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def clear_dead():
    """What was left by a process that was killed."""
    for space in re.findall(r"^(sl(\d+)-\S+)", ip("netns", "list"), re.M):
        if not os.path.exists(f"/proc/{space[1]}"):
            ip("netns", "del", space[0], check=False)
    for link in re.findall(r"^\d+: (sl(\d+)b\d)", ip("-o", "link"), re.M):
        if not os.path.exists(f"/proc/{link[1]}"):
            ip("link", "del", link[0], check=False)


class Loopback:
    """The same without namespaces: 127.A.0.n in front, 127.A.1.n behind. `why` there are none."""

    parts = False

    def __init__(self, members, why):
        self.members, self.why = list(members), why
        self.net = 64 + os.getpid() % 128, os.getpid() // 128 % 128

    def address(self, member, side):
        return f"127.{self.net[0]}.{self.net[1] * 2 + side}.{self.members.index(member) + 2}"

    def ours(self, side):
        return f"127.{self.net[0]}.{self.net[1] * 2 + side}.1"

    def clients(self, side):
        """Where connections to an address of this side come from."""
        return "127.0.0.0/8"

    def wrapper(self, member):
        return []

    def cut(self, member, side=1):
        raise NoNetwork(self.why)

    mend = block = unblock = cut

    def close(self):
        pass


class Network:
    """Namespaces NAME-m, m of `members`, each with 10.A.0.n (in front) and 10.B.0.n (behind);
    this process has 10.A.0.1 and 10.B.0.1."""

    parts = True  # nodes can be cut off

    def __init__(self, members):
        if os.geteuid() != 0:
            raise NoNetwork("network namespaces need root: run it as root (or through sudo)")
        if shutil.which("ip") is None or shutil.which("nsenter") is None:
            raise NoNetwork("iproute2 and util-linux are needed (ip, nsenter)")
        self.mark = f"sl{os.getpid()}"
        self.members = list(members)
        clear_dead()
        taken = set(re.findall(r"10\.(\d+)\.0\.", ip("-4", "addr")))
        self.nets = [str(n) for n in range(61, 250) if str(n) not in taken][:2]
        try:
            self._make()
        except NoNetwork:
            self.close()
            raise

    def _make(self):
        for side, net in enumerate(self.nets):
            bridge = f"{self.mark}b{side}"
            ip("link", "add", bridge, "type", "bridge")
            ip("addr", "add", f"10.{net}.0.1/24", "dev", bridge)
            ip("link", "set", bridge, "up")
        for number, member in enumerate(self.members):
            ip("netns", "add", self.space(member))
            ip("-n", self.space(member), "link", "set", "lo", "up")
            for side, net in enumerate(self.nets):
                outer, inner = self.link(member, side), f"eth{side}"
                ip(
                    "link",
                    "add",
                    outer,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    inner,
                    "netns",
                    self.space(member),
                )
                ip("link", "set", outer, "master", f"{self.mark}b{side}", "up")
                ip(
                    "-n",
                    self.space(member),
                    "addr",
                    "add",
                    f"10.{net}.0.{number + 2}/24",
                    "dev",
                    inner,
                )
                ip("-n", self.space(member), "link", "set", inner, "up")

    def space(self, member):
        return f"{self.mark}-{member}"

    def link(self, member, side):
        return f"{self.mark}v{self.members.index(member)}{side}"

    def address(self, member, side):
        return f"10.{self.nets[side]}.0.{self.members.index(member) + 2}"

    def ours(self, side):
        return f"10.{self.nets[side]}.0.1"

    def clients(self, side):
        return f"10.{self.nets[side]}.0.0/24"

    def wrapper(self, member):
        """Words before a command that is to run there; the process is the command itself."""
        return ["nsenter", f"--net=/run/netns/{self.space(member)}"]

    def cut(self, member, side=1):
        ip("link", "set", self.link(member, side), "down")

    def mend(self, member, side=1):
        ip("link", "set", self.link(member, side), "up")

    def block(self, member, other):
        """What `member` sends to `other` behind is lost."""
        where = f"{self.address(other, 1)}/32"
        ip("-n", self.space(member), "route", "add", "blackhole", where)

    def unblock(self, member, other):
        where = f"{self.address(other, 1)}/32"
        ip("-n", self.space(member), "route", "del", "blackhole", where)

    def close(self):
        for member in self.members:
            ip("netns", "del", self.space(member), check=False)
        for side in range(2):
            ip("link", "del", f"{self.mark}b{side}", check=False)
            for member in self.members:
                ip("link", "del", self.link(member, side), check=False)


class NodePostgres(Postgres):
    """In its namespace."""

    def __init__(self, network, member="pg"):
        super().__init__()
        self.network, self.member = network, member
        with open(os.path.join(self.data, "pg_hba.conf"), "a", encoding="utf-8") as file:
            file.write(f"host all all {network.clients(1)} scram-sha-256\n")

    def url(self, host=None, database="postgres"):
        return super().url(host or self.network.address(self.member, 1), database)

    def start(self):
        command = [*self.network.wrapper(self.member)]
        if self.user is not None:
            command += ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}"]
            command += ["--clear-groups"]
        command += [os.path.join(self.programs, "postgres"), "-D", self.data]
        command += ["-k", self.directory, "-p", str(self.port)]
        command += ["-h", f"127.0.0.1,{self.network.address(self.member, 1)}"]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        wait_until(self._lives, 30, "PostgreSQL starts")
        return self

    def _lives(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL does not start: {self.log()[-2000:]}")
        return self._ready()


class Node(Sluice):
    def __init__(self, program, directory, network, member):
        super().__init__(program, directory, wrapper=network.wrapper(member))
        self.name, self.network = member, network
        self.address, self.port = network.address(member, 0), PORT

    def socket(self):
        return os.path.join(self.directory, "ledger.db.sock")

    def api(self, path):
        status, body = http1.get_unix(self.socket(), path)
        return status, body.decode()

    def metrics(self):
        found = {}
        for line in http1.get_unix(self.socket(), "/metrics")[1].decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def run(self, *arguments):
        """In the node's namespace, where PostgreSQL can be reached."""
        done = subprocess.run(
            [*self.wrapper, self.program, *arguments],
            cwd=self.directory,
            env=self.environment,
            timeout=60,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()


def network_of(members, plain):
    """Namespaces where they can be made and are not unwanted (`plain`)."""
    try:
        if plain:
            raise NoNetwork("namespaces were not wanted (--plain)")
        return Network(members)
    except NoNetwork as why:
        return Loopback(members, why)


class Cluster:
    """`configuration(node) -> text` without the section cluster."""

    def __init__(self, program, directory, count, configuration, more="", plain=False):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        self.names = [f"node{number + 1}" for number in range(count)]
        self.network = network_of([*self.names, "pg", "redis"], plain)
        self.nodes = []
        self.postgres = self.redis = None
        try:
            self.postgres = NodePostgres(self.network)
            self.redis = Redis(
                os.path.join(directory, "redis"),
                password="open-sesame",
                address=self.network.address("redis", 1),
                port=6379,
                wrapper=self.network.wrapper("redis"),
            )
            for name in self.names:
                node = Node(program, os.path.join(directory, name), self.network, name)
                ways = f', redis: "{self.redis.url()}"{more}'
                section = cluster_section(name, self.postgres.url(), ways)
                node.configure(configuration(node) + section)
                self.nodes.append(node)
        except Exception:
            self.close()
            raise

    def start(self):
        self.postgres.start()
        self.redis.start()
        for node in self.nodes:
            node.spawn()
        for node in self.nodes:
            self.await_ready(node)

    def await_ready(self, node, timeout=60):
        def ready():
            if node.process.poll() is not None:
                raise RuntimeError(f"{node.name} exited: {node.log()[-2000:]}")
            with contextlib.suppress(OSError, http1.Broken):
                return http1.get_unix(node.socket(), "/readyz")[0] == 200
            return False

        wait_until(ready, timeout, f"{node.name} is ready")

    def restart(self, node):
        node.kill()
        node.spawn()
        self.await_ready(node)

    def close(self):
        for node in self.nodes:
            node.close()
        if self.redis is not None:
            self.redis.kill()
        if self.postgres is not None:
            self.postgres.close()
        self.network.close()
