"""pi-stat with faults that come and go.

FAULTS is a folder. A file in it, named after the first key of a collector, says what happens to it for as
long as the file is there.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pi_system_monitor
from pistat.collectors import ALL
from pistat.field import Incomplete, Reader, Values
from pistat.machine import Machine

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


if __name__ == "__main__":
    for each in ALL:
        object.__setattr__(each, "read", with_fault(each.read, Path(os.environ["FAULTS"]) / each.keys[0]))
    sys.exit(pi_system_monitor.main())
