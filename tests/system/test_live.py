"""Right: each figure, of the machine that runs the tests, agrees with another source of the same moment.

A source is read before and after the request, and the figure must lie between: whatever else this machine is
doing, a counter that only grows needs no tolerance then. What goes up and down gets one, named below. Where
others can spoil such a comparison, by what comes and goes in the middle of it, it is made again.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
import pytest

from pistat.collectors import ALL, root_filesystem
from pistat.field import Collector
from pistat.machine import cpu_times, disks
from pistat.machine.machine import Machine
from pistat.machine.mounts import NO_FILES
from support import namespaces as apart
from support.answer_shape import leaves
from support.daemon import Daemon, has_ipv6
from support.waiting import eventually, false_claims, lasting_faults

if TYPE_CHECKING:
    from support.require import Require

NOISE = 64 << 20
"""Bytes of memory or disk that other programs may take between two looks and give back again."""

WINDOW = 15.0
"""Percent by which two measurements of one second may differ because they do not begin and end together."""

FULL = 85.0
"""Percent of a core that is busy without a pause, less what a short interval leaves to chance."""

CORE = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
CPU = "fields=cpu_usage,per_cpu_usage"

Tell = Callable[..., str]
Start = Callable[..., Daemon]


@pytest.fixture
def tell(require: Require) -> Tell:
    """What a program of the system prints; a test is skipped by the name of the program that is missing."""

    def run(*command: str) -> str:
        require(shutil.which(command[0]) is not None, command[0])
        found = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=30, env={**os.environ, "LC_ALL": "C"}
        )
        return found.stdout

    return run


@pytest.fixture(scope="module")
def fresh() -> Iterator[Daemon]:
    """A daemon that keeps nothing: every answer is of the moment of its request."""
    daemon = Daemon({"PISTAT_CACHE_SECONDS": "0", "PISTAT_RATE_LIMIT_ENABLED": "no"})
    daemon.wait_until_ready()
    yield daemon
    daemon.kill()


@pytest.fixture(scope="module")
def lasting() -> Iterator[Daemon]:
    """A daemon that keeps its answers for an hour, unless asked not to."""
    daemon = Daemon({"PISTAT_CACHE_SECONDS": "3600", "PISTAT_RATE_LIMIT_ENABLED": "no"})
    daemon.wait_until_ready()
    yield daemon
    daemon.kill()


def between(value: float, one: float, other: float, slack: float = 0.0) -> bool:
    """Whether `value` lies between two readings, in whichever order they are."""
    return min(one, other) - slack <= value <= max(one, other) + slack


# Memory and disks


def free(tell: Tell) -> dict[str, dict[str, int]]:
    """The rows `Mem` and `Swap` of `free`, by column."""
    head, *rows = tell("free", "-b").splitlines()
    return {
        row.partition(":")[0]: dict(zip(head.split(), map(int, row.partition(":")[2].split()), strict=False))
        for row in rows
    }


def test_memory(shared: Daemon, tell: Tell) -> None:
    """Total and available memory are those of `free`; used is the rest, and the percentage is its share."""

    def look() -> list[str]:
        before = free(tell)["Mem"]
        memory = shared.json("/stats?cache=false&fields=memory")["memory"]
        after = free(tell)["Mem"]
        return false_claims(
            total=memory["total"] == before["total"],
            available=between(memory["available"], before["available"], after["available"], NOISE),
            used=memory["used"] == memory["total"] - memory["available"],
            percent=memory["percent"] == round(100 * memory["used"] / memory["total"], 2),
        )

    assert lasting_faults(look) == []


def test_swap(shared: Daemon, tell: Tell) -> None:
    """The swap is that of `free`; without swap there are no figures, not zeros."""

    def look() -> list[str]:
        before = free(tell)["Swap"]
        swap = shared.json("/stats?cache=false&fields=swap")["swap"]
        after = free(tell)["Swap"]
        if not before["total"]:
            return false_claims(
                none=not any(swap[name] is not None for name in ("total", "used", "free", "percent"))
            )
        return false_claims(
            total=swap["total"] == before["total"],
            used=between(swap["used"], before["used"], after["used"], NOISE),
            free=between(swap["free"], before["free"], after["free"], NOISE),
            percent=swap["percent"] == round(100 * swap["used"] / swap["total"], 2),
        )

    assert lasting_faults(look) == []


def df(tell: Tell, mountpoint: str) -> list[int]:
    """Size, used, available and whole percent of the filesystem at `mountpoint`."""
    row = tell("df", "-B1", "--output=size,used,avail,pcent", mountpoint).splitlines()[1]
    return [int(each) for each in row.replace("%", " ").split()]


def agrees_with_df(figures: dict[str, Any], before: list[int], after: list[int]) -> bool:
    """`df` rounds its percentage up; ours has two decimals and may have lost what made `df` go up by one."""
    share = figures["percent"]
    lowest, highest = math.ceil(share - 0.01), math.ceil(share + 0.01)
    moved = math.ceil(100 * NOISE / before[0])
    return (
        figures["total"] == before[0]
        and between(figures["used"], before[1], after[1], NOISE)
        and between(figures["free"], before[2], after[2], NOISE)
        and any(between(each, before[3], after[3], moved) for each in (lowest, highest))
        and share == round(100 * figures["used"] / (figures["used"] + figures["free"]), 2)
    )


def test_the_root_filesystem(shared: Daemon, tell: Tell) -> None:
    """The root filesystem's figures are those of `df`."""

    def look() -> list[Any]:
        before = df(tell, "/")
        figures = shared.json("/stats?cache=false&fields=disk")["disk"]
        after = df(tell, "/")
        return [] if agrees_with_df(figures, before, after) else [figures, before, after]

    assert lasting_faults(look) == []


def test_every_filesystem(fresh: Daemon, tell: Tell) -> None:
    """Each listed filesystem has the figures of `df`, and the root filesystem is listed."""

    def answering() -> dict[str, dict[str, Any]]:
        rows = fresh.json("/storage/devices")["devices"]
        return {row["mountpoint"]: row for row in rows if "error" not in row}

    def look() -> list[Any]:
        places = answering().keys()
        try:
            before = {place: df(tell, place) for place in places}
            rows = answering()
            after = {place: df(tell, place) for place in places}
        except subprocess.CalledProcessError as unmounted:
            return [unmounted]
        assert "/" in places
        return [*places ^ rows.keys()] + [
            (rows[place], before[place], after[place])
            for place in places & rows.keys()
            if not agrees_with_df(rows[place], before[place], after[place])
        ]

    assert lasting_faults(look) == []


def test_no_filesystem_is_missing_or_twice(shared: Daemon, tell: Tell) -> None:
    """Each disk on which `lsblk` sees a mounted filesystem with files has one row."""

    def look() -> list[Any]:
        found = json.loads(tell("lsblk", "--list", "--json", "--output", "NAME,TYPE,FSTYPE,MOUNTPOINTS"))
        listed = [row["mountpoint"] for row in shared.json("/storage/devices")["devices"]]
        assert len(listed) == len(set(listed))
        return [
            each
            for each in found["blockdevices"]
            if each["type"] != "loop" and each["fstype"] not in NO_FILES
            for places in [{place for place in each["mountpoints"] if place and place.startswith("/")}]
            if places and len(places & set(listed)) != 1
        ]

    assert lasting_faults(look) == []


def physical_disks() -> set[str]:
    """Block devices that are a piece of hardware: the kernel gives those, and only those, a `device`."""
    return {each.name for each in Path("/sys/block").iterdir() if (each / "device").exists()}


def diskstats() -> list[int]:
    """Reads, writes, bytes read and written, milliseconds reading and writing, of all physical disks."""
    disks = physical_disks()
    sums = [0] * 6
    for line in Path("/proc/diskstats").read_text().splitlines():
        _, _, name, reads, _, sectors_read, ms_read, writes, _, sectors_written, ms_written, *_ = line.split()
        if name in disks:
            row = (reads, writes, sectors_read, sectors_written, ms_read, ms_written)
            sums = [each + int(cell) for each, cell in zip(sums, row, strict=True)]
    return [*sums[:2], sums[2] * 512, sums[3] * 512, *sums[4:]]


@pytest.mark.parametrize("target", ["/stats?cache=false&fields=disk_io", "/storage/devices"])
def test_disk_counters(fresh: Daemon, require: Require, target: str) -> None:
    """The counters are the sums of the kernel's over whole disks, without partitions and stacked devices."""
    require(bool(physical_disks()), "a disk", installed=False)
    before = diskstats()
    answer = fresh.json(target)["disk_io"]
    after = diskstats()

    names = ("read_count", "write_count", "read_bytes", "write_bytes", "read_time", "write_time")
    assert tuple(answer)[: len(names)] == names
    assert sum(after) > 0
    assert all(between(answer[name], *pair) for name, *pair in zip(names, before, after, strict=True)), (
        before,
        answer,
        after,
    )


# Network


def net_dev() -> dict[str, dict[str, int]]:
    """/proc/net/dev by interface, with the columns under the names of the answers."""
    columns = [
        *("bytes_recv", "packets_recv", "errin", "dropin", "fifo", "frame", "compressed", "multicast"),
        *("bytes_sent", "packets_sent", "errout", "dropout", "fifo", "colls", "carrier", "compressed"),
    ]
    rows = (line.split(":", 1) for line in Path("/proc/net/dev").read_text().splitlines()[2:])
    return {name.strip(): dict(zip(columns, map(int, cells.split()), strict=True)) for name, cells in rows}


@pytest.mark.parametrize(
    ("target", "key"),
    [("/stats?fields=network", "network"), ("/network/interfaces", "interfaces")],
)
def test_every_interface(fresh: Daemon, target: str, key: str) -> None:
    """Each interface but the loopback has the counters of /proc/net/dev."""
    counters = (
        "bytes_sent",
        "bytes_recv",
        "packets_sent",
        "packets_recv",
        "errin",
        "errout",
        "dropin",
        "dropout",
    )

    def look() -> list[Any]:
        before = net_dev()
        found = fresh.json(target)[key]
        after = net_dev()
        names = before.keys() - {"lo"}
        return [*names ^ after.keys() - {"lo"}, *names ^ found.keys() - {"active_connections"}] + [
            (name, each)
            for name in names & found.keys() & after.keys()
            for each in counters
            if not between(found[name][each], before[name][each], after[name][each])
        ]

    assert lasting_faults(look) == []


def test_every_address(fresh: Daemon, tell: Tell) -> None:
    """Addresses, hardware address, state and mtu of each interface are those of `ip`."""

    def look() -> list[str]:
        told = {each["ifname"]: each for each in json.loads(tell("ip", "-json", "address"))}
        found = fresh.json("/network/interfaces")["interfaces"]
        del found["active_connections"]
        return [*found.keys() ^ told.keys() - {"lo"}] + [
            name for name in found.keys() & told.keys() if not is_told_so(found[name], told[name])
        ]

    assert lasting_faults(look) == []


def is_told_so(row: dict[str, Any], link: dict[str, Any]) -> bool:
    """Whether an interface is as `ip` has it."""
    addresses = {f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"]}
    return (
        set(row["addresses"]) == addresses
        and (row["mtu"], row["mac"]) == (link["mtu"], link.get("address"))
        and (link["operstate"] not in ("UP", "DOWN") or row["is_up"] is (link["operstate"] == "UP"))
    )


def established(tell: Tell) -> int:
    """Connections that `ss` sees. The kernel counts those that the other side has closed as well."""
    return len(tell("ss", "-Htn", "state", "established", "state", "close-wait").splitlines())


def active(daemon: Daemon) -> int:
    found = daemon.json("/stats?cache=false&fields=network")["network"]["active_connections"]
    assert isinstance(found, int)
    return found


@contextmanager
def connections(hosts: Iterable[str], count: int) -> Iterator[None]:
    """`count` open connections to each of `hosts`, addresses of the loopback."""
    with ExitStack() as stack:
        for host in hosts:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = stack.enter_context(closing(socket.create_server((host, 0), family=family)))
            for _ in range(count):
                client = socket.create_connection(listener.getsockname()[:2])
                stack.enter_context(closing(client))
                stack.enter_context(closing(listener.accept()[0]))
        yield


def settles(tell: Tell, ends: int) -> bool:
    """Whether so many ends are open when the connection of the last question is closed."""
    return eventually(lambda: established(tell) == ends)


ASKING = 2
"""The ends of the connection over which the question comes."""


@pytest.mark.parametrize("hosts", [["127.0.0.1"], ["::1"], ["127.0.0.1", "::1"]], ids="+".join)
def test_active_connections(start: Start, tell: Tell, require: Require, hosts: list[str]) -> None:
    """In a network of its own the count is exact: both ends of what is open, and of the question."""
    require(apart.possible(), "root", installed=False)
    with apart.own_network():
        require("::1" not in hosts or has_ipv6(), "IPv6", installed=False)
        daemon = start()
        for count in (0, 100, 0):
            with connections(hosts, count):
                ends = 2 * count * len(hosts)
                assert settles(tell, ends)
                assert active(daemon) == ends + ASKING


def test_active_connections_among_others(shared: Daemon) -> None:
    """Whatever else is open on this machine, 100 connections count for both of their ends."""
    with connections(["127.0.0.1"], 100):
        assert active(shared) >= 200 + ASKING


# Time


def test_uptime(shared: Daemon) -> None:
    """The uptime is that of the kernel; of /health, too."""
    for target in ("/stats?cache=false&fields=uptime", "/health"):
        before = float(Path("/proc/uptime").read_text().split()[0])
        uptime = shared.json(target)["uptime"]
        after = float(Path("/proc/uptime").read_text().split()[0])
        assert between(uptime, before, after, 0.02)


def test_load(shared: Daemon) -> None:
    """The load averages are those of /proc/loadavg, which changes every five seconds."""

    def look() -> list[Any]:
        before = Path("/proc/loadavg").read_text().split()[:3]
        load = shared.json("/stats?cache=false&fields=load_avg")["load_avg"]
        after = Path("/proc/loadavg").read_text().split()[:3]
        agrees = load in [[float(each) for each in text] for text in (before, after)]
        return [] if agrees else [before, load, after]

    assert lasting_faults(look) == []


@pytest.mark.parametrize(
    "target",
    [
        "/stats?cache=false",
        "/stats?cache=false&fields=timestamp",
        "/stats?block=true&cache=false&fields=timestamp",
        "/stats?block=true&cache=false&fields=timestamp,cpu_usage",
    ],
)
def test_a_fresh_timestamp(lasting: Daemon, target: str) -> None:
    """With cache=false, the time of collection lies between the request and the answer."""
    lasting.json(target)

    def look() -> list[str]:
        before = time.time()
        timestamp = lasting.json(target)["timestamp"]
        return false_claims(between=before <= timestamp <= time.time())

    assert lasting_faults(look) == [], "a wall clock that is set meanwhile spoils one look, not all"


@pytest.mark.parametrize("target", ["/stats", "/processes", "/network/interfaces", "/storage/devices"])
def test_a_cached_timestamp(start: Start, target: str) -> None:
    """The time is that of the collection: an answer from the cache keeps it, whenever it is sent."""

    def look() -> list[str]:
        daemon = start(PISTAT_CACHE_SECONDS="3600")
        before = time.time()
        first = daemon.json(target)["timestamp"]
        after = time.time()
        return false_claims(
            collected=before <= first <= after, kept=daemon.json(target)["timestamp"] == first
        )

    assert lasting_faults(look) == []


# CPU


class Burner(NamedTuple):
    """A process that computes without a pause, once told to."""

    process: subprocess.Popen[str]

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def used(self) -> float:
        """Seconds of CPU time that it has had."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


BURN = """
import hashlib, os, sys, threading
core, threads = map(int, sys.argv[1:])
if core >= 0:
    os.sched_setaffinity(0, {core})
print("here", flush=True)
sys.stdin.readline()
block = bytes(1 << 20)
def work():
    while True:
        hashlib.sha256(block)  # holds no lock of the interpreter while it computes
for _ in range(threads - 1):
    threading.Thread(target=work, daemon=True).start()
work()
"""


@contextmanager
def burner(core: int = -1, threads: int = 1, *, begin: bool = True) -> Iterator[Burner]:
    """A busy process, on one core only if that is given; no other run of these tests has one meanwhile."""
    command = [sys.executable, "-c", BURN, str(core), str(threads)]
    with (
        Path(__file__).open() as alone,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            fcntl.flock(alone, fcntl.LOCK_EX)
            assert process.stdout is not None
            process.stdout.readline()
            if begin:
                Burner(process).go()
                assert eventually(lambda: Burner(process).used() > 0)
            yield Burner(process)
        finally:
            process.kill()


def index_of(core: int) -> int:
    """Where in the list the core stands: there are only those that are online."""
    online = re.findall(r"^cpu(\d+) ", Path("/proc/stat").read_text(), re.MULTILINE)
    return online.index(str(core))


def of_core(answer: dict[str, Any]) -> float:
    found = answer["per_cpu_usage"][index_of(CORE)]
    assert isinstance(found, float)
    return found


def stat() -> list[tuple[int, int]]:
    """Busy and total ticks of all cores together, then of each."""
    rows = re.findall(r"^cpu\d* +(.+)$", Path("/proc/stat").read_text(), re.MULTILINE)
    cells = [[int(cell) for cell in row.split()[:8]] for row in rows]
    return [(sum(each) - each[3] - each[4], sum(each)) for each in cells]


def shares(older: list[tuple[int, int]], newer: list[tuple[int, int]]) -> list[float]:
    """Percent of the time between that each row was busy."""
    return [
        100 * (now[0] - then[0]) / max(1, now[1] - then[1]) for then, now in zip(older, newer, strict=True)
    ]


def test_the_cores(shared: Daemon, tell: Tell) -> None:
    """There is a figure for each CPU that is online, none above 100, and the whole is their mean."""

    def look() -> list[str]:
        answer = shared.json(f"/stats?{CPU}")
        cores = answer["per_cpu_usage"]
        return false_claims(
            online=len(cores) == int(tell("getconf", "_NPROCESSORS_ONLN")),
            possible=all(0 <= each <= 100 for each in cores),
            mean=between(answer["cpu_usage"], sum(cores) / len(cores), sum(cores) / len(cores), 5),
        )

    assert lasting_faults(look) == []


def test_the_first_request(start: Start) -> None:
    """A core that is busy already reads so on the first request after the start."""

    def look() -> list[str]:
        with burner(CORE):
            answer = start().json("/stats")
        return false_claims(
            core=of_core(answer) >= FULL,
            all=answer["cpu_usage"] >= FULL / len(answer["per_cpu_usage"]),
            whole="errors" not in answer,
        )

    assert lasting_faults(look) == []


def test_twenty_clients_at_once(start: Start) -> None:
    """Twenty clients that ask at the same moment all see the busy core, on the first request, too."""

    def look() -> list[float]:
        with burner(CORE), ThreadPoolExecutor(20) as pool:
            daemon = start(PISTAT_RATE_LIMIT_ENABLED="no")
            answers = [
                answer
                for target in ("/stats?cache=false", "/stats", "/stats?cache=false")
                for answer in pool.map(daemon.json, [target] * 20)
            ]
        least = FULL / len(answers[0]["per_cpu_usage"])
        return [
            answer["cpu_usage"] for answer in answers if of_core(answer) < FULL or answer["cpu_usage"] < least
        ]

    assert lasting_faults(look) == []


def often(ask: Callable[[], float]) -> Iterator[float]:
    """The answers to a question that is asked for 2.5 seconds, 5 ms after each answer."""
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        yield ask()
        time.sleep(0.005)


def test_clients_in_a_hurry(start: Start) -> None:
    """Requests 5 ms after one another agree: no question shortens the interval of the next one."""

    def look() -> list[str]:
        with burner(CORE):
            daemon = start(PISTAT_RATE_LIMIT_ENABLED="no")
            seen = list(often(lambda: of_core(daemon.json(f"/stats?cache=false&{CPU}"))))
        return false_claims(
            none_waits_for_a_sample_of_its_own=len(seen) > 15,  # which takes 0.2 s
            full=min(seen) >= FULL,
            agree=max(seen) - min(seen) <= WINDOW,
        )

    assert lasting_faults(look) == []


# The second of block=true


@pytest.mark.parametrize("query", ["", "&cache=false", "&cache=no&fields=timestamp,per_cpu_usage"])
def test_block_takes_a_second(shared: Daemon, query: str) -> None:
    """block=true takes a second, in any company."""
    began = time.monotonic()
    answer = shared.json(f"/stats?block=true{query}")

    assert time.monotonic() - began >= 0.99
    assert "per_cpu_usage" in answer


@pytest.mark.parametrize("begins", [True, False], ids=["begins", "ends"])
def test_block_measures_its_own_second(shared: Daemon, begins: bool) -> None:
    """It measures the second that begins with the request: what begins then is in, what ends then is not."""

    def look() -> list[Any]:
        with burner(CORE, begin=not begins) as process, ThreadPoolExecutor(1) as pool:
            if not begins:
                assert of_core(shared.json(f"/stats?block=true&{CPU}")) >= FULL
            before = stat()
            asked = pool.submit(shared.json, f"/stats?block=true&{CPU}")
            if begins:
                process.go()
            else:
                process.process.kill()
            answer = asked.result()
            after = stat()
        mine = [answer["cpu_usage"], *answer["per_cpu_usage"]]
        theirs = shares(before, after)
        agrees = all(between(one, other, other, WINDOW) for one, other in zip(mine, theirs, strict=True))
        return [] if agrees and (not begins or of_core(answer) >= FULL - WINDOW) else [mine, theirs]

    assert lasting_faults(look) == []


def send(daemon: Daemon, target: str) -> socket.socket:
    """A connection on which `target` has been asked for, and nothing has been read."""
    connection = socket.create_connection((daemon.host, daemon.port), timeout=20)
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return connection


def has_answered(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(20)


@pytest.mark.parametrize("query", ["", "&cache=false"])
def test_block_holds_up_nobody(shared: Daemon, query: str) -> None:
    """With eight such requests waiting, others are answered within that second, and then all eight are."""

    def look() -> list[socket.socket]:
        with ExitStack() as stack:
            blocking = [send(shared, f"/stats?block=true{query}") for _ in range(8)]
            waiting = [stack.enter_context(closing(each)) for each in blocking]
            for target in ("/health", "/stats?fields=uptime", "/stats", "/health", "/stats?cache=false"):
                shared.json(target)
            early = [each for each in waiting if has_answered(each)]
            assert [each.recv(15) for each in waiting] == [b"HTTP/1.1 200 OK"] * 8
        return early

    assert lasting_faults(look) == []


# Processes


def ps(tell: Tell) -> dict[int, tuple[str, int, int, str]]:
    """Owner, resident bytes, seconds since the start, and name of every process."""
    rows = {}
    for line in tell("ps", "-eo", "pid=,user:64=,rss=,etimes=,comm=").splitlines():
        pid, user, rss, seconds, *name = line.split(None, 4)  # a name may be blank
        rows[int(pid)] = (user, int(rss) * 1024, int(seconds), "".join(name).removesuffix(" <defunct>"))
    return rows


def everything(daemon: Daemon) -> dict[int, dict[str, Any]]:
    rows = daemon.json("/processes?sort=pid&limit=10000")["processes"]
    return {row["pid"]: row for row in rows}


def test_every_process(fresh: Daemon, tell: Tell) -> None:
    """The processes are those of `ps`, with their names, owners, memory and age."""
    total = fresh.json("/stats")["memory"]["total"]

    def look() -> list[Any]:
        before = ps(tell)
        found = everything(fresh)
        after = ps(tell)
        lasting = before.keys() & after.keys()
        assert {1, os.getpid()} <= lasting
        # A number may have been used again meanwhile.
        return [*lasting - found.keys()] + [
            (pid, found[pid], before[pid], after[pid])
            for pid in lasting & found.keys()
            if not is_as_ps_says(found[pid], before[pid], after[pid], total)
        ]

    assert lasting_faults(look) == []


def is_as_ps_says(
    row: dict[str, Any], old: tuple[str, int, int, str], new: tuple[str, int, int, str], total: int
) -> bool:
    """Whether a process lies between two lists of `ps`, which has a "?" for what cannot be printed."""
    is_comparable = old[3] == new[3] and not old[3].startswith("kworker") and "?" not in old[3]
    return (
        row["user"] in (old[0], new[0])
        and between(row["running_time"], old[2], new[2], 1.1)
        and between(row["memory_percent"] * total / 100, old[1], new[1], NOISE / 8 + total / 10000)
        and (not is_comparable or row["name"].strip() == old[3])
    )


def test_this_process(fresh: Daemon) -> None:
    """The process that asks finds itself: name, owner, memory."""
    row = everything(fresh)[os.getpid()]
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    total = fresh.json("/stats")["memory"]["total"]

    assert row["name"] == Path("/proc/self/comm").read_text().strip()
    assert row["user"] == pwd.getpwuid(os.geteuid()).pw_name
    assert between(row["memory_percent"] * total / 100, resident, resident, NOISE / 8 + total / 10000)


@contextmanager
def measured(process: Burner) -> Iterator[list[float]]:
    """Percent of one core that the process has had during the block; there when the block is over."""
    found: list[float] = []
    began, used = time.monotonic(), process.used()
    yield found
    found.append(100 * (process.used() - used) / (time.monotonic() - began))


def test_a_busy_process_on_the_first_call(start: Start) -> None:
    """A busy process reads what it uses on the first call after the start, and comes first."""

    def look() -> list[Any]:
        with burner(CORE) as process:
            daemon = start()
            with measured(process) as truth:
                rows = daemon.json("/processes?limit=1000")["processes"]
        pids = [row["pid"] for row in rows]
        place = pids.index(process.process.pid)
        figure = rows[place]["cpu_percent"]
        return [] if between(figure, truth[0], truth[0], WINDOW) and place < 10 else [place, figure, truth]

    assert lasting_faults(look) == []


def test_a_process_with_two_threads(start: Start, require: Require) -> None:
    """A process that keeps two cores busy reads 200: the percentage is of one core."""
    require(len(os.sched_getaffinity(0)) >= 2, "two CPUs", installed=False)

    def look() -> list[str]:
        with burner(threads=2) as process:
            daemon = start()
            with measured(process) as truth:
                figure = everything(daemon)[process.process.pid]["cpu_percent"]
        return false_claims(
            near=between(figure, truth[0], truth[0], 2 * WINDOW),
            of_one_core=figure > 100 or truth[0] < 100 + 2 * WINDOW,
        )

    assert lasting_faults(look) == []


def test_clients_that_interleave(start: Start) -> None:
    """Clients that ask 5 ms apart do not spoil each other's figures."""

    def client(daemon: Daemon, pid: int) -> list[float]:
        return list(often(lambda: float(everything(daemon)[pid]["cpu_percent"])))

    def look() -> list[str]:
        with burner(CORE) as process, ThreadPoolExecutor(2) as pool:
            daemon = start(PISTAT_CACHE_SECONDS="0", PISTAT_RATE_LIMIT_ENABLED="no")
            with measured(process) as truth:
                asked = [pool.submit(client, daemon, process.process.pid) for _ in range(2)]
                seen = [figure for each in asked for figure in each.result()]
        return false_claims(many=len(seen) > 20, near=min(seen) >= truth[0] / 3, possible=max(seen) <= 105)

    assert lasting_faults(look) == []


def test_a_newborn_process(fresh: Daemon) -> None:
    """A process that began after the last request reads what it has used since, not a false 0."""

    def look() -> list[Any]:
        everything(fresh)
        with burner(CORE) as process:
            assert eventually(lambda: process.used() >= 0.2)
            row = everything(fresh)[process.process.pid]
        return [] if 10 < row["cpu_percent"] <= 105 and row["running_time"] > 0 else [row]

    assert lasting_faults(look) == []


ORDERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "cpu": lambda row: (-row["cpu_percent"], row["pid"]),
    "memory": lambda row: -row["memory_percent"],
    "name": lambda row: (row["name"].casefold(), row["pid"]),
    "pid": lambda row: row["pid"],
    "time": lambda row: -row["running_time"],
}
"""What the rows tell of their order; memory and time are rounded there, which hides how ties went."""


@pytest.mark.parametrize("sort", ORDERS)
def test_orders(shared: Daemon, sort: str) -> None:
    """Each order is visible in the rows, and the limit cuts the same list."""
    rows = shared.json(f"/processes?sort={sort}&limit=10000")["processes"]
    keys = [ORDERS[sort](row) for row in rows]

    assert len(rows) >= 2
    assert keys == sorted(keys)
    assert len({row["pid"] for row in rows}) == len(rows)


def test_limits(lasting: Daemon) -> None:
    """The first rows of one collection are the same at any limit; without one there are ten."""
    rows = lasting.json("/processes?limit=10000")["processes"]

    assert lasting.json("/processes?limit=1")["processes"] == rows[:1]
    assert lasting.json("/processes?limit=3")["processes"] == rows[:3]
    assert lasting.json("/processes")["processes"] == rows[:10]
    assert lasting.json("/processes?sort=cpu")["processes"] == rows[:10]


def test_command_lines_stay_here(fresh: Daemon) -> None:
    """Arguments and environment of a process are in no answer, though the process is."""
    argument, variable = "correct-horse", "battery-staple"
    sleeper = [sys.executable, "-c", "print('here', flush=True); input()", f"--password={argument}"]
    with subprocess.Popen(
        sleeper, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "TOKEN": variable}
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert argument in Path(f"/proc/{process.pid}/cmdline").read_text()
        assert variable in Path(f"/proc/{process.pid}/environ").read_text()
        targets = [
            "/stats?cache=false",
            "/network/interfaces",
            "/storage/devices",
            "/health",
            "/",
            "/icon.svg",
        ]
        targets += [f"/processes?limit=10000&sort={sort}" for sort in ORDERS]
        bodies = [fresh.get(target).body.decode() for target in targets]
        process.kill()

    assert sum(f'"pid": {process.pid},' in body for body in bodies) == len(ORDERS)
    assert not [body for body in bodies if argument in body or variable in body]


# The portable way

FAST = Machine()
PORTABLE = Machine(platform="darwin")
SPECIAL = {"cpu_usage", "disk_io", "processes"}
"""Keys with tests of their own."""

SLACK = {
    "memory": NOISE,
    "disk": NOISE,
    "devices": NOISE,
    "uptime": 0.02,
    "cpu_freq": 1000.0,
    "load_avg": 0.01,
}
"""How far a leaf may lie outside two readings by the fast way, by its top-level key."""


ONLY_LINUX = re.compile(
    r"^cpu_governor|\.oom_kills|^swap\.bytes_|^system\.(updates|reboot|clock)|_rate$|\.busy$"
    r"|^interfaces\..+\.(kind|master|physical|default_route)$|^devices\[\d+\]\.disks"
)
"""Leaves that only the way of Linux has a value for."""


def flat(value: Any) -> dict[str, Any]:
    return dict(leaves(value))


def portable(collector: Collector) -> dict[str, Any]:
    assert collector.elsewhere is not None
    found = collector.elsewhere(PORTABLE)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "collector",
    [each for each in ALL if each.elsewhere and not SPECIAL & set(each.keys)],
    ids=lambda each: each.keys[0],
)
def test_the_portable_way_gives_the_same(collector: Collector) -> None:
    """What psutil and the standard library tell on this machine is what the kernel's files tell."""

    def look() -> list[str]:
        before = flat(collector.read(FAST))
        found = flat(portable(collector))
        after = flat(collector.read(FAST))
        for told in (before, found, after):
            for path in [path for path in told if ONLY_LINUX.search(path)]:
                del told[path]
        return [*found.keys() ^ before.keys() | found.keys() ^ after.keys()] or [
            path for path, value in found.items() if not is_the_same(path, value, before[path], after[path])
        ]

    assert lasting_faults(look) == []


def is_the_same(path: str, value: Any, before: Any, after: Any) -> bool:
    """Whether a leaf of the portable way is one of two by the fast way, or a number between them."""
    if path.endswith((".active_connections", ".signal_strength")):
        return value is None  # only Linux tells this
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return between(value, before, after, SLACK.get(re.split(r"[.\[]", path)[0], 0))
    return value in (before, after)


def test_disk_counters_of_psutil() -> None:
    """By psutil the sums are the same, except that it counts what is stacked upon disks, too."""

    def look() -> list[str]:
        before: Any = root_filesystem.disk_io.read(FAST)
        found = portable(root_filesystem.disk_io)["disk_io"]
        by_disk = psutil.disk_io_counters(perdisk=True)
        after: Any = root_filesystem.disk_io.read(FAST)
        stacked = [
            by_disk[name]
            for name in FAST.names("/sys/block")
            if disks.VIRTUAL.match(name) and name in by_disk
        ]
        more = {name: sum(getattr(row, name) for row in stacked) for name in root_filesystem.COUNTERS}
        return [
            name
            for name in root_filesystem.COUNTERS
            if not before["disk_io"][name] <= found[name] <= after["disk_io"][name] + more[name]
        ]

    assert lasting_faults(look) == []


def test_cpu_times_of_psutil() -> None:
    """Over the same second, psutil's counters give the same shares."""

    def look() -> list[Any]:
        with burner(CORE):
            older = cpu_times.read(FAST), PORTABLE.cpu.take().value
            time.sleep(1.0)
            newer = cpu_times.read(FAST), PORTABLE.cpu.take().value
        fast, slow = (
            cpu_times.usage(before.times, after.times) for before, after in zip(older, newer, strict=True)
        )
        assert len(fast) == len(slow) == FAST.cores + 1
        agrees = all(
            one is not None and other is not None and abs(one - other) <= WINDOW
            for one, other in zip(fast, slow, strict=True)
        )
        return [] if agrees and (slow[1 + index_of(CORE)] or 0) >= FULL else [fast, slow]

    assert lasting_faults(look) == []


@pytest.mark.parametrize("pid", [1, os.getpid()], ids=["init", "this"])
def test_the_process_table_of_psutil(pid: int) -> None:
    """A process is the same by psutil: name, owner, start, CPU time, memory."""
    fast, slow, again = (each.processes.take().value for each in (FAST, PORTABLE, FAST))
    one, other = fast.processes[pid], slow.processes[pid]

    assert isinstance(one.user, int)
    assert other.user == FAST.user_name(one.user)
    assert other.name.startswith(one.name)
    assert between(other.began, one.began, one.began, 1.1)
    assert between(other.cpu, one.cpu, one.cpu, 2.0)
    assert between(other.memory, one.memory, one.memory, NOISE / 4)
    assert between(slow.uptime, fast.uptime, fast.uptime, 5.0)
    assert fast.processes.keys() & again.processes.keys() <= slow.processes.keys()


def test_the_usage_of_a_filesystem_without_statvfs() -> None:
    """Where there is no statvfs, the standard library gives the same three figures."""

    def look() -> list[str]:
        before, found, after = FAST.usage("/"), shutil.disk_usage("/"), FAST.usage("/")
        return false_claims(
            total=found.total == before.total,
            used=between(found.used, before.used, after.used, NOISE),
            free=between(found.free, before.free, after.free, NOISE),
        )

    assert lasting_faults(look) == []
