"""Why it is null: the answer of `/capabilities` for every board, and what it tells the owner to do."""

from __future__ import annotations

import errno
import functools
import json
from pathlib import Path
from typing import Any

import pytest

from pi_system_monitor import create_app
from pistat import routes
from pistat.cache import NoAnswerError
from pistat.collectors import ALL
from pistat.collectors.sensors import temperatures
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason
from pistat.monitor.capabilities import document
from pistat.monitor.monitor import Answer
from pistat.settings import Settings
from support.answer_shape import leaves, pattern
from support.file_tree import machine_of, pi
from support.recorded_machine import BOARDS, DATA_ROUTES, RecordedMachine, altered, board_names

SPEED = "interfaces.{interface}.speed"


def ask(machine: Machine, path: str) -> Any:
    app = create_app(Settings(rate_limit_enabled=False), machine)
    return json.loads(app.test_client().get(path).data)


@functools.cache
def capabilities(board: str) -> dict[str, dict[str, Any]]:
    """The rows of a board by their fields."""
    answer = ask(RecordedMachine(BOARDS / board), "/capabilities")
    return {row["field"]: row for row in answer["capabilities"]}


@pytest.mark.parametrize("board", board_names())
def test_what_is_available_has_a_value(board: str) -> None:
    """A figure is available exactly where one of the answers of the board has a value for it."""
    found = [
        leaf for route in DATA_ROUTES for leaf in leaves(ask(RecordedMachine(BOARDS / board), route.path))
    ]
    declared = {field.path: field for each in ALL for field in each.fields}

    for path, row in capabilities(board).items():
        valued = any(value is not None and pattern(declared[path]).fullmatch(leaf) for leaf, value in found)
        assert row["available"] is valued, path


@pytest.mark.parametrize("board", board_names())
def test_what_is_not_has_a_reason(board: str) -> None:
    """Each figure has its row once, in the order of the declarations; what has no value has a reason."""
    rows = capabilities(board)

    assert list(rows) == [field.path for each in ALL for field in each.fields]
    for row in rows.values():
        if row["available"]:
            assert (row["reason"], row["detail"]) == (None, None)
        else:
            assert row["reason"] in set(Reason)
            assert row["detail"][-1] == "."


@pytest.mark.parametrize(
    ("board", "field", "reason", "word"),
    [
        ("pi4b-8gb", "pmic.watts", Reason.NO_MODEL, "Raspberry Pi 5"),
        ("pi4b-8gb", "block_clocks.hevc", Reason.NO_MODEL, "is not known to measure the clock of the HEVC"),
        ("pc-x86", "block_clocks.hdmi", Reason.NO_MODEL, "Raspberry Pi"),
        ("pi5-8gb-nvme", "gpu.memory", Reason.NO_MODEL, "Raspberry Pi 5"),
        ("pi5-8gb-nvme", "block_clocks.h264", Reason.NO_MODEL, "H.264"),
        ("zero2w-wifi", "power.under_voltage", Reason.NO_MODEL, "Zeros"),
        ("zero2w-wifi", "hardware.bootloader", Reason.NO_MODEL, "Raspberry Pi 4"),
        ("pi3b-undervoltage", "hardware.boot_medium", Reason.NO_MODEL, "Raspberry Pi 4"),
        ("pi4b-8gb", "clocks.sdram", Reason.NO_MODEL, "`measure_clock sdram`"),
        ("pi5-8gb-nvme", "clocks.sdram", Reason.NO_MODEL, "answers 0"),
        ("pc-x86", "power.throttled", Reason.NO_MODEL, "Raspberry Pi"),
        ("pc-x86", "clocks.arm_requested", Reason.NO_MODEL, "Raspberry Pi"),
        ("pi4b-mainline", "power.throttled", Reason.NO_FILE, "/dev/vcio"),
        ("pi4b-mainline", "fans.{fan}.rpm", Reason.NO_FILE, "/sys/class/hwmon/hwmon*/fan*_input"),
        ("pi4b-4gb-container", "cpu_temp", Reason.NO_FILE, "/sys/class/thermal"),
        ("pi4b-4gb-container", "cpu_freq", Reason.NO_FILE, "no cpufreq driver"),
        ("pi5-16gb-mute", "cpu_freq", Reason.NO_FILE, "the firmware does not answer that driver"),
        ("pi4b-2gb-forbidden", "power.throttled", Reason.NO_PERMISSION, "sudo apt full-upgrade"),
        ("pi4b-mainline", "hardware.bootloader", Reason.NO_FILE, "build-timestamp"),
        ("pi4b-mainline", "block_clocks.hdmi", Reason.NO_FILE, "/dev/vcio"),
        ("pi4b-mainline", "swap.percent", Reason.NO_VALUE, "no swap space"),
        ("pi5-16gb-mute", "power.throttled", Reason.REFUSED, "refused"),
        ("pi5-2gb-truncated", "power.throttled", Reason.NOT_UNDERSTOOD, "reply to get_throttled was"),
        ("pi5-2gb-truncated", "pmic.watts", Reason.NOT_UNDERSTOOD, "reply to pmic_read_adc was"),
        ("pi1b-rev1", "network.{interface}.signal_strength", Reason.NO_VALUE, "wireless"),
        ("pi5-8gb-nvme", "interfaces.{interface}.ssid", Reason.HIDDEN, "PISTAT_SHOW_SSID=true"),
        ("pi5-8gb-nvme", "disks.{disk}.life_used_a", Reason.NO_FILE, "/sys/block/*/device/life_time"),
        ("pi5-8gb-nvme", "devices[row].error", Reason.NO_VALUE, "if the filesystem does not report them"),
    ],
)
def test_reasons(board: str, field: str, reason: Reason, word: str) -> None:
    """The reason is that of the board, and its sentence says more."""
    row = capabilities(board)[field]

    assert row["reason"] == reason
    assert word in row["detail"]


def test_all_places_that_are_missing_are_named(tmp_path: Path) -> None:
    """Where neither the kernel nor the firmware can be asked, the reason names both, and what to do."""
    machine = machine_of(tmp_path, pi("3 Model B Rev 1.2", 0xA02082))

    row = next(
        row for row in ask(machine, "/capabilities")["capabilities"] if row["field"] == "power.reset_cause"
    )

    assert row["reason"] == Reason.NO_FILE
    assert "/chosen/bootloader/rsts. There is no /dev/vcio_gencmd and no /dev/vcio: " in row["detail"]
    assert row["detail"].endswith("a container must be given them.")


@pytest.mark.parametrize("speed", ["EINVAL", "-1\n", None])
def test_the_speed_of_a_link_that_is_down(speed: str | None, tmp_path: Path) -> None:
    """However the driver puts it, the owner reads that there is no link."""
    files = {} if speed in {"EINVAL", None} else {"sys/class/net/eth0/speed": speed}
    machine = altered("pi4b-8gb", tmp_path, files)
    if speed == "EINVAL":
        names = machine.names("/sys/class/net")
        machine.facts["unreadable"] = {f"/sys/class/net/{name}/speed": speed for name in names}
    elif speed is None:
        for path in Path(machine.root).glob("sys/class/net/*/speed"):
            path.unlink()

    row = next(row for row in ask(machine, "/capabilities")["capabilities"] if row["field"] == SPEED)

    assert row["detail"] == "No wired interface has a link."


@pytest.mark.parametrize(("error", "reason"), [("EACCES", Reason.NO_PERMISSION), ("EIO", Reason.REFUSED)])
@pytest.mark.parametrize("path", ["/sys/class/hwmon", "/sys/block/sda/device", "/proc/device-tree/model"])
def test_what_cannot_be_looked_into(path: str, error: str, reason: Reason) -> None:
    """A folder that cannot be listed, or a model that cannot be read, is itself the reason."""
    machine = RecordedMachine(BOARDS / "pi4b-8gb")
    machine.facts["unreadable"] = {path: error}

    rows = ask(machine, "/capabilities")["capabilities"]

    assert {row["reason"] for row in rows if (row["detail"] or "").startswith(f"{path} ")} == {reason}


def test_what_fails_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that the kernel gives while it reads names no file, and nor does the reason."""
    machine = RecordedMachine(BOARDS / "pi4b-mainline")

    def fail(path: str) -> list[str]:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(machine, "names", fail)

    row = next(each for each in ask(machine, "/capabilities")["capabilities"] if each["field"] == "cpu_temp")

    assert row["detail"] == "Its source cannot be read: Input/output error."


def test_the_alarm_needs_no_firmware() -> None:
    """What has a second source is available where the first is shut."""
    rows = capabilities("pi4b-2gb-forbidden")

    assert rows["power.under_voltage"]["available"] is True
    assert rows["power.under_voltage_since_boot"]["reason"] == Reason.NO_PERMISSION


REMEDIES = {
    "pi2b-ubuntu": "sudo usermod -aG video pi-stat",
    "pi4b-2gb-forbidden": "sudo apt full-upgrade",
}
"""The boards whose owner can do something, and what."""


@pytest.mark.parametrize("board", board_names())
def test_remedies_come_first(board: str) -> None:
    """What the owner can do stands above the rows, each once; most boards need nothing."""
    answer = ask(RecordedMachine(BOARDS / board), "/capabilities")
    wanted = {each["detail"] for each in answer["capabilities"] if each["reason"] == Reason.NO_PERMISSION}

    assert tuple(answer) == routes.CAPABILITIES.keys
    assert set(answer["remedies"]) == wanted
    assert [REMEDIES[board] in each for each in answer["remedies"]] == [True] * (board in REMEDIES)


def test_a_firmware_that_hangs(tmp_path: Path) -> None:
    """What the firmware has not answered in time is said to have timed out, and nothing else is."""
    program = tmp_path / "usr/bin/vcgencmd"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    machine = machine_of(tmp_path, pi("4 Model B Rev 1.1", 0xC03111))

    rows = {row["field"]: row for row in ask(machine, "/capabilities")["capabilities"]}

    assert rows["power.throttled"]["reason"] == Reason.TIMED_OUT
    assert rows["power.throttled"]["detail"] == "No answer within 1.0 s."
    assert rows["pmic.watts"]["reason"] == Reason.NO_MODEL


def test_a_question_that_this_firmware_does_not_know(tmp_path: Path) -> None:
    """A firmware that answers, but not to this, is told from one that cannot be asked."""
    program = tmp_path / "usr/bin/vcgencmd"
    program.parent.mkdir(parents=True)
    program.write_text(
        '#!/bin/sh\n[ "$1" = measure_temp ] && echo "temp=47.2\'C" && exit\n'
        "echo 'error=1 error_msg=\"Command not registered\"'\nexit 255\n"
    )
    program.chmod(0o755)
    machine = machine_of(tmp_path, pi("4 Model B Rev 1.1", 0xC03111))

    rows = {row["field"]: row for row in ask(machine, "/capabilities")["capabilities"]}

    assert rows["gpu.temperature"]["available"] is True
    assert rows["power.throttled"]["reason"] == Reason.NO_MODEL
    assert "`get_throttled`" in rows["power.throttled"]["detail"]


def test_what_hangs_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of a collector that has got no answer are left alone, and its figures have timed out."""
    chip = "sys/class/hwmon/hwmon0"
    machine = machine_of(
        tmp_path,
        {**pi("4 Model B Rev 1.1", 0xC03111), f"{chip}/name": "nvme", f"{chip}/temp1_input": "38850"},
    )
    nulls = {key: value for each in ALL for key, value in each.nulls(machine).items()}
    failures = (NoAnswerError(temperatures.deadline),)
    hung = Answer(nulls, {"temperatures": failures, "cpu_temp": failures}, 0.0)
    opened: list[str] = []
    read = machine.read_bytes

    def note(path: str, limit: int = 4096) -> bytes:
        opened.append(path)
        return read(path, limit)

    monkeypatch.setattr(machine, "read_bytes", note)

    found: Any = document(machine, hung)
    row = next(each for each in found["capabilities"] if each["field"] == "temperatures.{sensor}.temperature")

    assert (row["reason"], row["detail"]) == (Reason.TIMED_OUT, "No answer within 2.0 s.")
    assert f"/{chip}/temp1_input" not in opened


def test_a_file_that_cannot_be_read() -> None:
    """A table that the kernel does not give takes its own figures, and they say so."""
    machine = RecordedMachine(BOARDS / "pi4b-mainline")
    machine.facts["unreadable"] = {"/proc/meminfo": "EIO"}

    rows = {row["field"]: row for row in ask(machine, "/capabilities")["capabilities"]}

    others = {"memory.oom_kills", "swap.bytes_in", "swap.bytes_out"}
    assert {each for each, row in rows.items() if row["reason"] == Reason.REFUSED} == {
        each for each in rows if each.startswith(("memory.", "swap.")) or each.endswith(".memory_percent")
    } - others


def test_a_failure_of_another_figure() -> None:
    """What the firmware has refused is no reason for what is not its to tell."""
    row = capabilities("pi5-16gb-mute")["power.power_chip_reset"]

    assert row["reason"] == Reason.NO_VALUE
