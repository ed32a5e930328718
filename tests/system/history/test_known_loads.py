"""Loads of a known size give curves of that size in each tier: true ones, in a time that runs ahead."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support import namespaces
from support.daemon import Daemon
from support.require import Require
from support.waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

FAST = str(Path(__file__).parents[2] / "support/daemons/fast_clock.py")

FACTOR = 60
"""How many times as fast the time of the history goes: ten minutes are ten seconds."""

TIERS = {"1h": 30, "24h": 60, "14d": 600}
"""A range of each tier, and its step with samples of 30 seconds."""

NEAR = 0.05
"""The share by which a curve may be off."""

TRIES = 4
"""A machine that does much else can keep a sample from its moment, which is not the claim."""

WRITTEN = 192 << 20
SENT = 16 << 20
BUSY = 3.0

VIRTUAL = ("loop", "ram", "zram", "dm-", "md", "nbd")


def written() -> float:
    """The bytes that were written to the disks."""
    names = {name for name in os.listdir("/sys/block") if not name.startswith(VIRTUAL)}
    rows = [line.split() for line in Path("/proc/diskstats").read_text().splitlines()]
    return sum(float(row[9]) * 512 for row in rows if row[2] in names)


def sent() -> float:
    """The bytes that went into the one interface that there is."""
    return float(Path("/sys/class/net/one/statistics/tx_bytes").read_text())


def busy() -> float:
    """The seconds in which a core had something to do."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq + times.steal


COUNTERS: dict[str, tuple[Callable[[], float], float]] = {
    "disk_io.write_rate": (written, 1.0),
    "network.sent_rate": (sent, 1.0),
    "cpu_usage": (busy, (os.cpu_count() or 1) / 100 / FACTOR),
}
"""For each series what the kernel counts, and by what an area is multiplied to be that."""


class Watch:
    """What the kernel counts, by the clock of a daemon."""

    def __init__(self, daemon: Daemon) -> None:
        began = time.monotonic()
        self._offset = daemon.json("/history?range=10m&metrics=load_1")["timestamp"] - FACTOR * began
        self.times: list[float] = []
        self.values: list[list[float]] = []

    def follow(self, seconds: float, process: subprocess.Popen[bytes] | None = None) -> None:
        """Read the counters now and then, for so long, and until a process has ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until or (process and process.poll() is None):
            self.times.append(self._offset + FACTOR * time.monotonic())
            self.values.append([read() for read, _ in COUNTERS.values()])
            time.sleep(0.05)

    def counted(self, begin: float, end: float) -> list[float]:
        """How much the counters grew between two moments."""
        edges = [self.values[bisect_left(self.times, moment)] for moment in (begin, end)]
        return [after - before for before, after in zip(*edges, strict=True)]


def area(daemon: Daemon, metric: str, range_name: str, watch: Watch) -> tuple[float, float, float]:
    """The area below a curve, from and to which moment: of the whole points of a watch."""
    curves = daemon.json(f"/history?range={range_name}&metrics={metric}")
    step = curves["step"]
    assert step == TIERS[range_name]
    rows = [
        (curves["start"] + number * step, mean)
        for number, mean in enumerate(curves["series"][metric]["mean"])
        if watch.times[0] <= curves["start"] + number * step <= watch.times[-1] - step
    ]
    total = sum(mean for _, mean in rows if mean is not None) * step
    return total, rows[0][0], rows[-1][0] + step


@contextmanager
def link() -> Iterator[None]:
    """A network of our own with one interface, whose other end is in another one."""
    with namespaces.own_network(), subprocess.Popen(["unshare", "-n", "sleep", "600"]) as other:
        try:
            inside = Path("/proc/self/ns/net").readlink()
            assert eventually(lambda: Path(f"/proc/{other.pid}/ns/net").readlink() != inside)
            for command in (
                f"ip link add one type veth peer name two netns {other.pid}",
                "ip address add 192.0.2.1/24 dev one",
                f"nsenter -t {other.pid} -n ip address add 192.0.2.2/24 dev two",
                f"nsenter -t {other.pid} -n ip link set two up",
                "ip link set one up",
            ):
                subprocess.run(command.split(), check=True)
            yield
        finally:
            other.kill()


def send() -> None:
    """Send so many bytes, headers included, not faster than the other end takes them."""
    size = 1400
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for number in range(SENT // (size + 42)):
            one.sendto(bytes(size), ("192.0.2.2", 9))
            if number % 500 == 0:
                time.sleep(0.02)


def load(folder: Path, watch: Watch) -> None:
    """Write, send and compute, one after the other."""
    file = folder / "written"
    dd = [
        "dd",
        "if=/dev/zero",
        f"of={file}",
        "bs=1M",
        f"count={WRITTEN >> 20}",
        "oflag=direct",
        "status=none",
    ]
    watch.follow(0.0, subprocess.Popen(dd))
    file.unlink()
    send()
    spin = f"import time\nwhile time.process_time() < {BUSY}: pass"
    watch.follow(0.0, subprocess.Popen([sys.executable, "-c", spin]))


def wrong(daemon: Daemon, folder: Path) -> list[str]:
    """What is not as it should be, of one round of known loads."""
    watch = Watch(daemon)
    # Whole points of ten minutes lie before and behind.
    watch.follow(11.0)
    begin = watch.times[-1]
    load(folder, watch)
    done = dict(zip(COUNTERS, watch.counted(begin, watch.times[-1]), strict=True))
    assert done["disk_io.write_rate"] >= WRITTEN * (1 - NEAR)
    assert done["network.sent_rate"] == pytest.approx(SENT, rel=NEAR)
    assert done["cpu_usage"] >= BUSY * (1 - NEAR)
    watch.follow(22.0)
    found = []
    for number, (metric, (_, factor)) in enumerate(COUNTERS.items()):
        for range_name in TIERS:
            total, first, last = area(daemon, metric, range_name, watch)
            counted = watch.counted(first, last)[number]
            if abs(total * factor / counted - 1) > NEAR:
                found.append(f"{metric} in {range_name}: {total * factor:.0f} of {counted:.0f}")
    return found


def test_known_loads(require: Require, tmp_path: Path) -> None:
    """`dd` of 192 MB, 16 MB through a veth, a core that is busy for three seconds: each within 5 %.

    Whatever else the machine does meanwhile, the kernel counts as well, and belongs to the curves.
    """
    require(namespaces.possible(), "root", installed=False)
    before = written()
    with (tmp_path / "probe").open("wb", buffering=0) as probe:
        probe.write(bytes(1 << 20))
        os.fsync(probe)
    require(written() > before, "a disk", installed=False)
    with link():
        daemon = Daemon(
            {"FACTOR": str(FACTOR), "PISTAT_HISTORY_SECONDS": "30", "PISTAT_RATE_LIMIT_ENABLED": "no"},
            [sys.executable, FAST],
        )
        try:
            daemon.wait_until_ready()
            rounds = [wrong(daemon, tmp_path)]
            while rounds[-1] and len(rounds) < TRIES:
                rounds.append(wrong(daemon, tmp_path))
            assert not rounds[-1], rounds
        finally:
            daemon.kill()
