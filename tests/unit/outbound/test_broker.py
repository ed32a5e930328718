"""Brokers that send what nobody has asked for: it is not taken, and the connection ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from pistat.outbound.broker import LONGEST, BrokerError, Connection
from pistat.validators import urls

WELCOME = b"\x20\x02\x00\x00"
ONLINE = b"\x30\x09\x00\x01tonline"
LOST = "the connection to the broker was lost"
NO_MQTT = "the broker sent something that is not MQTT 3.1.1"


@contextmanager
def broker(sent: bytes, welcome: bytes = WELCOME) -> Iterator[tuple[int, list[bytes]]]:
    """A broker that lets one client in, and sends it something; its port, and what it still hears then."""
    heard: list[bytes] = []

    def serve() -> None:
        with listener.accept()[0] as client:
            listener.close()
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


def connected(port: int, heard: Callable[[str, bytes], None] | None = None) -> Connection:
    """A connection to such a broker, which is made by a `with` block."""
    return Connection(urls("mqtt")(f"mqtt://127.0.0.1:{port}")[0], "test", on_message=heard)


def listen(port: int) -> list[tuple[str, bytes]]:
    """What a client of the broker is told until something has come."""
    heard: list[tuple[str, bytes]] = []
    with connected(port, lambda *message: heard.append(message)) as connection:
        until = time.monotonic() + 20
        while not heard and time.monotonic() < until:
            connection.wait(0.1)
    return heard


def talk(port: int) -> None:
    """Publish until that fails."""
    with connected(port) as connection:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            connection.publish("t", b"")


def test_what_is_asked_for_is_heard() -> None:
    """A short word arrives."""
    with broker(ONLINE) as (port, _):
        assert listen(port) == [("t", b"online")]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (1, "Connection refused"),  # to the older protocol, which is tried then
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


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"\x30\x04\x00\x02\xff\xfe", [NO_MQTT]),  # a topic that is no text
        # Some versions of paho-mqtt hang up by themselves where a packet ends too early.
        (b"\x30\x04\xff\xffto", [NO_MQTT, LOST]),
        (b"\x90\x00", [NO_MQTT, LOST]),
        (b"\x10\x00", [LOST]),  # a client would say that
    ],
)
def test_nonsense_ends_the_connection(sent: bytes, why: list[str]) -> None:
    """What is no MQTT is no more than a connection that has failed."""
    with broker(sent) as (port, _), pytest.raises(BrokerError) as raised:
        listen(port)

    assert str(raised.value) in why


def test_what_nobody_takes_any_more_is_an_error() -> None:
    """A broker that hangs up is noticed by the next message at the latest."""
    with broker(b"") as (port, _), pytest.raises(BrokerError, match=LOST):
        talk(port)
