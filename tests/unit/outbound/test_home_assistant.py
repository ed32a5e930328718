"""What Home Assistant is told of each recorded board."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pistat.diagnosis.report import Diagnosis
from pistat.field import Unit
from pistat.monitor.monitor import Monitor, encode
from pistat.outbound import home_assistant
from pistat.outbound.home_assistant import Entity
from support.recorded_machine import BOARDS, TYPICAL_BOARDS, RecordedMachine, board_names

UNITS = {
    "data_rate": "B/s",
    "data_size": "B",
    "frequency": "MHz",
    "power": "W",
    "signal_strength": "dBm",
    "temperature": "°C",
    "voltage": "V",
}
"""A unit that Home Assistant accepts for each device class (homeassistant/components/sensor/const.py)."""


def values_of(board: str) -> dict[str, Any]:
    machine = RecordedMachine(BOARDS / board)
    monitor = Monitor(machine, 2)
    found = Diagnosis(monitor, machine).document()
    readings = monitor.answer(home_assistant.KEYS).values
    return {**readings, "status": found["status"], "sentence": found["sentence"]}


def discovery_of(values: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Entity] = {}
    home_assistant.state(known, values)
    config = home_assistant.discovery(
        list(known.values()), values, "pistat_1", "pi-stat/1", "http://pi:8585/", 60
    )
    found: dict[str, Any] = json.loads(encode(config))
    return found


@pytest.mark.parametrize("board", board_names())
def test_every_entity_has_a_value_and_what_home_assistant_wants(board: str) -> None:
    """Nothing is announced that the board does not have, units fit the classes, and unique IDs are unique."""
    values = values_of(board)
    state = json.loads(encode(home_assistant.state({}, values)))
    components = discovery_of(values)["components"]

    assert set(components) - {"updates"} == set(state)
    assert None not in state.values()
    assert len({each["unique_id"] for each in components.values()}) == len(components)
    for key, each in components.items():
        assert {"platform", "unique_id", "name"} <= set(each), key
        assert each.get("unit_of_measurement") == UNITS.get(
            each.get("device_class", ""), each.get("unit_of_measurement")
        ), key
        if each["platform"] == "binary_sensor":
            assert isinstance(state[key], bool), key
        elif each.get("state_class") == "measurement":
            assert isinstance(state[key], (int, float)), key
            assert not isinstance(state[key], bool), key


def test_a_pi_5_in_full() -> None:
    """The usual entities are there from the beginning, the others if somebody wants them."""
    values = values_of("pi5-8gb-nvme")
    found = discovery_of(values)
    components = found["components"]
    shown = {key for key, each in components.items() if each.get("enabled_by_default", True)}

    assert {
        "cpu_temp",
        "memory",
        "disk",
        "problem",
        "under_voltage",
        "fan",
        "wifi_signal",
        "updates",
    } <= shown
    assert {"load", "disk_free", "watts", "input_voltage", "under_voltage_since_boot"} <= set(
        components
    ) - shown
    assert found["device"] == {
        "identifiers": ["pistat_1"],
        "connections": [["mac", "00:00:5e:00:53:51"], ["mac", "00:00:5e:00:53:52"]],
        "name": "raspberrypi",
        "manufacturer": "Raspberry Pi",
        "model": "Raspberry Pi 5 Model B Rev 1.0",
        "hw_version": "1.0",
        "sw_version": "Debian GNU/Linux 13 (trixie)",
        "serial_number": "5ca1ab1e0ddba11f",
        "configuration_url": "http://pi:8585/",
    }
    assert components["cpu_temp"] == {
        "platform": "sensor",
        "unique_id": "pistat_1_cpu_temp",
        "name": "CPU temperature",
        "value_template": "{{ value_json.cpu_temp }}",
        "expire_after": 300,
        "device_class": "temperature",
        "suggested_display_precision": 1,
        "state_class": "measurement",
        "unit_of_measurement": "°C",
    }


def test_what_a_board_lacks_is_not_announced() -> None:
    """A PC has no supply to be too weak; a Zero cannot tell whether its own is."""
    for board in ("pc-x86", "zero2w-wifi"):
        assert "under_voltage" not in discovery_of(values_of(board))["components"]


def test_bridges_and_containers_do_not_say_which_device_it_is() -> None:
    """Home Assistant merges devices with the same address; that of a bridge is everywhere the same."""
    connections = discovery_of(values_of("pc-x86"))["device"]["connections"]

    assert connections == [["mac", "00:00:5e:00:53:91"]]


def test_updates_differ_only_if_there_are_some() -> None:
    """Home Assistant shows an update when the two versions differ."""
    none = {"system": {"updates": {"pending": 0}}}
    some = {"system": {"updates": {"pending": 7}}}
    unknown = {"system": {"updates": {"pending": None}}}

    assert home_assistant.updates(none) == {
        "installed_version": "current",
        "latest_version": "current",
        "title": "Debian packages",
    }
    assert (home_assistant.updates(some) or {})["latest_version"] == "7 pending"
    assert home_assistant.updates(unknown) is None


@pytest.mark.parametrize("board", TYPICAL_BOARDS)
def test_the_last_boot_moves_only_at_a_boot(board: str) -> None:
    """A clock that is corrected by a second makes no new state."""
    values = values_of(board)
    [entity] = [each for each in home_assistant.ENTITIES if each.key == "last_boot"]
    moment = round(values["boot_time"] / 10) * 10
    texts = {entity.value({"boot_time": moment + step}) for step in (-4, 0, 4)}

    assert len(texts) == 1
    assert texts.pop().endswith("+00:00")


def test_filesystems_with_like_names_do_not_collide() -> None:
    rows = [{"mountpoint": place, "percent": 1.0} for place in ("/", "/mnt/a b", "/mnt/a-b", "/data")]
    found = [each.key for each in home_assistant._filesystems({"devices": rows})]

    assert found == ["disk_mnt_a_b", "disk_data"]


def test_what_goes_away_stays_known() -> None:
    """An entity of a disk that was unplugged, or of a reading that failed, has no value, and stays."""
    values = values_of("pi5-8gb-nvme")
    known: dict[str, Entity] = {}
    before = home_assistant.state(known, values)
    values["devices"], values["cpu_temp"] = [], None
    after = home_assistant.state(known, values)

    assert set(after) == set(before) == set(known)
    assert {key for key, value in after.items() if value is None} == {
        "cpu_temp",
        *(
            key
            for key in known
            if key.startswith("disk_") and key not in {"disk_free", "disk_read", "disk_written"}
        ),
    }


def test_a_long_sentence_is_cut() -> None:
    """Home Assistant refuses a state of more than 255 characters."""
    [entity] = [each for each in home_assistant.ENTITIES if each.key == "sentence"]

    assert len(entity.value({"sentence": "x" * 300})) == 255


def test_every_unit_is_known_to_home_assistant() -> None:
    for each in home_assistant.ENTITIES:
        unit = each.unit or home_assistant.field_of(each.path).unit
        assert unit in home_assistant.CLASSES or unit in {Unit.COUNT, Unit.LOAD, Unit.RPM}, each.key
