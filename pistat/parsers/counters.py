"""Counters and states that the kernel prints as rows of names and numbers.

Nothing in here raises: what is missing or not understood is left out. So is a row without its end, for its
last number may be cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SHARE = r"([0-9]{1,3}\.[0-9]{2})"
PRESSURE = re.compile(rf"^(some|full) avg10={SHARE} avg60={SHARE} ", re.MULTILINE)
"""The rows of /proc/pressure/*. Before Linux 5.13 the CPU has none for `full`."""

NUMBERS = re.compile(r"^([!-~]{1,64})[ \t]+([0-9]{1,20})\n", re.MULTILINE)
"""A row with a name and a whole number, as in /proc/vmstat and in cpu.stat of a cgroup."""

EVENTS = re.compile(r"\n(pswpin|pswpout|oom_kill) ([0-9]{1,20})(?=\n)")
"""Begins with the end of a line, for which the search is five times faster than for `^`."""

QUEUE = re.compile(r"^(\w{1,32})\t([0-9]{1,20})\t([0-9]{1,20})\t([0-9]{1,20})\n", re.MULTILINE)
"""A row of gpu_stats: queue, time of the reading, jobs, time that they took; both in ns."""


def pressure(text: str) -> dict[str, float]:
    """Return the shares of time by name, such as `some_avg10`, in percent."""
    shares: dict[str, float] = {}
    for kind, ten, sixty in PRESSURE.findall(text[:4096]):
        shares |= {f"{kind}_avg10": float(ten), f"{kind}_avg60": float(sixty)}
    return {name: share for name, share in shares.items() if share <= 100.0}  # noqa: PLR2004 - percent


def numbers(text: str) -> dict[str, int]:
    """Return the number of each row of a name and a number."""
    return {name: int(digits) for name, digits in NUMBERS.findall(text)}


def events(text: str) -> dict[str, int]:
    """Return what is wanted of /proc/vmstat, of two hundred rows: pages swapped, programs ended."""
    return {name: int(digits) for name, digits in EVENTS.findall(f"\n{text}")}


def queues(text: str) -> dict[str, tuple[int, int]]:
    """Return, for each queue of the GPU, when it was read and how long it was busy, in ns."""
    return {name: (int(at), int(busy)) for name, at, _, busy in QUEUE.findall(text[:8192])}


def busiest(older: Mapping[str, tuple[int, int]], newer: Mapping[str, tuple[int, int]]) -> float | None:
    """Return the share of time that the busiest queue was busy, in percent; None without an interval."""
    shares = [
        100.0 * (busy - older[name][1]) / (at - older[name][0])
        for name, (at, busy) in newer.items()
        if name in older and at > older[name][0]
    ]
    # What runs is counted when it ends, so a long job may exceed a short interval.
    return round(min(max(0.0, *shares), 100.0), 2) if shares else None
