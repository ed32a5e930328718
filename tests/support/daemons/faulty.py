"""pi-stat with faults that come and go.

FAULTS is a folder. A file in it, named after the first key of a collector, says what happens to it for as
long as the file is there. With BOARD, the machine is that recorded board, and stands still. With DEADLINE,
every collector has so many seconds.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pi_system_monitor
from pistat.collectors import ALL
from pistat.field import Incomplete, Reader, Values
from pistat.machine.machine import Machine
from support.recorded_machine import BOARDS, RecordedMachine

SECRET = "/etc/secret/key"

ERRORS: dict[str, Callable[[], Exception]] = {
    "EIO": lambda: OSError(errno.EIO, SECRET, SECRET),
    "PermissionError": lambda: PermissionError(errno.EACCES, SECRET, SECRET),
    "ValueError": lambda: ValueError(SECRET),
    "KeyError": lambda: KeyError(SECRET),
    "AccessDenied": lambda: psutil.AccessDenied(1, SECRET, SECRET),
    "RuntimeError": lambda: RuntimeError(SECRET),
}


def with_fault(read: Reader, fault: Path) -> Reader:
    """`read`, unless there is a fault."""

    def reading(machine: Machine) -> Values | Incomplete:
        if fault.exists():
            kind = fault.read_text()
            if kind != "hang":
                error = ERRORS[kind]()
                raise error
            while fault.exists():
                time.sleep(0.01)
        return read(machine)

    return reading


class StillMachine(RecordedMachine):
    """A recorded board whose every figure stays as it is, while deadlines go by."""

    def __init__(self) -> None:
        super().__init__(BOARDS / os.environ["BOARD"])
        # Bound now, the rates are always those of the recorded second.
        for each in (self.cpu, self.processes, self.containers, self.gpu_queues, self.traffic, self.disks):
            each._clock = lambda: self.NOW

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return float(self.facts["time"])

    def uptime(self) -> float:
        return float(self.facts["uptime"])

    def start_sampling(self) -> None:
        """Nothing moves here."""


if __name__ == "__main__":
    if "BOARD" in os.environ:
        vars(pi_system_monitor)["Machine"] = StillMachine
    for each in ALL:
        object.__setattr__(each, "deadline", float(os.environ.get("DEADLINE", each.deadline)))
        object.__setattr__(each, "read", with_fault(each.read, Path(os.environ["FAULTS"]) / each.keys[0]))
    sys.exit(pi_system_monitor.main())
