"""One sample at each interval: who is told, what it costs, and what happens if somebody fails."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

import pi_system_monitor
from pistat.cache import NoAnswerError
from pistat.collectors import ALL
from pistat.history.recorder import Recorder, Sample
from pistat.machine.machine import Finished, Machine
from pistat.monitor.monitor import Monitor
from pistat.settings import Settings
from support.recorded_machine import BOARDS, RecordedMachine
from support.waiting import eventually

BOARD = "pi4b-8gb"


def recorder(seconds: float = 10.0) -> Recorder:
    machine = RecordedMachine(BOARDS / BOARD)
    return Recorder(Monitor(machine, 0.0), machine, seconds)


# What a sample is


def test_a_sample_has_the_keys_of_all_who_listen() -> None:
    """Each is told of the same one, in the order in which they came."""
    one = recorder()
    told: list[tuple[str, Sample]] = []
    one.listen(["cpu_temp"], lambda sample: told.append(("first", sample)))
    one.listen(["load_avg", "cpu_temp"], lambda sample: told.append(("second", sample)))
    sample = one.take()
    assert set(sample.values) == {"cpu_temp", "load_avg"}
    assert told == [("first", sample), ("second", sample)]
    assert sample.wall - sample.boot == pytest.approx(RecordedMachine(BOARDS / BOARD).boot_time(), abs=0.1)


def test_what_is_slow_is_read_seldom() -> None:
    """Once a minute here, while the others get a sample of ten seconds."""
    machine = RecordedMachine(BOARDS / BOARD)
    one = Recorder(Monitor(machine, 0.0), machine, 10.0)
    often: list[Sample] = []
    seldom: list[Sample] = []
    one.listen(["cpu_temp"], often.append)
    one.listen(["hardware"], seldom.append, every=60.0)
    for number in range(25):
        # Never at exactly the same moment.
        machine.now = machine.NOW + 10.0 * number + (number % 3) * 0.1
        one.take()
    assert len(often) == 25
    assert len(seldom) == 5
    assert sum("hardware" in sample.values for sample in often) == 5


class Counting(RecordedMachine):
    """A machine that counts what is read of it."""

    def __init__(self, board: str) -> None:
        self.counted: Counter[str] = Counter()
        super().__init__(BOARDS / board)

    def open(self, path: str) -> int:
        self.counted[path] += 1
        return super().open(path)

    def names(self, path: str) -> list[str]:
        self.counted[path] += 1
        return super().names(path)

    def run(self, command: Sequence[str], seconds: float, limit: int = 8192) -> Finished:
        self.counted[" ".join(command)] += 1
        return super().run(command, seconds, limit)


def test_reads_per_sample() -> None:
    """What the whole recorder of a daemon reads of the machine each ten seconds; no process, no folder.

    Whoever adds to this list makes each Pi do so all day.
    """
    machine = Counting(BOARD)
    app = pi_system_monitor.create_app(Settings(), machine)
    service = app.extensions["pistat"]
    for _ in range(5):
        machine.counted.clear()
        machine.now += 10.0
        service.core.recorder.take()
    program = next(word for word in machine.counted if "vcgencmd" in word).partition(" ")[0]
    questions = Counter(word.partition(" ")[2] for word in machine.counted if word.startswith(program))
    assert set(questions) <= {"get_throttled", "measure_volts core"}
    assert {path: times for path, times in machine.counted.items() if not path.startswith(program)} == {
        "/proc/diskstats": 1,
        "/proc/loadavg": 1,
        "/proc/meminfo": 1,
        "/proc/net/dev": 1,
        "/proc/net/snmp": 1,
        "/proc/net/wireless": 1,
        "/proc/pressure/cpu": 1,
        "/proc/pressure/io": 1,
        "/proc/pressure/memory": 1,
        "/proc/stat": 2,
        "/proc/vmstat": 1,
        "/sys/class/thermal/thermal_zone0/temp": 1,
        "/sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": 1,
    }


def test_switched_off_it_costs_nothing() -> None:
    """No thread, no sample, no ring, and at the end nothing to wait for."""
    machine = Counting(BOARD)
    machine.counted.clear()
    app = pi_system_monitor.create_app(Settings(history_seconds=0), machine)
    service = app.extensions["pistat"]
    before = threading.active_count()
    service.core.recorder.start()
    service.core.recorder.stop()
    assert threading.active_count() == before
    assert not machine.counted
    assert not any(tier.columns for tier in service.core.history.tiers.values())


# Faults


def test_a_collector_that_fails_costs_its_own_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that hangs: null, with a reason; and all others are there."""

    def hangs(_: Machine) -> Any:
        raise NoAnswerError(1.0)

    machine = RecordedMachine(BOARDS / BOARD)
    collectors = tuple(replace(each, read=hangs) if "memory" in each.keys else each for each in ALL)
    monkeypatch.setattr("pistat.monitor.monitor.ALL", collectors)
    monkeypatch.setattr(
        "pistat.monitor.monitor.OWNERS", {key: each for each in collectors for key in each.keys}
    )
    one = Recorder(Monitor(machine, 0.0), machine, 10.0)
    one.listen(["memory", "load_avg", "cpu_temp"], lambda _: None)
    sample = one.take()
    assert sample.errors == {"memory": "no answer within 1.0 s"}
    assert set(sample.values["memory"].values()) == {None}  # type: ignore[union-attr]
    assert sample.values["cpu_temp"] is not None
    assert sample.values["load_avg"] is not None


def test_a_listener_that_fails_hurts_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    """It is one line a minute in the log."""
    one = recorder()
    told: list[Sample] = []

    def fail(_: Sample) -> None:
        raise ValueError

    one.listen(["cpu_temp"], fail)
    one.listen(["cpu_temp"], told.append)
    for _ in range(3):
        one.take()
    assert len(told) == 3
    assert [each.levelno for each in caplog.records] == [logging.ERROR]


# Its life


def test_it_samples_by_the_boot_clock_and_ends_in_good_order() -> None:
    """A first sample at once, the others at multiples of the interval; at the end what is to be saved is."""
    machine = Machine()
    one = Recorder(Monitor(machine, 0.0), machine, 0.5)
    told: list[Sample] = []
    ended: list[str] = []
    one.listen(["load_avg"], told.append)
    one.at_stop(lambda: ended.append("first"))
    one.at_stop(lambda: ended.append("second"))
    one.start()
    one.start()
    assert eventually(lambda: len(told) >= 4)
    one.stop(20.0)
    number = len(told)
    assert ended == ["first", "second"]
    one.stop(20.0)
    assert len(told) == number
    assert all(later.boot > sooner.boot for sooner, later in itertools.pairwise(told))


@pytest.mark.parametrize(("now", "wait"), [(1000.0, 10.0), (1003.0, 7.0), (1009.9, 10.1), (1000.1, 9.9)])
def test_the_next_sample_is_at_a_multiple(now: float, wait: float) -> None:
    """One that is nearly due was this one: two within a moment say nothing of a rate."""
    machine = RecordedMachine(BOARDS / BOARD)
    one = Recorder(Monitor(machine, 0.0), machine, 10.0)
    machine.uptime = lambda: now  # type: ignore[method-assign]
    assert one._wait() == pytest.approx(wait)


def test_what_hangs_is_not_waited_for_at_the_end() -> None:
    """The daemon ends in time; the thread is left behind."""
    one = recorder()
    stuck, go = threading.Event(), threading.Event()

    def hang(_: Sample) -> None:
        stuck.set()
        go.wait(60.0)

    one.listen(["cpu_temp"], hang)
    one.start()
    assert stuck.wait(20.0)
    one.stop(0.1)
    go.set()
