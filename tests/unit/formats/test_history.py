"""The curves of /history as JSON, as CSV and for a terminal: the same numbers, and the same gaps."""

from __future__ import annotations

import csv
import io
import json
import math
from array import array
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from pistat.formats import history
from pistat.history.history import Curves
from pistat.history.metrics import METRICS
from pistat.history.series import RANGES

START = 1_796_004_000.0
NAMES = ("cpu_temp", "power.under_voltage")
MEANS = (51.23456, math.nan, 1_234_567.0, 0.000123456)
EXPECTED = [51.23, None, 1_235_000.0, 0.0001235]
"""With four significant digits."""


def curves(
    range_name: str = "24h", step: int = 60, kinds: int = 3, *, means: tuple[float, ...] = MEANS
) -> Curves:
    """Two series with a hole; the minimum is a tenth of the mean, the maximum ten times."""
    rings = [array("f", [factor * mean for mean in means]) for factor in (1.0, 0.1, 10.0)][:kinds]
    series = {metric: rings for metric in METRICS if metric.name in NAMES}
    return Curves(range_name, step, START, len(means), series, [START + 61.26], START + 999.0)


def rendered(found: Curves, format_name: str = "json", *, ascii_only: bool = False) -> str:
    return history.render(found, format_name, ascii_only=ascii_only).decode()


@pytest.mark.parametrize(("kinds", "names"), [(1, ("mean",)), (3, ("mean", "min", "max"))])
def test_json(kinds: int, names: tuple[str, ...]) -> None:
    """All curves have as many points, and in the first tier there are only means."""
    found = json.loads(rendered(curves(kinds=kinds)))

    series = found.pop("series")
    assert found == {
        "range": "24h",
        "step": 60,
        "start": START,
        "points": 4,
        "boots": [START + 61.3],
        "timestamp": START + 999.0,
    }
    assert {name: each.pop("unit") for name, each in series.items()} == dict(
        zip(NAMES, ("celsius", "share"), strict=True)
    )
    for each in series.values():
        assert tuple(each) == names
        assert {len(points) for points in each.values()} == {found["points"]}
        assert each["mean"] == EXPECTED


def test_csv_has_the_numbers_of_the_json() -> None:
    """A row for each point, with its time in UTC; a gap is empty."""
    rows = [*csv.reader(io.StringIO(rendered(curves(), "csv"), newline=""))]

    assert rows[0] == ["time", *(f"{name}{kind}" for name in NAMES for kind in ("", "_min", "_max"))]
    times = [datetime.fromisoformat(row[0]) for row in rows[1:]]
    assert times[0].timestamp() == START
    assert {after - before for before, after in pairwise(times)} == {timedelta(minutes=1)}
    assert all(row[0].endswith("Z") for row in rows[1:])
    assert [float(row[1]) if row[1] else None for row in rows[1:]] == EXPECTED
    assert rows[2][1:] == [""] * 6


@pytest.mark.parametrize(("ascii_only", "blocks"), [(False, "▁▂▃▄▅▆▇█"), (True, ".:-=+*#@")])
@pytest.mark.parametrize("range_name", RANGES)
def test_a_sparkline(range_name: str, ascii_only: bool, blocks: str) -> None:
    """Sixty columns from the lowest to the highest block, and a blank where nothing was read."""
    points = {"10m": 60, "6h": 360, "7d": 1008, "14d": 2016}.get(range_name, 360)
    means = tuple(math.nan if 0.4 < place / points < 0.6 else float(place) for place in range(points))
    text = rendered(curves(range_name, kinds=1, means=means), "text", ascii_only=ascii_only)

    lines = text.split("\n")
    assert lines[1:3] == ["", "cpu_temp (celsius)"]
    line = lines[3]
    assert len(line) == history.WIDTH
    assert (line[0], line[-1]) == (blocks[0], blocks[-1])
    assert line[25:35] == " " * 10
    known = line.replace(" ", "")
    assert [*known] == sorted(known, key=blocks.index)
    assert set(known) <= set(blocks)
    assert lines[4] == f"least 0, last {points - 1}, largest {points - 1}"
    assert text.isascii() == ascii_only


def test_a_curve_that_never_moves_and_one_that_is_not_there() -> None:
    steady = rendered(curves(kinds=1, means=(21.0,) * 360), "text")
    nothing = rendered(curves(kinds=1, means=(math.nan,) * 360), "text")

    assert f"\n{'▁' * 60}\nleast 21, last 21, largest 21\n" in steady
    assert "\n\nno readings\n" in nothing


def test_the_extremes_are_those_of_the_samples() -> None:
    """Beyond the first tier a mean hides how high it went."""
    assert "least 0.1, last 2, largest 20\n" in rendered(curves(means=(1.0, 2.0)), "text")


def test_nothing_new_since() -> None:
    """A page that asks too early gets curves without a point."""
    none = curves(means=())

    assert json.loads(rendered(none))["series"]["cpu_temp"]["mean"] == []
    assert rendered(none, "csv").count("\r\n") == 1
    assert "no readings" in rendered(none, "text")
