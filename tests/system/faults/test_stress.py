"""Threads that change places all the time, and clients that come and go: no answer of others is lost."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from pistat.server.server import PRIORITY_THREADS, THREADS
from support.attacks import RESTLESS, under
from support.daemon import PROGRAM, Daemon
from support.waiting import eventually

if TYPE_CHECKING:
    import pytest

    from support.require import Require

HURRIED = f"""
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
sys.setswitchinterval(1e-6)
import pi_system_monitor
sys.exit(pi_system_monitor.main())
"""

EXPECTED = {
    "/health": b'{"status": "healthy", "uptime": ',
    "/stats?fields=uptime": b'{"uptime": ',
    "/processes?limit=3": b'{"processes": [{"pid": ',
    "/nowhere": b'{"error": "Not Found", ',
}


def ask_and_keep(daemon: Daemon, source: str, over: threading.Event) -> int:
    """Ask on connections that are kept for a while. Return how many answers came; each must be right."""
    chance, count = random.Random(), 0
    while not over.is_set():
        connection = http.client.HTTPConnection(
            "127.0.0.1", daemon.port, timeout=30, source_address=(source, 0)
        )
        with contextlib.closing(connection):
            for _ in range(chance.randrange(1, 200)):
                target = chance.choice(list(EXPECTED))
                connection.request("GET", target)
                answer = connection.getresponse()
                body = answer.read()
                assert answer.status == (404 if target == "/nowhere" else 200), (target, answer.status, body)
                assert body.startswith(EXPECTED[target]), (target, body[:80])
                assert body.endswith(b"}\n"), (target, body[-80:])
                count += 1
                if over.is_set():
                    break
    return count


def ask_and_end(daemon: Daemon, source: str, over: threading.Event) -> int:
    """Ask, end the own side at once, and read to the end. Return how many answers came."""
    count = 0
    while not over.is_set():
        address = ("127.0.0.1", daemon.port)
        with socket.create_connection(address, timeout=30, source_address=(source, 0)) as connection:
            connection.sendall(b"GET /stats?fields=uptime HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
        assert answer.endswith(b"}\n"), answer
        count += 1
    return count


def test_no_answer_is_lost(require: Require, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The innocent get each answer in full; the watchdog is fed; no fault is logged, and nothing is left.

    It takes a minute; `--stress 10` is enough for a look.
    """
    require(sys.platform == "linux", "the whole of 127.0.0.0/8", installed=False)
    seconds = pytestconfig.getoption("--stress")
    with contextlib.ExitStack() as stack:
        manager = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        manager.bind(str(tmp_path / "notify"))
        given = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        daemon = Daemon({**given, "PISTAT_RATE_LIMIT_ENABLED": "no"}, [sys.executable, "-c", HURRIED])
        stack.callback(daemon.kill)
        daemon.wait_until_ready()
        daemon.make_threads()
        before = sockets(daemon)
        visitors = stack.enter_context(contextlib.ExitStack())
        visitors.enter_context(under([RESTLESS] * 2, daemon.port))
        over, heard = threading.Event(), 0
        with ThreadPoolExecutor(6) as pool:
            stack.callback(over.set)
            asking = [pool.submit(ask_and_keep, daemon, f"127.0.0.{each}", over) for each in range(2, 6)]
            asking += [pool.submit(ask_and_end, daemon, f"127.0.0.{each}", over) for each in (6, 7)]
            until = time.monotonic() + seconds
            while time.monotonic() < until and not any(each.done() for each in asking):
                time.sleep(0.5)
                daemon.process.send_signal(signal.SIGHUP)
                heard += fed(manager)
            over.set()
            counts = [each.result() for each in asking]
        visitors.close()
        at_rest = eventually(lambda: sockets(daemon) <= before, 40.0)
        threads = len(os.listdir(f"/proc/{daemon.pid}/task"))
        faults = daemon.faults()

    assert min(counts) > seconds, counts
    assert heard > seconds / 4, "the daemon has answered itself"
    assert at_rest
    assert threads <= THREADS + PRIORITY_THREADS + 16
    assert not faults


def sockets(daemon: Daemon) -> int:
    """How many sockets it has open."""
    return sum(each.startswith("socket:") for each in daemon.held())


def fed(manager: socket.socket) -> int:
    """How many times systemd has heard that the daemon answers."""
    manager.setblocking(False)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while message := manager.recv(4096):
            count += message.startswith(b"WATCHDOG=1")
    return count
