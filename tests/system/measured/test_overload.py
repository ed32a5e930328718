"""Too much at once, and too slow: what other clients see meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import re
import select
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat.collectors import ALL
from pistat.server import connection, connection_limits, server
from pistat.server.connection import SECONDS, State
from support.daemon import PROGRAM, Answer, Daemon

if TYPE_CHECKING:
    from support.require import Require

DAEMONS = Path(__file__).parents[2] / "support" / "daemons"
PROMPT = 0.1
"""Seconds within which /health answers, whatever happens."""

SOON = 1.0
"""Seconds within which a client is served while another one misbehaves."""


@contextlib.contextmanager
def with_faults(script: str, folder: Path, **settings: str) -> Iterator[Daemon]:
    """A daemon with faults that come with files in `folder`."""
    given = {"PISTAT_RATE_LIMIT_ENABLED": "no", "FAULTS": str(folder), **settings}
    daemon = Daemon(given, [sys.executable, str(DAEMONS / script)])
    try:
        daemon.wait_until_ready()
        yield daemon
    finally:
        daemon.kill()


@contextlib.contextmanager
def asked(daemon: Daemon, targets: Sequence[str], source: str = "127.0.0.1") -> Iterator[list[socket.socket]]:
    """Connections from `source` on which a target has been asked for each, and nothing has been read."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(ask(daemon, each, source)) for each in targets]


def ask(daemon: Daemon, target: str, source: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", daemon.port), timeout=30, source_address=(source, 0))
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return connection


def received(connection: socket.socket) -> Answer:
    response = http.client.HTTPResponse(connection)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def unanswered(connections: list[socket.socket]) -> int:
    """How many of them have nothing to be read."""
    poll = select.poll()
    for each in connections:
        poll.register(each, select.POLLIN)
    return len(connections) - len(poll.poll(0))


def seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def refusals(daemon: Daemon) -> dict[str, int]:
    """What `/metrics` says of the requests for no route, by status."""
    rows = re.findall(
        r'requests_total\{route="other",status="(\d+)"\} (\d+)', daemon.get("/metrics").body.decode()
    )
    return {status: int(count) for status, count in rows}


def check_health(daemon: Daemon) -> None:
    """It is answered at once, as a rule: what else runs on this machine may hold up a single answer."""
    assert statistics.median(seconds(lambda: daemon.json("/health")) for _ in range(15)) < PROMPT


# /health, and overload


def test_health_while_everything_hangs(tmp_path: Path) -> None:
    """With every collector hung, nothing cached and all places for block=true taken, /health answers."""
    for each in ALL:
        (tmp_path / each.keys[0]).write_text("hang")
    with with_faults("faulty.py", tmp_path) as daemon:
        targets = ["/stats?block=true"] * (server.BLOCKING + 2) + ["/stats?cache=false", "/processes"] * 6
        # One client has no more than half of the threads.
        with asked(daemon, targets[::2]) as ones, asked(daemon, targets[1::2], "127.0.0.2") as others:
            connections = ones + others
            targets = targets[::2] + targets[1::2]
            check_health(daemon)
            until = time.monotonic() + 20
            while unanswered(connections) > targets.count("/processes"):
                assert time.monotonic() < until
                time.sleep(0.01)
            last = [target for target, each in zip(targets, connections, strict=True) if unanswered([each])]
            found = Counter(received(each).status for each in connections)
            check_health(daemon)

    assert set(last) <= {"/processes"}, "who does not want them does not wait for their ten seconds"
    assert found == {200: len(targets) - 2, 503: 2}


def test_overload_is_told_at_once(tmp_path: Path) -> None:
    """With all workers stuck and the queue full the next is told when to come again, and /health answers."""
    stuck = tmp_path / "answers"
    with with_faults("overloaded.py", tmp_path) as daemon:
        stuck.touch()
        capacity = server.THREADS + server.QUEUE
        # No address may have all the connections.
        with (
            asked(daemon, ["/stats"] * (capacity // 2)) as ones,
            asked(daemon, ["/stats"] * (capacity // 2), "127.0.0.2") as others,
            asked(daemon, ["/stats"] * 20, "127.0.0.3") as late,
        ):
            connections = ones + others + late
            until = time.monotonic() + 20
            while unanswered(connections) > capacity + 1:
                assert time.monotonic() < until
                time.sleep(0.01)
            check_health(daemon)
            refused = daemon.get("/stats")
            # One of those who came late may wait, too.
            assert unanswered(connections) in {capacity, capacity + 1}
            stuck.unlink()
            until, later = time.monotonic() + 2.0, 0
            while daemon.get("/stats").status != 200:
                assert time.monotonic() < until, "it recovers within two seconds"
                later += 1
            found = Counter(received(each).status for each in connections)
        counted = refusals(daemon)

    assert refused.status == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"] == "Service Unavailable"
    assert found == {200: capacity + 1, 503: 19}
    assert counted == {"503": 19 + 1 + later}


def test_one_collection_for_fifty(tmp_path: Path) -> None:
    """Fifty requests at once, when the answer has just expired, cost one collection and get the same."""
    collections = tmp_path / "collections"
    with with_faults(
        "overloaded.py", tmp_path, PISTAT_CACHE_SECONDS="3", PISTAT_HISTORY_SECONDS="0"
    ) as daemon:
        daemon.json("/stats")
        before = collections.stat().st_size
        with contextlib.ExitStack() as stack:
            connections = [
                stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port), timeout=30))
                for _ in range(50)
            ]
            time.sleep(3.1)
            for each in connections:
                each.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answers = [received(each) for each in connections]
        after = collections.stat().st_size

    assert {each.status for each in answers} == {200}
    assert len({each.body for each in answers}) == 1
    assert (before, after) == (1, 2)


# Slow clients


def is_open(connection: socket.socket) -> bool:
    """Whether the daemon has not closed it; what it has sent before is read and forgotten."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False


def drip(connections: list[socket.socket], over: threading.Event) -> None:
    """Send each of them a byte of a head that never ends, about three a second."""
    while not over.wait(0.3):
        for each in connections:
            with contextlib.suppress(OSError):
                each.send(b"a")


@pytest.fixture
def loopback(require: Require) -> str:
    """The address of another client on this machine."""
    require(sys.platform == "linux", "the whole of 127.0.0.0/8", installed=False)
    return "127.0.0.2"


def test_slow_clients_do_not_take_the_port(start: Callable[..., Daemon], loopback: str) -> None:
    """While one address holds 60 connections half open and drips on 60, others are served, and it is cut."""
    daemon = start(PISTAT_RATE_LIMIT_ENABLED="no")
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as stack:
        stack.callback(over.set)
        slow = []
        for number in range(120):
            each = socket.create_connection(("127.0.0.1", daemon.port), source_address=(loopback, 0))
            slow.append(stack.enter_context(each))
            each.sendall(b"GET /stats HTTP/1.1\r\nX: " if number % 2 else b"")
        pool.submit(drip, slow[1::2], over)
        waits = [seconds(lambda: daemon.json("/stats"))]
        assert sum(map(is_open, slow)) == connection_limits.PER_CLIENT, (
            "more than that one address cannot have"
        )
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)) as kept:
            until = time.monotonic() + SECONDS[State.READING] + 10
            while any(map(is_open, slow[1::2])):
                assert time.monotonic() < until, "the drippers are cut at the deadline of a request"
                kept.request("GET", "/health")
                assert kept.getresponse().read(), "a connection of somebody else's is kept"
                waits += [seconds(lambda: daemon.json("/stats")), seconds(lambda: daemon.json("/health"))]
                time.sleep(0.2)

    assert len(waits) > 20
    assert statistics.median(waits) < SOON
    assert max(waits) < SECONDS[State.READING] / 2
    assert refusals(daemon)["408"] >= connection_limits.PER_CLIENT // 2, (
        "each dripper that was there until the deadline"
    )


def test_a_slow_address_is_served_too(start: Callable[..., Daemon]) -> None:
    """A program gone wild does not lock out the others of its machine: the newest connection is served."""
    daemon = start(PISTAT_RATE_LIMIT_ENABLED="no")
    with contextlib.ExitStack() as stack:
        for _ in range(connection_limits.PER_CLIENT + 20):
            stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
        assert daemon.get("/stats").status == 200


FEW = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
os.execv(sys.executable, [sys.executable, {str(PROGRAM)!r}])
"""
"""A start with a soft limit for open files as that of macOS."""


def test_few_files_may_be_open(require: Require) -> None:
    """Where a program may open 256 files unless it asks for more, 300 connections shut nobody out."""
    require(sys.platform == "linux", "the whole of 127.0.0.0/8", installed=False)
    daemon = Daemon({}, [sys.executable, "-c", FEW])
    with contextlib.ExitStack() as stack:
        stack.callback(daemon.kill)
        daemon.wait_until_ready()
        for number in range(300):
            source = (f"127.0.0.{2 + number // 50}", 0)
            idle = socket.create_connection(("127.0.0.1", daemon.port), source_address=source)
            stack.enter_context(idle)
        assert daemon.get("/health").status == 200


def test_a_burst_of_one_client(start: Callable[..., Daemon]) -> None:
    """As many requests at once as a client may have connections are all answered."""
    daemon = start(PISTAT_RATE_LIMIT_ENABLED="no")
    with asked(daemon, ["/health"] * connection_limits.PER_CLIENT) as connections:
        assert {received(each).status for each in connections} == {200}


def test_all_come_through_a_proxy(start: Callable[..., Daemon]) -> None:
    """Where a proxy is trusted, it may have more connections than a client."""
    daemon = start(PISTAT_RATE_LIMIT_ENABLED="no", PISTAT_TRUSTED_PROXIES="1")
    with contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
            for _ in range(2 * connection_limits.PER_CLIENT)
        ]
        daemon.get("/health")
        assert all(map(is_open, idle))


def test_clients_of_a_proxy_take_turns(start: Callable[..., Daemon]) -> None:
    """Whoever asks for seconds and seconds is not in the way of another who comes through the same proxy."""
    daemon = start(PISTAT_RATE_LIMIT_ENABLED="no", PISTAT_TRUSTED_PROXIES="1")

    def forwarded(target: str, client: str) -> socket.socket:
        return ask(daemon, f"{target} HTTP/1.1\r\nX-Forwarded-For: {client}\r\nX:", "127.0.0.1")

    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(forwarded("/stats?block=true", "192.0.2.1")) for _ in range(64)]
        daemon.get("/health")  # they came before this, so now they wait
        for _ in range(10):
            assert received(stack.enter_context(forwarded("/stats", "192.0.2.2"))).status == 200
        assert unanswered(slow) > 0
        assert {received(each).status for each in slow} == {200}


ALONE = f"""
import functools, sys, threading, time
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
from pistat.formats import history
from pistat.monitor import capabilities
def alone(lock, make, *arguments, **options):
    assert lock.acquire(blocking=False), "another is made at the same time"
    try:
        time.sleep(0.05)
        return make(*arguments, **options)
    finally:
        lock.release()
for module, name in ((history, "render"), (capabilities, "document")):
    setattr(module, name, functools.partial(alone, threading.Lock(), getattr(module, name)))
sys.exit(pi_system_monitor.main())
"""
"""What takes long is counted, and takes longer."""


def test_what_takes_long_is_made_by_one_at_a_time(require: Require) -> None:
    """Whatever many want at once; and of who wants many, one waits among those of others."""
    require(sys.platform == "linux", "the whole of 127.0.0.0/8", installed=False)
    given = {"PISTAT_RATE_LIMIT_ENABLED": "no", "PISTAT_CACHE_SECONDS": "0"}
    daemon = Daemon(given, [sys.executable, "-c", ALONE])
    try:
        daemon.wait_until_ready()
        with asked(daemon, ["/history", "/capabilities"] * 20, "127.0.0.2") as many:
            daemon.get("/health")  # they came before this, so now they wait
            assert daemon.get("/history").status == 200
            assert unanswered(many) > len(many) // 2
            assert {received(each).status for each in many} == {200}
        assert not daemon.faults()
    finally:
        daemon.kill()


# Who does not read

AT_ONCE = 200
"""Requests that a client sends without a look at the answers; they come with one read of the daemon."""


def test_who_does_not_read_takes_no_thread(start: Callable[..., Daemon]) -> None:
    """Clients that ask and ask and read nothing hold up nobody, and get one answer."""
    daemon = start(PISTAT_RATE_LIMIT_ENABLED="no")
    question = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.ExitStack() as stack:
        deaf = [
            stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port), timeout=30))
            for _ in range(server.THREADS + 1)
        ]
        for each in deaf:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            each.sendall(question * AT_ONCE)
        took = [seconds(lambda: daemon.get("/stats?fields=uptime")) for _ in range(100)]
        answers = b"".join(iter(lambda: deaf[0].recv(1 << 20), b""))

    assert statistics.median(took) < SOON
    assert max(took) < SECONDS[State.SENDING] / 2
    assert answers.count(b"HTTP/1.1 200 OK") == 1
    assert answers.endswith(daemon.get("/").body[-20:])


def test_what_the_server_refuses_is_counted(start: Callable[..., Daemon]) -> None:
    """Requests that no view has ever seen are in the metrics by their status, all as one route."""
    daemon = start()
    for line in (
        b"hello",
        b"GET /stats HTTP/1.1\r\nHost: a\r\nContent-Length: x",
        b"POST /stats HTTP/1.1\r\nHost: a\r\nContent-Length: 4097",
        b"GET /stats HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip",
        b"GET /" + b"a" * connection.HEAD,
    ):
        assert daemon.raw(line + b"\r\n\r\n")

    assert refusals(daemon) == {"400": 2, "413": 1, "431": 1, "501": 1}


# The disk

LARGE = 1_000_000
WITH_LARGE_ANSWERS = f"""
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
pi_system_monitor.encode = lambda value: b'"' + b"a" * {LARGE} + b'"'
sys.exit(pi_system_monitor.main())
"""


def files_of(daemon: Daemon) -> set[str]:
    """The files that it has open."""
    found = set()
    for each in Path(f"/proc/{daemon.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(each.readlink()))
    return {each for each in found if each.startswith("/") and not each.startswith(("/proc", "/dev", "/sys"))}


def test_nothing_is_written_to_a_disk(require: Require) -> None:
    """A large answer for a client that does not read waits in memory, and so does a body."""
    require(sys.platform == "linux", "/proc", installed=False)
    daemon = Daemon({"PISTAT_HISTORY_SECONDS": "0"}, [sys.executable, "-c", WITH_LARGE_ANSWERS])
    try:
        daemon.wait_until_ready()
        before = files_of(daemon)
        with asked(daemon, ["/processes"]) as [connection]:
            assert connection.recv(1) == b"H", "the answer is there"
            with socket.create_connection(("127.0.0.1", daemon.port)) as posting:
                posting.sendall(
                    b"POST /stats HTTP/1.1\r\nHost: a\r\nContent-Length: 4095\r\n\r\n" + b"a" * 4000
                )
                daemon.get("/health")
                during = files_of(daemon)
            body = bytearray()
            while chunk := connection.recv(1 << 20):
                body += chunk
    finally:
        daemon.kill()

    assert during == before
    assert body.endswith(b"a" * LARGE + b'"')
