"""The curves of the history as JSON, as CSV, and as lines of blocks for a terminal."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

from pistat.history.history import Curves
from pistat.history.metrics import Metric
from pistat.text import utc

KINDS = ("mean", "min", "max")
BLOCKS, ASCII = "▁▂▃▄▅▆▇█", ".:-=+*#@"
WIDTH = 60
"""Columns of a sparkline."""

TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "text": "text/plain; charset=utf-8"}
"""The formats, and their media types."""


def render(curves: Curves, format_name: str, *, ascii_only: bool) -> bytes:
    """Return the answer in one of `TYPES`."""
    if format_name == "csv":
        return csv(curves).encode()
    if format_name == "text":
        return text(curves, ASCII if ascii_only else BLOCKS).encode()
    return json(curves).encode()


# JSON


def json(curves: Curves) -> str:
    """Return the document. It is put together by hand, in a third of the time that `json.dumps` takes."""
    series = ", ".join(f'"{metric.name}": {_one(metric, rings)}' for metric, rings in curves.series.items())
    boots = ", ".join(f"{at:.1f}" for at in curves.boots)
    return (
        f'{{"range": "{curves.range}", "step": {curves.step}, "start": {curves.start:.1f}, '
        f'"points": {curves.points}, "series": {{{series}}}, "boots": [{boots}], '
        f'"timestamp": {curves.timestamp:.3f}}}\n'
    )


def _one(metric: Metric, rings: list[array[float]]) -> str:
    points = ", ".join(f'"{kind}": [{_numbers(ring)}]' for kind, ring in zip(KINDS, rings, strict=False))
    return f'{{"unit": "{metric.unit}", {points}}}'


def _numbers(ring: array[float]) -> str:
    """Return the numbers with four significant digits and commas between; null for none."""
    return ",".join(["%.4g"] * len(ring)).__mod__(tuple(ring)).replace("nan", "null")


# CSV


def csv(curves: Curves) -> str:
    """Return a row for each point, with its time in UTC; nothing stands where there is no value."""
    names = [
        metric.name if kind == "mean" else f"{metric.name}_{kind}"
        for metric, rings in curves.series.items()
        for kind, _ in zip(KINDS, rings, strict=False)
    ]
    columns = [
        _numbers(ring).replace("null", "").split(",") for rings in curves.series.values() for ring in rings
    ]
    times = [_utc(curves.start + place * curves.step) for place in range(curves.points)]
    rows = [",".join(cells) for cells in zip(times, *columns, strict=False)]
    return "\r\n".join([",".join(["time", *names]), *rows, ""])


def _utc(at: float) -> str:
    """Return a time as RFC 3339 has it."""
    return f"{utc(round(at)):%Y-%m-%dT%H:%M:%SZ}"


# Text


def text(curves: Curves, blocks: str) -> str:
    """Return a line of blocks for each series, above it its name and its least, last and largest value."""
    end = curves.start + curves.points * curves.step
    head = f"{_utc(curves.start)} to {_utc(end)}, a point is {curves.step} s\n"
    return head + "".join(
        f"\n{metric.name} ({metric.unit})\n{sparkline(rings[0], blocks)}\n{_extremes(rings)}\n"
        for metric, rings in curves.series.items()
    )


def sparkline(
    points: array[float], blocks: str, width: int = WIDTH, bounds: tuple[float, float] | None = None
) -> str:
    """Return the means of the points in at most `width` columns; a blank where there is none.

    Args:
        points: The points.
        blocks: What to draw with, the lowest first.
        width: How many columns.
        bounds: What the lowest and the highest block stand for; by default the least and the largest mean.
    """
    columns = [*_shrunk(points, min(width, len(points)))]
    known = [value for value in columns if not math.isnan(value)]
    low, high = bounds or (min(known, default=0.0), max(known, default=0.0))
    top = len(blocks) - 1
    scale = top / (high - low) if high > low else 0.0
    return "".join(
        " " if math.isnan(value) else blocks[min(top, max(0, round((value - low) * scale)))]
        for value in columns
    ).rstrip()


def _shrunk(points: array[float], width: int) -> Iterator[float]:
    for column in range(width):
        part = points[column * len(points) // width : (column + 1) * len(points) // width]
        known = [value for value in part if not math.isnan(value)]
        yield sum(known) / len(known) if known else math.nan


def _extremes(rings: list[array[float]]) -> str:
    low, high = (rings[1], rings[2]) if len(rings) == len(KINDS) else (rings[0], rings[0])
    lows, highs = ([value for value in ring if not math.isnan(value)] for ring in (low, high))
    if not lows:
        return "no readings"
    last = [value for value in rings[0] if not math.isnan(value)][-1]
    return f"least {min(lows):.4g}, last {last:.4g}, largest {max(highs):.4g}"
