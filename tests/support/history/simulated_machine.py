"""A machine whose clocks a test moves, and that can be switched off and on: for what takes days."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pistat.history.archive import Archive
from pistat.history.history import History
from pistat.history.recorder import Sample
from pistat.history.storage import StateDirectory
from pistat.machine.machine import Machine

WALL = 1_796_000_000.0
BOOT_ID = "proc/sys/kernel/random/boot_id"
MACHINE_ID = "etc/machine-id"

Values = Callable[[float], dict[str, Any]]
"""The answers of the machine by the true time, since the test began."""


class SimulatedMachine(Machine):
    """A machine in a folder.

    Attributes:
        now: The true time, in seconds since the test began.
        booted: When it was switched on, by that.
        wrong: By how much its wall clock is wrong.
    """

    def __init__(self, folder: Path, name: str = "machine") -> None:
        super().__init__(str(folder))
        self.now = self.booted = self.wrong = 0.0
        self._write(MACHINE_ID, name)
        self.switch_on("first")

    def _write(self, path: str, text: str) -> None:
        file = Path(self.path(f"/{path}"))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")

    def switch_on(self, boot_id: str, after: float = 0.0) -> None:
        """Boot, `after` seconds of which no clock of the machine knows but the wall clock."""
        self.now += after
        self.booted = self.now
        self._write(BOOT_ID, boot_id)

    def uptime(self) -> float:
        return self.now - self.booted

    def time(self) -> float:
        return WALL + self.now + self.wrong


class Run:
    """One run of the daemon on such a machine, of which the clocks go on as samples are taken.

    Args:
        machine: The machine.
        folder: The state directory.
        seconds: The interval of the samples.
    """

    def __init__(self, machine: SimulatedMachine, folder: Path, seconds: float = 10.0) -> None:
        self.machine = machine
        self.seconds = seconds
        folder.mkdir(exist_ok=True)
        self.state = StateDirectory(str(folder), machine)
        self.history = History(machine, seconds)
        self.archive = Archive(self.history, self.state, machine)

    def play(self, seconds: float, values: Values) -> None:
        """Take samples for so long."""
        end = self.machine.now + seconds
        while self.machine.now < end:
            self.machine.now += self.seconds
            sample = Sample(self.machine.uptime(), self.machine.time(), values(self.machine.now))
            self.archive.take(sample)
            self.history.record(sample)

    def points(self, name: str, range_name: str = "24h") -> dict[float, tuple[float, ...]]:
        """The points of a series that are there, by the true time at which each begins."""
        curves = self.history.curves([name], range_name, 0.0)
        (rings,) = curves.series.values()
        begins = [curves.start - WALL + number * curves.step for number in range(curves.points)]
        return {
            round(at, 1): tuple(values)
            for at, *values in zip(begins, *rings, strict=True)
            if not math.isnan(values[0])
        }
