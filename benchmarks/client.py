"""Clients: one that asks and reads everything, and a crowd that keeps a server busy."""

from __future__ import annotations

import http.client
import selectors
import socket
import time
from dataclasses import dataclass, field


class WrongAnswerError(Exception):
    """What was measured did not do its work."""


class Client:
    """One connection that is kept open, to a server on the loopback."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, target: str) -> bytes:
        """Return the body of a 200. Raise OSError or WrongAnswerError."""
        self._connection.request("GET", target)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise WrongAnswerError(f"{target}: {answer.status} {body[:200]!r}")
        return body

    def close(self) -> None:
        self._connection.close()


@dataclass
class Load:
    """What a crowd of clients got: seconds for each answer, and what was no 200."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


def load(port: int, target: str, clients: int, seconds: float) -> Load:
    """Ask as fast as the answers come, on `clients` connections; answers must have a Content-Length."""
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    found = Load(seconds)
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            connection = socket.create_connection(("127.0.0.1", port))
            selector.register(connection, selectors.EVENT_READ, _Exchange())
        for key in list(selector.get_map().values()):
            key.data.send(key.fileobj, request)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            for key, _ in selector.select(1.0):
                if key.data.receive(key.fileobj):
                    found.latencies.append(time.perf_counter() - key.data.asked)
                    found.errors += not key.data.received.startswith(b"HTTP/1.1 200 ")
                    key.data.send(key.fileobj, request)
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return found


class _Exchange:
    """A question under way on one connection."""

    def __init__(self) -> None:
        self.asked = 0.0
        self.received = b""

    def send(self, connection: socket.socket, request: bytes) -> None:
        self.asked, self.received = time.perf_counter(), b""
        connection.sendall(request)

    def receive(self, connection: socket.socket) -> bool:
        """Take what has come; whether that was all."""
        self.received += connection.recv(1 << 20)
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return False
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        return len(body) >= length
