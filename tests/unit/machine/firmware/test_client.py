"""Asking the firmware, through programs that answer, hang, fail, babble, or are not there."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import threading
import time
import tracemalloc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pi_system_monitor import create_app
from pistat.collectors.firmware_queries import FirmwareQueries
from pistat.field import Incomplete
from pistat.machine.firmware.client import (
    ANSWER_SECONDS,
    BACKOFF_SECONDS,
    REFUSED_SECONDS,
    FirmwareError,
    UnavailableError,
)
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason
from pistat.parsers.vcgencmd import temperature
from pistat.settings import Settings
from support.firmware.vcgencmd_script import (
    SOON,
    StoppedClockMachine,
    Vcgencmd,
    WaitingClockMachine,
    assert_nothing_is_left,
    calls,
    says,
    write,
)

if TYPE_CHECKING:
    from support.require import Require

NO_NODE = "Can't open device file: /dev/vcio_gencmd"
NO_NODE_BEFORE_2026 = (
    "Can't open device file: /dev/vcio\nTry creating a device file with: sudo mknod /dev/vcio c 100 0"
)
UNKNOWN = 'vc_gencmd_read_response returned -1\nerror=1 error_msg="Command not registered"'
INVALID = 'error=2 error_msg="Invalid arguments"'
IOCTL = "ioctl_set_msg failed:-1\nmeasure_temp"
TOO_LONG = "vc_gencmd_read_response returned -1\n"


@pytest.fixture(autouse=True)
def posix(require: Require) -> None:
    require(os.name == "posix", "/bin/sh", installed=False)


@pytest.fixture
def vcgencmd(tmp_path: Path) -> Vcgencmd:
    """Write a program into the machine."""
    return partial(write, tmp_path)


@pytest.fixture
def machine(tmp_path: Path) -> StoppedClockMachine:
    return StoppedClockMachine(str(tmp_path))


def test_one_at_a_time(vcgencmd: Vcgencmd, machine: Machine) -> None:
    """However many threads ask, there is one program at a time."""
    program = vcgencmd('mkdir "$0.lock" || : >"$0.overlap"\nsleep 0.01\nrmdir "$0.lock"\necho "$1"')
    found: list[str] = []
    askers = [
        *(lambda n=n: found.append(machine.firmware.ask(f"asked-{n}")) for n in range(10)),
        *(lambda n=n: found.append(machine.run([str(program), f"ran-{n}"], SOON).stdout) for n in range(10)),
    ]
    threads = [threading.Thread(target=each) for each in askers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)

    assert sorted(found) == sorted([*(f"asked-{n}\n" for n in range(10)), *(f"ran-{n}\n" for n in range(10))])
    assert len(calls(program)) == 20
    assert not Path(f"{program}.overlap").exists()


# Hanging


@pytest.mark.parametrize(
    "script",
    [
        "sleep 1000",
        "exec sleep 1000",
        'echo "temp=48.3\'C"\nexec sleep 1000',
        "trap '' TERM INT HUP QUIT PIPE\nwhile :; do sleep 1; done",
        'sleep 1000 &\necho $! >>"$0.pids"\nwait',
        'sleep 1000 &\necho $! >>"$0.pids"\nexit 0',
        '(sleep 1000 & echo $! >>"$0.pids"; wait) &\necho $! >>"$0.pids"\necho "temp=48.3\'C"',
        "exec >&- 2>&-\nexec sleep 1000",
        "exec >&-\nexec sleep 1000",
        "kill -STOP $$",
        "while :; do echo x; sleep 0.2; done",
    ],
)
def test_hanging(vcgencmd: Vcgencmd, machine: StoppedClockMachine, script: str) -> None:
    """A program that does not end in a second is given up, and killed with all that it has started."""
    machine.least_seconds = 0.0
    program = vcgencmd(script)
    began = time.monotonic()

    with pytest.raises(FirmwareError, match=r"^no answer within 1\.0 s$"):
        machine.firmware.ask("measure_temp")

    assert ANSWER_SECONDS <= time.monotonic() - began < SOON
    assert_nothing_is_left(program)


def test_no_other_beside_a_stuck_one(vcgencmd: Vcgencmd, machine: Machine) -> None:
    """While one is stuck that cannot be killed, no other is started; when it is gone, all is well."""
    program = vcgencmd("echo fine")
    with subprocess.Popen(["/bin/sleep", "1000"]) as stuck:
        machine._unkillable = stuck
        with pytest.raises(TimeoutError):
            machine.run([str(program)], SOON)
        assert calls(program) == []
        stuck.kill()
        stuck.wait(SOON)

    assert machine.run([str(program)], SOON).stdout == "fine\n"


def test_it_is_left_alone_after_hanging(vcgencmd: Vcgencmd, machine: StoppedClockMachine) -> None:
    """After no answer nobody waits again for a while; then it is asked once more, and may be well."""
    machine.least_seconds = 0.0
    program = vcgencmd("exec sleep 1000")
    with pytest.raises(FirmwareError):
        machine.firmware.ask("measure_temp")
    began = time.monotonic()

    for _ in range(100):
        with pytest.raises(FirmwareError, match=r"^no answer within 1\.0 s$"):
            machine.firmware.ask("measure_temp")
    assert time.monotonic() - began < SOON
    assert len(calls(program)) == 1

    vcgencmd("echo fine")
    machine.least_seconds = SOON
    machine.now += BACKOFF_SECONDS[0]
    assert [machine.firmware.ask("measure_temp") for _ in range(2)] == ["fine\n"] * 2


def test_the_rests_grow(vcgencmd: Vcgencmd, machine: StoppedClockMachine) -> None:
    """Each failure in a row has a longer rest behind it, up to half a minute; an answer ends the row."""
    program = vcgencmd("exit 1")

    def is_asked() -> bool:
        before = len(calls(program))
        with pytest.raises(FirmwareError):
            machine.firmware.ask("measure_temp")
        return len(calls(program)) > before

    assert is_asked()
    for rest in (*BACKOFF_SECONDS, BACKOFF_SECONDS[-1], BACKOFF_SECONDS[-1]):
        machine.now += rest - 0.01
        assert not is_asked()
        machine.now += 0.02
        assert is_asked()

    vcgencmd("echo fine")
    machine.now += BACKOFF_SECONDS[-1]
    assert machine.firmware.ask("measure_temp") == "fine\n"
    vcgencmd("exit 1")
    assert is_asked()
    machine.now += BACKOFF_SECONDS[0]
    assert is_asked()


# Failing


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param(says(NO_NODE, 255), UnavailableError(), id="no node or no permission"),
        pytest.param(says(NO_NODE_BEFORE_2026, 255), UnavailableError(), id="the same before 2026"),
        pytest.param(says(UNKNOWN, 255), UnavailableError(), id="unknown command"),
        pytest.param(says(INVALID, 0), UnavailableError(), id="bad argument"),
        pytest.param(says("VCHI initialization failed", 255), UnavailableError(), id="userland, no access"),
        pytest.param(says("VCHI connection failed", 255), UnavailableError(), id="userland, no connection"),
        pytest.param(
            says('error=1 error_msg="Command not registered"', 254, stream=2),
            UnavailableError(),
            id="userland, unknown command",
        ),
        pytest.param(says(IOCTL, 0), FirmwareError("the firmware refused to answer"), id="ioctl refused"),
        pytest.param(says("", 0), FirmwareError("the firmware refused to answer"), id="empty line"),
        pytest.param("exit 0", FirmwareError("the firmware refused to answer"), id="nothing"),
        pytest.param(
            f"echo 'gencmd length too long : 4097' >&2\n{says(TOO_LONG, 255)}",
            FirmwareError("vcgencmd failed"),
            id="too long",
        ),
        pytest.param(says("error=7 what", 255), FirmwareError("vcgencmd failed"), id="other error"),
        pytest.param("exit 1", FirmwareError("vcgencmd failed"), id="exit 1"),
        pytest.param("exit 255", FirmwareError("vcgencmd failed"), id="exit 255"),
        pytest.param(says("temp=48.3'C", 1), FirmwareError("vcgencmd failed"), id="an answer, exit 1"),
        pytest.param(says("Illegal instruction", 132, 2), FirmwareError("vcgencmd failed"), id="wrong ABI"),
        pytest.param("kill -ILL $$", FirmwareError("vcgencmd failed"), id="wrong ABI, signal"),
        pytest.param("kill -SEGV $$", FirmwareError("vcgencmd failed"), id="crash"),
    ],
)
def test_failing(vcgencmd: Vcgencmd, machine: Machine, script: str, error: Exception) -> None:
    """Each way to fail is known by what is printed: not to have something is no failure."""
    program = vcgencmd(script)

    with pytest.raises(type(error)) as raised:
        machine.firmware.ask("measure_temp")

    assert str(raised.value) == str(error)
    assert_nothing_is_left(program)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(r"printf '\377\376temp=48.3\047C\n'", id="no UTF-8 before"),
        pytest.param(r"printf 'temp=48.3\047C\303\n'", id="half a character behind"),
        pytest.param(r"printf 'temp=48.3\047C\000\n'", id="NUL"),
        pytest.param(r"printf 'temp=48.3\047C\033[2J\n'", id="ESC"),
        pytest.param(says("temp=48.3'C\ntemp=48.3'C"), id="twice"),
        pytest.param(says("usage: vcgencmd [-t] command"), id="usage"),
        pytest.param(says("measure_temp"), id="the question"),
        pytest.param("head -c 8000 /dev/zero | tr '\\0' 9", id="long"),
    ],
)
def test_an_answer_to_something_else(vcgencmd: Vcgencmd, machine: Machine, script: str) -> None:
    """An answer that is not in full what was asked for is none; the leaf is null, and the reason is told."""
    vcgencmd(script)
    queries = FirmwareQueries(machine.firmware)

    assert queries.ask("measure_temp", temperature) is None
    reading = queries.finish({"cpu_temp": None})

    assert isinstance(reading, Incomplete)
    assert reading.values == {"cpu_temp": None}
    assert [str(failure) for failure in reading.failures] == [
        "the firmware's reply to measure_temp was not understood"
    ]


@pytest.mark.parametrize(
    "script",
    [
        "yes",
        "yes >&2",
        "yes & yes >&2",
        "exec cat /dev/zero",
        "exec yes 'temp=48.3'",
        "exec yes é",
        "trap '' TERM PIPE\nwhile :; do echo babble; done 2>/dev/null",
        'yes & echo $! >>"$0.pids"\nwait',
    ],
)
def test_babbling(vcgencmd: Vcgencmd, machine: Machine, script: str) -> None:
    """A program that does not stop printing is stopped after a few kilobytes."""
    program = vcgencmd(script)
    began = time.monotonic()

    finished = machine.run([str(program), "x"], SOON)

    assert time.monotonic() - began < SOON / 2
    assert finished.status < 0
    assert 4000 < max(len(finished.stdout), len(finished.stderr)) <= 8192
    assert_nothing_is_left(program)
    with pytest.raises(FirmwareError, match=r"^vcgencmd failed$"):
        machine.firmware.ask("x")


def test_babbling_takes_no_memory(vcgencmd: Vcgencmd, machine: Machine) -> None:
    """What a program prints without end is not kept."""
    program = vcgencmd("exec cat /dev/zero")
    machine.run([str(program)], SOON)
    tracemalloc.start()
    try:
        machine.run([str(program)], SOON)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 500_000


def test_what_it_does_not_know_is_asked_once(vcgencmd: Vcgencmd, machine: StoppedClockMachine) -> None:
    """A firmware that does not know a question will not learn it while it runs."""
    program = vcgencmd(says(UNKNOWN, 255))
    ask_often(machine, UnavailableError)
    machine.now += 10_000.0
    ask_often(machine, UnavailableError)

    assert calls(program) == ["measure_temp"]


# Not to be had


def ask_often(machine: Machine, error: type[Exception]) -> None:
    for _ in range(100):
        with pytest.raises(error):
            machine.firmware.ask("measure_temp")


def test_missing(machine: StoppedClockMachine, caplog: pytest.LogCaptureFixture) -> None:
    """A machine without the program is no Raspberry Pi, which is nothing to talk about."""
    ask_often(machine, UnavailableError)
    machine.now += 10_000.0
    ask_often(machine, UnavailableError)

    assert caplog.messages == []


def test_not_executable(
    vcgencmd: Vcgencmd, machine: StoppedClockMachine, caplog: pytest.LogCaptureFixture
) -> None:
    """A program that may not be executed is one line in the log, however often it is wanted."""
    vcgencmd("echo fine", mode=0o644)

    ask_often(machine, UnavailableError)
    machine.now += 10_000.0
    ask_often(machine, UnavailableError)

    assert caplog.messages == [
        "The firmware cannot be asked, so what only it knows is null. /usr/bin/vcgencmd is not executable."
    ]


def test_a_folder(machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder of that name is no program; there is at most a line in the log about it."""
    (tmp_path / "usr/bin/vcgencmd").mkdir(parents=True)

    for _ in range(100):
        with pytest.raises((UnavailableError, FirmwareError)):
            machine.firmware.ask("measure_temp")

    assert len(caplog.messages) <= 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"#!/nowhere/sh\necho fine\n", id="no interpreter"),
        pytest.param(b"echo fine\n", id="no interpreter named"),
        pytest.param(b"\x7fELF\x02\x01\x01" + bytes(100), id="broken"),
        pytest.param(b"", id="empty"),
    ],
)
def test_no_program(machine: StoppedClockMachine, tmp_path: Path, content: bytes) -> None:
    """What cannot be executed is a failure, tried again, rarely; no shell makes sense of it."""
    path = tmp_path / "usr/bin/vcgencmd"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    path.chmod(0o755)

    for _ in range(2):
        with pytest.raises(FirmwareError, match=r"^vcgencmd cannot be started$"):
            machine.firmware.ask("measure_temp")

    path.write_text("#!/bin/sh\necho fine\n")
    machine.now += BACKOFF_SECONDS[0]
    assert machine.firmware.ask("measure_temp") == "fine\n"


def test_disappearing(vcgencmd: Vcgencmd, machine: StoppedClockMachine) -> None:
    """A program that is gone, as during an upgrade, is a failure until it is back."""
    vcgencmd("echo fine").rename(machine.root + "/moved")
    vcgencmd("echo fine")
    assert machine.firmware.ask("measure_temp") == "fine\n"

    Path(machine.root + "/usr/bin/vcgencmd").unlink()
    with pytest.raises(FirmwareError, match=r"^vcgencmd cannot be started$"):
        machine.firmware.ask("measure_temp")

    vcgencmd("echo back")
    machine.now += BACKOFF_SECONDS[0]
    assert machine.firmware.ask("measure_temp") == "back\n"


@pytest.mark.parametrize("text", [NO_NODE, NO_NODE_BEFORE_2026, "VCHI initialization failed"])
def test_no_access(
    vcgencmd: Vcgencmd, machine: StoppedClockMachine, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """Who may not ask is told once how to change that, and asks again after a minute."""
    vchiq = Path(f"{machine.root}/dev/vchiq")
    vchiq.parent.mkdir()
    vchiq.touch()
    program = vcgencmd(says(text, 255))

    ask_often(machine, UnavailableError)
    machine.now += REFUSED_SECONDS - 0.01
    ask_often(machine, UnavailableError)
    assert len(calls(program)) == 1
    machine.now += 0.02
    ask_often(machine, UnavailableError)
    assert len(calls(program)) == 2

    [message] = caplog.messages
    assert message.startswith(
        "The firmware cannot be asked, so what only it knows is null. /dev/vchiq is for "
    )
    assert machine.firmware.access.why is Reason.NO_PERMISSION
    vcgencmd("echo fine")
    machine.now += REFUSED_SECONDS
    assert machine.firmware.ask("measure_temp") == "fine\n"
    assert len(caplog.messages) == 1


def test_the_device_is_the_one_to_open(
    vcgencmd: Vcgencmd, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the device itself is forbidden, the remedy is for it, and not for the one of before 2020."""

    def refuse(path: str) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(machine, "open", refuse)
    vchiq = Path(f"{machine.root}/dev/vchiq")
    vchiq.parent.mkdir()
    vchiq.touch()
    vcgencmd(says(NO_NODE, 255))

    assert machine.firmware.access.why is Reason.NO_PERMISSION
    assert machine.firmware.access.detail.startswith("/dev/vcio_gencmd is for ")


@pytest.mark.parametrize(("code", "level"), [(errno.ENOENT, "INFO"), (errno.EACCES, "WARNING")])
def test_what_costs_processes_and_can_be_mended(
    vcgencmd: Vcgencmd,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: int,
    level: str,
) -> None:
    """A process for each question is a warning where its owner can spare it, and else only a line."""

    def refuse(path: str) -> int:
        raise OSError(code, os.strerror(code), path)

    monkeypatch.setattr(machine, "open", refuse)
    vcgencmd("echo fine")
    with caplog.at_level(logging.INFO, "pistat"):
        assert machine.firmware.ask("version") == "fine\n"

    [record] = caplog.records
    assert record.levelname == level
    assert "through /usr/bin/vcgencmd, a process for each question. " in record.message


# Through the app

QUESTIONS = {
    "get_mem gpu": "gpu=76M",
    "get_rsts": "get_rsts=1020",
    "get_throttled": "throttled=0x50005",
    "measure_clock arm": "frequency(48)=1500345728",
    "measure_clock core": "frequency(1)=200008304",
    "measure_clock sdram": "frequency(0)=400000000",
    "measure_clock v3d": "frequency(46)=250000496",
    "measure_temp": "temp=47.2'C",
    "measure_volts core": "volt=0.8563V",
    "version": (
        "Mar 17 2023 10:50:56 \nCopyright (c) 2012 Broadcom\n"
        "version 82f3750a65fadae9a38077e3c2e217ad158c8d54 (clean) (release) (start_cd)"
    ),
}
"""All that may ever be asked, and how a Pi 4 answers; get_throttled with an argument would clear its bits."""

TAKEN: dict[str, dict[str, Any]] = {
    "gpu": {"temperature": None, "memory": None, "v3d_clock": None, "busy": None},
    "power": {
        "core_voltage": None,
        "under_voltage": None,
        "throttled": None,
        "freq_capped": None,
        "soft_temp_limit": None,
        "under_voltage_since_boot": None,
        "throttled_since_boot": None,
        "freq_capped_since_boot": None,
        "soft_temp_limit_since_boot": None,
        "supply_current": None,
        "usb_current_limit": None,
        "usb_over_current": None,
        "power_chip_reset": None,
        "reset_cause": None,
    },
    "clocks": {"arm": None, "core": None, "sdram": None, "arm_requested": 1500000000},
    "hardware": {
        "model": "Raspberry Pi 4 Model B Rev 1.4",
        "serial": "10000000abcdef01",
        "firmware": None,
        "usb_devices": 1,
        "revision": "d03114",
        "type": "4B",
        "soc": "BCM2711",
        "pcb_revision": "1.4",
        "maker": "Sony UK",
        "boot_medium": "USB",
        "bootloader": 1613481816.0,
        "bootloader_updated": None,
        "bootloader_available": None,
        "bootloader_outdated": None,
        "memory": 8 << 30,
    },
}
"""What is left of the keys that need the firmware when it says nothing."""


def answering() -> str:
    cases = "\n".join(f"'{question}') {says(reply)}\n;;" for question, reply in QUESTIONS.items())
    return f'case "$*" in\n{cases}\nesac\n{says(UNKNOWN, 255)}'


@pytest.fixture
def board(tmp_path: Path, require: Require) -> WaitingClockMachine:
    """A Pi 4 around the program: its own board and sensor, the rest as in this machine."""
    require(Path("/proc/self/mountinfo").exists(), "/proc", installed=False)
    for name in ("stat", "meminfo", "loadavg", "diskstats", "net", "self"):
        link = tmp_path / "proc" / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(f"/proc/{name}")
    for name, text in {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "proc/device-tree/serial-number": "10000000abcdef01\0",
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "1500000\n",
        "sys/bus/usb/devices/1-1/bDeviceClass": "00\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for node, number in {
        "system/linux,revision": 0xD03114,
        "chosen/bootloader/build-timestamp": 1613481816,
        "chosen/bootloader/update-timestamp": 0,
        "chosen/bootloader/boot-mode": 4,
    }.items():
        path = tmp_path / "proc/device-tree" / node
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(4, "big"))
    return WaitingClockMachine(str(tmp_path), platform="linux")


def stats(machine: Machine, query: str = "") -> Any:
    app = create_app(Settings(rate_limit_enabled=False, cache_seconds=0.0), machine)
    response = app.test_client().get(f"/stats{query}")
    assert response.status_code == 200
    return response.json


def assert_the_rest_is_whole(answer: dict[str, Any]) -> None:
    assert answer["cpu_temp"] == pytest.approx(48.3, abs=0.02)
    assert answer["cpu_freq"] == 1500.0
    assert 0.0 <= answer["cpu_usage"] <= 100.0
    assert answer["memory"]["total"] > answer["memory"]["used"] > 0
    assert answer["disk"]["total"] > 0
    assert answer["uptime"] > 0.0
    assert len(answer["load_avg"]) == 3
    assert answer["network"]["active_connections"] >= 0


def test_stats_of_a_pi(vcgencmd: Vcgencmd, board: Machine) -> None:
    """With firmware that answers, all of it is there."""
    vcgencmd(answering())

    answer = stats(board)

    assert "errors" not in answer
    assert_the_rest_is_whole(answer)
    assert answer["gpu"] == {"temperature": 47.2, "memory": 76 << 20, "v3d_clock": 250000496, "busy": None}
    assert answer["clocks"] == {
        "arm": 1500345728,
        "core": 200008304,
        "sdram": 400000000,
        "arm_requested": 1500000000,
    }
    assert answer["power"]["reset_cause"] == "power-on, watchdog full"
    assert answer["power"]["core_voltage"] == 0.8563
    assert [name for name, flag in answer["power"].items() if flag is True] == [
        "under_voltage",
        "throttled",
        "under_voltage_since_boot",
        "throttled_since_boot",
    ]
    assert answer["hardware"] == {**TAKEN["hardware"], "firmware": "Mar 17 2023 10:50:56"}


@pytest.mark.parametrize(
    ("script", "why"),
    [
        pytest.param(None, None, id="missing"),
        pytest.param(says(NO_NODE, 255), None, id="no access"),
        pytest.param(says(UNKNOWN, 255), None, id="unknown command"),
        pytest.param(says(INVALID), None, id="bad argument"),
        pytest.param("exec sleep 1000", "no answer within 1.0 s", id="hangs"),
        pytest.param('sleep 1000 & echo $! >>"$0.pids"', "no answer within 1.0 s", id="leaves a child"),
        pytest.param("exit 1", "vcgencmd failed", id="fails"),
        pytest.param("yes", "vcgencmd failed", id="babbles"),
        pytest.param(says(IOCTL), "the firmware refused to answer", id="ioctl refused"),
        pytest.param(says(""), "the firmware refused to answer", id="empty"),
    ],
)
def test_stats_without_firmware(
    vcgencmd: Vcgencmd, board: WaitingClockMachine, script: str | None, why: str | None
) -> None:
    """Without firmware its leaves are null in their places, and the rest is whole; failures are named."""
    if why == "no answer within 1.0 s":
        board.least_seconds = 0.0
    if script is not None:
        vcgencmd(script)
    began = time.monotonic()

    answer = stats(board)

    assert time.monotonic() - began < SOON
    assert {key: answer[key] for key in TAKEN} == TAKEN
    assert answer.get("errors") == (dict.fromkeys(TAKEN, why) if why else None)
    assert_the_rest_is_whole(answer)


def test_stats_with_garbage(vcgencmd: Vcgencmd, board: Machine) -> None:
    """Answers that cannot be understood are named by their questions, and are nowhere repeated."""
    vcgencmd("echo garbage")

    answer = stats(board)

    assert {key: answer[key] for key in TAKEN} == TAKEN
    assert answer["errors"] == {
        key: "; ".join(f"the firmware's reply to {each} was not understood" for each in questions)
        for key, questions in {
            "gpu": ["measure_temp", "get_mem gpu", "measure_clock v3d"],
            "power": ["measure_volts core", "get_throttled", "get_rsts"],
            "clocks": ["measure_clock arm", "measure_clock core", "measure_clock sdram"],
            "hardware": ["version"],
        }.items()
    }
    assert_the_rest_is_whole(answer)


def test_one_leaf_of_many(vcgencmd: Vcgencmd, board: Machine) -> None:
    """A question that this firmware does not know takes its own leaf, and no other."""
    vcgencmd(answering().replace("'measure_clock sdram')", "'no such question')"))

    answer = stats(board)

    assert (answer["clocks"]["core"], answer["clocks"]["sdram"]) == (200008304, None)
    assert "errors" not in answer


def test_only_harmless_questions(vcgencmd: Vcgencmd, board: Machine) -> None:
    """Whatever is wanted, only a few questions are asked; above all, get_throttled never has an argument."""
    program = vcgencmd(answering())

    stats(board)
    stats(board, "?cache=false")
    stats(board, "?fields=power&cache=false")
    create_app(Settings(rate_limit_enabled=False), board).test_client().get("/processes")

    assert set(calls(program)) == set(QUESTIONS)
    assert [each for each in calls(program) if each.startswith("get_throttled")] == ["get_throttled"] * 3


def test_what_never_changes_is_asked_once(vcgencmd: Vcgencmd, board: Machine) -> None:
    """The date of the firmware and the memory of the GPU are asked for until they are known."""
    program = vcgencmd(says(IOCTL))
    stats(board)
    stats(board)
    assert calls(program).count("version") == calls(program).count("get_mem gpu") == 2

    vcgencmd(answering())
    stats(board)
    stats(board)

    assert calls(program).count("version") == calls(program).count("get_mem gpu") == 3


def test_one_line_when_it_fails_and_one_when_it_works(
    vcgencmd: Vcgencmd, board: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """However often somebody asks, the log has a line when a figure is lost and a line when it is back."""
    app = create_app(Settings(rate_limit_enabled=False, cache_seconds=0.0), board)
    vcgencmd(says(IOCTL))
    with caplog.at_level(logging.INFO, "pistat"):
        for _ in range(5):
            app.test_client().get("/stats?fields=power")
        vcgencmd(answering())
        for _ in range(5):
            app.test_client().get("/stats?fields=power")

    way, *others = caplog.messages
    assert way.startswith("The firmware is asked through /usr/bin/vcgencmd, a process for each question. ")
    assert others == ["power failed: the firmware refused to answer", "power works again."]
