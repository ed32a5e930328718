"""The curves across restarts, reboots, power cuts, clocks that are set late, and files that are no good."""

from __future__ import annotations

import itertools
import logging
import os
import random
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pistat.history import archive, storage
from pistat.history.archive import FILE, LONGEST, MAGIC, REST, START
from pistat.history.series import DAY, HOUR
from support.history.simulated_machine import Run, SimulatedMachine
from support.waiting import eventually

SEED = zlib.crc32(b"machine")
MINUTE = 60.0
WRITE = os.write


def load(now: float) -> dict[str, Any]:
    """A curve on which each minute has another value: that of its number, and half of it."""
    return {"load_avg": [now // 30 / 2, 0.0, 0.0], "cpu_temp": 50.0 + now % 7}


@pytest.fixture
def machine(tmp_path: Path) -> SimulatedMachine:
    return SimulatedMachine(tmp_path / "root")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def stopped(machine: SimulatedMachine, state: Path, seconds: float) -> Run:
    """A run of the daemon that was stopped in good order."""
    run = Run(machine, state)
    run.play(seconds, load)
    run.archive.close()
    return run


def again(machine: SimulatedMachine, state: Path, seconds: float = 10.0) -> Run:
    run = Run(machine, state)
    run.play(seconds, load)
    return run


def near(points: dict[float, tuple[float, ...]], slack: float) -> dict[float, tuple[float, ...]]:
    """The points as they are saved and shown: to four digits, at moments rounded to `slack`."""
    return {
        round(at / slack): tuple(float(f"{value:.3g}") for value in point) for at, point in points.items()
    }


# Restarts


@pytest.mark.parametrize("range_name", ["24h", "14d"])
def test_after_a_restart_no_point_is_lost(machine: SimulatedMachine, state: Path, range_name: str) -> None:
    """What one daemon has begun, the next completes: each point is that of a daemon that went on."""
    stopped(machine, state, 3725.0)
    two = again(machine, state, 3600.0)

    whole = Run(other := SimulatedMachine(state.parent / "other"), state.parent / "elsewhere")
    whole.play(7325.0, load)
    assert other.now == machine.now

    found, expected = two.points("load_1", range_name), whole.points("load_1", range_name)
    assert len(expected) == {"24h": 122, "14d": 12}[range_name]
    assert list(found) == list(expected)
    for at, point in expected.items():
        assert found[at] == pytest.approx(point, rel=2e-4), at


def test_the_first_tier_is_not_saved(machine: SimulatedMachine, state: Path) -> None:
    """The last hour in steps of ten seconds is for what goes on, and is not worth the wear."""
    stopped(machine, state, 1800.0)
    assert len(again(machine, state, 30.0).points("load_1", "1h")) < 5


def test_restarts_in_a_row_leave_what_was(machine: SimulatedMachine, state: Path) -> None:
    """One that ends before it has taken a second sample breaks nothing."""
    one = stopped(machine, state, 1800.0)
    before = one.points("load_1")
    for _ in range(3):
        stopped(machine, state, 10.0)
    found = again(machine, state, 70.0).points("load_1")
    assert near(before, 1).items() <= near(found, 1).items()


def test_the_daemon_that_was_stopped_at_once_saves_nothing(machine: SimulatedMachine, state: Path) -> None:
    """Without a sample there is nothing to save, and the file is not even read."""
    run = Run(machine, state)
    run.archive.close()
    assert list(state.iterdir()) == []


# Reboots


@pytest.mark.parametrize("pause", [20.0, 301.0, 5000.0])
@pytest.mark.parametrize("range_name", ["24h", "14d"])
def test_after_a_reboot_the_curve_goes_on_where_it_was(
    machine: SimulatedMachine, state: Path, pause: float, range_name: str
) -> None:
    """The new boot clock begins at 0; what was before stands where it was, within a step."""
    step = {"24h": 60, "14d": 600}[range_name]
    before = stopped(machine, state, 4 * 3600.0).points("load_1", range_name)
    machine.switch_on("second", after=pause)
    run = again(machine, state, 1300.0)
    found = run.points("load_1", range_name)

    old = {at: point for at, point in found.items() if at < machine.booted - step / 2}
    assert [point[0] for point in old.values()] == pytest.approx(
        [point[0] for point in before.values()] + [old[max(old)][0]][: len(old) - len(before)], rel=2e-4
    )
    assert 0 <= len(old) - len(before) <= 1, "all of them, and the one that was not complete at the end"
    shift = {round(new - then, 1) for new, then in zip(old, before, strict=False)}
    assert len(shift) == 1, "they keep their distances"
    assert abs(shift.pop()) <= step


def test_a_reboot_is_a_line_in_the_curves(machine: SimulatedMachine, state: Path) -> None:
    """`boots` names each of them within the range."""
    started = [machine.boot_time()]
    stopped(machine, state, HOUR)
    for number in range(3):
        machine.switch_on(f"boot {number}", after=100.0)
        started.append(machine.boot_time())
        run = again(machine, state, HOUR)
        run.archive.close()
    assert run.history.curves(["load_1"], "24h", 0.0).boots == pytest.approx(started, abs=1.0)


def test_a_power_cut_costs_an_hour_at_most(machine: SimulatedMachine, state: Path) -> None:
    """Nobody stops the daemon; what was saved is what there is."""
    run = Run(machine, state)
    run.play(5.5 * HOUR, load)
    last = max(run.points("load_1"))
    machine.switch_on("second", after=30.0)
    found = again(machine, state).points("load_1")
    assert last - HOUR <= max(at for at in found if at < machine.booted) <= last
    assert len(found) >= 270


def test_points_of_two_boots_in_one_slot_become_one(machine: SimulatedMachine, state: Path) -> None:
    """Of the slot in which the machine was booted, minimum and maximum are those of both."""
    hot = {"cpu_temp": 80.0}
    run = Run(machine, state)
    run.play(1500.0, lambda _: hot)
    run.archive.close()
    machine.switch_on("second", after=5.0)
    run = Run(machine, state)
    run.play(300.0, lambda _: {"cpu_temp": 40.0})
    run.archive.close()
    machine.switch_on("third", after=700.0)
    found = again(machine, state, 700.0).points("cpu_temp", "14d")
    both = [point for point in found.values() if point[1] != point[2] and point[2] == 80.0]
    assert len(both) <= 1
    assert 40.0 in {point[1] for point in found.values()}
    assert 80.0 in {point[2] for point in found.values()}


# Clocks


def test_a_clock_that_is_set_late_moves_the_whole_boot(machine: SimulatedMachine, state: Path) -> None:
    """A Pi without a clock starts with the time of its shutdown. All of the boot gets the true time."""
    machine.wrong = -17 * 3600.0
    run = Run(machine, state)
    run.play(2.5 * HOUR, load)
    machine.wrong = 0.0
    run.play(0.6 * HOUR, load)
    run.archive.close()
    before = run.points("load_1")
    machine.switch_on("second", after=40.0)
    found = again(machine, state).points("load_1")
    assert abs(min(found) - min(before)) <= MINUTE
    assert len(found) >= len(before)


def test_a_file_from_the_future_is_taken_in_once_the_clock_is_set(
    machine: SimulatedMachine, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no fault, so nothing is said; what was sampled meanwhile stays as well."""
    before = stopped(machine, state, 2 * HOUR).points("load_1")
    machine.switch_on("second", after=60.0)
    machine.wrong = -30 * DAY
    run = again(machine, state, 1.5 * HOUR)
    assert len(run.points("load_1")) <= 91
    machine.wrong = 0.0
    run.play(600.0, load)
    found = run.points("load_1")
    assert near(before, MINUTE).keys() <= {
        each + shift for each in near(found, MINUTE) for shift in (-1, 0, 1)
    }
    assert len(found) == pytest.approx(120 + 100, abs=2)
    assert not caplog.records


def test_a_file_from_the_future_is_not_lost_while_the_clock_is_not_set(
    machine: SimulatedMachine, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even when the file grows full. When the boot between was, nobody will ever know."""
    monkeypatch.setattr(archive, "LONGEST", 2000)
    before = stopped(machine, state, 2 * HOUR).points("load_1")
    machine.switch_on("second", after=60.0)
    machine.wrong = -30 * DAY
    stopped(machine, state, 6 * HOUR)
    machine.switch_on("third", after=60.0)
    machine.wrong = 0.0
    assert len(again(machine, state, MINUTE).points("load_1")) >= len(before)


def test_a_disk_that_does_not_answer_is_asked_again(
    machine: SimulatedMachine, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More and more seldom, up to once an hour; then what was saved is there, beside what was sampled."""
    before = stopped(machine, state, 2 * HOUR).points("load_1")
    run = Run(machine, state)
    asked: list[float] = []

    def silent(_: str) -> None:
        asked.append(machine.now)

    with monkeypatch.context() as patch:
        patch.setattr(run.state, "read", silent)
        run.play(8 * HOUR, load)
    pauses = [round(later - sooner) for sooner, later in itertools.pairwise(asked)]
    assert pauses == [60, 120, 240, 480, 960, 1920, HOUR, HOUR, HOUR, HOUR, HOUR, HOUR]
    run.play(1.1 * HOUR, load)
    found = run.points("load_1")
    assert near(before, 1).items() <= near(found, 1).items()
    assert len(found) >= 11 * 60
    run.archive.close()
    assert near(found, 1).items() <= near(again(machine, state).points("load_1"), 1).items()


def test_a_disk_that_answers_late_gives_back_what_was_saved(
    machine: SimulatedMachine, state: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While it hangs, in the kernel, samples go on, and the log has one line; one when it answers."""
    monkeypatch.setattr(storage, "SECONDS", 0.2)
    caplog.set_level(logging.INFO)
    before = stopped(machine, state, 2 * HOUR).points("load_1", "14d")
    aside = (state / FILE).rename(state / "aside")
    # Whoever opens it waits until somebody writes to it.
    os.mkfifo(state / FILE)
    run = Run(machine, state)
    run.play(1.5 * HOUR, load)
    assert len(run.points("load_1")) == 90
    pipe = (state / FILE).rename(state / "pipe")
    aside.rename(state / FILE)

    def is_back() -> bool:
        run.play(HOUR / 2, load)
        return near(before, 1).items() <= near(run.points("load_1", "14d"), 1).items()

    pipe.open("wb").close()
    assert eventually(is_back)
    messages = [each.getMessage() for each in caplog.records]
    assert messages == [
        f"The history is not saved. {state / FILE} cannot be read: no answer within 0.2 s.",
        "The history is saved again.",
    ]


@pytest.mark.parametrize("step", [3 * 3600.0, -3 * 3600.0])
def test_a_step_of_the_wall_clock_is_seen_in_no_curve(
    machine: SimulatedMachine, state: Path, step: float
) -> None:
    """No gap and no double within the boot; what was before it keeps the times that it had."""
    stopped(machine, state, 2 * HOUR)
    machine.switch_on("second", after=60.0)
    run = again(machine, state, 5 * HOUR)
    machine.wrong = step
    run.play(HOUR, load)
    begins = [at for at in run.points("load_1") if at > machine.booted + step]
    assert len(begins) >= 359
    assert {round(later - sooner) for sooner, later in itertools.pairwise(begins)} == {60}


# Files that are no good


def reference(machine: SimulatedMachine, state: Path) -> bytes:
    """A file of three records."""
    run = stopped(machine, state, 2 * HOUR + 100.0)
    data = (state / FILE).read_bytes()
    assert len(list(archive.records(data, zlib.crc32(b"machine")))) == 3
    assert run.state.available
    return data


def test_a_file_torn_at_any_byte_gives_the_records_that_are_whole(
    machine: SimulatedMachine, state: Path
) -> None:
    """And what is appended behind the tear counts."""
    data = reference(machine, state)
    whole = list(archive.records(data, SEED))
    ends = list(itertools.accumulate(len(each.packed(SEED)) for each in whole))
    assert ends[-1] == len(data)
    for length in range(len(data) + 1):
        count = sum(end <= length for end in ends)
        assert list(archive.records(data[:length], SEED)) == whole[:count]
        assert list(archive.records(data[:length] + whole[0].packed(SEED), SEED))[count:] == whole[:1]


def test_a_byte_that_is_wrong_costs_its_record_at_most(machine: SimulatedMachine, state: Path) -> None:
    data = reference(machine, state)
    whole = list(archive.records(data, SEED))
    for place in range(len(data)):
        wrong = bytearray(data)
        wrong[place] ^= 0xFF
        found = list(archive.records(bytes(wrong), SEED))
        assert len(found) == len(whole) - 1
        assert all(each in whole for each in found)


@pytest.mark.parametrize("keep", [0, 1, 60, 200, -1])
def test_a_torn_file_stops_no_start(
    machine: SimulatedMachine, state: Path, keep: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing is left of it, it is set aside, and that is said once."""
    data = reference(machine, state)
    (state / FILE).write_bytes(data[:keep])
    run = again(machine, state, 2 * HOUR)
    run.archive.close()
    assert len(run.points("load_1")) >= 119
    kept = (state / f"{FILE}.unusable").exists()
    assert kept == (keep in {1, 60, 200})
    assert len(caplog.records) == kept
    if kept:
        assert (state / f"{FILE}.unusable").read_bytes() == data[:keep]
        assert f"was renamed to {FILE}.unusable" in caplog.text


@pytest.mark.parametrize("what", ["version", "machine", "noise", "magic", "zeros"])
def test_a_foreign_file_is_set_aside_once(
    machine: SimulatedMachine, state: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of another version, of another machine, or none of ours: the start goes on, and a new file begins."""
    data = reference(machine, state)
    foreign = {
        "version": data.replace(MAGIC, MAGIC[:-1] + b"\x02"),
        "machine": data,
        "noise": os.urandom(20_000),
        "magic": MAGIC * 20_000,
        "zeros": bytes(20_000),
    }[what]
    (state / FILE).write_bytes(foreign)
    if what == "machine":
        machine = SimulatedMachine(state.parent / "other", "another")
    for _ in range(2):
        stopped(machine, state, HOUR)
    assert (state / f"{FILE}.unusable").read_bytes() == foreign
    assert len(list(archive.records((state / FILE).read_bytes(), SEED))) == (0 if what == "machine" else 2)
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert "holds no curves that this version has saved on this machine" in caplog.text


def test_a_series_that_is_no_more_is_left_out(
    machine: SimulatedMachine, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a change of the version: the others stay."""
    stopped(machine, state, HOUR)
    monkeypatch.setattr(archive, "NAMES", frozenset({"load_1"}))
    run = Run(machine, state)
    run.play(10.0, lambda _: {})
    assert len(run.points("load_1")) >= 59
    assert set(run.history.tiers[DAY].columns) == {"load_1"}


def test_another_interval_keeps_the_tiers_that_have_the_same_step(
    machine: SimulatedMachine, state: Path
) -> None:
    """With 120 s between samples there are no minutes, but ten minutes as before."""
    before = stopped(machine, state, 2 * HOUR).points("load_1", "14d")
    run = Run(machine, state, seconds=120.0)
    run.play(120.0, load)
    assert len(run.points("load_1", "14d")) == len(before)
    assert len(run.points("load_1", "24h")) <= 1


# Writing


def test_two_daemons_share_a_directory_without_harm(
    machine: SimulatedMachine, state: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Both append, now and then one of them begins the next file; nothing is lost."""
    monkeypatch.setattr(archive, "LONGEST", 10_000)
    one, two = Run(machine, state), Run(machine, state)
    for _ in range(12 * HOUR // 20):
        one.play(10.0, load)
        two.play(10.0, load)
    one.archive.close()
    two.archive.close()
    found = again(machine, state).points("load_1")
    assert {round(later - sooner) for sooner, later in itertools.pairwise(found)} == {60}
    assert not caplog.records


class Killed(BaseException):
    """The end of the daemon, in the middle of something."""


class Killer:
    """Ends the daemon at the call of the kernel with this number; one that writes does half of it."""

    CALLS = ("open", "write", "fsync", "fdatasync", "close", "rename", "unlink")

    def __init__(self, last: int, patch: pytest.MonkeyPatch) -> None:
        self.left = last
        for name in self.CALLS:
            patch.setattr(os, name, partial(self.call, getattr(os, name)))

    def call(self, call: Callable[..., Any], *arguments: Any) -> Any:
        self.left -= 1
        if self.left > 0:
            return call(*arguments)
        if call is WRITE:
            call(arguments[0], arguments[1][: len(arguments[1]) // 2])
        raise Killed


def closed(run: Run, killed_at: int) -> bool:
    """Whether a daemon that is killed at that step of its end has come to the end before."""

    # In this thread, so that its end is that of the daemon.
    def at_once(
        _what: str, name: str, do: Callable[[Path], Any], failed: Any = None, *, retry: bool = False
    ) -> Any:
        return do(run.state._file(name))

    run.state._try = at_once  # type: ignore[method-assign, assignment]
    with pytest.MonkeyPatch.context() as patch:
        Killer(killed_at, patch)
        try:
            run.archive.close()
        except Killed:
            return False
    return True


@pytest.mark.parametrize(("longest", "steps"), [(LONGEST, 4), (0, 5)])
def test_a_daemon_killed_at_any_step_of_writing_loses_only_what_is_new(
    machine: SimulatedMachine, state: Path, monkeypatch: pytest.MonkeyPatch, longest: int, steps: int
) -> None:
    """Whether it appends or begins the next file: what was saved before is there at the next start."""
    before = stopped(machine, state, HOUR).points("load_1")
    for killed_at in range(1, steps + 2):
        run = again(machine, state, MINUTE)
        with monkeypatch.context() as patch:
            patch.setattr(archive, "LONGEST", longest)
            assert closed(run, killed_at) == (killed_at == steps + 1)
        found = again(machine, state).points("load_1")
        assert near(before, 1).items() <= near(found, 1).items(), killed_at


def test_what_could_not_be_saved_is_saved_the_next_time(
    machine: SimulatedMachine, state: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk costs one line in the log, and nothing once there is room again."""
    run = Run(machine, state)
    run.play(10.0, load)
    with monkeypatch.context() as patch:

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        patch.setattr(os, "write", full)
        run.play(5 * HOUR, load)
    run.play(1.1 * HOUR, load)
    run.archive.close()
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == [
        f"The history is not saved. {state / FILE} cannot be written: No space left on device."
    ]
    before = run.points("load_1")
    found = again(machine, state).points("load_1")
    assert near(before, 1).items() <= near(found, 1).items()


def test_bytes_written_in_a_day(
    machine: SimulatedMachine, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """24 appends of some 8 kB, with all series and each of noise; a fortnight of that finds room."""
    written: list[int] = []

    def counted(descriptor: int, data: Any) -> int:
        written.append(len(data))
        return WRITE(descriptor, data)

    monkeypatch.setattr(os, "write", counted)
    run = Run(machine, state)
    chance = random.Random(1)
    run.history._value = lambda metric, sample: chance.expovariate(1.0)  # type: ignore[method-assign]
    run.play(DAY, lambda _: {})
    assert len(written) <= 24
    assert 14 * sum(written) < archive.KEPT * LONGEST
    assert all(each.stat().st_size <= LONGEST for each in state.iterdir())
    assert REST.size + START.size < 100


# Files that somebody has made


def made(content: bytes) -> bytes:
    """A record that is whole by its sum, whatever it holds."""
    return archive.Record(b"other", 1.0, 1.0, zlib.compress(content)).packed(SEED)


TIERS = '{"boots": [], "tiers": [[60, 0, %d, ["load_1"], 9, {}]]}\n'


@pytest.mark.parametrize(
    "content",
    [
        bytes(50_000_000),
        b"[" * 100_000 + b"\n",
        b'{"boots": [1, "x"], "tiers": []}\n',
        b'{"boots": []}\n',
        (TIERS % 300_000_000).encode(),
        (TIERS % -1).encode() + b"123",
    ],
    ids=["bomb", "nested", "no number", "nothing", "more than there is", "fewer than none"],
)
def test_what_somebody_has_made_is_set_aside(
    machine: SimulatedMachine, state: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A record that is whole by its sum, and holds anything: it stops no start, and takes no memory."""
    state.mkdir()
    (state / FILE).write_bytes(made(content))

    run = again(machine, state, HOUR)

    assert (state / f"{FILE}.unusable").exists()
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert run.points("load_1")


def test_what_stands_beside_it_is_kept(machine: SimulatedMachine, state: Path) -> None:
    """Records that are good outlast the file in which another one was no good."""
    good = reference(machine, state)
    before = again(machine, state).points("load_1")
    (state / FILE).write_bytes(made(b"nothing\n") + good + made(b"nothing\n"))

    again(machine, state)

    assert (state / FILE).read_bytes() == good
    assert near(before, 1).items() <= near(again(machine, state).points("load_1"), 1).items()
