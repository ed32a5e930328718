"""Known loads give the known curves, in each tier and over days; the clock is a number."""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from pistat.history.recorder import Sample
from pistat.history.series import DAY, HOUR, RANGES
from pistat.machine.cpu_times import Spent
from support.history.simulated_machine import WALL, Run, SimulatedMachine

TIERS = {"1h": 10, "24h": 60, "14d": 600}
"""A range of each tier, and its step."""


@pytest.fixture
def machine(tmp_path: Path) -> SimulatedMachine:
    return SimulatedMachine(tmp_path / "root")


@pytest.fixture
def run(machine: SimulatedMachine, tmp_path: Path) -> Run:
    return Run(machine, tmp_path / "state")


# The fortnight


def independent(
    samples: list[tuple[float, float]], begins: float, step: int, points: int
) -> list[tuple[float, float, float] | None]:
    """The points of a curve, of samples and the moments to which they belong, computed in another way."""
    inside = defaultdict(list)
    for at, value in samples:
        inside[(at - begins) // step].append(value)
    rows = [inside.get(number) for number in range(points)]
    return [(fmean(row), min(row), max(row)) if row else None for row in rows]


@pytest.mark.parametrize(("days", "seconds"), [(1.2, 10), (15, 120)])
def test_a_simulated_time_agrees_with_an_independent_computation(
    machine: SimulatedMachine, tmp_path: Path, days: float, seconds: int
) -> None:
    """Samples that come late, others that do not come, hours without any, and a counter that grows."""
    chance = random.Random(days)
    machine.now = chance.uniform(0, 1000)
    run = Run(machine, tmp_path / "state", seconds)
    expected: dict[str, list[tuple[float, float]]] = defaultdict(list)
    counter, last = 0, None
    for number in range(int(days * DAY / seconds)):
        if number % 977 < 30:
            continue
        at = (number + 200) * seconds + chance.uniform(0, seconds / 20)
        machine.now = at
        load = chance.expovariate(1.0) if chance.random() < 0.97 else None
        grown = chance.randrange(1_000_000)
        values: dict[str, Any] = {"load_avg": [load, 0, 0]}
        middle = WALL + at - seconds / 2
        if load is not None:
            expected["load_1"].append((middle, load))
        if number % 5:
            counter += grown
            values["disk_io"] = {"read_bytes": counter}
            if last is not None:
                expected["disk_io.read_rate"].append((middle, grown / (at - last)))
            last = at
        else:
            last = None
        run.history.record(Sample(machine.uptime(), machine.time(), values))
    for name, samples in expected.items():
        for range_name in RANGES:
            compare(run, name, range_name, samples)


def compare(run: Run, name: str, range_name: str, samples: list[tuple[float, float]]) -> None:
    curves = run.history.curves([name], range_name, 0.0)
    (rings,) = curves.series.values()
    found = [
        None if math.isnan(row[0]) else row if len(row) == 3 else (*row, None, None)
        for row in zip(*rings, strict=True)
    ]
    wanted = independent(samples, curves.start, curves.step, curves.points)
    assert any(found)
    for one, other in zip(found, wanted, strict=True):
        assert (one is None) == (other is None)
        if one and other:
            for value, true in zip(one, other, strict=True):
                assert value is None or value == pytest.approx(true, rel=1e-5)


# Known loads


def burst(begin: float, end: float, total: float, at: float) -> int:
    """A counter that grows by `total` between two moments."""
    return round(total * min(max((at - begin) / (end - begin), 0.0), 1.0))


@pytest.mark.parametrize("range_name", TIERS)
def test_known_loads_give_the_known_curves(run: Run, range_name: str) -> None:
    """What was written, received, computed is the area below its curve, when and as much as it was."""
    written, received, busy, begin, end = 5e8, 3e7, 37.0, 1213.0, 1250.0

    def values(now: float) -> dict[str, Any]:
        return {
            "disk_io": {"write_bytes": burst(begin, end, written, now), "read_bytes": 0},
            "network": {"eth0": {"bytes_recv": burst(begin, end, received, now), "bytes_sent": 0}},
        }

    machine = run.machine
    while machine.now < 3600.0:
        machine.now += 10.0
        spent = Spent(burst(begin, end, busy, machine.now), 4 * machine.now)
        run.history.record(Sample(machine.uptime(), machine.time(), values(machine.now), cpu=spent))

    step = TIERS[range_name]
    areas = {
        "disk_io.write_rate": written,
        "network.recv_rate": received,
        "cpu_usage": 100.0 * busy / 4,
        "disk_io.read_rate": 0.0,
        "network.sent_rate": 0.0,
    }
    for name, area in areas.items():
        points = run.points(name, range_name)
        assert sum(point[0] * step for point in points.values()) == pytest.approx(area, rel=0.05)
        high = [at for at, point in points.items() if point[0] > 0]
        if area:
            assert begin - step - 10 <= min(high)
            assert max(high) <= end + 10
        if range_name != "1h":
            assert max(point[2] for point in points.values()) == pytest.approx(area / 37.0, rel=0.05)
            assert min(point[1] for point in points.values()) == 0.0


def test_the_share_of_the_time_that_something_was_true(run: Run) -> None:
    """A yes or no is 1 or 0 at each sample, and between the two in a longer step."""
    run.play(1220.0, lambda now: {"power": {"under_voltage": 600 < now <= 750}})
    assert list(run.points("power.under_voltage", "14d").values()) == [
        pytest.approx((0.0, 0.0, 0.0)),
        pytest.approx((0.25, 0.0, 1.0)),
    ]


# Gaps, and never a false 0


def test_what_cannot_be_read_leaves_a_gap_in_its_own_series(run: Run) -> None:
    """As a collector that hangs: its leaves are null, and all others go on."""
    run.play(600.0, lambda now: {"cpu_temp": None if 200 < now < 400 else 50.0, "load_avg": [1.0, 1.0, 1.0]})
    whole, torn = run.points("load_1", "1h"), run.points("cpu_temp", "1h")
    assert len(whole) >= 59
    assert sorted(set(whole) - set(torn)) == [float(at) for at in range(200, 390, 10)]


def test_a_rate_needs_two_readings(run: Run) -> None:
    """The first sample, and the first after a gap, have none; a counter that fell has none once."""
    counters = iter([100, 1100, 2100, 50, 1050, None, 9050, 10050, 10050])
    run.play(90.0, lambda _: {"disk_io": {"read_bytes": next(counters), "write_bytes": None}})
    run.play(10.0, lambda _: {})
    assert run.points("disk_io.read_rate", "1h") == {
        10.0: (100.0,),
        20.0: (100.0,),
        40.0: (100.0,),
        70.0: (100.0,),
        80.0: (0.0,),
    }
    assert run.points("disk_io.write_rate", "1h") == {}


def test_an_interface_that_comes_adds_nothing_of_its_past(run: Run) -> None:
    """Its counter may be large already; and one that goes takes nothing away."""
    counters = [{"a": 0}, {"a": 100}, {"a": 200, "b": 10**12}, {"a": 300, "b": 10**12 + 100}, {"a": 400}]
    rows = iter(counters)
    run.play(
        50.0,
        lambda _: {
            "network": {
                name: {"bytes_recv": value, "bytes_sent": value} for name, value in next(rows).items()
            }
        },
    )
    run.play(10.0, lambda _: {})
    assert [point[0] for point in run.points("network.recv_rate", "1h").values()] == [10.0, 10.0, 20.0, 10.0]


def test_a_sample_that_is_late_moves_nothing(run: Run) -> None:
    """What is missing of a recorder that was kept from it is a gap, and no value is stretched."""
    run.play(100.0, lambda now: {"cpu_temp": now})
    run.machine.now += 45.0
    run.play(100.0, lambda now: {"cpu_temp": now})
    found = run.points("cpu_temp", "1h")
    assert all(point[0] - at in {10.0, 5.0} for at, point in found.items())
    assert {100.0, 110.0, 120.0, 130.0}.isdisjoint(found)


# Clocks


@pytest.mark.parametrize("step", [3 * HOUR, -3 * HOUR])
@pytest.mark.parametrize("range_name", TIERS)
def test_a_step_of_the_wall_clock_leaves_no_gap_and_no_double(run: Run, step: float, range_name: str) -> None:
    """What was sampled before gets its true time: points are by the boot clock."""
    run.machine.wrong = -step
    run.play(1800.0, lambda now: {"cpu_temp": now})
    run.machine.wrong = 0.0
    run.play(1800.0, lambda now: {"cpu_temp": now})
    points = run.points("cpu_temp", range_name)
    assert {later - sooner for sooner, later in itertools.pairwise(points)} == {float(TIERS[range_name])}
    assert len(points) >= 3600 // TIERS[range_name] - 1
    middle = TIERS[range_name] / 2
    assert all(point[0] == pytest.approx(at + middle + 5, abs=5) for at, point in points.items())


@pytest.mark.parametrize("seconds", [5, 10, 30, 60, 300])
def test_any_interval_gives_curves_without_holes(
    machine: SimulatedMachine, tmp_path: Path, seconds: int
) -> None:
    """A tier has no shorter step than that; one sample lies in each of its points."""
    run = Run(machine, tmp_path / "state", seconds)
    run.play(2 * HOUR + seconds, lambda _: {"cpu_temp": 50.0})
    for range_name in TIERS:
        step = run.history.curves(["cpu_temp"], range_name, 0.0).step
        begins = list(run.points("cpu_temp", range_name))
        assert step >= seconds
        assert {later - sooner for sooner, later in itertools.pairwise(begins)} == {float(step)}
        assert len(begins) >= min(RANGES[range_name], 2 * HOUR) // step - 1


# Answers


def test_only_what_is_new_since(run: Run) -> None:
    """A page that stays open asks for what was not complete when it last asked."""
    run.play(1000.0, lambda now: {"cpu_temp": now})
    first = run.history.curves(["cpu_temp"], "1h", 0.0)
    end = first.start + first.points * first.step
    assert run.history.curves(["cpu_temp"], "1h", end).points == 0
    run.play(30.0, lambda now: {"cpu_temp": now})
    later = run.history.curves(["cpu_temp"], "1h", end)
    assert (later.start, later.points) == (end, 3)
    assert run.history.curves(["cpu_temp"], "1h", WALL + 10**9).points == 0
    assert run.history.curves(["cpu_temp"], "1h", 1.0).points == 360


@pytest.mark.parametrize(("range_name", "reach"), RANGES.items())
def test_an_answer_reaches_as_far_as_it_says(run: Run, range_name: str, reach: int) -> None:
    """Also where nothing was yet: those points are empty."""
    run.play(100.0, lambda _: {"cpu_temp": 50.0})
    curves = run.history.curves(["cpu_temp", "fan_speed"], range_name, 0.0)
    assert curves.points * curves.step == reach
    assert {len(ring) for rings in curves.series.values() for ring in rings} == {curves.points}
    assert [each.name for each in curves.series] == ["cpu_temp", "fan_speed"]
    assert 0 <= curves.timestamp - (curves.start + reach) <= curves.step + 2 * run.seconds


def test_a_machine_has_the_series_for_which_it_has_readings(run: Run) -> None:
    """The others take no memory."""
    run.play(100.0, lambda _: {"cpu_temp": 50.0, "fans": {}, "pmic": None})
    assert {name for tier in run.history.tiers.values() for name in tier.columns} == {"cpu_temp"}
