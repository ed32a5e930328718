"""A bus of D-Bus on a socket of its own, with systemd behind it as far as it is asked here."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, Message, Parser, new_error, new_method_return, new_signal

Failed = Sequence[tuple[str, str, int]]
"""Units that have failed: name, description, and since when in microseconds."""


class MessageBus:
    """A bus at `path`, until `close`.

    Args:
        path: Where its socket is.
        state: What systemd says of the whole system.
        failed: The units that have failed.
        reply: What is sent in place of an answer, given the question; None sends the true one.
    """

    def __init__(
        self,
        path: Path,
        state: str = "running",
        failed: Failed = (),
        reply: Callable[[Message], bytes | None] = lambda _: None,
    ) -> None:
        self.state, self.failed, self._reply = state, failed, reply
        self.questions: list[str] = []
        self._talks: list[threading.Thread] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()
        for talk in self._talks:
            talk.join(10)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._talks.append(threading.Thread(target=self._talk, args=[connection], daemon=True))
                self._talks[-1].start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            begun = b""
            while not begun.endswith(b"\r\n"):
                begun += connection.recv(4096)
            connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            begun = b""
            while b"BEGIN\r\n" not in begun:
                begun += connection.recv(4096)
            parser = Parser()
            parser.add_data(begun.partition(b"BEGIN\r\n")[2])
            while True:
                while (question := parser.get_next_message()) is None:
                    data = connection.recv(4096)
                    if not data:
                        return
                    parser.add_data(data)
                sent = self._reply(question)
                connection.sendall(self._answer(question) if sent is None else sent)

    def _answer(self, question: Message) -> bytes:
        member: str = question.header.fields[HeaderFields.member]
        self.questions.append(member)
        if member == "Hello":
            # The bus tells a client of its name, too.
            signal = new_signal(
                DBusAddress("/org/freedesktop/DBus", interface="org.freedesktop.DBus"), "NameAcquired"
            )
            return bytes(new_method_return(question, "s", (":1.7",)).serialise(1) + signal.serialise(2))
        if member == "ListUnitsFiltered":
            rows = [
                (name, text, "loaded", "failed", "failed", "", f"/unit/{at}", 0, "", "/")
                for at, (name, text, _) in enumerate(self.failed)
            ]
            return bytes(new_method_return(question, "a(ssssssouso)", (rows,)).serialise(3))
        return bytes(self._property(question).serialise(4))

    def _property(self, question: Message) -> Message:
        name = question.body[1]
        value: Any = ("s", self.state) if name == "SystemState" else None
        if name == "StateChangeTimestamp":
            at = int(question.header.fields[HeaderFields.path].rsplit("/", 1)[1])
            value = ("t", self.failed[at][2])
        if value is None:
            return new_error(question, "org.freedesktop.DBus.Error.UnknownProperty")
        return new_method_return(question, "v", (value,))
