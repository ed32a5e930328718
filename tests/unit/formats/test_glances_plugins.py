"""Plugins of Glances, each of readings that a test gives it."""

from __future__ import annotations

from typing import Any

import pytest

from pistat.formats.glances_plugins import ALERTS, PLUGINS, Processor, Readings

PROCESSOR = Processor("", 1, 1, None)


def answer(name: str, *, findings: Any = (), events: Any = (), **values: Any) -> Any:
    """What a plugin makes of these readings."""
    return PLUGINS[name].answer(Readings(values, [], PROCESSOR, findings, events))


def test_containers() -> None:
    """A container has its row once its use is known; without a limit there is no such key."""
    known = {"name": "web", "id": "3f2a9c000000", "engine": "docker", "cpu_percent": 1.5, "memory": 5_242_880}
    rows = [
        {**known, "memory_limit": None},
        {**known, "name": "db", "memory_limit": 10_485_760},
        {**known, "name": "new", "cpu_percent": None, "memory_limit": None},
    ]

    first, second = answer("containers", containers=rows)

    assert first["memory"] == {"usage": 5_242_880, "inactive_file": 0}
    assert (first["cpu"], first["status"]) == ({"total": 1.5}, "running")
    assert (second["name"], second["memory"]["limit"]) == ("db", 10_485_760)


LOOK = {
    "cpu_usage": 12.5,
    "per_cpu_usage": [20.0, 5.0],
    "cpu_freq": 1500.0,
    "memory": {"percent": 40.0},
    "swap": {"percent": None},
    "load_avg": [0.1, 0.2, 0.5],
}


def test_a_quick_look() -> None:
    """Everything on one line: percents, the frequency in Hz, and the load as a share of the cores."""
    found = PLUGINS["quicklook"].answer(Readings(LOOK, [], Processor("BCM2711", 2, 2, 1_800_000_000)))

    assert (found["cpu"], found["mem"], found["swap"], found["load"]) == (12.5, 40.0, 0.0, 25.0)
    assert (found["cpu_name"], found["cpu_hz_current"], found["cpu_hz"]) == ("BCM2711", 1.5e9, 1_800_000_000)
    assert [row["total"] for row in found["percpu"]] == [20.0, 5.0]


def test_a_quick_look_before_the_processor_is_measured() -> None:
    """Home Assistant and Homepage fail without `cpu` and `percpu`, and show null as unavailable."""
    found = answer("quicklook", **LOOK | {"cpu_usage": None, "per_cpu_usage": None})

    assert found["cpu"] is None
    assert found["percpu"] == []
    assert found["mem"] == 40.0


def test_memory() -> None:
    """It has what Glances has and nothing else, for Dashy shows each key as an amount of bytes."""
    memory = {"total": 1000, "available": 600, "used": 300, "percent": 30.0, "oom_kills": 1}

    assert answer("mem", memory=memory) == {
        "total": 1000,
        "available": 600,
        "used": 400,
        "free": 600,
        "percent": 30.0,
    }
    assert answer("mem", memory=memory | {"available": None}) == {}


def finding(severity: str = "warning", **more: Any) -> dict[str, Any]:
    evidence = {"power.under_voltage": True, "cpu_temp": 83.5}
    row = {
        "id": "heat.hot",
        "severity": severity,
        "since": 1000.5,
        "title": "It is hot",
        "evidence": evidence,
    }
    return row | more


def event(time: float, duration: float | None, severity: str = "critical") -> dict[str, Any]:
    row = {"id": "disk.full", "severity": severity, "title": "The disk is full", "value": 97.0}
    return row | {"time": time, "duration": duration, "state": "begin" if duration is None else "end"}


def test_an_alert_that_lasts() -> None:
    """It begins when the finding did, has no end, and the first number behind it."""
    (row,) = answer("alert", findings=[finding(), finding("info")])

    assert (row["begin"], row["end"], row["state"], row["type"]) == (1000, -1, "WARNING", "heat.hot")
    assert (row["min"], row["max"], row["avg"], row["sum"], row["count"]) == (83.5, 83.5, 83.5, 83.5, 1)
    assert row["desc"] == "It is hot"


def test_alerts_that_are_over() -> None:
    """What has ended stands with its beginning and its end; what has begun and what is harmless do not."""
    (row,) = answer("alert", events=[event(500, None), event(900.7, 400.2), event(950, 10, "info")])

    assert (row["begin"], row["end"], row["state"], row["max"]) == (500, 900, "CRITICAL", 97.0)


def test_the_order_of_alerts() -> None:
    """What lasts comes first, then the newest, as with Glances; there are not more than a screen shows."""
    rows = answer(
        "alert", findings=[finding(since=10)], events=[event(100 + n, 1) for n in range(2 * ALERTS)]
    )

    assert len(rows) == ALERTS
    assert rows[0]["end"] == -1
    assert [row["end"] for row in rows[1:]] == list(range(100 + 2 * ALERTS - 1, 100 + ALERTS, -1))


def link(addresses: list[str] | None, *, default: bool | None = True) -> dict[str, Any]:
    return {"addresses": addresses, "default_route": default}


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        (
            {
                "lan": link(["198.51.100.7/24"], default=False),
                "eth0": link(["fe80::1/64", "192.0.2.41/23"]),
                "active_connections": 3,
            },
            {"address": "192.0.2.41", "mask": "255.255.254.0", "mask_cidr": 23},
        ),
        ({"eth0": link(["2001:db8::1/64"])}, {}),
        ({"eth0": link(None), "eth1": link([], default=None)}, {}),
        (None, {}),
    ],
)
def test_the_address(links: Any, expected: dict[str, Any]) -> None:
    """It is the first one of IPv4 of the interface that leads out; without one there is none."""
    assert answer("ip", interfaces=links) == expected
