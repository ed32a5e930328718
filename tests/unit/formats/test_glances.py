"""The answers of Glances 4, as its clients need them, on every recorded board."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

import pi_system_monitor
from pistat import routes
from pistat.formats.glances import ALL
from pistat.formats.glances_plugins import LISTED, PLUGINS, VERSION
from pistat.monitor.monitor import OWNERS
from pistat.settings import Settings
from support.recorded_machine import BOARDS, RecordedMachine, board_names

OBJECTS = ("now", "core", "system", "quicklook", "cpu", "load", "mem", "memswap", "ip", "processcount")
LISTS = ("percpu", "fs", "diskio", "network", "sensors", "gpu", "processlist", "containers", "alert")
TEXTS = ("version", "uptime")

KEYS: dict[str, dict[str, type]] = {
    "quicklook": {"cpu": float, "mem": float, "swap": float, "cpu_name": str, "percpu": list},
    "load": {"min1": float, "min5": float, "min15": float, "cpucore": int},
    "mem": {"total": int, "available": int, "used": int, "free": int, "percent": float},
    "memswap": {"total": int, "used": int, "free": int, "percent": float},
    "processcount": {"total": int, "running": int, "sleeping": int, "thread": int},
    "system": {"os_name": str, "hostname": str, "platform": str, "linux_distro": str, "os_version": str},
    "fs": {"mnt_point": str, "device_name": str, "size": int, "used": int, "free": int, "percent": float},
    "diskio": {"disk_name": str, "read_bytes": int, "write_bytes": int, "time_since_update": float},
    "network": {"interface_name": str, "is_up": bool, "speed": int, "bytes_recv": int, "bytes_sent": int},
    "sensors": {"label": str, "type": str, "unit": str, "value": float},
    "processlist": {"pid": int, "name": str, "cpu_percent": float, "memory_percent": float, "status": str},
}
"""What clients read of each answer, or of each row of it, and its type."""


def client(board: str, **settings: Any) -> Any:
    machine = RecordedMachine(BOARDS / board)
    app = pi_system_monitor.create_app(Settings(rate_limit_enabled=False, **settings), machine)
    return app.test_client()


@cache
def whole(board: str) -> Any:
    """Everything that a client gets of a board."""
    answer = client(board).get("/api/4/all")
    assert answer.status_code == 200
    return answer.get_json()


@pytest.mark.parametrize("board", board_names())
def test_all_on_every_board(board: str) -> None:
    """Each plugin has its type, each row the keys that clients read; what they compute with is a number."""
    found = whole(board)

    assert set(found) == set(PLUGINS)
    assert all(isinstance(found[name], dict) for name in OBJECTS)
    assert all(isinstance(found[name], list) for name in LISTS)
    assert all(isinstance(found[name], str) for name in TEXTS)
    for name, keys in KEYS.items():
        rows = found[name] if name in LISTS else [found[name]]
        for row in rows:
            for key, kind in keys.items():
                if row or name in LISTS:
                    accepted = (int, float) if kind is float else kind
                    assert isinstance(row.get(key), accepted), (name, key, row)


@pytest.mark.parametrize("board", board_names())
def test_what_homepage_and_home_assistant_read(board: str) -> None:
    """The temperature of the processor has the label that is looked for; the uptime has its days."""
    found = whole(board)

    heat = client(board).get("/stats?fields=cpu_temp").get_json()["cpu_temp"]
    labels = [row["label"] for row in found["sensors"] if row["label"].startswith("cpu_thermal")]
    assert labels == ([] if heat is None else ["cpu_thermal 0"])
    assert re.fullmatch(r"\d+ days?, \d{1,2}:\d\d:\d\d", found["uptime"])
    assert found["version"] == VERSION
    assert all(row["time_since_update"] > 0 for row in (*found["diskio"], *found["network"]))


def test_a_healthy_pi_5() -> None:
    """The readings are those of the other routes."""
    found = whole("pi5-8gb-nvme")

    assert found["quicklook"]["cpu"] == 15.0
    assert found["quicklook"]["cpu_name"] == "BCM2712"
    assert found["core"] == {"phys": 4, "log": 4}
    assert found["mem"]["used"] == found["mem"]["total"] - found["mem"]["available"]
    assert [row["total"] for row in found["percpu"]] == [50.0, 3.0, 7.0, 0.0]
    assert found["fs"][0]["mnt_point"] == "/"
    assert found["processlist"][0]["name"] == "python3"
    assert found["uptime"] == "0 days, 3:20:45"
    assert {row["label"] for row in found["sensors"]} >= {"cpu_thermal 0", "nvme/Composite", "pwmfan"}


def test_no_command_line_is_sent() -> None:
    """A command line may hold secrets: no row has one, and there are at most fifty."""
    rows = whole("pi5-8gb-nvme")["processlist"]

    assert rows
    assert len(rows) <= LISTED
    assert not any("cmdline" in row for row in rows)


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_alone(name: str) -> None:
    """Each plugin alone is what it is in `all`, GET and HEAD alike."""
    asked = client("pi4b-8gb")
    answer = asked.get(f"/api/4/{name}")

    assert answer.get_json() == whole("pi4b-8gb")[name]
    assert asked.head(f"/api/4/{name}").status_code == 200


def test_one_item() -> None:
    """One item of a plugin comes under its name; of a list, that of each row."""
    asked, found = client("pi4b-8gb"), whole("pi4b-8gb")

    assert asked.get("/api/4/mem/percent").get_json() == {"percent": found["mem"]["percent"]}
    names = [row["mnt_point"] for row in found["fs"]]
    assert asked.get("/api/4/fs/mnt_point").get_json() == {"mnt_point": names}


@pytest.mark.parametrize("path", ["nosuch", "cpu/nosuch", "all/cpu", "fs/nosuch", "uptime/x"])
def test_what_there_is_not(path: str) -> None:
    """It is refused in the shape of Glances, with its status."""
    answer = client("pi4b-8gb").get(f"/api/4/{path}")

    assert answer.status_code == 400
    assert list(answer.get_json()) == ["detail"]


def test_the_list_and_the_status() -> None:
    """Clients ask which plugins there are, and health checks whether anybody answers."""
    asked = client("pi4b-8gb")

    assert asked.get("/api/4/pluginslist").get_json() == list(PLUGINS)
    assert asked.get("/api/4/status").get_json() == {"version": VERSION}
    assert asked.get("/api/3/all").status_code == 404


def test_queries_and_credentials_that_nobody_asked_for() -> None:
    """Homepage always sends credentials and an odd Accept-Encoding; neither is refused."""
    headers = {"Authorization": "Basic dW5kZWZpbmVkOnVuZGVmaW5lZA==", "Accept-Encoding": "application/json"}

    answer = client("pi4b-8gb").get("/api/4/quicklook?x=1", headers=headers)

    assert answer.status_code == 200


def test_the_token_is_the_password_of_any_user() -> None:
    """With a token everything but the status wants it, and Basic with any name shows it."""
    asked = client("pi4b-8gb", api_token="correct-horse-battery-staple")

    assert asked.get("/api/4/all").status_code == 401
    assert asked.get("/api/4/all", auth=("anyone", "correct-horse-battery-staple")).status_code == 200
    assert asked.get("/api/4/status").status_code == 200


def test_it_can_be_taken_away() -> None:
    """With PISTAT_GLANCES_API=False there is nothing below /api/4/."""
    asked = client("pi4b-8gb", glances_api=False)

    assert [asked.get(f"/api/4/{name}").status_code for name in ("all", "status", "cpu")] == [404] * 3


def test_a_budget_of_its_own() -> None:
    """It is ten times the limit, and leaves that of the other routes alone."""
    machine = RecordedMachine(BOARDS / "pi4b-8gb")
    asked = pi_system_monitor.create_app(Settings(rate_limit_requests=3), machine).test_client()

    statuses = [asked.get("/api/4/core").status_code for _ in range(31)]

    assert statuses == [200] * 30 + [429]
    assert asked.get("/stats").status_code == 200
    assert asked.get("/api/4/core").headers["RateLimit-Limit"] == "30"


def test_nothing_is_read_twice_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """All plugins share one collection: each collector runs once, and not again while it is fresh."""
    machine = RecordedMachine(BOARDS / "pi4b-8gb")
    app = pi_system_monitor.create_app(Settings(rate_limit_enabled=False), machine)
    own = app.extensions["pistat"].core.self_metrics
    app.test_client().get("/api/4/all")
    first = {row["collector"]: row["runs"] for row in own.values(frozenset())["collectors"]}

    for name in (ALL, *PLUGINS):
        app.test_client().get(f"/api/4/{name}")

    again = {row["collector"]: row["runs"] for row in own.values(frozenset())["collectors"]}
    owners = {OWNERS[key].name for plugin in PLUGINS.values() for key in plugin.keys}
    assert owners <= set(first)
    assert all(first[name] == again[name] for name in owners)


@pytest.mark.parametrize("name", [ALL, "quicklook", "fs/percent"])
def test_nothing_is_read_twice_without_a_cache(name: str) -> None:
    """With PISTAT_CACHE_SECONDS=0, too, one request is one collection."""
    machine = RecordedMachine(BOARDS / "pi4b-8gb")
    app = pi_system_monitor.create_app(Settings(rate_limit_enabled=False, cache_seconds=0.0), machine)

    app.test_client().get(f"/api/4/{name}")

    own = app.extensions["pistat"].core.self_metrics.values(frozenset())["collectors"]
    runs = {row["collector"]: row["runs"] for row in own}
    owners = {OWNERS[key].name for key in PLUGINS["fs" if "fs" in name else "quicklook"].keys}
    assert {runs[each] for each in owners} == {1}


@pytest.mark.parametrize("board", board_names())
def test_the_phone_app(board: str) -> None:
    """/monitor.json has no null anywhere, memory in kB, and what /stats has."""
    asked = client(board)
    found, stats = asked.get(routes.MONITOR.path).get_json(), asked.get("/stats").get_json()

    assert "null" not in asked.get(routes.MONITOR.path).get_data(as_text=True)
    assert found["soc_temperature"] == (stats["cpu_temp"] or 0)
    assert found["load_average"] == [each or 0 for each in stats["load_avg"]]
    assert found["memory"]["total_memory"] == (stats["memory"]["total"] or 0) // 1024
