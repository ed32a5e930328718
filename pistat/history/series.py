"""The rings: for each series its points of the last hour, day and fortnight, indexed by the boot clock."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

NAN = math.nan
HOUR, DAY, FORTNIGHT = 3600, 86_400, 1_209_600
STEPS = {HOUR: 10, DAY: 60, FORTNIGHT: 600}
"""Seconds that each tier reaches back, and the seconds of its points."""

RANGES = {"10m": 600, "1h": HOUR, "6h": 21_600, "24h": DAY, "7d": 604_800, "14d": FORTNIGHT}
"""What can be asked for, in seconds; the shortest tier that reaches back so far answers."""

KINDS = 3
"""How many numbers a point has beyond the first tier: mean, minimum and maximum."""


@dataclass(eq=False, slots=True)
class PartialPoint:
    """The samples of a point that is not complete."""

    count: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf

    def add(self, value: float) -> None:
        """Take in one sample."""
        self.count += 1
        self.total += value
        self.least = min(self.least, value)
        self.most = max(self.most, value)

    def point(self) -> tuple[float, float, float]:
        """Return mean, minimum and maximum; NaN without a sample."""
        return (self.total / self.count, self.least, self.most) if self.count else (NAN, NAN, NAN)


@dataclass(eq=False, slots=True)
class Column:
    """The points of one series in one tier: a ring for the means, and, but in the first tier, two more.

    The point of slot `i` stands at `i` modulo the length; one without a sample is NaN.
    """

    rings: tuple[array[float], ...]
    partial: PartialPoint = field(default_factory=PartialPoint)

    def clear(self, slot: int) -> None:
        """Leave a slot without a point."""
        for ring in self.rings:
            ring[slot % len(ring)] = NAN

    def close(self, slot: int) -> None:
        """Make a point of the open samples."""
        for ring, value in zip(self.rings, self.partial.point(), strict=False):
            ring[slot % len(ring)] = value
        self.partial = PartialPoint()


def taken(ring: array[float], first: int, count: int) -> array[float]:
    """Return `count` points from slot `first` on; they must be in the ring."""
    begin = first % len(ring)
    found = ring[begin : begin + count]
    return found + ring[: count - len(found)]


def put(ring: array[float], first: int, points: array[float]) -> None:
    """Set points from slot `first` on; not more than the ring has room for."""
    begin = first % len(ring)
    fit = min(len(points), len(ring) - begin)
    ring[begin : begin + fit] = points[:fit]
    ring[: len(points) - fit] = points[fit:]


class Tier:
    """The points of one step, of all series.

    Slot `i` is the time from `i * step` to `(i + 1) * step` on the boot clock. What was before this boot has
    negative slots. Not safe for several threads.

    Args:
        reach: Seconds that it keeps.
        step: Seconds of a point.
        now: The boot clock.

    Attributes:
        next: The first slot that is not complete: the one whose samples are open.
    """

    def __init__(self, reach: int, step: int, now: float) -> None:
        self.reach = reach
        self.step = step
        self.size = reach // step
        self.kinds = 1 if reach == HOUR else KINDS
        self.next = math.floor(now / step)
        self.columns: dict[str, Column] = {}

    def add(self, moment: float, values: Mapping[str, float | None], ahead: float) -> None:
        """Take in one sample of the series; None is no value.

        Args:
            moment: Where it belongs on the boot clock. One from before the open slot is left out.
            values: By series.
            ahead: Seconds until the next sample; a slot that has no more to come is complete.
        """
        slot = math.floor(moment / self.step)
        self.advance(slot)
        if slot == self.next:
            for name, value in values.items():
                if value is not None and math.isfinite(value):
                    self.column(name).partial.add(value)
        self.advance(math.floor((moment + ahead) / self.step))

    def column(self, name: str) -> Column:
        """Return the points of a series; it has rings from its first value on."""
        found = self.columns.get(name)
        if found is None:
            rings = tuple(array("f", [NAN]) * self.size for _ in range(self.kinds))
            found = self.columns[name] = Column(rings)
        return found

    def advance(self, slot: int) -> None:
        """Complete all slots before `slot`; those without a sample stay empty."""
        if slot <= self.next:
            return
        for column in self.columns.values():
            column.close(self.next)
            for missed in range(max(self.next + 1, slot - self.size), slot):
                column.clear(missed)
        self.next = slot

    def clipped(self, first: int, count: int) -> range:
        """Return those of `count` slots from `first` on that are complete and kept."""
        return range(max(first, self.next - self.size), min(first + count, self.next))

    def points(self, name: str, slots: range) -> list[array[float]]:
        """Return mean, or mean, minimum and maximum, at each of `slots`, which must be `clipped`."""
        column = self.columns.get(name)
        if column is None:
            return [array("f", [NAN]) * len(slots)] * self.kinds
        return [taken(ring, slots.start, len(slots)) for ring in column.rings]

    def place(self, name: str, first: int, curves: Sequence[array[float]], *, join: bool) -> None:
        """Put in points that were saved, from slot `first` on, as far as they are kept.

        Args:
            name: The series.
            first: The slot of the first point.
            curves: As many as the column has rings, of the same length.
            join: Whether a point that is there already is of other samples; else the new one is of all.
        """
        slots = self.clipped(first, len(curves[0]))
        if not slots:
            return
        for kind, (ring, points) in enumerate(zip(self.column(name).rings, curves, strict=True)):
            kept = points[slots.start - first : slots.stop - first]
            there = ring[slots.start % len(ring)]
            if not math.isnan(there) and (join or math.isnan(kept[0])):
                kept[0] = _joined(kind, there, kept[0])
            put(ring, slots.start, kept)

    def resume(self, name: str, slot: int, samples: PartialPoint) -> None:
        """Go on with the samples of a slot that was not complete when they were saved."""
        if slot == self.next:
            self.column(name).partial = samples
        else:
            self.place(name, slot, [array("f", [value]) for value in samples.point()], join=False)

    def shift_past(self, slots: int) -> int:
        """Move what was before this boot by `slots`, but not into this boot; return by how many it was."""
        past = range(self.next - self.size, min(self.next, 0))
        last = max((_last(column.rings[0], past) for column in self.columns.values()), default=past.start)
        past = range(past.start, last)
        if not past:
            return slots
        slots = min(slots, -last)
        for column in self.columns.values():
            for ring in column.rings:
                points = taken(ring, past.start, len(past))
                put(ring, past.start, array("f", [NAN]) * len(past))
                kept = self.clipped(past.start + slots, len(past))
                put(ring, kept.start, points[kept.start - slots - past.start :][: len(kept)])
        return slots


def _last(ring: array[float], slots: range) -> int:
    """Return the slot behind the last of `slots` at which there is a point; their start if there is none."""
    return next((slot + 1 for slot in reversed(slots) if not math.isnan(ring[slot % len(ring)])), slots.start)


def _joined(kind: int, one: float, other: float) -> float:
    """Return the mean, minimum or maximum of two means, minima or maxima."""
    if math.isnan(other):
        return one
    return ((one + other) / 2, min(one, other), max(one, other))[kind]
