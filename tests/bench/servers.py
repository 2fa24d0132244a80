# SPDX-License-Identifier: Apache-2.0
"""What is measured and what it is measured with: nginx, the gateway, the upstreams, a peer."""

import os
import shutil
import socket
import subprocess
import sys
import time

import machine

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from harness import http1, process  # noqa: E402

BUILD = os.path.abspath(os.path.join("build", "bench"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A process with a port; a context manager that ends it."""

    name = "?"

    def __init__(self, command, port, core, environment=None):
        self.port = port
        self.log = open(os.path.join(BUILD, f"{self.name}.log"), "ab")
        self.process = subprocess.Popen(
            machine.pinned(core, command),
            stdin=subprocess.DEVNULL,
            cwd=BUILD,
            stdout=self.log,
            stderr=self.log,
            env=environment,
        )
        process.wait_until(self.is_up, 60, f"{self.name} is up", longest=0.001)

    def is_up(self):
        if self.process.poll() is not None:
            raise RuntimeError(
                f"{self.name} ended with {self.process.returncode}; see {self.log.name}"
            )
        return accepts(self.port)

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Upstream:
    """tests/bench/load/upstream.c, built on first use."""

    name = "upstream"

    def __init__(self, *options):
        program = os.path.join(BUILD, "upstream")
        source = os.path.join(HERE, "load", "upstream.c")
        if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
            subprocess.run(
                ["cc", "-O2", "-std=gnu17", "-D_GNU_SOURCE", "-o", program, source], check=True
            )
        self.process = subprocess.Popen(
            machine.pinned(machine.LOAD_CORE, [program, *map(str, options)]),
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def fill(template, target, **values):
    with open(os.path.join(HERE, template), encoding="utf-8") as file:
        text = file.read()
    for name, value in values.items():
        text = text.replace(f"@{name.upper()}@", str(value))
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)
    return target


class Nginx(Server):
    name = "nginx"

    def __init__(self, upstream, buffering="on", scheme="http", wrapper=()):
        port = free_port()
        conf = fill(
            "nginx.conf.in",
            os.path.join(BUILD, "nginx.conf"),
            directory=BUILD,
            upstream=upstream,
            port=port,
            buffering=buffering,
            scheme=scheme,
        )
        super().__init__(
            [*wrapper, shutil.which("nginx") or "/usr/sbin/nginx", "-c", conf],
            port,
            machine.GATEWAY_CORE,
        )


class TlsUpstream(Server):
    name = "tls-upstream"

    def __init__(self, answer):
        key, certificate = os.path.join(BUILD, "key.pem"), os.path.join(BUILD, "certificate.pem")
        if not os.path.exists(certificate):
            subprocess.run(
                [
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-days",
                    "3650",
                    "-subj",
                    "/CN=localhost",
                    "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout",
                    key,
                    "-out",
                    certificate,
                ],
                check=True,
                stderr=subprocess.DEVNULL,
            )
        self.certificate = certificate
        port = free_port()
        conf = fill(
            "tls.conf.in",
            os.path.join(BUILD, "tls.conf"),
            directory=BUILD,
            port=port,
            answer=answer,
        )
        super().__init__(
            [shutil.which("nginx") or "/usr/sbin/nginx", "-c", conf], port, machine.LOAD_CORE
        )


CONFIG = """\
server: {{ listen: 127.0.0.1:{port}{workers} }}
log: {{ format: json, level: warn, access: false }}
providers:
  lab: {{ preset: openai-compatible,
    base_url: "{scheme}://{host}:{upstream}/v1", api_key: sk-upstream{ca} }}
targets:
  small: {{ provider: lab, model: small-1, tier: budget, latency_ms: 100, context_tokens: 32000,
    price: {{ input_per_mtok: 0.1, output_per_mtok: 0.4 }} }}
  middle: {{ provider: lab, model: middle-1, tier: mid, latency_ms: 200, context_tokens: 128000,
    price: {{ input_per_mtok: 1, output_per_mtok: 4 }} }}
  strong: {{ provider: lab, model: strong-1, tier: premium, latency_ms: 300, context_tokens: 200000,
    price: {{ input_per_mtok: 5, output_per_mtok: 25 }} }}
routes:
  auto: {{ baseline: strong, max_latency_ms: 5000, max_cost_usd: 1,
    tasks: {{ classification: [small, middle], reasoning: {{ prefer: [strong] }} }} }}
ledger: {{ path: {directory}/ledger.db }}
"""


class Gateway(Server):
    """The program under test: `auto` over three targets, journal, ledger writer, metrics."""

    name = "sluice"

    def __init__(
        self,
        upstream,
        workers=1,
        scheme="http",
        ca_file=None,
        wrapper=(),
        core=machine.GATEWAY_CORE,
    ):
        port = free_port()
        directory = os.path.join(BUILD, "sluice")
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        self.config = os.path.join(directory, "sluice.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(
                CONFIG.format(
                    port=port,
                    upstream=upstream,
                    scheme=scheme,
                    directory=directory,
                    host="localhost" if ca_file else "127.0.0.1",
                    ca=f", ca_file: {ca_file}" if ca_file else "",
                    workers=f", workers: {workers}" if workers else "",
                )
            )
        self.started = time.monotonic()
        super().__init__(
            [*wrapper, os.path.abspath(PROGRAM), "serve", "-c", self.config], port, core
        )

    def metric(self, name):
        _, body = http1.get(self.port, "/metrics", 30)
        for line in body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return None


PROGRAM = "build/release/sluice"
