"""How readings become answers: no failure reaches a client, and no answer is older than one given before."""

from __future__ import annotations

from typing import Any

import pytest

from pistat.collectors.processes import top
from pistat.machine.cpu_times import Snapshot
from pistat.machine.firmware.client import Firmware, FirmwareError
from pistat.machine.machine import Machine
from pistat.machine.sampler import Sampler
from pistat.monitor.monitor import Answer, Monitor
from support.recorded_machine import BOARDS, RecordedMachine, board_names


class Board(RecordedMachine):
    """A recorded board on which things can be made to fail."""

    def __init__(self) -> None:
        self.broken: OSError | None = None
        self.replaced: dict[str, bytes] = {}
        super().__init__(BOARDS / board_names()[0])

    def replace(self, path: str, content: bytes) -> bytes:
        """Have a file read as `content`; what it was before."""
        before = self.read_bytes(path)
        self.replaced[path] = content
        return before

    def read_bytes(self, path: str, limit: int = 1 << 20) -> bytes:
        return self.replaced[path] if path in self.replaced else super().read_bytes(path, limit)

    def user_name(self, uid: int) -> str:
        if self.broken:
            raise self.broken
        return super().user_name(uid)


def unreadable() -> Snapshot:
    raise OSError(5, "Input/output error", "/proc/stat")


def test_a_measurement_that_fails_is_null_like_any_other() -> None:
    """With `block`, CPU times that cannot be read null their own leaves and nothing else."""
    machine = Board()
    machine.cpu = Sampler(unreadable, good=0.9, least=0.2, most=60.0, sleep=machine.sleep)
    monitor = Monitor(machine, 0.0)

    answer = monitor.measured(("cpu_usage", "per_cpu_usage", "uptime"), 1.0)

    assert answer.values["cpu_usage"] is None
    assert answer.values["per_cpu_usage"] == [None] * machine.cores
    assert answer.values["uptime"] is not None
    assert answer.errors == dict.fromkeys(("cpu_usage", "per_cpu_usage"), "could not be read")


def test_users_that_cannot_be_looked_up_are_numbers() -> None:
    """A list of users that fails costs the process list no more than their names."""
    machine = Board()
    machine.broken = OSError(110, "Connection timed out")

    answer = Monitor(machine, 0.0).answer(("processes",))

    assert answer.errors == {}
    rows: list[Any] = top(answer.values["processes"], "pid", 1000)
    assert {row["user"] for row in rows} >= {"0", "1000"}


def test_other_settings_begin_anew() -> None:
    """What was read under other settings is not shared; the new time holds for what is read from now on."""
    machine = Board()
    monitor = Monitor(machine, 2.0)
    before = monitor.answer(("memory",))
    machine.now += 1.0

    monitor.renew(3600.0)
    after = monitor.answer(("memory",))
    machine.now += 1800.0

    assert after.began == before.began + 1.0
    assert monitor.answer(("memory",)) is after


def test_what_fails_is_asked_again_soon() -> None:
    """However long answers are shared, a failure is not kept for longer than two seconds."""
    machine = Board()
    monitor = Monitor(machine, 3600.0)
    meminfo = machine.replace("/proc/meminfo", b"")
    failed = monitor.answer(("memory",))
    machine.replace("/proc/meminfo", meminfo)
    machine.now += 1.0
    soon = monitor.answer(("memory",))
    machine.now += 1.5
    later = monitor.answer(("memory",))

    assert failed.errors == soon.errors == {"memory": "what was read was not understood"}
    assert later.errors == {}


def test_a_late_thread_does_not_bring_back_an_older_answer() -> None:
    """Of two answers for the same keys, the one that was begun later is kept."""
    monitor = Monitor(Board(), 2.0)
    older, newer = Answer({"uptime": 1.0}, {}, 998.5), Answer({"uptime": 2.0}, {}, 999.5)

    monitor._keep(("uptime",), newer)
    monitor._keep(("uptime",), older)

    assert monitor.answer(("uptime",)) is newer


class Resting(Machine):
    """A machine whose vcgencmd has just failed, and whose clock stands still."""

    def monotonic(self) -> float:
        return 100.0

    def executable(self, candidates: Any) -> str | None:
        return "/bin/false"


def test_a_firmware_at_rest_gathers_nothing() -> None:
    """While it is left alone, each question fails with an exception of its own, which nobody keeps."""
    firmware = Firmware(Resting())
    raised = []
    for _ in range(3):
        with pytest.raises(FirmwareError) as caught:
            firmware.ask("measure_temp")
        raised.append(caught.value)

    assert len({id(each) for each in raised}) == 3
    assert raised[1].args == raised[2].args == raised[0].args
