"""Measurements: what a request costs, how fast it is answered, what is held in memory, what idling takes."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import proc
from client import Client, Load, load

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from programs import Check, Program

WARM_UP = 10
LEAST = 20
"""Requests in a round; fifteen rounds are hundreds."""


@dataclass
class Target:
    """Something that a program is asked for again and again, and what it took each round.

    Attributes:
        milliseconds: CPU time for each, one figure a round.
        latencies: Seconds until each answer.
    """

    name: str
    round: Callable[[], float]
    milliseconds: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def result(self) -> dict[str, Any]:
        """Return the figures for the report."""
        found: dict[str, Any] = {"ms": self.milliseconds, "median": statistics.median(self.milliseconds)}
        if self.latencies:
            ordered = sorted(self.latencies)
            found["p50"] = 1e3 * ordered[len(ordered) // 2]
            found["p99"] = 1e3 * ordered[int(len(ordered) * 0.99)]
        return found


def request(name: str, program: Program, target: str, check: Check, seconds: float) -> Target:
    """Measure a request to a server, in rounds that take about `seconds` of its CPU time.

    Every answer is checked, but after its round: one server is not to rest longer between two questions than
    another, for what rests costs more when it is asked.
    """

    def some(count: int) -> float:
        client = Client(program.port)
        client.ask(target)
        before = proc.cpu(program.session)
        answers = [_timed(client, target) for _ in range(count)]
        used = proc.cpu(program.session) - before
        client.close()
        for asked, taken, body in answers:
            check(body, asked)
            latencies.append(taken)
        return used / count

    latencies: list[float] = []
    some(WARM_UP)
    count = max(LEAST, min(2000, int(seconds / max(some(LEAST), 1e-4))))
    latencies.clear()
    return Target(name, lambda: 1e3 * some(count), latencies=latencies)


def _timed(client: Client, target: str) -> tuple[float, float, bytes]:
    """Return when something was asked for, by the wall clock; the seconds until its answer; the answer."""
    asked, began = time.time(), time.perf_counter()
    body = client.ask(target)
    return asked, time.perf_counter() - began, body


def command(name: str, arguments: Sequence[str], count: int) -> Target:
    """Measure a program that is run to its end, `count` times a round."""

    def one_round() -> float:
        before = os.times()
        for _ in range(count):
            subprocess.run(arguments, stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return 1e3 * used / count

    return Target(name, one_round)


def call(name: str, function: Callable[[], object], count: int) -> Target:
    """Measure a function of a library, called `count` times a round by a process that is asked each time.

    In a loop it would find all it needs in the processor's caches, as no server does between two requests.
    """
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_serve, args=(theirs, function), daemon=True)
    child.start()
    assert child.pid is not None
    session = child.pid

    def some(times: int) -> float:
        before = proc.cpu(session)
        for _ in range(times):
            ours.send_bytes(b"?")
            ours.recv_bytes()
        return 1e3 * (proc.cpu(session) - before) / times

    # The first answer comes from a session of its own.
    some(1)
    return Target(name, lambda: some(count))


def _serve(asked: Connection, function: Callable[[], object]) -> None:
    os.setsid()
    while True:
        asked.recv_bytes()
        function()
        asked.send_bytes(b"!")


def interleaved(targets: Sequence[Target], rounds: int) -> dict[str, Any]:
    """Measure all targets in turn, `rounds` times, so that what disturbs this machine disturbs them alike.

    Every other time they come the other way round: one that has filled the processor's caches with its own
    costs the next one some percent.
    """
    for number in range(rounds):
        for each in targets[:: -1 if number % 2 else 1]:
            each.milliseconds.append(each.round())
    return {each.name: each.result() for each in targets}


def throughput(
    programs: Sequence[tuple[str, Program]], target: str, clients: int, seconds: float, rounds: int
) -> dict[str, Any]:
    """Measure how many answers a second a crowd of clients gets from each, all in turn, and how late."""
    found: dict[str, list[Load]] = {f"{name}, {clients} clients": [] for name, _ in programs}
    for _ in range(rounds):
        for loads, (_, program) in zip(found.values(), programs, strict=True):
            loads.append(load(program.port, target, clients, seconds / rounds))
    return {name: _crowd(loads) for name, loads in found.items()}


def _crowd(loads: Sequence[Load]) -> dict[str, Any]:
    ordered = sorted(chain.from_iterable(each.latencies for each in loads))
    rates = [each.throughput for each in loads]
    return {
        "rates": rates,
        "per_second": statistics.median(rates),
        "errors": sum(each.errors for each in loads),
        "p50": 1e3 * ordered[len(ordered) // 2],
        "p99": 1e3 * ordered[int(len(ordered) * 0.99)],
    }


MIXED = (
    "/stats",
    "/stats?cache=false",
    "/stats?fields=uptime,memory",
    "/processes",
    "/processes?sort=name&limit=3",
    "/network/interfaces",
    "/storage/devices",
    "/sensors",
    "/capabilities",
    "/health",
    "/metrics",
    "/openapi.json",
    "/",
    "/docs",
    "/top",
    "/diagnosis",
    "/events",
    "/history?range=24h&metrics=load_1",
    "/containers",
    "/services",
    "/api/4/all",
    "/api/4/quicklook",
    "/monitor.json",
)
"""Every route, so that nothing that one of them keeps in memory is left out."""


def growth(program: Program, targets: Sequence[str], steps: Sequence[int]) -> dict[str, Any]:
    """RSS and PSS at the start, and after so many requests."""
    client = Client(program.port)
    found = {"0": proc.memory(program.session)}
    asked = 0
    for step in steps:
        while asked < step:
            client.ask(targets[asked % len(targets)])
            asked += 1
        found[str(step)] = proc.memory(program.session)
    return found


def over(seconds: float, programs: Sequence[tuple[str, Program, str]]) -> dict[str, float]:
    """Percent of a core that each takes when it is left alone, or asked once a second for what is named."""
    clients = [(Client(program.port), target) for _, program, target in programs if target]
    for client, target in clients:
        client.ask(target)
    time.sleep(2.0)
    before = [proc.cpu(program.session) for _, program, _ in programs]
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        for client, target in clients:
            client.ask(target)
        time.sleep(1.0 - (time.perf_counter() - began - elapsed))
    spent = [proc.cpu(program.session) - used for (_, program, _), used in zip(programs, before, strict=True)]
    return {name: 100.0 * used / elapsed for (name, _, _), used in zip(programs, spent, strict=True)}


def start_up(make: Callable[[], Program], times: int) -> list[float]:
    """Measure the seconds from the start of a program to its first answer."""
    found = []
    for _ in range(times):
        program = make()
        found.append(program.start())
        program.stop()
    return found
