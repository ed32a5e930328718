"""pi-stat in whose history time goes FACTOR times as fast: an hour is a minute, or six seconds.

The machine is the true one, and so are its counters. The boot clock and the wall clock run ahead together.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import pi_system_monitor
from pistat import core
from pistat.history.recorder import Recorder
from pistat.machine.machine import Machine

FACTOR = float(os.environ["FACTOR"])


class FastMachine(Machine):
    """A machine that was booted an hour before its wall clock was last right."""

    def __init__(self) -> None:
        self._began = self.monotonic()
        self._wall = super().time()
        super().__init__()

    def uptime(self) -> float:
        return 3600.0 + FACTOR * (self.monotonic() - self._began)

    def time(self) -> float:
        return self._wall + FACTOR * (self.monotonic() - self._began)


class FastRecorder(Recorder):
    """Waits as much shorter."""

    def _wait(self) -> float:
        return super()._wait() / FACTOR


if __name__ == "__main__":
    vars(pi_system_monitor)["Machine"] = FastMachine
    vars(core)["Recorder"] = FastRecorder
    sys.exit(pi_system_monitor.main())
