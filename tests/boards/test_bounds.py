"""Nothing leaves the bounds that openapi.json has for it, whatever the sources of a board say.

The values are made from a seed: `--seed N --examples M` makes others, or more of them. A failure names both.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest

import pi_system_monitor
from pistat.cache import attempt
from pistat.collectors import ALL, processes
from pistat.field import Collector, Incomplete, Values
from pistat.formats import openapi, prometheus
from pistat.routes import CAPABILITIES, DIAGNOSIS, MONITOR, Route
from pistat.settings import Settings
from support.answer_shape import mismatches, outside
from support.hostile_input import strict
from support.machines.damaged_machine import DamagedMachine, Source
from support.machines.hostile_machine import HostileMachine, changes
from support.recorded_machine import BOARDS, DATA_ROUTES

FOUR = ("pi5-8gb-nvme", "pi2b-docker", "zero2w-wifi", "pc-x86")
"""The newest with most readings, one with containers, a small one on Wi-Fi, and no Raspberry Pi."""

SHARES = (1.0, 0.3, 0.05)
"""How many of the sources are hostile at once: some are not even looked at while others are."""

ROUTES: tuple[Route, ...] = (*DATA_ROUTES, CAPABILITIES, DIAGNOSIS, MONITOR)
SCHEMAS = {
    key: schema for route in DATA_ROUTES for key, schema in openapi.schema(route)["properties"].items()
}


@functools.cache
def sources(board: str) -> Sequence[Source]:
    """All that is read of a board."""
    machines = [DamagedMachine(BOARDS / board) for _ in ALL]
    for collector, machine in zip(ALL, machines, strict=True):
        collector.collect(machine)
    return sorted({source for machine in machines for source in machine.seen})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "board" in metafunc.fixturenames:
        metafunc.parametrize("board", FOUR)


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> list[str]:
    first, count = request.config.getoption("--seed"), request.config.getoption("--examples")
    return [f"--seed {first + number} --examples 1" for number in range(count)]


def machine(board: str, seed: str) -> HostileMachine:
    share = Random(seed).choice(SHARES)
    return HostileMachine(BOARDS / board, changes(seed, sources(board), share), seed)


def values(collector: Collector, machine: HostileMachine) -> Values:
    """What a collector reads, as the monitor has it."""
    outcome = attempt(functools.partial(collector.collect, machine), 0.0)
    if outcome.value is None:
        return collector.nulls(machine)
    return outcome.value.values if isinstance(outcome.value, Incomplete) else outcome.value


def wrong(collector: Collector, found: Values) -> Iterator[str]:
    """What of the answer of a collector is not as it is declared, or out of bounds."""
    document: dict[str, Any] = {
        key: processes.top(value, "pid", len(value.newer.processes))
        if isinstance(value, processes.ProcessTables)
        else value
        for key, value in found.items()
    }
    yield from mismatches(document, collector.fields)
    for key, value in document.items():
        yield from outside(value, SCHEMAS[key], key)


def test_every_collector(board: str, seeds: list[str]) -> None:
    """Two readings, two seconds apart, for rates need two: each is as declared, and within the bounds."""
    for seed in seeds:
        hostile = machine(board, seed)
        for _ in range(2):
            readings = {collector: values(collector, hostile) for collector in ALL}
            for collector, found in readings.items():
                assert list(wrong(collector, found)) == [], f"{board}: {seed}"
            hostile.now += 2.0
            whole = {key: value for found in readings.values() for key, value in found.items()}
            for piece in prometheus.MEASURED.text(prometheus.bounded(whole), openmetrics=True):
                samples = [line for line in piece.splitlines() if not line.startswith("#")]
                numbers = [line.rpartition(" ")[2] for line in samples]
                assert all(map(math.isfinite, map(float, numbers))), f"{board}: {seed}"


def test_every_route(board: str, seeds: list[str]) -> None:
    """The same of what a client gets, the verdict and the reasons among it."""
    for seed in seeds[::10]:
        app = pi_system_monitor.create_app(Settings(rate_limit_enabled=False), machine(board, seed))
        for route in ROUTES:
            answer = app.test_client().get(route.path)
            assert answer.status_code in {200, *route.also}, f"{board}{route.path}: {seed}"
            found = list(outside(strict(answer.data), openapi.schema(route), route.path))
            assert found == [], f"{board}: {seed}"
