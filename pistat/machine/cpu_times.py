"""The CPU time counters since boot, and the share of an interval that was busy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import psutil

from pistat.parsers.values import percent

if TYPE_CHECKING:
    from pistat.machine.host import Host


class Spent(NamedTuple):
    """Time since boot, in any unit that is the same for both."""

    busy: float
    total: float


Times: TypeAlias = "list[Spent]"
"""All CPUs together first, then each of them."""


def read(machine: Host) -> Times:
    """The counters now."""
    if machine.linux:
        return parse(machine.read_cached_fd("/proc/stat"))
    cores = [_portable(each) for each in psutil.cpu_times(percpu=True)]
    return [Spent(sum(each.busy for each in cores), sum(each.total for each in cores)), *cores]


def parse(stat: bytes) -> Times:
    """The `cpu` lines of /proc/stat. Guest time is part of user time already and is not counted again."""
    times = []
    # The row that follows them has a number for each interrupt.
    for line in stat.partition(b"\nintr ")[0].splitlines():
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, line.split()[1:9])
        busy = user + nice + system + irq + softirq + steal
        times.append(Spent(busy, busy + idle + iowait))
    return times


def usage(older: Times, newer: Times) -> list[float | None]:
    """Percent of the interval that was busy: all CPUs first, then each. None where nothing was counted.

    A CPU that went offline or came back in between makes the rows incomparable: then all are None.
    """
    if len(older) != len(newer):
        return [None] * len(newer)
    return [_share(*pair) for pair in zip(older, newer, strict=True)]


def _share(older: Spent, newer: Spent) -> float | None:
    # The kernel corrects idle and iowait backwards now and then, hence the clamps.
    total = newer.total - older.total
    return percent(min(max(newer.busy - older.busy, 0.0), total), total)


def _portable(times: object) -> Spent:
    """One row of psutil. Windows counts interrupts within system time and names them again."""
    spent = {name: getattr(times, name, 0.0) for name in ("user", "nice", "system", "idle")}
    return Spent(spent["user"] + spent["nice"] + spent["system"], sum(spent.values()))
