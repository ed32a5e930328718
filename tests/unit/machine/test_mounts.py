"""Which rows of mountinfo become filesystems of the answer, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pistat.machine import mounts
from support.file_tree import machine_of

ROOT = "27 1 254:0 / / rw - ext4 /dev/vda rw"


def places(*rows: str) -> list[str]:
    return [each.mountpoint for each in mounts.parse("\n".join(rows) + "\n")]


@pytest.mark.parametrize(
    ("row", "listed"),
    [
        ("40 27 8:1 / /mnt rw - ext4 /dev/sda1 rw", True),
        ("40 27 0:45 / /mnt rw - nfs4 192.0.2.1:/export rw", True),
        ("40 27 0:45 / /mnt rw - cifs //192.0.2.1/share rw", True),
        ("40 27 0:45 / /mnt rw - fuse.sshfs pi@192.0.2.1:/ rw", True),
        ("40 27 0:45 / /mnt rw - fuse hangfs rw", True),
        ("40 27 0:45 / /mnt rw - zfs tank/home rw", True),
        ("40 27 7:1 / /mnt rw - ext4 /dev/loop1 rw", True),
        ("40 27 7:1 / /mnt ro - iso9660 /dev/loop1 ro", False),
        ("40 27 7:1 / /mnt ro - squashfs /dev/loop1 ro", False),
        ("40 27 0:45 / /mnt rw - tmpfs tmpfs rw", False),
        ("40 27 0:45 / /mnt rw - overlay overlay rw", False),
        ("40 27 0:45 / /mnt rw - proc proc rw", False),
        ("40 27 0:45 / /mnt rw - fuse.lxcfs lxcfs rw", False),
        ("40 27 0:45 / /tmp/.mount_x ro - fuse.example.AppImage example.AppImage ro", False),
        ("40 27 0:45 / /home/pi/t/.mount_nvimAbC ro - fuse.nvim nvim ro,user_id=1000", False),
        ("40 27 0:45 / /mnt ro - fuse.app.appimage app.appimage ro", False),
        ("40 27 0:45 / /mnt ro - fuse.dwarfs dwarfs ro", False),
        # Where the kind ends: a read-only filesystem of files is not an image.
        ("40 27 0:45 / /mnt ro - fuse.sshfs pi@192.0.2.1:/ ro", True),
        ("40 27 0:45 / /mnt ro - fuse.archive a.zip ro", True),
    ],
)
def test_listed_is_what_holds_files(row: str, listed: bool) -> None:
    """Files on a device or a server are listed; memory, views and read-only images are not."""
    assert places(ROOT, row) == ["/", *[row.split()[4]] * listed]


def test_the_root_is_always_listed() -> None:
    """Whatever its type, as in a container."""
    assert places("27 1 0:40 / / rw - overlay overlay rw") == ["/"]


def test_a_filesystem_is_listed_once() -> None:
    """Bind mounts and subvolumes have one row, the place nearest to the root, whichever came first."""
    bind = "40 27 8:1 /pi /srv/long/path rw - ext4 /dev/sda1 rw"

    assert places(ROOT, bind, "41 27 8:1 / /data rw - ext4 /dev/sda1 rw") == ["/", "/data"]


@pytest.mark.parametrize(
    "rows",
    [
        # Something was mounted over it, at the same place.
        ["40 27 8:1 / /mnt rw - ext4 /dev/sda1 rw", "41 40 8:2 / /mnt rw - ext4 /dev/sdb1 rw"],
        # Something was mounted over the folder that it lies in.
        ["40 27 8:1 / /mnt/inner rw - ext4 /dev/sda1 rw", "41 27 8:2 / /mnt rw - ext4 /dev/sdb1 rw"],
        # What lies in a hidden one is hidden with it.
        [
            "40 27 0:9 / /mnt rw - tmpfs tmpfs rw",
            "42 40 8:1 / /mnt/deep rw - ext4 /dev/sda1 rw",
            "41 40 8:2 / /mnt rw - ext4 /dev/sdb1 rw",
        ],
    ],
)
def test_what_is_mounted_over_is_not_asked(rows: list[str]) -> None:
    """A hidden filesystem would be given the figures of the one over it."""
    assert places(ROOT, *rows) == ["/", "/mnt"]


def test_a_hidden_place_is_not_the_one_that_stands_for_a_filesystem() -> None:
    """Of a filesystem mounted twice, the place that can be seen is asked."""
    hidden = "40 27 8:1 / /mnt/in rw - ext4 /dev/sda1 rw"
    over = "41 27 8:2 / /mnt rw - ext4 /dev/sdb1 rw"
    other = "42 27 8:1 / /media/longer rw - ext4 /dev/sda1 rw"

    assert places(ROOT, hidden, over, other) == ["/", "/mnt", "/media/longer"]


def test_rows_before_the_root_are_seen() -> None:
    """The kernel may list what lies below the root before the root itself."""
    assert places("40 27 8:1 / /boot rw - vfat /dev/sda1 rw", ROOT) == ["/boot", "/"]


@pytest.mark.parametrize(
    ("row", "read_only"),
    [
        ("27 1 254:0 / / rw - ext4 /dev/vda rw", False),
        ("27 1 254:0 / / ro - ext4 /dev/vda rw", False),  # as in the sandbox of a service
        ("27 1 254:0 / / rw - ext4 /dev/vda ro,errors=remount-ro", True),  # as after an error of the disk
        ("27 1 254:0 / / rw - ext4 /dev/vda rw,errors=remount-ro", False),
    ],
)
def test_read_only_is_what_the_filesystem_is(row: str, read_only: bool) -> None:
    """The flags of the place say what a sandbox may do, those of the filesystem what anybody may."""
    assert [each.read_only for each in mounts.parse(row)] == [read_only]


def test_names_are_what_the_kernel_means() -> None:
    """Blanks, tabs, line ends and backslashes are written as octal; all other characters as they are."""
    [mount] = mounts.parse(r"27 1 8:1 / / rw - ext4 /dev/disk/by-label/a\040b\134c\012\011 rw")

    assert mount.device == "/dev/disk/by-label/a b\\c\n\t"


@pytest.mark.parametrize(
    ("filesystem", "source", "remote"),
    [
        ("fuse.seaweedfs", "host:8888:/", True),
        ("fuse.anything", "nas:/export", True),
        ("fuse.anything", "[2001:db8::1]:/export", True),
        ("fuse", "pi@nas:", True),
        ("fuse.anything", "//nas/share", True),
        ("fuse.anything", "s3://bucket", True),
        ("fuse.rclone", "remote:photos", True),
        ("fuse.gcsfuse", "bucket", True),
        ("fuse.gocryptfs", "/home/pi/cipher", False),
        ("fuse.encfs", "encfs", False),
        ("fuse.mergerfs", "disk1:disk2", False),
        ("fuse.mergerfs", "/mnt/a:/mnt/b", False),
        ("fuse.bindfs", "/srv/a:b", False),
        ("fuseblk", "/dev/sda1", False),
        # Where the kind ends: a name without a server in it may be of either.
        ("fuse.unknown", "bucket", False),
    ],
)
def test_a_server_is_known_by_its_name(filesystem: str, source: str, remote: bool) -> None:
    """A FUSE filesystem is on a server if its type says so, or if its source names one."""
    [mount] = mounts.parse(f"40 1 0:45 / / rw - {filesystem} {source} rw")

    assert mount.remote is remote


@pytest.mark.parametrize(
    ("files", "device"),
    [
        (
            {"sys/dev/block/179:2/uevent": "MAJOR=179\nMINOR=2\nDEVNAME=mmcblk0p2\nDEVTYPE=partition\n"},
            "/dev/mmcblk0p2",
        ),
        ({"sys/dev/block/179:2/uevent": "DEVNAME=mapper/root\n"}, "/dev/mapper/root"),
        ({"sys/dev/block/179:2/uevent": ""}, "/dev/root"),
        # Where the kind ends: btrfs has a number of its own, which leads to no device.
        ({}, "/dev/root"),
    ],
)
def test_the_root_device_has_its_name(tmp_path: Path, files: dict[str, str], device: str) -> None:
    """`/dev/root` of a kernel without an initramfs is the block device of the same numbers."""
    table = "27 1 179:2 / / rw - ext4 /dev/root rw\n"
    machine = machine_of(tmp_path, {"proc/self/mountinfo": table, **files})

    assert [mount.device for mount in mounts.read(machine)] == [device]
