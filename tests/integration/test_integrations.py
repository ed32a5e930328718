"""The blocks of docs/integrations.md: what they ask for is there, on every board, and the programs run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from ctypes.util import find_library
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jinja2
import pytest
import yaml
from jsonata import Jsonata

import pi_system_monitor
from pistat.settings import Settings
from support.recorded_machine import BOARDS, TYPICAL_BOARDS, RecordedMachine

if TYPE_CHECKING:
    from support.daemon import Daemon
    from support.require import Require

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- block: ([a-z-]+) -->\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
ADDRESS = "raspberrypi.local:8585"
COLLECTD = "/usr/sbin/collectd"

HOME_ASSISTANT = yaml.safe_load(BLOCKS["home-assistant"])["rest"][0]
HOMEPAGE = yaml.safe_load(BLOCKS["homepage"])[0]["Raspberry Pi"][0]["Living room"]["widget"]
TELEGRAF = tomllib.loads(BLOCKS["telegraf"])["inputs"]["http"][0]
MONITORS = [json.loads(BLOCKS[name]) for name in ("uptime-kuma-health", "uptime-kuma-stats")]
BOARDS_AND_NULLS = [*TYPICAL_BOARDS, None]
"""Four boards, and a Pi of which nothing at all is known."""


def ask(board: str, url: str) -> Any:
    """What the Pi answers to a URL of the page."""
    parts = urlsplit(url)
    assert parts.netloc == ADDRESS
    app = pi_system_monitor.create_app(Settings(rate_limit_enabled=False), RecordedMachine(BOARDS / board))
    response = app.test_client().get(f"{parts.path}?{parts.query}" if parts.query else parts.path)
    assert response.status_code == 200, response.data
    return json.loads(response.data)


def without_figures(answer: Any) -> Any:
    """The same with every leaf null."""
    if isinstance(answer, dict):
        return {key: without_figures(each) for key, each in answer.items()}
    return [without_figures(each) for each in answer] if isinstance(answer, list) else None


def answer_of(board: str | None, url: str) -> Any:
    return ask(board, url) if board else without_figures(ask(TYPICAL_BOARDS[0], url))


OTHERS = (*5 * ("ini",), *2 * ("sh",), *3 * ("yaml",))
"""Settings, an automation, lines for a shell, and widgets of Glances: tested elsewhere."""


def test_every_block_is_tested() -> None:
    """The page has no code that this file does not know, but for the lines of `OTHERS`."""
    fenced = re.findall(r"^```(\w+)$", PAGE, re.MULTILINE)

    assert sorted(BLOCKS) == [
        *(
            "collectd",
            "home-assistant",
            "homepage",
            "javascript",
            "python",
            "telegraf",
            "telegraf-prometheus",
        ),
        *("uptime-kuma-health", "uptime-kuma-stats"),
    ]
    assert all(each in fenced for each in OTHERS)
    assert len(fenced) == len(BLOCKS) + len(OTHERS)


def test_every_address_is_the_same() -> None:
    """One name stands for the Pi in all of the page, with the port that it has by default."""
    found = set(re.findall(r"https?://([\w.:-]+)/(?:stats|health|metrics|\s)", PAGE))

    assert found == {ADDRESS}
    assert f":{Settings().port}" in ADDRESS


# Home Assistant

JINJA = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
SENSORS = [(kind, each) for kind in ("sensor", "binary_sensor") for each in HOME_ASSISTANT[kind]]
UNITS: dict[str | None, set[str | None]] = {
    "temperature": {"°C"},
    "data_size": {"B"},
    "duration": {"s"},
    "voltage": {"V"},
    None: {"%", None},
}
"""Which units Home Assistant accepts for a class of device."""


@pytest.mark.parametrize("board", BOARDS_AND_NULLS)
def test_home_assistant_reads_it(board: str | None) -> None:
    """Each sensor is available exactly when its figure is known, and then has a state of its kind."""
    answer = answer_of(board, HOME_ASSISTANT["resource"])

    for kind, sensor in SENSORS:
        [path] = re.findall(r"^{{ value_json\.([\w.]+) }}$", sensor["value_template"])
        figure = answer
        for key in path.split("."):
            figure = figure[key]
        available = JINJA.from_string(sensor["availability"]).render(value_json=answer)
        state = JINJA.from_string(sensor["value_template"]).render(value_json=answer)
        assert available == str(figure is not None), sensor["name"]
        if figure is not None:
            assert state in ("True", "False") if kind == "binary_sensor" else float(state) == figure


def test_home_assistant_is_not_available_without_an_answer() -> None:
    """What is no JSON, such as the page of a proxy, makes the sensors unavailable and raises nothing."""
    for _, sensor in SENSORS:
        assert JINJA.from_string(sensor["availability"]).render() == "False"


def test_home_assistant_knows_the_sensors() -> None:
    """One request for all; each sensor has an id of its own, and a unit that fits its class."""
    ids = [sensor["unique_id"] for _, sensor in SENSORS]

    assert len(set(ids)) == len(ids)
    for kind, sensor in SENSORS:
        if kind == "sensor":
            assert sensor.get("unit_of_measurement") in UNITS[sensor.get("device_class")]
            assert sensor["state_class"] in {"measurement", "total_increasing"}
        else:
            assert sensor["device_class"] == "problem"


# Homepage

FORMATS = {"text", "number", "float", "percent", "bytes", "bitrate"}


@pytest.mark.parametrize("board", TYPICAL_BOARDS)
def test_homepage_reads_it(board: str) -> None:
    """Each field leads to a number or to null, by Homepage's rule: an object of one key goes a step down."""
    answer = ask(board, HOMEPAGE["url"])

    assert HOMEPAGE["type"] == "customapi"
    assert len(HOMEPAGE["mappings"]) == 4
    for mapping in HOMEPAGE["mappings"]:
        field, value = mapping["field"], answer
        while isinstance(field, dict):
            [(key, field)] = field.items()
            value = value[key]
        assert isinstance(value[field], (int, float, type(None)))
        assert mapping["format"] in FORMATS


# Uptime Kuma


def kuma(monitor: dict[str, str], answer: Any) -> bool:
    """Whether Uptime Kuma would call it up: it compares the result of the query as a text."""
    result = Jsonata(monitor["jsonPath"]).evaluate(answer)
    return (str(result).lower() if isinstance(result, bool) else str(result)) == monitor["expectedValue"]


@pytest.mark.parametrize("board", BOARDS_AND_NULLS)
def test_uptime_kuma_understands_it(board: str | None) -> None:
    """A board is there; whether all is well with it depends on its figures, and null is never a fault."""
    health, stats = MONITORS
    answer = answer_of(board, stats["url"])
    bad = [
        (answer["cpu_temp"] or 0) > 80,
        (answer["disk"]["percent"] or 0) > 90,
        answer["power"]["under_voltage"],
    ]

    assert kuma(health, ask(board or TYPICAL_BOARDS[0], health["url"]))
    assert kuma(stats, answer) is not any(bad)


@pytest.mark.parametrize(
    ("changed", "well"),
    [
        ({}, True),
        ({"cpu_temp": 80.5}, False),
        ({"disk": {"percent": 90.5}}, False),
        ({"power": {"under_voltage": True}}, False),
        ({"cpu_temp": None, "disk": {"percent": None}, "power": {"under_voltage": None}}, True),
    ],
)
def test_uptime_kuma_sees_what_is_wrong(changed: dict[str, Any], well: bool) -> None:
    """Heat, a full disk and a weak supply each turn the monitor red."""
    answer = {"cpu_temp": 50.0, "disk": {"percent": 50.0}, "power": {"under_voltage": False}}

    assert kuma(MONITORS[1], answer | changed) is well


# Telegraf


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Telegraf's parser `json`: the keys of a path joined with `_`."""
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = {str(index): each for index, each in enumerate(value)}.items()
    else:
        return {path: value}
    return {
        key: each for name, inner in pairs for key, each in flat(inner, f"{path}_{name}".strip("_")).items()
    }


@pytest.mark.parametrize("board", TYPICAL_BOARDS)
def test_telegraf_reads_it(board: str) -> None:
    """The time, the tags and the flags that it is told of are there, and of their type."""
    [url] = TELEGRAF["urls"]
    fields = flat(ask(board, url))

    assert isinstance(fields[TELEGRAF["json_time_key"]], float)
    assert all(isinstance(fields[each], (str, type(None))) for each in TELEGRAF["tag_keys"])
    assert all(isinstance(fields[each], (bool, type(None))) for each in TELEGRAF["json_string_fields"])


def test_telegraf_reads_the_metrics() -> None:
    """The address of the other block is that of the metrics."""
    [plugin] = tomllib.loads(BLOCKS["telegraf-prometheus"])["inputs"]["prometheus"]

    assert plugin["urls"] == [f"http://{ADDRESS}/metrics"]


# collectd

COLLECTD_CONF = """\
BaseDir "{folder}"
PIDFile "{folder}/pid"
TypesDB "/usr/share/collectd/types.db"
Interval 1
LoadPlugin csv
<Plugin csv>
  DataDir "{folder}/csv"
</Plugin>
"""
KEYS = re.findall(r'<Key "(.+)">\n\s+Type "(\w+)"\n\s+Instance "(\w+)"', BLOCKS["collectd"])


@pytest.mark.parametrize("board", TYPICAL_BOARDS)
def test_collectd_finds_its_keys(board: str) -> None:
    """Each key leads to a number, a flag or null."""
    [url] = re.findall(r'<URL "(.+)">', BLOCKS["collectd"])
    answer = ask(board, url)

    assert len(KEYS) == BLOCKS["collectd"].count("<Key")
    assert all(isinstance(each, (int, float, type(None))) for each in figures(answer).values())


def test_collectd_stores_it(shared: Daemon, require: Require, tmp_path: Path) -> None:
    """The real collectd reads the block and writes down each figure that this machine has."""
    installed = Path(COLLECTD).exists() and find_library("yajl") is not None
    require(installed, "collectd and its JSON (Debian: collectd-core, libyajl2, libcurl3-gnutls)")
    block = BLOCKS["collectd"].replace(ADDRESS, f"127.0.0.1:{shared.port}")
    (tmp_path / "collectd.conf").write_text(COLLECTD_CONF.format(folder=tmp_path) + block)
    answer = shared.json("/stats")
    known = {name: figure for name, figure in figures(answer).items() if figure is not None}

    collectd = subprocess.Popen([COLLECTD, "-f", "-C", tmp_path / "collectd.conf"], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while len(
            stored := {path.name[:-11] for path in tmp_path.glob("csv/raspberrypi/pistat-stats/*")}
        ) < len(known):
            assert time.monotonic() < until, stored
            time.sleep(0.1)
    finally:
        collectd.terminate()
        collectd.wait(20)

    assert stored == known.keys()
    # One for each day.
    *_, memory = sorted(tmp_path.glob("csv/raspberrypi/pistat-stats/percent-memory-*"))
    last = memory.read_text().splitlines()[-1].split(",")[1]
    assert 0 < float(last) < 100


def figures(answer: Any) -> dict[str, Any]:
    """What each key of the block leads to, by the name that collectd gives it."""
    found = {}
    for path, kind, instance in KEYS:
        figure = answer
        for step in path.split("/"):
            figure = figure[int(step) if isinstance(figure, list) else step]
        found[f"{kind}-{instance}"] = figure
    return found


# Programs

PROGRAMS = [("python", [sys.executable, "pi.py"]), ("javascript", ["node", "pi.mjs"])]


def shown(figure: float | None, unit: str) -> str:
    return "not known" if figure is None else f"{figure:.1f} {unit}"


@pytest.mark.parametrize(("name", "command"), PROGRAMS)
def test_programs_print_the_figures(
    name: str, command: list[str], start: Callable[..., Daemon], require: Require, tmp_path: Path
) -> None:
    """The programs run as they stand, and say what the daemon says."""
    require(shutil.which(command[0]) is not None, "Node.js (Debian: nodejs)")
    (tmp_path / command[1]).write_text(BLOCKS[name], encoding="utf-8")
    daemon = start(PISTAT_CACHE_SECONDS="3600", PISTAT_HISTORY_SECONDS="0")  # so that it says the same to all
    pi = daemon.json("/stats")

    finished = subprocess.run(
        [*command, f"127.0.0.1:{daemon.port}"], cwd=tmp_path, check=True, capture_output=True, text=True
    )

    lines = dict(
        re.split(r" {2,}|(?<=use[dr]) ", line, maxsplit=1) for line in finished.stdout.splitlines()[:4]
    )
    assert lines["Temperature"] == shown(pi["cpu_temp"], "°C")
    assert lines["Up for"] == shown(pi["uptime"] / 86400, "days")
    assert re.fullmatch(r"\d+\.\d %", lines["Memory used"])
    assert re.fullmatch(r"\d+\.\d %", lines["Disk used"])


class Unknown(BaseHTTPRequestHandler):
    """A Pi of which nothing at all is known."""

    def do_GET(self) -> None:
        body = json.dumps(answer_of(None, f"http://{ADDRESS}{self.path}")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(("name", "command"), PROGRAMS)
def test_programs_take_null_for_not_known(
    name: str, command: list[str], require: Require, tmp_path: Path
) -> None:
    """What is null is neither 0 nor the end of the program."""
    require(shutil.which(command[0]) is not None, "Node.js (Debian: nodejs)")
    (tmp_path / command[1]).write_text(BLOCKS[name], encoding="utf-8")

    with HTTPServer(("127.0.0.1", 0), Unknown) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        finished = subprocess.run(
            [*command, f"127.0.0.1:{server.server_port}"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )

    assert [line[-9:] for line in finished.stdout.splitlines()] == ["not known"] * 4


@pytest.mark.parametrize(("name", "command"), PROGRAMS)
def test_programs_tell_what_went_wrong(
    name: str, command: list[str], require: Require, tmp_path: Path
) -> None:
    """A Pi that is not there ends them with a failure and not with a figure."""
    require(shutil.which(command[0]) is not None, "Node.js (Debian: nodejs)")
    (tmp_path / command[1]).write_text(BLOCKS[name], encoding="utf-8")

    finished = subprocess.run(
        [*command, "127.0.0.1:1"], cwd=tmp_path, check=False, capture_output=True, text=True
    )

    assert finished.returncode != 0
    assert finished.stdout == ""
