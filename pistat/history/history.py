"""The history: takes in the samples of the recorder, and answers with the curves of a range."""

from __future__ import annotations

import math
import threading
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pistat.history.metrics import METRICS, RECENT, Counters, Metric
from pistat.history.recorder import Sample
from pistat.history.series import HOUR, RANGES, STEPS, Tier
from pistat.machine.machine import Machine

KEYS = (
    "cpu_temp",
    "cpu_freq",
    "load_avg",
    "memory",
    "swap",
    "disk",
    "disk_io",
    "network",
    "fans",
    "pmic",
    "power",
    "pressure",
)
"""The top-level keys that the series are read from."""


@dataclass(frozen=True)
class Curves:
    """The points of some series, `points` of each.

    Attributes:
        range: What was asked for.
        step: Seconds of a point.
        start: When the first one begins, Unix time.
        points: How many there are.
        series: For each series its means, and, but in the first tier, minima and maxima; NaN for none.
        boots: When the machine came up, if that was in the range, Unix time.
        timestamp: Now, Unix time.
    """

    range: str
    step: int
    start: float
    points: int
    series: Mapping[Metric, list[array[float]]]
    boots: list[float]
    timestamp: float


class History:
    """The points of all series in three tiers. Safe for several threads.

    A sample belongs to the middle of the interval before it, for that is what a rate is of.

    Args:
        machine: Whose clocks count.
        seconds: The interval of the samples. A tier has no shorter step than this.

    Attributes:
        tiers: The points, by the seconds that a tier reaches back.
        boots: When the machine came up before, as far as there are points, Unix time.
        placed_at: When this boot began, as it was known when the points before it were placed.
        lock: Held while these are read or changed.
    """

    def __init__(self, machine: Machine, seconds: float) -> None:
        self.machine = machine
        self.seconds = seconds
        now = machine.uptime()
        self.tiers = {reach: Tier(reach, max(step, math.ceil(seconds)), now) for reach, step in STEPS.items()}
        self.boots: set[float] = set()
        self.lock = threading.Lock()
        self._last: dict[str, Counters] = {}
        self.placed_at = machine.boot_time()

    def record(self, sample: Sample) -> None:
        """Take in one sample."""
        values = {metric.name: self._value(metric, sample) for metric in METRICS}
        recent = {metric.name: self._value(metric, sample) for metric in RECENT}
        with self.lock:
            self.follow_clock()
            for tier in self.tiers.values():
                taken = values if tier.reach > HOUR else values | recent
                tier.add(sample.boot - self.seconds / 2, taken, self.seconds)

    def _value(self, metric: Metric, sample: Sample) -> float | None:
        if metric.gauge is not None:
            value = metric.gauge(sample)
            return None if value is None else float(value)
        assert metric.counters is not None
        now = metric.counters(self.machine, sample)
        before = self._last.get(metric.name, {})
        self._last[metric.name] = now
        grown = [
            metric.factor * (new.value - before[name].value) / (new.over - before[name].over)
            for name, new in now.items()
            if name in before and new.value >= before[name].value and new.over > before[name].over
        ]
        return sum(grown) if grown else None

    def follow_clock(self) -> None:
        """Move what was before this boot after the clock was set: its wall times were right.

        The caller holds the lock.
        """
        boot_time = self.machine.boot_time()
        if abs(boot_time - self.placed_at) >= 1.0:
            for tier in self.tiers.values():
                tier.shift_past(round((self.placed_at - boot_time) / tier.step))
            self.placed_at = boot_time

    def curves(self, names: Iterable[str], range_name: str, since: float) -> Curves:
        """Return the points of a range that are complete.

        Args:
            names: The series. Those of `RECENT` have points in ranges up to an hour.
            range_name: One of `RANGES`.
            since: Unix time; only points that were not complete then.
        """
        reach = RANGES[range_name]
        tier = self.tiers[min(tier_reach for tier_reach in self.tiers if tier_reach >= reach)]
        boot_time, now = self.machine.boot_time(), self.machine.uptime()
        wanted = set(names)
        with self.lock:
            # Of a sample that is due it is not known yet whether it will come.
            tier.advance(math.floor((now - 2 * self.seconds) / tier.step))
            first = tier.next - reach // tier.step
            if since:
                first = max(first, min(math.floor((since - boot_time) / tier.step + 1e-6), tier.next))
            slots = range(first, tier.next)
            series = {
                metric: tier.points(metric.name, slots)
                for metric in (*METRICS, *RECENT)
                if metric.name in wanted
            }
            boots = sorted({*self.boots, boot_time})
        start = round(boot_time + first * tier.step, 1)
        end = self.machine.time()
        return Curves(
            range_name, tier.step, start, len(slots), series, [at for at in boots if start <= at <= end], end
        )
