"""A machine that is a folder: see boards/build and boards/record.py for what is in it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pi_system_monitor
from pistat import routes
from pistat.cache import NoAnswerError
from pistat.collectors import network
from pistat.diagnosis.report import KEYS, Diagnosis
from pistat.machine.machine import Finished, Machine, SystemNames, Usage
from pistat.machine.network.links import Link
from pistat.machine.network.nl80211 import Station
from pistat.machine.portable import with_prefix
from pistat.machine.service_manager import State, Unit
from pistat.monitor.monitor import Monitor
from pistat.parsers.values import Json
from pistat.routes import Route
from pistat.settings import Settings

BOARDS = Path(__file__).resolve().parents[1] / "boards"

TYPICAL_BOARDS = ("pi4b-8gb", "pi5-8gb-nvme", "zero2w-wifi", "pc-x86")
"""Four for a claim that no board decides: the usual one, the newest with most readings, a small one on
Wi-Fi, and one that is no Raspberry Pi. A claim about the readings takes all of `board_names`."""


def board_names() -> list[str]:
    """The boards that there are."""
    return sorted(each.parent.name for each in BOARDS.glob("*/host.json"))


def altered(board: str, folder: Path, files: Mapping[str, str | None]) -> RecordedMachine:
    """A copy in `folder` of a board, of which some files have another content, or are not there with None."""
    copy = Path(shutil.copytree(BOARDS / board, folder / board))
    for path, content in files.items():
        target = copy / path.replace(":", "%3A")
        if content is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
    return RecordedMachine(copy)


def answer(machine: Machine, path: str) -> Any:
    """What a client gets of a machine."""
    app = pi_system_monitor.create_app(Settings(rate_limit_enabled=False), machine)
    response = app.test_client().get(path)
    assert response.status_code == 200
    return response.json


class RecordedMachine(Machine):
    """The machine recorded in `folder`. Its time stands still unless a test moves `now`, or somebody sleeps.

    A second before, its CPUs and processes were as in `before/`: their rates are known from the start.

    Attributes:
        now: What `monotonic` says; the wall clock and the uptime go along.
        facts: What has no file behind it, from host.json.
    """

    NOW = 1000.0

    def __init__(self, folder: str | os.PathLike[str], platform: str = "linux") -> None:
        super().__init__(os.path.realpath(folder), platform)
        self.now = self.NOW
        self.facts: dict[str, Any] = {}
        self.facts = json.loads(self.read("/host.json"))
        self.cores = self.facts["cores"]
        self.page_size = self.facts["page_size"]
        self.clock_ticks = self.facts["clock_ticks"]
        if self.linux and self.exists("/before"):
            self._seed()

    def _seed(self) -> None:
        here = self.root
        self.root, self.now = f"{here}/before", self.NOW - 1.0
        try:
            self.cpu.take()
            self.processes.take()
            self.containers.take()
            self.gpu_queues.take()
        finally:
            self.root, self.now = here, self.NOW

    def start_sampling(self) -> None:
        """Nothing happens here that a sample would show."""

    # A colon cannot be part of a file name on Windows, so it is stored as %3A.

    def path(self, path: str) -> str:
        return super().path(path.replace(":", "%3A"))

    def names(self, path: str) -> list[str]:
        self._refuse(path)
        return sorted(each.replace("%3A", ":") for each in super().names(path))

    def open(self, path: str) -> int:
        self._refuse(path)
        return super().open(path)

    def _refuse(self, path: str) -> None:
        error = self.facts.get("unreadable", {}).get(path)
        if error:
            raise OSError(getattr(errno, error), "as recorded", path)

    # What has no file behind it

    def usage(self, mountpoint: str) -> Usage:
        found: Mapping[str, Any] | None = self.facts["statvfs"].get(mountpoint)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "not recorded", mountpoint)
        if found.get("error") == "hangs":
            # As the deadline would have it, without the second that it takes.
            raise NoAnswerError(self.USAGE_SECONDS)
        if "error" in found:
            raise OSError(getattr(errno, found["error"]), "as recorded", mountpoint)
        inodes, free = found.get("inodes", 0), found.get("inodes_free", 0)
        return Usage(found["total"], found["used"], found["free"], inodes, free)

    def modified(self, path: str) -> float | None:
        return float(self.facts.get("modified", {}).get(path, 0.0)) if self.exists(path) else None

    def service_state(self) -> State:
        state, *failed = self.facts["services"]
        return State(state, len(failed), tuple(Unit(*unit) for unit in failed))

    def stats(self) -> Iterator[tuple[str, bytes]]:
        for pid in filter(str.isdecimal, self.names("/proc")):
            with contextlib.suppress(OSError):
                yield pid, self.read_bytes(f"/proc/{pid}/stat")

    def owner(self, path: str) -> int:
        pid = path.removeprefix("/proc/")
        if pid not in self.facts["owners"]:
            raise FileNotFoundError(errno.ENOENT, "not recorded", path)
        return int(self.facts["owners"][pid])

    def group(self, path: str) -> str | None:
        group: str | None = self.facts.get("groups", {}).get(path)
        return group

    def own_user(self) -> str:
        return "pi-stat"

    def user_name(self, uid: int) -> str:
        return str(self.facts["users"].get(str(uid), uid))

    def links(self) -> dict[str, Link]:
        return {
            name: self._link(name, f"/sys/class/net/{name}", counters)
            for name, counters in network.table(self).items()
        }

    def stations(self) -> dict[str, Station]:
        return {name: Station(*told) for name, told in self.facts.get("stations", {}).items()}

    def power_saving(self) -> dict[str, bool]:
        return dict(self.facts.get("power_saving", {}))

    def _link(self, name: str, folder: str, counters: dict[str, Json]) -> Link:
        """What the kernel tells of an interface in its files; those may have been hidden."""
        state, flags = self.word(f"{folder}/operstate"), int(self.word(f"{folder}/flags") or "0", 16)
        is_up = None if state is None else state == "up" or (state == "unknown" and flags & 1 != 0)
        return Link(
            is_up,
            self.word(f"{folder}/address"),
            self._whole_number(f"{folder}/mtu"),
            self._link_speed(folder) if is_up else None,
            [with_prefix(*each) for each in self.facts["addresses"].get(name, [])],
            counters,
            self._whole_number(f"{folder}/type"),
            *self.facts.get("links", {}).get(name, (None, None)),
        )

    def _whole_number(self, path: str) -> int | None:
        text = self.word(path)
        return None if text is None else int(text)

    def _link_speed(self, folder: str) -> int | None:
        try:
            return self._whole_number(f"{folder}/speed")
        except OSError:
            # So the kernel answers for drivers without a speed.
            return None

    def names_of_system(self) -> SystemNames:
        hostname, kernel, architecture = self.facts["uname"]
        return SystemNames(hostname, kernel, architecture, self.facts["bits"])

    # Programs

    def run(self, command: Sequence[str], seconds: float, limit: int = 8192) -> Finished:
        # Time stands still, so none is late, however long this machine takes to start it.
        return super().run(command, 30.0, limit)

    # Clocks

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def time(self) -> float:
        return float(self.facts["time"]) + self.now - self.NOW

    def uptime(self) -> float:
        return float(self.facts["uptime"]) + self.now - self.NOW


DATA_ROUTES = (
    routes.STATS,
    routes.PROCESSES,
    routes.INTERFACES,
    routes.DEVICES,
    routes.SENSORS,
    routes.CONTAINERS,
    routes.SERVICES,
)
"""The routes whose answers are recorded, each in a file named after the last part of its path."""


def expected(board: str, route: Route) -> Path:
    """Return the file that holds what `board` answers on `route`."""
    return BOARDS / board / "expected" / f"{route.path.rsplit('/', 1)[1]}.json"


STEP = 60.0


def diagnosed(machine: RecordedMachine, seconds: float) -> Diagnosis:
    """Return the diagnosis of a machine after samples over `seconds`, one a minute."""
    monitor = Monitor(machine, 0.0)
    diagnosis = Diagnosis(monitor, machine, recording=True)
    for _ in range(int(seconds / STEP) + 1):
        values = monitor.answer(KEYS, fresh=True).values
        diagnosis.update(machine.uptime(), machine.time(), values)
        machine.now += STEP
    return diagnosis


def found(board: str, seconds: float = 1800.0) -> dict[tuple[str, str], str]:
    """Return the findings of a recorded board, by ID and subject, with their severities."""
    rows = diagnosed(RecordedMachine(BOARDS / board), seconds).document()["findings"]
    return {(each["id"], each["subject"] or ""): each["severity"] for each in rows}
