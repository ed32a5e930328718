"""pi-stat on a board that was recorded: `replay.py FOLDER`.

Its clock runs. With REPLAY=alive its figures move, too, as those of a board with something to do. With PAST
it remembers a fortnight: see daemons/past.py.
"""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pi_system_monitor
from pistat import core
from pistat.history.history import History
from support.daemons.past import FilledHistory
from support.recorded_machine import RecordedMachine


class Replay(RecordedMachine):
    """A recorded board whose clock runs."""

    def __init__(self, folder: str) -> None:
        self._began = time.monotonic()
        super().__init__(folder)

    def monotonic(self) -> float:
        return self.now + time.monotonic() - self._began

    def start_sampling(self) -> None:
        """Let no time pass for counters, since none of them goes on: rates stay those of the recording."""
        for samples in (self.cpu, self.processes, self.containers, self.gpu_queues, self.traffic, self.disks):
            samples._clock = lambda: self.NOW

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def time(self) -> float:
        return super().time() + self.monotonic() - self.now

    def uptime(self) -> float:
        return super().uptime() + self.monotonic() - self.now


def bursts(seconds: float, period: float) -> float:
    """What has come up to now of something that comes in bursts: it grows by 1 a second, on average."""
    return seconds - math.sin(seconds * 2 * math.pi / period) * period / (2.2 * math.pi)


class BusyReplay(Replay):
    """A recorded board whose counters go on and whose temperature sways."""

    def start_sampling(self) -> None:
        super(RecordedMachine, self).start_sampling()

    def read_bytes(self, path: str, limit: int = 1 << 20) -> bytes:
        content = super().read_bytes(path, limit)
        change = CHANGES.get(path)
        passed = self.monotonic() - self.NOW
        if change is None or passed < 0:
            return content
        return "".join(change(line, passed) for line in content.decode().splitlines(keepends=True)).encode()


def _add(line: str, columns: dict[int, float]) -> str:
    words = re.split(r"(\s+|:)", line)
    places = [place for place, word in enumerate(words) if word.isdigit()]
    for column, amount in columns.items():
        words[places[column]] = str(int(words[places[column]]) + int(amount))
    return "".join(words)


def _cpu(line: str, passed: float) -> str:
    found = re.match(r"cpu(\d?) ", line)
    if not found:
        return line
    cores = [int(found[1])] if found[1] else range(4)
    busy = sum(bursts(passed, 17 + 6 * core) * (14 - 2 * core) for core in cores)
    return _add(line, {0: busy, 3: passed * 100 * len(cores) - busy})


def _link(line: str, passed: float) -> str:
    if not re.match(r"\s*(eth0|wlan0):", line):
        return line
    return _add(line, {0: bursts(passed, 23) * 180_000, 8: bursts(passed, 31) * 26_000})


def _disk(line: str, passed: float) -> str:
    if not re.search(r"\b(mmcblk0|nvme0n1) ", line):
        return line
    return _add(line, {4: bursts(passed, 41) * 120, 8: bursts(passed, 29) * 700})


def _heat(line: str, passed: float) -> str:
    return f"{int(line) + 900 * math.sin(passed / 11) + 400 * math.sin(passed / 3):.0f}\n"


CHANGES: dict[str, Callable[[str, float], str]] = {
    "/proc/stat": _cpu,
    "/proc/net/dev": _link,
    "/proc/diskstats": _disk,
    "/sys/class/thermal/thermal_zone0/temp": _heat,
}
"""Files that change, line by line, with the seconds that have passed."""


if __name__ == "__main__":
    if "PAST" in os.environ:
        assert vars(core)["History"] is History
        vars(core)["History"] = FilledHistory
    kind = BusyReplay if os.environ.get("REPLAY") == "alive" else Replay
    sys.exit(pi_system_monitor.main(machine=kind(sys.argv[1])))
