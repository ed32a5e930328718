"""What systemd says over D-Bus, and what becomes of a bus that does not say it."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from jeepney import HeaderFields, Message, new_method_return

from pistat.machine import service_manager
from pistat.machine.service_manager import ProtocolError, State, Unit
from support.message_bus import MessageBus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no D-Bus")


def test_what_has_failed(tmp_path: Path) -> None:
    bus = MessageBus(
        tmp_path / "bus",
        "degraded",
        [("web.service", "Web \N{BULLET} server", 1_796_000_000_500_000), ("a.mount", "", 0)],
    )

    assert service_manager.read(str(tmp_path / "bus")) == State(
        "degraded",
        2,
        (Unit("a.mount", "", None), Unit("web.service", "Web \N{BULLET} server", 1_796_000_000.5)),
    )
    bus.close()


def test_many(tmp_path: Path) -> None:
    """All that have failed are counted, and the first hundred are listed."""
    MessageBus(tmp_path / "bus", "degraded", [(f"u{at:04}.service", "x" * 200, 1) for at in range(2000)])

    state = service_manager.read(str(tmp_path / "bus"), seconds=20.0)

    assert state.failed_count == 2000
    assert [unit.name for unit in state.failed] == [f"u{at:04}.service" for at in range(100)]


def answers(member: str, signature: str, body: object) -> Callable[[Message], bytes | None]:
    """Return what answers a method with something else than systemd."""

    def reply(question: Message) -> bytes | None:
        if question.header.fields[HeaderFields.member] != member:
            return None
        return bytes(new_method_return(question, signature, (body,)).serialise(9))

    return reply


@pytest.mark.parametrize(
    "reply",
    [
        lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda _: b"\0" * 5000,
        lambda _: b"l\2\0\1" + b"\xff" * 12,
        answers("Get", "v", ("u", 7)),
        answers("Get", "s", "running"),
        answers("ListUnitsFiltered", "s", "none"),
        answers("ListUnitsFiltered", "as", ["web.service"]),
        answers("ListUnitsFiltered", "a(u)", [(1,)]),
    ],
)
def test_nonsense(tmp_path: Path, reply: Callable[[Message], bytes | None]) -> None:
    """What is no D-Bus, or is of another type, is an error of one kind, and comes at once or in time."""
    MessageBus(tmp_path / "bus", reply=reply)

    with pytest.raises((ProtocolError, TimeoutError)):
        service_manager.read(str(tmp_path / "bus"), seconds=1.0)


def test_too_long_an_answer(tmp_path: Path) -> None:
    """A bus that never ends its answer is not listened to for longer than a megabyte."""
    MessageBus(tmp_path / "bus", reply=answers("Get", "v", ("s", "x" * (2 << 20))))

    with pytest.raises(ProtocolError, match="too long"):
        service_manager.read(str(tmp_path / "bus"), seconds=20.0)


@pytest.mark.parametrize("said", [b"", b"OK 00\r\n", b"REJECTED EXTERNAL\r\n"])
def test_a_bus_that_hangs(tmp_path: Path, said: bytes) -> None:
    """The time is over for all questions together, wherever the bus stands still."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "bus"))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            connection.sendall(said)
            held.append(connection)

        held: list[socket.socket] = []
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises((TimeoutError, ProtocolError)):
            service_manager.read(str(tmp_path / "bus"), seconds=0.3)
        assert time.monotonic() - began < 10.0
        thread.join(10)
        for connection in held:
            connection.close()


def test_a_bus_that_drips(tmp_path: Path) -> None:
    """One that sends a byte now and then does not prolong the wait."""
    stop = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "bus"))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(TimeoutError):
            service_manager.read(str(tmp_path / "bus"), seconds=0.4)
        stop.set()
        thread.join(10)


def test_no_bus(tmp_path: Path) -> None:
    """Without a socket, and with one that nobody listens on, it is an error of the system."""
    with pytest.raises(FileNotFoundError):
        service_manager.read(str(tmp_path / "bus"))
    with socket.socket(socket.AF_UNIX) as unheard:
        unheard.bind(str(tmp_path / "unheard"))
        with pytest.raises(ConnectionRefusedError):
            service_manager.read(str(tmp_path / "unheard"))
