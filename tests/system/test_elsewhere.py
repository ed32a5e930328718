"""Elsewhere: on macOS and Windows the daemon starts, answers in the full shape, and has null for the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pistat import routes
from pistat.routes import Route
from support.answer_shape import leaves, mismatches
from support.daemon import Daemon
from support.daemons import elsewhere
from support.daemons.elsewhere import BUSY, CORES, GIB, MAC, WINDOWS

DATA = (
    routes.STATS,
    routes.PROCESSES,
    routes.INTERFACES,
    routes.DEVICES,
    routes.SENSORS,
    routes.CAPABILITIES,
    routes.HEALTH,
)
ONLY_LINUX = ("cpu_temp", "gpu", "power", "clocks", "hardware")


@pytest.fixture(scope="module", params=[MAC, WINDOWS])
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """The daemon on one of the platforms, with an empty folder for a root."""
    folder = tmp_path_factory.mktemp(request.param)
    running = Daemon(
        {"PISTAT_RATE_LIMIT_ENABLED": "no"}, [sys.executable, elsewhere.__file__, request.param, str(folder)]
    )
    running.wait_until_ready()
    yield running
    running.kill()


@pytest.fixture
def platform(daemon: Daemon, request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["daemon"])


def stats(daemon: Daemon) -> dict[str, Any]:
    found = daemon.json("/stats?cache=false")
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("route", DATA, ids=lambda each: each.path)
def test_the_shape_is_whole(daemon: Daemon, route: Route) -> None:
    """Every declared leaf is there with its type or null, and nothing failed."""
    answer = daemon.json(route.path)

    assert mismatches(answer, route.fields) == []
    assert tuple(answer) == route.keys


@pytest.mark.parametrize(
    "target",
    [
        *(f"/processes?sort={each}&limit=2" for each in ("cpu", "memory", "name", "pid", "time")),
        *("/stats?block=yes", "/stats?fields=hardware,gpu", "/stats?cache=0&block=1&fields=cpu_usage"),
        *("/", "/docs", "/icon.svg", "/top"),
    ],
)
def test_every_question_has_an_answer(daemon: Daemon, target: str) -> None:
    """All routes and parameters work."""
    assert daemon.get(target).status == 200


def test_what_only_linux_tells(daemon: Daemon, platform: str) -> None:
    """The figures of the firmware, of /sys and of the kernel's tables are null, at the leaf."""
    answer = stats(daemon)

    assert all(value is None for key in ONLY_LINUX for _, value in leaves(answer[key]))
    assert answer["network"]["active_connections"] is None
    assert answer["load_avg"] == ([1.23, 0.5, 0.25] if platform == MAC else [None, None, None])
    assert "errors" not in answer


def test_cpu(daemon: Daemon, platform: str) -> None:
    """The usage is what psutil's counters say, for each core and all; what they say twice counts once."""
    for query in ("", "?block=true"):
        answer = daemon.json(f"/stats{query}")
        assert answer["cpu_usage"] == pytest.approx(100 * BUSY, abs=0.1)
        assert answer["per_cpu_usage"] == pytest.approx([100 * BUSY] * CORES, abs=0.1)
    assert answer["cpu_freq"] == (2400.0 if platform == MAC else None)


def test_memory(daemon: Daemon, platform: str) -> None:
    """Memory is psutil's; swap that is not there is null."""
    answer = stats(daemon)

    memory = {"total": 8 * GIB, "available": 2 * GIB, "used": 6 * GIB, "percent": 75.0}
    assert answer["memory"] == {**memory, "oom_kills": None}
    swap = {"total": GIB, "used": GIB // 4, "free": 3 * GIB // 4, "percent": 25.0}
    expected = {**dict.fromkeys(answer["swap"]), **(swap if platform == MAC else {})}
    assert answer["swap"] == expected


def test_disks(daemon: Daemon, platform: str) -> None:
    """The root filesystem and each that is listed have their sizes; one that cannot be read keeps its row."""
    answer = stats(daemon)
    devices = {row["device"]: row for row in daemon.json("/storage/devices")["devices"]}

    assert answer["disk"]["total"] > 0
    if platform == MAC:
        assert list(answer["disk_io"].values())[:6] == [1, 2, 3, 4, 5, 6]
        assert devices["/dev/disk3s1s1"]["read_only"] is True
        assert devices["/dev/disk3s5"]["read_only"] is False
        assert devices["/dev/disk3s5"]["total"] > 0
        assert devices["/dev/disk4s1"]["error"] == "could not be read"
    else:
        assert set(answer["disk_io"].values()) == {None}
        assert answer["disk"] == {"total": 100 * GIB, "used": 40 * GIB, "free": 60 * GIB, "percent": 40.0}
        assert devices["C:\\"]["percent"] == 40.0
        assert devices["D:\\"]["error"] == "not permitted"
        assert devices["D:\\"]["total"] is None


def test_network(daemon: Daemon, platform: str) -> None:
    """Every interface but the loopback is there, with its addresses in one form for all platforms."""
    found = daemon.json("/network/interfaces")["interfaces"]
    names = ["en0", "utun0"] if platform == MAC else ["Wi-Fi 2"]
    addresses = ["192.0.2.7/24", "fe80::1c2f:7dff:fe01:2/64" if platform == MAC else "2001:db8::7"]

    assert list(found) == [*names, "active_connections"]
    assert list(stats(daemon)["network"]) == [*names, "active_connections"]
    shown = {
        "bytes_sent": 1,
        "bytes_recv": 2,
        "packets_sent": 3,
        "packets_recv": 4,
        "errin": 5,
        "errout": 6,
        "dropin": 7,
        "dropout": 0,
        "addresses": addresses,
        "mac": "02:00:00:00:00:01",
        "is_up": True,
        "speed": 1000 if platform == MAC else 300,
        "mtu": 1500,
    }
    rates = dict.fromkeys(("recv_rate", "sent_rate"))
    places = dict.fromkeys(("kind", "master", "physical", "default_route"))
    assert {**found[names[0]], **rates} == {**shown, **rates, **places}


def test_processes(daemon: Daemon) -> None:
    """A process has its figures; one of which nothing may be seen has its row all the same."""
    rows = {row["pid"]: row for row in daemon.json("/processes")["processes"]}

    assert rows.keys() == {1, 7, 8}
    assert (rows[7]["name"], rows[7]["user"]) == ("Ünïcode", "me")
    assert rows[7]["cpu_percent"] == pytest.approx(50, abs=10)
    assert rows[7]["memory_percent"] == 12.5
    assert rows[7]["running_time"] > 0
    assert (rows[1]["name"], rows[1]["cpu_percent"]) == ("launchd", 0)


def test_metrics(daemon: Daemon, platform: str) -> None:
    """Prometheus is told what is known, and Windows has no descriptors."""
    text = daemon.get("/metrics").body.decode()

    assert "\npistat_memory_total_bytes 8589934592\n" in text
    assert "\nprocess_resident_memory_bytes 1073741824\n" in text
    assert ("\nprocess_open_fds 9\n" in text) == (platform == MAC)
    assert "pistat_gpu_" not in text


def test_nothing_of_linux_is_touched(daemon: Daemon) -> None:
    """After all routes have answered, nothing below /proc or /sys has been opened, and the log is quiet."""
    for route in routes.ROUTES:
        daemon.get(route.path)

    assert daemon.log() == f"INFO Listening on http://127.0.0.1:{daemon.port}/\n"


@pytest.mark.parametrize("name", [MAC, WINDOWS])
def test_it_ends_there_as_here(name: str, tmp_path: Path) -> None:
    """SIGTERM ends it with status 0."""
    running = Daemon(command=[sys.executable, elsewhere.__file__, name, str(tmp_path)])
    try:
        running.wait_until_ready()
        assert running.stop() == 0
        assert not list(tmp_path.iterdir())
    finally:
        running.kill()
