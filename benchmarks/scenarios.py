"""What is measured in which scenario."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import environments
import measure
import outbound
import proc
import programs
import psutil
from client import WrongAnswerError
from measure import Target, call, command, request
from programs import LIMITED, OPEN, Program, pi_stat

FRESH = {**OPEN, "PISTAT_CACHE_SECONDS": "0"}
Results = dict[str, Any]

FROM_CACHE = {
    "/api/4/all": programs.anything,
    "/api/4/quicklook": programs.anything,
    "/diagnosis": programs.anything,
    "/history?range=24h&metrics=load_1": programs.anything,
    "/top": programs.text,
}
"""What is compared with a cached /stats, as it is asked by default."""


class Servers:
    """The servers of a scenario: each is started once, and ended at the end.

    Attributes:
        seconds: CPU time that a round of a target may take.
        rounds: How many there are.
        pause: Seconds for what is measured by waiting.
    """

    def __init__(self, *, quick: bool) -> None:
        self.seconds, self.rounds, self.pause = (0.1, 3, 10.0) if quick else (0.25, 15, 60.0)
        self._started: list[Program] = []

    def start(self, program: Program) -> Program:
        self._started.append(program)
        program.start()
        return program

    def end(self) -> None:
        for each in self._started:
            each.stop()

    def request(self, name: str, program: Program, path: str, check: programs.Check) -> Target:
        return request(name, program, path, check, self.seconds)

    def peer(self, program: Program | None, path: str, check: programs.Check) -> list[Target]:
        """Return what a peer is asked; nothing when it is not installed, or does not start."""
        if program is None:
            return []
        try:
            self.start(program).wait_for(path, check)
        except WrongAnswerError as error:
            print(f"  left out: {error}")
            return []
        return [self.request(f"{program.name} {path}", program, path, check)]

    def measure(self, targets: list[Target]) -> Results:
        return measure.interleaved(targets, self.rounds)


def plain(servers: Servers) -> Results:
    """Measure everything on a usual Pi: 100 processes, 100 sockets, 5 interfaces."""
    day = {**OPEN, **environments.day_of_history()}
    fresh, limited, free = (servers.start(pi_stat("pi-stat", **each)) for each in (FRESH, LIMITED, day))
    bare, waitress = servers.start(programs.bare_flask()), servers.start(programs.bare_flask("waitress"))
    targets = [
        servers.request("pi-stat /stats?cache=false", free, "/stats?cache=false", programs.whole),
        servers.request("pi-stat /stats, cached", free, "/stats", programs.cached),
        servers.request("pi-stat /stats, cached, limiter on", limited, "/stats", programs.cached),
        servers.request("bare Flask route", bare, "/stats", programs.anything),
        servers.request(waitress.name, waitress, "/stats", programs.anything),
        servers.request("pi-stat /processes?limit=10", fresh, "/processes?limit=10", programs.ten_rows),
        servers.request("pi-stat /network/interfaces", fresh, "/network/interfaces", programs.interfaces),
        servers.request("pi-stat /storage/devices", fresh, "/storage/devices", programs.devices),
        servers.request("pi-stat /metrics", fresh, "/metrics", programs.exposition_of_ours),
        *(servers.request(f"pi-stat {path}", free, path, check) for path, check in FROM_CACHE.items()),
        *servers.peer(programs.node_exporter(), "/metrics", programs.exposition),
        *servers.peer(programs.glances(), "/api/4/all", programs.anything),
        *servers.peer(programs.netdata(), "/api/v1/allmetrics?format=json", programs.anything),
        command("ps aux", ["ps", "aux"], 20),
    ]
    crowded = [
        ("pi-stat /stats", free),
        ("pi-stat /stats, limiter on", limited),
        ("bare Flask route", bare),
        (waitress.name, waitress),
    ]
    return {
        "cpu": servers.measure(targets),
        "throughput": {
            name: found
            for clients in (1, 16)
            for name, found in measure.throughput(
                crowded, "/stats", clients, servers.pause / 6, servers.rounds
            ).items()
        },
        "memory": _memory(servers),
        "percent": _percent(servers),
        "start": measure.start_up(lambda: pi_stat("pi-stat"), servers.rounds),
    }


def _memory(servers: Servers) -> Results:
    peers = [each for each in (programs.node_exporter(), programs.glances(), programs.netdata()) if each]
    steps = (1000, 5000, 10_000)
    found = {
        "pi-stat": measure.growth(servers.start(pi_stat("pi-stat", **FRESH)), measure.MIXED, steps),
        "bare Flask route": measure.growth(servers.start(programs.bare_flask()), ["/stats"], steps),
    }
    waitress = servers.start(programs.bare_flask("waitress"))
    found[waitress.name] = measure.growth(waitress, ["/stats"], steps)
    for each in peers:
        found[each.name] = measure.growth(servers.start(each), [each.ready], steps[:1])
    return found


def _percent(servers: Servers) -> Results:
    node = programs.node_exporter()
    asked = [
        ("pi-stat, idle", pi_stat("pi-stat"), ""),
        ("pi-stat /stats once a second", pi_stat("pi-stat", **OPEN), "/stats?cache=false"),
        ("pi-stat /processes once a second", pi_stat("pi-stat", **FRESH), "/processes?limit=10"),
        *([("node_exporter, idle", node, "")] if node else []),
    ]
    return measure.over(
        servers.pause, [(name, servers.start(program), path) for name, program, path in asked]
    )


def many_processes(servers: Servers) -> Results:
    """Measure the process list, and what else might grow with it."""
    fresh = servers.start(pi_stat("pi-stat", **FRESH))
    alone = ("--collector.disable-defaults", "--collector.processes")
    return {
        "cpu": servers.measure(
            [
                servers.request(
                    "pi-stat /processes?limit=10", fresh, "/processes?limit=10", programs.ten_rows
                ),
                servers.request("pi-stat /stats?cache=false", fresh, "/stats?cache=false", programs.whole),
                command("ps aux", ["ps", "aux"], 5),
                *servers.peer(programs.node_exporter(*alone), "/metrics", programs.exposition),
                *servers.peer(programs.glances(), "/api/4/processlist", programs.anything),
            ]
        )
    }


def many_sockets(servers: Servers) -> Results:
    """Measure the count of connections, and a route without it, to tell a change of the machine."""
    fresh, bare = servers.start(pi_stat("pi-stat", **FRESH)), servers.start(programs.bare_flask())
    return {
        "cpu": servers.measure(
            [
                servers.request(
                    "pi-stat /stats?cache=false",
                    fresh,
                    "/stats?cache=false",
                    programs.counted(proc.established()),
                ),
                servers.request("bare Flask route", bare, "/stats", programs.anything),
                *servers.peer(programs.node_exporter(), "/metrics", programs.exposition),
                call("psutil.net_connections", lambda: psutil.net_connections("tcp"), 1),
            ]
        )
    }


def many_interfaces(servers: Servers) -> Results:
    """Measure the interfaces with their addresses."""
    fresh = servers.start(pi_stat("pi-stat", **FRESH))

    def three() -> None:
        psutil.net_io_counters(pernic=True)
        psutil.net_if_addrs()
        psutil.net_if_stats()

    return {
        "cpu": servers.measure(
            [
                servers.request(
                    "pi-stat /network/interfaces", fresh, "/network/interfaces", programs.interfaces
                ),
                servers.request("pi-stat /stats?cache=false", fresh, "/stats?cache=false", programs.whole),
                call("psutil, three calls", three, 20),
                *servers.peer(programs.node_exporter(), "/metrics", programs.exposition),
            ]
        )
    }


def many_mounts(servers: Servers) -> Results:
    """Measure the filesystems and how full they are."""
    fresh = servers.start(pi_stat("pi-stat", **FRESH))

    def usages() -> None:
        for each in psutil.disk_partitions():
            psutil.disk_usage(each.mountpoint)

    return {
        "cpu": servers.measure(
            [
                servers.request("pi-stat /storage/devices", fresh, "/storage/devices", programs.devices),
                servers.request("pi-stat /stats?cache=false", fresh, "/stats?cache=false", programs.whole),
                call("psutil, partitions and usages", usages, 20),
                *servers.peer(programs.node_exporter(), "/metrics", programs.exposition),
            ]
        )
    }


def firmware(servers: Servers) -> Results:
    """Measure a firmware, asked through its device, and through vcgencmd where that is closed."""
    targets = []
    for name, device in (("device", True), ("vcgencmd", False)):
        environment = environments.firmware(Path(tempfile.mkdtemp(prefix="firmware-")), device=device)
        program = servers.start(pi_stat("pi-stat", **FRESH, **environment))
        targets.append(
            servers.request(
                f"pi-stat /stats?cache=false, {name}", program, "/stats?cache=false", programs.on_a_pi
            )
        )
    return {"cpu": servers.measure(targets)}


SCENARIOS: dict[str, tuple[Callable[[Servers], Results], dict[str, int]]] = {
    "plain": (plain, {}),
    "1,000 processes": (many_processes, {"processes": 1000}),
    "5,000 processes": (many_processes, {"processes": 5000}),
    "100 sockets": (many_sockets, {}),
    "20,000 sockets": (many_sockets, {"sockets": 20_000}),
    "200 interfaces": (many_interfaces, {"interfaces": 200}),
    "200 mounts": (many_mounts, {"mounts": 200}),
    "firmware": (firmware, {}),
    "MQTT": (outbound.outbound, {}),
}
"""What is measured in each scenario, and what there is in it that a usual Pi has not."""
