"""A vcgencmd that is a shell script, and machines on whose clocks it is never late."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from pistat.machine.machine import Finished, Machine

SOON = 20.0
"""Seconds after which what should have ended by itself has not."""

Vcgencmd = Callable[..., Path]
"""Writes the program: see the fixture `vcgencmd`."""


def write(folder: Path, script: str, where: str = "usr/bin/vcgencmd", mode: int = 0o755) -> Path:
    """Write a program; it notes its calls and the processes that it starts beside itself."""
    path = folder / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(f'#!/bin/sh\necho "$*" >>"$0.calls"\necho $$ >>"$0.pids"\n{script}\n')
    path.chmod(mode)
    return path


def says(text: str, status: int = 0, stream: int = 1) -> str:
    """A script that prints `text` and ends with `status`."""
    return f"cat <<'END' >&{stream}\n{text}\nEND\nexit {status}"


def calls(program: Path) -> list[str]:
    """The arguments of each call so far."""
    notes = Path(f"{program}.calls")
    return notes.read_text().splitlines() if notes.exists() else []


def processes(program: Path) -> list[int]:
    return [int(line) for line in Path(f"{program}.pids").read_text().split()]


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_nothing_is_left(program: Path) -> None:
    """The program has ended, and what it had started has, too."""
    until = time.monotonic() + SOON
    while any(map(runs, processes(program))):
        assert time.monotonic() < until, "orphans"
        time.sleep(0.01)


class SlowProgramMachine(Machine):
    """A machine where a program may take its time, for this one may be busy with other things.

    Attributes:
        least_seconds: How many seconds it has, at least; 0.0 where one shall hang.
    """

    least_seconds = SOON

    def run(self, command: Sequence[str], seconds: float, limit: int = 8192) -> Finished:
        return super().run(command, max(seconds, self.least_seconds), limit)


class StoppedClockMachine(SlowProgramMachine):
    """A machine on whose clock no time passes by itself."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class WaitingClockMachine(SlowProgramMachine):
    """A machine on whose clock next to no time passes but while somebody waits, so that nothing is late."""

    now = 1000.0

    def monotonic(self) -> float:
        self.now += 1e-6
        return self.now

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.now += seconds
