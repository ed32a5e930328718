"""Connections between two requests: none is lost, none is heard twice, none stays for ever."""

from __future__ import annotations

import random
import select
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from waitress import wasyncore

from pistat.server.parking import Parking, parking
from support.daemon import PROGRAM, Daemon
from support.waiting import eventually

if TYPE_CHECKING:
    from support.need import Need

SOON = 10.0
REQUEST = b"GET /stats?fields=uptime HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = REQUEST.replace(b"Host", b"Connection: close\r\nHost")


class Connection:
    """One that writes down what it hears. From then on it is at work."""

    accepting = False
    closed = False
    at_work = False

    def __init__(self, channels: dict[int, Connection]) -> None:
        self.client, self.socket = socket.socketpair()
        self.parked = False
        self.heard: list[bytes] = []
        channels[self.socket.fileno()] = self
        self._channels = channels

    def readable(self) -> bool:
        return not self.parked and not self.at_work

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        self.heard.append(self.socket.recv(100))
        self.at_work = True

    def handle_write_event(self) -> None:
        """There is nothing to send."""

    def handle_close(self) -> None:
        self.close()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            del self._channels[self.socket.fileno()]
            self.socket.close()
            self.client.close()


def turn(place: Parking, channels: dict[int, Connection]) -> None:
    """A turn of the loop, as the server makes it."""
    wasyncore.loop(timeout=0, use_poll=True, map=channels, count=1)
    place.hear()


@pytest.fixture
def channels() -> Iterator[dict[int, Connection]]:
    made: dict[int, Connection] = {}
    yield made
    for each in list(made.values()):
        each.close()


@pytest.fixture
def place(channels: dict[int, Connection], need: Need) -> Iterator[Parking]:
    need(hasattr(select, "epoll"), "epoll", installed=False)
    made = parking(channels)  # type: ignore[arg-type] # it puts itself beside them
    assert made is not None
    yield made
    made.close()


def test_what_comes_is_heard_once(place: Parking, channels: dict[int, Connection]) -> None:
    """A connection hears what comes after it was parked, time and again, and nothing while it is at work."""
    one, other = Connection(channels), Connection(channels)
    for text in (b"first", b"second"):
        one.at_work = False
        place.park(one)
        place.park(other)
        turn(place, channels)
        one.client.send(text)
        turn(place, channels)
        one.client.send(b"more")
        turn(place, channels)
        assert one.socket.recv(100) == b"more"

    assert one.heard == [b"first", b"second"]
    assert not other.heard
    assert (one.parked, other.parked) == (False, True)


def test_what_has_come_already_is_heard(place: Parking, channels: dict[int, Connection]) -> None:
    """What a client says before its connection is parked is not missed, nor that it has gone."""
    eager, gone = Connection(channels), Connection(channels)
    eager.client.send(b"next")
    gone.client.close()
    place.park(eager)
    place.park(gone)
    turn(place, channels)

    assert (eager.heard, gone.heard) == ([b"next"], [b""])


def test_the_loop_has_heard_it(place: Parking, channels: dict[int, Connection]) -> None:
    """What the loop has heard, since its turn began before the connection was parked, is not heard again."""
    heard = Connection(channels)
    place.park(heard)
    heard.client.send(b"x")
    heard.parked, heard.at_work = False, True
    turn(place, channels)

    assert not heard.heard


def test_who_is_at_work_is_left_alone(place: Parking, channels: dict[int, Connection]) -> None:
    """One that was parked too late, when it was at work again, is heard when it is parked the next time."""
    late = Connection(channels)
    late.at_work = True
    place.park(late)
    late.client.send(b"x")
    turn(place, channels)
    before = list(late.heard)
    late.at_work = False
    place.park(late)
    turn(place, channels)

    assert (before, late.heard) == ([], [b"x"])


class Hasty(Connection):
    """One that has something to send when a turn begins, and is parked before the turn has seen it."""

    place: Parking

    def writable(self) -> bool:
        self.place.park(self)
        self.client.close()
        return True

    def handle_read_event(self) -> None:
        if self.socket.recv(100) == b"":
            self.close()


class Door:
    """Somebody always comes in."""

    accepting = False

    def __init__(self, channels: dict[int, Connection]) -> None:
        self._channels = channels
        self.socket, self._other = socket.socketpair()
        self._other.send(b"!")
        channels[self.socket.fileno()] = self  # type: ignore[assignment] # it is not a connection
        self.came: list[Connection] = []

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        self.came.append(Connection(self._channels))

    def close(self) -> None:
        self.socket.close()
        self._other.close()


def test_nobody_gets_the_events_of_another(place: Parking, channels: dict[int, Connection]) -> None:
    """One that comes in the turn in which a parked one goes is not taken for it."""
    door = Door(channels)
    gone = Hasty(channels)
    gone.place = place
    for _ in range(3):
        turn(place, channels)

    assert gone.closed
    assert len(door.came) == 3
    assert not any(each.closed or each.heard for each in door.came)


def test_who_has_gone_is_not_watched(place: Parking, channels: dict[int, Connection]) -> None:
    """A connection that is closed is forgotten, whoever has its number now; to park it is refused."""
    old = Connection(channels)
    place.park(old)
    number = old.socket.fileno()
    old.client.send(b"x")
    old.close()
    new = Connection(channels)
    assert number in {new.socket.fileno(), new.client.fileno()}, "the system gives the lowest number"
    turn(place, channels)

    assert not new.heard
    with pytest.raises((OSError, ValueError)):
        place.park(old)


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
