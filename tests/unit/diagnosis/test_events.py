"""What happened, across samples, restarts, reboots and power cuts."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pistat.diagnosis import events
from pistat.diagnosis.finding import DAY, HOUR
from pistat.diagnosis.report import Diagnosis
from pistat.history.storage import StateDirectory
from pistat.monitor.monitor import Monitor
from support.recorded_machine import altered

BOARD = "pi5-8gb-nvme"
BOOT_ID = "proc/sys/kernel/random/boot_id"
WALL = 1_796_000_000.0

WELL: dict[str, Any] = {
    "power": {"under_voltage": False, "under_voltage_since_boot": False},
    "cpu_temp": 50.0,
    "timestamp": 0.0,
    "uptime": 0.0,
}
WEAK = {**WELL, "power": {"under_voltage": True, "under_voltage_since_boot": True}}
HOT = {**WELL, "cpu_temp": 79.0}


class Sessions:
    """One machine that is started, stopped, cut off."""

    def __init__(self, folder: Path) -> None:
        self.machine = altered(BOARD, folder, {BOOT_ID: "first\n"})
        # One that stands still would let a file be taken for what was read of another.
        self.machine.monotonic = partial(next, itertools.count(1000.0, 0.0001))  # type: ignore[method-assign]
        self.machine.uptime = lambda: self.boot  # type: ignore[method-assign]
        self.machine.time = lambda: self.wall + self.boot  # type: ignore[method-assign]
        self.boot = 0.0
        self.folder = folder / "state"
        self.folder.mkdir()
        self.wall = WALL

    def start(self, boot_id: str = "first") -> Diagnosis:
        """Start the daemon, in the session of the kernel that has this number."""
        Path(self.machine.path(f"/{BOOT_ID}")).write_text(f"{boot_id}\n")
        state = StateDirectory(str(self.folder), self.machine)
        assert state.available, state.reason
        return Diagnosis(Monitor(self.machine, 0.0), self.machine, recording=True, state=state)

    def play(self, diagnosis: Diagnosis, values: dict[str, Any], boot: float, seconds: float = 0.0) -> float:
        """Give samples of ten seconds each; the time after the last."""
        for number in range(int(seconds / 10) + 1):
            self.boot = boot + number * 10
            diagnosis.update(self.boot, self.machine.time(), values)
        return boot + seconds + 10

    def told(self, diagnosis: Diagnosis) -> list[str]:
        return [f"{each['id']} {each['state']}" for each in diagnosis.events(0.0, 200)]


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path)


def test_a_finding_begins_and_ends(sessions: Sessions) -> None:
    """Both are events, with since when, how long, and what was measured."""
    diagnosis = sessions.start()
    sessions.play(diagnosis, WELL, 1000.0)
    now = sessions.play(diagnosis, HOT, 2000.0, 700.0)
    sessions.play(diagnosis, WELL, now, 120.0)

    begin, end = diagnosis.events(0.0, 200)[-2:]

    assert (begin["id"], begin["state"], begin["severity"]) == ("heat.hot", "begin", "warning")
    assert begin["title"] == "The processor is hot: 79 °C"
    assert begin["value"] == 79.0
    assert end["state"] == "end"
    assert end["duration"] == pytest.approx(770.0)


def test_only_the_last_are_kept_and_asked_for(sessions: Sessions) -> None:
    diagnosis = sessions.start()
    for number in range(2 * events.MOST):
        sessions.play(diagnosis, WEAK if number % 2 else WELL, 1000.0 + number * 100, 60.0)

    told = diagnosis.events(0.0, 1000)

    assert len(told) == events.MOST
    assert diagnosis.events(0.0, 3) == told[-3:]
    assert diagnosis.events(told[-4]["time"], 100) == [
        each for each in told if each["time"] > told[-4]["time"]
    ]


def test_events_outlast_a_restart_and_a_finding_that_lasts_is_not_told_again(sessions: Sessions) -> None:
    """A restart of the daemon is an event; what lasts goes on, with the time at which it began."""
    first = sessions.start()
    sessions.play(first, WEAK, 1000.0, 20.0)
    since = first.document()["findings"][0]["since"]
    first.stop()
    again = sessions.start()
    sessions.play(again, WEAK, 1100.0, 20.0)

    assert sessions.told(again)[-3:] == [
        "power.under_voltage begin",
        "power.under_voltage_since_boot begin",
        "daemon begin",
    ]
    assert again.document()["findings"][0]["since"] == pytest.approx(since, abs=1.0)


def test_a_shutdown_is_told_from_a_power_cut(sessions: Sessions) -> None:
    """The daemon notes that it was stopped; where the note is missing, the power was."""
    first = sessions.start("a")
    sessions.play(first, WELL, 100.0, 60.0)
    first.stop()
    clean = sessions.start("b")
    sessions.play(clean, WELL, 30.0, 60.0)
    assert [each["title"] for each in clean.events(0.0, 9)] == ["Started", "Started"]
    assert clean.document()["status"] == "ok"

    # Nobody stops it.
    cut = sessions.start("c")
    sessions.play(cut, WELL, 30.0, 60.0)

    assert cut.events(0.0, 9)[-2]["title"] == "Started without a shutdown before"
    [finding] = cut.document()["findings"]
    assert (finding["id"], finding["severity"]) == ("boot.unclean", "info")


def test_a_power_cut_with_a_weak_supply_is_a_warning(sessions: Sessions) -> None:
    sessions.play(sessions.start("a"), WELL, 100.0)
    second = sessions.start("b")
    sessions.play(second, WEAK, 30.0)

    assert ("boot.unclean", "warning") in second.active()


def test_the_third_power_cut_of_a_week_is_a_warning(sessions: Sessions) -> None:
    for number, boot_id in enumerate("abcd"):
        last = sessions.start(boot_id)
        sessions.wall = WALL + number * DAY
        sessions.play(last, WELL, 30.0)

    assert ("boot.unclean", "warning") in last.active()


def test_a_daemon_that_was_killed_is_no_power_cut(sessions: Sessions) -> None:
    """The session of the kernel is the same."""
    sessions.play(sessions.start("a"), WELL, 100.0)
    again = sessions.start("a")
    sessions.play(again, WELL, 200.0)

    assert again.document()["status"] == "ok"


def test_nothing_is_said_of_the_first_start(sessions: Sessions) -> None:
    """Without an earlier note nobody knows how the last session ended."""
    diagnosis = sessions.start()
    sessions.play(diagnosis, WELL, 100.0)

    assert diagnosis.document()["status"] == "ok"
    assert "boot.unclean" in [each["id"] for each in diagnosis.document()["unknown"]]


@pytest.mark.parametrize(("pause", "loops"), [(600.0, True), (HOUR, False)])
def test_a_boot_loop_is_three_starts_in_an_hour(sessions: Sessions, pause: float, loops: bool) -> None:
    for number, boot_id in enumerate("abc"):
        last = sessions.start(boot_id)
        sessions.wall = WALL + number * pause
        sessions.play(last, WELL, 30.0)
        last.stop()

    assert (("boot.loop", "warning") in last.active()) == loops


def test_a_boot_loop_is_over_after_a_day(sessions: Sessions) -> None:
    for number, boot_id in enumerate("abc"):
        last = sessions.start(boot_id)
        sessions.wall = WALL + number * 600
        sessions.play(last, WELL, 30.0)
    sessions.play(last, WELL, DAY + HOUR, 120.0)

    assert last.document()["status"] == "info"


def test_a_critical_event_is_saved_at_once_and_others_within_the_hour(sessions: Sessions) -> None:
    diagnosis = sessions.start()
    file = sessions.folder / events.FILE
    sessions.play(diagnosis, WELL, 1000.0)
    saved = file.read_text()

    now = sessions.play(diagnosis, HOT, 1010.0, 700.0)
    assert file.read_text() == saved
    sessions.play(diagnosis, WEAK, now, 400.0)
    assert "critical" in file.read_text()
    assert "heat.hot" in file.read_text()


def test_what_flaps_does_not_wear_out_the_card(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often something critical begins and ends, it is saved at once some two dozen times a day."""
    writes: list[int] = []
    append = StateDirectory.append

    def counted(state: StateDirectory, name: str, data: bytes, **options: int) -> bool:
        writes.append(len(data))
        return append(state, name, data, **options)

    monkeypatch.setattr(StateDirectory, "append", counted)
    diagnosis = sessions.start()
    now = 1000.0
    while now < DAY:
        now = sessions.play(diagnosis, WEAK, now, 310.0)
        now = sessions.play(diagnosis, WELL, now, 70.0)

    assert 24 <= len(writes) <= 48
    assert sum(writes) + len(writes) * events.OVERHEAD <= events.BUDGET + max(writes)
    before = sessions.told(diagnosis)
    diagnosis.stop()
    again = sessions.start()
    sessions.play(again, WELL, now)
    assert sessions.told(again)[:-1] == before[1:], "what was not saved in time is saved at the end"


@pytest.mark.parametrize("boot_id", ["first", "second"])
def test_a_disk_that_answers_late(sessions: Sessions, monkeypatch: pytest.MonkeyPatch, boot_id: str) -> None:
    """What was before stands before what has happened since, as if the disk had answered; nothing is lost."""
    first = sessions.start()
    now = sessions.play(first, WEAK, sessions.play(first, WELL, 100.0, 70.0), 310.0)
    sessions.play(first, WELL, now, 310.0)
    first.stop()
    before = sessions.told(first)
    assert "power.under_voltage end" in before

    with monkeypatch.context() as patch:
        patch.setattr(StateDirectory, "read", lambda *_: None)
        again = sessions.start(boot_id)
        now = sessions.play(again, WELL, 2000.0, 70.0)
        now = sessions.play(again, WEAK, now, 310.0)
        assert "boot begin" not in sessions.told(again)
    sessions.play(again, WELL, now, 70.0)

    start = "daemon begin" if boot_id == "first" else "boot begin"
    told = sessions.told(again)
    assert told[: len(before) + 1] == [*before, start]
    assert "power.under_voltage begin" in told[len(before) + 1 :]
    again.stop()
    last = sessions.start("third")
    sessions.play(last, WELL, 100.0)
    assert set(sessions.told(last)) == {*told, "boot begin"}


WHOLE = (
    b'{"time":1700000000,"id":"heat.hot","subject":null,"state":"end","severity":"warning",'
    b'"title":"x","duration":null,"value":null}\n'
)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\0" * 4096, b"{}\n[]\nnull\n", b'{"time": "x"}\n', b"\xff\xfe\n" * 100),
        *(b'{"time":1e999}\n', b"[" * 200_000),
        *(WHOLE.replace(b"1700000000", each) for each in (b"NaN", b"-Infinity", b"1e300", b"9" * 400)),
        WHOLE.replace(b'"duration":null', b'"duration":Infinity'),
    ],
)
def test_a_file_of_somebody_else_stops_nothing(sessions: Sessions, content: bytes) -> None:
    (sessions.folder / events.FILE).write_bytes(content)
    (sessions.folder / events.MARKER).write_bytes(content)

    diagnosis = sessions.start()
    sessions.play(diagnosis, WEAK, 100.0, 20.0)

    assert sessions.told(diagnosis)[0] == "boot begin"


MARKER = {"version": events.VERSION, "boot_id": "first", "stopped": True, "counters": {"x": [1.0, None]}}
ABSURD: list[dict[str, Any]] = [
    {"version": 2},
    {"boot_id": 5},
    {"counters": []},
    {"counters": {"x": 5}},
    {"counters": {"x": [1]}},
    {"counters": {"x": ["a", None]}},
    {"counters": {"x": [1e300, 0]}},
    {"counters": {"x": [1.0, "a"]}},
    {"counters": {"x": [10**400, None]}},
    {"counters": {str(number): [1.0, None] for number in range(5000)}},
]


@pytest.mark.parametrize(
    "content", [*(json.dumps({**MARKER, **each}) for each in ABSURD), '{"version": 1', "[]"]
)
def test_what_is_not_ours_is_set_aside(
    sessions: Sessions, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    """A file that is torn, of another version, or absurd is renamed with one line, and the next is good."""
    (sessions.folder / events.MARKER).write_text(content)
    (sessions.folder / events.FILE).write_bytes(WHOLE[:-20] + b"\n")
    first = sessions.start()
    sessions.play(first, WELL, 100.0, 20.0)
    first.stop()
    second = sessions.start()
    sessions.play(second, WELL, 200.0, 20.0)

    for name, why in ((events.MARKER, "this version has not"), (events.FILE, "no events that pi-stat has")):
        assert (sessions.folder / f"{name}.unusable").is_file()
        [line] = [each for each in caplog.messages if why in each]
        assert line.endswith(f"; it was renamed to {name}.unusable.")
    assert len(caplog.messages) == 2
    assert sessions.told(second) == ["boot begin", "daemon begin"]


def test_of_a_long_file_the_end_is_read(sessions: Sessions) -> None:
    """A file of a length that none of ours has takes no more memory than one that has it."""
    line = WHOLE.replace(b'"x"', b'"%d"')
    (sessions.folder / events.FILE).write_bytes(b"".join(line % number for number in range(20_000)))
    tracemalloc.start()
    diagnosis = sessions.start()
    sessions.play(diagnosis, WELL, 100.0, 20.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert diagnosis.events(0.0, 2)[0]["title"] == "19999"
    assert peak < 6 << 20


def test_what_is_ours_is_taken(sessions: Sessions, caplog: pytest.LogCaptureFixture) -> None:
    """The marker of the last run, and the whole lines of a file with others between them."""
    (sessions.folder / events.MARKER).write_text(json.dumps(MARKER))
    odd = (WHOLE.replace(b'"end"', each) for each in (b'"middle"', b"[]", b"null"))
    (sessions.folder / events.FILE).write_bytes(WHOLE[:50] + b"\n" + b"".join(odd) + WHOLE)
    diagnosis = sessions.start()
    sessions.play(diagnosis, WELL, 100.0, 20.0)

    assert sessions.told(diagnosis) == ["heat.hot end", "daemon begin"]
    assert caplog.messages == []


def test_a_torn_line_is_left_out_and_nothing_after_it_is_lost(sessions: Sessions) -> None:
    """After a power cut the end of the file may be there in part."""
    first = sessions.start()
    sessions.play(first, WEAK, 100.0, 20.0)
    first.stop()
    file = sessions.folder / events.FILE
    file.write_bytes(file.read_bytes()[:-20])

    sessions.wall += DAY
    second = sessions.start("second")
    sessions.play(second, WELL, 100.0, 100.0)
    second.stop()
    sessions.wall += DAY
    third = sessions.start("third")
    sessions.play(third, WELL, 100.0)

    assert sessions.told(third).count("boot begin") == 3


def test_the_file_does_not_grow_without_end(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is full, the next one is begun; both together hold the last events."""
    monkeypatch.setattr(events, "FULL", 40_000)
    for number in range(60):
        diagnosis = sessions.start(f"session {number}")
        for change in range(10):
            sessions.play(diagnosis, WEAK if change % 2 else WELL, 100.0 + change * 100, 70.0)
        diagnosis.stop()
        sessions.wall += DAY

    files = sorted(sessions.folder.glob(f"{events.FILE}*"))
    assert len(files) == 2
    assert all(each.stat().st_size <= events.FULL for each in files)
    assert all(json.loads(line) for each in files for line in each.read_text().splitlines() if line)
    before = sessions.told(diagnosis)
    assert len(before) == events.MOST
    again = sessions.start("last")
    sessions.play(again, WELL, 100.0)
    assert sessions.told(again)[:-1] == before[1:]


def test_the_clock_that_is_set_after_a_boot_is_an_event_and_later_a_finding(sessions: Sessions) -> None:
    """A Pi without a clock of its own finds the time soon after it was started, which is no trouble."""
    diagnosis = sessions.start()
    sessions.play(diagnosis, WELL, 100.0, 60.0)
    sessions.wall += 3 * HOUR
    sessions.play(diagnosis, WELL, 200.0, 60.0)
    assert sessions.told(diagnosis) == ["boot begin", "clock begin"]
    assert diagnosis.events(0.0, 1)[0]["value"] == pytest.approx(3 * HOUR)

    sessions.wall -= 3 * HOUR
    sessions.play(diagnosis, WELL, 5000.0, 60.0)

    [finding] = diagnosis.document()["findings"]
    assert finding["id"] == "time.stepped"
    assert finding["title"] == "The clock jumped 3 hours back"
    now = sessions.play(diagnosis, WELL, 5000.0 + DAY + 10, 10.0)
    assert diagnosis.document()["status"] == "ok", now


def test_events_of_this_session_follow_the_clock_when_it_is_set(sessions: Sessions) -> None:
    """What happened before the clock was set gets its true time afterwards."""
    diagnosis = sessions.start()
    sessions.play(diagnosis, WEAK, 100.0)
    [before] = diagnosis.events(0.0, 1)
    sessions.wall += 5000.0

    [after] = diagnosis.events(0.0, 1)
    assert after["time"] == before["time"] + 5000.0


def test_listeners_hear_of_every_event(sessions: Sessions) -> None:
    diagnosis = sessions.start()
    heard: list[events.Event] = []
    diagnosis.announce(heard.append)
    sessions.play(diagnosis, WEAK, 100.0)

    assert [each.id for each in heard] == ["power.under_voltage", "power.under_voltage_since_boot"]


def test_without_a_directory_it_is_kept_in_memory(sessions: Sessions) -> None:
    """Then nobody knows how the last session ended."""
    diagnosis = Diagnosis(Monitor(sessions.machine, 0.0), sessions.machine, recording=True)
    sessions.play(diagnosis, WEAK, 100.0)
    diagnosis.stop()

    assert sessions.told(diagnosis)[-1] == "power.under_voltage_since_boot begin"
    reasons = {each["id"]: each["reason"] for each in diagnosis.document()["unknown"]}
    assert "no state directory" in reasons["boot.unclean"]
