"""The temperature, the frequency and the usage of the CPU, on machines of others."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from pistat.collectors import cpu
from pistat.field import Collector, Incomplete
from pistat.machine import cpu_times
from pistat.machine.machine import Machine
from support.file_tree import machine_of

Files = dict[str, "str | bytes | int"]


def value(machine: Machine, collector: Collector) -> Any:
    reading = collector.read(machine)
    values = reading.values if isinstance(reading, Incomplete) else reading
    return values[collector.name]


def chip(name: str, number: int = 0, **files: str) -> Files:
    return {
        f"sys/class/hwmon/hwmon{number}/{file}": f"{text}\n" for file, text in {"name": name, **files}.items()
    }


def zones(**kinds: int) -> Files:
    files: Files = {}
    for number, (kind, millidegrees) in enumerate(kinds.items()):
        files[f"sys/class/thermal/thermal_zone{number}/type"] = kind.replace("__", "-") + "\n"
        files[f"sys/class/thermal/thermal_zone{number}/temp"] = f"{millidegrees}\n"
    return files


@pytest.mark.parametrize(
    ("files", "celsius"),
    [
        pytest.param(
            chip(
                "coretemp",
                temp2_input="41000",
                temp2_label="Core 0",
                temp3_input="47000",
                temp3_label="Core 1",
            ),
            47.0,
            id="coretemp without a package: the hottest core",
        ),
        pytest.param(
            chip("coretemp", temp1_input="45000", temp1_label="Package id 0", temp2_input="47000"),
            45.0,
            id="coretemp with a package",
        ),
        pytest.param(
            chip("coretemp", temp1_input="45000", temp1_label="Package id 0")
            | chip("coretemp", 1, temp1_input="51000", temp1_label="Package id 1"),
            51.0,
            id="two packages: the hotter",
        ),
        pytest.param(
            chip("k10temp", temp1_input="68875", temp1_label="Tctl", temp2_input="48875", temp2_label="Tdie"),
            48.875,
            id="k10temp: Tdie",
        ),
        pytest.param(
            chip(
                "k10temp", temp1_input="48875", temp1_label="Tctl", temp3_input="61000", temp3_label="Tccd1"
            ),
            48.875,
            id="k10temp without Tdie: Tctl",
        ),
        pytest.param(
            chip(
                "zenpower", temp1_input="40000", temp1_label="Tdie", temp2_input="60000", temp2_label="Tctl"
            ),
            40.0,
            id="zenpower",
        ),
        pytest.param(
            chip("k10temp", temp1_input="127000", temp1_fault="1"), None, id="a sensor with a fault"
        ),
        pytest.param(
            chip("k10temp", temp1_input="41000", temp1_fault="0"), 41.0, id="a sensor without a fault"
        ),
        pytest.param(
            chip("coretemp", temp2_input="127000", temp2_fault="1", temp3_input="40000"),
            40.0,
            id="a core with a fault",
        ),
        pytest.param(zones(package__thermal=52000, gpu__thermal=60000), 52.0, id="package-thermal"),
        pytest.param(zones(cpu0__thermal=52000, cpu1__thermal=53000), 53.0, id="cpu0-thermal"),
        pytest.param(
            zones(
                package_thermal=50000, bigcore0__thermal=55000, littlecore__thermal=51000, npu__thermal=70000
            ),
            55.0,
            id="Rockchip RK3588",
        ),
        pytest.param(zones(cluster0__thermal=44000, gpu__thermal=60000), 44.0, id="cluster0-thermal"),
        pytest.param(zones(cpu__0__0__usr=39000, battery=60000), 39.0, id="Qualcomm"),
        pytest.param(zones(CPU__therm=39000, GPU__therm=60000), 39.0, id="Tegra"),
        pytest.param(zones(cpu_thermal_zone=39000), 39.0, id="Allwinner of old"),
        pytest.param(zones(cpu__thermal=48000, cpu0__thermal=90000), 48.0, id="a zone for the whole CPU"),
        # Where the kind ends: a zone whose name does not say that it is the CPU is not taken for one.
        pytest.param(
            zones(gpu__thermal=60000, acpitz=27800, pch_skylake=44000, battery=20000), None, id="others"
        ),
    ],
)
def test_temperature(tmp_path: Path, files: Files, celsius: float | None) -> None:
    """It is that of the processor as a whole where a sensor has it, else that of its hottest part."""
    assert value(machine_of(tmp_path, files), cpu.cpu_temp) == celsius


class Refusing(Machine):
    """A machine on which some files answer with EBUSY."""

    refused: tuple[str, ...] = ()

    def open(self, path: str) -> int:
        if path in self.refused:
            raise OSError(errno.EBUSY, "Device or resource busy", path)
        return super().open(path)


def policies(folder: Path, *busy: int) -> Refusing:
    names = [f"sys/devices/system/cpu/cpufreq/policy{number}/scaling_cur_freq" for number in (0, 4)]
    machine_of(folder, dict(zip(names, ("1500000\n", "2400000\n"), strict=True)))
    machine = Refusing(str(folder), platform="linux")
    machine.refused = tuple(f"/{names[number]}" for number in busy)
    return machine


@pytest.mark.parametrize(("busy", "megahertz"), [((), 1950.0), ((0,), 2400.0), ((1,), 1500.0)])
def test_frequency_of_those_that_are_online(tmp_path: Path, busy: tuple[int, ...], megahertz: float) -> None:
    """A policy whose CPUs are offline answers EBUSY; the frequency is the mean of the others."""
    assert value(policies(tmp_path, *busy), cpu.cpu_freq) == megahertz


def test_no_policy_that_answers(tmp_path: Path) -> None:
    """Where none answers, that is a failure, of the frequency and not of the governor."""
    found = cpu.cpu_freq.read(policies(tmp_path, 0, 1))

    assert isinstance(found, Incomplete)
    assert found.values["cpu_freq"] is None
    assert [error.errno for error in found.failures if isinstance(error, OSError)] == [errno.EBUSY]


STAT = b"cpu  %d 0 0 %d 0 0 0 0 0 0\n"


def table(*cores: tuple[int, int, int]) -> cpu_times.Times:
    """Return the times of cores, each a number with its busy and its idle time."""
    rows = [b"cpu%d %d 0 0 %d 0 0 0 0 0 0\n" % core for core in cores]
    total = STAT % (sum(core[1] for core in cores), sum(core[2] for core in cores))
    return cpu_times.parse(total + b"".join(rows) + b"intr 1\n")


@pytest.mark.parametrize(
    ("older", "newer", "expected"),
    [
        pytest.param(
            table((0, 0, 0), (1, 0, 0), (3, 0, 0)),
            table((0, 10, 90), (1, 20, 80), (3, 30, 70)),
            [20.0, 10.0, 20.0, None, 30.0],
            id="cpu2 is offline: cpu3 keeps its place",
        ),
        pytest.param(
            table((0, 0, 0), (1, 0, 0)), table((1, 20, 80)), [20.0, None, 20.0], id="cpu0 has gone offline"
        ),
        pytest.param(
            table((0, 0, 0)), table((0, 10, 90), (1, 5, 5)), [13.64, 10.0, None], id="cpu1 has come back"
        ),
        pytest.param(table((0, 0, 0), (1, 0, 0)), table((0, 10, 90)), [10.0, 10.0], id="the last has gone"),
    ],
)
def test_usage_by_number(
    older: cpu_times.Times, newer: cpu_times.Times, expected: list[float | None]
) -> None:
    """Each CPU stands at the place of its number, with null for one that was offline."""
    assert cpu_times.usage(older, newer) == expected


def test_a_number_that_cannot_be() -> None:
    """A row of a CPU that Linux cannot have makes no list without end."""
    assert len(cpu_times.parse(STAT % (1, 1) + b"cpu999999999 1 0 0 1 0 0 0 0 0\n")) == 1
