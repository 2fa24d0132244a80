# SPDX-License-Identifier: Apache-2.0
"""Instructions of user and kernel by thread, counted in an emulated machine.

There are machines without hardware counters, virtual ones most of all. QEMU's emulator (TCG) sees
every instruction: `guest/count.c`, a plugin of it, counts them by thread and says how. The guest
is Debian's cloud kernel with `guest/init.c` as its only program; it has one processor, a disk with
ext4 for the journal and the ledger, and no network but its loopback. Time goes on by 1 ns with
each instruction (-icount shift=0), so that timers, ticks and the scheduler come as often for one
server as for the other, and the load of the machine outside has no part in the figures.

What stands in for hardware counters must be held against something: the guest's first program
executes a loop of known length, whose instructions must be found to one in a thousand and take as
many nanoseconds on the thread's own clock; and the user instructions agree with those of callgrind
(section `instr`).

All threads run on one processor. A server that is busy on a processor of its own finds many
requests waiting; so that it finds them here too, waking does not preempt (SCHED_BATCH). Either way
there is one epoll_wait for about 20 requests, and the server hardly ever sleeps.

What is charged to a thread is what runs while it has the processor, as with hardware counters: its
program, its system calls, page faults, the timer ticks that meet it, and the receiving side of what
it sends on the loopback, which the kernel handles before send() returns (so a server pays for the
delivery to its peers, and they for the delivery to it). The kernel's own threads (ksoftirqd,
journal of the file system) are nobody's.
"""

import glob
import os
import re
import shutil
import stat
import subprocess

import servers

SOURCES = os.path.join(servers.HERE, "guest")
ROOT = os.path.join(servers.BUILD, "guest")
SECONDS = 600
EMULATOR_VERSIONS = (7, 8)  # version 9 dropped what count.c uses of the plugin interface
UPSTREAM_PORT, NGINX_PORT, GATEWAY_PORT = 9000, 8000, 8001
KERNEL_PACKAGE = "linux-image-cloud-amd64"
KERNEL_ARGUMENTS = (
    "console=ttyS0 quiet nokaslr panic=-1 clocksource=tsc tsc=reliable tsc_early_khz=1000000 "
    "random.trust_cpu=on"
)
ACCOUNTS = {
    "etc/passwd": b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
    "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
    "etc/hosts": b"127.0.0.1 localhost\n",
}
DIRECTORIES = ("data", "dev", "proc", "tmp", "var/lib/nginx", "var/log/nginx")


class Missing(Exception):
    """Something that cannot be had here."""


class Case:
    """`count` requests over `connections`; `server` is "nginx" or "sluice"."""

    def __init__(self, name, server, body, connections, warm, count, upstream=(), buffering="on"):
        self.name = f"{server}-{name}"
        self.server = server
        self.body = body
        self.connections = connections
        self.warm = warm
        self.count = count
        self.upstream = upstream
        self.buffering = buffering

    def files(self):
        """The configuration of this case: {path: bytes}."""
        directory = f"/data/{self.name}"
        if self.server == "nginx":
            path = servers.fill(
                "nginx.conf.in",
                os.path.join(ROOT, "nginx.conf"),
                directory=directory,
                upstream=UPSTREAM_PORT,
                port=NGINX_PORT,
                buffering=self.buffering,
                scheme="http",
            )
            return {f"{self.name}.conf": read(path)}
        text = servers.CONFIG.format(
            port=GATEWAY_PORT,
            upstream=UPSTREAM_PORT,
            scheme="http",
            directory=directory,
            host="127.0.0.1",
            ca="",
            workers=", workers: 1",
        )
        return {f"{self.name}.conf": text.encode()}

    def line(self):
        """Its line of the plan; see guest/init.c."""
        nginx = self.server == "nginx"
        command = ["/nginx", "-c"] if nginx else ["/sluice", "serve", "-c"]
        words = [
            self.name,
            NGINX_PORT if nginx else GATEWAY_PORT,
            self.connections,
            self.warm,
            self.count,
            "/" + os.path.basename(self.body),
            "/upstream",
            "--port",
            UPSTREAM_PORT,
            *self.upstream,
            "--",
            *command,
            f"/{self.name}.conf",
        ]
        return " ".join(map(str, words)) + "\n"


class Counts:
    """Instructions and system calls of one case, per request."""

    def __init__(self, threads, requests):
        def total(of, *fields):
            return sum(threads[t][f] for t in of for f in fields) / requests

        # The busiest thread is the loop.
        loop = [max(threads, key=lambda t: threads[t]["user"] + threads[t]["kernel"])]
        self.user, self.kernel = total(loop, "user"), total(loop, "kernel")
        self.loop = total(loop, "user", "kernel")
        self.whole = total(threads, "user", "kernel")
        self.syscalls = total(threads, "syscalls")
        self.threads = {t: total([t], "user", "kernel") for t in threads}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def run_quietly(command, what, **options):
    result = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        **options,
    )
    if result.returncode != 0:
        raise Missing(f"{what}: {result.stdout.strip()[-300:]}")
    return result.stdout


def find_program(name, *places):
    found = shutil.which(name) or next(filter(os.path.exists, places), None)
    if found is None:
        raise Missing(f"{name} is not installed")
    return found


def find_emulator():
    name = "qemu-system-x86_64"
    if shutil.which(name) is None:
        run_quietly(["sh", "tools/setup.sh", "--bench"], "installing qemu-system-x86")
    program = find_program(name)
    version = re.search(r"version (\d+)\.", run_quietly([program, "--version"], name))
    if version is None or int(version.group(1)) not in EMULATOR_VERSIONS:
        raise Missing(f"{name} is not of a version whose plugins count.c knows")
    return program


def find_kernel():
    """Debian's kernel for virtual machines, unpacked below build/, not installed."""
    place = os.path.join(ROOT, "kernel")
    if not glob.glob(os.path.join(place, "boot", "vmlinuz-*")):
        find_program("apt-get")
        find_program("dpkg-deb")
        os.makedirs(place, exist_ok=True)
        depends = run_quietly(["apt-cache", "depends", KERNEL_PACKAGE], KERNEL_PACKAGE)
        name = re.search(r"Depends: (linux-image-\S+)", depends)
        if name is None:
            raise Missing(f"there is no {KERNEL_PACKAGE}")
        run_quietly(["apt-get", "download", name.group(1)], "the kernel", cwd=place)
        package = glob.glob(os.path.join(place, "linux-image-*.deb"))[0]
        run_quietly(["dpkg-deb", "-x", package, place], "the kernel")
    return glob.glob(os.path.join(place, "boot", "vmlinuz-*"))[0]


def libraries(program):
    text = run_quietly(["ldd", program], program)
    return re.findall(r"(/\S+) \(0x", text)


def compile_sources():
    """(the guest's first program, the plugin, the upstream)"""
    first, plugin = os.path.join(ROOT, "init"), os.path.join(ROOT, "count.so")
    upstream = os.path.join(ROOT, "upstream")
    base = ["cc", "-O2", "-std=gnu17", "-D_GNU_SOURCE", "-o"]
    shared = ["-shared", "-fPIC", "-fvisibility=hidden"]
    run_quietly([*base, first, "-static", os.path.join(SOURCES, "init.c")], "init.c")
    run_quietly([*base, plugin, *shared, os.path.join(SOURCES, "count.c")], "count.c")
    run_quietly([*base, upstream, os.path.join(servers.HERE, "load", "upstream.c")], "upstream.c")
    return first, plugin, upstream


def write_archive(path, files):
    """An initial file system in the form that the kernel takes (cpio, "newc")."""
    entries = dict.fromkeys(DIRECTORIES)
    entries.update(files)
    for name in list(entries):
        while os.path.dirname(name):
            name = os.path.dirname(name)
            entries[name] = None
    with open(path, "wb") as file:
        # Sorted: a directory comes before what is in it.
        for number, name in enumerate([*sorted(entries), "TRAILER!!!"], 1):
            data = entries.get(name)
            mode = (stat.S_IFDIR if data is None else stat.S_IFREG) | 0o755
            size = len(data or b"")
            fields = (number, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name) + 1, 0)
            head = b"070701" + b"".join(b"%08x" % field for field in fields)
            head += name.encode() + b"\0"
            file.write(head + bytes(-len(head) % 4))
            file.write((data or b"") + bytes(-size % 4))


def prepare(cases):
    """The command that runs the guest."""
    kernel, emulator = find_kernel(), find_emulator()
    make_disk = find_program("mkfs.ext4", "/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4")
    first, plugin, upstream = compile_sources()
    nginx = find_program("nginx", "/usr/sbin/nginx")
    programs = {"sluice": servers.PROGRAM, "nginx": nginx, "upstream": upstream}
    files = {name: read(path) for name, path in programs.items()}
    for path in programs.values():
        files.update({library.lstrip("/"): read(library) for library in libraries(path)})
    files.update({**ACCOUNTS, "init": read(first)})
    for case in cases:
        files.update({os.path.basename(case.body): read(case.body), **case.files()})
    files["plan"] = "".join(case.line() for case in cases).encode()
    archive, disk = os.path.join(ROOT, "initrd"), os.path.join(ROOT, "disk")
    write_archive(archive, files)
    with open(disk, "wb") as file:
        file.truncate(1 << 30)
    run_quietly([make_disk, "-q", "-F", disk], "mkfs.ext4")
    command = [emulator, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]
    # Without la57 the kernel's addresses are where count.c expects them.
    command += ["-machine", "pc", "-cpu", "max,la57=off", "-smp", "1", "-m", "1024"]
    command += ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-rtc", "clock=vm"]
    command += ["-drive", f"file={disk},format=raw,if=none,id=disk,cache=unsafe"]
    command += ["-device", "nvme,drive=disk,serial=1", "-serial", "stdio"]
    command += ["-kernel", kernel, "-initrd", archive, "-append", KERNEL_ARGUMENTS]
    return [*command, "-plugin", f"{plugin},out={os.path.join(ROOT, 'counts')}"]


def read_counts():
    """What the plugin wrote: for each pair of marks {thread: its counts}."""
    blocks = []
    for block in read(os.path.join(ROOT, "counts")).decode().strip().split("\n\n"):
        threads = {}
        for line in block.splitlines():
            name, *numbers = line.split()
            entry = threads.setdefault(name, dict.fromkeys(("user", "kernel", "syscalls"), 0))
            for field, number in zip(entry, numbers):
                entry[field] += int(number)
        blocks.append(threads)
    return blocks


def check_loop(console, counts):
    """The loop of known length, as counted and as the guest's clock has it."""
    length, nanoseconds = map(int, re.search(r"^LOOP (\d+) \S+ (\d+)", console, re.M).groups())
    user, kernel = counts["count-init"]["user"], counts["count-init"]["kernel"]
    if abs(user - length) > length / 1000 or abs(nanoseconds - user - kernel) > length / 1000:
        raise RuntimeError(f"of {length} instructions {user} were counted, in {nanoseconds} ns")


def run(cases):
    """{name of the case: Counts}"""
    os.makedirs(ROOT, exist_ok=True)
    command = prepare(cases)
    with open(os.path.join(ROOT, "console"), "wb+") as file:
        try:
            status = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=SECONDS,
            ).returncode
        except subprocess.TimeoutExpired:
            status = f"no end after {SECONDS} seconds"
        file.seek(0)
        console = file.read().decode(errors="replace").replace("\r", "")
    if status != 0 or not re.search(r"^DONE$", console, re.M):
        raise RuntimeError(f"the guest failed ({status}):\n{console[-2000:]}")
    counts = read_counts()
    check_loop(console, counts[0])
    found = {}
    for case, block in zip(cases, counts[1:]):
        names = set(re.findall(rf"^THREAD {case.name} (\S+)$", console, re.M))
        requests = int(re.search(rf"^CASE {case.name} (\d+)$", console, re.M).group(1))
        found[case.name] = Counts({t: c for t, c in block.items() if t in names}, requests)
    return found
