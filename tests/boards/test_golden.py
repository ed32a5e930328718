"""The answers for every recorded board, held against the files beside it and against the declarations."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest

import pi_system_monitor
from pistat import routes
from pistat.collectors import STATS
from pistat.formats import prometheus
from pistat.routes import Route
from pistat.settings import Settings
from support.answer_shape import leaves, mismatches
from support.recorded_machine import (
    BOARDS,
    DATA_ROUTES,
    RecordedMachine,
    altered,
    answer,
    board_names,
    expected,
)


@functools.cache
def ask(board: str, route: Route) -> Any:
    return answer(RecordedMachine(BOARDS / board), route.path)


def cases() -> list[Any]:
    return [
        pytest.param(board, route, id=f"{board}{route.path}")
        for board in board_names()
        for route in DATA_ROUTES
    ]


@pytest.mark.parametrize(("board", "route"), cases())
def test_the_answer_is_the_expected_one(board: str, route: Route, request: pytest.FixtureRequest) -> None:
    """Every figure is what the files of the board say; `--update` accepts what is answered now."""
    given = ask(board, route)
    path = expected(board, route)
    if request.config.getoption("--update"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(given, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    assert given == json.loads(path.read_text(encoding="utf-8"))


def _metrics(machine: RecordedMachine) -> str:
    app = pi_system_monitor.create_app(Settings(rate_limit_enabled=False), machine)
    response = app.test_client().get(routes.METRICS.path)
    assert response.status_code == 200
    return response.get_data(as_text=True)


@pytest.mark.parametrize("board", board_names())
def test_the_metrics_are_the_expected_ones(board: str, request: pytest.FixtureRequest) -> None:
    """The same for Prometheus, but for what the daemon says of itself, which is never twice the same."""
    text = _metrics(RecordedMachine(BOARDS / board))
    measured, own, _ = text.partition(f"# HELP {prometheus.OWN.families[0].series}")
    path = BOARDS / board / "expected" / "metrics.prom"
    if request.config.getoption("--update"):
        path.write_text(measured, encoding="utf-8")

    assert own
    assert measured == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("board", "route"), cases())
def test_the_declarations_are_true(board: str, route: Route) -> None:
    """Each leaf has a declaration and its type, each declaration a leaf, and the keys keep their order."""
    given = ask(board, route)

    assert mismatches(given, route.fields) == []
    assert [key for key in given if key != "errors"] == list(route.keys)


@pytest.mark.parametrize("board", board_names())
def test_nothing_failed(board: str) -> None:
    """What a board lacks is null and no error; only what it is meant to fail at fails."""
    meant = RecordedMachine(BOARDS / board).facts.get("fails", [])

    assert list(ask(board, routes.STATS).get("errors", {})) == meant


TABLES = (
    *("proc/loadavg", "proc/stat", "proc/meminfo", "proc/diskstats", "proc/net/dev", "proc/net/snmp"),
    *("proc/self/mountinfo", "proc/cpuinfo"),
)


@pytest.mark.parametrize("text", ["", "-1\n"])
@pytest.mark.parametrize("table", TABLES)
def test_a_table_without_rows_keeps_the_shape(tmp_path: Path, table: str, text: str) -> None:
    """A kernel, or a container, that tells nothing of a table changes no shape, and fails no answer."""
    machine = altered("pi4b-8gb", tmp_path, {table: text})

    for route in DATA_ROUTES:
        assert mismatches(answer(machine, route.path), route.fields) == []
    assert len(answer(machine, "/stats")["load_avg"]) == 3
    assert _metrics(machine)


@pytest.mark.parametrize("collector", STATS, ids=lambda each: each.name)
def test_failing_keeps_the_shape(collector: Any) -> None:
    """The answer of a failed collector has the declared shape with every leaf null."""
    machine = RecordedMachine(BOARDS / board_names()[0])

    nulls = collector.nulls(machine)

    assert mismatches(nulls, collector.fields) == []
    assert tuple(nulls) == collector.keys
    assert all(value is None for _, value in leaves(nulls))
