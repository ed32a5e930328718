"""Each bound of SECURITY.md, driven to and past: what happens there, and what it costs."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat.server import connection, connection_limits, server
from support.daemon import PROGRAM, Daemon, unit_environment
from support.waiting import eventually

if TYPE_CHECKING:
    from support.require import Require

MEMORY = 64 << 20
"""Bytes that the daemon has at most, whatever comes over the network."""

ADDRESSES = [f"127.0.0.{number}" for number in range(2, 12)]

LARGE = f"""
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
from pistat.collectors import processes
top = processes.top
processes.top = lambda table, *_: top(table, "pid", 10) * 800
sys.exit(pi_system_monitor.main())
"""
"""A machine with as many processes as make a megabyte."""

SLOW = f"""
import sys, time
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
from pistat.monitor.monitor import Monitor
Monitor.answer = lambda *_, **__: time.sleep(600)
sys.exit(pi_system_monitor.main())
"""
"""A machine of which nothing can be read."""


@pytest.fixture
def run(require: Require) -> Iterator[Callable[[str], Daemon]]:
    """Start the program, or a script around it; at the end nothing was logged, and the memory is bounded."""
    require(sys.platform == "linux", "/proc and the whole of 127.0.0.0/8", installed=False)
    started: list[Daemon] = []

    def begin(script: str = "") -> Daemon:
        command = [sys.executable, "-c", script] if script else None
        settings = {"PISTAT_RATE_LIMIT_ENABLED": "no", "PISTAT_HISTORY_SECONDS": "0"}
        started.append(Daemon({**unit_environment(), **settings}, command))
        started[-1].wait_until_ready()
        return started[-1]

    yield begin
    try:
        for each in started:
            assert not each.faults()
            assert figure(each, "VmHWM") << 10 < MEMORY, figure(each, "VmHWM")
    finally:
        for each in started:
            each.kill()


def figure(daemon: Daemon, name: str) -> int:
    """A number that the kernel tells of it."""
    found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{daemon.pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def sockets(daemon: Daemon) -> int:
    """How many sockets it has open."""
    return sum(each.startswith("socket:") for each in daemon.held())


def fill(
    stack: contextlib.ExitStack, daemon: Daemon, addresses: list[str], sent: bytes
) -> list[socket.socket]:
    """Open more connections from each address than it may have, and send the same on each."""
    opened = []
    for address in addresses:
        for _ in range(connection_limits.PER_CLIENT + 6):
            here = ("127.0.0.1", daemon.port)
            one = socket.create_connection(here, timeout=20, source_address=(address, 0))
            opened.append(stack.enter_context(one))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
            with contextlib.suppress(OSError):
                opened[-1].send(sent)
    return opened


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nX: " + b"a" * (connection.HEAD - 100)], ids=["idle", "heads"]
)
def test_connections(run: Callable[[], Daemon], sent: bytes) -> None:
    """One client has 64, all have 512, with nothing or with a head that just does not end on each."""
    daemon = run()
    before = sockets(daemon)
    with contextlib.ExitStack() as stack:
        fill(stack, daemon, ADDRESSES[:1], sent)
        assert daemon.get("/health").status == 200
        assert eventually(lambda: sockets(daemon) - before <= connection_limits.PER_CLIENT)
        assert sockets(daemon) - before >= connection_limits.PER_CLIENT - 2
        fill(stack, daemon, ADDRESSES[1:], sent)
        assert daemon.get("/health").status == 200
        assert eventually(lambda: sockets(daemon) - before <= connection_limits.TOTAL)
        assert sockets(daemon) - before >= connection_limits.TOTAL - 8
        assert daemon.get("/stats").status == 200


def test_the_daemon_itself_is_in_nobodys_way(require: Require, tmp_path: Path) -> None:
    """With all places taken it answers itself, for the watchdog, and takes nobody's place for that."""
    require(sys.platform == "linux", "the whole of 127.0.0.0/8", installed=False)
    with contextlib.ExitStack() as stack:
        manager = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        given = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        daemon = Daemon({**given, "PISTAT_TRUSTED_PROXIES": "1"})
        stack.callback(daemon.kill)
        assert manager.recv(4096).startswith(b"READY=1")
        opened = [
            stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port), timeout=20))
            for _ in range(connection_limits.TOTAL)
        ]
        for _ in range(4):
            assert manager.recv(4096).startswith(b"WATCHDOG=1")
        poll = select.poll()
        for each in opened:
            poll.register(each, select.POLLIN)
        assert poll.poll(0) == []


@pytest.mark.parametrize("addresses", [ADDRESSES[:1], ADDRESSES], ids=["one", "all"])
def test_answers_that_nobody_reads(run: Callable[[str], Daemon], addresses: list[str]) -> None:
    """What one client, or all, leave unread waits up to the bound; more closes what has waited longest."""
    daemon = run(LARGE)
    with contextlib.ExitStack() as stack:
        fill(stack, daemon, addresses, b"GET /processes HTTP/1.1\r\nHost: a\r\n\r\n")
        assert eventually(lambda: figure(daemon, "VmRSS") << 10 < MEMORY - (4 << 20))
        assert daemon.get("/health").status == 200
        assert len(daemon.get("/processes").body) > 1_000_000


def test_threads_and_the_queue(run: Callable[[str], Daemon]) -> None:
    """32 are answered at a time and 64 wait, beside one of each client; the others get a 503 at once."""
    daemon = run(SLOW)
    before = figure(daemon, "Threads")
    with contextlib.ExitStack() as stack:
        asked = fill(stack, daemon, ADDRESSES[:4], b"GET /stats HTTP/1.1\r\nHost: a\r\n\r\n")
        refused = [each for each in asked if is_refused(each)]
        assert figure(daemon, "Threads") <= before + server.THREADS
        assert len(asked) - len(refused) <= server.THREADS + server.QUEUE + 4
        assert daemon.get("/health").status == 200


def is_refused(opened: socket.socket) -> bool:
    """Whether a connection has been answered with a 503, or closed."""
    opened.settimeout(0.02)
    try:
        return opened.recv(12) in {b"HTTP/1.1 503", b""}
    except TimeoutError:
        return False
    except OSError:
        return True


def test_requests(run: Callable[[], Daemon]) -> None:
    """The head and the headers of a request, and the body that it announces, are taken to the bound only."""
    daemon = run()
    headers, line = connection.MAX_HEADERS, b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    head = connection.HEAD - len(line) - len(b"X: \r\n\r\n")

    def status(more: bytes) -> bytes:
        return daemon.raw(line + more + b"\r\n").split()[1]

    assert [status(b"X: y\r\n" * (headers - count)) for count in (2, 1)] == [b"200", b"431"]
    assert [status(b"X: " + b"a" * (head - count) + b"\r\n") for count in (8, -8)] == [b"200", b"431"]
    assert [status(b"Content-Length: %d\r\n" % (connection.BODY - count)) for count in (1, 0)] == [
        b"200",
        b"413",
    ]
