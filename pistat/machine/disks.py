"""The disks of the machine: which of the kernel's block devices are disks, and what stands on which."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from pistat.parsers import kernel

if TYPE_CHECKING:
    from pistat.machine.host import Host

BLOCK = "/sys/block"
DISKSTATS = "/proc/diskstats"
SECTOR = 512
"""Bytes of a sector in the kernel's tables, whatever the sectors of the disk are."""

VIRTUAL = re.compile(r"(?:loop|ram|zram|dm-|md|md_d|drbd|bcache|zd)\d|nvme\d+c\d+n\d+")
"""Devices of memory, of a file or of other devices; not all of them say on which they stand."""

NUMBERS = re.compile(r"\s*(?:[0-9]{1,20}(?:\s+|$)){8,10}")
"""Reads, reads merged, sectors read, ms reading, the same four for writes, those under way, ms with any."""

ROW = re.compile(r"^ *[0-9]+ +[0-9]+ ([!-~]+) (.+)$", re.MULTILINE)
"""A row of /proc/diskstats: the two numbers of a device, its name, and its counters."""

KEEP_SECONDS = 60.0
DEEPEST = 8
"""Layers of devices that are followed: a table that leads in circles comes to an end, too."""


class Disk(NamedTuple):
    """A block device that stands on no other.

    Attributes:
        name: Its name in /dev, such as `sda` or `cciss/c0d0`.
        folder: Its folder in /sys/block, in whose name `!` stands for a slash.
    """

    name: str
    folder: str


def disks(host: Host, names: Iterable[str] = ()) -> tuple[Disk, ...]:
    """Return the disks. What has neither a medium nor a place for one is none.

    They are looked for again each minute, and when `names`, of all block devices, have changed.
    """
    key = (*names, int(host.monotonic() // KEEP_SECONDS))
    return host.memo.while_same("disks", key, lambda: tuple(_disks(host)))


def _disks(host: Host) -> list[Disk]:
    found = [Disk(name.replace("!", "/"), f"{BLOCK}/{name}") for name in host.names(BLOCK)]
    return [disk for disk in found if not _is_stacked(host, disk) and not _is_unused(host, disk)]


def _is_stacked(host: Host, disk: Disk) -> bool:
    """Return whether what it does is counted in another device, or touches no disk."""
    return VIRTUAL.match(disk.name) is not None or bool(host.names(f"{disk.folder}/slaves"))


def _is_unused(host: Host, disk: Disk) -> bool:
    """Return whether it is only a name, such as the 16 devices of the module nbd. A card reader is more."""
    if kernel.whole(host.sensor(f"{disk.folder}/size"), 1 << 53) != 0:
        return False
    removable = kernel.alarm(host.sensor(f"{disk.folder}/removable"))
    return not removable and not any(counters(host.sensor(f"{disk.folder}/stat")) or ())


def counters(columns: str) -> list[int] | None:
    """Parse the first columns of /sys/block/*/stat, or of /proc/diskstats behind the name."""
    found = NUMBERS.match(columns)
    return [int(cell) for cell in found[0].split()] if found else None


def table(host: Host) -> str:
    """Return /proc/diskstats; empty where it cannot be read, for then each disk has its own counters."""
    with contextlib.suppress(OSError):
        return host.read_cached_text(DISKSTATS)
    return ""


def all_counters(host: Host, table: str) -> dict[str, list[int] | None]:
    """Return the counters of each disk: from `table`, which is /proc/diskstats, else from its own file.

    It is None for one whose counters are not understood; one that has none, as it is gone, is left out.
    """
    columns = dict(ROW.findall(table))
    found = {
        disk.name: columns.get(disk.name) or host.sensor(f"{disk.folder}/stat")
        for disk in disks(host, columns)
    }
    return {name: counters(cells) for name, cells in found.items() if cells}


def beneath(owners: Mapping[str, list[str]], number: str, device: str) -> list[str]:
    """Return the disks that a filesystem lies on, by its device's number, else by its name."""
    return owners.get(number) or owners.get(device.removeprefix("/dev/")) or []


def owners(host: Host) -> dict[str, list[str]]:
    """Return the disks below each block device and partition, by its number and by its name."""
    return host.memo.for_a_minute("block devices", lambda: _owners(host))


def _owners(host: Host) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in host.listing(BLOCK):
        folder = f"{BLOCK}/{name}"
        below = _below(host, name, DEEPEST)
        mapped = host.word(f"{folder}/dm/name")
        parts = [f"{folder}/{part}" for part in host.listing(folder) if part.startswith(name)]
        for path in (folder, *parts):
            found[path.rpartition("/")[2].replace("!", "/")] = below
            number = host.word(f"{path}/dev")
            if number:
                found[number] = below
        if mapped:
            found[f"mapper/{mapped}"] = below
    return found


def _below(host: Host, name: str, layers: int) -> list[str]:
    """Return the disks on which the device `name` of /sys/block stands; itself, if on none."""
    slaves = host.listing(f"{BLOCK}/{name}/slaves") if layers else []
    if not slaves:
        return [] if VIRTUAL.match(name) else [name.replace("!", "/")]
    whole = {_whole(host, slave) for slave in slaves}
    return sorted({disk for whole_disk in whole for disk in _below(host, whole_disk, layers - 1)})


def _whole(host: Host, name: str) -> str:
    """Return the device of /sys/block that has the partition `name`."""
    if host.exists(f"{BLOCK}/{name}"):
        return name
    return next((disk for disk in host.listing(BLOCK) if host.exists(f"{BLOCK}/{disk}/{name}")), name)
