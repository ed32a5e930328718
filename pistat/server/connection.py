"""One connection: reads the head of a request, has a worker answer it, sends the answer, and again.

One thread, the loop of `Server`, owns all sockets, their buffers and their places in the selector. A worker
gets a `Work`, which has none of these: it runs the application, collects the bytes of the answer, and hands
itself back through a queue. What a worker runs of waitress, and what that touches:

- `ThreadedTaskDispatcher.handler_thread`: the queue of requests, under its own lock.
- `WSGITask`: the parsed request, which nobody else has any more; the `Work`, its channel, whose `write_soon`
  appends to a list of its own; and `application` and `adj` of the server, each replaced as a whole or never.

Waitress's own channel, server and trigger are not used: their workers send, close and clear what their loop
uses.
"""

from __future__ import annotations

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
from pistat.server import connection_limits
from pistat.web import errors
from pistat.web.headers import HEADERS

HEAD, BODY = 16_384, 4_096
"""Bytes of a request: its line with its headers, and the body that it may announce, which nothing reads."""

MAX_HEADERS = 100
"""Lines of headers in a request; a browser sends some twenty."""

RECEIVE = 8_192
"""Bytes that are read at once."""

DRAINED = 65_536
"""Bytes that are read and thrown away behind an answer, so that its client does not get a reset instead."""

TARGET = re.compile(
    rb"(?:(?i:https?)://[^\x00-\x20\x7f/?#]+(?=[/?]|$)|(?=/)|\*$)(?!//)[^\x00-\x20\x7f#]*", re.DOTALL
)
"""What may be asked for. Of anything else a proxy in front may see another path than we do."""


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
        if len(head) >= HEAD or head.count(b"\r\n") > MAX_HEADERS + 2:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        try:
            self.parse_header(head)
        except TransferEncodingNotImplemented:
            return HTTPStatus.NOT_IMPLEMENTED
        except (ParsingError, ValueError):
            # ValueError: `http://[/`, or a Content-Length of thousands of digits.
            return HTTPStatus.BAD_REQUEST
        if not TARGET.fullmatch(self.request_uri.encode("latin-1")):
            return HTTPStatus.BAD_REQUEST
        # The name in `GET http://name/` goes before the header, which must be there still: RFC 9112, 3.2.
        if self.proxy_netloc and hosts.host(self.headers.get("HOST", "")):
            self.headers["HOST"] = self.proxy_netloc
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if self.content_length >= BODY else 0


class _Task(WSGITask):
    """Waitress's answer to a request, with what the application needs to know of the connection."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ["SERVER_PORT"] = str(self.channel.connection.port)
        environ["pistat.client"] = self.channel.client
        return environ


class Work:
    """A request in the hands of a worker; to waitress's task it is the channel to write into.

    Attributes:
        pieces: The bytes of the answer.
        ends: Whether the connection ends with the answer.
    """

    def __init__(self, connection: Connection, request: Request) -> None:
        self.connection = connection
        self.request = request
        self.client = connection.client
        self.addr = connection.address
        self.server = connection.server
        self.adj = connection.server.adj
        self.pieces: list[bytes] = []
        self.ends = True

    def service(self) -> None:
        """Answer the request, and hand the answer to the loop; called by a worker."""
        task = _Task(self, self.request)
        try:
            task.service()
            self.ends = task.close_on_finish
        except Exception as error:  # noqa: BLE001 - the application answers its own; this is one around it
            self.server.report(error)
            self.pieces = []
        finally:
            self.server.finish(self)

    def write_soon(self, data: bytes) -> int:
        """Keep a piece of the answer."""
        self.pieces.append(data)
        return len(data)

    def check_client_disconnected(self) -> bool:
        """Return False: only the loop could know."""
        return False

    def cancel(self) -> None:
        """Do nothing: the connections are closed by the loop."""


class State(Enum):
    """What a connection is doing."""

    READING = 1
    WORKING = 2
    SENDING = 3
    DRAINING = 4


WATCHED = {
    State.READING: selectors.EVENT_READ,
    State.WORKING: 0,
    State.SENDING: selectors.EVENT_WRITE,
    State.DRAINING: selectors.EVENT_READ,
}


class Connection:
    """A connection; only the loop touches it.

    Attributes:
        client: Who has it, as `hosts.client` says.
        since: When, on the monotonic clock, it began what it is doing.
        held: How many bytes wait for the client.
        port: Of ours.
    """

    def __init__(self, server: Any, sock: socket.socket, address: tuple[Any, ...], port: int) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the name of the method says what it means
        self.server = server
        self.socket = sock
        self.address = address
        self.port = port
        self.client = hosts.client(address[0], sock.getsockname()[0] if ":" in address[0] else "")
        self.since = time.monotonic()
        self.held = 0
        self.state = State.READING
        self.closed = False
        self._watched = 0
        self._head = b""
        self._unsent: list[memoryview] = []
        self._ends = self._drains = False
        self._drained = 0

    def watch(self) -> None:
        """Have the selector call `handle` when what the connection waits for can be done."""
        events = WATCHED[self.state]
        if events == self._watched:
            return
        if not self._watched:
            self.server.selector.register(self.socket, events, self)
        elif not events:
            self.server.selector.unregister(self.socket)
        else:
            self.server.selector.modify(self.socket, events, self)
        self._watched = events

    def handle(self) -> None:
        """Read or send what can be read or sent now."""
        if self.closed:
            return  # by what was handled earlier in this turn
        try:
            if self.state is State.SENDING:
                self._send()
            else:
                self._receive(self.socket.recv(RECEIVE))
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        if not self.closed:
            self.watch()

    def _receive(self, data: bytes) -> None:
        if not data:
            self.close()
        elif self.state is State.DRAINING:
            self._drained += len(data)
            if self._drained > DRAINED:
                self.close()
        elif self._head or (data := data.lstrip()):
            # Blank lines before a request are no request: RFC 9112, 2.2.
            if not self._head:
                self.since = time.monotonic()
            self._head += data
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if end or len(head) >= HEAD:
                self._head = b""
                self._admit(Request(head + end, rest, self.server.adj))

    def _admit(self, request: Request) -> None:
        self._drains = request.ends
        if request.refused:
            self.server.refused(request.refused)
            self.answer([self.server.refusal(request.refused, request)], ends=True)
        else:
            self.state = State.WORKING
            self.server.submit(Work(self, request))

    def answer(self, pieces: list[bytes], *, ends: bool) -> None:
        """Send an answer, and with `ends` close the connection behind it."""
        if self.closed:
            return
        self.since = time.monotonic()
        self.state = State.SENDING
        self._ends = ends
        if len(pieces) > 1 and sum(map(len, pieces)) < RECEIVE:
            pieces = [b"".join(pieces)]
        self._unsent = [memoryview(each) for each in reversed(pieces)]
        self.held = sum(map(len, pieces))
        self.handle()

    def _send(self) -> None:
        while self._unsent:
            try:
                sent = self.socket.send(self._unsent[-1])
            except BlockingIOError:
                if not self._watched:
                    self.server.limits.hold(self)
                raise
            self.held -= sent
            rest = self._unsent.pop()[sent:]
            if rest:
                self._unsent.append(rest)
        self.since = time.monotonic()
        if not self._ends:
            self.state = State.READING
        elif self._drains:
            # With bytes that are unread the kernel would send a reset, and the client may lose the answer.
            self.socket.shutdown(socket.SHUT_WR)
            self.state = State.DRAINING
        else:
            self.close()

    def time_limit(self) -> float | None:
        """Return for how many seconds it may go on with what it does; None while it waits for us."""
        if self.state is State.WORKING:
            return None
        if self.state is State.SENDING:
            return connection_limits.ANSWER_SECONDS
        if self.state is State.DRAINING:
            return connection_limits.DRAIN_SECONDS
        return connection_limits.REQUEST_SECONDS if self._head else connection_limits.IDLE_SECONDS

    def evictable(self) -> bool:
        """Return whether it waits for its client only, and no answer is just on its way."""
        if self.state is State.SENDING:
            return time.monotonic() - self.since > connection_limits.SENDING_SECONDS
        return self.state is not State.WORKING

    def close_now(self) -> None:
        """Close it; a request that has not come in full counts as one that took too long."""
        if self._head:
            self.server.refused(HTTPStatus.REQUEST_TIMEOUT)
        self.close()

    def close(self) -> None:
        """Close it, and forget what it held."""
        if self.closed:
            return
        self.closed = True
        if self._watched:
            self.server.selector.unregister(self.socket)
        self.socket.close()
        self.held, self._head = 0, b""
        self._unsent.clear()
        self.server.limits.remove(self)


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
    lines = [
        f"HTTP/1.1 {code} {HTTPStatus(code).phrase}",
        *(f"{name}: {value}" for name, value in fields.items()),
    ]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if getattr(request, "command", "") == "HEAD" else head + body
