"""What systemd says about its units, over D-Bus. The library is imported when it is first asked."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jeepney import Message
    from jeepney.low_level import Parser

SOCKET = "/run/dbus/system_bus_socket"
SECONDS = 1.0
"""How long all questions together may take."""

MOST_BYTES = 1 << 20
"""More than thousands of failed units take; whoever sends more than that is not listened to."""

MOST_UNITS = 100
"""How many failed units are listed; all are counted."""

SYSTEMD = "org.freedesktop.systemd1"
MANAGER = "/org/freedesktop/systemd1"
PROPERTIES = "org.freedesktop.DBus.Properties"


class Unit(NamedTuple):
    """A unit that has failed: its name, what it says it is, and since when (Unix time) if that is known."""

    name: str
    description: str
    since: float | None


class State(NamedTuple):
    """How the services are: in one word of systemd, how many have failed, and the first of those."""

    state: str
    failed_count: int
    failed: tuple[Unit, ...]


class ProtocolError(ValueError):
    """What came back is no D-Bus, or is not what was asked for."""


def read(path: str, seconds: float = SECONDS) -> State:
    """Ask systemd through the system bus at `path`.

    Raises:
        TimeoutError: It has not answered within `seconds`.
        OSError: There is no bus, or it cannot be connected to.
        ProtocolError: It has answered with something else.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
        bus = _Bus(connection, time.monotonic() + seconds)
        try:
            bus.connect(path)
            return _state(bus)
        except (OSError, ProtocolError):
            raise
        except Exception as error:  # the library raises what it likes when it is sent nonsense
            raise ProtocolError(repr(error)) from error


def _state(bus: _Bus) -> State:
    state = _text(bus.get(MANAGER, f"{SYSTEMD}.Manager", "SystemState"))
    rows = bus.call(MANAGER, f"{SYSTEMD}.Manager", "ListUnitsFiltered", "as", (["failed"],))
    if not isinstance(rows, list):
        raise ProtocolError("ListUnitsFiltered gave no list")
    failed = sorted((_text(row[0]), _text(row[1]), _text(row[6])) for row in rows)
    units = [Unit(name, text, _since(bus, place)) for name, text, place in failed[:MOST_UNITS]]
    return State(state, len(failed), tuple(units))


def _since(bus: _Bus, place: str) -> float | None:
    """Return when a unit came into its state; None for one that is no longer there."""
    try:
        stamp = bus.get(place, f"{SYSTEMD}.Unit", "StateChangeTimestamp")
    except ProtocolError:
        return None
    return stamp / 1e6 if isinstance(stamp, int) and stamp else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ProtocolError(f"{value!r:.100} is not a text")
    return value


class _Bus:
    """A connection to the bus on which every wait has the same end."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection = connection
        self._until = until
        self._received = 0
        self._serial = 0
        self._parser: Parser | None = None

    def connect(self, path: str) -> None:
        """Connect, authenticate, say hello."""
        from jeepney.auth import BEGIN, Authenticator  # noqa: PLC0415 - see above
        from jeepney.low_level import Parser  # noqa: PLC0415 - see above

        self._wait()
        self._connection.connect(path)
        authenticator = Authenticator()
        for line in authenticator:
            self._send(line)
            authenticator.feed(self._receive())
        self._send(BEGIN)
        self._parser = Parser()
        self.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", bus="org.freedesktop.DBus")

    def get(self, place: str, interface: str, name: str) -> Any:
        """Return a property of an object."""
        answer = self.call(place, PROPERTIES, "Get", "ss", (interface, name))
        # A variant: its type, and its value.
        if not isinstance(answer, tuple) or len(answer) != 2:  # noqa: PLR2004 - as above
            raise ProtocolError(f"{name} is no variant")
        return answer[1]

    def call(
        self,
        place: str,
        interface: str,
        method: str,
        signature: str | None = None,
        body: tuple[Any, ...] = (),
        bus: str = SYSTEMD,
    ) -> Any:
        """Return the first value of the answer to a method call. Raises ProtocolError, OSError."""
        from jeepney import DBusAddress, new_method_call  # noqa: PLC0415 - see above
        from jeepney.low_level import HeaderFields, MessageType  # noqa: PLC0415 - see above

        self._serial += 1
        question = new_method_call(DBusAddress(place, bus, interface), method, signature, body)
        self._send(question.serialise(serial=self._serial))
        for message in self._messages():
            if message.header.fields.get(HeaderFields.reply_serial) != self._serial:
                # A signal, such as that of our own name.
                continue
            if message.header.message_type is not MessageType.method_return or not message.body:
                raise ProtocolError(f"{method} failed: {message.body!r:.100}")
            return message.body[0]
        raise ProtocolError("the bus has closed the connection")

    def _messages(self) -> Iterator[Message]:
        assert self._parser is not None
        while True:
            message = self._parser.get_next_message()
            if message is not None:
                yield message
            else:
                self._parser.add_data(self._receive())

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)

    def _send(self, data: bytes) -> None:
        self._wait()
        self._connection.sendall(data)

    def _receive(self) -> bytes:
        self._wait()
        data = self._connection.recv(16_384)
        self._received += len(data)
        if not data or self._received > MOST_BYTES:
            raise ProtocolError("the bus has closed the connection" if not data else "too long an answer")
        return data
