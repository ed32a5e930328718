"""The listening side: sockets, waitress tuned to defend itself, and an end that drops no request."""

from __future__ import annotations

import contextlib
import errno
import logging
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from pistat.server.connection import Connection, Refused
from pistat.server.connection_limits import PER_CLIENT, TOTAL, ConnectionLimits

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 32
"""Many for two cores, but idle ones cost some kilobytes each, and `block=true` keeps one for a second."""

BLOCKING = 24
"""How many requests may wait their second at a time; the other threads are for everybody else."""

QUEUE = 64
"""How many requests may wait for a thread: as many as even a slow board answers soon."""

PRIORITY_THREADS = 2
"""Threads for what takes no time: /health, and refusals. Nothing else is ever in their way."""

HEALTH = "/health"

HEAD, BODY = 16_384, 4_096
"""Bytes of a request: its line with its headers, and what no route reads."""

TUNING = {
    # select() dies as soon as the process holds a descriptor above 1,023.
    "asyncore_use_poll": True,
    "max_request_header_size": HEAD,
    "max_request_body_size": BODY,
    # Nothing is written to a disk, however slowly a client reads.
    "inbuf_overflow": sys.maxsize,
    "outbuf_overflow": sys.maxsize,
    # No thread waits until a client has read; the channel sees to it that not too much comes together.
    "outbuf_high_watermark": sys.maxsize,
    # The access control decides whom to believe.
    "clear_untrusted_proxy_headers": False,
    "expose_tracebacks": False,
    "log_socket_errors": False,
    "ident": "pi-stat",
}
ACCEPT_SECONDS = 0.2
"""How long, at the end, connections are accepted that were waiting for it."""

GRACE = 1.4
"""Seconds that requests under way get when the daemon is told to stop."""

IDLE_SECONDS = 60.0
"""The longest turn of the loop."""

NOBODY = "0.0.0.0"  # noqa: S104 - nothing listens on it
"""The address of the daemon when it asks itself; no client can have it."""

DESCRIPTORS = 1024
"""Connections and files that may be open at a time; with `TOTAL` connections some hundred are left."""

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


def make_room() -> None:
    """Have the system let us open `DESCRIPTORS`, if it will; macOS begins with 256."""
    # Windows has no such limit, and a sandbox may forbid to raise it.
    with contextlib.suppress(ImportError, OSError):
        import resource  # noqa: PLC0415

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class GrowingDispatcher(ThreadedTaskDispatcher):
    """Threads of their own, made when there is work for them, and a queue before them."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__()
        self._most = most
        self.set_thread_count(least)

    def add_task(self, task: Connection) -> None:
        """Have a thread answer a request. Each that has ever worked holds some 60 kB."""
        super().add_task(task)
        if self.waiting() > 0 and len(self.threads) < self._most:
            self._grow()

    def _grow(self) -> None:
        running = frozenset(self.threads)
        try:
            self.set_thread_count(len(running) + 1)
        except RuntimeError:
            # The system gives us no more of them; those that there are will do it.
            self.threads &= running

    def waiting(self) -> int:
        """How many requests no thread is free for."""
        return int(len(self.queue) - (len(self.threads) - self.active_count))


class _Listener(TcpWSGIServer):
    """One socket that listens, with the crowd of all, and two lanes for its requests."""

    channel_class = Connection
    limits: ConnectionLimits
    priority: GrowingDispatcher
    refused: Callable[[int], None]
    cors: Callable[[str], Mapping[str, str]]

    def readable(self) -> bool:
        # Waitress would close idle connections here, by the wall clock, and stop listening at their limit.
        return bool(self.accepting)

    def add_task(self, task: Connection) -> None:
        """Have a thread answer the first request of a connection."""
        asked = task.requests[0]
        # What the daemon asks itself proves that the ordinary threads work, so it waits for one of them.
        own = task.addr[0] == NOBODY
        light = bool(asked.error) or asked.path == HEALTH
        if not own and not light and self.task_dispatcher.waiting() >= QUEUE:
            asked.error = Refused(HTTPStatus.SERVICE_UNAVAILABLE)
            light = True
        priority = light and not own
        (self.priority if priority else self.task_dispatcher).add_task(task)

    def pull_trigger(self) -> None:
        """Nothing: threads at work call it, and when they have done, the channel does what is needed."""

    def wake(self) -> None:
        """End the turn of the loop."""
        super().pull_trigger()


class _Waking(wasyncore.dispatcher):
    """Ends a turn of the loop as soon as a signal has come.

    Its handler is for the main thread to call, which may not notice: the kernel may have given the signal to
    another thread, or to this one just before it lay down to wait.
    """

    def __init__(self, channels: dict[int, Any]) -> None:
        ours, self._theirs = socket.socketpair()
        super().__init__(ours, map=channels)
        self._theirs.settimeout(0)
        signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.recv(4096)


class Server:
    """Serves `application` on `sockets` until `stop` is called, or the process is told to end.

    Attributes:
        application: What answers. Another may take its place at any time, and gets the requests that follow.

    Args:
        refused: Called with the status of each request that never reaches `application`.
    """

    def __init__(
        self, application: WSGIApplication, sockets: Iterable[socket.socket], refused: Callable[[int], None]
    ) -> None:
        logging.getLogger("waitress").setLevel(logging.ERROR)
        self.application = application
        self._map: dict[int, Any] = {}
        self._limits = ConnectionLimits()
        self._lanes = [GrowingDispatcher(1, THREADS), GrowingDispatcher(PRIORITY_THREADS, PRIORITY_THREADS)]
        self._listeners = [self._listen(each, refused) for each in sockets]
        self._stopping = False
        self._reload = False

    def _listen(self, listening: socket.socket, refused: Callable[[int], None]) -> _Listener:
        listener = _Listener(
            self._respond,
            map=self._map,
            _sock=listening,
            dispatcher=self._lanes[0],
            adj=Adjustments(sockets=[listening], **TUNING),
            sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
            bind_socket=False,
        )
        listener.limits = self._limits
        listener.priority = self._lanes[1]
        listener.refused = refused
        listener.cors = lambda _: {}
        return listener

    def set_trusted_proxies(self, proxies: int) -> None:
        """Let one address have all connections if there are proxies in front: it is theirs."""
        self._limits.per_client = TOTAL if proxies else PER_CLIENT

    def _respond(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self.application(environ, start_response)

    def set_cors(self, cors: Callable[[str], Mapping[str, str]]) -> None:
        """Add the headers by which pages of an origin may read it to what never reaches `application`."""
        for each in self._listeners:
            each.cors = cors

    @property
    def urls(self) -> list[str]:
        """Where it listens."""
        return [_url(each.socket.getsockname()) for each in self._listeners]

    def stop(self, *_: object) -> None:
        """End `run` soon. May be called from a signal handler."""
        self._stopping = True
        self._listeners[0].wake()

    def request_reload(self, *_: object) -> None:
        """Have `run` call its `reload` soon. May be called from a signal handler."""
        self._reload = True
        self._listeners[0].wake()

    def self_request(self) -> socket.socket:
        """Send a request for /health; the answer comes on the socket, which does not block.

        It goes the way of every request but for the network, which a firewall may close to the daemon itself.
        """
        client, ours = socket.socketpair()
        client.settimeout(0)
        listener = self._listeners[0]
        Connection(listener, ours, (NOBODY, 0), listener.adj, map=self._map)
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return client

    def run(
        self, ready: Callable[[], None], *, turned: Callable[[], float], reload: Callable[[], None]
    ) -> None:
        """Serve until SIGTERM or SIGINT.

        Args:
            ready: Called once, when the port answers.
            turned: Called after each turn of the loop; tells how many seconds it need not be called again.
            reload: Called between two turns after each `request_reload`.
        """
        _Waking(self._map)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self.stop)
        ready()
        seconds = 1.0
        while not self._stopping:
            # With nobody connected there is nobody whose time could be up.
            self._turn(min(seconds, 1.0 if self._limits else IDLE_SECONDS))
            seconds = turned()
            if self._reload:
                self._reload = False
                reload()
        self._drain()

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)
        self._limits.sweep()

    def _drain(self) -> None:
        """Take no more connections, and answer the requests that are here."""
        self._accept_waiting()
        for listener in self._listeners:
            wasyncore.dispatcher.close(listener)
        self._turn(0.0)
        until = time.monotonic() + GRACE
        while self._busy() and time.monotonic() < until:
            self._turn(0.05)
        for lane in self._lanes:
            lane.shutdown(cancel_pending=True, timeout=0.1)
        # The kernel would not, while a thread is stuck in a filesystem that nothing can interrupt.
        for each in self._channels():
            each.handle_close()

    def _accept_waiting(self) -> None:
        """Take the connections whose requests may be here already, though nobody has looked at them."""
        until = time.monotonic() + ACCEPT_SECONDS
        with selectors.DefaultSelector() as selector:
            for listener in self._listeners:
                selector.register(listener.socket, selectors.EVENT_READ)
            while selector.select(0) and time.monotonic() < until:
                self._turn(0.0)

    def _busy(self) -> bool:
        return any(each.requests or each.total_outbufs_len for each in self._channels())

    def _channels(self) -> list[Connection]:
        return [each for each in self._map.values() if isinstance(each, Connection)]


def _url(address: tuple[Any, ...]) -> str:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}/"
