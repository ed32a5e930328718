"""Rates are taken over a real interval, whoever asks and how often. The clock is a number, nothing sleeps."""

from __future__ import annotations

import pytest

from pistat.machine import cpu_times, processes
from pistat.machine.cpu_times import Spent
from pistat.machine.machine import Machine
from pistat.machine.processes import Process, Table
from pistat.machine.sampler import Rates, Sampler
from pistat.parsers.values import Json


class Clock:
    """A clock that stands still but when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(round(seconds, 3))
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def history(clock: Clock) -> Sampler[float]:
    """A counter that goes up with the clock."""
    return Sampler(clock.time, good=0.9, least=0.2, most=10.0, clock=clock.time, sleep=clock.sleep)


def interval(history: Sampler[float]) -> float:
    older, newer = history.interval()
    return round(newer.at - older.at, 3)


def test_the_first_question_waits_for_a_real_interval(history: Sampler[float], clock: Clock) -> None:
    """Without any sample, two are taken with the least interval between them."""
    assert interval(history) == 0.2
    assert clock.waits == [0.2]


def test_a_young_sample_is_waited_for_only_as_long_as_needed(history: Sampler[float], clock: Clock) -> None:
    """A sample of 0.15 s needs 0.05 s more."""
    history.take()
    clock.now += 0.15

    assert interval(history) == 0.2
    assert clock.waits == [0.05]


def test_a_look_is_not_parsed_before_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each second the CPU times are read, and nothing is made of them; of an interval, two are."""
    machine = Machine(platform="linux")
    table = b"cpu 1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 1\n"
    parse, parsed = cpu_times.parse, 0

    def counted(stat: bytes) -> cpu_times.Times:
        nonlocal parsed
        parsed += 1
        return parse(stat)

    monkeypatch.setattr(cpu_times, "parse", counted)
    monkeypatch.setattr(machine, "read_cached_fd", lambda path: table)

    for _ in range(5):
        machine.sample_cpu()
    assert parsed == 0

    older, newer = machine.cpu.interval()
    assert [older.value.times, newer.value.times] == 2 * [parse(table)]
    assert parsed == 2


def test_with_a_sampler_nobody_waits(history: Sampler[float], clock: Clock) -> None:
    """Sampled every second, every question is answered at once, over one to two seconds."""
    for _ in range(5):
        history.take()
        clock.now += 1.0
    intervals = []
    for _ in range(100):
        clock.now += 0.009
        intervals.append(interval(history))

    assert clock.waits == []
    assert all(0.9 <= each <= 2.0 for each in intervals)


def test_questions_do_not_shorten_the_interval_of_the_next(history: Sampler[float], clock: Clock) -> None:
    """A client that asks every millisecond spoils nothing for another."""
    history.take()
    clock.now += 1.0
    for _ in range(500):
        clock.now += 0.001
        assert interval(history) >= 0.9


def test_a_sample_of_long_ago_says_nothing_about_now(history: Sampler[float], clock: Clock) -> None:
    """After a silence of an hour, the interval begins anew."""
    history.take()
    clock.now += 3600.0

    assert interval(history) == 0.2


def test_measure_begins_now(history: Sampler[float], clock: Clock) -> None:
    """A measurement of one second takes its own two samples."""
    history.take()
    clock.now += 5.0

    older, newer = history.interval_of(1.0)

    assert (older.at, newer.at) == (105.0, 106.0)


# How fast counters grow


class Link:
    """Two interfaces, one of which can go; each counts ten bytes a second from when it came."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.rates = Rates(clock.time, clock.sleep)
        self.came = {"eth0": 0.0}

    def read(self) -> dict[str, list[Json]]:
        return {name: [10.0 * (self.clock.now - came), None] for name, came in self.came.items()}

    def ask(self) -> dict[str, float | None]:
        """The rates of the interfaces, as a client is shown them."""
        found, interval = self.rates.measure(self.read, lambda counters: counters)
        told = {name: interval.rates(name, counters) for name, counters in found.items()}
        assert {rates[1] for rates in told.values()} == {None}, "a counter that cannot be read"
        return {name: rates[0] for name, rates in told.items()}


def test_a_rate_is_null_until_there_are_two_readings(clock: Clock) -> None:
    """Two within a moment are one; then it is exact, and nobody has waited."""
    link = Link(clock)
    assert link.ask() == {"eth0": None}
    clock.now += 0.5
    assert link.ask() == {"eth0": None}
    clock.now += 0.5
    assert link.ask() == {"eth0": 10.0}
    assert clock.waits == []


def test_an_interface_that_was_made_anew_has_no_rate_once(clock: Clock) -> None:
    """Its counter fell, so it is null, and not 0; nor is it of the past of one that has just come."""
    link = Link(clock)
    link.ask()
    clock.now += 5.0
    link.came["eth0"] = link.came["wlan0"] = clock.now
    assert link.ask() == {"eth0": None, "wlan0": None}
    clock.now += 5.0
    assert link.ask() == {"eth0": 10.0, "wlan0": 10.0}


def test_a_rate_is_of_now(clock: Clock) -> None:
    """After a silence it is of a second of its own, and not the mean of an hour."""
    link = Link(clock)
    link.ask()
    link.came["eth0"] += 36_000.0  # far less has come in this hour than before it
    clock.now += 36_100.0
    assert link.ask() == {"eth0": 10.0}
    assert clock.waits == [1.0]


def test_who_asks_often_spoils_no_rate(clock: Clock) -> None:
    """A client that asks every millisecond leaves each interval as long as it was."""
    link = Link(clock)
    link.ask()
    clock.now += 1.0
    for _ in range(3000):
        clock.now += 0.001
        assert link.ask() == {"eth0": 10.0}
    assert clock.waits == []


@pytest.mark.parametrize(("seconds", "longest"), [(5, 15.0), (30, 30.0), (300, 60.0)])
def test_rates_reach_back_to_the_last_sample_of_the_history(seconds: int, longest: float) -> None:
    """Or a request would wait a second for what has been read half a minute ago; but for no old one."""
    machine = Machine(platform="linux")
    machine.set_longest_interval(seconds)

    assert {machine.traffic.longest, machine.disks.longest} == {longest}


# The CPU


@pytest.mark.parametrize(
    ("older", "newer", "expected"),
    [
        ([(10, 100), (5, 50)], [(60, 200), (30, 100)], [50.0, 50.0]),
        ([(10, 100)], [(10, 200)], [0.0]),
        ([(10, 100)], [(110, 200)], [100.0]),
        ([(10, 100)], [(111, 200)], [100.0]),  # a tick that was counted late
        ([(10, 100)], [(9, 200)], [0.0]),  # iowait corrected backwards
        ([(10, 100)], [(10, 100)], [None]),  # nothing was counted: unknown, not idle
        ([(10, 100)], [(20, 200), (1, 2)], [10.0, None]),  # a core has come online
    ],
)
def test_share_of_time_busy(
    older: list[tuple[float, float]], newer: list[tuple[float, float]], expected: list[float | None]
) -> None:
    """The share is of what was counted, and lies between 0 and 100."""
    assert cpu_times.usage([Spent(*each) for each in older], [Spent(*each) for each in newer]) == expected


def process(began: float, cpu: float) -> Process:
    return Process("name", 0, began, cpu, 0)


@pytest.mark.parametrize(
    ("older", "newer", "expected"),
    [
        ({7: process(5.0, 1.0)}, process(5.0, 3.0), 100.0),
        ({7: process(5.0, 1.0)}, process(5.0, 9.0), 400.0),  # four threads
        ({}, process(11.0, 0.5), 50.0),  # born in between: busy half of its life
        ({7: process(5.0, 90.0)}, process(11.0, 0.5), 50.0),  # the number was used again
        ({}, process(2.0, 5.0), 50.0),  # missed by the older table: over its life
        ({7: process(5.0, 1.0)}, process(5.0, 0.9), 0.0),
    ],
)
def test_cpu_percent_of_a_process(older: dict[int, Process], newer: Process, expected: float) -> None:
    """Use is divided by the time since the older table, or since a process that it lacks began."""
    assert processes.cpu_percent(7, Table(10.0, older), Table(12.0, {7: newer})) == expected


def test_a_process_just_born_has_no_absurd_figure() -> None:
    """One tick in no measurable time is not thousands of percent."""
    table = Table(12.0, {7: process(12.0, 0.01)})

    assert processes.cpu_percent(7, Table(10.0, {}), table) == 100.0


@pytest.mark.parametrize(
    "name", ["plain", "with blank", ") R 1 1 (", "(nested (deep))", "", "a) S 1 2 3", "\n\t", "<img src=x>"]
)
def test_the_name_of_a_process_may_be_anything(name: str) -> None:
    """The name ends at the last parenthesis; whatever it looks like, the columns after it are found."""
    rest = " ".join(["S", *map(str, range(4, 53))])

    parsed = processes.parse(f"42 ({name}) {rest}\n".encode(), 1000, 100, 4096)

    assert parsed == Process(name, 1000, 22 / 100, (14 + 15) / 100, 24 * 4096, b"S", 20, 23)
