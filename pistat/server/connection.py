"""One connection: reads the head of a request, has a worker answer it, sends the answer, and again."""

from __future__ import annotations

import contextlib
import math
import re
import selectors
import socket
import time
from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus
from typing import Any

from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.task import WSGITask
from waitress.utilities import build_http_date

from pistat import hosts
from pistat.web import errors
from pistat.web.headers import HEADERS

HEAD, BODY = 16_384, 4_096
"""Bytes of a request: its line with its headers, and the body that it may announce, which nothing reads."""

MAX_HEADERS = 100
"""Lines of headers in a request; a browser sends some twenty."""

RECEIVE = 8_192
"""Bytes that are read at once."""

LARGE = 65_536
"""Bytes from which on an answer must have been taken by the loop before the next is made."""

SENDING_SECONDS = 1.0
"""For how long an answer that is being sent is never cut off for a new connection."""

LINE = re.compile(
    # The method, and a target with a host or without, or `*`; two slashes are no path, nor is an encoded one.
    rb"[!-~]+ (?:(?i:https?)://[^\x00-\x20\x7f/?#]+(?=[ /?]|$)|(?=/)|\*(?= |$))(?!//|[^ ?]*%2[Ff])"
    rb"[^\x00-\x20\x7f#]*(?: HTTP/[0-9]\.[0-9])?\s*"
)
"""What may be asked for. Of anything else, like an encoded slash, a proxy may see another path than we do.

For a line that does not match, the expression of the parser would take the square of its length.
"""


class Request(HTTPRequestParser):
    """The head of a request.

    Attributes:
        refused: The status with which it is refused; 0 if it is to be answered.
        ends: Whether the connection must end with it: what comes behind it is nothing that we answer.
    """

    body_rcv: Any

    def __init__(self, head: bytes, rest: bytes, adjustments: Any) -> None:
        super().__init__(adjustments)
        self.refused = self._read(head)
        body = bool(self.content_length) or self.chunked or "TRANSFER_ENCODING" in self.headers
        self.body_rcv = None
        self.ends = bool(self.refused or body or rest.strip())
        if self.ends:
            # A proxy may see the end of a body elsewhere, so nothing behind it is a request: RFC 9112, 11.2.
            self.headers["CONNECTION"] = "close"

    def _read(self, head: bytes) -> int:
        """Parse the head; return the status with which to refuse it, or 0."""
        if len(head) >= HEAD or head.count(b"\r\n") > MAX_HEADERS + 2:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        # A header goes on in no other line: RFC 9112, 5.2. Of many blanks, expressions take the square.
        blanks = head.replace(b"\t", b" ")
        if not LINE.fullmatch(head.partition(b"\r\n")[0]) or b"\n " in blanks or b" " * 64 in blanks:
            return HTTPStatus.BAD_REQUEST
        try:
            self.parse_header(head)
        except TransferEncodingNotImplemented:
            return HTTPStatus.NOT_IMPLEMENTED
        except (ParsingError, ValueError):
            # ValueError: `http://[/`, or a Content-Length of thousands of digits.
            return HTTPStatus.BAD_REQUEST
        # The name in `GET http://name/` goes before the header, which must be there still: RFC 9112, 3.2.
        if self.proxy_netloc and hosts.host(self.headers.get("HOST", "")):
            self.headers["HOST"] = self.proxy_netloc
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if self.content_length >= BODY else 0


class Work:
    """A request in the hands of a worker; to waitress's task it is the channel to write into.

    Attributes:
        client: Who asks; the application sees it as REMOTE_ADDR.
        pieces: The bytes of the answer; none if nobody waits for it.
        ends: Whether the connection ends with it.
    """

    def __init__(self, connection: Connection, request: Request) -> None:
        self.connection = connection
        self.request = request
        self.server = connection.server
        self.client = self.server.client(connection.client, request.headers.get("X_FORWARDED_FOR", ""))
        self.addr = self.client, connection.address[1]
        self.adj = connection.server.adj
        self.pieces: list[bytes] = []
        self.ends = True

    def service(self) -> None:
        """Answer the request, and hand the answer to the loop; called by a worker."""
        task = WSGITask(self, self.request)
        try:
            if not self.check_client_disconnected():
                task.service()
                self.ends = task.close_on_finish
        except BaseException as error:  # noqa: BLE001 - the application answers its own; this is one around it
            self.server.report(error)
            self.pieces = [self.server.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, self.request)]
        self.server.finish(self)

    @property
    def large(self) -> bool:
        """Return whether the answer is so large that the next is not made before the loop has taken it."""
        return sum(map(len, self.pieces)) >= LARGE

    def write_soon(self, data: bytes) -> int:
        """Keep a piece of the answer."""
        self.pieces.append(data)
        return len(data)

    def check_client_disconnected(self) -> bool:
        """Return whether the client has reset the connection, or it has been closed."""
        with contextlib.suppress(OSError):
            return self.connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
        return True


class State(Enum):
    """What a connection is doing."""

    IDLE = "waits for a request"
    READING = "waits for the rest of one"
    WORKING = "waits for a worker"
    SENDING = "waits until its client has read the answer"
    DRAINING = "waits until its client has seen the end"
    CLOSED = "is closed"


SECONDS = {State.IDLE: 20.0, State.READING: 10.0, State.SENDING: 30.0, State.DRAINING: 2.0}
"""How long a connection may do so; a worker takes the time that it takes."""


class Connection:
    """A connection; only the loop touches it.

    Attributes:
        client: Who has it, as `hosts.client` says.
        since: When, on the monotonic clock, it began what it is doing.
        held: The whole answer, until the client has read its last byte.
        sent: How many bytes of it the kernel has taken.
        moved: When the client last made room for more of it.
    """

    def __init__(self, server: Any, sock: socket.socket, address: tuple[Any, ...]) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the name of the method says what it means
        self.server = server
        self.socket = sock
        self.address = address
        self.client = hosts.client(address[0], sock.getsockname()[0] if ":" in address[0] else "")
        self._received = b""
        self.held, self.sent = b"", 0
        self._ends = self._drains = False
        self._begin(State.IDLE)

    def _begin(self, state: State) -> None:
        self.state = state
        self.since = self.moved = time.monotonic()

    def wait(self) -> None:
        """Have the loop call `handle` when the client has sent something, or has read something."""
        events = selectors.EVENT_WRITE if self.state is State.SENDING else selectors.EVENT_READ
        self.server.selector.register(self.socket, events, self)

    def handle(self) -> None:
        """Read or send what can be read or sent now, and wait for more; the selector has let go of it."""
        try:
            with contextlib.suppress(BlockingIOError):
                if self.state is not State.SENDING:
                    self._receive(self.socket.recv(RECEIVE))
                if self.state is State.SENDING:
                    self._send()
            if self.state in SECONDS:
                self.wait()
        except OSError:
            self.close()
        except Exception as error:  # noqa: BLE001 - one that should not be costs the connection, not the loop
            self.server.report(error)
            self.close()

    def _receive(self, data: bytes) -> None:
        """Take in what the client has sent; admit the request when its head is complete."""
        if not data:
            self.close()
        elif self.state is not State.DRAINING:
            # Blank lines before a request are no request: RFC 9112, 2.2.
            self._received = (self._received + data).lstrip()
            if self._received and self.state is State.IDLE:
                self._begin(State.READING)
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if end or len(head) >= HEAD:
                self._received = b""
                self._admit(Request(head + end, rest, self.server.adj))

    def _admit(self, request: Request) -> None:
        self._drains = request.ends
        if request.refused:
            self.answer(self.server.refuse(request.refused, request), ends=True)
        else:
            self._begin(State.WORKING)
            self.server.submit(Work(self, request))

    def answer(self, answer: bytes, *, ends: bool) -> None:
        """Have `handle` send an answer, and with `ends` close the connection behind it."""
        self.held = answer
        self._ends = ends
        self._begin(State.SENDING)

    def _send(self) -> None:
        """Send what the kernel takes; after the last byte, wait for the next request or close."""
        with contextlib.suppress(BlockingIOError):
            self.sent += self.socket.send(memoryview(self.held)[self.sent :])
            self.moved = time.monotonic()
        if self.sent < len(self.held):
            self.server.limits.limit_unread(self)
            return
        self.held, self.sent = b"", 0
        if not self._ends:
            self._begin(State.IDLE)
        elif self._drains:
            # With bytes that are unread the kernel would send a reset, and the client may lose the answer.
            self.socket.shutdown(socket.SHUT_WR)
            self._begin(State.DRAINING)
        else:
            self.close()

    def is_late(self, now: float) -> bool:
        """Return whether it has done what it does for longer than it may."""
        return now - self.since > SECONDS.get(self.state, math.inf)

    def evictable(self) -> bool:
        """Return whether it waits for its client only, and no answer is just on its way."""
        if self.state is State.SENDING:
            return time.monotonic() - self.since > SENDING_SECONDS
        return self.state is not State.WORKING

    def cut_off(self) -> None:
        """Close it; a request that has not come in full counts as one that took too long."""
        if self.state is State.READING:
            self.server.refused(HTTPStatus.REQUEST_TIMEOUT)
        self.close()

    def close(self) -> None:
        """Close it, and forget what it held."""
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        with contextlib.suppress(KeyError):
            self.server.selector.unregister(self.socket)
        self.socket.close()
        self._received = self.held = b""
        self.server.limits.discard(self)


def refusal(code: int, request: Request | None, shared: Mapping[str, str]) -> bytes:
    """Return the answer to what never reaches the application, with headers for pages of its origin."""
    body = errors.error_body(code, errors.MESSAGES[code])
    fields = {
        **HEADERS,
        **shared,
        "Connection": "close",
        "Content-Length": str(len(body)),
        "Content-Type": "application/json",
        "Date": build_http_date(time.time()),
        "Server": "pi-stat",
    }
    if code == HTTPStatus.SERVICE_UNAVAILABLE:
        fields["Retry-After"] = "1"
    lines = [f"HTTP/1.1 {code} {HTTPStatus(code).phrase}", *map(": ".join, fields.items()), "", ""]
    head = "\r\n".join(lines).encode("latin-1")
    return head if getattr(request, "command", "") == "HEAD" else head + body
