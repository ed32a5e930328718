"""The root filesystem, and what all disks have read and written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from pistat.field import Call, Field, File, Kind, Unit, Values, collector
from pistat.machine import portable
from pistat.machine.machine import Machine, Usage
from pistat.parsers.values import Json, clamped, percent

STATVFS = Call("statvfs", "/")
DISKSTATS = File("/proc/diskstats")
COUNTERS = ("read_count", "write_count", "read_bytes", "write_bytes", "read_time", "write_time")
SECTOR = 512
"""Bytes of a sector in /proc/diskstats, whatever the sectors of the disk are."""

STACKED = re.compile(r"(?:loop|ram|zram|dm-|md|md_d|drbd|bcache|zd)\d|nvme\d+c\d+n\d+")
"""Devices made of other devices or of memory: what they do is counted in those, or touches no disk."""


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
)
def disk_io(machine: Machine) -> Values:
    table = machine.read_cached_text(DISKSTATS.path)
    # Between two looks most disks are at rest.
    return {"disk_io": {**machine.memo.while_same("disk_io", table, lambda: _counted(machine, table))}}


def _counted(machine: Machine, table: str) -> dict[str, Json]:
    """Return the sums over all disks; null where there is none."""
    # Of each row the two numbers of the device, its name, and the rest, which is of interest for few.
    rows = [line.split(None, 3) for line in table.splitlines()]
    whole = machine.memo.while_same("disks", [row[2] for row in rows], lambda: _whole(machine))
    disks = [[int(cell) for cell in row[3].split()[:8]] for row in rows if row[2] in whole]
    return dict(zip(COUNTERS, _totals(disks), strict=True)) if disks else dict.fromkeys(COUNTERS)


def _whole(machine: Machine) -> set[str]:
    """Return the names of the disks that are neither parts of another nor made of others."""
    return {name for name in machine.names("/sys/block") if not STACKED.match(name)}


def _totals(disks: Iterable[list[int]]) -> list[int]:
    """Sum the columns: reads, reads merged, sectors read, ms reading, and the same four for writes."""
    reads, _, read_sectors, read_ms, writes, _, write_sectors, write_ms = map(sum, zip(*disks, strict=True))
    return [reads, writes, read_sectors * SECTOR, write_sectors * SECTOR, read_ms, write_ms]
