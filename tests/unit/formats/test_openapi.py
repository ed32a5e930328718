"""The OpenAPI document is valid, and no answer of the daemon contradicts it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from pistat.formats import openapi
from pistat.formats.openapi import schema
from pistat.routes import OPENAPI, PROCESSES, ROUTES, STATS, Route
from pistat.settings import Settings
from support.recorded_machine import BOARDS, board_names

if TYPE_CHECKING:
    from support.daemon import Daemon

TOKEN = "correct-horse-battery-staple"
JSON_ROUTES = [each for each in ROUTES if each.fields]


def wrong(answer: Any, described: Any) -> list[str]:
    """Where an answer is not as it is described."""
    found = Draft202012Validator(described).iter_errors(answer)
    return [f"{each.json_path}: {each.message:.200}" for each in found]


@pytest.mark.parametrize("token", ["", TOKEN])
def test_document_is_valid(token: str) -> None:
    """The document keeps the rules of OpenAPI 3.1, with a token and without."""
    document = openapi.document(Settings(api_token=token))

    validate(document)
    assert set(document["paths"]) == {each.path for each in ROUTES}


def test_document_is_served(shared: Daemon) -> None:
    """The daemon serves it for the settings that it has."""
    assert shared.json(OPENAPI.path) == json.loads(
        json.dumps(openapi.document(Settings(rate_limit_enabled=False)))
    )


def boards() -> Iterator[Any]:
    for board in board_names():
        for route in JSON_ROUTES:
            path = BOARDS / board / "expected" / f"{route.path.rsplit('/', 1)[1]}.json"
            if path.exists():
                yield pytest.param(path, route, id=f"{board}{route.path}")


@pytest.mark.parametrize(("path", "route"), list(boards()))
def test_boards_answer_as_described(path: Path, route: Route) -> None:
    """Each recorded board answers as the document says."""
    assert wrong(json.loads(path.read_text(encoding="utf-8")), schema(route)) == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda each: each.path)
def test_daemon_answers_as_described(shared: Daemon, route: Route) -> None:
    """The machine under test does so too, and in a type that is named."""
    answer = shared.get(route.path)

    assert answer.headers["content-type"].partition(";")[0] in route.media
    if route.fields:
        assert wrong(answer.json(), schema(route)) == []


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda answer: answer.update(other=1), id="a key more"),
        pytest.param(lambda answer: answer["memory"].pop("total"), id="a leaf less"),
        pytest.param(lambda answer: answer["memory"].update(total="1"), id="a text"),
        pytest.param(lambda answer: answer["memory"].update(total=-1), id="below zero"),
        pytest.param(lambda answer: answer["memory"].update(percent=101), id="beyond the whole"),
        pytest.param(lambda answer: answer.update(memory=None), id="an object that is null"),
        pytest.param(lambda answer: answer["load_avg"].append(1.0), id="a fourth of three"),
        pytest.param(lambda answer: answer["network"].update(eth9={}), id="an interface without counters"),
        pytest.param(lambda answer: answer.update(errors={}), id="errors although there are none"),
    ],
)
def test_what_is_wrong_is_found(spoil: Callable[[Any], object]) -> None:
    """The descriptions are exact: an answer that is wrong in one place is not as described."""
    right = json.loads((BOARDS / "pi4b-8gb/expected/stats.json").read_text(encoding="utf-8"))
    spoilt = copy.deepcopy(right)
    spoil(spoilt)

    assert wrong(right, schema(STATS)) == []
    assert wrong(spoilt, schema(STATS)) != []


def test_null_is_allowed_at_every_leaf() -> None:
    """Any figure may be null, and a busy process may take more than one core."""
    processes: Any = schema(PROCESSES)["properties"]["processes"]["items"]["properties"]

    assert wrong(None, processes["cpu_percent"]) == []
    assert wrong(400.0, processes["cpu_percent"]) == []
    assert wrong(400.0, processes["memory_percent"]) != []


def test_refusals_are_as_described(shared: Daemon) -> None:
    """An error has the shape that the document gives to all errors."""
    error = openapi.document(Settings())["components"]["schemas"]["Error"]

    for target in ("/stats?fields=uptme", "/nowhere", "/processes?limit=0"):
        assert wrong(shared.get(target).json(), error) == []


def test_the_token_is_wanted_as_described(start: Callable[..., Daemon]) -> None:
    """The routes that the document calls open want no token, all others do."""
    daemon = start(PISTAT_API_TOKEN=TOKEN)
    paths = daemon.json(OPENAPI.path)["paths"]

    for route in ROUTES:
        is_open = paths[route.path]["get"]["security"] == []
        assert daemon.get(route.path).status == (200 if is_open else 401), route.path


SCHEMATHESIS = """
[[operations]]
include-path = "/diagnosis"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "503"]
"""
"""With `fail`, 503 is what the client has asked for."""


def test_fuzzer_finds_no_contradiction(shared: Daemon, tmp_path: Path) -> None:
    """Schemathesis sends what the document allows and what it forbids, and every answer is as described."""
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS)
    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"http://127.0.0.1:{shared.port}{OPENAPI.path}"),
            *("--seed", "1", "--max-examples", "10", "--phases", "coverage,fuzzing"),
            *("--warnings", "off", "--no-color", "--request-timeout", "20"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=240,
    )

    assert run.returncode == 0, run.stdout
    # It does not ask for the document again.
    assert f"Tested: {len(ROUTES) - 1}\n" in run.stdout
