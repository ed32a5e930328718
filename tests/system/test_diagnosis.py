"""Findings of things that are made to happen: the readings are true, only the time runs ahead."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pistat.diagnosis import BY_ID
from pistat.diagnosis.report import Diagnosis
from pistat.machine.machine import Machine
from pistat.monitor.monitor import Monitor
from support import dead_mount, namespaces, stepped_clock
from support.daemon import Daemon
from support.dead_mount import DeadMount
from support.firmware import mailbox_standin
from support.firmware.mailbox_standin import StandIn
from support.need import Need
from support.waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

SIZE = 24 << 20
"""Bytes of the filesystem that is filled."""


class Watch:
    """Judge one finding of this machine.

    Each sample is a true reading. The boot clock that is given with it goes on by half a minute a sample.
    """

    def __init__(self, finding: str, subject: str = "") -> None:
        self.finding, self.subject = finding, subject
        self._machine = Machine()
        self._monitor = Monitor(self._machine, 0.0)
        self._keys = tuple(sorted(BY_ID[finding].keys))
        self._diagnosis = Diagnosis(self._monitor, self._machine, recording=True)
        self._now = self._machine.uptime()

    def sample(self, seconds: float = 0.0) -> str | None:
        """Take samples for some time; how severe the finding is then, None if there is none."""
        end = self._now + seconds
        while self._now <= end:
            values = self._monitor.answer(self._keys, fresh=True).values
            self._diagnosis.take(self._now, self._machine.time() + self._now - self._machine.uptime(), values)
            self._now += max(30.0, seconds / 100)
        found = [
            row["severity"]
            for row in self._diagnosis.document()["findings"]
            if row["id"] == self.finding and (row["subject"] or "") == self.subject
        ]
        return found[0] if found else None


Disk = Callable[..., Path]


def _end_threads() -> None:
    """Have the threads end that a watch has left, which hold the namespace that they were begun in."""
    gc.collect()


@pytest.fixture
def disk(need: Need, tmp_path: Path) -> Iterator[Disk]:
    """A file with an ext4 in it, mounted where only this process sees it."""
    need(namespaces.possible(), "root", installed=False)

    def make(*options: str) -> Path:
        image, place = tmp_path / "image", tmp_path / "disk"
        place.mkdir()
        with image.open("wb") as file:
            file.truncate(SIZE)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-m", "0", *options, str(image)], check=True)
        mounted = subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=False)
        need(mounted.returncode == 0, "loop devices", installed=False)
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


def _source(place: Path) -> str:
    found = subprocess.run(
        ["findmnt", "-no", "SOURCE", str(place)], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def test_a_mount_that_hangs_and_comes_back(need: Need, tmp_path: Path) -> None:
    need(dead_mount.possible(), "root and /dev/fuse")
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


def test_a_program_that_the_kernel_ends_for_want_of_memory(need: Need) -> None:
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
        need(False, "a cgroup with a limit of memory", installed=False)
    try:
        watch = Watch("memory.oom")
        before = watch.sample()
        need(before is None, "a day without such an end", installed=False)
        command = [sys.executable, "-c", GLUTTON, str(group / "cgroup.procs")]
        assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
        assert watch.sample() == "warning"
        assert watch.sample(25 * 3600) is None
    finally:
        group.rmdir()


def test_a_weak_supply_by_the_firmware(need: Need, tmp_path: Path, start: Callable[..., Daemon]) -> None:
    """The bits of a firmware come through the device and the recorder to the watchdog and /events."""
    need(mailbox_standin.possible(), "gcc on Linux")
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


def test_a_clock_that_is_stepped(need: Need, tmp_path: Path, start: Callable[..., Daemon]) -> None:
    """Through the daemon and its recorder: the jump is a finding, and an event."""
    need(stepped_clock.possible(), "a C compiler")
    clock = stepped_clock.WallClock(tmp_path)
    daemon = start(PISTAT_HISTORY_SECONDS="5", PISTAT_RATE_LIMIT_ENABLED="no", **clock.environment())
    need(daemon.json("/health")["uptime"] > 1300, "20 minutes since boot", installed=False)
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
