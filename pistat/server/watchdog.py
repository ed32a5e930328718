"""The proof that the daemon answers, for systemd's watchdog, and a line of status for people."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import time
from collections.abc import Callable

from pistat.server import systemd

PERIOD = 15.0
"""Seconds between two looks where there is no watchdog."""


class Watchdog:
    """Asks the daemon for its health now and then, and tells systemd when it has answered.

    It never waits: `beat` is called by the loop that must serve the question, too. Whatever keeps the daemon
    from answering, be it this loop, the workers or a lock, keeps systemd from being told.

    Args:
        ask: Sends a request to the daemon; returns the socket, without blocking, to which its answer comes.
        status: What `systemctl status` shows.
    """

    def __init__(self, ask: Callable[[], socket.socket], status: Callable[[], str]) -> None:
        self._ask = ask
        self._status = status
        limit = systemd.watchdog_seconds()
        self._period = limit / 2 if limit else PERIOD
        self._due = time.monotonic() + self._period if systemd.listens() else math.inf
        self._answer: socket.socket | None = None

    def beat(self) -> float:
        """Ask if it is time to; tell systemd if the answer has come. Seconds until there is more to do."""
        if self._answer is not None:
            self._look(self._answer)
        elif time.monotonic() >= self._due:
            self._begin()
        return max(1.0, self._due - time.monotonic())

    def _begin(self) -> None:
        # When there is no descriptor left for a socket, clients get no answer either.
        with contextlib.suppress(OSError):
            self._answer = self._ask()
            self._due = time.monotonic() + self._period

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
