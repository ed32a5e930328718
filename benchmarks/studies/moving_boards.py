"""Recorded boards on which time passes."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pistat.machine.machine import Finished, Usage
from support.recorded_machine import RecordedMachine

COUNTING = frozenset({"/proc/net/dev", "/proc/diskstats", "/proc/stat"})
"""Files whose large numbers only grow."""

NUMBER = re.compile(rb"\b\d{4,}\b")
AVAILABLE = re.compile(rb"(?<=MemAvailable:)\s+\d+")
UNKNOWN = 'vc_gencmd_read_response returned -1\nerror=1 error_msg="Command not registered"\n'
TEMPERATURE_STEP = 487
"""By how many millidegrees the sensor of a Pi 4 counts."""


class MovingMachine(RecordedMachine):
    """A recorded board on which time passes: counters grow, memory, load and temperature go up and down.

    Each counter grows about as fast as it has done since the board was started, and never evenly, so that a
    database cannot store it for less than what a real one takes.
    """

    def __init__(self, folder: Path, number: int, speed: float) -> None:
        self._began = time.monotonic()
        self._speed = speed
        self._chance = random.Random(number)
        self._grown: defaultdict[tuple[str, int], float] = defaultdict(float)
        self._looked: defaultdict[tuple[str, int], float] = defaultdict(lambda: self._began)
        self._number = number
        super().__init__(folder)
        self._replies = _transcript(folder / "vcgencmd.txt")

    # Deadlines go by `monotonic`, which therefore is true; what is measured goes by the faster clocks.

    def monotonic(self) -> float:
        return self.now + time.monotonic() - self._began

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def time(self) -> float:
        return super().time() + self._passed()

    def uptime(self) -> float:
        return super().uptime() + self._passed()

    def _passed(self) -> float:
        return (time.monotonic() - self._began) * (self._speed - 1)

    def run(self, command: Sequence[str], seconds: float, limit: int = 8192) -> Finished:
        """Return what vcgencmd printed there, without a process for each question of each Pi."""
        known = self._replies.get(" ".join(command[1:]))
        return Finished(255, UNKNOWN, "") if known is None else Finished(0, known, "")

    def read_bytes(self, path: str, limit: int = 1 << 20) -> bytes:
        data = super().read_bytes(path, limit)
        if path in COUNTING and not self.root.endswith("/before"):
            count = itertools.count()
            return NUMBER.sub(lambda found: b"%d" % self._grow(path, next(count), int(found[0])), data)
        if path == "/proc/meminfo":
            return AVAILABLE.sub(
                lambda found: b" %d" % int(int(found[0]) * self._chance.uniform(0.9, 1)), data
            )
        if path == "/proc/loadavg":
            return b"%.2f %.2f %.2f 1/99 1\n" % tuple(self._chance.random() for _ in range(3))
        if path.startswith(("/sys/class/thermal", "/sys/class/hwmon")) and data.strip().isdigit():
            return b"%d\n" % (int(data) + TEMPERATURE_STEP * self._chance.randint(-3, 3))
        if path.endswith("/serial-number"):
            return b"%016x\0" % (0x1000_0000_0000_0000 + self._number)
        return data

    def usage(self, mountpoint: str) -> Usage:
        found = super().usage(mountpoint)
        used = min(self._grow(mountpoint, 0, found.used) // 4096 * 4096, found.used + found.free)
        return Usage(found.total, used, found.free - (used - found.used))

    def _grow(self, path: str, index: int, recorded: int) -> int:
        """Return `recorded` and what has come since: its average rate since boot times a chance of mean 1."""
        now = time.monotonic()
        seconds = (now - self._looked[path, index]) * self._speed
        self._looked[path, index] = now
        rate = recorded / float(self.facts["uptime"])
        self._grown[path, index] += seconds * rate * self._chance.expovariate(1)
        return recorded + int(self._grown[path, index])


def _transcript(path: Path) -> dict[str, str]:
    """Return what each question was answered with."""
    if not path.exists():
        return {}
    parts = path.read_text(encoding="utf-8").split("$ vcgencmd ")[1:]
    pairs = (each.partition("\n")[::2] for each in parts)
    return {question: reply for question, reply in pairs if "[exit" not in reply}
