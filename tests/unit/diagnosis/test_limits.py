"""The limits that an owner sets."""

from __future__ import annotations

from pathlib import Path

import pytest

import pi_system_monitor
from pistat.diagnosis import FINDINGS, limits
from pistat.diagnosis.finding import Finding
from pistat.diagnosis.report import Diagnosis
from pistat.monitor.monitor import Monitor
from pistat.settings import BadSettingError, Settings, load
from support.recorded_machine import BOARDS, RecordedMachine


def stages(text: str, finding: str) -> list[tuple[float, float]]:
    return [(each.limit, each.clear) for each in dict(limits.read(text))[finding]]


@pytest.mark.parametrize(
    ("text", "finding", "expected"),
    [
        ("disk.full=95", "disk.full", [(95, 85), (98, 90)]),
        ("disk.full = 99 , heat.hot=70", "disk.full", [(99, 89), (99, 90)]),
        ("heat.hot=70", "heat.hot", [(70, 65)]),
        ("memory.low=5", "memory.low", [(5, 10)]),
        ("network.wifi_weak=-80", "network.wifi_weak", [(-80, -77), (-85, -82)]),
        ("network.wifi_weak=-90", "network.wifi_weak", [(-90, -87), (-90, -82)]),
        ("power.under_voltage=off", "power.under_voltage", []),
    ],
)
def test_clear_moves_along(text: str, finding: str, expected: list[tuple[float, float]]) -> None:
    """A later stage never begins before the first."""
    assert stages(text, finding) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("disk.ful=95", '"disk.ful=95"; expected id=number or id=off, with an ID of /diagnosis'),
        ("disk.full=101", '"disk.full=101"; expected disk.full=off or a number from 50 to 99.9'),
        ("disk.full=", '"disk.full="; expected disk.full=off or a number from 50 to 99.9'),
        ("disk.full=\uff19\uff15", "expected disk.full=off or a number from 50 to 99.9"),
        ("disk.full=nan", "expected disk.full=off or a number from 50 to 99.9"),
        ("power.under_voltage=3", "expected power.under_voltage=off, for it has no limit"),
        ("heat.hot=70,heat.hot=71", '"heat.hot=71"; expected each ID once'),
        (",", '""; expected id=number or id=off'),
    ],
)
def test_what_is_not_understood_stops_the_start(text: str, message: str) -> None:
    """The line says what was read and what was expected."""
    with pytest.raises(BadSettingError) as error:
        load({"PISTAT_LIMITS": text}, Path("/nowhere"))

    assert str(error.value).startswith("PISTAT_LIMITS has ")
    assert message in str(error.value)


def test_none_are_set_by_default() -> None:
    assert Settings().limits == ()


@pytest.mark.parametrize("finding", [each for each in FINDINGS if each.accepts], ids=lambda each: each.id)
def test_every_accepted_limit_makes_sense(finding: Finding) -> None:
    """At both ends of what is accepted, it can begin and end, and the declared limit is between them."""
    assert finding.accepts
    low, high = finding.accepts
    assert low <= finding.stages[0].limit <= high
    for number in (low, high):
        for limit, clear in stages(f"{finding.id}={number:g}", finding.id):
            assert clear >= limit if finding.below else clear <= limit


def test_what_is_off_is_not_mentioned() -> None:
    """Neither found, nor checked, nor unknown; a reload brings it back."""
    machine = RecordedMachine(BOARDS / "pi3b-undervoltage")
    diagnosis = Diagnosis(Monitor(machine, 0.0), machine, limits.read("power.under_voltage=off"))

    assert "power.under_voltage" not in diagnosis.body().plain.decode().replace("power.under_voltage_", "")
    diagnosis.set_limits(())
    assert diagnosis.document()["findings"][0]["id"] == "power.under_voltage"


def test_a_reload_takes_other_limits_and_what_lasts_goes_on() -> None:
    machine = RecordedMachine(BOARDS / "pi3b-undervoltage")
    settings = Settings(rate_limit_enabled=False)
    first = pi_system_monitor.create_app(settings, machine)
    diagnosis = first.extensions["pistat"].core.diagnosis
    values = {"power": {"under_voltage": True, "under_voltage_since_boot": True}}
    diagnosis.update(10.0, 1e9, values)
    since = diagnosis.document()["findings"][0]["since"]

    other = Settings(rate_limit_enabled=False, limits=limits.read("power.under_voltage_since_boot=off"))
    pi_system_monitor.create_app(other, machine, first.extensions["pistat"])
    diagnosis.update(20.0, 1e9 + 10, values)

    [finding] = diagnosis.document()["findings"]
    assert finding["id"] == "power.under_voltage"
    assert finding["since"] == since
