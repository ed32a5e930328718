"""What earlier samples leave for later ones: when a counter rose, and how a value went."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any


class Past:
    """What is kept of earlier samples, by name. Times are seconds of the boot clock.

    Attributes:
        offset: By how much the wall clock was ahead of the boot clock, in the last sample.
        step: When the wall clock was last moved, and by how many seconds.
    """

    def __init__(self) -> None:
        self._counters: dict[str, tuple[float, float | None]] = {}
        self._windows: dict[str, deque[tuple[float, float]]] = {}
        self.offset: float | None = None
        self.step: tuple[float, float] | None = None

    def since_rise(self, name: str, value: float, now: float) -> float:
        """Return the seconds since a counter of the kernel last rose; infinity if it never has.

        Of one that is not 0 at the first look nothing is known but that it rose since boot.
        """
        known = self._counters.get(name)
        last, rose = known or (value, 0.0 if value > 0 else None)
        if known is None or value != last:
            rose = now if value > last else rose
            self._counters[name] = value, rose
        return float("inf") if rose is None else now - rose

    def window(
        self, name: str, value: float, now: float, *, seconds: float, step: float
    ) -> Sequence[tuple[float, float]]:
        """Return the times and values of the last `seconds`, at most one each `step`."""
        window = self._windows.get(name)
        if window is None:
            window = self._windows[name] = deque()
        if not window or now - window[-1][0] >= step:
            window.append((now, value))
            while now - window[0][0] > seconds:
                window.popleft()
        return window

    def keep_only(self, prefix: str, names: Iterable[str]) -> None:
        """Drop what is kept of things that are gone, so that it does not grow without end."""
        wanted = {prefix + name for name in names}
        for name in [kept for kept in self._windows if kept.startswith(prefix) and kept not in wanted]:
            del self._windows[name]

    # To and from the state directory

    def saved(self) -> dict[str, Any]:
        """Return the counters as JSON."""
        return {name: list(counter) for name, counter in self._counters.items()}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on with the counters that an earlier run of the daemon has saved during this boot."""
        for name, (value, rose) in saved.items():
            self._counters[str(name)] = float(value), None if rose is None else float(rose)


def hourly_growth(window: Sequence[tuple[float, float]], hours: int) -> float | None:
    """Return by how much a value grows in an hour: the median of the last `hours`; None with too few.

    The median and not the mean, since a backup that is copied within an hour or two is no trend.
    """
    now = window[-1][0]
    if now - window[0][0] < hours * 3600.0 * 0.97:
        return None
    marks = [_at(window, now - 3600.0 * hour) for hour in range(hours, -1, -1)]
    # Not by the module statistics, which brings fractions and a quarter of a MiB.
    steps = sorted(later - earlier for earlier, later in pairwise(marks))
    return (steps[len(steps) // 2] + steps[(len(steps) - 1) // 2]) / 2


def _at(window: Sequence[tuple[float, float]], time: float) -> float:
    """Return the value nearest to `time`."""
    return min(window, key=lambda point: abs(point[0] - time))[1]
