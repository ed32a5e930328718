"""What requests cost, in system calls: they are counted, so that no load of the machine can matter."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat import routes
from support.daemon import PROGRAM, Daemon
from support.waiting import false_claims, lasting_faults

if TYPE_CHECKING:
    from support.require import Require

TIMES = 20
"""Requests that are counted together; what the daemon does besides, once a second, is little beside them."""

WAITING = {"futex", "poll", "clock_nanosleep", "restart_syscall", "rt_sigreturn"}
"""Calls of threads that wait for each other; their number is a matter of luck."""

OPENING = ("open", "openat")
STARTING = ("clone", "clone3", "fork", "vfork", "execve")
"""What begins a process or a thread; a thread that serves may be made once, but none for each request."""

Calls = Callable[..., Counter[str]]


@pytest.fixture(scope="module")
def watched() -> Iterator[Daemon]:
    """A daemon that keeps no answers, and has made all its threads."""
    yield from _running(PISTAT_CACHE_SECONDS="0")


@pytest.fixture(scope="module")
def caching() -> Iterator[Daemon]:
    """One that keeps its answers for longer than any count takes."""
    yield from _running(PISTAT_CACHE_SECONDS="60", PISTAT_HISTORY_SECONDS="0")


def _running(**settings: str) -> Iterator[Daemon]:
    daemon = Daemon({"PISTAT_RATE_LIMIT_ENABLED": "no", **settings})
    daemon.wait_until_ready()
    daemon.make_threads()
    yield daemon
    daemon.kill()


@pytest.fixture
def calls(watched: Daemon, require: Require, tmp_path: Path) -> Calls:
    """System calls for `TIMES` requests that follow some others of the same kind."""
    return _counted(watched, require, tmp_path / "calls")


def _counted(watched: Daemon, require: Require, out: Path) -> Calls:
    require(shutil.which("strace") is not None, "strace")

    def count(target: str, ask: Callable[[str], object] = watched.json) -> Counter[str]:
        for _ in range(3):
            ask(target)
        tracer = subprocess.Popen(
            ["strace", "-f", "-o", str(out), "-p", str(watched.pid)], stderr=subprocess.PIPE, text=True
        )
        assert tracer.stderr is not None
        attached = tracer.stderr.readline()
        require("attached" in attached, f"to be allowed to trace ({attached.strip()})", installed=False)
        for _ in range(TIMES):
            ask(target)
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=30)
        found = re.findall(r"^\d+ +(\w+)\(", out.read_text(errors="replace"), re.MULTILINE)
        return Counter(name for name in found if name not in WAITING)

    return count


def each(found: Counter[str], *names: str) -> float:
    """How many calls of these names there are for one request; of all names if none is given."""
    return sum(found[name] for name in names or found) / TIMES


def processes() -> int:
    return sum(name.isdecimal() for name in os.listdir("/proc"))


def test_everything_anew(calls: Calls) -> None:
    """A fresh /stats starts no process and no thread, and opens next to nothing: its files are open."""
    found = calls("/stats?cache=false")

    assert each(found, *STARTING) < 0.5
    assert each(found, *OPENING) < 3
    assert each(found) < 90


@pytest.mark.parametrize("path", ["/sensors", "/storage/devices"])
def test_what_is_read_anew_is_open(calls: Calls, path: str) -> None:
    """The files of sensors and drives stay open; of those that a drive does not have none is tried."""
    found = calls(path)

    assert each(found, *STARTING) < 0.5
    assert each(found, *OPENING) < 3


PATHS = [*routes.PATHS, "/api/4/all", "/api/4/quicklook"]

OPENED = {"/metrics": 1, "/monitor.json": 1}
"""Files that are opened although the readings are kept: what the daemon itself costs, and free memory."""

MOST_BYTES = {"/": 100_000, "/capabilities": 60_000, "/docs": 150_000, "/openapi.json": 500_000}
"""Of answers that are longer than 40 kB on a usual machine."""


@pytest.mark.parametrize("path", PATHS)
def test_what_is_kept_costs_no_look_at_the_machine(
    caching: Daemon, path: str, require: Require, tmp_path: Path
) -> None:
    """Every route answers from what is in memory: it opens nothing, reads no file, and starts nothing."""
    found = _counted(caching, require, tmp_path / "calls")(path, caching.get)
    opened = OPENED.get(path, 0)

    assert each(found, *STARTING) < 0.5
    assert each(found, *OPENING) < opened + 0.5
    assert each(found, "read", "pread64") < 2 * opened + 2.5
    assert each(found, "send", "sendto", "sendmsg", "writev") < 4.5
    assert each(found) < 12 * opened + 25


@pytest.mark.parametrize("path", PATHS)
def test_what_is_sent(caching: Daemon, path: str) -> None:
    """No answer is longer than it was meant to be."""
    answer = caching.get(path, headers={"Accept": "text/plain, application/json"})
    assert answer.status == 200, answer
    assert len(answer.body) < MOST_BYTES.get(path, 40_000)


def test_the_cpu_is_looked_at_first(require: Require, tmp_path: Path) -> None:
    """The first sample of the CPU is taken before Flask is imported, so that no answer has to wait for it."""
    require(shutil.which("strace") is not None, "strace")
    out = tmp_path / "opened"
    subprocess.run(
        ["strace", "-e", "trace=openat", "-o", str(out), sys.executable, str(PROGRAM), "--version"],
        check=True,
        capture_output=True,
    )
    opened = out.read_text()

    assert -1 < opened.find('"/proc/stat"') < opened.find("/flask/__")


def test_one_figure(calls: Calls) -> None:
    """With `fields`, what was not asked for is not paid for: uptime is a look at a clock."""
    found = calls("/stats?fields=uptime")

    assert each(found, *OPENING) == 0
    assert each(found) < 20


def test_an_answer_leaves_in_one_piece(calls: Calls) -> None:
    """Head and body leave by one call, so in one packet if they fit; another wakes the loop that sends."""
    found = calls("/stats?fields=uptime")

    assert each(found, "send", "sendto", "sendmsg", "writev") < 2.5


def test_a_kept_connection_wakes_the_loop_once(watched: Daemon, calls: Calls) -> None:
    """The loop is told once that an answer was sent, so that it listens to the connection again."""
    with closing(http.client.HTTPConnection("127.0.0.1", watched.port, timeout=20)) as connection:

        def ask(target: str) -> None:
            connection.request("GET", target)
            assert connection.getresponse().read()

        found = calls("/stats?fields=uptime", ask)

    assert each(found, "write") < 1.5


def test_sockets_cost_nothing(calls: Calls) -> None:
    """Counting the connections takes no more with 400 of them than with a few."""
    few = calls("/stats?fields=network")
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=400))
        for _ in range(200):
            stack.enter_context(socket.create_connection(listener.getsockname()))
            stack.enter_context(listener.accept()[0])
        many = calls("/stats?fields=network")

    assert each(many) < each(few) + 2


def test_a_process_costs_its_file_and_its_owner(calls: Calls) -> None:
    """The process list takes four calls for each process at most, and no more for the order or the length."""

    def look() -> list[str]:
        before = processes()
        found = calls("/processes?sort=name&limit=1000")
        most = max(before, processes())
        return false_claims(none_is_started=each(found, *STARTING) < 0.5, few=each(found) < 4 * most + 60)

    # Others may have begun and ended many meanwhile.
    assert lasting_faults(look) == []


def test_interfaces(calls: Calls) -> None:
    """The interfaces take one question to the kernel, whose list comes in parts, and no file is opened."""
    found = calls("/network/interfaces")

    assert each(found, *STARTING) < 0.5
    assert each(found, *OPENING) < 0.5
    assert each(found) < 30 + 0.2 * len(socket.if_nameindex())


COLLECT = f"""
import os, sys, time
from pistat.collectors import network
from pistat.machine.machine import Machine
machine = Machine()
while sum(link.is_up for link in machine.links().values()) < int(sys.argv[1]):
    time.sleep(0.05)
for again in range({TIMES} + 2):
    if again == 2:
        os.access("begin", os.F_OK)
    network.interfaces.collect(machine)
"""


def collected(pairs: int, folder: Path) -> Counter[str]:
    """System calls for `TIMES` looks at the interfaces of a network with `pairs` of links that are up."""
    lines = [
        # Without addresses of IPv6, which the kernel would test and announce one by one.
        f"link add name one{number} type veth peer name two{number}\n"
        f"link set one{number} addrgenmode none up\nlink set two{number} addrgenmode none up\n"
        for number in range(pairs)
    ]
    out = folder / f"{pairs} pairs"
    script = f"ip -batch - && exec strace -o \"{out}\" {sys.executable} -c '{COLLECT}' {2 * pairs}"
    subprocess.run(
        ["unshare", "--net", "sh", "-c", script],
        cwd=PROGRAM.parent,
        input="".join(lines),
        check=True,
        text=True,
        timeout=60,
    )
    _, begun, told = out.read_text(errors="replace").partition('("begin"')
    assert begun
    return Counter(re.findall(r"^(\w+)\(", told, re.MULTILINE))


def test_an_interface_costs_no_call(require: Require, tmp_path: Path) -> None:
    """While nothing changes, an interface is a bit of a list: no file, no question for its speed."""
    require(os.geteuid() == 0, "root", installed=False)
    for program in ("strace", "unshare", "ip"):
        require(shutil.which(program) is not None, program)
    few, many = (collected(pairs, tmp_path) for pairs in (1, 40))

    # They are asked again once a minute, which may begin just now.
    assert 1 <= each(few, "sendto") < 1.5
    assert 1 <= each(many, "sendto") < 1.5
    assert each(many, "ioctl") < 0.2 * 80
    assert each(many, *OPENING) == each(few, *OPENING) == 0
    assert each(many) - each(few) < 0.2 * 78
