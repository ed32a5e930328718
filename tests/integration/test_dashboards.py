"""What the widgets of Homepage and Dashy ask, as both were seen to ask it, and what they do with the answers.

Homepage 1.12 and Dashy 4.0 were run against pi-stat, and showed all of these widgets. Neither is in a
registry, so what stands here are their requests and, of each widget, which keys it reads and how it computes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import pytest

import pi_system_monitor
from pistat.history.history import KEYS, History
from pistat.history.recorder import Sample
from pistat.machine.cpu_times import Spent
from pistat.monitor.monitor import Monitor
from pistat.settings import Settings
from support.recorded_machine import BOARDS, RecordedMachine, board_names

HOMEPAGE = {"Content-Type": "application/json", "Authorization": "Basic dW5kZWZpbmVkOnVuZGVmaW5lZA=="}
"""Of its service widgets; without a user name and a password it sends `undefined:undefined`."""

HOMEPAGE_INFO = {"Accept-Encoding": "application/json"}
"""Of its info widget at the top of the page; the client sends what is the name of a type as an encoding."""

DASHY = {"Accept": "application/json, text/plain, */*", "Origin": "http://dashy.lan:8080"}

Ask = Callable[[str], Any]


def number(value: Any) -> float:
    """What JavaScript shows as a number: of anything else it would show NaN, or throw an exception."""
    assert isinstance(value, (int, float))
    assert not isinstance(value, bool)
    return value


def text(value: Any) -> str:
    assert isinstance(value, str)
    return value


def amounts(row: Any, *names: str) -> None:
    for name in names:
        number(row[name])


# Homepage


def homepage_info(ask: Ask) -> None:
    amounts(ask("cpu"), "total")
    amounts(ask("load"), "min15")
    amounts(ask("mem"), "available", "total", "percent")
    assert re.fullmatch(r"\d+ days?, \d{1,2}:\d\d:\d\d", text(ask("uptime")))
    for sensor in ask("sensors"):
        if sensor["label"].startswith("cpu_thermal") and sensor["type"] == "temperature_core":
            number(sensor["value"])
            assert sensor["warning"] is None or number(sensor["warning"]) > 0
    for row in ask("fs"):
        amounts(row, "free", "size")
        text(row["mnt_point"])


def homepage_look(ask: Ask) -> None:
    look, system = ask("quicklook"), ask("system")
    amounts(look, "mem", "swap", "cpu")
    for core in look["percpu"]:
        number(core["total"])
    assert all(text(system[name]) for name in ("linux_distro", "os_version", "hostname"))


def homepage_memory(ask: Ask) -> None:
    amounts(ask("mem"), "used", "available", "total")


def homepage_processes(ask: Ask) -> None:
    for row in ask("processlist"):
        number(row["pid"])
        amounts(row["memory_info"], "rss")
        assert text(row["status"]) in "RSDZTtXIP"
        f"{row['name']} {row['cpu_percent']:.1f}"


def homepage_containers(ask: Ask) -> None:
    for row in ask("containers"):
        number(row["memory"]["usage"] - row["memory"]["inactive_file"])
        f"{row['name']} {row['cpu_percent']:.1f}"


def homepage_network(ask: Ask) -> None:
    for row in ask("network"):
        text(row[row["key"]])
        number((row["bytes_recv"] + row["bytes_sent"]) * 8 / row["time_since_update"])


def homepage_disk(ask: Ask) -> None:
    for row in ask("diskio"):
        text(row["disk_name"])
        number((row["read_bytes"] + row["write_bytes"]) / row["time_since_update"])


def homepage_filesystem(ask: Ask) -> None:
    for row in ask("fs"):
        text(row[row["key"]])
        number((row["size"] - row["free"]) / row["size"])
        number(row["used"])


def homepage_sensor(ask: Ask) -> None:
    for row in ask("sensors"):
        number(row["value"])
        assert all(row[name] is None or number(row[name]) for name in ("warning", "critical"))
        assert row["unit"] in {"C", "R", "%"}


def homepage_gpu(ask: Ask) -> None:
    """It shows null as 0, which nothing that is sent could change."""
    for row in ask("gpu"):
        text(row[row["key"]])
        text(row["name"])
        assert all(row[name] is None or number(row[name]) >= 0 for name in ("mem", "proc", "temperature"))


# Dashy


def dashy_alerts(ask: Ask) -> None:
    for row in ask("alert"):
        amounts(row, "begin", "end", "min", "avg", "max", "sum")
        assert row["state"] in {"WARNING", "CRITICAL"}
        text(row["type"])


def dashy_cpu(ask: Ask) -> None:
    """It shows every key but `total` and `cpucore` with one decimal."""
    for value in ask("cpu").values():
        f"{number(value):.1f}"
    number(ask("cpu")["total"])


def dashy_cores(ask: Ask) -> None:
    """Every key of a core but its name and number is a part of its bar."""
    for core in ask("quicklook")["percpu"]:
        number(core["idle"])
        for name in core.keys() - {"key"}:
            number(core[name])


def dashy_memory(ask: Ask) -> None:
    """It shows every key but `percent` as an amount of bytes."""
    memory = ask("mem")
    assert memory.keys() == {"total", "available", "used", "free", "percent"}
    amounts(memory, *memory)


def dashy_sensors(ask: Ask) -> None:
    for row in ask("sensors"):
        text(row["label"])
        round(number(row["value"]))
        assert row["unit"] in {"C", "R", "%"}


def dashy_disks(ask: Ask) -> None:
    for row in ask("diskio"):
        text(row["disk_name"])
        amounts(row, "read_bytes", "write_bytes")
    for row in ask("fs"):
        assert all(isinstance(row[name], str) for name in ("device_name", "mnt_point", "fs_type"))
        amounts(row, "percent", "size", "used")


def dashy_network(ask: Ask) -> None:
    for row in ask("network"):
        text(row["interface_name"])
        amounts(row, "speed", "bytes_recv", "bytes_sent", "bytes_recv_gauge", "bytes_sent_gauge")
    for value in ask("ip").values():
        assert str(value)


def dashy_system(ask: Ask) -> None:
    amounts(ask("load"), "min1", "min5", "min15", "cpucore")
    text(ask("uptime"))


def dashy_overview(ask: Ask) -> None:
    everything = ask("all")
    number(everything["cpu"]["total"])
    number(everything["mem"]["percent"])
    number(sum(row["used"] for row in everything["fs"]) / sum(row["size"] for row in everything["fs"]))


def points(found: Any) -> list[tuple[datetime, float]]:
    """The points of a curve, of which there must be some, for the title has the time of the first."""
    assert found
    return [(datetime.fromisoformat(text(time)), number(value)) for time, value in found]


def dashy_cpu_history(ask: Ask) -> None:
    """The labels are the times of `system`; `user` is drawn along with them."""
    curves = ask("cpu/history/100")
    system, user = points(curves["system"]), points(curves["user"])
    assert [time for time, _ in system] == [time for time, _ in user]


def dashy_load_history(ask: Ask) -> None:
    curves = ask("load/history/500")
    one, five, fifteen = (points(curves[name]) for name in ("min1", "min5", "min15"))
    assert len(one) == len(five) == len(fifteen)


def dashy_memory_history(ask: Ask) -> None:
    assert all(0 <= value <= 100 for _, value in points(ask("mem/history/100")["percent"]))


def dashy_traffic(ask: Ask) -> None:
    """It takes all names that have `_sent` or `_recv` in them, and adds up what was in the same minute."""
    curves = ask("network/history/100")
    sent, received = (next(curves[name] for name in curves if part in name) for part in ("_sent", "_recv"))
    assert len(curves) == 2
    assert [time for time, _ in sent] == [time for time, _ in received]
    # A board without an interface has no traffic.
    assert not sent or points(sent)


HISTORIES = (dashy_cpu_history, dashy_load_history, dashy_memory_history, dashy_traffic)

WIDGETS: dict[Callable[[Ask], None], dict[str, str]] = {
    homepage_info: HOMEPAGE_INFO,
    **dict.fromkeys(
        (
            *(homepage_look, homepage_memory, homepage_processes, homepage_containers, homepage_network),
            *(homepage_disk, homepage_filesystem, homepage_sensor, homepage_gpu),
        ),
        HOMEPAGE,
    ),
    **dict.fromkeys(
        (
            *(dashy_alerts, dashy_cpu, dashy_cores, dashy_memory, dashy_sensors, dashy_disks),
            *(dashy_network, dashy_system, dashy_overview, *HISTORIES),
        ),
        DASHY,
    ),
}
"""Each widget, and the headers of its requests."""


@cache
def client(board: str) -> Any:
    machine = RecordedMachine(BOARDS / board)
    app = pi_system_monitor.create_app(Settings(rate_limit_enabled=False), machine)
    remember(app.extensions["pistat"].core.history, app.extensions["pistat"].core.monitor, machine)
    return app.test_client()


def remember(history: History, monitor: Monitor, machine: RecordedMachine) -> None:
    """Let five minutes go by, in which a machine is as it was when it was recorded."""
    begin, values = machine.uptime(), dict(monitor.answer(KEYS).values)
    for second in range(10, 310, 10):
        machine.uptime = lambda now=begin + second: now  # type: ignore[method-assign, misc]
        spent = Spent(second, 2 * second, (second, 0, 0, second, 0, 0, 0, 0, 0))
        history.record(Sample(begin + second, 0.0, values, cpu=spent))


@pytest.mark.parametrize("board", board_names())
def test_each_widget_shows_each_board(board: str) -> None:
    """No widget gets an error, or anything that it cannot show."""
    for widget, headers in WIDGETS.items():

        def ask(plugin: str, headers: dict[str, str] = headers) -> Any:
            answer = client(board).get(f"/api/4/{plugin}", headers=headers)
            assert answer.status_code == 200
            found = answer.get_json()
            # What Homepage takes for a failure.
            assert not isinstance(found, dict) or "error" not in found
            return found

        widget(ask)
