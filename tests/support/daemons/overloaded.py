"""pi-stat with workers that stand still.

FAULTS is a folder. For as long as it holds a file named `answers`, no answer of a data route is put together.
In `collections` stands one letter for each time that the memory was read.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pi_system_monitor
from pistat.collectors import memory
from pistat.field import Incomplete, Values
from pistat.machine.machine import Machine
from pistat.monitor.monitor import Answer, Monitor

FAULTS = Path(os.environ["FAULTS"])

answer, read = Monitor.answer, memory.memory.read


def waiting(self: Monitor, *arguments: Any, **options: Any) -> Answer:
    while (FAULTS / "answers").exists():
        time.sleep(0.01)
    return answer(self, *arguments, **options)


def counted(machine: Machine) -> Values | Incomplete:
    with (FAULTS / "collections").open("a") as file:
        file.write("x")
    time.sleep(0.05)  # long enough for others to come meanwhile
    return read(machine)


if __name__ == "__main__":
    setattr(Monitor, "answer", waiting)  # noqa: B010 - the type checker forbids the other way
    object.__setattr__(memory.memory, "read", counted)
    sys.exit(pi_system_monitor.main())
