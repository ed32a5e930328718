"""The root filesystem, and what all disks have read and written."""

from __future__ import annotations

import os
from collections.abc import Iterable

from pistat.field import Call, Field, File, Kind, Unit, Values, collector, first_of
from pistat.machine import disks, portable
from pistat.machine.disks import SECTOR
from pistat.machine.machine import Machine, Usage
from pistat.parsers.values import Json, clamped, percent

STATVFS = Call("statvfs", "/")
DISKSTATS = first_of(File(disks.DISKSTATS), File(f"{disks.BLOCK}/*/stat"))
DISKS = (
    File(f"{disks.BLOCK}/*/slaves"),
    File(f"{disks.BLOCK}/*/size"),
    File(f"{disks.BLOCK}/*/removable"),
)
"""By what the disks are known."""

COUNTERS = ("read_count", "write_count", "read_bytes", "write_bytes", "read_time", "write_time")


def shares(usage: Usage) -> dict[str, Json]:
    """Return the sizes of a filesystem; the percentage is of what an ordinary user can have, as in `df`.

    One of size 0 has none: so does a FUSE filesystem answer that counts nothing.
    """
    total = usage.total
    if total <= 0:
        return dict.fromkeys(("total", "used", "free", "percent"))
    used, free = clamped(usage.used, total), clamped(usage.free, total)
    return {"total": total, "used": used, "free": free, "percent": percent(used, used + free)}


@collector(
    Field("disk.total", Unit.BYTES, "Size of the root filesystem.", STATVFS),
    Field("disk.used", Unit.BYTES, "Space taken.", STATVFS),
    Field("disk.free", Unit.BYTES, "Space left for ordinary users.", STATVFS),
    Field("disk.percent", Unit.PERCENT, "Share taken of what users can have, as `df` counts.", STATVFS),
    portable=True,
    deadline=Machine.USAGE_SECONDS,
)
def disk(machine: Machine) -> Values:
    """Return the sizes of the filesystem that holds the system; on Windows, of the drive that does."""
    return {"disk": shares(machine.usage(os.path.abspath(os.sep)))}


def _counter(name: str, unit: Unit, text: str, metric: str = "") -> Field:
    return Field(f"disk_io.{name}", unit, text, DISKSTATS, kind=Kind.COUNTER, metric=metric)


def portable_counters(machine: Machine) -> Values:
    """Read the same where there is no /proc."""
    return {"disk_io": portable.disk_counters(COUNTERS)}


@collector(
    _counter("read_count", Unit.COUNT, "Reads since boot, all disks, each once.", "pistat_disk_io_reads"),
    _counter("write_count", Unit.COUNT, "Writes since boot.", "pistat_disk_io_writes"),
    _counter("read_bytes", Unit.BYTES, "Bytes read since boot."),
    _counter("write_bytes", Unit.BYTES, "Bytes written since boot."),
    _counter("read_time", Unit.MILLISECONDS, "Time that reads have taken since boot."),
    _counter("write_time", Unit.MILLISECONDS, "Time that writes have taken since boot."),
    elsewhere=portable_counters,
    finds=DISKS,
)
def disk_io(machine: Machine) -> Values:
    table = disks.table(machine)
    if not table:
        return {"disk_io": _counted(machine, "")}
    # Between two looks most disks are at rest.
    return {"disk_io": {**machine.memo.while_same("disk_io", table, lambda: _counted(machine, table))}}


def _counted(machine: Machine, table: str) -> dict[str, Json]:
    """Return the sums over all disks; null where there is none, or where one of them is not known."""
    rows = list(disks.all_counters(machine, table).values())
    known = [row for row in rows if row is not None]
    if not rows or len(known) < len(rows):
        return dict.fromkeys(COUNTERS)
    return dict(zip(COUNTERS, _totals(known), strict=True))


def _totals(rows: Iterable[list[int]]) -> list[int]:
    """Sum the columns of the counters of all disks."""
    reads, _, read_sectors, read_ms, writes, _, write_sectors, write_ms = map(sum, zip(*rows, strict=True))
    return [reads, writes, read_sectors * SECTOR, write_sectors * SECTOR, read_ms, write_ms]
