"""What only a Raspberry Pi tells, from its files: how it was built, how it was started, what feeds it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pistat.collectors import clocks, gpu, hardware, power
from pistat.field import Incomplete
from pistat.machine import board
from pistat.machine.machine import Machine
from pistat.parsers import vcgencmd
from support.file_tree import machine_of, pi
from support.recorded_machine import BOARDS, RecordedMachine, altered

PI_4, PI_5, ZERO_2 = (
    pi(model, revision)
    for model, revision in (
        ("4 Model B Rev 1.1", 0xC03111),
        ("5 Model B Rev 1.0", 0xD04170),
        ("Zero 2 W Rev 1.0", 0x902120),
    )
)
CHOSEN = "proc/device-tree/chosen"
NOT_TOLD = dict.fromkeys(("supply_current", "usb_current_limit", "usb_over_current", "power_chip_reset"))
CPUFREQ = "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq"


def values(collected: Any) -> dict[str, Any]:
    """The leaves under the one key that was collected."""
    assert not isinstance(collected, Incomplete), collected.failures
    [leaves] = collected.values()
    return dict(leaves)


def of(machine: Machine, collector: Any) -> dict[str, Any]:
    return values(collector.collect(machine))


# How it was built


def test_a_revision_code(tmp_path: Path) -> None:
    """The code of the device tree is shown and decoded; that of /proc/cpuinfo does not count beside it."""
    machine = machine_of(tmp_path, {**PI_4, "proc/cpuinfo": "Revision\t: a02082\n"})

    found = of(machine, hardware.hardware)

    assert {name: found[name] for name in ("revision", "type", "soc", "memory", "pcb_revision", "maker")} == {
        "revision": "c03111",
        "type": "4B",
        "soc": "BCM2711",
        "memory": 4 << 30,
        "pcb_revision": "1.1",
        "maker": "Sony UK",
    }


@pytest.mark.parametrize(("line", "revision", "kind"), [("0010", "0010", "B+"), ("0000", None, None)])
def test_a_kernel_without_the_code(tmp_path: Path, line: str, revision: str | None, kind: str | None) -> None:
    """Without a device tree the code is that of /proc/cpuinfo; 0000 is none."""
    machine = machine_of(tmp_path, {"proc/cpuinfo": f"Revision\t: {line}\n"})

    found = of(machine, hardware.hardware)

    assert (found["revision"], found["type"]) == (revision, kind)


def test_an_old_code_of_the_device_tree(tmp_path: Path) -> None:
    """A code that was given before there were fields has four digits, as in /proc/cpuinfo."""
    found = of(machine_of(tmp_path, pi("Model B Plus Rev 1.2", 0x10)), hardware.hardware)

    assert (found["revision"], found["type"]) == ("0010", "B+")


def test_a_processor_without_a_code(tmp_path: Path) -> None:
    """A mainline kernel knows no code, but the device tree names the processor."""
    compatible = "raspberrypi,4-model-b\0brcm,bcm2711\0"
    machine = machine_of(tmp_path, {"proc/device-tree/compatible": compatible})

    assert of(machine, hardware.hardware)["soc"] == "BCM2711"


@pytest.mark.parametrize(("gigabits", "expected"), [(256, 32 << 30), (None, None)])
def test_more_memory_than_the_code_can_say(
    tmp_path: Path, gigabits: int | None, expected: int | None
) -> None:
    """Where the code leaves the memory open, the device tree has it."""
    tree = {} if gigabits is None else {f"{CHOSEN}/rpi-sdram-size-gbit": gigabits}
    machine = machine_of(tmp_path, {**pi("5 Model B Rev 1.1", 0xF04171), **tree})

    assert of(machine, hardware.hardware)["memory"] == expected


# How it was started


@pytest.mark.parametrize(("dash", "rsts"), [("-", "pm_rsts"), ("_", "rsts")])
def test_the_bootloader(tmp_path: Path, dash: str, rsts: str) -> None:
    """Both spellings of its properties are read; an update that was not recorded is null."""
    told = {
        f"{CHOSEN}/bootloader/build{dash}timestamp": 1779807685,
        f"{CHOSEN}/bootloader/update{dash}timestamp": 0,
        f"{CHOSEN}/bootloader/boot{dash}mode": 6,
        f"{CHOSEN}/bootloader/{rsts}": 0x1000,
    }
    machine = machine_of(tmp_path, {**PI_5, **told})

    found = of(machine, hardware.hardware)

    assert found["bootloader"] == 1779807685.0
    assert found["bootloader_updated"] is None
    assert found["boot_medium"] == "NVMe"
    assert of(machine, power.power)["reset_cause"] == "power-on"


@pytest.mark.parametrize("dash", ["-", "_"])
def test_a_bootloader_that_was_updated(tmp_path: Path, dash: str) -> None:
    """When it was updated is told beside when it was built, in either spelling."""
    told = {
        f"{CHOSEN}/bootloader/build{dash}timestamp": 1779807685,
        f"{CHOSEN}/bootloader/update{dash}timestamp": 1779900000,
    }
    found = of(machine_of(tmp_path, {**PI_5, **told}), hardware.hardware)

    assert (found["bootloader"], found["bootloader_updated"]) == (1779807685.0, 1779900000.0)


@pytest.mark.parametrize(("nodes", "expected"), [(["usb1", "1-0:1.0"], 0), ([], None)])
def test_no_usb_device(tmp_path: Path, nodes: list[str], expected: int | None) -> None:
    """Ports with nothing in them are 0; a machine that knows of no USB does not say 0."""
    files = {f"sys/bus/usb/devices/{each}/uevent": "" for each in nodes}

    assert of(machine_of(tmp_path, {**PI_4, **files}), hardware.hardware)["usb_devices"] == expected


@pytest.mark.parametrize(
    ("mode", "medium"),
    [
        (0, "SD card"),
        (1, "SD card"),
        (2, "network"),
        (3, "rpiboot"),
        (4, "USB"),
        (5, "USB"),
        (6, "NVMe"),
        (7, "HTTP"),
        (8, None),
        (99, None),
    ],
)
def test_boot_media(tmp_path: Path, mode: int, medium: str | None) -> None:
    """The digits of BOOT_ORDER are said in words; one that has no meaning yet is null."""
    machine = machine_of(tmp_path, {**PI_4, f"{CHOSEN}/bootloader/boot-mode": mode})

    assert of(machine, hardware.hardware)["boot_medium"] == medium


# What feeds it


@pytest.mark.parametrize("reset", ["power_reset", "reset_event"])
def test_the_supply_of_a_pi_5(tmp_path: Path, reset: str) -> None:
    """What the bootloader has agreed upon with the supply is told in A and words."""
    told = {
        f"{CHOSEN}/power/max_current": 3000,
        f"{CHOSEN}/power/usb_max_current_enable": 0,
        f"{CHOSEN}/power/usb_over_current_detected": 1,
        f"{CHOSEN}/power/{reset}": 0b10010,
    }
    found = of(machine_of(tmp_path, {**PI_5, **told}), power.power)

    assert found["supply_current"] == 3.0
    assert found["usb_current_limit"] == 0.6
    assert found["usb_over_current"] is True
    assert found["power_chip_reset"] == "under-voltage, watchdog"


def test_a_supply_of_which_nothing_is_told(tmp_path: Path) -> None:
    """An old bootloader tells nothing: that is null, not "no" and not 0.6 A."""
    found = of(machine_of(tmp_path, PI_5), power.power)

    assert {name: found[name] for name in NOT_TOLD} == NOT_TOLD


def test_a_strong_supply(tmp_path: Path) -> None:
    """With a supply of 5 A the USB ports may take more, and nothing has happened is not unknown."""
    told = {
        f"{CHOSEN}/power/max_current": 5000,
        f"{CHOSEN}/power/usb_max_current_enable": 1,
        f"{CHOSEN}/power/usb_over_current_detected": 0,
        f"{CHOSEN}/power/power_reset": 0,
    }
    found = of(machine_of(tmp_path, {**PI_5, **told}), power.power)

    assert found["usb_current_limit"] == 1.6
    assert found["usb_over_current"] is False
    assert found["power_chip_reset"] is None


@pytest.mark.parametrize(("text", "expected"), [("1\n", True), ("0\n", False), ("", None)])
def test_the_alarm_of_the_kernel(tmp_path: Path, text: str, expected: bool | None) -> None:
    """Without the firmware the kernel's alarm tells of a low supply, whatever its number among the chips."""
    chips = {
        "sys/class/hwmon/hwmon0/name": "nvme\n",
        "sys/class/hwmon/hwmon0/in0_lcrit_alarm": "1\n",
        "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": text,
    }
    found = of(machine_of(tmp_path, {**PI_4, **chips}), power.power)

    assert found["under_voltage"] is expected
    assert found["throttled"] is None


def test_what_cannot_be_noticed(tmp_path: Path) -> None:
    """A Zero has the alarm, too, but nothing behind it: that is null, not false."""
    chip = {
        "sys/class/hwmon/hwmon0/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon0/in0_lcrit_alarm": "0\n",
    }
    found = of(machine_of(tmp_path, {**ZERO_2, **chip}), power.power)

    assert found["under_voltage"] is None


def test_the_bits_of_what_cannot_be_noticed(tmp_path: Path) -> None:
    """Of the firmware's eight bits those two are null on a Zero, and the other six are what they are."""
    transcript = (BOARDS / "zero2w-wifi/vcgencmd.txt").read_text()
    changes = {"vcgencmd.txt": re.sub("throttled=0x[0-9a-f]+", "throttled=0xf000f", transcript)}
    flags = of(altered("zero2w-wifi", tmp_path, changes), power.power)

    assert {name: flags[name] for name in vcgencmd.THROTTLE_BITS} == {
        name: None if name.startswith("under_voltage") else True for name in vcgencmd.THROTTLE_BITS
    }


def test_the_memory_of_another_part(tmp_path: Path) -> None:
    """What the firmware says of the memory of the CPU is not taken for that of the GPU."""
    transcript = (BOARDS / "pi4b-8gb/vcgencmd.txt").read_text()
    machine = altered("pi4b-8gb", tmp_path, {"vcgencmd.txt": transcript.replace("\ngpu=", "\narm=")})

    assert of(RecordedMachine(BOARDS / "pi4b-8gb"), gpu.gpu)["memory"] == 76 << 20
    assert of(machine, gpu.gpu)["memory"] is None


# Clocks


@pytest.mark.parametrize(("model", "expected"), [(PI_4, 1_500_000_000), ({}, None)])
def test_what_the_kernel_asks_for(tmp_path: Path, model: dict[str, Any], expected: int | None) -> None:
    """The clock that is asked for is there on a Pi, with or without firmware; a PC has no ARM cores."""
    machine = machine_of(tmp_path, {**model, CPUFREQ: "1500000\n"})

    assert of(machine, clocks.clocks)["arm_requested"] == expected


# What costs nothing


def noting(machine: Machine, name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths with which a method is called from now on."""
    called: list[str] = []
    method = getattr(machine, name)

    def note(path: str, *rest: Any) -> Any:
        called.append(path)
        return method(path, *rest)

    monkeypatch.setattr(machine, name, note)
    return called


def test_what_is_not_there_is_not_looked_for_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chip that comes is found within a minute, and until then nobody looks for it again."""
    machine = machine_of(tmp_path, PI_4)
    now = [0.0]
    monkeypatch.setattr(machine.memo, "_clock", lambda: now[0])
    looked = noting(machine, "names", monkeypatch)
    before = [of(machine, power.power)["under_voltage"] for _ in range(5)]
    machine_of(
        tmp_path, {"sys/class/hwmon/hwmon3/name": "rpi_volt", "sys/class/hwmon/hwmon3/in0_lcrit_alarm": "1"}
    )

    now[0] = 59.0
    still = of(machine, power.power)["under_voltage"]
    assert looked == ["/sys/class/hwmon"]
    now[0] = 60.0

    assert (before, still) == ([None] * 5, None)
    assert of(machine, power.power)["under_voltage"] is True


def test_who_it_is_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the second request on no file is opened for what never changes."""
    machine = machine_of(
        tmp_path, {**PI_5, "proc/cpuinfo": "", f"{CHOSEN}/bootloader/build-timestamp": 1779807685}
    )
    of(machine, hardware.hardware)
    opened = noting(machine, "read_bytes", monkeypatch)

    of(machine, hardware.hardware)

    assert opened == []
    assert board.soc(machine) == "BCM2712"
