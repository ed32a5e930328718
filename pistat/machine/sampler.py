"""What a rate needs: an older sample of a counter, taken long enough ago."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample(Generic[T]):
    """Counters, and when on the monotonic clock they were read."""

    at: float
    value: T


class Sampler(Generic[T]):
    """Keeps two samples of `read`, so that every rate is over a real interval, whoever asks and how often.

    All threads and clients share the samples: a question never shortens the interval of the next one.

    Args:
        read: Takes a sample now.
        good: Seconds between the samples that are kept.
        least: Seconds of the shortest usable interval, while there is no older sample.
        most: Seconds after which a sample says nothing about now.
        clock: A monotonic clock.
        sleep: Waits for some seconds of that clock.
    """

    def __init__(
        self,
        read: Callable[[], T],
        *,
        good: float,
        least: float,
        most: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._read = read
        self._good = good
        self._least = least
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._kept: tuple[Sample[T], ...] = ()

    def take(self) -> Sample[T]:
        """Take a sample, and keep it if the newest kept one is at least `good` seconds old."""
        with self._lock:
            sample = Sample(self._clock(), self._read())
            if not self._kept or sample.at - self._kept[-1].at >= self._good:
                self._kept = (*self._kept[-1:], sample)
            return sample

    def interval(self) -> tuple[Sample[T], Sample[T]]:
        """Return an older sample and a new one; wait if none is old enough: at the start, after a silence."""
        older = self._older()
        if older is None:
            older = self._youngest() or self.take()
            self._sleep(max(0.0, older.at + self._least - self._clock()))
        return older, self.take()

    def interval_of(self, seconds: float) -> tuple[Sample[T], Sample[T]]:
        """Take two samples with `seconds` between them, the first one now."""
        older = self.take()
        self._sleep(seconds)
        return older, self.take()

    def _older(self) -> Sample[T] | None:
        """Return the newest kept sample of good age, else the oldest of sufficient age."""
        now = self._clock()
        usable = [sample for sample in self._kept if self._least <= now - sample.at <= self._most]
        good = [sample for sample in usable if now - sample.at >= self._good]
        return good[-1] if good else usable[0] if usable else None

    def _youngest(self) -> Sample[T] | None:
        """Return the newest kept sample if it is only too young."""
        now = self._clock()
        return next((sample for sample in self._kept[-1:] if now - sample.at < self._least), None)
