"""The declared sources, held against what the collectors really read on the recorded boards."""

from __future__ import annotations

import errno
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pistat.collectors import ALL
from pistat.field import Call, Collector, Derived, Field, File, Incomplete, Question, Source, Values, places
from pistat.machine.firmware.client import FirmwareError, UnavailableError
from pistat.machine.machine import SystemNames, Usage
from pistat.machine.network.links import Link
from pistat.machine.network.nl80211 import Station
from pistat.machine.reasons import DescribedError
from pistat.machine.service_manager import State
from pistat.monitor.capabilities import _leaves
from support.recorded_machine import BOARDS, RecordedMachine, altered, board_names

T = TypeVar("T")
RATES = ("disk_io", "disks.{disk}", "network.{interface}", "interfaces.{interface}")
NULL_EVERYWHERE = {
    *("clocks.sdram", "devices[row].inodes_percent", "power.power_chip_reset"),
    *(f"{parent}.{name}" for parent in RATES[:2] for name in ("read_rate", "write_rate", "busy")),
    *(f"{parent}.{name}" for parent in RATES[2:] for name in ("recv_rate", "sent_rate")),
}
"""What no recorded board has; a rate needs two readings."""

Read = File | Question | Call
"""Something that was read: one file, one question, one call."""


VARIANTS: dict[str, dict[str, str | None]] = {
    "pc-x86": {
        "etc/fstab": "UUID=1 / ext4 ro 0 1\n",
        "etc/os-release": None,
        "usr/lib/os-release": "PRETTY_NAME=Buildroot\n",
        "sys/class/thermal/thermal_zone1/type": "acpitz\n",
        "sys/class/hwmon/hwmon9/name": "dell_smm\n",
        "sys/class/hwmon/hwmon9/fan1_input": "1200\n",
        "sys/class/hwmon/hwmon9/fan1_fault": "0\n",
        "sys/class/hwmon/hwmon2/temp1_fault": "0\n",
        "sys/class/hwmon/hwmon9/fan1_label": "Processor Fan\n",
        "sys/block/sda/device/hwmon/hwmon3/temp1_input": "31000\n",
        "sys/block/sda/device/hwmon/hwmon3/temp1_fault": "0\n",
        "sys/block/nvme0n1/device/hwmon1/temp1_fault": "0\n",
        "proc/diskstats": None,
        "sys/block/sda/stat": "1 1 1 1 1 1 1 1\n",
        "sys/block/dm-0/slaves/nvme0n1p2/partition": "2\n",
        "sys/block/nvme0n1/nvme0n1p2/partition": "2\n",
        "sys/fs/ext4/dm-0/errors_count": "0\n",
    },
}
"""What some machines have, but no recorded board; for each board that is like them, the other files."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the folders of all boards, and of the variants of some."""
    variants = tmp_path_factory.mktemp("variants")
    made = [Path(altered(board, variants, files).root) for board, files in VARIANTS.items()]
    return [*(BOARDS / board for board in board_names()), *made]


@functools.cache
def replies(folder: Path) -> Callable[[str], str | type[Exception]]:
    """Return what the firmware of a board replies to a question, or the error; it is asked once."""
    firmware = RecordedMachine(folder).firmware

    @functools.cache
    def reply(question: str) -> str | type[Exception]:
        try:
            return firmware.ask(question)
        except (UnavailableError, FirmwareError) as error:
            return type(error)

    return reply


class ObservedMachine(RecordedMachine):
    """A recorded board that notes what is read of it, and refuses some of that.

    Attributes:
        read_so_far: What was read, even if it was not there.
        looked_for: The files and folders that were looked for, but not opened.
        refused: What is not there.
    """

    def __init__(self, folder: Path, refused: Sequence[Read] = ()) -> None:
        self.read_so_far: set[Read] = set()
        self.looked_for: set[Read] = set()
        self.refused: Sequence[Read] = ()
        super().__init__(folder)
        self.show_ssid = True
        reply = replies(folder)

        def ask(question: str, until: float = 0.0) -> str:
            text = self._observed(Question(question), lambda: reply(question), UnavailableError)
            if isinstance(text, str):
                return text
            raise text("as recorded") if text is FirmwareError else text

        self.firmware.ask = ask  # type: ignore[method-assign]
        self.read_so_far.clear()
        self.refused = refused

    def _observed(self, read: Read, get: Callable[[], T], refusal: type[Exception] = FileNotFoundError) -> T:
        self.read_so_far.add(read)
        if any(covers(each, read) for each in self.refused):
            raise refusal(errno.ENOENT, "refused")
        return get()

    def open(self, path: str) -> int:
        return self._observed(File(path), lambda: super(ObservedMachine, self).open(path))

    def exists(self, path: str) -> bool:
        self.looked_for.add(File(path))
        return super().exists(path) and not any(covers(each, File(path)) for each in self.refused)

    def names(self, path: str) -> list[str]:
        self.looked_for.add(File(path))
        return super().names(path)

    def usage(self, mountpoint: str) -> Usage:
        return self._observed(
            Call("statvfs", mountpoint), lambda: super(ObservedMachine, self).usage(mountpoint)
        )

    def owner(self, path: str) -> int:
        return self._observed(Call("stat", path), lambda: super(ObservedMachine, self).owner(path))

    def links(self) -> dict[str, Link]:
        # What the recording reads to play the kernel is no doing of the collector.
        before = set(self.read_so_far)
        found = self._observed(Call("netlink"), super().links)
        self.read_so_far = before | {Call("netlink"), Call("ethtool")}
        if any(covers(each, Call("ethtool")) for each in self.refused):
            return {name: link._replace(speed=None) for name, link in found.items()}
        return found

    def stations(self) -> dict[str, Station]:
        return self._observed(Call("nl80211"), super().stations)

    def power_saving(self) -> dict[str, bool]:
        return self._observed(Call("nl80211"), super().power_saving)

    def service_state(self) -> State:
        return self._observed(Call("D-Bus", "org.freedesktop.systemd1"), super().service_state)

    def names_of_system(self) -> SystemNames:
        return self._observed(Call("uname"), super().names_of_system)

    def uptime(self) -> float:
        return self._observed(Call("CLOCK_BOOTTIME"), super().uptime)

    def time(self) -> float:
        return self._observed(Call("CLOCK_REALTIME"), super().time)


def covers(declared: Read, read: Read) -> bool:
    """Return whether a declared source stands for what was read."""
    if isinstance(declared, Call) and declared.shown_in and isinstance(read, File):
        return covers(declared.shown_in, read)
    if isinstance(declared, File) and isinstance(read, File):
        pattern = (
            re.escape(declared.path).replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace("/PID", r"/\d+")
        )
        return re.fullmatch(pattern, read.path) is not None
    if isinstance(declared, Call) and isinstance(read, Call):
        of = {"the mount point": r"/.*", "/proc/PID": r"/proc/\d+"}.get(declared.of, declared.of)
        return declared.name == read.name and re.fullmatch(of, read.of) is not None
    return declared == read


def collected(collector: Collector, machine: RecordedMachine) -> Values:
    """Return what a collector reads; nulls if it fails as a whole."""
    try:
        reading = collector.collect(machine)
    except (OSError, ValueError, LookupError, DescribedError):
        return collector.nulls(machine)
    return reading.values if isinstance(reading, Incomplete) else reading


def valued(values: Values, field: Field) -> list[Any]:
    """Return the values of a field that are not null, in all rows."""
    return [value for value in _leaves(values, field.steps) if value is not None]


def everything(collector: Collector) -> Iterator[Source]:
    """Yield all sources that a collector declares."""
    yield from collector.finds
    for field in collector.fields:
        yield field.source


def can_be_refused(source: Source) -> bool:
    """Return whether nothing is left of a source when its files, questions and calls are refused."""
    alternatives = getattr(source, "places", (source,))
    return all(not isinstance(place, Derived) or place.inputs for place in alternatives)


@pytest.mark.parametrize("collector", ALL, ids=repr)
def test_nothing_undeclared_is_read(collector: Collector, folders: list[Path]) -> None:
    """A collector reads nothing that it does not declare, and on some board all that it declares."""
    declared = {read for source in everything(collector) for read in places(source)}
    unread = set(declared)

    for folder in folders:
        machine = ObservedMachine(folder)
        collected(collector, machine)
        for read in machine.read_so_far:
            fitting = {each for each in declared if covers(each, read)}
            assert fitting, f"{collector} reads {read} on {folder.name}"
            unread -= fitting
        unread -= {each for each in unread if any(covers(each, read) for read in machine.looked_for)}

    assert not unread


@pytest.mark.parametrize("collector", ALL, ids=repr)
def test_each_source_is_that_of_its_field(collector: Collector, folders: list[Path]) -> None:
    """Where all that a field declares as its source is refused, the field is null, in all rows."""
    seen = set()
    for folder in folders:
        whole = collected(collector, ObservedMachine(folder))
        for field in collector.fields:
            if not can_be_refused(field.source) or not valued(whole, field):
                continue
            seen.add(field)
            without = collected(collector, ObservedMachine(folder, tuple(places(field.source))))
            assert valued(without, field) == [], f"{field.path} on {folder.name} is not from {field.source}"

    provable = {field.path for field in collector.fields if can_be_refused(field.source)}
    assert provable - {field.path for field in seen} == NULL_EVERYWHERE & {
        field.path for field in collector.fields
    }
