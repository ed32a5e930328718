"""The listening side: sockets, waitress tuned to defend itself, and an end that drops no request."""

from __future__ import annotations

import errno
import json
import logging
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer, create_server
from waitress.task import ErrorTask

from pistat import errors

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 32
"""Many for two cores, but idle ones cost some kilobytes each, and `block=true` keeps one for a second."""

BLOCKING = 24
"""How many requests may wait their second at a time; the other threads are for everybody else."""

TUNING = {
    "threads": THREADS,
    "connection_limit": 512,
    "channel_timeout": 20,
    "cleanup_interval": 5,
    # select() dies as soon as the process holds a descriptor above 1,023.
    "asyncore_use_poll": True,
    "max_request_header_size": 16_384,
    "max_request_body_size": 4_096,
    # The guard decides whom to believe.
    "clear_untrusted_proxy_headers": False,
    "expose_tracebacks": False,
    "log_socket_errors": False,
    "ident": "pi-stat",
}
ACCEPT_SECONDS = 0.2
"""How long, at the end, connections are accepted that were waiting for it."""

GRACE = 1.4
"""Seconds that requests under way get when the daemon is told to stop."""


def error_body(status: int, message: str) -> bytes:
    """The JSON that every refused request gets."""
    return json.dumps({"error": HTTPStatus(status).phrase, "message": message}).encode() + b"\n"


MESSAGES = {**errors.MEANING, 400: "The request is not HTTP that this server understands."}
"""What is said of requests that never reach the application; waitress's words would quote its internals."""


class _ErrorTask(ErrorTask):
    """Waitress's answer to what it cannot parse, as our JSON with our headers."""

    def execute(self) -> None:
        code = self.request.error.code
        body = error_body(code, MESSAGES[code])
        self.status = f"{code} {HTTPStatus(code).phrase}"
        self.response_headers.extend(self.channel.server.error_headers)
        self.set_close_on_finish()
        self.content_length = len(body)
        # What could not be parsed has no method.
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else body)


class _Parser(HTTPRequestParser):
    """Waitress's parser, without two ways to get no answer from it."""

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


class _Channel(HTTPChannel):
    error_task_class = _ErrorTask
    parser_class = _Parser


NOBODY = "0.0.0.0"  # noqa: S104 - nothing listens on it
"""The address of the daemon when it asks itself; no client can have it."""

NO_IPV6 = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on `host`: `::` serves both families, `localhost` every loopback that there is.

    Raises:
        OSError: The port is in use, or the address is not one of this machine.
    """
    hosts = ["127.0.0.1", "::1"] if host == "localhost" else [host]
    sockets = []
    for each in hosts:
        try:
            sockets.append(_bind(each, port))
        except OSError as error:
            # A kernel without IPv6 still has a loopback.
            if host != "localhost" or error.errno not in NO_IPV6:
                raise
    return sockets


def _bind(host: str, port: int) -> socket.socket:
    [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_PASSIVE
    )
    listener = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


class Server:
    """Serves `application` on `sockets` until `stop` is called, or the process is told to end.

    Attributes:
        application: What answers. Another may take its place at any time, and gets the requests that follow.
    """

    def __init__(
        self, application: WSGIApplication, sockets: Iterable[socket.socket], headers: Mapping[str, str]
    ) -> None:
        logging.getLogger("waitress").setLevel(logging.ERROR)
        self.application = application
        self._map: dict[int, Any] = {}
        server = create_server(self._respond, map=self._map, sockets=list(sockets), **TUNING)
        self._dispatcher = server.task_dispatcher
        self._listeners = [each for each in self._map.values() if isinstance(each, TcpWSGIServer)]
        for listener in self._listeners:
            listener.channel_class = _Channel
            listener.error_headers = [*headers.items(), ("Content-Type", "application/json")]
        self._stopping = False
        self._hung_up = False

    def _respond(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self.application(environ, start_response)

    @property
    def urls(self) -> list[str]:
        """Where it listens."""
        return [_url(each.socket.getsockname()) for each in self._listeners]

    def stop(self, *_: object) -> None:
        """End `run` soon. May be called from a signal handler."""
        self._stopping = True
        self._listeners[0].pull_trigger()

    def hang_up(self, *_: object) -> None:
        """Have `run` call its `hung_up` soon. May be called from a signal handler."""
        self._hung_up = True
        self._listeners[0].pull_trigger()

    def ask(self) -> socket.socket:
        """Send a request for /health; the answer comes on the socket, which does not block.

        It goes the way of every request but for the network, which a firewall may close to the daemon itself.
        """
        client, ours = socket.socketpair()
        client.settimeout(0)
        listener = self._listeners[0]
        _Channel(listener, ours, (NOBODY, 0), listener.adj, map=self._map)
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return client

    def run(
        self, ready: Callable[[], None], *, turned: Callable[[], None], hung_up: Callable[[], None]
    ) -> None:
        """Serve until SIGTERM or SIGINT.

        Args:
            ready: Called once, when the port answers.
            turned: Called after each turn of the loop, and so at least once a second.
            hung_up: Called between two turns after each `hang_up`.
        """
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self.stop)
        ready()
        while not self._stopping:
            self._turn(1.0)
            turned()
            if self._hung_up:
                self._hung_up = False
                hung_up()
        self._drain()

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _drain(self) -> None:
        """Take no more connections, and answer the requests that are here."""
        self._accept_waiting()
        for listener in self._listeners:
            wasyncore.dispatcher.close(listener)
        self._turn(0.0)
        until = time.monotonic() + GRACE
        while self._busy() and time.monotonic() < until:
            self._turn(0.05)
        self._dispatcher.shutdown(cancel_pending=True, timeout=0.1)

    def _accept_waiting(self) -> None:
        """Take the connections whose requests may be here already, though nobody has looked at them."""
        until = time.monotonic() + ACCEPT_SECONDS
        with selectors.DefaultSelector() as selector:
            for listener in self._listeners:
                selector.register(listener.socket, selectors.EVENT_READ)
            while selector.select(0) and time.monotonic() < until:
                self._turn(0.0)

    def _busy(self) -> bool:
        channels = [each for each in self._map.values() if isinstance(each, HTTPChannel)]
        return any(each.requests or each.total_outbufs_len for each in channels)


def _url(address: tuple[Any, ...]) -> str:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}/"
