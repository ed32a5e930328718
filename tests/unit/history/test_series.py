"""The rings against a model of them that keeps everything."""

from __future__ import annotations

import math
from array import array
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistat.history.series import DAY, FORTNIGHT, HOUR, STEPS, PartialPoint, Tier, put, taken

SIZE = 12
STEP = 10


def tier(kinds: int = 3, now: float = 0.0) -> Tier:
    """A tier of twelve points of ten seconds."""
    made = Tier(SIZE * STEP, STEP, now)
    made.kinds = kinds
    return made


def shown(found: Tier, name: str = "a") -> dict[int, tuple[float, ...]]:
    """The points that there are, by their slots."""
    slots = found.clipped(found.next - found.size, found.size)
    rows = zip(slots, *found.points(name, slots), strict=True)
    return {slot: tuple(values) for slot, *values in rows if not math.isnan(values[0])}


def points(*rows: tuple[float, float, float]) -> list[array[float]]:
    return [array("f", column) for column in zip(*rows, strict=True)]


def test_the_tiers_are_those_that_are_promised() -> None:
    """Ten seconds for an hour, a minute for a day, ten minutes for a fortnight."""
    assert STEPS == {3600: 10, 86_400: 60, 14 * 86_400: 600}
    assert [Tier(reach, step, 0.0).size for reach, step in STEPS.items()] == [360, 1440, 2016]
    assert [Tier(reach, STEPS[reach], 0.0).kinds for reach in (HOUR, DAY, FORTNIGHT)] == [1, 3, 3]


def test_twenty_series_take_less_than_a_megabyte() -> None:
    """Which is their numbers, and nothing for each of them."""
    tiers = [Tier(reach, step, 0.0) for reach, step in STEPS.items()]
    rings = [ring for each in tiers for number in range(20) for ring in each.column(str(number)).rings]
    assert sum(memoryview(ring).nbytes for ring in rings) == 858_240


samples = st.lists(
    st.tuples(st.floats(0.0, 40.0), st.one_of(st.none(), st.floats(-100.0, 100.0, width=32))), max_size=40
)


@given(samples, st.floats(0.0, 1000.0))
def test_each_point_is_of_its_samples(waits: list[tuple[float, float | None]], start: float) -> None:
    """However far apart they are, minimum and maximum are those of the samples, and the mean is theirs."""
    ring = tier(now=start)
    model: dict[int, list[float]] = {}
    moment = start
    for wait, value in waits:
        moment += wait
        ring.add(moment, {"a": value}, 0.0)
        if value is not None:
            model.setdefault(math.floor(moment / STEP), []).append(value)
    now = max(math.floor(moment / STEP), math.floor(start / STEP))
    assert ring.next == now
    expected = {
        slot: (fmean(values), min(values), max(values))
        for slot, values in model.items()
        if now - SIZE <= slot < now
    }
    found = shown(ring)
    assert found.keys() == expected.keys()
    for slot, point in expected.items():
        assert found[slot] == pytest.approx(point, rel=1e-5, abs=1e-5)


def test_a_point_is_complete_with_its_last_sample() -> None:
    """Nobody waits for the next one to see it."""
    ring = tier()
    ring.add(5.0, {"a": 1.0}, 3.0)
    assert shown(ring) == {}
    ring.add(8.0, {"a": 3.0}, 3.0)
    assert shown(ring) == {0: (2.0, 1.0, 3.0)}


def test_what_is_no_number_is_no_sample() -> None:
    ring = tier()
    for value in (None, math.nan, math.inf, -math.inf):
        ring.add(5.0, {"a": value, "b": 1.0}, 0.0)
    ring.advance(1)
    assert shown(ring) == {}
    assert shown(ring, "b") == {0: (1.0, 1.0, 1.0)}


def test_a_sample_from_before_the_open_slot_is_left_out() -> None:
    ring = tier(now=100.0)
    ring.add(95.0, {"a": 1.0}, 0.0)
    ring.advance(11)
    assert shown(ring) == {}


@given(st.integers(-50, 50), st.lists(st.floats(0, 9, width=32), max_size=SIZE), st.integers(0, SIZE))
def test_a_ring_gives_back_what_was_put_in(first: int, values: list[float], skipped: int) -> None:
    """Across its end, too."""
    ring = array("f", [math.nan]) * SIZE
    put(ring, first, array("f", values))
    assert taken(ring, first, len(values)).tolist() == values
    assert sum(not math.isnan(value) for value in ring) == len(values)
    rest = values[skipped:]
    assert taken(ring, first + skipped, len(rest)).tolist() == rest


# What was saved


def test_saved_points_are_kept_as_far_as_there_is_room() -> None:
    """What is too old is left out, and what would be in the future as well."""
    ring = tier(now=50.0)
    ring.place("a", -9, points(*[(float(number),) * 3 for number in range(20)]), join=False)
    assert shown(ring) == {slot: (slot + 9.0,) * 3 for slot in range(-7, 5)}


def test_of_two_boots_in_one_slot_nothing_is_lost() -> None:
    ring = tier(now=50.0)
    ring.place("a", 1, points((2.0, 1.0, 9.0)), join=False)
    ring.place("a", 1, points((4.0, 3.0, 5.0), (7.0, 7.0, 7.0)), join=True)
    assert shown(ring) == {1: (3.0, 1.0, 9.0), 2: (7.0, 7.0, 7.0)}


def test_a_point_that_was_completed_later_counts() -> None:
    """It has all samples of the one before; one without samples takes nothing away."""
    ring = tier(now=50.0)
    ring.place("a", 1, points((2.0, 1.0, 9.0)), join=False)
    ring.place("a", 1, points((4.0, 1.0, 9.0)), join=False)
    assert shown(ring) == {1: (4.0, 1.0, 9.0)}
    ring.place("a", 1, points((math.nan,) * 3), join=False)
    assert shown(ring) == {1: (4.0, 1.0, 9.0)}


@pytest.mark.parametrize(("now", "expected"), [(15.0, (3.0, 1.0, 5.0)), (25.0, (2.0, 1.0, 3.0))])
def test_samples_of_an_open_slot_are_gone_on_with(now: float, expected: tuple[float, ...]) -> None:
    """If it is still open; if not, they are a point."""
    ring = tier(now=now)
    ring.resume("a", 1, PartialPoint(2, 4.0, 1.0, 3.0))
    ring.add(now, {"a": 5.0}, 0.0)
    ring.advance(3)
    assert shown(ring)[1] == expected


# A clock that is set


@given(
    st.lists(st.integers(-SIZE, -1), unique=True, max_size=SIZE), st.integers(0, SIZE), st.integers(-30, 30)
)
def test_what_was_before_the_boot_moves_as_one(slots: list[int], now: int, shift: int) -> None:
    """But not into the boot; what is of the boot stays."""
    ring = tier(now=now * STEP)
    slots = [slot for slot in slots if slot >= now - SIZE]
    for slot in slots:
        ring.place("a", slot, points((float(slot),) * 3), join=False)
    for slot in range(now):
        ring.place("a", slot, points((100.0 + slot,) * 3), join=False)
    moved = ring.shift_past(shift)
    assert moved == (min(shift, -max(slots) - 1) if slots else shift)
    past = {slot + moved: (float(slot),) * 3 for slot in slots if slot + moved >= now - SIZE}
    assert shown(ring) == past | {slot: (100.0 + slot,) * 3 for slot in range(now)}
