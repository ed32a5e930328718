"""What the kernel notes about the health of drives: errors of their filesystems, bytes written for life."""

from __future__ import annotations

from pistat.field import Field, File, Kind, Unit, first_of
from pistat.machine.machine import Machine
from pistat.parsers import kernel
from pistat.parsers.values import Json

BLOCK = "/sys/block"
DEVICE = f"{BLOCK}/*/device"
EXT4 = "/sys/fs/ext4"


LARGEST = 1 << 60

FIELDS = (
    Field(
        "disks.{disk}.errors",
        Unit.COUNT,
        "Errors that ext4 has recorded in the filesystems on this disk since they were last checked.",
        File(f"{EXT4}/*/errors_count"),
        metric="pistat_disks_errors",
    ),
    Field(
        "disks.{disk}.first_error",
        Unit.UNIX_TIME,
        "When the first of these occurred; null without any.",
        File(f"{EXT4}/*/first_error_time"),
        metric="pistat_disks_first_error_timestamp",
    ),
    Field(
        "disks.{disk}.last_error",
        Unit.UNIX_TIME,
        "When the last of these occurred; null without any.",
        File(f"{EXT4}/*/last_error_time"),
        metric="pistat_disks_last_error_timestamp",
    ),
    Field(
        "disks.{disk}.written_total",
        Unit.BYTES,
        "Bytes written to its ext4 filesystems since they were created.",
        File(f"{EXT4}/*/lifetime_write_kbytes"),
        kind=Kind.COUNTER,
        metric="pistat_disks_written_lifetime",
    ),
    Field(
        "disks.{disk}.written_session",
        Unit.BYTES,
        "Bytes written to its ext4 filesystems since they were mounted.",
        File(f"{EXT4}/*/session_write_kbytes"),
        kind=Kind.COUNTER,
    ),
    Field(
        "disks.{disk}.state",
        Unit.TEXT,
        "`live` for an NVMe drive that works, `running` for one of SATA or USB; null for others.",
        File(f"{DEVICE}/state"),
    ),
    Field(
        "disks.{disk}.io_errors",
        Unit.COUNT,
        "Commands of SATA and USB drives that ended with an error since boot; a few are usual, as the kernel "
        "asks drives for what not all of them know.",
        File(f"{DEVICE}/ioerr_cnt"),
        kind=Kind.COUNTER,
    ),
    Field(
        "disks.{disk}.too_hot",
        Unit.FLAG,
        "Whether an NVMe drive says that it is hotter than its limit.",
        first_of(File(f"{DEVICE}/hwmon*/temp1_alarm"), File(f"{DEVICE}/hwmon/hwmon*/temp1_alarm")),
    ),
)
FINDS = (File(EXT4), File(f"{BLOCK}/*/*"), File(f"{BLOCK}/*/slaves"))


def read(machine: Machine, folder: str, files: frozenset[str], thermometer: str | None) -> dict[str, Json]:
    """Return all of these for the disk of a folder in /sys/block.

    Given are the names of the `files` of its device, and the file of its temperature.
    """

    def text(name: str) -> str:
        return machine.cached_sensor(f"{folder}/device/{name}") if name in files else ""

    alarm = f"{thermometer.removesuffix('_input')}_alarm" if thermometer else None
    return {
        **_noted(machine, folder.rpartition("/")[2]),
        "state": kernel.label(text("state")),
        "io_errors": _hexadecimal(text("ioerr_cnt")),
        "too_hot": kernel.alarm(machine.cached_sensor(alarm)),
    }


def _noted(machine: Machine, disk: str) -> dict[str, Json]:
    folders = machine.memo.for_a_minute("ext4", lambda: _filesystems(machine)).get(disk, ())
    first, last = (_numbers(machine, folders, f"{which}_error_time") for which in ("first", "last"))
    return {
        "errors": _sum(_numbers(machine, folders, "errors_count")),
        # 0 is that there was none.
        "first_error": float(min(first)) if (first := [time for time in first if time]) else None,
        "last_error": float(max(last)) if any(last) else None,
        "written_total": _sum(_numbers(machine, folders, "lifetime_write_kbytes"), 1024),
        "written_session": _sum(_numbers(machine, folders, "session_write_kbytes"), 1024),
    }


def _numbers(machine: Machine, folders: tuple[str, ...], file: str) -> list[int]:
    texts = (machine.cached_sensor(f"{folder}/{file}") for folder in folders)
    return [number for text in texts if (number := kernel.whole(text, LARGEST)) is not None]


def _sum(numbers: list[int], factor: int = 1) -> int | None:
    return sum(numbers) * factor if numbers else None


def _filesystems(machine: Machine) -> dict[str, tuple[str, ...]]:
    """Return the folders of the ext4 filesystems by the disks that they lie on."""
    disks = machine.listing(BLOCK)
    found: dict[str, tuple[str, ...]] = {}
    for name in machine.listing(EXT4):
        for disk in _disks_of(machine, name, disks) if name != "features" else ():
            found[disk] = (*found.get(disk, ()), f"{EXT4}/{name}")
    return found


def _disks_of(machine: Machine, name: str, disks: list[str]) -> list[str]:
    """Return the disks of a block device: itself, that of a partition, those below an LVM or a RAID."""
    if name in disks:
        parts = machine.listing(f"{BLOCK}/{name}/slaves")
        return [disk for part in parts for disk in _disks_of(machine, part, disks)] or [name]
    return [disk for disk in disks if name.startswith(disk) and machine.exists(f"{BLOCK}/{disk}/{name}")]


def _hexadecimal(text: str) -> int | None:
    found = kernel.in_full("0x([0-9a-f]{1,8})", text)
    return int(found[1], 16) if found else None
