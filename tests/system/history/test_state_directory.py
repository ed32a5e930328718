"""What is saved by a true daemon, on true filesystems that are full, read-only, in memory, or hang."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pistat.diagnosis.events import FILE as EVENTS_FILE
from pistat.diagnosis.events import Event, Events
from pistat.history.archive import FILE
from pistat.history.storage import VARIABLE
from pistat.machine.machine import Machine
from support import namespaces
from support.daemon import Daemon
from support.history.loop_disk import ext4, fill
from support.history.simulated_machine import BOOT_ID, WALL, Run, SimulatedMachine
from support.require import Require
from support.waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

FAST = str(Path(__file__).parents[2] / "support/daemons/fast_clock.py")

FACTOR = 1200
"""How many times as fast the time of the history goes: it is saved every three seconds."""

PATIENCE = 120.0
"""Seconds for what takes three on a machine that does nothing else."""

Fast = Callable[[Path], Daemon]


@pytest.fixture
def fast() -> Iterator[Fast]:
    """Start daemons whose hour is short, with a state directory."""
    started: list[Daemon] = []

    def start(folder: Path) -> Daemon:
        settings = {
            VARIABLE: str(folder),
            "FACTOR": str(FACTOR),
            "PISTAT_HISTORY_SECONDS": "300",
            "PISTAT_RATE_LIMIT_ENABLED": "no",
        }
        started.append(Daemon(settings, [sys.executable, FAST]))
        started[-1].wait_until_ready()
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def disk(require: Require, tmp_path: Path) -> Iterator[Path]:
    """A small filesystem of our own."""
    require(namespaces.possible(), "root", installed=False)
    with namespaces.own_mounts(), ext4(require, tmp_path) as place:
        yield place


def saved(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = daemon.json("/capabilities")["history"]
    return found


def said(daemon: Daemon) -> list[str]:
    """What the log says of the history."""
    return [line for line in daemon.log().splitlines() if "history" in line]


def points(daemon: Daemon, range_name: str = "14d") -> list[float]:
    """The points that there are of the load average."""
    series = daemon.json(f"/history?range={range_name}&metrics=load_1")["series"]["load_1"]
    return [value for value in series["mean"] if value is not None]


def grows(file: Path) -> bool:
    """Whether something is appended to a file."""
    before = file.stat().st_size if file.exists() else 0
    return eventually(lambda: file.exists() and file.stat().st_size > before, PATIENCE)


# Restarts


def test_a_daemon_that_is_stopped_loses_nothing(fast: Fast, tmp_path: Path) -> None:
    """One that is killed loses what was not saved yet, and nothing else."""
    first = fast(tmp_path)
    assert eventually(lambda: len(points(first)) >= 5, PATIENCE)
    before = points(first)
    assert first.stop() == 0
    second = fast(tmp_path)
    assert eventually(lambda: len(points(second)) >= len(before), PATIENCE)
    assert grows(tmp_path / FILE)
    assert second.stop(signal.SIGKILL) == -signal.SIGKILL
    third = fast(tmp_path)
    assert eventually(lambda: len(points(third)) >= len(before), PATIENCE)
    assert not (tmp_path / f"{FILE}.unusable").exists()
    assert said(third) == []


def earlier(tmp_path: Path, state: Path) -> int:
    """Have a daemon have run on this machine before its boot; how many points of ten minutes it left."""
    machine = SimulatedMachine(tmp_path / "before", Machine().word("/etc/machine-id") or "")
    Path(machine.path(f"/{BOOT_ID}")).write_text("another\n")
    machine.wrong = Machine().boot_time() - WALL - 3 * 3600.0 - 60.0
    run = Run(machine, state)
    run.play(3 * 3600.0, lambda _: {"load_avg": [1234.5, 0, 0]})
    run.archive.close()
    return len(run.points("load_1", "14d"))


def test_what_was_before_the_boot_is_there(
    require: Require, tmp_path: Path, start: Callable[..., Daemon]
) -> None:
    """From the first sample on, beside the line of the reboot."""
    require(Machine().uptime() < 13 * 86400, "a machine that was booted within 13 days", installed=False)
    number = earlier(tmp_path, tmp_path / "state")
    daemon = start(**{VARIABLE: str(tmp_path / "state"), "PISTAT_RATE_LIMIT_ENABLED": "no"})
    assert eventually(lambda: points(daemon).count(1234) + points(daemon).count(1235) >= number, PATIENCE)
    boots = daemon.json("/history?range=14d")["boots"]
    assert boots[-1] == pytest.approx(Machine().boot_time(), abs=2.0)
    assert boots[-2] == pytest.approx(Machine().boot_time() - 3 * 3600.0 - 60.0, abs=2.0)


def test_two_daemons_with_one_directory(fast: Fast, tmp_path: Path) -> None:
    """Nobody means to do so; both answer, both end in good order, and the file is whole."""
    daemons = [fast(tmp_path), fast(tmp_path)]
    assert grows(tmp_path / FILE)
    assert grows(tmp_path / FILE)
    assert [each.stop() for each in daemons] == [0, 0]
    assert [said(each) for each in daemons] == [[], []]
    third = fast(tmp_path)
    assert eventually(lambda: len(points(third)) >= 6, PATIENCE)
    assert said(third) == []


# Where nothing can be saved


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "STATE_DIRECTORY is not set: systemd sets it for a unit with StateDirectory=pi-stat."),
        ({VARIABLE: "/nowhere"}, '"/nowhere" is not a directory.'),
        ({VARIABLE: "/proc"}, None),
    ],
)
def test_a_directory_that_is_absent_stops_no_start(
    start: Callable[..., Daemon], settings: dict[str, str], reason: str | None
) -> None:
    """The history is in memory, /capabilities says why, and the log has one line at most."""
    daemon = start(PISTAT_RATE_LIMIT_ENABLED="no", **settings)
    assert daemon.json("/stats")["uptime"] > 0
    assert eventually(lambda: not saved(daemon)["saved"], PATIENCE)
    assert reason in {None, saved(daemon)["detail"]}
    assert len(said(daemon)) <= 1
    assert daemon.stop() == 0


def test_nothing_is_written_to_memory(require: Require, fast: Fast, tmp_path: Path) -> None:
    """As on a Pi whose root is an overlay on tmpfs: what is written there is gone after a reboot."""
    require(namespaces.possible(), "root", installed=False)
    with namespaces.own_mounts():
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], check=True)
        daemon = fast(tmp_path)
        assert saved(daemon) == {
            "saved": False,
            "detail": f'"{tmp_path}" lies in memory, on tmpfs or on an overlay over it.',
        }
        assert daemon.stop() == 0
        assert list(tmp_path.iterdir()) == []
        assert said(daemon) == []
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_disk_that_cannot_be_written_to(fast: Fast, disk: Path) -> None:
    """From the start on, nothing is tried; if it becomes so, that is one line, and one when it is over."""
    first = fast(disk)
    assert grows(disk / FILE)
    # Not while it is just being written to.
    remount = ["mount", "-o", "remount,ro", str(disk)]
    assert eventually(lambda: subprocess.run(remount, check=False).returncode == 0)
    assert eventually(lambda: not saved(first)["saved"], PATIENCE)
    second = fast(disk)
    assert saved(second) == {"saved": False, "detail": f'"{disk}" cannot be written to.'}
    assert [first.stop(), second.stop()] == [0, 0]
    assert len(said(first)) == 1
    assert "Read-only file system" in said(first)[0]
    assert said(second) == []


def test_a_disk_that_is_full(fast: Fast, disk: Path) -> None:
    """One line while it is, one when there is room again, and then nothing is missing."""
    daemon = fast(disk)
    assert grows(disk / FILE)
    large = fill(disk)
    assert eventually(lambda: not saved(daemon)["saved"], PATIENCE)
    count = len(points(daemon))
    assert eventually(lambda: len(points(daemon)) >= count + 6, PATIENCE)
    assert len(said(daemon)) == 1
    assert "No space left on device" in said(daemon)[0]
    large.unlink()
    assert eventually(lambda: saved(daemon)["saved"], PATIENCE)
    assert daemon.stop() == 0
    assert len(said(daemon)) == 2
    again = fast(disk)
    assert eventually(lambda: len(points(again)) >= count + 6, PATIENCE)


@contextmanager
def frozen(place: Path) -> Iterator[None]:
    """Have every write to a filesystem hang, as to a card that is about to die."""
    subprocess.run(["fsfreeze", "-f", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "-u", str(place)], check=True)


def test_a_disk_that_hangs_while_it_is_written_to(fast: Fast, disk: Path) -> None:
    """Requests are answered as ever, samples go on, and the log has one line."""
    daemon = fast(disk)
    assert grows(disk / FILE)
    with frozen(disk):
        assert eventually(lambda: not saved(daemon)["saved"], PATIENCE)
        count = len(points(daemon))
        slow = 0
        for _ in range(20):
            began = time.monotonic()
            assert "errors" not in daemon.json("/stats?cache=false")
            slow += time.monotonic() - began > 2.0
        assert slow <= 10
        assert eventually(lambda: len(points(daemon)) >= count + 6, PATIENCE)
        assert len(said(daemon)) == 1
        assert "no answer within 5.0 s" in said(daemon)[0]
    assert eventually(lambda: saved(daemon)["saved"], PATIENCE)
    assert daemon.stop() == 0
    assert len(said(daemon)) == 2


def test_a_disk_that_hangs_holds_up_no_end(fast: Fast, disk: Path) -> None:
    """The daemon has done what it can in two seconds; only the kernel keeps what hangs in it."""
    daemon = fast(disk)
    assert grows(disk / FILE)
    with frozen(disk):
        daemon.process.send_signal(signal.SIGTERM)
        status = Path(f"/proc/{daemon.pid}/status")
        assert eventually(lambda: "\nState:\tZ" in status.read_text(), PATIENCE)
    assert daemon.process.wait(20) == 0


# Wear


def sync(place: Path) -> None:
    """Have a filesystem write everything, as it does by itself within half a minute."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        namespaces.call(namespaces.libc.syncfs(descriptor))
    finally:
        os.close(descriptor)


def written(place: Path) -> int:
    """The kilobytes that have reached the device of a filesystem, its journal included."""
    sync(place)
    device = subprocess.run(
        ["findmnt", "-no", "SOURCE", str(place)], capture_output=True, text=True, check=True
    ).stdout.strip()
    return int(Path(f"/sys/fs/ext4/{Path(device).name}/session_write_kbytes").read_text())


def days(machine: SimulatedMachine, place: Path, number: int) -> list[int]:
    """Days with all series, each of noise, and with a power supply that fails every minute: bytes by day."""
    run = Run(machine, place)
    chance = random.Random(1)
    run.history._value = lambda metric, sample: chance.expovariate(1.0)  # type: ignore[method-assign]
    events = Events(run.state, "boot")
    events.open(machine.uptime(), machine.time())
    found = []
    for _ in range(number):
        before = written(place)
        for minute in range(24 * 60):
            run.play(60.0, lambda _: {})
            now, wall = machine.uptime(), machine.time()
            for state in ("begin", "end"):
                events.add(
                    Event(now, wall, "power.under_voltage", "", state, "critical", "The power supply is weak")
                )
            events.save_if_due(now, wall)
            if minute % 10 == 9:
                sync(place)
        found.append((written(place) - before) * 1024)
    return found


def test_a_day_writes_less_than_a_megabyte(disk: Path, tmp_path: Path) -> None:
    """Each of some bad days, on the device, with its journal, and with the files that are full and begun."""
    found = days(SimulatedMachine(tmp_path / "root"), disk, 3)
    assert len(list(disk.glob(f"{FILE}*"))) > 2
    assert len(list(disk.glob(f"{EVENTS_FILE}*"))) == 2
    # The threads that have written hold the mounts.
    gc.collect()
    assert max(found) < 1_000_000, found
