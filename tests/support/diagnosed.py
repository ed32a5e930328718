"""Boards that are diagnosed over a time in which nothing about them changes."""

from __future__ import annotations

from pistat.diagnosis.report import KEYS, Diagnosis
from pistat.monitor.monitor import Monitor
from support.recorded_machine import BOARDS, RecordedMachine

STEP = 60.0


def diagnosed(machine: RecordedMachine, seconds: float) -> Diagnosis:
    """Return the diagnosis of a machine after samples over `seconds`, one a minute."""
    monitor = Monitor(machine, 0.0)
    diagnosis = Diagnosis(monitor, machine, recording=True)
    for _ in range(int(seconds / STEP) + 1):
        values = monitor.answer(KEYS, fresh=True).values
        diagnosis.take(machine.uptime(), machine.time(), values)
        machine.now += STEP
    return diagnosis


def found(board: str, seconds: float = 1800.0) -> dict[tuple[str, str], str]:
    """Return the findings of a recorded board, by ID and subject, with their severities."""
    rows = diagnosed(RecordedMachine(BOARDS / board), seconds).document()["findings"]
    return {(each["id"], each["subject"] or ""): each["severity"] for each in rows}
