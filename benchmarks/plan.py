"""What is measured in which scene."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure
import proc
import psutil
import scenes
import subjects
from client import WrongAnswerError
from measure import Target, call, command, request
from subjects import LIMITED, OPEN, Subject, pi_stat

FRESH = {**OPEN, "PISTAT_CACHE_SECONDS": "0"}
Results = dict[str, Any]


class Stage:
    """The servers of a scene: each is started once, and ended at the end.

    Attributes:
        seconds: CPU time that a round of a target may take.
        rounds: How many there are.
        pause: Seconds for what is measured by waiting.
    """

    def __init__(self, *, quick: bool) -> None:
        self.seconds, self.rounds, self.pause = (0.1, 3, 10.0) if quick else (0.25, 15, 60.0)
        self._started: list[Subject] = []

    def start(self, subject: Subject) -> Subject:
        self._started.append(subject)
        subject.start()
        return subject

    def end(self) -> None:
        for each in self._started:
            each.stop()

    def request(self, name: str, subject: Subject, path: str, check: subjects.Check) -> Target:
        return request(name, subject, path, check, self.seconds)

    def peer(self, subject: Subject | None, path: str, check: subjects.Check) -> list[Target]:
        """What a peer is asked; nothing when it is not installed, or does not start."""
        if subject is None:
            return []
        try:
            self.start(subject).wait_for(path, check)
        except WrongAnswerError as error:
            print(f"  left out: {error}")
            return []
        return [self.request(f"{subject.name} {path}", subject, path, check)]

    def measure(self, targets: list[Target]) -> Results:
        return measure.interleaved(targets, self.rounds)


def plain(stage: Stage) -> Results:
    """A usual Pi: 100 processes, 100 sockets, 5 interfaces. Everything is measured here."""
    fresh, limited, free = (stage.start(pi_stat("pi-stat", **each)) for each in (FRESH, LIMITED, OPEN))
    bare = stage.start(subjects.bare())
    targets = [
        stage.request("pi-stat /stats?cache=false", free, "/stats?cache=false", subjects.whole),
        stage.request("pi-stat /stats, cached", free, "/stats", subjects.cached),
        stage.request("pi-stat /stats, cached, limiter on", limited, "/stats", subjects.cached),
        stage.request("bare Flask route", bare, "/stats", subjects.anything),
        stage.request("pi-stat /processes?limit=10", fresh, "/processes?limit=10", subjects.ten_rows),
        stage.request("pi-stat /network/interfaces", fresh, "/network/interfaces", subjects.interfaces),
        stage.request("pi-stat /storage/devices", fresh, "/storage/devices", subjects.devices),
        stage.request("pi-stat /metrics", fresh, "/metrics", subjects.exposition_of_ours),
        *stage.peer(subjects.node_exporter(), "/metrics", subjects.exposition),
        *stage.peer(subjects.glances(), "/api/4/all", subjects.anything),
        *stage.peer(subjects.netdata(), "/api/v1/allmetrics?format=json", subjects.anything),
        command("ps aux", ["ps", "aux"], 20),
    ]
    crowded = [("pi-stat /stats", free), ("pi-stat /stats, limiter on", limited), ("bare Flask route", bare)]
    return {
        "cpu": stage.measure(targets),
        "throughput": {
            name: found
            for clients in (1, 16)
            for name, found in measure.throughput(
                crowded, "/stats", clients, stage.pause / 6, stage.rounds
            ).items()
        },
        "memory": _memory(stage),
        "percent": _percent(stage),
        "start": measure.start_up(lambda: pi_stat("pi-stat"), stage.rounds),
    }


def _memory(stage: Stage) -> Results:
    peers = [each for each in (subjects.node_exporter(), subjects.glances(), subjects.netdata()) if each]
    steps = (1000, 5000, 10_000)
    found = {
        "pi-stat": measure.growth(stage.start(pi_stat("pi-stat", **FRESH)), measure.MIXED, steps),
        "bare Flask route": measure.growth(stage.start(subjects.bare()), ["/stats"], steps),
    }
    for each in peers:
        found[each.name] = measure.growth(stage.start(each), [each.ready], steps[:1])
    return found


def _percent(stage: Stage) -> Results:
    node = subjects.node_exporter()
    asked = [
        ("pi-stat, idle", pi_stat("pi-stat"), ""),
        ("pi-stat /stats once a second", pi_stat("pi-stat", **OPEN), "/stats?cache=false"),
        ("pi-stat /processes once a second", pi_stat("pi-stat", **FRESH), "/processes?limit=10"),
        *([("node_exporter, idle", node, "")] if node else []),
    ]
    return measure.over(stage.pause, [(name, stage.start(subject), path) for name, subject, path in asked])


def many_processes(stage: Stage) -> Results:
    """The process list, and what else might grow with it."""
    fresh = stage.start(pi_stat("pi-stat", **FRESH))
    alone = ("--collector.disable-defaults", "--collector.processes")
    return {
        "cpu": stage.measure(
            [
                stage.request("pi-stat /processes?limit=10", fresh, "/processes?limit=10", subjects.ten_rows),
                stage.request("pi-stat /stats?cache=false", fresh, "/stats?cache=false", subjects.whole),
                command("ps aux", ["ps", "aux"], 5),
                *stage.peer(subjects.node_exporter(*alone), "/metrics", subjects.exposition),
                *stage.peer(subjects.glances(), "/api/4/processlist", subjects.anything),
            ]
        )
    }


def many_sockets(stage: Stage) -> Results:
    """Counting connections; and a route that counts nothing, to tell a change of the machine from theirs."""
    fresh, bare = stage.start(pi_stat("pi-stat", **FRESH)), stage.start(subjects.bare())
    return {
        "cpu": stage.measure(
            [
                stage.request(
                    "pi-stat /stats?cache=false",
                    fresh,
                    "/stats?cache=false",
                    subjects.counted(proc.established()),
                ),
                stage.request("bare Flask route", bare, "/stats", subjects.anything),
                *stage.peer(subjects.node_exporter(), "/metrics", subjects.exposition),
                call("psutil.net_connections", lambda: psutil.net_connections("tcp"), 1),
            ]
        )
    }


def many_interfaces(stage: Stage) -> Results:
    """The interfaces with their addresses."""
    fresh = stage.start(pi_stat("pi-stat", **FRESH))

    def three() -> None:
        psutil.net_io_counters(pernic=True)
        psutil.net_if_addrs()
        psutil.net_if_stats()

    return {
        "cpu": stage.measure(
            [
                stage.request(
                    "pi-stat /network/interfaces", fresh, "/network/interfaces", subjects.interfaces
                ),
                stage.request("pi-stat /stats?cache=false", fresh, "/stats?cache=false", subjects.whole),
                call("psutil, three calls", three, 20),
                *stage.peer(subjects.node_exporter(), "/metrics", subjects.exposition),
            ]
        )
    }


def many_mounts(stage: Stage) -> Results:
    """The filesystems and how full they are."""
    fresh = stage.start(pi_stat("pi-stat", **FRESH))

    def usages() -> None:
        for each in psutil.disk_partitions():
            psutil.disk_usage(each.mountpoint)

    return {
        "cpu": stage.measure(
            [
                stage.request("pi-stat /storage/devices", fresh, "/storage/devices", subjects.devices),
                stage.request("pi-stat /stats?cache=false", fresh, "/stats?cache=false", subjects.whole),
                call("psutil, partitions and usages", usages, 20),
                *stage.peer(subjects.node_exporter(), "/metrics", subjects.exposition),
            ]
        )
    }


def firmware(stage: Stage) -> Results:
    """A Raspberry Pi's firmware, asked through its device, and through vcgencmd where that is closed."""
    targets = []
    for name, device in (("device", True), ("vcgencmd", False)):
        environment = scenes.firmware(Path(tempfile.mkdtemp(prefix="firmware-")), device=device)
        subject = stage.start(pi_stat("pi-stat", **FRESH, **environment))
        targets.append(
            stage.request(
                f"pi-stat /stats?cache=false, {name}", subject, "/stats?cache=false", subjects.on_a_pi
            )
        )
    return {"cpu": stage.measure(targets)}


SCENES: dict[str, tuple[Callable[[Stage], Results], dict[str, int]]] = {
    "plain": (plain, {}),
    "1,000 processes": (many_processes, {"processes": 1000}),
    "5,000 processes": (many_processes, {"processes": 5000}),
    "100 sockets": (many_sockets, {}),
    "20,000 sockets": (many_sockets, {"sockets": 20_000}),
    "200 interfaces": (many_interfaces, {"interfaces": 200}),
    "200 mounts": (many_mounts, {"mounts": 200}),
    "firmware": (firmware, {}),
}
"""What is measured in each scene, and what there is in it that a usual Pi has not."""
