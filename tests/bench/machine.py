# SPDX-License-Identifier: Apache-2.0
"""What the kernel tells of a process: CPU by thread, memory, system calls, instructions."""

import glob
import os
import platform
import re
import shutil
import subprocess
import time

GATEWAY_CORE, LOAD_CORE = 0, 1


def pinned(core, command):
    return ["taskset", "-c", str(core), *command] if os.cpu_count() > 1 else list(command)


def thread_cpu_ns(pid):
    """{thread: nanoseconds on a CPU}"""
    spent = {}
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            with open(path, encoding="ascii") as file:
                spent[path.split("/")[4]] = int(file.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return spent


def cpu_between(before, after):
    """(of the busiest thread, of the process), in nanoseconds. One worker: the busiest thread is
    its loop."""
    spent = [after[t] - before.get(t, 0) for t in after]
    return max(spent, default=0), sum(spent)


def rollup_bytes(pid, name):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(rf"^{name}: +([0-9]+) kB", file.read(), re.M).group(1)) * 1024


def pss_bytes(pid):
    return rollup_bytes(pid, "Pss")


def rss_bytes(pid):
    """As if no other process had the libraries mapped."""
    return rollup_bytes(pid, "Rss")


def counters_supported():
    """Are there hardware counters for instructions?"""
    if shutil.which("perf") is None:
        return False
    result = subprocess.run(
        ["perf", "stat", "-x,", "-e", "instructions", "true"],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return re.match(r"[0-9]+,", result.stderr.strip()) is not None


class Perf:
    """perf stat on a process while a load runs: {event: count}, by thread if asked."""

    def __init__(self, pid, events):
        self.process = subprocess.Popen(
            ["perf", "stat", "-x,", "--per-thread", "-e", ",".join(events), "-p", str(pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(0.2)  # perf says nothing when it has attached

    def stop(self):
        """{event: [count of each thread]}"""
        self.process.send_signal(2)
        _, text = self.process.communicate(timeout=20)
        found = {}
        for line in text.splitlines():
            fields = line.split(",")
            if len(fields) > 3 and fields[1].isdigit():
                found.setdefault(fields[3], []).append(int(fields[1]))
        return found


def count_syscalls(pid, run):
    """System calls of the process during run(): (calls, run's result). None without strace."""
    if shutil.which("strace") is None:
        return None, run()
    log = f"/tmp/sluice-bench-strace.{os.getpid()}"
    tracer = subprocess.Popen(
        ["strace", "-c", "-f", "-o", log, "-p", str(pid)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    tracer.stderr.readline()  # "strace: Process N attached"
    result = run()
    tracer.send_signal(2)
    tracer.wait(20)
    with open(log, encoding="utf-8") as file:
        total = re.search(r"^100\.00 +\S+ +\S* *([0-9]+)(?: +[0-9]+)? total", file.read(), re.M)
    os.unlink(log)
    return int(total.group(1)) if total else None, result


def describe():
    """The machine and the versions, for the record."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*: (.*)", file.read(), re.M)
        model = found.group(1) if found else model

    def version(*command):
        try:
            result = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
            return result.stdout.strip().splitlines()[0] if result.stdout.strip() else "?"
        except FileNotFoundError:
            return "not installed"

    with open("/proc/loadavg", encoding="ascii") as file:
        load = " ".join(file.read().split()[:3])
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": f"{os.cpu_count()} x {model}",
        "kernel": platform.release(),
        "load before": load,
        "nginx": version("nginx", "-v").replace("nginx version: ", ""),
        "wrk": version("wrk", "-v").split("[")[0].strip(),
        "compiler": version("gcc", "--version"),
        "commit": version("git", "rev-parse", "--short", "HEAD"),
    }
