"""What others have run into: threads of other projects, each with its lesson."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pistat import routes
from pistat.collectors import power
from pistat.machine.firmware import mailbox
from pistat.parsers import vcgencmd
from support.recorded_machine import BOARDS, RecordedMachine, altered, answer

UNIT = Path(__file__).resolve().parents[2] / "pi-stat.service"

Test = TypeVar("Test", bound="Callable[..., Any]")

lessons: dict[str, object] = {}
"""By thread, the test that holds its lesson, or why there can be none."""


def pitfall(*threads: str) -> Callable[[Test], Test]:
    """Note the threads whose lesson a test holds."""

    def note(test: Test) -> Test:
        lessons.update(dict.fromkeys(threads, test))
        return test

    return note


@functools.cache
def board(name: str, path: str = "/stats") -> Any:
    """What a client gets of a board."""
    return answer(RecordedMachine(BOARDS / name), path)


# The firmware


@pitfall(
    *("raspberrypi/linux#4620", "pftf/RPi4#185", "raspberrypi/firmware#1634"),
    *(
        "userland#744",
        "raspberrypi/utils#52",
        "raspberrypi/firmware#1705",
        "DietPi#8246",
    ),
)
def test_a_kernel_without_firmware_is_well() -> None:
    """Where nothing leads to the firmware, its leaves are null; nothing has failed, and the rest is there."""
    stats = board("pi4b-mainline")

    assert "errors" not in stats
    assert set(stats["gpu"].values()) == {None}
    assert (stats["cpu_temp"], stats["cpu_freq"]) == (49.66, 1500.0)


@pitfall("raspberrypi/linux#7230")
def test_an_echo_is_no_reply() -> None:
    """A mailbox that refuses everything is told, and what comes back is no figure; the rest goes on."""
    stats = board("pi5-16gb-mute")

    assert set(stats["errors"].values()) == {"the firmware refused to answer"}
    assert set(stats["gpu"].values()) == {None}
    assert (stats["cpu_temp"], stats["cpu_freq"]) == (44.95, None)


@pitfall("raspberrypi/linux#7230")
@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("pi5-16gb-mute", "cma=512M quiet", True),
        ("pi5-16gb-mute", "quiet", False),
        ("pi5-8gb-nvme", "cma=64M", False),
    ],
)
def test_what_makes_a_pi_5_refuse(tmp_path: Path, name: str, line: str, told: bool) -> None:
    """Where the firmware refuses everything and the kernel has `cma=`, its owner is told what to do."""
    found = answer(altered(name, tmp_path, {"proc/cmdline": f"console=tty1 {line}\n"}), "/capabilities")
    rows = {row["field"]: row["detail"] or "" for row in found["capabilities"]}

    assert ("dtoverlay=cma" in rows["power.throttled"]) is told
    assert ["dtoverlay=cma" in each for each in found["remedies"]] == [True] * told


@pitfall("raspberrypi/linux#2367", "raspberrypi/linux#2397")
def test_the_throttle_file_is_not_read(tmp_path: Path) -> None:
    """What the deprecated file in /sys says, which its readers clear for each other, changes nothing."""
    path = "sys/devices/platform/soc/soc:firmware/get_throttled"
    machine = altered("pi4b-8gb", tmp_path, {path: "f000f\n"})

    assert answer(machine, "/stats") == board("pi4b-8gb")


@pitfall("raspberrypi/linux#1320", "raspberrypi/firmware#615")
def test_throttled_without_heat() -> None:
    """A CPU that is slowed by its supply is not too hot: the cause stands beside the effect."""
    flags = board("pi3b-undervoltage")["power"]

    assert flags["throttled"]
    assert flags["under_voltage"]
    assert not flags["soft_temp_limit"]


@pitfall("raspberrypi/documentation#3257")
@pytest.mark.parametrize("name", ["pi3b-undervoltage", "pi500-throttled"])
def test_one_decoder_for_all(name: str) -> None:
    """The bits mean the same on the oldest and on the newest board."""
    flags = {key: value for key, value in board(name)["power"].items() if value is True}

    assert list(flags) == [
        *("under_voltage", "throttled", "under_voltage_since_boot", "throttled_since_boot"),
    ]


@pitfall("Loxberry#952", "fluidd#228", "genmon#1052")
def test_what_was_is_not_what_is() -> None:
    """A board that was throttled before, and is not now, says both."""
    flags = board("pi4b-8gb")["power"]

    assert (flags["throttled"], flags["throttled_since_boot"]) == (False, True)
    assert (flags["under_voltage"], flags["under_voltage_since_boot"]) == (False, True)


@pitfall("raspberrypi/documentation#1325", "bcmstat#21")
def test_memory_is_not_what_the_firmware_counts() -> None:
    """The firmware knows of the first gigabyte only; the memory is that of the kernel."""
    assert board("pi4b-8gb")["memory"]["total"] == 8_050_396 * 1024


@pitfall("raspberrypi/firmware#1009")
def test_an_unknown_name_looks_like_zero() -> None:
    """A clock that the firmware does not know by name is null, although it answers 0."""
    assert board("pi4b-8gb")["clocks"]["sdram"] is None


@pitfall("raspberrypi/firmware#656")
def test_a_measured_clock_is_off_by_a_little() -> None:
    """The meter counts pulses: 249.999 MHz is answered as measured, not mended to what was asked for."""
    assert board("pi2b-docker")["gpu"]["v3d_clock"] == 249_999_000


@pitfall("raspberrypi/firmware#1533")
def test_what_is_sampled_once_is_never_asked(tmp_path: Path) -> None:
    """A Compute Module 4 is not asked for inputs that it reads once, at boot."""
    machine = altered("cm4-emmc", tmp_path, {"calls.log": ""})
    answer(machine, "/stats")
    asked = machine.read("/calls.log")

    assert "measure_volts core\n" in asked
    assert "ain1" not in asked
    assert "usb_pd" not in asked


@pitfall("raspberrypi/linux#4624")
@pytest.mark.parametrize("name", ["pi2b-ubuntu", "pi4b-2gb-forbidden"])
def test_no_advice_to_make_a_node(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """The advice of the old tool, `mknod`, is obsolete: it is followed and repeated nowhere."""
    machine = RecordedMachine(BOARDS / name)
    stats = answer(machine, "/stats")

    assert "errors" not in stats
    assert "mknod" not in caplog.text
    assert not machine.exists("/dev")


@pitfall("raspberrypi/linux#7351", "KR8MER/eas-station#2374")
def test_the_restricted_node_comes_first(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The node for questions only is tried before the other; the log says what was wrong."""
    machine = RecordedMachine(BOARDS / "pi4b-2gb-forbidden")
    opened: list[str] = []

    def noted(path: str) -> int:
        opened.append(path)
        return RecordedMachine.open(machine, path)

    monkeypatch.setattr(machine, "open", noted)
    answer(machine, "/stats?fields=power")

    assert [path for path in opened if path.startswith("/dev/")] == ["/dev/vcio_gencmd", "/dev/vcio"]
    assert "/dev/vcio is for root only, and this kernel is too old for /dev/vcio_gencmd" in caplog.text


@pitfall("raspberrypi/firmware#1968")
@pytest.mark.parametrize("length", [0, 3, 4095])
def test_the_length_of_a_reply_is_not_believed(length: int) -> None:
    """A reply ends at its NUL, whatever length a Raspberry Pi 5 gives it."""
    buffer = mailbox.message("measure_temp", mailbox.ROOM)
    struct.pack_into(
        "=6I", buffer, 0, len(buffer), mailbox.DONE, mailbox.GENCMD, 4096, mailbox.DONE | length, 0
    )
    buffer[mailbox.TEXT : mailbox.TEXT + 16] = b"temp=46.6'C \n\0xx"

    assert mailbox.reply(buffer) == (0, "temp=46.6'C \n")


@pitfall("slgrobotics/robots_bringup#3", "DietPi#5970")
def test_who_may_not_ask_is_told_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    """On Ubuntu the user must be in the group video; the log says so, once."""
    answer(RecordedMachine(BOARDS / "pi2b-ubuntu"), "/stats")

    assert caplog.text.count("`sudo usermod -aG video pi-stat`") == 1


@pitfall("RPi-Monitor#290")
def test_the_old_place_of_vcgencmd() -> None:
    """The firmware is found where it lay on old images, whatever PATH says."""
    assert board("pi1b-rev1")["gpu"]["temperature"] == 48.3


@pitfall("raspberrypi/utils#39", "raspberrypi/utils#137")
def test_an_unknown_command_is_no_failure(tmp_path: Path) -> None:
    """A command that this board does not know leaves its leaf null, and no error."""
    transcript = (BOARDS / "pi5-8gb-nvme/vcgencmd.txt").read_text()
    renamed = transcript.replace("$ vcgencmd version\n", "$ vcgencmd no_version\n")
    stats = answer(altered("pi5-8gb-nvme", tmp_path, {"vcgencmd.txt": renamed}), "/stats")

    assert stats["hardware"]["firmware"] is None
    assert "errors" not in stats


# The supply


@pitfall("shenxn/rpi-bad-power", "rpi_power#6")
@pytest.mark.parametrize("name", ["pi4b-2gb-forbidden", "pi4b-mainline"])
def test_the_alarm_needs_no_firmware(name: str) -> None:
    """Who cannot ask the firmware has the alarm of rpi_volt, and nothing is made up for the other bits."""
    flags = board(name)["power"]

    assert flags["under_voltage"]
    assert flags["throttled"] is None


@pitfall("cdzombak/dotfiles#36")
def test_the_alarm_is_not_since_boot(tmp_path: Path) -> None:
    """The alarm is of the last seconds: it says nothing of the time since boot, and yields to the bits."""
    assert board("pi4b-mainline")["power"]["under_voltage_since_boot"] is None

    machine = altered("pi4b-8gb", tmp_path, {"sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n"})

    assert answer(machine, "/stats")["power"]["under_voltage"] is False


@pitfall("OpenCCU#3776")
def test_an_alarm_of_another_chip(tmp_path: Path) -> None:
    """That a disk is too hot is no sign of a low supply."""
    changes = {"sys/class/hwmon/hwmon1/temp1_alarm": "1\n", "vcgencmd.txt": ""}

    assert answer(altered("pi5-8gb-nvme", tmp_path, changes), "/stats")["power"]["under_voltage"] is False


@pitfall("Ragnar#315")
def test_the_input_may_be_below_five_volts(tmp_path: Path) -> None:
    """4.9 V at the input of a Raspberry Pi 5 is well, for the firmware says so."""
    transcript = (BOARDS / "pi5-8gb-nvme/vcgencmd.txt").read_text()
    changes = {"vcgencmd.txt": transcript.replace("=5.14158000V", "=4.90210000V")}

    assert answer(altered("pi5-8gb-nvme", tmp_path, changes), "/stats")["power"]["under_voltage"] is False


@pitfall(
    *("raspberrypi/rpi-eeprom#497", "documentation#4004", "bookworm-feedback#87", "wf-panel-pi#20"),
    *("adsb-feeder#333", "pi400kb#57"),
)
def test_little_current_for_usb_is_no_low_voltage() -> None:
    """What the supply has promised stands for itself, beside the flag of low voltage."""
    weak, strong = (board(name)["power"] for name in ("cm5-lite", "pi500-throttled"))

    assert (weak["supply_current"], weak["usb_current_limit"], weak["under_voltage"]) == (5.0, 1.6, None)
    assert (strong["supply_current"], strong["usb_current_limit"], strong["under_voltage"]) == (
        3.0,
        0.6,
        True,
    )


@pitfall("raspberrypi/utils#207")
def test_the_power_chip_is_not_asked_itself(tmp_path: Path) -> None:
    """The bootloader clears the events of the power chip, and leaves them in the device tree."""
    bit, why = next(iter(vcgencmd.POWER_CHIP_RESETS.items()))
    machine = altered("pi5-8gb-nvme", tmp_path, {})
    Path(machine.path("/proc/device-tree/chosen/power/power_reset")).write_bytes((1 << bit).to_bytes(4))

    assert answer(machine, "/stats")["power"]["power_chip_reset"] == why
    assert board("pi5-8gb-nvme")["power"]["power_chip_reset"] is None


@pitfall("zeus#274")
def test_only_the_firmware_knows_the_rails(tmp_path: Path) -> None:
    """The rails of a Raspberry Pi 5 are in no file: without the firmware they are null, not 0."""
    rails = answer(altered("pi5-8gb-nvme", tmp_path, {"vcgencmd.txt": ""}), "/sensors")["pmic"]

    assert rails == {"watts": None, "input_voltage": None, "battery_voltage": None, "rails": {}}
    assert len(board("pi5-8gb-nvme", "/sensors")["pmic"]["rails"]) == 14


@pitfall("touchkio#35")
def test_the_sum_of_the_rails_is_said_to_be_an_estimate() -> None:
    """What the rails of the board take together is not what the plug gives, and its declaration says that."""
    [field] = [each for each in routes.SENSORS.fields if each.path == "pmic.watts"]

    assert "estimate" in field.help
    assert board("pi5-8gb-nvme", "/sensors")["pmic"]["watts"] == 1.7667


@pitfall("raspberrypi/firmware#1107")
def test_the_unit_of_a_voltage() -> None:
    """The firmware counts in microvolts and the kernel in millivolts: 876 of these are 0.876 V."""
    assert board("cm5-lite", "/sensors")["voltages"]["core"] == 0.876


@pitfall("geerlingguy/pi-overvolt#2")
def test_the_voltage_is_said_to_be_the_one_asked_for() -> None:
    """On a Raspberry Pi 5 the core voltage is what the processor wants, and its declaration says that."""
    [field] = [each for each in power.power.fields if each.path == "power.core_voltage"]

    assert "requested" in field.help


# Temperatures and clocks


@pitfall("raspberrypi/firmware#133")
def test_a_temperature_that_cannot_be(tmp_path: Path) -> None:
    """A bogus reading is null."""
    machine = altered("pi3b-plus", tmp_path, {"sys/class/thermal/thermal_zone0/temp": "-650788984\n"})

    assert answer(machine, "/stats")["cpu_temp"] is None


@pitfall("raspberrypi/linux#4077")
def test_a_temperature_that_cannot_be_read(tmp_path: Path) -> None:
    """A sensor whose file gives EINVAL is named, and takes nothing else along."""
    machine = altered("pi3b-plus", tmp_path, {})
    machine.facts["unreadable"]["/sys/class/thermal/thermal_zone0/temp"] = "EINVAL"
    stats = answer(machine, "/stats")

    assert stats["cpu_temp"] is None
    assert list(stats["errors"]) == ["cpu_temp"]
    assert stats["gpu"] == board("pi3b-plus")["gpu"]


@pitfall("raspberrypi/documentation#2123")
@pytest.mark.parametrize(
    ("name", "celsius"), [("pi3b-plus", None), ("zero2w-wifi", None), ("pi4b-8gb", 64.9)]
)
def test_the_power_chip_has_a_sensor_from_the_pi_4_on(name: str, celsius: float | None) -> None:
    """Before, the firmware answers with the temperature of the SoC, which is not to be taken for another."""
    machine = RecordedMachine(BOARDS / name)
    assert "temp=" in machine.firmware.ask("measure_temp pmic")

    found = board(name, "/sensors")["temperatures"].get("pmic", {"temperature": None})

    assert found["temperature"] == celsius


@pitfall("fanshim#9", "fanshim#11", "fanshim#13")
def test_either_name_of_the_sensor(tmp_path: Path) -> None:
    """An older kernel calls it cpu-thermal; that is enough where there is no thermal zone."""
    zone = "sys/class/thermal/thermal_zone0/"
    machine = altered("pi1b-rev1", tmp_path, {f"{zone}type": None, f"{zone}temp": None})

    assert answer(machine, "/stats")["cpu_temp"] == 48.312


@pitfall("systeminformation#1036", "DietPi-Dashboard#1190")
def test_the_rp1_is_not_the_processor(tmp_path: Path) -> None:
    """The first sensor of a Raspberry Pi 5 is that of another chip, 7 degrees warmer: it is not taken."""
    zone = "sys/class/thermal/thermal_zone0/"
    machine = altered("pi5-8gb-nvme", tmp_path, {f"{zone}type": None, f"{zone}temp": None})

    assert machine.read("/sys/class/hwmon/hwmon0/name") == "rp1_adc\n"
    assert answer(machine, "/stats")["cpu_temp"] == 46.6


@pitfall("zynthian#1074", "zeus#273")
def test_the_numbers_of_sensors_mean_nothing(tmp_path: Path) -> None:
    """However the kernel numbers its chips at this boot, the answer is the same."""
    machine = altered("pi5-8gb-nvme", tmp_path, {})
    folder = Path(machine.path("/sys/class/hwmon"))
    for old, new in ((0, 17), (3, 0), (17, 3), (1, 40), (4, 1)):
        (folder / f"hwmon{old}").rename(folder / f"hwmon{new}")

    assert answer(machine, "/stats") == board("pi5-8gb-nvme")


@pitfall("psutil#1310")
def test_a_sensor_that_has_no_number_is_passed_over(tmp_path: Path) -> None:
    """A chip without a name, or with a reading that is no number, hides no other."""
    changes: dict[str, str | None] = {
        "sys/class/hwmon/hwmon0/name": None,
        "sys/class/hwmon/hwmon2/fan1_input": "none\n",
    }

    assert answer(altered("pi5-8gb-nvme", tmp_path, changes), "/stats")["cpu_temp"] == 46.6


# Which machine it is


@pitfall("raspberrypi/linux#5690")
def test_hardware_is_no_identity() -> None:
    """The line `Hardware` said BCM2835 on every board: it is read for nothing."""
    machine = RecordedMachine(BOARDS / "pi3b-plus")

    assert "Hardware\t: BCM2835" in machine.read("/proc/cpuinfo")
    assert "BCM2835" not in str(board("pi3b-plus"))


@pitfall("raspberrypi/linux#2110", "raspberrypi/linux#3161")
def test_a_mainline_kernel_gives_no_code(tmp_path: Path) -> None:
    """`Revision : 0000` is no revision; the device tree still tells the model."""
    text = (BOARDS / "pi4b-mainline/proc/cpuinfo").read_text() + "\nRevision\t: 0000\n"
    stats = answer(altered("pi4b-mainline", tmp_path, {"proc/cpuinfo": text}), "/stats")

    assert stats == board("pi4b-mainline")
    assert stats["hardware"]["model"] == "Raspberry Pi 4 Model B"


# Network


@pitfall("node_exporter#1967")
def test_a_speed_of_minus_one() -> None:
    """The bridge of a container engine says -1, which is no speed."""
    assert board("pi2b-docker", "/network/interfaces")["interfaces"]["docker0"]["speed"] is None


@pitfall("rtl8852au#31", "systeminformation#995", "dotnet runtime#47777")
def test_a_speed_that_cannot_be_read() -> None:
    """Wireless drivers answer EINVAL to a question for their speed: null, and the other figures stay."""
    answered = board("zero2w-wifi", "/network/interfaces")

    assert answered["interfaces"]["wlan0"]["speed"] is None
    assert answered["interfaces"]["wlan0"]["mtu"] == 1500
    assert "errors" not in answered


@pitfall("rtl8192eu#111", "rtl8812au#1058")
@pytest.mark.parametrize(("name", "dbm"), [("pi1a-plus-dongle", -71), ("pi4b-mainline", -62)])
def test_a_signal_without_the_old_list(name: str, dbm: int) -> None:
    """A driver, or a kernel, without /proc/net/wireless still has a signal, by nl80211."""
    assert not RecordedMachine(BOARDS / name).exists("/proc/net/wireless")
    assert board(name)["network"]["wlan0"]["signal_strength"] == dbm


# The service


def directives() -> dict[str, list[str]]:
    """What the unit file sets, by name."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pitfall("systemd#21151", "sholdee/home-ops#2934")
def test_the_service_has_a_user_who_is_in_the_group() -> None:
    """Its user is a lasting one, so that it can be put into the group video, which opens the device."""
    unit = directives()

    assert unit["User"] == ["pi-stat"]
    assert unit.get("DynamicUser", ["no"]) == ["no"]
    assert "group video" in UNIT.read_text()


@pitfall("RBN8080/nasd")
@pytest.mark.parametrize("node", mailbox.NODES)
def test_the_sandbox_lets_the_device_in(node: str) -> None:
    """A sandbox without devices is given each node twice, as a path and as a device; else it is not one."""
    unit = directives()
    bound = " ".join(unit.get("BindPaths", [])).split()

    if unit.get("PrivateDevices", ["no"]) == ["yes"]:
        assert f"-{node}" in bound
        assert f"{node} rw" in unit["DeviceAllow"]
    else:
        assert "DevicePolicy" not in unit


@pitfall("octoprint-docker#207", "docker-rpi-monitor#4")
def test_a_container_is_given_what_there_is() -> None:
    """A container without devices, libraries and /sys is well: what it lacks is null, and no failure."""
    stats = board("pi4b-4gb-container")

    assert "errors" not in stats
    assert stats["hardware"]["model"] == "Raspberry Pi 4 Model B Rev 1.1"
    assert stats["cpu_temp"] is None
    assert stats["memory"]["total"] == 3_884_736 * 1024


FIRMWARE = "unit/machine/firmware/test_client.py::"

lessons |= {
    "RPi-Monitor#44": FIRMWARE + "test_no_other_beside_a_stuck_one",
    "RPi-Monitor#100": FIRMWARE + "test_hanging",
    "raspberrypi/linux#6986": FIRMWARE + "test_the_rests_grow",
    "raspberrypi/documentation#1341": FIRMWARE + "test_only_harmless_questions",
    "raspberrypi/rpi-eeprom#698": FIRMWARE + "test_one_leaf_of_many",
    "Hexxeh/rpi-firmware#107": FIRMWARE + "test_failing",
    **dict.fromkeys(
        (
            "raspberrypi/linux#2976",
            "raspberrypi/firmware#999",
            "raspberrypi/linux#3808",
            "raspberrypi/linux#4194",
        ),
        FIRMWARE + "test_it_is_left_alone_after_hanging",
    ),
}

lessons["raspberrypi/linux#3366"] = (
    "No test: how many devices a USB controller serves is its own affair; those that it serves are counted."
)

THREADS = """
    raspberrypi/linux#7351, raspberrypi/linux#4624, raspberrypi/linux#4620, pftf/RPi4#185,
    raspberrypi/firmware#1634, raspberrypi/linux#7230, raspberrypi/linux#6986,
    raspberrypi/linux#2976, raspberrypi/firmware#999, raspberrypi/linux#3808,
    raspberrypi/linux#4194, RPi-Monitor#44, RPi-Monitor#100, raspberrypi/linux#2367,
    raspberrypi/linux#2397, raspberrypi/documentation#1341, raspberrypi/linux#1320,
    raspberrypi/firmware#615, raspberrypi/documentation#3257, raspberrypi/documentation#1325,
    bcmstat#21, raspberrypi/firmware#1009, raspberrypi/documentation#2123,
    raspberrypi/firmware#1533, raspberrypi/firmware#656, raspberrypi/firmware#1107,
    raspberrypi/firmware#1968, raspberrypi/firmware#133, raspberrypi/linux#4077,
    raspberrypi/utils#39, raspberrypi/utils#137, raspberrypi/utils#207, raspberrypi/rpi-eeprom#698,
    raspberrypi/linux#5690, raspberrypi/linux#2110, raspberrypi/linux#3161, userland#744,
    raspberrypi/utils#52, raspberrypi/firmware#1705, DietPi#8246, DietPi#5970, RPi-Monitor#290,
    Hexxeh/rpi-firmware#107, slgrobotics/robots_bringup#3, sholdee/home-ops#2934, systemd#21151,
    RBN8080/nasd, KR8MER/eas-station#2374, octoprint-docker#207, docker-rpi-monitor#4,
    shenxn/rpi-bad-power, rpi_power#6, cdzombak/dotfiles#36, fanshim#9, fanshim#11, fanshim#13,
    systeminformation#1036, DietPi-Dashboard#1190, zynthian#1074, zeus#273, zeus#274, OpenCCU#3776,
    geerlingguy/pi-overvolt#2, touchkio#35, node_exporter#1967, rtl8852au#31, systeminformation#995,
    dotnet runtime#47777, rtl8192eu#111, rtl8812au#1058, psutil#1310, raspberrypi/rpi-eeprom#497,
    documentation#4004, bookworm-feedback#87, wf-panel-pi#20, adsb-feeder#333, pi400kb#57,
    raspberrypi/linux#3366, Ragnar#315, Loxberry#952, fluidd#228, genmon#1052
"""
"""The threads, by repository and number."""


def test_no_thread_is_left_out() -> None:
    """Each thread has a test, or the reason why there is none."""
    assert set(lessons) == {each.strip() for each in THREADS.split(",")}


def test_the_tests_elsewhere_exist() -> None:
    """A lesson that a test of another file holds is named by a test that is there."""
    tests = Path(__file__).parents[1]
    for lesson in lessons.values():
        if isinstance(lesson, str) and "::" in lesson:
            path, _, name = lesson.partition("::")
            assert f"\ndef {name}(" in (tests / path).read_text(encoding="utf-8"), lesson
