"""What processes have used, as the kernel counts it in /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

TICK = 1.0 / os.sysconf("SC_CLK_TCK")


def _stats() -> Iterator[tuple[int, list[str]]]:
    """Yield the PID and the fields after the name in /proc/PID/stat of every process."""
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            continue
        yield int(pid), text.rpartition(") ")[2].split()


def members(session: int) -> list[int]:
    """Return the processes of a session: a program and what it has started."""
    return [pid for pid, fields in _stats() if int(fields[3]) == session]


def cpu(session: int) -> float:
    """Seconds of CPU time that a session has used, ended children included.

    What /proc/PID/stat counts in ticks of 10 ms, the clock of a process has in nanoseconds; ended children
    are in the former only.
    """
    mine = {pid: fields for pid, fields in _stats() if int(fields[3]) == session}
    children = sum(int(each) for fields in mine.values() for each in fields[13:15]) * TICK
    return children + sum(_clock(pid) for pid in mine)


def _clock(pid: int) -> float:
    """Return the CPU clock of a process (clock_getcpuclockid(3)); 0.0 when it has just ended."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def memory(session: int) -> tuple[float, float]:
    """Resident and proportional MiB of a session."""
    rss = pss = 0
    for pid in members(session):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        table = dict(line.split(":", 1) for line in lines[1:])
        rss += int(table["Rss"].split()[0])
        pss += int(table["Pss"].split()[0])
    return rss / 1024, pss / 1024


def count() -> int:
    """How many processes there are."""
    return sum(1 for _ in filter(str.isdecimal, os.listdir("/proc")))


def established() -> int:
    """How many TCP connections are established, by the kernel's own list of sockets."""
    files = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
    rows = (line.split() for each in files if each.exists() for line in each.read_text().splitlines()[1:])
    return sum(row[3] == "01" for row in rows)
