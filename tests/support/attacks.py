"""What a client may do to others: each attack is bounded in count and time, and only against this machine."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator

REQUEST = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"

RESTLESS = "comes, asks, half closes and goes at random"

Attack = Callable[[str, int, threading.Event], None]
"""Attacks a port of the loopback from an address until it is told to stop."""


def connect(source: str, port: int) -> socket.socket:
    """Return a connection from `source` that never waits for more than a second."""
    return socket.create_connection(("127.0.0.1", port), timeout=1, source_address=(source, 0))


def _hold(source: str, port: int, over: threading.Event, first: bytes, then: bytes = b"") -> None:
    """Open 100 connections, send `first` on each, and `then` five times a second."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(100):
            with contextlib.suppress(OSError):
                opened.append(stack.enter_context(connect(source, port)))
                opened[-1].setblocking(False)
                opened[-1].send(first)
        while not over.wait(0.2):
            for each in opened:
                with contextlib.suppress(OSError):
                    each.send(then)


def _repeat(source: str, port: int, over: threading.Event, sent: bytes, *, read: bool = True) -> None:
    """Open a connection, send, read what comes and close, and again, as fast as it goes."""
    while not over.is_set():
        with contextlib.suppress(OSError), connect(source, port) as connection:
            connection.sendall(sent)
            if read:
                connection.recv(65536)


def _keep_asking(source: str, port: int, over: threading.Event, request: bytes) -> None:
    """Ask on a connection that is kept, as fast as answers come."""
    while not over.is_set():
        with contextlib.suppress(OSError), connect(source, port) as connection:
            while not over.is_set():
                connection.sendall(request)
                if not connection.recv(65536):
                    break


def _get(target: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: a", *headers, "", ""]).encode()


def _holding(first: bytes, then: bytes = b"") -> Attack:
    return lambda source, port, over: _hold(source, port, over, first, then)


def _repeating(sent: bytes, *, read: bool = True) -> Attack:
    return lambda source, port, over: _repeat(source, port, over, sent, read=read)


def _asking(request: bytes) -> Attack:
    return lambda source, port, over: _keep_asking(source, port, over, request)


TARGETS = ("/health", "/stats", "/stats?cache=false", "/processes?limit=50", "/nowhere", "/")
GO_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER with which close() sends a reset."""


def _any_request(chance: random.Random) -> bytes:
    """Return a request that may be wrong, unfinished, doubled, or have a body."""
    more = chance.choice(["Connection: close", "Expect: 100-continue", "Content-Length: 5", "X: y"])
    whole = _get(chance.choice(TARGETS), more)
    part = whole[: chance.randrange(1, len(whole))]
    wrong = (whole * 2, whole + part, whole + b"12345", part, b"\r\n" + whole, b"\x16\x03\x01\r\n\r\n")
    return chance.choice([whole] * 3 + [*wrong])


def _visit(chance: random.Random, source: str, port: int) -> None:
    """Do some things on a connection, and leave it in one of the ways that there are."""
    with connect(source, port) as connection:
        for _ in range(chance.randrange(6)):
            action = chance.randrange(5)
            if action < 3:
                connection.sendall(_any_request(chance))
            elif action == 3:
                connection.settimeout(chance.choice([0.001, 0.01, 0.1]))
                with contextlib.suppress(TimeoutError):
                    connection.recv(chance.choice([1, 100, 65536]))
            else:
                connection.shutdown(socket.SHUT_WR)
        if chance.random() < 0.3:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, GO_AT_ONCE)


def _come_and_go(source: str, port: int, over: threading.Event) -> None:
    chance = random.Random()
    while not over.is_set():
        with contextlib.suppress(OSError):
            _visit(chance, source, port)


ATTACKS: dict[str, Attack] = {
    "pipelines": _repeating(REQUEST * 256),
    "pipelines and reads nothing": _repeating(REQUEST * 256, read=False),
    "opens and says nothing": _holding(b""),
    "drips a head": _holding(b"GET /stats HTTP/1.1\r\nX: ", b"a"),
    "sends large heads without an end": _holding(b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 3500),
    "sends many headers and no body": _holding(
        b"GET / HTTP/1.1\r\nContent-Length: 9\r\n" + b"a:\r\n" * 2700 + b"\r\n"
    ),
    "expects 100": _asking(_get("/health", "Content-Length: 1", "Expect: 100-continue")),
    "expects 100 without a body": _asking(_get("/health", "Expect: 100-continue")),
    "asks and reads nothing": _holding(_get("/"), _get("/")),
    "asks for seconds": _holding(_get("/stats?block=true"), _get("/stats?block=true")),
    "asks for fresh answers": _asking(_get("/stats?cache=false")),
    "asks for what is there": _asking(_get("/capabilities")),
    "asks for health": _asking(REQUEST),
    "sends nonsense": _repeating(b"\x16\x03\x01\x02\x00\r\n\r\n"),
    "asks for all processes": _asking(_get("/processes?limit=10000")),
    "connects and goes": _repeating(b"", read=False),
    RESTLESS: _come_and_go,
}


@contextlib.contextmanager
def under(names: Iterable[str], port: int) -> Iterator[None]:
    """While this lasts, addresses attack, each in its own way, from a process for each."""
    commands = [
        [sys.executable, __file__, name, str(port), f"127.0.0.{number}"]
        for number, name in enumerate(names, 9)
    ]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE) for command in commands]
    try:
        time.sleep(0.5)
        yield
    finally:
        for each in started:
            each.communicate()


def _main(name: str, port: int, source: str) -> None:
    """Attack until standard input ends, for some minutes at most.

    An attacker on the network has a processor of its own, so here it takes what others leave.
    """
    os.nice(19)
    over = threading.Event()
    threading.Timer(200.0, over.set).start()
    workers = [threading.Thread(target=ATTACKS[name], args=(source, port, over)) for _ in range(4)]
    for each in workers:
        each.start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
