"""The disks themselves, beside the filesystems on them: which they are, how warm, how worn."""

from __future__ import annotations

import re
from typing import NamedTuple

from pistat.collectors.devices import drive_health
from pistat.collectors.root_filesystem import DISKS, DISKSTATS, RATES, disk_rates, rate_fields
from pistat.field import Derived, Field, File, Kind, Unit, Values, collector, first_of
from pistat.machine import disks as block
from pistat.machine import hwmon
from pistat.machine.disks import BLOCK, SECTOR
from pistat.machine.machine import Machine
from pistat.parsers import kernel
from pistat.parsers.values import Json

DEVICE = f"{BLOCK}/*/device"

PART = re.compile(r"mmcblk\d+(?:boot|gp|rpmb)\d*")
"""Areas of an eMMC that are devices of their own."""

WEAR = ("life_time", "pre_eol_info")
"""What only an eMMC has."""

MAKERS = {
    ("SD", 0x03): "SanDisk",
    ("SD", 0x09): "ATP",
    ("SD", 0x12): "Gigastone",
    ("SD", 0x5D): "Swissbit",
    ("SD", 0x9F): "Kingston",
    ("MMC", 0x02): "SanDisk",
    ("MMC", 0x11): "Toshiba",
    ("MMC", 0x13): "Micron",
    ("MMC", 0x15): "Samsung",
    ("MMC", 0x45): "SanDisk",
    ("MMC", 0x70): "Kingston",
    ("MMC", 0x90): "Hynix",
}
"""drivers/mmc/core/card.h and quirks.h of Linux; an SD card and an eMMC of one number may differ in maker."""


class Disk(NamedTuple):
    """A disk: its name and its folder, what never changes about it, and the files of its thermometer.

    Attributes:
        files: The names of the files of its device: which there are depends on its driver.
    """

    name: str
    folder: str
    identity: dict[str, Json]
    thermometer: str | None
    fault: str | None
    files: frozenset[str]


@collector(
    Field(
        "disks.{disk}.type",
        Unit.TEXT,
        "`SD`, `MMC` (eMMC) or `NVMe`; null for others.",
        first_of(File(f"{DEVICE}/type"), Derived("the name of the disk")),
    ),
    Field(
        "disks.{disk}.model",
        Unit.TEXT,
        "Model name.",
        first_of(File(f"{DEVICE}/model"), File(f"{DEVICE}/name")),
    ),
    Field(
        "disks.{disk}.maker",
        Unit.TEXT,
        "Manufacturer; a number if it is not known.",
        first_of(File(f"{DEVICE}/manfid"), File(f"{DEVICE}/vendor")),
    ),
    Field("disks.{disk}.made", Unit.TEXT, "Month and year of manufacture.", File(f"{DEVICE}/date")),
    Field("disks.{disk}.size", Unit.BYTES, "Size.", File(f"{BLOCK}/*/size")),
    Field(
        "disks.{disk}.temperature",
        Unit.CELSIUS,
        "Temperature of an NVMe drive, or of another with a thermometer.",
        first_of(File(f"{DEVICE}/hwmon*/temp1_input"), File(f"{DEVICE}/hwmon/hwmon*/temp1_input")),
    ),
    Field("disks.{disk}.bytes_read", Unit.BYTES, "Bytes read since boot.", DISKSTATS, kind=Kind.COUNTER),
    Field(
        "disks.{disk}.bytes_written", Unit.BYTES, "Bytes written since boot.", DISKSTATS, kind=Kind.COUNTER
    ),
    *rate_fields("disks.{disk}"),
    Field(
        "disks.{disk}.life_used_a",
        Unit.PERCENT,
        "Upper estimate of the rated life that an eMMC has used, in tens; 110 is more than all.",
        File(f"{DEVICE}/life_time"),
        most=110.0,
        metric="pistat_disks_life_used",
    ),
    Field(
        "disks.{disk}.life_used_b",
        Unit.PERCENT,
        "The same for its other kind of memory cells.",
        File(f"{DEVICE}/life_time"),
        most=110.0,
        metric="pistat_disks_life_used_other",
    ),
    Field(
        "disks.{disk}.spare_blocks",
        Unit.TEXT,
        "`normal`, `warning` when an eMMC has used up 80 % of its spare blocks, or `urgent`.",
        File(f"{DEVICE}/pre_eol_info"),
    ),
    Field("disks.{disk}.read_only", Unit.FLAG, "Nothing can be written to it.", File(f"{BLOCK}/*/ro")),
    *drive_health.FIELDS,
    deadline=1.9,
    finds=(
        *DISKS,
        File(f"{DEVICE}/hwmon*/temp1_fault"),
        File(f"{DEVICE}/hwmon/hwmon*/temp1_fault"),
        *drive_health.FINDS,
    ),
)
def disks(machine: Machine) -> Values:
    counters, rates = disk_rates(machine)
    rows: dict[str, Json] = {
        disk.name: {
            **disk.identity,
            "temperature": hwmon.celsius(machine, disk.thermometer, disk.fault),
            **_transferred(counters.get(disk.name)),
            **rates.get(disk.name, dict.fromkeys(RATES)),
            **_wear(machine, disk),
            "read_only": kernel.alarm(machine.cached_sensor(f"{disk.folder}/ro")),
            **drive_health.read(machine, disk.folder, disk.files, disk.thermometer),
        }
        for disk in machine.memo.for_a_minute("drives", lambda: tuple(_disks(machine)))
    }
    return {"disks": rows}


def _disks(machine: Machine) -> list[Disk]:
    return [
        Disk(
            disk.name,
            disk.folder,
            _identity(machine, disk),
            *_thermometer(machine, disk.folder),
            frozenset(machine.listing(f"{disk.folder}/device")),
        )
        for disk in block.disks(machine)
        if not PART.fullmatch(disk.name)
    ]


def _identity(machine: Machine, disk: block.Disk) -> dict[str, Json]:
    folder = f"{disk.folder}/device"
    told = {
        file: kernel.label(machine.sensor(f"{folder}/{file}")) for file in ("type", "name", "model", "date")
    }
    kind = told["type"] if told["type"] in {"SD", "MMC"} else "NVMe" if disk.name.startswith("nvme") else None
    size = kernel.whole(machine.sensor(f"{disk.folder}/size"), 1 << 53)
    return {
        "type": kind,
        # `name` of other disks is that of their driver.
        "model": told["name"] if disk.name.startswith("mmcblk") else told["model"],
        "maker": _maker(machine, folder, kind),
        "made": told["date"],
        # 0 is a reader without a card.
        "size": size * SECTOR if size else None,
    }


def _maker(machine: Machine, folder: str, kind: str | None) -> str | None:
    number = kernel.label(machine.sensor(f"{folder}/manfid"))
    if number is None:
        vendor = kernel.label(machine.sensor(f"{folder}/vendor"))
        # That is how the disk is attached: a SATA disk does not say who made it.
        return None if vendor == "ATA" else vendor
    found = kernel.in_full("0x[0-9a-f]{6}", number)
    return MAKERS.get((kind or "", int(number, 16)), number) if found else None


def _thermometer(machine: Machine, folder: str) -> tuple[str | None, str | None]:
    """Return the files of value and fault of the disk's own sensor; kernels differ in where they put it."""
    folder = f"{folder}/device"
    chips = [f"{folder}/{name}" for name in machine.listing(folder) if re.fullmatch(r"hwmon\d+", name)]
    chips += [f"{folder}/hwmon/{name}" for name in machine.listing(f"{folder}/hwmon")]
    if not chips:
        return None, None
    fault = f"{chips[0]}/temp1_fault"
    return f"{chips[0]}/temp1_input", fault if machine.exists(fault) else None


def _transferred(counters: list[int] | None) -> dict[str, Json]:
    """Return the bytes read and written since boot."""
    if counters is None:
        return {"bytes_read": None, "bytes_written": None}
    return {"bytes_read": counters[2] * SECTOR, "bytes_written": counters[6] * SECTOR}


def _wear(machine: Machine, disk: Disk) -> dict[str, Json]:
    if disk.files.isdisjoint(WEAR):
        return dict.fromkeys(("life_used_a", "life_used_b", "spare_blocks"))
    folder = f"{disk.folder}/device"
    tenths = kernel.wear(machine.cached_sensor(f"{folder}/life_time")) or (0, 0)
    return {
        # 0 is a drive that does not say.
        "life_used_a": 10.0 * tenths[0] or None,
        "life_used_b": 10.0 * tenths[1] or None,
        "spare_blocks": kernel.pre_eol(machine.cached_sensor(f"{folder}/pre_eol_info")),
    }
