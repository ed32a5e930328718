"""The CPU time counters since boot, and the share of an interval that was busy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pistat.parsers.values import percent

if TYPE_CHECKING:
    from pistat.machine.host import Host


class Spent(NamedTuple):
    """Time since boot, in any unit that is the same for all."""

    busy: float
    total: float
    modes: tuple[int, ...] = ()
    """The columns of /proc/stat, in the order of `MODES`; empty where the platform has others."""


MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest")
"""What the kernel says a CPU was doing. Guest time is part of user time."""

Times: TypeAlias = "list[Spent | None]"
"""All CPUs together first, then each by its number; None for one that is offline."""

MOST_CPUS = 8192
"""More than Linux can have."""


class Snapshot:
    """The counters at one moment, parsed when somebody wants them.

    They are read once a second, whether somebody asks or not, and few are ever used: to parse each took a
    fifth of the time.
    """

    def __init__(self, parsed: Callable[[], Times]) -> None:
        self._parsed = parsed

    @cached_property
    def times(self) -> Times:
        """Return them. Raises ValueError."""
        return self._parsed()


def read(host: Host) -> Snapshot:
    """Read the counters. Raises OSError."""
    return Snapshot(partial(parse, host.read_cached_fd("/proc/stat")))


def parse(stat: bytes) -> Times:
    """Parse the `cpu` lines of /proc/stat. Guest time is part of user time and is not counted again.

    Raises:
        ValueError: There is none, or one that is not understood.
    """
    together: Spent | None = None
    cores: dict[int, Spent] = {}
    # The row behind them is long: it has a number for each interrupt.
    for line in stat.partition(b"\nintr ")[0].splitlines():
        name, *cells = line.split()
        modes = tuple(map(int, cells[: len(MODES)]))
        user, nice, system, idle, iowait, irq, softirq, steal = modes[:8]
        busy = user + nice + system + irq + softirq + steal
        spent = Spent(busy, busy + idle + iowait, modes)
        if name == b"cpu":
            together = spent
        elif (number := int(name[3:])) < MOST_CPUS:
            cores[number] = spent
    if together is None and not cores:
        raise ValueError(stat[:64])
    return [together, *(cores.get(number) for number in range(max(cores, default=-1) + 1))]


def usage(older: Times, newer: Times) -> list[float | None]:
    """Return the percentage of the interval that was busy: all CPUs first, then each by its number.

    It is None where no time was counted, and for a CPU that was offline.
    """
    pairs = zip_longest(older, newer)
    return [_share(before, now) if before and now else None for before, now in islice(pairs, len(newer))]


def _share(older: Spent, newer: Spent) -> float | None:
    """Return the percentage of the time between two samples that was busy."""
    # The kernel corrects idle and iowait backwards now and then, hence the clamps.
    total = newer.total - older.total
    return percent(min(max(newer.busy - older.busy, 0.0), total), total)


def by_mode(older: Times, newer: Times) -> list[dict[str, float]]:
    """Return the percentage of the interval that was spent in each of `MODES`: all CPUs first, then each.

    A mode that the kernel does not count is absent; of a CPU that was offline all are.
    """
    pairs = islice(zip_longest(older, newer), len(newer))
    return [_by_mode(before, now) if before and now else {} for before, now in pairs]


def _by_mode(older: Spent, newer: Spent) -> dict[str, float]:
    """Return the percentages between two samples."""
    total = newer.total - older.total
    if total <= 0:
        return {}
    # The kernel corrects some counters backwards now and then.
    spent = [min(max(new - old, 0), total) for old, new in zip(older.modes, newer.modes, strict=False)]
    return {mode: round(100.0 * ticks / total, 2) for mode, ticks in zip(MODES, spent, strict=False)}
