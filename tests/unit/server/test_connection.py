"""Connections that are kept: no request is lost, and none stays for ever."""

from __future__ import annotations

import random
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.daemon import PROGRAM, Daemon
from support.waiting import eventually

SOON = 10.0
REQUEST = b"GET /stats?fields=uptime HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = REQUEST.replace(b"Host", b"Connection: close\r\nHost")


def answered(daemon: Daemon, seed: int, count: int) -> int:
    """How many answers a client gets that keeps its connection, and sends at its own pace."""
    chance = random.Random(seed)
    sent = REQUEST * (count - 1) + LAST
    received = b""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=SOON) as connection:
        while sent:
            # A part of a request, one, or some.
            size = chance.choice([7, len(REQUEST), len(REQUEST), 3 * len(REQUEST), 100])
            connection.sendall(sent[:size])
            sent = sent[size:]
            if chance.random() < 0.5:
                expected = count - -(-len(sent) // len(REQUEST))
                while received.count(b'{"uptime"') < expected - 1:
                    received += connection.recv(65536)
        connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65536):
            received += chunk
    return received.count(b"HTTP/1.1 200 OK")


def test_no_request_is_lost() -> None:
    """However the requests of many kept connections come, in parts or together, each has its answer."""
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


HASTY = f"""
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
from pistat.server import connection_limits
connection_limits.REQUEST_SECONDS, connection_limits.IDLE_SECONDS = 1.0, 2.0
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
