# SPDX-License-Identifier: Apache-2.0
"""The sections of the benchmark: one function each, which says how its figures are taken."""

import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time

import guest
import load
import machine
import servers
from harness import http1
from servers import Gateway, Nginx, TlsUpstream, Upstream


class Bench:
    """What all sections need: the table, and how long and how often to measure."""

    def __init__(self, table, rounds, seconds, long_form):
        self.table = table
        self.rounds = rounds
        self.seconds = seconds
        self.long_form = long_form
        self.small = load.make_body(1400, False)
        self.large = load.make_body(20000, False)
        self.stream = load.make_body(1400, True)

    def paired(self, makers, body, connections):
        """Rounds in which each server is started, warmed for a second and measured:
        {name: [results]}. The order alternates, so that a drift of the machine meets both."""
        results = {name: [] for name, _ in makers}
        for number in range(self.rounds):
            for name, make in makers if number % 2 == 0 else reversed(makers):
                with make() as server:
                    load.wrk(server.port, body, connections, 1)
                    results[name].append(load.measured(server, body, connections, self.seconds))
        return results


def ratios(results, field, over="nginx", what="sluice", other=None):
    return [a[field] / b[other or field] for a, b in zip(results[what], results[over])]


def rows(bench, section, results, bar):
    table = bench.table
    for name in results:
        table.add(section, f"{name}: CPU per request", [r["cpu_us"] for r in results[name]], "us")
        table.add(section, f"{name}: requests per second", [r["rate"] for r in results[name]])
    table.add(
        section, "CPU per request, loop / nginx", ratios(results, "loop_us", other="cpu_us"), "x"
    )
    table.add(
        section, "CPU per request, whole process / nginx", ratios(results, "cpu_us"), "x", bar
    )


def json_load(bench):
    """1.4 KB request, 1 KB answer, 64 connections, kept alive. CPU from
    /proc/PID/task/*/schedstat, of the busiest thread (the one loop) and of the whole
    process."""
    with Upstream() as upstream:
        makers = [
            ("nginx", lambda: Nginx(upstream.port)),
            ("sluice", lambda: Gateway(upstream.port)),
        ]
        rows(bench, "json", bench.paired(makers, bench.small, 64), 1.3)


def body20k(bench):
    """The same with a 20 KB request."""
    with Upstream() as upstream:
        makers = [
            ("nginx", lambda: Nginx(upstream.port)),
            ("sluice", lambda: Gateway(upstream.port)),
        ]
        rows(bench, "body20k", bench.paired(makers, bench.large, 64), None)


def connections(bench):
    """1,000 connections against 64, each server with itself: what a request costs more when there
    are many."""
    with Upstream() as upstream:
        for name, make in (
            ("nginx", lambda: Nginx(upstream.port)),
            ("sluice", lambda: Gateway(upstream.port)),
        ):
            found = {64: [], 1000: []}
            for number in range(bench.rounds):
                for count in (64, 1000) if number % 2 == 0 else (1000, 64):
                    with make() as server:
                        load.wrk(server.port, bench.small, count, 1)
                        found[count].append(
                            load.measured(server, bench.small, count, bench.seconds)
                        )
            many = [a["cpu_us"] / b["cpu_us"] for a, b in zip(found[1000], found[64])]
            bench.table.add(
                "conns", f"{name}: CPU per request at 1,000 connections / at 64", many, "x"
            )


def tls(bench):
    """TLS to the upstream (an nginx that answers 1 KB, RSA-2048, warm pooled connections), 48
    connections. The gateway verifies the certificate, nginx does not."""
    answer = (
        '{"id":"c","object":"chat.completion","choices":[{"index":0,"message":'
        '{"role":"assistant","content":"'
        + "x" * 850
        + '"},"finish_reason":"stop"}],"usage":{"prompt_tokens":300,"completion_tokens":200}}'
    )
    with TlsUpstream(answer) as upstream:
        makers = [
            ("nginx", lambda: Nginx(upstream.port, scheme="https")),
            (
                "sluice",
                lambda: Gateway(upstream.port, scheme="https", ca_file=upstream.certificate),
            ),
        ]
        rows(bench, "tls", bench.paired(makers, bench.small, 48), 1.0)


def stream(bench):
    """200 clients, streams of 100 events, one per 10 ms (20,000 events a second); nginx with
    proxy_buffering off."""
    with Upstream("--events", 100, "--pace-us", 10000) as upstream:
        makers = [
            ("nginx", lambda: Nginx(upstream.port, buffering="off")),
            ("sluice", lambda: Gateway(upstream.port)),
        ]
        seconds, bench.seconds = bench.seconds, max(4, bench.seconds)
        results = bench.paired(makers, bench.stream, 200)
        bench.seconds = seconds
        for name in results:
            bench.table.add(
                "stream", f"{name}: CPU per event", [r["cpu_us"] / 100 for r in results[name]], "us"
            )
            bench.table.add(
                "stream", f"{name}: events per second", [r["rate"] * 100 for r in results[name]]
            )
        bench.table.add(
            "stream", "CPU per event, whole process / nginx", ratios(results, "cpu_us"), "x", 1.15
        )


def fidelity(bench):
    """One stream of 40 events at 50 ms: how often the client reads, and the longest time between
    two reads. The best of six: a machine that stalls is not the gateway's doing; what the upstream
    alone shows stands beside it."""
    with Upstream("--events", 40, "--pace-us", 50000) as upstream, Gateway(upstream.port) as server:
        for name, port in (("upstream alone", upstream.port), ("sluice", server.port)):
            runs = [load.read_paced(port, bench.stream) for _ in range(6)]
            reads, gap = max(r for r, _ in runs), min(g for _, g in runs) * 1e3
            bars = (41, 60) if name == "sluice" else (None, None)
            add = bench.table.add
            add(
                "fidelity",
                f"{name}: reads of 41 writes at 50 ms",
                reads,
                "",
                bars[0],
                at_least=True,
            )
            add("fidelity", f"{name}: longest gap between reads", gap, "ms", bars[1])


def latency(bench):
    """One connection: the median of wrk, less the median of the same load sent to the upstream
    itself."""
    with Upstream() as upstream:
        makers = [
            ("nginx", lambda: Nginx(upstream.port)),
            ("sluice", lambda: Gateway(upstream.port)),
        ]
        added = {"nginx": [], "sluice": []}
        for number in range(bench.rounds):
            direct = load.wrk(upstream.port, bench.small, 1, 1)["p50_us"]
            for name, make in makers if number % 2 == 0 else reversed(makers):
                with make() as server:
                    load.wrk(server.port, bench.small, 1, 1)
                    added[name].append(
                        load.wrk(server.port, bench.small, 1, bench.seconds)["p50_us"] - direct
                    )
        for name, values in added.items():
            bench.table.add("latency", f"{name}: added to the median", values, "us")
        bench.table.add(
            "latency",
            "added, sluice / nginx",
            [a / max(b, 1) for a, b in zip(added["sluice"], added["nginx"])],
            "x",
            1.25,
        )


# --- instructions ---


# valgrind counts each byte of a `rep movsb` as an instruction; memcpy must do without it.
WITHOUT_REP = ":".join(
    f"glibc.cpu.x86_rep_{what}_threshold=1000000000" for what in ("movsb", "stosb")
)


def executed(server):
    """How many chat requests it has answered; None: it does not count them."""
    if server.name != "sluice":
        return None
    _, body = http1.get(server.port, "/metrics", 30)
    lines = body.decode().splitlines()
    counts = [line for line in lines if line.startswith("sluice_http_requests_total{")]
    return sum(int(line.split()[-1]) for line in counts if "chat/completions" in line)


class Callgrind:
    """A server under callgrind: user instructions by thread, counted between two moments of a
    running load."""

    def __init__(self, make):
        self.pattern = os.path.join(servers.BUILD, "callgrind")
        for name in os.listdir(servers.BUILD):
            if name.startswith("callgrind"):
                os.unlink(os.path.join(servers.BUILD, name))
        tool = ["--tool=callgrind", "--separate-threads=yes"]
        os.environ["GLIBC_TUNABLES"] = WITHOUT_REP
        try:
            self.server = make(["valgrind", "-q", *tool, f"--callgrind-out-file={self.pattern}"])
        finally:
            del os.environ["GLIBC_TUNABLES"]

    def control(self, what):
        subprocess.run(
            ["callgrind_control", what, str(self.server.pid)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )

    def totals(self):
        """{thread: instructions} of the last dump."""
        found = {}
        for name in os.listdir(servers.BUILD):
            match = re.fullmatch(r"callgrind\.(\d+)-(\d+)", name)
            if match is None:
                continue
            with open(
                os.path.join(servers.BUILD, name), encoding="utf-8", errors="replace"
            ) as file:
                total = re.search(r"^(?:totals|summary): ([0-9]+)", file.read(), re.M)
            if total:
                found.setdefault(int(match.group(1)), {})[match.group(2)] = int(total.group(1))
        return found[max(found)]

    def run(self, body, connections, seconds):
        """Instructions since the last dump, by thread, and the requests that were executed. The
        server counts those where it can: wrk leaves out what is under way when its time is over,
        which are many of few at 1,000 connections."""
        before = executed(self.server)
        result = load.wrk(self.server.port, body, connections, seconds, timeout=60)
        self.control("--dump")
        after = executed(self.server)
        return self.totals(), result["requests"] if after is None else after - before

    def measure(self, body, connections, seconds):
        """(loop, whole process) instructions per request: a long run less a short one, so that what
        the opening and closing of the connections costs is not charged to the requests."""
        load.wrk(self.server.port, body, connections, 1, timeout=60)
        self.control("--zero")
        short, few = self.run(body, connections, 2)
        long, many = self.run(body, connections, seconds)
        spent = [long[t] - short.get(t, 0) for t in long]
        return max(spent) / (many - few), sum(spent) / (many - few)


def count_user(make, body, connections, seconds):
    """Instructions per request: user and kernel by hardware counters where there are any, else
    those of the user by callgrind."""
    if machine.counters_supported():
        with make(()) as server:
            load.wrk(server.port, body, connections, 1)
            perf = machine.Perf(server.pid, ["instructions"])
            result = load.wrk(server.port, body, connections, seconds)
            counts = perf.stop()["instructions"]
        return max(counts) / result["requests"], sum(counts) / result["requests"]
    run = Callgrind(make)
    with run.server:
        return run.measure(body, connections, max(seconds, 6))


def instruction_pair(bench, section, body, connections, nginx, gateway, bars, per=1):
    # The bars are for user and kernel together.
    loop_bar, whole_bar = bars if machine.counters_supported() else (None, None)
    reference, _ = count_user(nginx, body, connections, bench.seconds)
    loop, whole = count_user(gateway, body, connections, bench.seconds)
    unit = "event" if per > 1 else "request"
    what = "instructions" if machine.counters_supported() else "user instructions"
    add = bench.table.add
    add(section, f"nginx: {what} per {unit}", reference / per)
    add(section, f"sluice, loop: {what} per {unit}", loop / per)
    add(section, f"sluice, whole process: {what} per {unit}", whole / per)
    stretch = 0.8 if loop_bar is not None else None
    add(section, f"{what}, loop / nginx", loop / reference, "x", loop_bar, stretch=stretch)
    add(section, f"{what}, whole process / nginx", whole / reference, "x", whole_bar)
    return loop


def syscall_rows(bench, section, body, connections, makers, per=1):
    for name, make in makers:
        with make(()) as server:
            load.wrk(server.port, body, connections, 1)
            calls, result = machine.count_syscalls(
                server.pid, lambda: load.wrk(server.port, body, connections, 6)
            )
            if calls is not None and result["requests"] > 0:
                bench.table.add(
                    section,
                    f"{name}: system calls per {'event' if per > 1 else 'request'}",
                    calls / result["requests"] / per,
                )


def instructions(bench):
    """Instructions per request, by hardware counters. Where there are none: those of the user by
    callgrind, which sees no kernel; therefore the system calls, counted by strace, stand beside
    them, and the bars are held against the section icount."""
    if not machine.counters_supported() and shutil.which("valgrind") is None:
        bench.table.skip("instr", "neither hardware counters nor valgrind")
        return
    with Upstream() as upstream:

        def nginx(wrapper):
            return Nginx(upstream.port, wrapper=wrapper)

        def gateway(wrapper):
            return Gateway(upstream.port, wrapper=wrapper)

        few = instruction_pair(bench, "instr", bench.small, 64, nginx, gateway, (1.0, 1.5))
        syscall_rows(bench, "instr", bench.small, 64, [("nginx", nginx), ("sluice", gateway)])
        many, _ = count_user(gateway, bench.small, 1000, bench.seconds)
        what = "instructions" if machine.counters_supported() else "user instructions"
        bar = 1.1 if machine.counters_supported() else None
        bench.table.add("instr", f"{what} at 1,000 connections / at 64", many / few, "x", bar)
        instruction_pair(bench, "instr20k", bench.large, 64, nginx, gateway, (1.5, None))


def instructions_stream(bench):
    """Instructions and system calls per event: 50 clients, 100 events each, one per 20 ms."""
    if not machine.counters_supported() and shutil.which("valgrind") is None:
        bench.table.skip("instrsse", "neither hardware counters nor valgrind")
        return
    with Upstream("--events", 100, "--pace-us", 20000) as upstream:

        def nginx(wrapper):
            return Nginx(upstream.port, buffering="off", wrapper=wrapper)

        def gateway(wrapper):
            return Gateway(upstream.port, wrapper=wrapper)

        seconds, bench.seconds = bench.seconds, 8
        bars = (1.15, None)
        instruction_pair(bench, "instrsse", bench.stream, 50, nginx, gateway, bars, per=100)
        syscall_rows(
            bench, "instrsse", bench.stream, 50, [("nginx", nginx), ("sluice", gateway)], per=100
        )
        bench.seconds = seconds


COUNTED = (
    # section, body, connections, warm-up, requests, bars of loop and whole process, events of each
    ("icount", "small", 64, 2000, 20000, (1.0, 1.5), 1),
    ("icount20k", "large", 64, 2000, 10000, (1.5, None), 1),
    ("icount1000", "small", 1000, 4000, 20000, (None, None), 1),
    ("icountsse", "stream", 50, 100, 400, (1.15, None), 100),
)


def counted_rows(add, section, nginx, sluice, bars, per):
    unit = "event" if per > 1 else "request"
    for name, counts in (("nginx", nginx), ("sluice, loop", sluice)):
        add(section, f"{name}: instructions per {unit}", counts.loop / per)
        add(section, f"{name}: of these in the kernel", counts.kernel / per)
    for thread, spent in sorted(sluice.threads.items(), key=lambda item: -item[1])[1:3]:
        add(section, f"sluice, thread {thread}: instructions per {unit}", spent / per)
    add(section, f"sluice, whole process: instructions per {unit}", sluice.whole / per)
    add(section, f"nginx: system calls per {unit}", nginx.syscalls / per)
    add(section, f"sluice: system calls per {unit}", sluice.syscalls / per)
    loop_bar, whole_bar = bars
    add(section, "loop / nginx", sluice.loop / nginx.whole, "x", loop_bar, stretch=0.8)
    add(section, "whole process / nginx", sluice.whole / nginx.whole, "x", whole_bar)


def icount(bench):
    """Instructions of user and kernel by thread, in an emulated machine (guest.py says how they
    are counted and held against something): 1.4 KB requests at 64 connections and at 1,000, 20 KB
    requests, and streams of 100 events, one per 20 ms. What the kernel's own threads do is nobody's
    instructions here, as with hardware counters."""
    cases = []
    for section, body, connections, warm, count, _, per in COUNTED:
        upstream = ("--events", per, "--pace-us", 20000) if per > 1 else ()
        cases += [
            guest.Case(
                section,
                server,
                getattr(bench, body),
                connections,
                warm,
                count,
                upstream,
                "off" if per > 1 else "on",
            )
            for server in ("nginx", "sluice")
        ]
    try:
        found = guest.run(cases)
    except guest.Missing as problem:
        bench.table.skip("icount", str(problem))
        return
    for section, _, _, _, _, bars, per in COUNTED:
        nginx, sluice = found[f"nginx-{section}"], found[f"sluice-{section}"]
        counted_rows(bench.table.add, section, nginx, sluice, bars, per)
        if section == "icount1000":
            for name, bar in (("nginx", None), ("sluice", 1.1)):
                many, few = found[f"{name}-icount1000"], found[f"{name}-icount"]
                what = f"{name}: loop at 1,000 connections / at 64"
                bench.table.add(section, what, many.loop / few.loop, "x", bar)


# --- start and memory ---


def ready(bench):
    """From the start of the process to the first 200 of /readyz, with the default number of
    workers."""
    times = []
    with Upstream() as upstream:
        for _ in range(10):
            with Gateway(upstream.port, workers=None) as server:
                while http1.get(server.port, "/readyz")[0] != 200:
                    pass
                times.append((time.monotonic() - server.started) * 1e3)
    bench.table.add("ready", "start to the first 200 of /readyz", times, "ms", 50)


def memory(bench):
    """PSS of the process: idle after one call, and with 1,000 and 5,000 streams open that say
    nothing."""
    with Upstream("--hold") as upstream, Gateway(upstream.port, workers=None) as server:
        load.HeldStreams(server.port, bench.stream, 1).close()
        time.sleep(1.0)
        idle = machine.pss_bytes(server.pid)
        bench.table.add("memory", "idle PSS", idle / 2**20, "MB", 12)
        alone = machine.rss_bytes(server.pid)
        bench.table.add("memory", "idle RSS, shared pages counted whole", alone / 2**20, "MB")
        for count in (1000, 5000):
            held = load.HeldStreams(server.port, bench.stream, count)
            time.sleep(1.0)
            each = (machine.pss_bytes(server.pid) - idle) / count / 1024
            bench.table.add(
                "memory", f"PSS per idle stream, {count} of them", each, "KB", 18, stretch=9
            )
            held.close()
            time.sleep(2.0)
        bench.table.add(
            "memory", "PSS after they left", machine.pss_bytes(server.pid) / 2**20, "MB"
        )


# --- the ledger ---


def ledger(bench):
    """How far the database is behind while wrk calls as fast as it can: the largest age of a record
    not yet written, asked every 200 ms; 15 s, in the long form 10 minutes."""
    seconds = 600 if bench.long_form else 15
    section = "ledger" + ("-long" if bench.long_form else "")
    with Upstream() as upstream, Gateway(upstream.port) as server:
        lags = []

        def run():
            body = bench.small
            process = subprocess.Popen(
                machine.pinned(
                    machine.LOAD_CORE,
                    [
                        "wrk",
                        "-t1",
                        "-c64",
                        f"-d{seconds}s",
                        "-s",
                        os.path.join(servers.HERE, "load", "post.lua"),
                        f"http://127.0.0.1:{server.port}/v1/chat/completions",
                    ],
                ),
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "BODY_FILE": body},
            )
            while process.poll() is None:
                lags.append(server.metric("sluice_ledger_lag_seconds") or 0.0)
                time.sleep(0.2)
            return process.stdout.read()

        text = run()
        requests = int(re.search(r'"requests":(\d+)', text).group(1))
        refused = server.metric("sluice_ledger_refused_total")
        bench.table.add(section, "calls per second meanwhile", requests / seconds)
        bench.table.add(section, "largest lag of the database", max(lags), "s", 1.0)
        bench.table.add(section, "records refused", refused, "", 0)


def history(bench):
    """The start, what reports and dashboards ask, and verify with a ledger of 90 days and 1,000
    keys (tests/bench/history_bench.c): 200,000 calls, in the long form 10 million (a quarter of an
    hour, 2.5 GB). Medians of five questions; two starts."""
    calls = 10_000_000 if bench.long_form else 200_000
    section = "history" + ("-long" if bench.long_form else "")
    program = layer_program("history_bench")
    if program is None:
        bench.table.skip("history", "build/release/bench/history_bench is not built")
        return
    with tempfile.TemporaryDirectory(dir=servers.BUILD) as directory:
        text = subprocess.run(
            [program, directory, str(calls)], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    bench.table.add(section, "calls in the ledger", calls)
    for line in text.splitlines():
        name, value, unit = re.match(r"(.+?) {2,}([0-9.]+) ?(\S*)$", line.strip()).groups()
        timed = unit == "ms"
        bench.table.add(section, name, float(value), unit, 200.0 if timed else None)


def budget(bench):
    """What a call's limits cost: its key found, four scopes with caps and rates, a hold and its
    settle (tests/bench/budget_bench.c)."""
    program = layer_program("budget_bench")
    if program is None:
        bench.table.skip("budget", "build/release/bench/budget_bench is not built")
        return
    text = subprocess.run(
        [program], cwd=servers.BUILD, stdout=subprocess.PIPE, text=True, timeout=300, check=True
    ).stdout
    for line in text.splitlines():
        name, value, unit = re.match(r"(.+?) {2,}([0-9.]+) ?(\S*)$", line.strip()).groups()
        bar = 3.0 if unit == "us" else 0 if name.startswith("refused") else None
        bench.table.add("budget", name, float(value), unit, bar)


# --- single layers ---


def micro(bench):
    """Decision and journal, from the programs tests/bench/*_bench.c."""
    workload = os.path.abspath(os.path.join("data", "workload", "mixed.jsonl"))
    for name, section, arguments in (
        ("route_bench", "route", [workload]),
        ("store_bench", "journal", []),
    ):
        program = os.path.join("build", "release", "bench", name)
        subprocess.run(
            ["make", program], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if not os.path.exists(program):
            bench.table.skip(section, f"{program} is not built")
            continue
        result = subprocess.run(
            machine.pinned(machine.GATEWAY_CORE, [os.path.abspath(program), *arguments]),
            cwd=servers.BUILD,
            stdout=subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )
        read_micro(bench, section, result.stdout)


def read_micro(bench, section, text):
    for line in text.splitlines():
        match = re.match(
            r"(.+?) {2,}features +(\d+) ns +classify +(\d+) ns +plan +(\d+) ns +all +(\d+) ns +"
            r"\(.*, (\d+) bytes\)",
            line,
        )
        if match:
            size = int(match.group(6))
            bar = 3 if 1200 <= size <= 1700 else 200 if size > 150000 else None
            bench.table.add(
                section,
                f"decision, {match.group(1).strip()} ({size} bytes)",
                int(match.group(5)) / 1e3,
                "us",
                bar,
            )
            continue
        match = re.match(r"(.+?) {2,}([0-9.]+) (\S+)$", line.strip())
        if match:
            name, value, unit = match.group(1), float(match.group(2)), match.group(3)
            bar = None
            if "append" in name and "median" in name:
                bar = 2.0 if unit == "us" else 2000.0
            elif name.endswith("p99.9") and "append" in name:
                bar = 1000.0 if unit == "us" else 1.0
            elif name.startswith("decision, ") and name.endswith(" p99"):
                bar = 200.0 if "200 KB" in name else 30.0
            elif name.startswith("decision, prompts") and name.endswith(" median"):
                bar = 3.0
            bench.table.add(section, name, value, unit, bar)


def layer_program(name):
    """Builds tests/bench/NAME.c and gives its path, or None."""
    program = os.path.join("build", "release", "bench", name)
    subprocess.run(
        ["make", program], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return os.path.abspath(program) if os.path.exists(program) else None


def translate(bench):
    """What translation costs, for every pair of dialects (tests/bench/dialect_bench.c): a request's
    bytes read in the client's dialect and written in the provider's; a streamed event encoded for
    the client, beyond decoding it; memory taken for it. Figures are medians of the rounds of each
    pair, min .. max are over the pairs."""
    program = layer_program("dialect_bench")
    if program is None:
        bench.table.skip("translate", "dialect_bench is not built")
        return
    found = {"2 KB": {}, "200 KB": {}, "beyond": {}, "taken": {}}
    for _ in range(bench.rounds):
        text = subprocess.run(
            machine.pinned(machine.GATEWAY_CORE, [program]),
            stdout=subprocess.PIPE,
            text=True,
            timeout=300,
            check=True,
        ).stdout
        for size, pair, us in re.findall(r"request (.+): (\S+ -> \S+)  ([0-9.]+) us", text):
            found[size].setdefault(pair, []).append(float(us))
        for pair, us, taken in re.findall(
            r"event: (\S+ -> \S+)  (-?[0-9.]+) us beyond .*, ([0-9.]+) allocations", text
        ):
            found["beyond"].setdefault(pair, []).append(float(us))
            found["taken"].setdefault(pair, []).append(float(taken))
    pairs = {
        kind: {pair: statistics.median(values) for pair, values in of.items()}
        for kind, of in found.items()
    }

    def pair_rows(kind, name, bar):
        worst = max(pairs[kind], key=pairs[kind].get)
        bench.table.add("translate", f"{name}, all pairs", list(pairs[kind].values()), "us")
        bench.table.add(
            "translate", f"{name}, worst pair ({worst})", pairs[kind][worst], "us", bar
        )

    pair_rows("2 KB", "request of 2 KB", 15)
    pair_rows("200 KB", "request of 200 KB", 1000)
    pair_rows("beyond", "streamed event beyond decoding", 1.0)
    # A Responses stream ends with its whole text, so that is kept: its buffer doubles now and then.
    keeps = {pair: n for pair, n in pairs["taken"].items() if pair.endswith("-> openai-responses")}
    rest = [n for pair, n in pairs["taken"].items() if pair not in keeps]
    bench.table.add("translate", "allocations per event, worst pair", max(rest), "", 0)
    bench.table.add(
        "translate",
        "allocations per event, to Responses",
        max(keeps.values()),
        note="the text that its last events repeat is kept; the buffer doubles",
    )


# --- a peer ---


class Portkey(servers.Server):
    name = "portkey"

    def __init__(self, module):
        port = servers.free_port()
        super().__init__(
            [
                "node",
                os.path.join(module, "build", "start-server.js"),
                f"--port={port}",
                "--headless",
            ],
            port,
            machine.GATEWAY_CORE,
        )


def install_portkey():
    root = os.path.abspath(os.path.join("build", "peers"))
    module = os.path.join(root, "node_modules", "@portkey-ai", "gateway")
    if not os.path.exists(module):
        os.makedirs(root, exist_ok=True)
        result = subprocess.run(
            [
                "npm",
                "install",
                "--no-audit",
                "--no-fund",
                "--prefix",
                root,
                "@portkey-ai/gateway@1.15.2",
            ],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=300,
        )
        if result.returncode != 0:
            return None
    return module if os.path.exists(module) else None


def peer(bench):
    """npm @portkey-ai/gateway on the same load: requests per CPU-second at 32 connections, added
    latency at one."""
    module = install_portkey() if shutil.which("npm") else None
    if module is None:
        bench.table.skip("peer", "@portkey-ai/gateway is not installed and cannot be")
        return
    with Upstream() as upstream:
        headers = {
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{upstream.port}/v1",
        }
        os.environ["EXTRA_HEADERS"] = "\n".join(f"{k}: {v}" for k, v in headers.items())
        makers = [("portkey", lambda: Portkey(module)), ("sluice", lambda: Gateway(upstream.port))]
        rounds, bench.rounds = bench.rounds, min(3, bench.rounds)
        try:
            results = bench.paired(makers, bench.small, 32)
            for name in results:
                bench.table.add(
                    "peer", f"{name}: CPU per request", [r["cpu_us"] for r in results[name]], "us"
                )
            bench.table.add(
                "peer",
                "requests per CPU-second, sluice / portkey",
                [1 / r for r in ratios(results, "cpu_us", over="portkey")],
                "x",
                40,
                at_least=True,
            )
            direct = statistics.median(
                load.wrk(upstream.port, bench.small, 1, 1)["p50_us"] for _ in range(3)
            )
            added = {}
            for name, make in makers:
                with make() as server:
                    load.wrk(server.port, bench.small, 1, 1)
                    added[name] = (
                        load.wrk(server.port, bench.small, 1, bench.seconds)["p50_us"] - direct
                    )
                    bench.table.add("peer", f"{name}: added to the median", added[name], "us")
            bench.table.add(
                "peer",
                "added latency, sluice / portkey",
                added["sluice"] / added["portkey"],
                "x",
                0.1,
            )
        finally:
            bench.rounds = rounds
            del os.environ["EXTRA_HEADERS"]


SECTIONS = {
    "json": json_load,
    "instr": instructions,
    "icount": icount,
    "body20k": body20k,
    "conns": connections,
    "tls": tls,
    "stream": stream,
    "instrsse": instructions_stream,
    "fidelity": fidelity,
    "latency": latency,
    "ready": ready,
    "memory": memory,
    "ledger": ledger,
    "history": history,
    "budget": budget,
    "micro": micro,
    "translate": translate,
    "peer": peer,
}
