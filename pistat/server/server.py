"""The loop: accepts connections, hands requests to workers and answers to clients, and ends in order."""

from __future__ import annotations

import contextlib
import errno
import logging
import selectors
import signal
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from queue import SimpleQueue
from typing import Any

from waitress.adjustments import Adjustments

from pistat.log import OncePerMinute
from pistat.server.connection import Connection, Request, State, Work, refusal
from pistat.server.connection_limits import TOTAL, ConnectionLimits

log = logging.getLogger("pistat")

THREADS = 32
"""Many for two cores, but an idle one costs some kilobytes, and `block=true` keeps one for a second."""

BLOCKING = 24
"""How many requests may wait their second at a time; the other threads are for everybody else."""

QUEUE = 64
"""Requests that may wait for a thread, besides one of each client: even a slow board answers them soon."""

PRIORITY_THREADS = 2
"""Threads for /health; nothing else is ever in their way."""

SEND_BUFFER, RECEIVE_BUFFER = 65_536, 16_384
"""Bytes that the kernel keeps for a connection, which it doubles; they count as memory of the service."""

BACKLOG, ACCEPTED = 256, 32
"""Connections that may wait to be accepted, and that are accepted in one turn of the loop."""

ACCEPT_SECONDS, GRACE = 0.2, 1.4
"""How long, at the end, connections that wait are accepted, and requests under way may take."""

LARGE_ANSWER_SECONDS, LARGE_ANSWER_STEP = 1.0, 0.002
"""How long a large answer waits for those before it to be taken by the loop, and how often it looks."""

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
    for address in hosts:
        try:
            sockets.append(_bind(address, port))
        except OSError as error:
            # A kernel without IPv6 still has a loopback.
            if host != "localhost" or error.errno not in NO_IPV6:
                raise
    return sockets


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens on one address. Raises OSError."""
    [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_PASSIVE
    )
    listener = socket.socket(family, kind, protocol)
    options = [
        # On Windows, REUSEADDR would let any program take the port as well.
        (socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR), 1),
        # The connections inherit these.
        (socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER),
        (socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    ]
    if family == socket.AF_INET6:
        options.append((socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::"))
    try:
        for option in options:
            listener.setsockopt(*option)
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
        DESCRIPTORS if limit == resource.RLIM_INFINITY else min(limit, DESCRIPTORS) for limit in (soft, hard)
    )
    if least < most:
        with contextlib.suppress(OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return least


class Workers:
    """Threads that answer requests, started when there is work for them, and the requests that wait for one.

    Clients take turns, and each has half of the threads at most: others are answered, whatever takes long.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Work]] = {}
        self._busy: Counter[str] = Counter()
        self._ready: SimpleQueue[Work] = SimpleQueue()
        self.threads = self._idle = 0
        self._start()

    def add(self, work: Work) -> bool:
        """Have a thread answer a request. Return False if too many wait, and another of its client does."""
        with self._lock:
            if sum(map(len, self._waiting.values())) >= QUEUE and work.client in self._waiting:
                return False
            self._waiting.setdefault(work.client, deque()).append(work)
            self._hand_out()
        return True

    def _hand_out(self) -> None:
        """Give a thread what waits, as long as there is one and a client who may have one more."""
        while client := next(
            (
                waiting_client
                for waiting_client in self._waiting
                if self._busy[waiting_client] < self._most // 2
            ),
            "",
        ):
            # If the system gives us no more of them, those that there are will do it.
            with contextlib.suppress(RuntimeError):
                if not self._idle and self.threads < self._most:
                    self._start()
            if not self._idle:
                return
            waiting = self._waiting.pop(client)
            self._ready.put(waiting.popleft())
            self._idle -= 1
            self._busy[client] += 1
            if waiting:
                self._waiting[client] = waiting  # behind all others

    def _start(self) -> None:
        """Start a thread. Each that has ever worked holds some 60 kB."""
        threading.Thread(target=self._run, name="worker", daemon=True).start()
        self.threads += 1
        self._idle += 1

    def _run(self) -> None:
        while True:
            work = self._ready.get()
            work.service()
            with self._lock:
                self._busy -= Counter([work.client])
                self._idle += 1
                self._hand_out()
            del work


class Server:
    """Serves `application` on `sockets` until `stop` is called, or the process is told to end.

    Attributes:
        application: What answers. Another may take its place at any time, and gets the requests that follow.
        cors: Returns the headers by which pages of an origin may read what never reaches `application`.
        client: Returns the client that a connection of another speaks for, by its X-Forwarded-For header.
        limits: All connections. This and the selector are for the loop alone.
        effective_port, server_name, adj: What waitress's task wants to know of its server.

    Args:
        refused: Called with the status of each request that never reaches `application`.
    """

    server_name = "pi-stat"

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        sockets: Iterable[socket.socket],
        refused: Callable[[int], None],
    ) -> None:
        logging.getLogger("waitress").setLevel(logging.CRITICAL)
        self.application = application
        self.refused = refused
        self.selector = selectors.DefaultSelector()
        self.limits = ConnectionLimits(total=min(TOTAL, make_room() // 2))
        self._listeners = list(sockets)
        self.adj = Adjustments(sockets=self._listeners, ident="pi-stat", log_socket_errors=True)
        self.effective_port = int(self._listeners[0].getsockname()[1])
        self._workers, self._priority = Workers(THREADS), Workers(PRIORITY_THREADS)
        self._finished: deque[Work] = deque()
        self._wake, self._woken = socket.socketpair()
        self.cors: Callable[[str], Mapping[str, str]] = lambda _: {}
        self.client: Callable[[str, str], str] = lambda peer, _: peer
        self._once_a_minute = OncePerMinute()
        self._stopping = self._reload = False
        for sock in (*self._listeners, self._wake, self._woken):
            sock.setblocking(False)  # noqa: FBT003 - the name of the method says what it means
        for sock in (*self._listeners, self._woken):
            self.selector.register(sock, selectors.EVENT_READ)

    @property
    def urls(self) -> list[str]:
        """Where it listens."""
        names = [listener.getsockname()[:2] for listener in self._listeners]
        return [f"http://{f'[{host}]' if ':' in host else host}:{port}/" for host, port in names]

    def stop(self, *_: object) -> None:
        """End `run` soon. May be called from a signal handler."""
        self._stopping = True
        self._wake_loop()

    def request_reload(self, *_: object) -> None:
        """Have `run` call its `reload` soon. May be called from a signal handler."""
        self._reload = True
        self._wake_loop()

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
        first = work.request.path == "/health" and work.client != NOBODY
        if not (self._priority if first else self._workers).add(work):
            work.connection.answer(self.refuse(503, work.request), ends=True)

    def finish(self, work: Work) -> None:
        """Have the loop send an answer; called by workers."""
        self._finished.append(work)
        self._wake_loop()

    def wait_for_large_answers(self) -> None:
        """Wait a second at most until the loop has taken all large answers; called before one more is made.

        While many threads want Python's lock, the loop may get it too seldom to keep up with them.
        """
        until = time.monotonic() + LARGE_ANSWER_SECONDS
        while any(work.large for work in tuple(self._finished)) and time.monotonic() < until:
            time.sleep(LARGE_ANSWER_STEP)

    def report(self, error: BaseException) -> None:
        """Log an error that should not be, once a minute."""
        if self._once_a_minute(type(error).__name__):
            log.error("The server failed", exc_info=error)

    def refuse(self, code: int, request: Request | None) -> bytes:
        """Count a request that never reaches the application, and return the answer to it."""
        self.refused(code)
        return refusal(code, request, self.cors(request.headers.get("ORIGIN", "") if request else ""))

    def _wake_loop(self) -> None:
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
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
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
                key.data.handle()
        while self._finished:
            work = self._finished.popleft()
            if work.connection.state is State.WORKING:
                work.connection.answer(b"".join(work.pieces), ends=work.ends)
                work.connection.handle()
        # Last, for a connection whose request has just come is not closed for a new one.
        waiting = [key.fileobj for key in ready if key.fileobj in self._listeners]
        for listener in waiting:
            self._accept(listener)
        self.limits.sweep()
        return bool(waiting)

    def _accept(self, listener: Any) -> None:
        """Accept the connections that wait, and admit or refuse each."""
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
            if not self.limits.admit(connection):
                connection.answer(self.refuse(503, None), ends=True)
            connection.handle()

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
        while any(connection.state in busy for connection in self.limits) and time.monotonic() < until:
            self._turn(0.05)
        # The kernel would not, while a thread is stuck in a filesystem that nothing can interrupt.
        for connection in list(self.limits):
            connection.close()
