"""Connections that are kept: no request is lost, and none stays for ever."""

from __future__ import annotations

import random
import socket
import struct
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from waitress.adjustments import Adjustments

from pistat.server.connection import HEAD, Connection, Request, Work
from support.daemon import PROGRAM, Daemon
from support.waiting import eventually

SOON = 10.0
REQUEST = b"GET /stats?fields=uptime HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = REQUEST.replace(b"Host", b"Connection: close\r\nHost")


def answered(daemon: Daemon, seed: int, count: int) -> int:
    """How many answers a client gets that keeps its connection, and sends at its own pace."""
    chance = random.Random(seed)
    received = b""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=SOON) as connection:
        for number in range(count):
            request = LAST if number == count - 1 else REQUEST
            # In one part, in some, or with blank lines before it.
            parts = chance.choice([[request], [request[:7], request[7:]], [b"\r\n", request]])
            for part in parts:
                connection.sendall(part)
            while received.count(b'{"uptime"') <= number:
                chunk = connection.recv(65536)
                assert chunk, f"after {number} answers"
                received += chunk
        assert connection.recv(1) == b""
    return received.count(b"HTTP/1.1 200 OK")


def test_no_request_is_lost() -> None:
    """However the requests of many kept connections come, in parts or whole, each has its answer."""
    daemon = Daemon({"PISTAT_RATE_LIMIT_ENABLED": "no"})
    try:
        daemon.wait_until_ready()
        with ThreadPoolExecutor(12) as pool:
            found = list(pool.map(lambda seed: answered(daemon, seed, 150), range(24)))
        faults = daemon.faults()
    finally:
        daemon.kill()

    assert found == [150] * 24
    assert not faults


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(REQUEST * 200, id="many"),
        pytest.param(REQUEST + b"GET /sta", id="a part of another"),
        pytest.param(REQUEST.replace(b"Host", b"Content-Length: 3\r\nHost") + b"abc", id="a body"),
        pytest.param(REQUEST.replace(b"Host", b"Expect: 100-continue\r\nHost"), id="Expect"),
        pytest.param(
            REQUEST.replace(b"Host", b"Content-Length: 9\r\nExpect: 100-continue\r\nHost"), id="Expect, body"
        ),
    ],
)
def test_one_request_is_answered(shared: Daemon, sent: bytes) -> None:
    """What comes behind a request, pipelined or as its body, is not read; there is one answer, and no 100."""
    if b"100-continue" in sent and b"Length" not in sent:
        sent = sent.replace(b"Host", b"Connection: close\r\nHost")
    received = shared.raw(sent)

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.count(b"HTTP/1.1") == 1
    assert b"\r\nConnection: close\r\n" in received


@pytest.mark.parametrize("sent", [b"\r\n" * 100, b"X: y\r\n" * 98, b"X: y\r\n" * 99])
def test_headers_are_counted(shared: Daemon, sent: bytes) -> None:
    """A hundred headers are enough."""
    blank = not sent.strip()
    request = sent + LAST if blank else LAST.replace(b"Host", sent + b"Host")

    status = shared.raw(request).split()[1]

    assert status == (b"200" if sent.count(b"X") < 99 else b"431")


@pytest.mark.parametrize(
    "target",
    [
        *(b"/hea\tlth", b"foo:/health", b"file://a/health", b"//health", b"/health#x", b"/a\0b", b"pi:80"),
        *(b"/%2fhealth", b"/network%2Finterfaces", b"http://pi/%2Fhealth"),
    ],
)
def test_another_may_see_another_path(shared: Daemon, target: bytes) -> None:
    """A target that a proxy in front may read in another way is refused."""
    assert shared.raw(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n").split()[1] == b"400"


UNITS = [*(b"9", b"a", b":", b" ", b"\t", b"a ", b"%2", b"//", b".", b'"x,', b'",', b"x=", b"\x80")]


@pytest.mark.parametrize("end", [b" x", b" HTTP/x", b" HTTP/1.1", b"\0"], ids=repr)
@pytest.mark.parametrize(
    "begin", [b"GET /", b"GET a://", b"GET http://", b"GET /\r\nX:", b"GET / HTTP/1.1\r\nX:x", b""], ids=repr
)
def test_a_head_takes_no_more_time_than_its_length(begin: bytes, end: bytes) -> None:
    """Whatever is repeated in it for 16 kB: an expression that goes back and forth holds up everybody."""
    adjustments: Any = Adjustments(ident="test")
    for unit in UNITS:
        head = begin + unit * ((HEAD - 100) // len(unit)) + end + b"\r\nHost: pi\r\n\r\n"
        before = time.thread_time()
        Request(head, b"", adjustments)
        assert time.thread_time() - before < 0.5, (begin, unit, end)


def test_who_has_reset_the_connection_waits_for_nothing() -> None:
    """The request of such a client is not answered; that of one that has only ended its own side is."""

    def is_awaited(end: Callable[[socket.socket], None]) -> bool:
        client = socket.create_connection(listener.getsockname())
        work = object.__new__(Work)
        work.connection = object.__new__(Connection)
        work.connection.socket, _ = listener.accept()
        with client, work.connection.socket:
            end(client)
            return not eventually(work.check_client_disconnected, 0.2)

    def reset(client: socket.socket) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert is_awaited(lambda _: None)
        assert is_awaited(lambda client: client.shutdown(socket.SHUT_WR))
        assert not is_awaited(reset)


HASTY = f"""
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
from pistat.server.connection import SECONDS, State
SECONDS[State.READING], SECONDS[State.IDLE] = 1.0, 2.0
import pi_system_monitor
sys.exit(pi_system_monitor.main())
"""


@pytest.mark.parametrize("said", [b"", REQUEST[:30]], ids=["nothing", "half a request"])
def test_nobody_stays_for_ever(said: bytes) -> None:
    """A connection that is kept and not used is closed, and so is one on which a request never ends."""
    daemon = Daemon(command=[sys.executable, "-c", HASTY])
    try:
        daemon.wait_until_ready()
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=SOON) as connection:
            connection.sendall(REQUEST)
            received = connection.recv(65536)
            connection.sendall(said)
            assert connection.recv(65536) == b"", "it is closed"
        assert received.startswith(b"HTTP/1.1 200 OK")
        assert eventually(lambda: daemon.get("/health").status == 200)
    finally:
        daemon.kill()
