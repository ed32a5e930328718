"""Brokers that send what nobody has asked for: it is not taken, and the connection ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from pistat.outbound.broker import LONGEST, BrokerError, Connection
from pistat.validators import urls

WELCOME = b"\x20\x02\x00\x00"
ONLINE = b"\x30\x09\x00\x01tonline"


@contextmanager
def broker(sent: bytes, welcome: bytes = WELCOME) -> Iterator[tuple[int, list[bytes]]]:
    """A broker that lets one client in, and sends it something; its port, and what it still hears then."""
    heard: list[bytes] = []

    def serve() -> None:
        with listener.accept()[0] as client:
            client.recv(4096)
            client.sendall(welcome + sent)
            try:
                heard.append(client.recv(4096))
            except ConnectionError:
                heard.append(b"")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join(20)


def listen(port: int) -> list[tuple[str, bytes]]:
    """What a client of the broker is told until something has come."""
    heard: list[tuple[str, bytes]] = []
    url = urls("mqtt")(f"mqtt://127.0.0.1:{port}")[0]
    with Connection(url, "test", on_message=lambda *message: heard.append(message)) as connection:
        until = time.monotonic() + 20
        while not heard and time.monotonic() < until:
            connection.wait(0.1)
    return heard


def test_what_is_asked_for_is_heard() -> None:
    """A short word arrives."""
    with broker(ONLINE) as (port, _):
        assert listen(port) == [("t", b"online")]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (2, r"the broker refused it \(Client identifier not valid\)"),
        (3, r"the broker refused it \(Server unavailable\)"),
        (4, "the broker refused the user name or the password"),
        (5, "the broker refused the user name or the password"),
        (9, r"the broker refused it \(Unspecified error\)"),
    ],
)
def test_a_refusal_has_a_reason(code: int, why: str) -> None:
    """A broker that lets nobody in says why."""
    with broker(b"", bytes([0x20, 2, 0, code])) as (port, _), pytest.raises(BrokerError, match=why):
        listen(port)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"\x30\xff\xff\xff\x7f", f"the broker sent 268435455 bytes at once; expected at most {LONGEST}"),
        (b"\x30\x81\x20" + b"\0" * 4097, f"the broker sent 4097 bytes at once; expected at most {LONGEST}"),
        (b"\x34\x0b\x00\x01t\x00\x01online", "the broker sent a message with QoS 2; expected 1 at most"),
    ],
)
def test_what_would_take_memory_is_not_taken(sent: bytes, why: str) -> None:
    """A packet of any length that is announced, and messages that wait for a second word of the broker."""
    with broker(sent) as (port, heard), pytest.raises(BrokerError) as raised:
        listen(port)

    assert str(raised.value) == why
    assert heard == [b""], "it is hung up on"
