"""A daemon whose wall clock a test can step, as NTP does to a Pi without an RTC after boot.

What is stepped is the process's own view of it, in its C library: the clock of the machine belongs to all.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent / "native" / "stepped_clock.c"

FAR = (50 if sys.maxsize > 2**32 else 10) * 365 * 24 * 3600
"""Many years in seconds; on a 32-bit system, before 2038, where its time ends."""


def possible() -> bool:
    """Whether there is a C compiler."""
    return shutil.which("cc") is not None


class WallClock:
    """A wall clock that is off by what was last said, at first by nothing. Its files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "wallclock.so"
        self._offset = folder / "wallclock"
        command = ["cc", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", str(self._library), str(SOURCE)], check=True, timeout=60)
        self.step(0)

    def environment(self) -> dict[str, str]:
        """The variables that give a program this clock."""
        return {"LD_PRELOAD": str(self._library), "WALLCLOCK": str(self._offset)}

    def step(self, seconds: int) -> None:
        """Set the clock off by `seconds`, counted from the true time."""
        new = self._offset.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._offset)
