"""Which filesystems are mounted, and which of them hold files on a device or a server."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from pistat.parsers import kernel

if TYPE_CHECKING:
    from pistat.machine.host import Host

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
        *("fuse.curlftpfs", "fuse.juicefs", "fuse.smbnetfs", "fuse.seaweedfs", "fuse.mfs", "fuse.lizardfs"),
        *("fuse.gcsfuse", "fuse.goofys", "fuse.geesefs", "fuse.blobfuse", "fuse.blobfuse2", "fuse.s3ql"),
        *("fuse.cvmfs2", "fuse.httpdirfs", "fuse.alluxio-fuse", "fuse.google-drive-ocamlfuse"),
    }
)
"""Filesystems whose files are on a server."""

SERVER = re.compile(
    r"//[^/]|[a-z][a-z0-9+.-]*://|[^/:@]+@|(?:[^/:;]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?:(?:/|$)"
)
"""How the source of a FUSE filesystem begins that names a server: `user@`, `host:/`, `host:8888:/`, `s3://`."""

MERGED = frozenset({"fuse.mergerfs", "fuse.mhddfs", "fuse.unionfs", "fuse.unionfs-fuse"})
"""Those whose sources are lists of folders of this machine, in which a colon parts the items."""

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
        *("fuse.squashfuse_ll", "fuse.erofsfuse", "fuse.dwarfs", "fuse.fuseiso", "fuse.xdg-document-portal"),
    }
)
"""Views of memory, of other files or of the kernel, and read-only images."""

APP_IMAGE = re.compile(r"fuse\..*\.appimage", re.IGNORECASE)
"""What the runtime of an AppImage calls the filesystem in it, if it has no name of its own."""

APP_IMAGE_FOLDER = ".mount_"
"""How the folder begins at which the runtime of an AppImage mounts it."""

ROOT_DEVICE = "/dev/root"
"""What a kernel that was started without an initramfs calls its root device; there is no such file."""


class Mount(NamedTuple):
    """A mounted filesystem.

    Attributes:
        number: The major and minor number of its block device, such as `179:2`; `0:45` for one without.
    """

    device: str
    mountpoint: str
    filesystem: str
    read_only: bool
    remote: bool
    number: str = ""


class _Row(NamedTuple):
    """A row of mountinfo: the mount, its number, that of the one it is mounted on, and that of its device.

    An image is a file that is mounted to be read only.
    """

    number: str
    parent: str
    device_number: str
    mount: Mount
    image: bool


def read(host: Host) -> list[Mount]:
    """List what holds files, each filesystem once."""
    # The table is read each time although the kernel can report its changes: it does not report a disk that
    # it has made read-only after an error. Names are bytes to the kernel: only with fsdecode can a name in
    # bad UTF-8 be asked for how full it is.
    table = host.read_cached_fd("/proc/self/mountinfo")
    return host.memo.while_same("mounts", table, lambda: _named(host, parse(os.fsdecode(table))))


def _named(host: Host, mounts: list[Mount]) -> list[Mount]:
    """Give the root device the name that it has in /dev."""
    return [_with_name(host, mount) if mount.device == ROOT_DEVICE else mount for mount in mounts]


def _with_name(host: Host, mount: Mount) -> Mount:
    found = kernel.first(r"DEVNAME=([!-~]{1,64})", host.sensor(f"/sys/dev/block/{mount.number}/uevent"))
    return mount._replace(device=f"/dev/{found}") if found else mount


def parse(mountinfo: str) -> list[Mount]:
    """Parse /proc/self/mountinfo, and return what holds files.

    One filesystem may be mounted in several places (bind mounts, subvolumes). They have one device number,
    and the place nearest to the root stands for all.
    """
    # Not splitlines(): a name may contain what is the end of a line to Unicode.
    rows = _visible([_row(line) for line in mountinfo.rstrip("\n").split("\n")])
    return nearest(
        (row.device_number, row.mount) for row in rows if not row.image and _holds_files(row.mount)
    )


def nearest(places: Iterable[tuple[str, Mount]]) -> list[Mount]:
    """Return for each device the mount that is nearest to the root."""
    best: dict[str, Mount] = {}
    for device, mount in places:
        known = best.get(device)
        if known is None or len(mount.mountpoint) < len(known.mountpoint):
            best[device] = mount
    return list(best.values())


def _row(line: str) -> _Row:
    """Parse a line such as `36 35 8:1 / /mnt rw - ext4 /dev/sda1 rw`.

    The options of the filesystem, after the dash, say whether it is read-only; those of the mount say that
    of everything in a sandbox. Since Linux 6.15 an ext4 that gives up after an error has `emergency_ro`.
    """
    left, _, right = line.partition(" - ")
    number, parent, device_number, _, mountpoint = left.split(" ")[:5]
    filesystem, source, words = [*right.split(" ", 2), "", ""][:3]
    options = words.split(",")
    mount = Mount(
        kernel.unescaped(source),
        kernel.unescaped(mountpoint),
        filesystem,
        not {"ro", "emergency_ro"}.isdisjoint(options),
        _is_remote(filesystem, kernel.unescaped(source)),
        device_number,
    )
    image = "ro" in options and mountpoint != "/" and _is_image(mount)
    return _Row(number, parent, device_number, mount, image)


def _is_remote(filesystem: str, source: str) -> bool:
    """Return whether the files lie on a server."""
    if filesystem in REMOTE:
        return True
    return _is_fuse(filesystem) and filesystem not in MERGED and SERVER.match(source) is not None


def _is_fuse(filesystem: str) -> bool:
    return filesystem == "fuse" or filesystem.startswith("fuse.")


def _is_image(mount: Mount) -> bool:
    """Return whether a read-only filesystem is an image: on a loop device, or the inside of an AppImage."""
    if mount.device.startswith("/dev/loop"):
        return True
    folder = mount.mountpoint.rpartition("/")[2]
    return _is_fuse(mount.filesystem) and (
        folder.startswith(APP_IMAGE_FOLDER) or APP_IMAGE.fullmatch(mount.filesystem) is not None
    )


def _visible(rows: list[_Row]) -> list[_Row]:
    """Return the rows that can be reached by their mount point, in the order of `rows`.

    A mount hides the one that it is mounted over, and what was mounted below that before.
    """
    numbers = {row.number for row in rows}
    children: dict[str, list[_Row]] = {}
    for row in rows:
        children.setdefault(row.parent if row.parent in numbers else "", []).append(row)
    seen: set[str] = set()
    waiting = children.pop("", [])
    while waiting:
        row = waiting.pop()
        # Removed, so that this ends with a table that goes in circles, too.
        mounted = {
            child.mount.mountpoint: child for child in children.pop(row.number, ()) if child is not row
        }
        over = mounted.get(row.mount.mountpoint)
        if over is not None:
            waiting.append(over)
            continue
        seen.add(row.number)
        waiting += [each for place, each in mounted.items() if not _parents(place) & mounted.keys()]
    return [row for row in rows if row.number in seen]


def _parents(path: str) -> set[str]:
    """Return the folders in which `path` is."""
    parts = path.split("/")
    return {"/".join(parts[:length]) for length in range(1, len(parts))}


def options(host: Host, path: str) -> dict[str, str]:
    """Return the options of what is mounted at `path`, by their names; none where that is not known."""
    lines = host.sensor("/proc/self/mountinfo", 1 << 20).split("\n")
    rows = [line for line in lines if line.split(" ")[4:5] == [path]]
    # The last is on top of the others.
    words = rows[-1].rpartition(" ")[2].split(",") if rows else []
    return {name: value for name, _, value in (word.partition("=") for word in words)}


IN_MEMORY = frozenset({"ramfs", "tmpfs", "rootfs"})
RAM_OVERLAY = re.compile(r"(?:^|\s)(?:boot=overlay|overlayroot=tmpfs)")
"""How the kernel's command line of a Raspberry Pi says that its root filesystem is kept as it is."""


def in_memory(machine: Host, path: str) -> bool:
    """Return whether what is written at `path` is gone after a reboot: tmpfs, or an overlay on one."""
    table = machine.read_or_none("/proc/self/mountinfo")
    rows = [(_row(line), line) for line in table.rstrip("\n").split("\n")] if table else []
    visible = set(_visible([row for row, _ in rows]))
    mounted = {row.mount.mountpoint: (row.mount, line) for row, line in rows if row in visible}
    for _ in range(len(mounted)):
        mount, line = next((mounted[folder] for folder in _upwards(path) if folder in mounted), (None, ""))
        upper = re.search(r"[ ,]upperdir=((?:[^,\\ ]|\\.)+)", line)
        if mount is None or mount.filesystem != "overlay" or upper is None:
            return mount is not None and mount.filesystem in IN_MEMORY
        if RAM_OVERLAY.search(machine.read_or_none("/proc/cmdline") or ""):
            return True
        path = kernel.unescaped(upper[1])
    return False


def _upwards(path: str) -> Iterator[str]:
    """Yield `path`, and the folders in which it lies, the nearest first."""
    while path not in {"", "/"}:
        yield path
        path = path.rpartition("/")[0]
    yield "/"


def _holds_files(mount: Mount) -> bool:
    """Return whether a mount holds files on a device or a server. The root always does."""
    if mount.mountpoint == "/":
        return True
    if mount.filesystem in NO_FILES:
        return False
    return (
        mount.remote
        or _is_fuse(mount.filesystem)
        or mount.filesystem in LOCAL_WITHOUT_DEVICE
        or mount.device.startswith("/dev/")
    )
