"""What a rate needs: an older sample of a counter, taken long enough ago."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from pistat.parsers.values import Json

T = TypeVar("T")


class Sample(NamedTuple, Generic[T]):
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


# Counters, and how fast they grow


Counters: TypeAlias = "Mapping[str, Sequence[Json]]"
"""For each thing, such as an interface, its counters."""

LEAST_SECONDS = 0.9
"""The shortest interval that a rate is taken over."""

LONGEST_SECONDS = 15.0
"""After so many seconds a reading is too old: a rate since then says nothing about now."""


class Reading(NamedTuple):
    """Counters, and when on the monotonic clock they were read."""

    at: float
    counters: Counters


class Interval(NamedTuple):
    """The time between two readings, and what the counters were at its beginning."""

    seconds: float
    before: Counters

    def rates(self, name: str, counters: Sequence[Json]) -> list[float | None]:
        """Return how much each counter of a thing grew a second.

        It is None for a thing that was not there before, and for a counter that fell: it started over.
        """
        before = self.before.get(name)
        if before is None:
            return [None] * len(counters)
        return [
            round((new - old) / self.seconds, 2)
            if isinstance(new, (int, float)) and isinstance(old, (int, float)) and new >= old
            else None
            for new, old in zip(counters, before, strict=True)
        ]


NO_INTERVAL = Interval(0.0, {})


class Rates:
    """Remembers two readings of the same counters, whoever reads them and how often.

    Args:
        clock: A monotonic clock.
        sleep: Waits.

    Attributes:
        longest: Seconds of the longest interval that a rate is taken over.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.longest = LONGEST_SECONDS
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._kept: tuple[Reading, ...] = ()

    def measure(self, read: Callable[[], T], counters: Callable[[T], Counters]) -> tuple[T, Interval]:
        """Return what `read()` gives, and the interval before it; empty until there are two readings.

        When the last reading is older than `longest`, it reads twice, a second apart.
        """
        found, interval = self._measure(read, counters)
        if interval.seconds > self.longest:
            self._sleep(1.0)
            found, interval = self._measure(read, counters)
        return found, interval

    def _measure(self, read: Callable[[], T], counters: Callable[[T], Counters]) -> tuple[T, Interval]:
        now, found = self._clock(), read()
        with self._lock:
            old = [kept for kept in self._kept if now - kept.at >= LEAST_SECONDS]
            if len(old) == len(self._kept):
                self._kept = (*self._kept[-1:], Reading(now, counters(found)))
        return found, Interval(now - old[-1].at, old[-1].counters) if old else NO_INTERVAL
