"""The filesystems, and how full each of them is."""

from __future__ import annotations

from pistat.collectors.root_filesystem import shares
from pistat.field import Call, Derived, Field, File, Kind, Unit, Values, collector
from pistat.machine import disks, mounts, portable
from pistat.machine.disks import BLOCK
from pistat.machine.machine import Machine, Usage
from pistat.machine.mounts import Mount
from pistat.machine.reasons import clause
from pistat.parsers import kernel
from pistat.parsers.values import Json, percent

MOUNTS = File("/proc/self/mountinfo")
FSTAB = File("/etc/fstab")
STATVFS = Call("statvfs", "the mount point")
BENEATH = (
    File(f"{BLOCK}/*/dev"),
    File(f"{BLOCK}/*/*/dev"),
    File(f"{BLOCK}/*/dm/name"),
    File(f"{BLOCK}/*/slaves"),
)
"""What leads from a filesystem to its disks."""

NO_SIZES: dict[str, Json] = dict.fromkeys(("total", "used", "free", "percent", "inodes_percent"))


@collector(
    Field(
        "devices[row].device", Unit.TEXT, "Block device, or the share of a server.", MOUNTS, kind=Kind.LABEL
    ),
    Field("devices[row].mountpoint", Unit.TEXT, "Where it is mounted.", MOUNTS, kind=Kind.LABEL),
    Field("devices[row].filesystem", Unit.TEXT, "Type of filesystem.", MOUNTS, kind=Kind.LABEL),
    Field("devices[row].total", Unit.BYTES, "Size.", STATVFS),
    Field("devices[row].used", Unit.BYTES, "Space in use.", STATVFS),
    Field("devices[row].free", Unit.BYTES, "Space left for ordinary users.", STATVFS),
    Field(
        "devices[row].percent",
        Unit.PERCENT,
        "Share in use of the space for ordinary users.",
        STATVFS,
    ),
    Field(
        "devices[row].inodes_percent",
        Unit.PERCENT,
        "Share in use of the files and folders that it can hold; null if there is no such limit.",
        STATVFS,
        metric="pistat_filesystem_inodes_used",
    ),
    Field("devices[row].read_only", Unit.FLAG, "Whether it is mounted read-only.", MOUNTS),
    Field(
        "devices[row].read_only_wanted",
        Unit.FLAG,
        "Whether it is meant to be read-only; null for filesystems that are not in /etc/fstab.",
        FSTAB,
    ),
    Field("devices[row].remote", Unit.FLAG, "Whether it is on a server.", MOUNTS),
    Field(
        "devices[row].disks[disk]",
        Unit.TEXT,
        "The disks that it is on, as named in `disks`; more than one for a RAID.",
        Derived("its device and those beneath", (MOUNTS, *BENEATH)),
    ),
    Field(
        "devices[row].error",
        Unit.TEXT,
        "Why its sizes are null.",
        Derived("the error of statvfs"),
        when="if the filesystem does not report them",
    ),
    portable=True,
    deadline=5.0,
    finds=(File("/sys/dev/block/*/uevent"),),
)
def devices(machine: Machine) -> Values:
    """Return one row a filesystem. One that does not answer keeps its row, and holds up no other."""
    found = mounts.read(machine) if machine.linux else portable.mounts()
    rows = _without_sizes(machine, found)
    outcomes = machine.usages([mount.mountpoint for mount in found])
    # Of most filesystems nothing was written since the last time.
    sizes = machine.memo.each_while_same("sizes", [outcome[1:] for outcome in outcomes], _sizes)
    return {"devices": [{**row, **space} for row, space in zip(rows, sizes, strict=True)]}


def _without_sizes(machine: Machine, found: list[Mount]) -> list[dict[str, Json]]:
    """Return the rows with what seldom changes; the same as last time if all is that they were made of."""
    fstab = machine.memo.for_a_minute("fstab", lambda: _fstab(machine))
    owners = disks.owners(machine) if machine.linux else {}
    return machine.memo.while_same(
        "filesystems", (found, fstab, owners), lambda: [_row(mount, fstab, owners) for mount in found]
    )


def _fstab(machine: Machine) -> dict[str, bool]:
    return kernel.fstab(machine.sensor(FSTAB.path, 1 << 16)) if machine.linux else {}


def _row(mount: Mount, fstab: dict[str, bool], owners: dict[str, list[str]]) -> dict[str, Json]:
    return {
        "device": mount.device,
        "mountpoint": mount.mountpoint,
        "filesystem": mount.filesystem,
        **NO_SIZES,
        "read_only": mount.read_only,
        "read_only_wanted": fstab.get(mount.mountpoint),
        "remote": mount.remote,
        "disks": [*disks.beneath(owners, mount.number, mount.device)],
    }


def _sizes(told: tuple[Usage | None, BaseException | None]) -> dict[str, Json]:
    """Return how full a filesystem is, or why that is not known."""
    usage, error = told
    if usage is None:
        return {"error": "reports no size" if error is None else clause(error)}
    inodes_percent = percent(usage.inodes - usage.inodes_free, usage.inodes)
    sizes = {**shares(usage), "inodes_percent": inodes_percent}
    return sizes if usage.total > 0 else {**sizes, "error": "reports no size"}
