"""The root filesystem, and what all disks have read and written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeAlias

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

RATES = ("read_rate", "write_rate", "busy")
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
    Field("disk.used", Unit.BYTES, "Space in use.", STATVFS),
    Field("disk.free", Unit.BYTES, "Space left for ordinary users.", STATVFS),
    Field(
        "disk.percent",
        Unit.PERCENT,
        "Share in use of the space for ordinary users, as `df` shows.",
        STATVFS,
    ),
    portable=True,
    deadline=Machine.USAGE_SECONDS,
)
def disk(machine: Machine) -> Values:
    """Return the sizes of the filesystem that holds the system; on Windows, of the drive that does."""
    return {"disk": shares(machine.usage(os.path.abspath(os.sep)))}


def _counter(name: str, unit: Unit, text: str, metric: str = "") -> Field:
    return Field(f"disk_io.{name}", unit, text, DISKSTATS, kind=Kind.COUNTER, metric=metric)


def rate_fields(parent: str, rates_of: str = "", busy_of: str = "") -> tuple[Field, ...]:
    """Return the leaves below `parent` of how fast disks read and write, and of which disks that is."""
    source = DISKSTATS
    return (
        Field(
            f"{parent}.read_rate",
            Unit.BYTES_PER_SECOND,
            f"Bytes read a second, over the last seconds{rates_of}; null until they have been read twice.",
            source,
            kind=Kind.RATE,
        ),
        Field(
            f"{parent}.write_rate",
            Unit.BYTES_PER_SECOND,
            f"Bytes written a second, over the last seconds{rates_of}.",
            source,
            kind=Kind.RATE,
        ),
        Field(
            f"{parent}.busy",
            Unit.PERCENT,
            f"Share of the time with something to do, over the last seconds{busy_of}.",
            source,
            kind=Kind.RATE,
        ),
    )


def portable_counters(machine: Machine) -> Values:
    """Read the same where there is no /proc."""
    found, interval = machine.disks.measure(lambda: portable.disk_counters(COUNTERS), _portable_totals)
    read, write, _ = interval.rates("all", _portable_totals(found)["all"])
    return {"disk_io": {**found, "read_rate": read, "write_rate": write, "busy": None}}


def _portable_totals(found: Mapping[str, Json]) -> dict[str, list[Json]]:
    return {"all": [found["read_bytes"], found["write_bytes"], None]}


@collector(
    _counter("read_count", Unit.COUNT, "Reads since boot, all disks, each once.", "pistat_disk_io_reads"),
    _counter("write_count", Unit.COUNT, "Writes since boot.", "pistat_disk_io_writes"),
    _counter("read_bytes", Unit.BYTES, "Bytes read since boot."),
    _counter("write_bytes", Unit.BYTES, "Bytes written since boot."),
    _counter("read_time", Unit.MILLISECONDS, "Time that reads have taken since boot."),
    _counter("write_time", Unit.MILLISECONDS, "Time that writes have taken since boot."),
    *rate_fields("disk_io", rates_of="; all disks together", busy_of="; of the busiest disk"),
    elsewhere=portable_counters,
    deadline=1.9,
    finds=DISKS,
)
def disk_io(machine: Machine) -> Values:
    rows, rates = disk_rates(machine)
    known = [row for row in rates.values() if None not in row.values()]
    together = {name: round(sum(row[name] or 0.0 for row in known), 2) for name in RATES[:2]}
    busiest = max((row["busy"] or 0.0 for row in known), default=None)
    return {"disk_io": {**_counted(rows), **(together if known else dict.fromkeys(RATES)), "busy": busiest}}


Rows: TypeAlias = "Mapping[str, list[int] | None]"
"""The counters of each disk; None for one whose counters are not understood."""


def disk_rates(machine: Machine) -> tuple[Rows, dict[str, dict[str, float | None]]]:
    """Read the counters of all disks, and how fast they grow: for each `read_rate`, `write_rate`, `busy`."""
    rows, interval = machine.disks.measure(partial(_read, machine), _growing)
    rates = {name: _rates(interval.rates(name, growing)) for name, growing in _growing(rows).items()}
    return rows, rates


def _read(machine: Machine) -> Rows:
    return disks.all_counters(machine, disks.table(machine))


BUSY = 9
"""The column of the ms in which a disk had something to do."""


def _growing(rows: Rows) -> dict[str, list[Json]]:
    """Return of each disk the bytes read, the bytes written, and the ms in which it was busy."""
    return {
        name: [row[2] * SECTOR, row[6] * SECTOR, row[BUSY] if len(row) > BUSY else None]
        if row
        else [None, None, None]
        for name, row in rows.items()
    }


def _rates(found: Sequence[float | None]) -> dict[str, float | None]:
    read, write, milliseconds = found
    busy = None if milliseconds is None else min(round(milliseconds / 10, 2), 100.0)
    return dict(zip(RATES, (read, write, busy), strict=True))


def _counted(found: Rows) -> dict[str, Json]:
    """Return the sums over all disks; null where there is none, or where one of them is not known."""
    rows = list(found.values())
    known = [row for row in rows if row is not None]
    if not rows or len(known) < len(rows):
        return dict.fromkeys(COUNTERS)
    return dict(zip(COUNTERS, _totals(known), strict=True))


def _totals(rows: Sequence[list[int]]) -> list[int]:
    """Sum the columns of the counters of all disks."""
    columns = zip(*(row[:8] for row in rows), strict=True)
    reads, _, read_sectors, read_ms, writes, _, write_sectors, write_ms = map(sum, columns)
    return [reads, writes, read_sectors * SECTOR, write_sectors * SECTOR, read_ms, write_ms]
