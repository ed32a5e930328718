"""The loop: accepts connections, hands requests to workers and answers to clients, and ends in order."""

from __future__ import annotations

import contextlib
import errno
import logging
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.task import ThreadedTaskDispatcher

from pistat.log import OncePerMinute
from pistat.server.connection import Connection, Request, State, Work, refusal
from pistat.server.connection_limits import PER_CLIENT, TOTAL, ConnectionLimits

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger("pistat")

THREADS = 32
"""Many for two cores, but an idle one costs some kilobytes, and `block=true` keeps one for a second."""

BLOCKING = 24
"""How many requests may wait their second at a time; the other threads are for everybody else."""

QUEUE = 64
"""How many requests may wait for a thread, beside one of each client: even a slow board answers them soon."""

PRIORITY_THREADS = 2
"""Threads for /health; nothing else is ever in their way."""

HEALTH = "/health"

SEND_BUFFER, RECEIVE_BUFFER = 65_536, 16_384
"""Bytes that the kernel keeps for a connection, which it doubles; they count as memory of the service."""

BACKLOG = 256
"""Connections that may wait to be accepted."""

ACCEPTED = 32
"""Connections that are accepted in one turn of the loop."""

ACCEPT_SECONDS = 0.2
"""How long, at the end, connections are accepted that were waiting for it."""

GRACE = 1.4
"""Seconds that requests under way get when the daemon is told to stop."""

IDLE_SECONDS = 60.0
"""The longest turn of the loop."""

NO_ROOM_SECONDS = 0.02
"""How long the loop rests when a connection waits and no more files may be open."""

NOBODY = "0.0.0.0"  # noqa: S104 - nothing listens on it
"""The address of the daemon when it asks itself; no client can have it."""

DESCRIPTORS = 1024
"""Files that may be open at a time; half of them may be connections."""

NO_IPV6 = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def bind(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on `host`: `::` serves both families, `localhost` every loopback address.

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
        # The connections inherit these.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def make_room() -> int:
    """Have the system let us open `DESCRIPTORS` files; macOS begins with 256. Return how many it does."""
    # Windows has no such limit, and a sandbox may forbid to raise it.
    try:
        import resource  # noqa: PLC0415
    except ImportError:
        return DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    least, most = (
        DESCRIPTORS if each == resource.RLIM_INFINITY else min(each, DESCRIPTORS) for each in (soft, hard)
    )
    if least < most:
        with contextlib.suppress(OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return least


class FairQueue(deque[Work]):
    """The requests that wait for a thread. The dispatcher holds its lock."""

    def popleft(self) -> Work:
        """Take the first; what else waits for its client goes behind all others."""
        first = super().popleft()
        rest = sorted(self, key=lambda each: each.client == first.client)
        self.clear()
        self.extend(rest)
        return first


class GrowingDispatcher(ThreadedTaskDispatcher):
    """Threads of their own, started when there is work for them, and a queue before them."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__()
        self.queue = FairQueue()
        self._most = most
        self.set_thread_count(least)

    def add_task(self, task: Work) -> None:
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

    def takes(self, client: str) -> bool:
        """Return whether a request may wait; one of each client always may, whoever fills the queue."""
        with self.lock:
            return self.waiting() < QUEUE or all(each.client != client for each in self.queue)

    def waiting(self) -> int:
        """Return how many requests no thread is free for."""
        return int(len(self.queue) - (len(self.threads) - self.active_count))


class Server:
    """Serves `application` on `sockets` until `stop` is called, or the process is told to end.

    Attributes:
        application: What answers. Another may take its place at any time, and gets the requests that follow.
        limits: All connections. This and the selector are for the loop alone.
        effective_port, server_name, adj: What waitress's task wants to know of its server.

    Args:
        refused: Called with the status of each request that never reaches `application`.
    """

    server_name = "pi-stat"

    def __init__(
        self, application: WSGIApplication, sockets: Iterable[socket.socket], refused: Callable[[int], None]
    ) -> None:
        logging.getLogger("waitress").setLevel(logging.CRITICAL)
        self.application = application
        self.refused = refused
        self.selector = selectors.DefaultSelector()
        self.limits = ConnectionLimits(total=min(TOTAL, make_room() // 2))
        self._listeners = list(sockets)
        self.adj = Adjustments(sockets=self._listeners, ident="pi-stat", log_socket_errors=True)
        self.effective_port = int(self._listeners[0].getsockname()[1])
        self._workers = GrowingDispatcher(1, THREADS)
        self._priority = GrowingDispatcher(PRIORITY_THREADS, PRIORITY_THREADS)
        self._finished: deque[Work] = deque()
        self._wake, self._woken = socket.socketpair()
        self._cors: Callable[[str], Mapping[str, str]] = lambda _: {}
        self._once_a_minute = OncePerMinute()
        self._stopping = self._reload = False
        for each in (*self._listeners, self._wake, self._woken):
            each.setblocking(False)  # noqa: FBT003 - the name of the method says what it means
        for each in (*self._listeners, self._woken):
            self.selector.register(each, selectors.EVENT_READ)

    def set_trusted_proxies(self, proxies: int) -> None:
        """Let one address have all connections if there are proxies in front: it is theirs."""
        self.limits.per_client = self.limits.total if proxies else min(PER_CLIENT, self.limits.total)

    def set_cors(self, cors: Callable[[str], Mapping[str, str]]) -> None:
        """Add the headers by which pages of an origin may read it to what never reaches `application`."""
        self._cors = cors

    @property
    def urls(self) -> list[str]:
        """Where it listens."""
        return [_url(each.getsockname()) for each in self._listeners]

    def stop(self, *_: object) -> None:
        """End `run` soon. May be called from a signal handler."""
        self._stopping = True
        self._end_turn()

    def request_reload(self, *_: object) -> None:
        """Have `run` call its `reload` soon. May be called from a signal handler."""
        self._reload = True
        self._end_turn()

    def self_request(self) -> socket.socket:
        """Send a request for /health; the answer comes on the socket, which does not block.

        It goes the way of every request but for the network, which a firewall may close to the daemon itself.
        """
        client, ours = socket.socketpair()
        client.setblocking(False)  # noqa: FBT003 - the name of the method says what it means
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        # It is none of the connections that are limited, so that it takes no place of a client.
        Connection(self, ours, (NOBODY, 0)).wait()
        return client

    # What connections and workers call

    def submit(self, work: Work) -> None:
        """Have a worker answer a request, or refuse it if too many wait already."""
        # What the daemon asks itself proves that the ordinary threads work, so it waits for one of them.
        if work.request.path == HEALTH and work.client != NOBODY:
            self._priority.add_task(work)
        elif self._workers.takes(work.client):
            self._workers.add_task(work)
        else:
            work.connection.answer(self.refuse(503, work.request), ends=True)

    def finish(self, work: Work) -> None:
        """Have the loop send an answer; called by workers."""
        self._finished.append(work)
        self._end_turn()

    def report(self, error: BaseException) -> None:
        """Log an error that should not be, once a minute."""
        if self._once_a_minute(type(error).__name__):
            log.error("The server failed", exc_info=error)

    def refuse(self, code: int, request: Request | None) -> bytes:
        """Count a request that never reaches the application, and return the answer to it."""
        self.refused(code)
        return refusal(code, request, self._cors(request.headers.get("ORIGIN", "") if request else ""))

    def _end_turn(self) -> None:
        # If the buffer is full, the loop is about to wake up anyhow.
        with contextlib.suppress(OSError):
            self._wake.send(b".")

    # The loop

    def run(
        self,
        ready: Callable[[], None],
        *,
        turned: Callable[[], float],
        reload: Callable[[], None],
        ending: Callable[[], None] = lambda: None,
    ) -> None:
        """Serve until SIGTERM or SIGINT.

        Args:
            ready: Called once, when the port answers.
            turned: Called after each turn of the loop; returns how many seconds it need not be called again.
            reload: Called between two turns after each `request_reload`.
            ending: Called once, when it is told to stop and before requests under way get their last time.
        """
        # The kernel may give a signal to another thread, and its handler is for this one to call.
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self.stop)
        ready()
        seconds = 1.0
        while not self._stopping:
            # With nobody connected there is nobody whose time could be up.
            self._turn(min(seconds, 1.0 if self.limits else IDLE_SECONDS))
            seconds = turned()
            if self._reload:
                self._reload = False
                reload()
        ending()
        self._drain()

    def _turn(self, seconds: float) -> bool:
        """Do what can be done, waiting up to `seconds` for something. Return whether anybody new has come."""
        ready = [key for key, _ in self.selector.select(seconds)]
        for key in ready:
            if key.fileobj is self._woken:
                self._woken.recv(4096)
            elif key.data is not None and key.data.state is not State.CLOSED:
                self.selector.unregister(key.fileobj)
                self._handle(key.data)
        while self._finished:
            work = self._finished.popleft()
            if work.connection.state is State.WORKING:
                answer = b"".join(work.pieces) or self.refuse(500, work.request)
                work.connection.answer(answer, ends=work.ends)
                self._handle(work.connection)
            work.pieces.clear()  # for the thread keeps its last work
        # Last, for a connection whose request has just come is not closed for a new one.
        waiting = [key.fileobj for key in ready if key.fileobj in self._listeners]
        for listener in waiting:
            self._accept(listener)
        self.limits.sweep()
        return bool(waiting)

    def _handle(self, connection: Connection) -> None:
        """Let a connection read or send; an error that should not be costs it, not the loop."""
        try:
            connection.handle()
        except Exception as error:  # noqa: BLE001 - whatever it is
            self.report(error)
            connection.close()

    def _accept(self, listener: Any) -> None:
        for _ in range(ACCEPTED):
            try:
                connection = Connection(self, *listener.accept())
            except (BlockingIOError, ConnectionError):
                return
            except OSError:
                # No more files may be open: make room for the next turn, or at least do not spin.
                if not self.limits.make_room():
                    time.sleep(NO_ROOM_SECONDS)
                return
            if self.limits.add(connection):
                connection.wait()
            else:
                connection.answer(self.refuse(503, None), ends=True)
                self._handle(connection)

    # The end

    def _drain(self) -> None:
        """Take no more connections, and answer the requests that are here."""
        until = time.monotonic() + ACCEPT_SECONDS
        while self._turn(0.0) and time.monotonic() < until:
            pass
        for listener in self._listeners:
            self.selector.unregister(listener)
            listener.close()
        until = time.monotonic() + GRACE
        busy = {State.WORKING, State.SENDING}
        while any(each.state in busy for each in self.limits) and time.monotonic() < until:
            self._turn(0.05)
        # The kernel would not, while a thread is stuck in a filesystem that nothing can interrupt.
        for connection in list(self.limits):
            connection.close()


def _url(address: tuple[Any, ...]) -> str:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}/"
