"""Which filesystems are mounted, and which of them hold files on a device or a server."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from pistat.machine import Machine

REMOTE = frozenset(
    {
        *(
            "9p",
            "afs",
            "beegfs",
            "ceph",
            "cifs",
            "davfs",
            "lustre",
            "nfs",
            "nfs4",
            "orangefs",
            "smb3",
            "smbfs",
        ),
        *("virtiofs", "fuse.sshfs", "fuse.rclone", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.davfs2"),
        *("fuse.curlftpfs", "fuse.juicefs", "fuse.smbnetfs"),
    }
)
"""Filesystems whose files lie on a server."""

LOCAL_WITHOUT_DEVICE = frozenset({"bcachefs", "jffs2", "ubifs", "zfs"})
"""Filesystems on a device of this machine whose source is not a path below /dev."""

NO_FILES = frozenset(
    {
        *(
            "devtmpfs",
            "ramfs",
            "tmpfs",
            "overlay",
            "fuse.fuse-overlayfs",
            "squashfs",
            "erofs",
            "cramfs",
            "romfs",
        ),
        *("fuse.squashfuse", "fuse.snapfuse", "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal"),
    }
)
"""Views of memory, of other files or of the kernel, and read-only images."""


class Mount(NamedTuple):
    """A mounted filesystem."""

    device: str
    mountpoint: str
    filesystem: str
    read_only: bool
    remote: bool


def read(machine: Machine) -> list[Mount]:
    """What holds files, each filesystem once, in the order of mounting."""
    if machine.linux:
        # Names are bytes to the kernel: only so can one in bad UTF-8 be asked for how full it is.
        return parse(os.fsdecode(machine.read_bytes("/proc/self/mountinfo")))
    return [
        Mount(each.device, each.mountpoint, each.fstype, "ro" in each.opts.split(","), each.fstype in REMOTE)
        for each in psutil.disk_partitions(all=False)
    ]


def parse(mountinfo: str) -> list[Mount]:
    """The rows of /proc/self/mountinfo that hold files.

    One filesystem may be mounted in several places (bind mounts, subvolumes): it has one device number, and
    the place nearest to the root stands for it. Of mounts over one another, only the last is visible.
    """
    visible: dict[str, tuple[str, Mount]] = {}
    # Not splitlines(): a name may hold what Unicode takes for the end of a line.
    for line in mountinfo.rstrip("\n").split("\n"):
        number, mount = _row(line)
        visible[mount.mountpoint] = (number, mount)
    best: dict[str, Mount] = {}
    for number, mount in visible.values():
        if _holds_files(mount):
            known = best.get(number)
            if known is None or len(mount.mountpoint) < len(known.mountpoint):
                best[number] = mount
    return list(best.values())


def _row(line: str) -> tuple[str, Mount]:
    """Device number and mount of a line such as `36 35 8:1 / /mnt rw - ext4 /dev/sda1 rw`."""
    left, _, right = line.partition(" - ")
    _, _, number, _, mountpoint, options = left.split(" ")[:6]
    filesystem, source, super_options = [*right.split(" ", 2), "", ""][:3]
    read_only = "ro" in options.split(",") or "ro" in super_options.split(",")
    remote = filesystem in REMOTE
    return number, Mount(_unescape(source), _unescape(mountpoint), filesystem, read_only, remote)


def _holds_files(mount: Mount) -> bool:
    if mount.mountpoint == "/":
        return True
    if mount.filesystem in NO_FILES or (mount.read_only and mount.device.startswith("/dev/loop")):
        return False
    return (
        mount.remote
        or mount.filesystem == "fuse"
        or mount.filesystem.startswith("fuse.")
        or mount.filesystem in LOCAL_WITHOUT_DEVICE
        or mount.device.startswith("/dev/")
    )


def _unescape(text: str) -> str:
    r"""The kernel writes blanks, tabs, newlines and backslashes of a name as octal, such as `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
