"""Findings of things that are made to happen: the readings are true, only the time runs ahead."""

from __future__ import annotations

import ctypes
import fcntl
import gc
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from support import dead_mount, namespaces, stepped_clock
from support.daemon import Daemon
from support.dead_mount import DeadMount
from support.diagnosis.watch import Watch
from support.firmware import mailbox_standin
from support.firmware.mailbox_standin import StandIn
from support.require import Require
from support.waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

SIZE = 24 << 20
"""Bytes of the filesystem that is filled."""


Disk = Callable[..., Path]


def _rename(device: Path, place: Path) -> None:
    """Mount by the name of a disk what is mounted from a loop device: a read-only image is no disk."""
    loop = Path(_source(place))
    os.mknod(device, 0o600 | stat.S_IFBLK, loop.stat().st_rdev)
    with loop.open("rb"):
        # As long as somebody has it open, the loop device stays.
        subprocess.run(["umount", str(place)], check=True)
        subprocess.run(["mount", str(device), str(place)], check=True)


def _end_threads() -> None:
    """Have the threads end that a watch has left, which hold the namespace that they were begun in."""
    gc.collect()


@pytest.fixture
def disk(require: Require, tmp_path: Path) -> Iterator[Disk]:
    """A file with an ext4 in it, mounted where only this process sees it."""
    require(namespaces.possible(), "root", installed=False)

    def make(*options: str, name: str = "") -> Path:
        image, place = tmp_path / "image", tmp_path / "disk"
        place.mkdir()
        with image.open("wb") as file:
            file.truncate(SIZE)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-m", "0", *options, str(image)], check=True)
        mounted = subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=False)
        require(mounted.returncode == 0, "loop devices", installed=False)
        if name:
            # Only what lies in /dev is taken for a disk.
            subprocess.run(["mount", "--bind", str(tmp_path), "/dev/shm"], check=True)
            _rename(Path("/dev/shm") / name, place)
        return place

    with namespaces.own_mounts():
        yield make
        _end_threads()
        subprocess.run(["umount", "-l", str(tmp_path / "disk")], check=False)


def test_a_filesystem_that_is_filled_and_cleared(disk: Disk) -> None:
    """Nearly full it is critical, after a minute; with room again it ends."""
    place = disk()
    watch = Watch("disk.full", str(place))
    assert watch.sample(120) is None

    file = place / "large"
    with suppress(OSError), file.open("wb", buffering=0) as large:
        while True:
            large.write(bytes(1 << 16))
    assert watch.sample(120) == "critical"

    file.unlink()
    assert watch.sample(120) is None


def test_a_filesystem_whose_inodes_are_used_up(disk: Disk) -> None:
    place = disk("-N", "128")
    watch = Watch("disk.inodes", str(place))
    assert watch.sample(1000) is None

    with suppress(OSError):
        for number in range(1000):
            (place / str(number)).touch()
    assert watch.sample(800) is None
    assert watch.sample(200) == "warning"

    for file in place.iterdir():
        if file.is_file():
            file.unlink()
    assert watch.sample(120) is None


def _fstab(tmp_path: Path, place: Path, options: str) -> None:
    """Have /etc/fstab name a filesystem, for this process."""
    table = tmp_path / "fstab"
    table.write_text(f"/dev/loop0 {place} ext4 {options} 0 2\n")
    subprocess.run(["mount", "--bind", str(table), "/etc/fstab"], check=True)


def test_a_filesystem_that_gives_up_after_an_error(disk: Disk, tmp_path: Path) -> None:
    """The kernel makes it read-only by itself when something in it is damaged."""
    place = disk("-e", "remount-ro")
    device = Path(_source(place)).name
    _fstab(tmp_path, place, "errors=remount-ro")
    watch = Watch("disk.read_only", str(place))
    assert watch.sample() is None

    Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("made by a test\n")
    assert watch.sample() == "warning"


def test_a_filesystem_that_is_made_read_only_and_writable_again(disk: Disk, tmp_path: Path) -> None:
    """By hand, against what /etc/fstab says; where that wants it read-only, it is well."""
    place = disk(name="sdy1")
    _fstab(tmp_path, place, "defaults")
    watch, by_design = (Watch("disk.read_only", str(place)) for _ in range(2))
    assert watch.sample() is None

    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    assert watch.sample() == "warning"
    (tmp_path / "fstab").write_text(f"/dev/loop0 {place} ext4 ro 0 2\n")
    assert by_design.sample(300) is None
    (tmp_path / "fstab").write_text(f"/dev/loop0 {place} ext4 defaults 0 2\n")

    subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
    assert watch.sample(120) is None


def _source(place: Path) -> str:
    found = subprocess.run(
        ["findmnt", "-no", "SOURCE", str(place)], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def test_a_mount_that_hangs_and_comes_back(require: Require, tmp_path: Path) -> None:
    require(dead_mount.possible(), "root and /dev/fuse")
    with namespaces.own_mounts():
        _hang_and_come_back(tmp_path)
        _end_threads()


def _hang_and_come_back(tmp_path: Path) -> None:
    mount = DeadMount(tmp_path / "dead")
    watch = Watch("disk.silent", mount.path)
    assert watch.sample(60) is None
    assert watch.sample(300) == "warning"

    mount.revive()
    assert eventually(lambda: watch.sample(30) is None, 30)
    mount.unmount()


GLUTTON = """
import sys
open(sys.argv[1], "w").write("0")
taken = bytearray()
while True:
    taken += bytes(1 << 20)
"""


def test_a_program_that_the_kernel_ends_for_want_of_memory(require: Require) -> None:
    """It has a group of its own whose memory is limited, and takes more."""
    root = Path("/sys/fs/cgroup")
    old = (root / "memory").is_dir()
    group = (root / "memory" if old else root) / f"pi-stat-test-{os.getpid()}"
    limit = "memory.limit_in_bytes" if old else "memory.max"
    try:
        group.mkdir()
        (group / limit).write_text(str(48 << 20))
        if not old:
            (group / "memory.swap.max").write_text("0")
    except OSError:
        require(False, "a cgroup with a limit of memory", installed=False)
    try:
        watch = Watch("memory.oom")
        before = watch.sample()
        require(before is None, "a day without such an end", installed=False)
        command = [sys.executable, "-c", GLUTTON, str(group / "cgroup.procs")]
        assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
        assert watch.sample() == "warning"
        assert watch.sample(25 * 3600) is None
    finally:
        group.rmdir()


@pytest.fixture
def network(require: Require) -> Iterator[None]:
    """A network of our own, without any interface but the loopback."""
    require(namespaces.possible(), "root", installed=False)
    with namespaces.own_network():
        yield
        _end_threads()


VXLAN = 4789
FRAME = bytes.fromhex("020000000001 020000000002 0800")
"""The beginning of an Ethernet frame with IPv4 in it."""

PACKET = FRAME + bytes.fromhex("45000014 00000000 40010000 0a000001 0a000002")
TORN = FRAME + bytes.fromhex("4500")


def test_an_interface_whose_packets_are_damaged(require: Require, network: None) -> None:
    """A tunnel that gets whole packets and torn ones: from 1 % on it begins, and later it ends."""
    made = "ip link add eth7 type vxlan id 7 local 127.0.0.1 remote 127.0.0.1 dev lo dstport 4789"
    require(subprocess.run(made.split(), check=False).returncode == 0, "VXLAN in the kernel", installed=False)
    subprocess.run(["ip", "link", "set", "eth7", "up"], check=True)
    watch = Watch("network.errors", "eth7")

    def receive(whole: int, torn: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for packet in [PACKET] * whole + [TORN] * torn:
                sender.sendto(bytes.fromhex("0800000000000700") + packet, ("127.0.0.1", VXLAN))
        watch.sample()

    for _ in range(40):
        receive(50, 0)
    assert watch.row() is None
    for _ in range(41):
        receive(50, 2)
    row = watch.row()
    assert row is not None
    assert row["evidence"]["network.eth7.errin"] >= 80
    for _ in range(41):
        receive(50, 0)
    assert watch.row() is None


TUNSETIFF, SIOCETHTOOL = 0x400454CA, 0x8946
IFF_TAP = 0x1002
ETHTOOL_SSET = 2


def test_a_link_that_is_slow(require: Require, network: None) -> None:
    """An interface that runs at 10 Mbit/s; it ends when its link does."""
    try:
        device = os.open("/dev/net/tun", os.O_RDWR)
    except OSError:
        require(False, "/dev/net/tun", installed=False)
    try:
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"eth9", IFF_TAP))
        watch = Watch("network.slow_link", "eth9")
        assert watch.sample(60) is None
        _set_speed("eth9", 10)
        subprocess.run(["ip", "link", "set", "eth9", "up"], check=True)
        assert watch.sample(240) is None
        assert watch.sample(120) == "info"
        row = watch.row()
        assert row is not None
        assert row["title"] == "The network cable runs at only 10 Mbit/s"

        subprocess.run(["ip", "link", "set", "eth9", "down"], check=True)
        assert watch.sample(120) is None
    finally:
        os.close(device)


def _set_speed(interface: str, speed: int) -> None:
    """Have the driver of an interface say that it runs at so many Mbit/s."""
    wanted = ctypes.create_string_buffer(struct.pack("=IIIHB25x", ETHTOOL_SSET, 0, 0, speed, 1), 44)
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(wanted))
    with socket.socket() as asking:
        fcntl.ioctl(asking, SIOCETHTOOL, request)


def test_a_weak_supply_by_the_firmware(
    require: Require, tmp_path: Path, start: Callable[..., Daemon]
) -> None:
    """The bits of a firmware come through the device and the recorder to the watchdog and /events."""
    require(mailbox_standin.possible(), "gcc on Linux")
    device = StandIn(tmp_path / "lab", mailbox_standin.build(tmp_path))
    device.node()
    device.replies({"get_throttled": "throttled=0x50005"})
    daemon = start(PISTAT_HISTORY_SECONDS="5", PISTAT_RATE_LIMIT_ENABLED="no", **device.environment)

    def found() -> set[str]:
        return {each["id"] for each in daemon.json("/events")["events"] if each["state"] == "begin"}

    assert eventually(lambda: "power.under_voltage_since_boot" in found(), 30)
    assert daemon.get("/diagnosis?fail=warning").status == 503
    assert "power.under_voltage" in found()

    device.replies({"get_throttled": "throttled=0x50000"})
    assert eventually(lambda: "power.under_voltage" not in _lasting(daemon), 120)
    assert "power.under_voltage_since_boot" in _lasting(daemon)


def _lasting(daemon: Daemon) -> set[str]:
    return {each["id"] for each in daemon.json("/diagnosis")["findings"]}


def test_a_clock_that_is_stepped(require: Require, tmp_path: Path, start: Callable[..., Daemon]) -> None:
    """Through the daemon and its recorder: the jump is a finding, and an event."""
    require(stepped_clock.possible(), "a C compiler")
    clock = stepped_clock.WallClock(tmp_path)
    daemon = start(PISTAT_HISTORY_SECONDS="5", PISTAT_RATE_LIMIT_ENABLED="no", **clock.environment())
    require(daemon.json("/health")["uptime"] > 1300, "20 minutes since boot", installed=False)
    assert eventually(lambda: "time.stepped" in daemon.json("/diagnosis")["checked"], 30)

    clock.step(3 * 3600)

    def found() -> dict[str, Any] | None:
        rows = daemon.json("/diagnosis")["findings"]
        return next((each for each in rows if each["id"] == "time.stepped"), None)

    assert eventually(lambda: found() is not None, 30)
    row = found()
    assert row is not None
    assert row["title"] == "The clock jumped 3 hours ahead"
    assert "time.stepped" in {each["id"] for each in daemon.json("/events")["events"]}


def test_a_daemon_that_is_killed_and_started_again(tmp_path: Path, start: Callable[..., Daemon]) -> None:
    """Within one session of the kernel that is a restart, and no power cut."""
    settings = {
        "PISTAT_HISTORY_SECONDS": "5",
        "PISTAT_RATE_LIMIT_ENABLED": "no",
        "STATE_DIRECTORY": str(tmp_path),
    }
    first = start(**settings)
    assert eventually((tmp_path / "session.json").exists, 30)
    first.stop(signal.SIGKILL)

    second = start(**settings)

    def events() -> list[str]:
        return [f"{each['id']}: {each['title']}" for each in second.json("/events")["events"]]

    assert eventually(lambda: "daemon: pi-stat was restarted" in events(), 30)
    assert not [each for each in events() if "without a shutdown" in each]
