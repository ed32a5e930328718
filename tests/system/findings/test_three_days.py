"""Three days of an ordinary Pi: what happened is told, and nothing else.

Its readings are those of a recorded board, moved by what such a Pi does. The only clock is that of the test.
"""

from __future__ import annotations

import copy
import itertools
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pistat.diagnosis.finding import DAY, HOUR
from pistat.diagnosis.report import FAST, KEYS, Diagnosis
from pistat.history.storage import StateDirectory
from pistat.monitor.monitor import Monitor
from support.recorded_machine import RecordedMachine, altered

BOARD = "pi3b-plus"
BOOT_ID = "proc/sys/kernel/random/boot_id"
MIDNIGHT = 1_796_083_200.0
"""When the first of the days begins."""

SAMPLE = 10.0
MINUTE = 60.0
GIGA = 1e9
CARD = 31.2 * GIGA
REBOOT = DAY + 10.5 * HOUR
"""When the owner restarts the Pi, after an update."""

CLOCK_SET = 45.0
"""Seconds after a start at which the network sets the clock, which had stood still meanwhile."""

FORGOTTEN = 75.0
"""Seconds by which it is behind until then."""


def within(now: float, hour: float, minutes: float) -> float | None:
    """Return the minutes since an hour of the day; None before it, and after `minutes`."""
    gone = (now % DAY - hour * HOUR) / MINUTE
    return gone if 0 <= gone < minutes else None


def used(now: float) -> float:
    """Return how much of the card is used, in per cent."""
    day, percent = now / DAY, 48.0 + now / DAY * 0.2
    # Logs grow and are cut once a day.
    percent += 0.4 * (now % DAY) / DAY
    backup = within(now, 2.0, 80.0)
    if backup is not None:
        # It is packed on the card, sent away, and removed.
        percent += min(backup, 60.0) * 0.55
    if 2 <= day < 3:
        # A recording that nobody has switched off, from 13:00 on; its owner finds it at 16:00.
        gone = (now - 2 * DAY - 13 * HOUR) / MINUTE
        if 0 <= gone < 180:
            percent = min(99.6, percent + gone * 0.5)
    return percent


def load(now: float, boot: float) -> float:
    """Return the load of 15 minutes, of a board with four cores."""
    if boot < 15 * MINUTE:
        return 3.5
    if within(now, 2.0, 80.0) is not None:
        return 3.2
    if DAY <= now < 2 * DAY and within(now, 10.0, 30.0) is not None:
        # An update unpacks packages, and builds an initramfs for each kernel.
        return 6.0
    # Now and then somebody compiles something, for less time than would be remarkable.
    return 9.0 if within(now, 20.0, 12.0) is not None else 0.3


class Pi:
    """The readings at each moment.

    Attributes:
        now: Seconds since the midnight before the first day.
        started: When the Pi was started, by the same count.
    """

    def __init__(self, machine: RecordedMachine) -> None:
        self.now = 8 * HOUR
        self.started = self.now - 5 * DAY
        self.base = copy.deepcopy(Monitor(machine, 0.0).answer(KEYS, fresh=True).values)
        machine.uptime = lambda: self.boot  # type: ignore[method-assign]
        machine.time = lambda: self.wall  # type: ignore[method-assign]
        # One that stands still would let a file be taken for what was read of another.
        machine.monotonic = partial(next, itertools.count(1000.0, 0.0001))  # type: ignore[method-assign]
        self.updated = False

    @property
    def boot(self) -> float:
        return self.now - self.started

    @property
    def wall(self) -> float:
        behind = FORGOTTEN if self.boot < CLOCK_SET else 0.0
        # The crystal is 20 parts in a million off, and the clock is put right bit by bit.
        return MIDNIGHT + self.now - behind + 0.5 * math.sin(self.now / 900)

    def fast(self) -> dict[str, Any]:
        """Return what is read with each sample."""
        now, boot = self.now, self.boot
        asked = load(now, boot)
        celsius = 50.0 + 4 * math.sin((now / DAY - 0.4) * 2 * math.pi) + 2.5 * min(asked, 4.0)
        # In the afternoon the sun reaches it: above the limit for minutes, and below it again.
        if within(now, 15.0, 60.0) is not None:
            celsius = 74.0 + 3.0 * math.sin(now / 100)
        available = 0.62 if within(now, 2.0, 80.0) is None else 0.3
        # A browser that is opened and closed again.
        if within(now, 19.0, 8.0) is not None:
            available = 0.08
        total = self.base["memory"]["total"]
        values = {
            "power": self.base["power"],
            "cpu_temp": celsius,
            "load_avg": [asked, asked, asked],
            "per_cpu_usage": self.base["per_cpu_usage"],
            "memory": {**self.base["memory"], "available": int(total * available)},
            # As a Pi with 100 MB of swap has it after a few days, and is well.
            "swap": {**self.base["swap"], "percent": min(88.0, boot / HOUR)},
            "timestamp": self.wall,
            "uptime": boot,
        }
        if within(now, 2.5, 1.0) is not None:
            # The card is busy, and a few readings come too late.
            values["power"] = dict.fromkeys(self.base["power"])
            values["cpu_temp"] = None
        return values

    def slow(self) -> dict[str, Any]:
        """Return what is read once a minute."""
        now, boot = self.now, self.boot
        values = copy.deepcopy({key: self.base[key] for key in set(KEYS) - FAST})
        root = values["devices"][0]
        percent = used(now)
        root.update(percent=percent, used=CARD * percent / 100, free=CARD * (100 - percent) / 100)
        root["inodes_percent"] = 12.0
        # Some 3 GB a day, and the backup.
        values["disks"]["mmcblk0"].update(written_session=9 * GIGA * boot / DAY, errors=0)
        self._network(values)
        values["failed_count"] = 1 if within(now, 3.0, 0.9) is not None else 0
        values["failed"] = [{"name": "backup.service", "description": "", "since": self.wall}] * values[
            "failed_count"
        ]
        values["system"].update(
            clock_synchronized=boot > CLOCK_SET,
            clock_source="systemd-timesyncd",
            reboot_required=self.updated and now < REBOOT,
            reboot_reason="kernel 6.1.22-v7+ is installed, 6.1.21-v7+ runs",
            # The lists are fetched at six; the owner installs what there is on the second day.
            updates={
                "pending": 12 if now >= DAY + 6 * HOUR and not self.updated else 0,
                "security": 0,
                "lists_age": (now - 6 * HOUR) % DAY,
            },
        )
        return values

    def _network(self, values: dict[str, Any]) -> None:
        boot = self.boot
        up = boot > 8
        wired = values["interfaces"]["eth0"]
        wired.update(is_up=up, speed=1000 if up else None, default_route=up)
        if not up:
            wired["addresses"] = []
        # One packet in ten thousand is damaged, as by any cable; the counters begin anew with each start.
        packets = int(boot * 200)
        values["network"]["eth0"].update(
            packets_recv=packets, packets_sent=packets // 2, errin=packets // 10_000, errout=0
        )
        # Somebody stands between the Pi and the router for a while.
        weak = within(self.now, 18.0, 8.0) is not None
        values["network"]["wlan0"]["signal_strength"] = -79 if weak else -61


class Days:
    """The daemon on that Pi, and what it has told."""

    def __init__(self, folder: Path) -> None:
        self.machine = altered(BOARD, folder, {BOOT_ID: "first\n"})
        self.pi = Pi(self.machine)
        self.folder = folder / "state"
        self.folder.mkdir()
        self.told: list[tuple[float, str]] = []
        self.diagnosis = self.start()
        self.looks: dict[float, set[str]] = {}

    def start(self) -> Diagnosis:
        state = StateDirectory(str(self.folder), self.machine)
        found = Diagnosis(Monitor(self.machine, 0.0), self.machine, recording=True, state=state)
        found.announce(
            lambda event: self.told.append((self.pi.now, f"{event.id} {event.state} {event.severity}"))
        )
        return found

    def restart(self, boot_id: str | None = None) -> None:
        """Stop the daemon and start it again; with another ID after a restart of the whole Pi."""
        self.diagnosis.stop()
        if boot_id:
            Path(self.machine.path(f"/{BOOT_ID}")).write_text(f"{boot_id}\n")
            self.pi.now += 40.0
            self.pi.started = self.pi.now - 12.0
        self.diagnosis = self.start()

    def run(self, until: float) -> None:
        """Take samples until a time: a part of the readings each ten seconds, all each minute."""
        minute = 0.0
        while self.pi.now < until:
            values = self.pi.fast()
            if self.pi.now >= minute:
                values |= self.pi.slow()
                minute = self.pi.now + MINUTE
            self.diagnosis.update(self.pi.boot, self.pi.wall, values)
            if self.pi.now % HOUR < SAMPLE:
                self.look()
            self.pi.now += SAMPLE

    def look(self) -> None:
        """Ask as a client does."""
        document = self.diagnosis.document()
        self.looks[self.pi.now] = {each["id"] for each in document["findings"]}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """All three of them, in a few seconds."""
    found = Days(tmp_path_factory.mktemp("days"))
    found.run(DAY + 10.25 * HOUR)
    # The update is done; pi-stat was updated, too.
    found.pi.updated = True
    found.restart()
    found.run(REBOOT)
    found.restart("second")
    found.run(3 * DAY + 8 * HOUR)
    return found


def at(days: Days, text: str) -> float:
    """Return the only time at which something was told."""
    [found] = [time for time, each in days.told if each == text]
    return found


def test_what_is_told_is_what_was(days: Days) -> None:
    """The updates that wait, and the card that is full: each once, from its beginning to its end."""
    assert [each for _, each in days.told] == [
        "system.updates begin info",
        "system.updates end info",
        "clock begin info",
        "disk.full begin warning",
        "disk.full begin critical",
        "disk.full end critical",
    ]
    assert at(days, "system.updates begin info") == pytest.approx(DAY + 6 * HOUR, abs=MINUTE)
    assert at(days, "system.updates end info") == pytest.approx(DAY + 10.25 * HOUR, abs=3 * MINUTE)
    assert at(days, "clock begin info") == pytest.approx(REBOOT + CLOCK_SET, abs=MINUTE)
    assert at(days, "disk.full end critical") == pytest.approx(2 * DAY + 16 * HOUR, abs=3 * MINUTE)


def test_the_answer_is_the_same_at_each_hour(days: Days) -> None:
    """Who looks in between sees what lasts at that moment; there is nothing else in the three days."""

    def expected(now: float) -> set[str]:
        updates = DAY + 6 * HOUR <= now < DAY + 10.25 * HOUR
        full = 2 * DAY + 15 * HOUR <= now <= 2 * DAY + 16 * HOUR
        return ({"system.updates"} if updates else set()) | ({"disk.full"} if full else set())

    assert len(days.looks) == 72
    assert {now: found for now, found in days.looks.items() if found != expected(now)} == {}


def test_the_events_have_all_of_it(days: Days) -> None:
    """Both starts and the restart of the daemon are there, and no start without a shutdown."""
    titles = [each["title"] for each in days.diagnosis.events(0.0, 200)]

    assert titles.count("Started") == 2
    assert titles.count("pi-stat was restarted") == 1
    assert [each for each in titles if "without a shutdown" in each] == []
    assert days.diagnosis.document()["status"] == "ok"
