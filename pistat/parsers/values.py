"""JSON values, and arithmetic on measurements."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


Number = TypeVar("Number", int, float)


def clamped(part: Number, whole: Number) -> Number:
    """Return `part`, or the end of the range from 0 to `whole` beyond which it lies.

    Counters that are read one after the other, lxcfs and some filesystems say that a part is more than all.
    """
    if 0 <= part <= whole:  # as nearly always, and without a call
        return part
    return max(min(part, whole), 0)


def percent(part: float, whole: float) -> float | None:
    """Return `part` as a percentage of `whole`, from 0 to 100, two decimals; None when there is no whole."""
    return round(100.0 * clamped(part, whole) / whole, 2) if whole > 0 else None
