"""Memory and swap, from one reading of the kernel's table."""

from __future__ import annotations

import re
from typing import TypeAlias

from pistat.field import (
    Derived,
    Field,
    File,
    Kind,
    Reading,
    Source,
    Unit,
    Values,
    attempted,
    collector,
    incomplete,
)
from pistat.machine import portable
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers import counters, kernel
from pistat.parsers.values import clamped, percent

ROWS = {
    name: re.compile(rf"{name}:[ \t]+([0-9]{{1,15}}) kB\n")
    for name in ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
}
"""What is wanted of /proc/meminfo, of fifty rows."""

EVENTS = "/proc/vmstat"
SWAPPED_IN, SWAPPED_OUT = File(EVENTS, "pswpin"), File(EVENTS, "pswpout")

TOTAL, AVAILABLE, SWAP, SWAP_FREE = (File("/proc/meminfo", name) for name in ROWS)


def portable_memory(machine: Machine) -> Values:
    """Read the same where there is no /proc."""
    return _reading(*portable.memory())


def _no_swap(machine: Machine) -> Unavailable | None:
    """Return why there are no readings of the swap."""
    none = kernel.first("(SwapTotal): +0 kB", machine.sensor("/proc/meminfo"))
    return Unavailable(Reason.NO_VALUE, "There is no swap space.") if none else None


def _of_swap(name: str, unit: Unit, text: str, source: Source, kind: Kind | None = None) -> Field:
    return Field(f"swap.{name}", unit, text, source, unless=_no_swap, kind=kind)


@collector(
    Field("memory.total", Unit.BYTES, "Memory that the kernel manages.", TOTAL),
    Field(
        "memory.available",
        Unit.BYTES,
        "Memory that programs can still get without swapping.",
        AVAILABLE,
    ),
    Field(
        "memory.used",
        Unit.BYTES,
        "Memory that is not available.",
        Derived("total - available, as `free` counts", (TOTAL, AVAILABLE)),
    ),
    Field(
        "memory.percent",
        Unit.PERCENT,
        "Share of the memory that is not available.",
        Derived("used / total", (TOTAL, AVAILABLE)),
    ),
    Field(
        "memory.oom_kills",
        Unit.COUNT,
        "Programs that the kernel has stopped since boot because there was no memory left.",
        File(EVENTS, "oom_kill"),
        kind=Kind.COUNTER,
    ),
    _of_swap("total", Unit.BYTES, "Swap space; null without swap.", SWAP),
    _of_swap("used", Unit.BYTES, "Swap in use.", Derived("total - free", (SWAP, SWAP_FREE))),
    _of_swap("free", Unit.BYTES, "Swap left.", SWAP_FREE),
    _of_swap(
        "percent", Unit.PERCENT, "Share of the swap in use.", Derived("used / total", (SWAP, SWAP_FREE))
    ),
    _of_swap(
        "bytes_in", Unit.BYTES, "Bytes read back from it since boot.", File(EVENTS, "pswpin"), Kind.COUNTER
    ),
    _of_swap(
        "bytes_out", Unit.BYTES, "Bytes written to it since boot.", File(EVENTS, "pswpout"), Kind.COUNTER
    ),
    elsewhere=portable_memory,
)
def memory(machine: Machine) -> Reading:
    (total, available, swap, swap_free), failures = attempted(lambda: _table(machine), UNKNOWN)
    values = _reading(total, available, swap, swap_free)
    events = counters.events(machine.cached_sensor(EVENTS))
    for name, row in (("bytes_in", "pswpin"), ("bytes_out", "pswpout")):
        pages = events.get(row) if swap != 0 else None
        values["swap"][name] = None if pages is None else pages * machine.page_size
    values["memory"]["oom_kills"] = events.get("oom_kill")
    return incomplete(values, failures)


Table: TypeAlias = "tuple[int | None, int | None, int | None, int | None]"
"""Bytes of memory and of swap, and how many of each are left."""

UNKNOWN: Table = (None, None, None, None)


def _table(machine: Machine) -> Table:
    """Read the kernel's table. Raises OSError, LookupError."""
    text = machine.read_cached_text("/proc/meminfo")
    total, available, swap, swap_free = (_bytes(text, name) for name in ROWS)
    if (total, available, swap, swap_free) == UNKNOWN:
        raise LookupError(text[:64])
    return total, available, swap, swap_free


def total(machine: Machine) -> int | None:
    """Return the bytes of memory, for the share that a process has of them. They are read once."""

    def read() -> int | None:
        if not machine.linux:
            return portable.memory().total
        # Without them a process has no share, but all else.
        return _bytes(machine.sensor("/proc/meminfo"), "MemTotal")

    return machine.memo.forever("memory", read)


def _bytes(table: str, name: str) -> int | None:
    """Return what a row says; None without it: kernels before 3.14 and WSL 1 have no MemAvailable."""
    found = ROWS[name].search(table)
    return int(found[1]) * 1024 if found else None


def _reading(total: int | None, available: int | None, swap: int | None, swap_free: int | None) -> Values:
    size, left, used, share = _parts(total, available)
    swap_size, swap_left, swapped, swap_share = _parts(swap, swap_free)
    return {
        "memory": {"total": size, "available": left, "used": used, "percent": share, "oom_kills": None},
        "swap": {
            "total": swap_size,
            "used": swapped,
            "free": swap_left,
            "percent": swap_share,
            "bytes_in": None,
            "bytes_out": None,
        },
    }


def _parts(total: int | None, left: int | None) -> tuple[int | None, int | None, int | None, float | None]:
    """Return the total, what is left of it, what is used, and the share of that; there is no total of 0."""
    if not total or left is None:
        return total or None, None, None, None
    left = clamped(left, total)
    return total, left, total - left, percent(total - left, total)
