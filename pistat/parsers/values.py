"""JSON values, and arithmetic on measurements."""

from __future__ import annotations

from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def percent(part: float, whole: float) -> float | None:
    """Return `part` as a percentage of `whole`, with at most two decimals; None if `whole` is 0."""
    return round(100.0 * part / whole, 2) if whole > 0 else None
