"""The sensors: by their names, whatever their numbers; and of the firmware only what a board can know."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pistat.collectors import sensors
from pistat.field import Collector, Incomplete
from pistat.parsers import revision
from support.file_tree import machine_of, pi
from support.recorded_machine import BOARDS, RecordedMachine, answer

HWMON, ZONES = "sys/class/hwmon", "sys/class/thermal"


def of(machine: Any, collector: Collector) -> Any:
    """What stands under the one key of a collector."""
    found = collector.collect(machine)
    assert not isinstance(found, Incomplete), found.failures
    return found[collector.keys[0]]


def celsius(root: Path, files: dict[str, str]) -> dict[str, float | None]:
    """The temperature of each sensor."""
    rows = of(machine_of(root, files), sensors.temperatures)
    return {name: row["temperature"] for name, row in rows.items()}


# Heat


def test_sensors_have_the_names_of_their_chips(tmp_path: Path) -> None:
    """A sensor is called as its chip, with its label, or its number, where it is not the only one."""
    found = celsius(
        tmp_path,
        {
            f"{HWMON}/hwmon10/name": "cpu_thermal\n",
            f"{HWMON}/hwmon10/temp1_input": "48312\n",
            f"{HWMON}/hwmon2/name": "nvme\n",
            f"{HWMON}/hwmon2/temp1_input": "38850\n",
            f"{HWMON}/hwmon2/temp1_label": "Composite\n",
            f"{HWMON}/hwmon2/temp3_input": "41850\n",
            f"{HWMON}/hwmon2/temp3_label": "Sensor 2\n",
            f"{HWMON}/hwmon3/name": "adt7470\n",
            f"{HWMON}/hwmon3/temp1_input": "20000\n",
            f"{HWMON}/hwmon3/temp10_input": "-1250\n",
        },
    )

    assert list(found.items()) == [
        ("nvme/Composite", 38.85),
        ("nvme/Sensor 2", 41.85),
        ("adt7470/temp1", 20.0),
        ("adt7470/temp10", -1.25),
        ("cpu_thermal", 48.312),
    ]


def test_two_of_a_kind(tmp_path: Path) -> None:
    """A second chip of a name does not take the place of the first."""
    found = celsius(
        tmp_path,
        {
            f"{HWMON}/hwmon{number}/{file}": text
            for number, degrees in ((0, 30), (1, 40))
            for file, text in (
                ("name", "nvme"),
                ("temp1_label", "Composite"),
                ("temp1_input", f"{degrees}000"),
            )
        },
    )

    assert found == {"nvme/Composite": 30.0, "nvme/Composite #2": 40.0}


@pytest.mark.parametrize(
    ("chip", "expected"),
    [
        ("cpu_thermal", {"cpu_thermal": 50.0, "gpu-thermal": 45.0}),
        ("cpu-thermal", {"cpu-thermal": 50.0, "gpu-thermal": 45.0}),
        ("rp1_adc", {"rp1_adc": 50.0, "cpu-thermal": 49.5, "gpu-thermal": 45.0}),
    ],
)
def test_zones_without_a_chip(tmp_path: Path, chip: str, expected: dict[str, float]) -> None:
    """A thermal zone is told of where no chip stands for it; old kernels spell it with a dash."""
    found = celsius(
        tmp_path,
        {
            f"{HWMON}/hwmon0/name": chip,
            f"{HWMON}/hwmon0/temp1_input": "50000",
            f"{ZONES}/thermal_zone0/type": "cpu-thermal",
            f"{ZONES}/thermal_zone0/temp": "49500",
            f"{ZONES}/thermal_zone1/type": "gpu-thermal",
            f"{ZONES}/thermal_zone1/temp": "45000",
            f"{ZONES}/cooling_device0/type": "pwm-fan",
        },
    )

    assert found == expected


def test_one_sensor_that_fails(tmp_path: Path) -> None:
    """A sensor that cannot be read is null, keeps its place, and takes no other with it."""
    (tmp_path / f"{HWMON}/hwmon0/temp1_input").mkdir(parents=True)
    found = celsius(
        tmp_path,
        {
            f"{HWMON}/hwmon0/name": "rp1_adc",
            f"{HWMON}/hwmon1/name": "nvme",
            f"{HWMON}/hwmon1/temp1_input": "38850",
            f"{HWMON}/hwmon2/name": "cpu_thermal",
            f"{HWMON}/hwmon2/temp1_input": "-650788984",
        },
    )

    assert found == {"rp1_adc": None, "nvme": 38.85, "cpu_thermal": None}


def test_limits(tmp_path: Path) -> None:
    """What a driver takes for hot comes along; a limit that is none, as some NVMe drives have, is null."""
    stem = f"{HWMON}/hwmon0/temp1"
    files = {
        f"{HWMON}/hwmon0/name": "nvme",
        f"{stem}_input": "38850",
        f"{stem}_max": "65261850",
        f"{stem}_crit": "84850",
    }
    assert of(machine_of(tmp_path, files), sensors.temperatures) == {
        "nvme": {"temperature": 38.85, "high": None, "critical": 84.85}
    }


def test_fans(tmp_path: Path) -> None:
    """A fan has its speed and its drive; without a tachometer its speed is null, and a standstill is 0."""
    found = of(
        machine_of(
            tmp_path,
            {
                f"{HWMON}/hwmon0/name": "pwmfan",
                f"{HWMON}/hwmon0/pwm1": "125",
                f"{HWMON}/hwmon0/pwm1_enable": "1",
                f"{HWMON}/hwmon1/name": "emc2301",
                f"{HWMON}/hwmon1/fan1_input": "0",
                f"{HWMON}/hwmon1/pwm1": "256",
                f"{HWMON}/hwmon2/name": "gpio_fan",
                f"{HWMON}/hwmon2/fan1_input": "5000",
            },
        ),
        sensors.fans,
    )

    assert found == {
        "pwmfan": {"rpm": None, "pwm": 125},
        "emc2301": {"rpm": 0, "pwm": None},
        "gpio_fan": {"rpm": 5000, "pwm": None},
    }


def test_trip_points(tmp_path: Path) -> None:
    """Each trip point of each zone has its row, in the order of their numbers."""
    files = {f"{ZONES}/thermal_zone0/type": "cpu-thermal", f"{ZONES}/thermal_zone0/temp": "40000"}
    for number in (0, 2, 10):
        stem = f"{ZONES}/thermal_zone0/trip_point_{number}"
        files |= {f"{stem}_type": "active\n", f"{stem}_temp": f"{50 + number}000\n", f"{stem}_hyst": "5000\n"}
    found = of(machine_of(tmp_path, files), sensors.trip_points)

    assert [row["temperature"] for row in found] == [50.0, 52.0, 60.0]
    assert found[0] == {"zone": "cpu-thermal", "type": "active", "temperature": 50.0, "hysteresis": 5.0}


# Electricity


def test_voltages_of_the_kernel(tmp_path: Path) -> None:
    """Since 2026 the kernel has the voltages, each under its label; without firmware the others are null."""
    chip = {f"{HWMON}/hwmon4/name": "rpi_volt"}
    for number, label, millivolts in ((0, "core", 856), (1, "sdram_c", 1100), (3, "sdram_p", 1100)):
        stem = f"{HWMON}/hwmon4/in{number}"
        chip |= {f"{stem}_label": f"{label}\n", f"{stem}_input": f"{millivolts}\n"}

    assert of(machine_of(tmp_path, chip), sensors.voltages) == {
        "core": 0.856,
        "sdram_c": 1.1,
        "sdram_i": None,
        "sdram_p": 1.1,
    }


# The firmware


def asked(name: str, tmp_path: Path, *collectors: Collector) -> tuple[list[Any], list[str]]:
    """What collectors say of a copy of a board, and what vcgencmd was asked for it."""
    folder = tmp_path / "boards" / name
    shutil.copytree(BOARDS / name, folder, symlinks=True)
    shutil.copy(BOARDS / "vcgencmd", folder.parent)
    log = folder / "calls.log"
    log.touch()
    found = [of(RecordedMachine(folder), each) for each in collectors]
    return found, log.read_text().splitlines()


@pytest.mark.parametrize(
    ("name", "lacking", "has"),
    [
        ("pi5-8gb-nvme", ["h264", "vec", "dpi"], "hevc"),
        ("pi4b-8gb", ["hevc"], "h264"),
        ("zero2w-wifi", ["hevc"], "h264"),
        ("pi1b-rev1", ["hevc"], "h264"),
    ],
)
def test_only_blocks_that_are_there(tmp_path: Path, name: str, lacking: list[str], has: str) -> None:
    """A block that a processor has not is null and not asked for; 0 is one that is off."""
    [found], questions = asked(name, tmp_path, sensors.block_clocks)

    assert [each for each in revision.CLOCKS if f"measure_clock {each}" not in questions] == lacking
    assert [found[each] for each in lacking] == [None] * len(lacking)
    assert isinstance(found[has], int)


def test_the_power_chip_is_asked_where_there_is_one(tmp_path: Path) -> None:
    """Older boards would answer with the temperature of the SoC, and would not know the rails."""
    [heat, rails], questions = asked("pi3b-plus", tmp_path, sensors.temperatures, sensors.pmic)

    assert list(heat) == ["cpu_thermal"]
    assert rails == {"watts": None, "input_voltage": None, "battery_voltage": None, "rails": {}}
    assert questions == []


def test_rails(tmp_path: Path) -> None:
    """The sum is of the rails that have a current, and is what each of them says."""
    [found], questions = asked("pi5-8gb-nvme", tmp_path, sensors.pmic)
    powers = [row["watts"] for row in found["rails"].values() if row["watts"] is not None]

    assert questions == ["pmic_read_adc"]
    assert (len(found["rails"]), len(powers)) == (14, 12)
    assert found["watts"] == pytest.approx(sum(powers), abs=1e-4)
    assert found["input_voltage"] == found["rails"]["EXT5V"]["volts"] == 5.14158


def test_a_sum_without_a_rail_is_none() -> None:
    """Of a reply that was cut short there are the rails that came through, but no sum; and that is told."""
    told = answer(RecordedMachine(BOARDS / "pi5-2gb-truncated"), "/sensors")
    found = told["pmic"]

    assert told["errors"]["pmic"] == "the firmware's reply to pmic_read_adc was not understood"
    assert found["rails"]["VDD_CORE"]["watts"] == 0.43206
    assert (found["watts"], found["input_voltage"], found["battery_voltage"]) == (None, 4.9021, None)


def test_no_firmware_is_no_failure(tmp_path: Path) -> None:
    """On a Pi whose firmware cannot be asked all of it is null, and nothing has failed."""
    machine = machine_of(tmp_path, pi("5 Model B Rev 1.0", 0xD04170))

    assert set(of(machine, sensors.block_clocks).values()) == {None}
    assert set(of(machine, sensors.voltages).values()) == {None}
    assert of(machine, sensors.temperatures)["pmic"]["temperature"] is None
