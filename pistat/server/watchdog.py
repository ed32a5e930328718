"""Proof for systemd's watchdog that the daemon answers, and its status line."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import time
from collections.abc import Callable

from pistat.server import systemd

PERIOD = 15.0
"""Seconds between two requests to itself where there is no watchdog."""


class Watchdog:
    """Requests /health from the daemon itself now and then, and notifies systemd when it has answered.

    It never waits: `tick` is called by the loop that must also serve the request. Whatever keeps the daemon
    from answering, be it this loop, the workers or a lock, keeps the notification from being sent.

    Args:
        self_request: Sends the request; returns the socket, without blocking, to which the answer comes.
        status: What `systemctl status` shows.
    """

    def __init__(self, self_request: Callable[[], socket.socket], status: Callable[[], str]) -> None:
        self._self_request = self_request
        self._status = status
        limit = systemd.watchdog_seconds()
        self._period = limit / 2 if limit else PERIOD
        self._due = time.monotonic() + self._period if systemd.listens() else math.inf
        self._answer: socket.socket | None = None

    def tick(self) -> float:
        """Send a request if it is time, notify systemd if one is answered. Return seconds until the next."""
        if self._answer is not None:
            self._look(self._answer)
        elif time.monotonic() >= self._due:
            # When there is no descriptor left for a socket, clients get no answer either.
            with contextlib.suppress(OSError):
                self._answer = self._self_request()
                self._due = time.monotonic() + self._period
        return max(1.0, self._due - time.monotonic())

    def _look(self, answer: socket.socket) -> None:
        try:
            head = answer.recv(64)
        except BlockingIOError:
            return
        except OSError:
            head = b""
        answer.close()
        self._answer = None
        if re.match(rb"HTTP/1\.1 [1-4]", head):
            systemd.notify(f"WATCHDOG=1\nSTATUS={self._status()}")
