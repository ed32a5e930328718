"""The CPU time counters since boot, and the share of an interval that was busy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pistat.parsers.values import percent

if TYPE_CHECKING:
    from pistat.machine.host import Host


class Spent(NamedTuple):
    """Time since boot, in any unit that is the same for both."""

    busy: float
    total: float


Times: TypeAlias = "list[Spent]"
"""All CPUs together first, then each of them."""


def read(host: Host) -> Times:
    """Read the counters."""
    return parse(host.read_cached_fd("/proc/stat"))


def parse(stat: bytes) -> Times:
    """Parse the `cpu` lines of /proc/stat. Guest time is part of user time and is not counted again."""
    times = []
    # The row behind them is long: it has a number for each interrupt.
    for line in stat.partition(b"\nintr ")[0].splitlines():
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, line.split()[1:9])
        busy = user + nice + system + irq + softirq + steal
        times.append(Spent(busy, busy + idle + iowait))
    return times


def usage(older: Times, newer: Times) -> list[float | None]:
    """Return the percentage of the interval that was busy: all CPUs first, then each.

    It is None where no time was counted, and for all when a CPU went offline or came back in between, for
    then the rows cannot be compared.
    """
    if len(older) != len(newer):
        return [None] * len(newer)
    return [_share(*pair) for pair in zip(older, newer, strict=True)]


def _share(older: Spent, newer: Spent) -> float | None:
    """Return the percentage of the time between two samples that was busy."""
    # The kernel corrects idle and iowait backwards now and then, hence the clamps.
    total = newer.total - older.total
    return percent(min(max(newer.busy - older.busy, 0.0), total), total)
