"""One connection: waitress's parser and channel, with our own refusals and deadlines."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask

from pistat.hosts import client, host
from pistat.server import connection_limits
from pistat.web import errors
from pistat.web.headers import HEADERS

if TYPE_CHECKING:
    import socket


UNREAD = 1 << 18
"""Bytes of answers that may wait for a client when its next request is to be answered."""


class Refused:
    """Why a request never reaches the application, in the form that waitress has for it."""

    def __init__(self, code: int) -> None:
        self.code = code


class _ErrorTask(ErrorTask):
    """Waitress's answer to what it refuses, as our JSON with our headers."""

    def execute(self) -> None:
        code = self.request.error.code
        self.channel.server.refused(code)
        body = errors.error_body(code, errors.MESSAGES[code])
        self.status = f"{code} {HTTPStatus(code).phrase}"
        # What could not be parsed has no method, and perhaps no origin.
        shares = self.channel.server.cors(self.request.headers.get("ORIGIN", ""))
        self.response_headers += {**HEADERS, **shares, "Content-Type": "application/json"}.items()
        if code == HTTPStatus.SERVICE_UNAVAILABLE:
            self.response_headers.append(("Retry-After", "1"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else body)


class _Task(WSGITask):
    """Waitress's answer to a request; it leaves in one piece, head and body, where waitress sends two."""

    wrote_header: bool

    def write(self, data: bytes) -> None:
        """Send the next piece of the body, and before the first the head."""
        if self.wrote_header or len(data) != self.content_length:
            super().write(data)
        else:
            self.channel.write_soon(self.build_response_header() + data)
            self.wrote_header = True
            self.content_bytes_written = len(data)


class _Parser(HTTPRequestParser):
    """Waitress's parser, without ways to get no answer from it, or two; and with one name for the server."""

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.completed:
            # Nothing is left to go on with, but waitress would say 100 and wait for it.
            self.expect_continue = False
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            # `http://[/`, or a Content-Length of thousands of digits: waitress would drop the connection.
            raise ParsingError(str(error)) from None
        if self.body_rcv is not None or "TRANSFER_ENCODING" in self.headers:
            # A proxy may see its end elsewhere, so what comes behind it is no request: RFC 9112, 11.2.
            self.headers["CONNECTION"] = "close"
        # The name in `GET http://name/` goes before the header, which must be there still: RFC 9112, 3.2.
        if self.proxy_netloc and host(self.headers.get("HOST", "")):
            self.headers["HOST"] = self.proxy_netloc


class Connection(HTTPChannel):
    """Waitress's connection, as a member of the crowd.

    Waitress knows a timeout between two bytes only, which a client that sends one a second never meets, and
    by the wall clock.
    """

    error_task_class = _ErrorTask
    task_class = _Task
    parser_class = _Parser

    def __init__(
        self,
        server: Any,
        connection: socket.socket,
        address: tuple[Any, ...],
        *arguments: Any,
        **options: Any,
    ) -> None:
        self.client = client(address[0])
        self.since = time.monotonic()
        super().__init__(server, connection, address, *arguments, **options)
        self.will_close = not server.limits.add(self)
        if self.will_close:
            server.refused(HTTPStatus.SERVICE_UNAVAILABLE)

    def received(self, data: bytes) -> bool:
        """Bytes have come; the time of a request begins with its first."""
        if self.request is None:
            # Waitress passes over blank lines: a client that sends nothing else is idle still.
            data = data.lstrip()
            if data:
                self.since = time.monotonic()
        return bool(super().received(data))

    def service(self) -> None:
        """Answer the first request, if the client reads its answers; then the time of the answer begins."""
        try:
            if self.total_outbufs_len > UNREAD:
                self._hear_no_more()
            else:
                super().service()
        finally:
            self.since = time.monotonic()
            # The loop looks for the next request, or for what else there is to do.
            self.server.wake()

    def _hear_no_more(self) -> None:
        """Send what there is, and close; a thread that waited for the client would be lost to all others."""
        with self.requests_lock:
            self.close_when_flushed = True
            for each in self.requests:
                each.close()
            self.requests.clear()

    def time_limit(self) -> float | None:
        """For how many seconds it may go on with what it does; None while it waits for us."""
        if self.total_outbufs_len:
            return connection_limits.ANSWER_SECONDS
        if self.requests:
            return None
        return connection_limits.IDLE_SECONDS if self.request is None else connection_limits.REQUEST_SECONDS

    def evictable(self) -> bool:
        """Whether it waits for its client only, and no answer is just on its way."""
        sending = self.total_outbufs_len or self.close_when_flushed
        return not self.requests and (
            not sending or time.monotonic() - self.since > connection_limits.SENDING_SECONDS
        )

    def close_now(self) -> None:
        """Close it; a request of which the rest has not come counts as one that took too long."""
        if self.request is not None:
            self.server.refused(HTTPStatus.REQUEST_TIMEOUT)
        self.handle_close()

    def del_channel(self, *arguments: Any) -> None:
        """Note that it has been closed."""
        super().del_channel(*arguments)
        self.server.limits.remove(self)
