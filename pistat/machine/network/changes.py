"""What the kernel announces to whoever listens: that a link, an address or a route has changed.

An announcement says what was changed, too, but only that there was one is looked at: the lists say the rest,
also to those who have missed one.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""RTMGRP_LINK, and RTMGRP_IPV4_ and RTMGRP_IPV6_IFADDR and _ROUTE."""

NEXTHOP = 32
"""RTNLGRP_NEXTHOP: with a next hop that goes, its routes go unannounced."""

SOL_NETLINK, ADD_MEMBERSHIP = 270, 1

KEEP_SECONDS = 60.0
"""After which a list is read again although nothing was announced."""

MOST = 64
"""Announcements that are taken at a time; the kernel holds a handful, and then says that it has lost some."""


class Changes:
    """Counts the times at which something had changed.

    Args:
        clock: A monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kernel: socket.socket | None = None
        self._count = 0

    def __del__(self) -> None:
        if self._kernel is not None:
            self._kernel.close()

    def stamp(self) -> tuple[int, int]:
        """Return what is the same as the last time only if what was read after that is still so.

        Where nothing can be listened to, it is never the same.
        """
        with self._lock:
            if self._receive():
                self._count += 1
            return self._count, int(self._clock() // KEEP_SECONDS)

    def _receive(self) -> bool:
        """Take all announcements; return whether there was any, or may have been."""
        if self._kernel is None:
            with contextlib.suppress(OSError):
                self._kernel = _listener()
            return True
        for taken in range(MOST):
            try:
                self._kernel.recv(1)
            except BlockingIOError:
                return taken > 0
            except OSError:
                # ENOBUFS: there was no room for more of them.
                continue
        return True


def _listener() -> socket.socket:
    """Return a socket with the announcements. Raises OSError, as in some sandboxes."""
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        # No more room than for one or two: it is enough to know that there was one.
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        kernel.bind((0, GROUPS))
    except OSError:
        kernel.close()
        raise
    # Before Linux 5.3 there are no next hops.
    with contextlib.suppress(OSError):
        kernel.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, NEXTHOP)
    return kernel
