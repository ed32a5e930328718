"""Pieces that several boards share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from boards.build.parts import Addresses, Disk, Interface, Mount, Process, Usb

USERS = {0: "root", 33: "www-data", 1000: "pi"}
EXT4 = "rw,errors=remount-ro"
VFAT = "rw,fmask=0022,dmask=0022,codepage=437,iocharset=ascii,shortname=mixed,errors=remount-ro"
FIVE_GHZ = (5_180, 433_300_000)
"""Channel 36 in MHz, and the bits a second of one antenna with 80 MHz."""

BOOT = "/boot/firmware"
BOOT_SIZE = (535805952, 66764800, 469041152)

# Network


def ethernet(name: str, number: int) -> Addresses:
    """The addresses of an interface that is connected."""
    return (
        (f"192.0.2.{number}", "255.255.255.0"),
        (f"2001:db8::{number}", "ffff:ffff:ffff:ffff::"),
        (f"fe80::200:5eff:fe00:53{number}%{name}", "ffff:ffff:ffff:ffff::"),
    )


def mac(number: int) -> str:
    """A hardware address of the range for documentation."""
    return f"00:00:5e:00:53:{number:02}"


def loopback(count: int) -> Interface:
    """`lo`, with as much traffic in as out."""
    traffic = (count * 150, count, 0, 0)
    addresses = (("127.0.0.1", "255.0.0.0"), ("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
    none = "00:00:00:00:00:00"
    return Interface("lo", none, traffic, traffic, addresses, state="unknown", mtu=65536, flags=0x9)


def wired(name: str, number: int, speed: int | None = 1000, **more: Any) -> Interface:
    """An interface with a cable; `number` is in its addresses and in what it has carried."""
    return _connected(name, number, {"speed": speed, **more})


def wifi(name: str, number: int, signal: int, how: str = "wext", **more: Any) -> Interface:
    """A wireless interface that is associated, and of whose signal the kernel tells by `how`."""
    return _connected(name, number, {"wireless": how, "signal": signal, **more})


def _connected(name: str, number: int, more: Mapping[str, Any]) -> Interface:
    carried: dict[str, Any] = {
        "received": (number * 1_204_118, number * 2_134, 0, number % 7),
        "sent": (number * 204_118, number * 1_022, 0, 0),
        "addresses": ethernet(name, number),
    }
    return Interface(name, mac(number), **carried | dict(more))


# Storage


class Storage(NamedTuple):
    """A disk that the machine has started from, and what is mounted."""

    mounts: tuple[Mount, ...]
    disks: tuple[Disk, ...]


def system_disk(
    name: str,
    number: str,
    sectors: int,
    marks: Mapping[str, object],
    *,
    root: Mount | None = None,
    boot: str = BOOT,
    **more: Any,
) -> Storage:
    """A disk with the two partitions of a Raspberry Pi; `root`, if given, is how the second is mounted."""
    major, minor = map(int, number.split(":"))
    stem = name if name[-1].isalpha() else f"{name}p"
    start, system = ((f"{major}:{minor + part}", f"{stem}{part}") for part in (1, 2))
    facts: dict[str, Any] = {
        "reads": (sectors // 3000, sectors // 40, sectors // 500),
        "writes": (sectors // 5000, sectors // 70, sectors // 300),
        "parts": ((*start, 2), (*system, 98)),
        "marks": marks,
    }
    mounts = (
        root or ext4(system[0], f"/dev/{system[1]}", sectors),
        *kernel_mounts(),
        Mount(start[0], boot, "vfat", f"/dev/{start[1]}", BOOT_SIZE, extra=VFAT),
    )
    return Storage(mounts, (Disk(number, name, sectors, **facts | more),))


def ext4(number: str, device: str, sectors: int, **more: Any) -> Mount:
    """The root filesystem on a partition of a disk of `sectors`, a fifth of it used."""
    total = sectors // 8 * 96 // 100 * 4096
    used = total // 20480 * 4096
    size = (total, used, total - used - total // 81920 * 4096)
    facts: dict[str, Any] = {"point": "/", "size": size, "options": "rw,noatime", "extra": EXT4}
    return Mount(device=number, kind="ext4", source=device, **facts | more)


def sd_card(name: str = "SC32G", maker: str = "0x000003", made: str = "08/2021") -> dict[str, object]:
    """What a card says of itself: it has no record of its wear."""
    return {
        "device/type": "SD",
        "device/name": name,
        "device/manfid": maker,
        "device/date": made,
        "removable": "0",
    }


def emmc(name: str, maker: str, made: str, wear: str, spare: str) -> dict[str, object]:
    """What a soldered chip says of itself: also its wear and the state of its spare blocks."""
    return sd_card(name, maker, made) | {
        "device/type": "MMC",
        "device/life_time": wear,
        "device/pre_eol_info": spare,
    }


def kernel_mounts() -> tuple[Mount, ...]:
    """What systemd mounts on every machine: none of it holds files."""
    rows = """
        0:21 /sys sysfs sysfs rw,nosuid,nodev,noexec,relatime rw
        0:22 /proc proc proc rw,nosuid,nodev,noexec,relatime rw
        0:5 /dev devtmpfs udev rw,nosuid,relatime rw,size=378308k,mode=755
        0:23 /dev/pts devpts devpts rw,nosuid,noexec,relatime rw,gid=5,mode=620
        0:24 /run tmpfs tmpfs rw,nosuid,nodev,relatime rw,size=92820k,mode=755
        0:25 /dev/shm tmpfs tmpfs rw,nosuid,nodev rw
        0:26 /run/lock tmpfs tmpfs rw,nosuid,nodev,noexec,relatime rw,size=5120k
        0:27 /sys/fs/cgroup cgroup2 cgroup2 rw,nosuid,nodev,noexec,relatime rw,nsdelegate
        0:28 /sys/fs/bpf bpf bpf rw,nosuid,nodev,noexec,relatime rw,mode=700
        0:29 /proc/sys/fs/binfmt_misc autofs systemd-1 rw,relatime rw,fd=29,pgrp=1,timeout=0,direct
        0:7 /sys/kernel/debug debugfs debugfs rw,nosuid,nodev,noexec,relatime rw
        0:30 /sys/fs/fuse/connections fusectl fusectl rw,nosuid,nodev,noexec,relatime rw
        0:31 /run/user/1000 tmpfs tmpfs rw,relatime rw,size=92816k,mode=700,uid=1000,gid=1000
    """
    found = [row.split() for row in rows.strip().splitlines()]
    return tuple(
        Mount(number, point, kind, source, options=options, extra=extra)
        for number, point, kind, source, options, extra in found
    )


def memory_disks(*names: str) -> tuple[Disk, ...]:
    """Unused devices of the kernel: ramN, loopN."""
    return tuple(
        Disk(f"1:{name[3:]}", name, 8192) if name.startswith("ram") else Disk(f"7:{name[4:]}", name, 0)
        for name in names
    )


# Processes and USB


def few(python: int = 3, *, start: float = 20.5, rss: int = 40_960) -> tuple[Process, ...]:
    """The fewest processes that tell something: init, a thread of the kernel, and one that is busy."""
    return (
        Process(1, b"systemd", used=1023, start=0.02, rss=9_216, parent=0),
        Process(2, b"kthreadd", used=3, start=0.02, parent=0),
        Process(702, b"python3", python, 1000, start, 30_000, rss, "R" if python else "S"),
    )


def household(
    python: int, journal: int = 0, threads: int = 1, rss: int = 48_128, start: float = 61.5
) -> tuple[Process, ...]:
    """The processes of a board: awkward ones, and one that is `python` percent busy."""
    return (
        Process(1, b"systemd", used=1123, start=0.02, rss=11_520, parent=0),
        Process(2, b"kthreadd", used=5, start=0.02, parent=0),
        Process(37, b"kworker/0:1H-kblockd", used=86, start=0.94, state="I", parent=2),
        Process(231, b"systemd-journal", cpu=journal, used=2048, start=3.77, rss=16_384),
        Process(687, b"my ) R 1 1 ( x", uid=33, used=77, start=12.5, rss=4_096),
        Process(801, b"caf\xe9 \xff", uid=33, used=12, start=13.25, rss=2_048),
        Process(1234, b"python3", python, 1000, start, 90_000, rss, "R" if python else "S", threads=threads),
        Process(2048, b"sh", uid=1000, used=2, start=start + 8.5, state="Z", parent=1234),
        Process(3000, b"orphan", uid=4711, used=9, start=80.01, rss=1_024),
    )


def usb_roots(count: int) -> tuple[Usb, ...]:
    """So many root hubs."""
    return tuple(Usb(f"usb{number}", "09", ("09",)) for number in range(1, count + 1))
