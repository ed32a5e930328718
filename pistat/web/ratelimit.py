"""Where flask-limiter counts: fixed windows on a clock that is never set, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from limits.storage import Storage


class MonotonicStorage(Storage):
    """Counts the requests of all clients, each until the end of its window.

    The storage that comes with limits uses the wall clock, which a Pi without a battery steps after boot,
    starts a thread for each burst, and has no bound. Here windows that are over are dropped together, at the
    first request after a window's time. While `MOST` counters are in use, all further clients share one: they
    stay limited, and the memory does not grow.
    """

    STORAGE_SCHEME = ["monotonic"]  # noqa: RUF012 - the base class is declared so
    URI = "monotonic://"
    MOST = 32_768
    REST = "the rest"

    def __init__(self, uri: str | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(uri)
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}
        self._sweep_at = 0.0

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Return the errors of a server behind it: there is none."""
        return ()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` more in the window of `key`, of `expiry` seconds. Return the count so far."""
        with self._lock:
            now = self._clock()
            if now >= self._sweep_at:
                self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
                self._sweep_at = now + expiry
            place = self._place(key)
            count, end = self._windows.get(place, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
            self._windows[place] = (count + amount, end)
            return count + amount

    def get(self, key: str) -> int:
        """Return the count in the window of `key`; 0 when it is over."""
        count, end = self._windows.get(self._place(key), (0, 0.0))
        return count if end > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window of `key` ends, on the clock of this storage; now, if there is none."""
        now = self._clock()
        return max(now, self._windows.get(self._place(key), (0, now))[1])

    def check(self) -> bool:
        """Return whether the storage works."""
        return True

    def reset(self) -> int:
        """Forget all counters. Return how many there were."""
        with self._lock:
            count = len(self._windows)
            self._windows = {}
            return count

    def clear(self, key: str) -> None:
        """Forget the counter of `key`."""
        with self._lock:
            self._windows.pop(key, None)

    def _place(self, key: str) -> str:
        return key if key in self._windows or len(self._windows) < self.MOST else self.REST
