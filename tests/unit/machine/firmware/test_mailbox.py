"""The firmware's device, through a real open() and a real ioctl() call that a preloaded library answers."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from pistat.machine.firmware.client import BACKOFF_SECONDS, REFUSED_SECONDS
from pistat.machine.firmware.mailbox import request_number
from support.daemon import PROGRAM, Daemon
from support.firmware import mailbox_standin as standin
from support.firmware.mailbox_standin import OK, PARSE_ERROR, UNKNOWN, Asked, StandIn, request, response

if TYPE_CHECKING:
    from support.require import Require

SOON = 10.0
"""Seconds after which what should have happened by itself has not."""

PROMISED = 2.5
"""Seconds within which there is an answer, whatever hangs."""

ROOM, ROOM_BEFORE_2026 = 4096, 1024

NUMBER = 0xC0086400 if sys.maxsize > 2**32 else 0xC0046400
"""The request on this machine."""

REPLIES = {
    "get_mem gpu": "gpu=76M",
    "get_throttled": "throttled=0x50005",
    "measure_clock arm": "frequency(48)=1500345728",
    "measure_clock core": "frequency(1)=200008304",
    "measure_clock v3d": "frequency(46)=250000496",
    "measure_temp": "temp=47.2'C",
    "measure_volts core": "volt=0.8563V",
    "version": (
        "Mar 17 2023 10:50:56 \nCopyright (c) 2012 Broadcom\n"
        "version 82f3750a65fadae9a38077e3c2e217ad158c8d54 (clean) (release) (start_cd)"
    ),
}

NEITHER = (
    "There is no /dev/vcio_gencmd and no /dev/vcio: not every kernel has them, "
    "and a container must be given them."
)

AS_NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", sys.executable, str(PROGRAM)]
"""The daemon as a user without rights."""

REFUSED = ["FirmwareError", "the firmware refused to answer"]
SILENT = ["FirmwareError", "no answer within 1.0 s"]
UNAVAILABLE = ["UnavailableError", ""]

Ask = Callable[..., Any]
Start = Callable[..., Daemon]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    return standin.build(folder)


@pytest.fixture
def device(require: Require, request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """The stand-in, in a folder that everybody may look into; no device yet."""
    require(standin.possible(), "gcc on Linux")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    library = shutil.copy(request.getfixturevalue("library"), folder)
    yield StandIn(folder / "lab", Path(library))
    shutil.rmtree(folder)


@pytest.fixture
def ask(device: StandIn) -> Iterator[Ask]:
    """Give orders to asker.py, which sees the stand-in."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).parents[3] / "support" / "daemons" / "mailbox_client.py")],
        env=os.environ | device.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def order(verb: str, *arguments: Any) -> Any:
            print(json.dumps([verb, *arguments]), file=stdin, flush=True)
            return json.loads(stdout.readline())

        yield order
        process.kill()


def may_read(path: Path) -> bool:
    """Whether everybody may read `path` and come there."""
    return all(each.stat().st_mode & 0o005 for each in (path, *path.parents))


# The message


@pytest.mark.parametrize(("pointer", "number"), [(4, 3221513216), (8, 3221775360)])
def test_number_of_the_request(pointer: int, number: int) -> None:
    """A 32-bit program has one number, a 64-bit program another, whatever the kernel is."""
    assert request_number(pointer) == number


def test_every_byte_of_a_request(device: StandIn, ask: Ask) -> None:
    """What reaches the kernel is the message that vcgencmd sends, in full."""
    device.node()
    device.replies(REPLIES)

    for question, reply in REPLIES.items():
        assert ask("ask", question) == reply

    assert device.asked == [Asked("/dev/vcio_gencmd", NUMBER, request(question)) for question in REPLIES]
    assert {len(each.message) for each in device.asked} == {4124}


LONGEST = "x" * (ROOM - 5)
"""The longest reply: with its NUL it fills the room that the return code leaves."""


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        pytest.param(response("temp=47.2'C"), "temp=47.2'C", id="a reply"),
        pytest.param(response("temp=46.6'C "), "temp=46.6'C ", id="a blank at the end"),
        pytest.param(response("temp=47.2'C", nul=b"\0rest of it\xff"), "temp=47.2'C", id="what lies behind"),
        pytest.param(response("temp=47.2'C", length=OK), "temp=47.2'C", id="length 0, as on a Pi 5"),
        pytest.param(response("temp=47.2'C", length=OK | 4), "temp=47.2'C", id="length too short"),
        pytest.param(response("temp=47.2'C", length=0xFFFF_FFFF), "temp=47.2'C", id="length too long"),
        pytest.param(response(b"temp=47.2\xb0C"), "temp=47.2\N{REPLACEMENT CHARACTER}C", id="not ASCII"),
        pytest.param(response(LONGEST), LONGEST, id="longest"),
        pytest.param(response(LONGEST + "x"), REFUSED, id="no NUL in its room"),
        pytest.param(response(LONGEST + "xxxx", nul=b"xxxx"), REFUSED, id="no NUL up to the last byte"),
        pytest.param(response(""), REFUSED, id="empty"),
        pytest.param(response(" \n"), REFUSED, id="blank"),
        pytest.param(response("temp=47.2'C")[:24], "measure_temp", id="the question, which no parser takes"),
        pytest.param(response("temp=47.2'C", status=PARSE_ERROR), REFUSED, id="parse error"),
        pytest.param(response("temp=47.2'C", status=0), REFUSED, id="status 0, as with a bad cma="),
        pytest.param(response("temp=47.2'C", length=16), REFUSED, id="bit 31 of the length is clear"),
        pytest.param(
            response('error=1 error_msg="Command not registered"', UNKNOWN), UNAVAILABLE, id="unknown"
        ),
        pytest.param(response('error=2 error_msg="Invalid arguments"'), UNAVAILABLE, id="bad argument"),
        pytest.param(response("temp=47.2'C", UNKNOWN), REFUSED, id="a reply and a code"),
        pytest.param(response("error=7 what"), REFUSED, id="other error"),
    ],
)
def test_every_kind_of_reply(device: StandIn, ask: Ask, message: bytes, reply: Any) -> None:
    """The status, the bit that says so, the code and the text up to its NUL count; the length does not."""
    device.node()
    device.reply("measure_temp", message)

    assert ask("ask", "measure_temp") == reply


# Both ways


@pytest.mark.parametrize(
    ("message", "printed", "status"),
    [
        pytest.param(response("temp=47.2'C"), "temp=47.2'C", 0, id="a reply"),
        pytest.param(response("frequency(0)=0"), "frequency(0)=0", 0, id="zero"),
        pytest.param(
            response('error=1 error_msg="Command not registered"', UNKNOWN),
            'vc_gencmd_read_response returned -1\nerror=1 error_msg="Command not registered"',
            255,
            id="unknown",
        ),
        pytest.param(
            response('error=2 error_msg="Invalid arguments"'),
            'error=2 error_msg="Invalid arguments"',
            0,
            id="bad argument",
        ),
        pytest.param(response(""), "", 0, id="empty"),
        pytest.param(response("x", status=PARSE_ERROR), "ioctl_set_msg failed:-1\nx", 0, id="refused"),
    ],
)
def test_both_ways_agree(device: StandIn, ask: Ask, message: bytes, printed: str, status: int) -> None:
    """What the firmware says means the same, whether the device or vcgencmd brings it."""
    device.node()
    device.reply("x", message)
    by_device = ask("ask", "x")
    device.remove("dev/vcio_gencmd")
    device.program(f"cat <<'END'\n{printed}\nEND\nexit {status}")
    ask("new")
    by_program = ask("ask", "x")

    assert (len(device.questions) > 0, device.forks) == (True, 1)
    assert by_program in (by_device, f"{by_device}\n")


def test_the_device_comes_first(device: StandIn, ask: Ask) -> None:
    """Where the device answers, vcgencmd is not started."""
    device.node()
    device.reply("version", response("by device"))
    device.program("echo by program")

    assert [ask("ask", "version") for _ in range(3)] == ["by device"] * 3
    assert ask("access") == ["/dev/vcio_gencmd", None, ""]
    assert device.forks == 0


@pytest.mark.parametrize("gencmd", [None, "a folder"])
def test_the_older_device(device: StandIn, ask: Ask, gencmd: str | None) -> None:
    """If the first device cannot be opened, for whatever reason, the second is."""
    if gencmd:
        # Whoever may open everything gets another error from a link to itself than from nothing.
        (device.folder / "dev/vcio_gencmd").symlink_to("vcio_gencmd")
    device.node("vcio")
    device.reply("version", response("an answer"))

    assert ask("ask", "version") == "an answer"
    assert {each.node for each in device.asked} == {"/dev/vcio"}
    assert ask("access") == ["/dev/vcio", None, ""]


def test_it_is_opened_once(device: StandIn, ask: Ask) -> None:
    """The descriptor is kept: what stands in the place of the device later does not matter."""
    device.node()
    device.reply("version", response("an answer"))
    assert ask("ask", "version") == "an answer"
    device.remove("dev/vcio_gencmd")

    assert ask("ask", "version") == "an answer"


def test_it_is_opened_anew_when_it_goes_bad(device: StandIn, ask: Ask) -> None:
    """A device that has gone bad and come back costs no answer."""
    device.node()
    device.reply("version", response("an answer"))
    assert ask("ask", "version") == "an answer"

    device.remove("dev/vcio_gencmd")
    device.node("vcio")
    device.refuse(errno.ENODEV, "vcio_gencmd")

    assert ask("ask", "version") == "an answer"
    assert device.asked[-1].node == "/dev/vcio"


def test_a_device_that_is_opened_anew_was_closed(device: StandIn, ask: Ask) -> None:
    """However often a device refuses and is tried through a new descriptor, there is one of it."""
    device.node()
    device.refuse(errno.EPERM)
    ask("ask", "version")
    files = ask("files")

    for _ in range(3):
        ask("wait", REFUSED_SECONDS)
        asked = len(device.asked)
        ask("ask", "version")
        assert len(device.asked) > asked

    assert ask("files") == files


@pytest.mark.parametrize("absent", [True, False])
def test_vcgencmd_where_the_device_is_of_no_use(device: StandIn, ask: Ask, absent: bool) -> None:
    """Without a device, or with one that refuses, vcgencmd is asked, for a minute."""
    if not absent:
        device.node()
        device.refuse(errno.EPERM)
    device.program("echo by program")

    assert ask("ask", "version") == "by program\n"
    tried = len(device.asked)
    assert ask("ask", "version") == "by program\n"
    assert len(device.asked) == tried
    way, why, detail = ask("access")
    assert way == "/usr/bin/vcgencmd"
    assert (why, detail) == (
        ("no such file", NEITHER)
        if absent
        else ("refused", "/dev/vcio_gencmd refuses: Operation not permitted.")
    )

    device.node()
    device.refuse(None)
    device.reply("version", response("by device"))
    ask("wait", REFUSED_SECONDS)
    assert ask("ask", "version") == "by device"
    assert ask("access") == ["/dev/vcio_gencmd", None, ""]


# Refusals


@pytest.mark.parametrize(
    "code", [errno.EPERM, errno.EINVAL, errno.ENOTTY, errno.EFAULT, errno.ENOMEM, errno.EIO]
)
def test_refused(device: StandIn, ask: Ask, code: int) -> None:
    """A call that is refused is a failure, not an absence; it is tried anew, then left alone for a while."""
    device.node()
    device.refuse(code)
    device.reply("measure_temp", response("temp=47.2'C"))

    assert ask("ask", "measure_temp") == REFUSED
    assert [len(each.message) for each in device.asked] == [4124, 4124, 1052]
    assert ask("ask", "measure_temp") == REFUSED
    assert len(device.asked) == 3
    assert ask("access") == [None, "refused", f"/dev/vcio_gencmd refuses: {os.strerror(code)}."]

    device.refuse(None)
    ask("wait", BACKOFF_SECONDS[0])
    assert ask("ask", "measure_temp") == "temp=47.2'C"
    assert ask("access") == ["/dev/vcio_gencmd", None, ""]


@pytest.mark.parametrize("message", [None, response("error=7 what"), response("error=7 what", 7)])
def test_one_question_that_is_refused(device: StandIn, ask: Ask, message: bytes | None) -> None:
    """A device that answers others is not given up for one question that it refuses."""
    device.node()
    if message:
        device.reply("refused", message)
    device.reply("measure_temp", response("temp=47.2'C"))
    device.program("echo by program")

    for _ in range(3):
        assert ask("ask", "measure_temp") == "temp=47.2'C"
        assert ask("ask", "refused") == REFUSED
    assert device.forks == 0


def test_a_device_that_has_answered_and_refuses_now(device: StandIn, ask: Ask) -> None:
    """One refusal may be for the question; the second in a row is the device's, and vcgencmd is asked."""
    device.node()
    device.reply("version", response("by device"))
    device.program("echo by program")
    assert ask("ask", "version") == "by device"

    device.refuse(errno.EPERM)

    assert [ask("ask", "version") for _ in range(3)] == [REFUSED, "by program\n", "by program\n"]


def test_refused_both_ways(device: StandIn, ask: Ask) -> None:
    """Where vcgencmd is refused as the device is, no process is started for every question."""
    device.node()
    device.refuse(errno.EINVAL)
    device.program("echo 'ioctl_set_msg failed:-1'; echo $*")

    assert [ask("ask", "measure_temp") for _ in range(5)] == [REFUSED] * 5
    assert device.forks == 1
    assert ask("access") == [None, "refused", "/dev/vcio_gencmd refuses: Invalid argument."]


def test_timeout_of_the_kernel(device: StandIn, ask: Ask) -> None:
    """When the kernel says that the firmware did not answer, it is not asked again at once."""
    device.node()
    device.refuse(errno.ETIMEDOUT)

    assert ask("ask", "measure_temp") == SILENT
    assert ask("ask", "measure_temp") == SILENT
    assert len(device.asked) == 1
    assert ask("access") == [None, "timed out", "No answer within 1.0 s."]


def test_a_reply_that_comes_late_is_nobodys(device: StandIn, ask: Ask) -> None:
    """What a firmware that hung says at last is not taken for the reply to the next question."""
    device.node()
    device.replies({"measure_temp": "temp=47.2'C", "measure_volts core": "volt=0.8563V"})
    device.hang()
    assert ask("ask", "measure_temp") == SILENT

    device.go_on()
    until = time.monotonic() + SOON
    while (reply := ask("ask", "measure_volts core")) == SILENT:
        assert time.monotonic() < until, "it does not recover"
        ask("wait", BACKOFF_SECONDS[-1])

    assert reply == "volt=0.8563V"


def test_the_room_of_older_programs(device: StandIn, ask: Ask) -> None:
    """A firmware that takes only the message of programs before 2026 gets that, and from then on no other."""
    device.node()
    device.refuse(errno.EINVAL, 4124)
    device.reply("measure_temp", response("temp=47.2'C", room=ROOM_BEFORE_2026))

    assert ask("ask", "measure_temp") == "temp=47.2'C"
    assert device.asked[-1].message == request("measure_temp", ROOM_BEFORE_2026)
    assert len(device.asked[-1].message) == 1052
    before = len(device.asked)
    assert ask("ask", "measure_temp") == "temp=47.2'C"
    assert len(device.asked) == before + 1


@pytest.mark.parametrize(("text", "reply"), [("x" * 1019, "x" * 1019), ("x" * 1020, REFUSED)])
def test_longest_reply_in_the_older_room(device: StandIn, ask: Ask, text: str, reply: Any) -> None:
    """The older message has room for 1,019 characters and a NUL."""
    device.node()
    device.refuse(errno.EINVAL, 4124)
    device.reply("x", response(text, room=ROOM_BEFORE_2026))

    assert ask("ask", "x") == reply


# The daemon


@pytest.fixture
def board(device: StandIn) -> StandIn:
    """A Raspberry Pi whose firmware answers."""
    device.board("Raspberry Pi 4 Model B Rev 1.4")
    device.node()
    device.replies(REPLIES)
    device.program("echo started; exit 1")
    return device


@pytest.fixture
def run(board: StandIn, start: Start) -> Callable[..., Daemon]:
    """Start the daemon on that board, without a cache, a limit, and a history that would ask by itself."""
    settings = {
        "PISTAT_CACHE_SECONDS": "0",
        "PISTAT_RATE_LIMIT_ENABLED": "no",
        "PISTAT_HISTORY_SECONDS": "0",
    }
    return lambda **more: start(**board.environment, **settings, **more)


POWER = [
    ("core_voltage", 0.8563),
    ("under_voltage", True),
    ("throttled", True),
    ("freq_capped", False),
    ("soft_temp_limit", False),
]


def told(answer: dict[str, Any]) -> None:
    """What the firmware knows is all there."""
    assert "errors" not in answer
    assert answer["gpu"] == answer["gpu"] | {"temperature": 47.2, "memory": 76 << 20, "v3d_clock": 250000496}
    assert [(name, answer["power"][name]) for name, _ in POWER] == POWER
    assert answer["clocks"] == answer["clocks"] | {"arm": 1500345728, "core": 200008304}
    assert answer["hardware"]["firmware"] == "Mar 17 2023 10:50:56"


def lost(answer: dict[str, Any], why: str) -> None:
    """What the firmware knows is null, and why; everything else is there."""
    assert (answer["gpu"]["temperature"], answer["power"]["throttled"], answer["clocks"]["arm"]) == (
        None,
    ) * 3
    assert answer["errors"] == answer["errors"] | dict.fromkeys(("gpu", "power", "clocks"), why)
    assert answer["hardware"]["model"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert answer["memory"]["total"] > answer["memory"]["used"] > 0
    assert len(answer["load_avg"]) == 3


def firmware_lines(daemon: Daemon) -> list[str]:
    return [line for line in daemon.log().splitlines() if "The firmware " in line]


def test_no_process_where_the_device_answers(board: StandIn, run: Start) -> None:
    """Fresh answers, however many, cost calls and no process; the log says the way once."""
    daemon = run()
    for _ in range(10):
        told(daemon.json("/stats?cache=false"))

    assert board.forks == 0
    assert not psutil.Process(daemon.pid).children()
    assert firmware_lines(daemon) == ["INFO The firmware is asked through /dev/vcio_gencmd."]
    assert [each for each in board.questions if each.startswith("get_throttled")] == ["get_throttled"] * 10


def test_no_process_for_a_system_without_a_name(board: StandIn, run: Start) -> None:
    """A system that does not say what it is called, like a small container, costs no process either."""
    board.write("etc/os-release", "ID=small\n")

    daemon = run()

    assert daemon.json("/stats")["system"]["os"] == f"Linux {os.uname().release}"
    assert board.forks == 0


def test_a_process_a_question_where_it_does_not(board: StandIn, run: Start) -> None:
    """Without a device each question is a process: this is how the other test knows that it counts."""
    board.remove("dev/vcio_gencmd")
    cases = "\n".join(f"'{question}') echo \"{reply}\";;" for question, reply in REPLIES.items())
    board.program(f'case "$*" in\n{cases}\n*) echo "error=1 unknown"; exit 255;;\nesac')
    daemon = run()

    daemon.json("/stats?cache=false")
    before = board.forks
    daemon.json("/stats?cache=false")

    assert before >= board.forks - before >= len(REPLIES) - 2
    assert board.asked == []
    [line] = firmware_lines(daemon)
    assert line.startswith(
        "INFO The firmware is asked through /usr/bin/vcgencmd, a process for each question. "
    )


def test_twenty_clients_at_once(board: StandIn, run: Start) -> None:
    """However many ask, the device has one question at a time, and everybody has an answer."""
    board.delay(2)
    daemon = run()
    begin = threading.Barrier(20)

    def ask(_: int) -> list[Any]:
        begin.wait(SOON)
        return [daemon.json("/stats?cache=false") for _ in range(3)]

    with ThreadPoolExecutor(20) as pool:
        for answers in pool.map(ask, range(20)):
            for each in answers:
                told(each)

    assert not board.overlapped
    assert set(REPLIES) <= set(board.questions)
    assert board.forks == 0


def test_a_firmware_that_hangs(board: StandIn, run: Start) -> None:
    """It costs what only it knows, one thread, and one question; when it answers again, all is as before."""
    daemon = run()
    told(daemon.json("/stats"))
    asked, threads = len(board.asked), psutil.Process(daemon.pid).num_threads()

    board.hang()
    began = time.monotonic()
    lost(daemon.json("/stats"), "no answer within 1.0 s")
    assert time.monotonic() - began < PROMISED
    until = time.monotonic() + BACKOFF_SECONDS[0] + 1.0
    while time.monotonic() < until:
        lost(daemon.json("/stats"), "no answer within 1.0 s")
        time.sleep(0.05)
    assert len(board.asked) == asked + 1
    assert not board.overlapped
    assert psutil.Process(daemon.pid).num_threads() <= threads + len(("gpu", "power", "clocks", "hardware"))

    board.go_on()
    until = time.monotonic() + 2 * SOON
    while "errors" in daemon.json("/stats"):
        assert time.monotonic() < until, "it does not recover"
        time.sleep(0.05)
    told(daemon.json("/stats"))
    assert not board.overlapped
    assert board.forks == 0
    assert [line for line in daemon.log().splitlines() if "power" in line] == [
        "WARNING power failed: no answer within 1.0 s",
        "INFO power works again.",
    ]


def test_it_ends_beside_a_firmware_that_hangs(board: StandIn, run: Start) -> None:
    """Nobody waits for the thread that is stuck, not at the end either."""
    daemon = run()
    board.hang()
    daemon.json("/stats")

    assert daemon.stop(signal.SIGTERM) == 0


def test_a_slow_firmware(board: StandIn, run: Start) -> None:
    """One that takes half a second for each question is asked as far as the time goes; the rest says so."""
    daemon = run()
    told(daemon.json("/stats"))
    board.delay(500)
    began = time.monotonic()

    answer = daemon.json("/stats")

    assert time.monotonic() - began < PROMISED
    assert answer["hardware"]["model"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert set(answer["errors"].values()) == {"the firmware is too slow"}
    assert any(answer["gpu"][name] is not None for name in ("temperature", "v3d_clock")) or any(
        answer["power"][name] is not None for name, _ in POWER
    )


FORBIDDEN = "WARNING The firmware cannot be asked, so what only it knows is null. "


@pytest.mark.parametrize(
    ("nodes", "remedy"),
    [
        pytest.param(
            {"vcio_gencmd": 0o660, "vcio": 0o600},
            "/dev/vcio_gencmd is for the group video: `sudo usermod -aG video nobody`, then restart pi-stat.",
            id="not in the group",
        ),
        pytest.param(
            {"vcio": 0o600},
            "/dev/vcio is for root only, and this kernel is too old for /dev/vcio_gencmd, which the group "
            "video may open: `sudo apt full-upgrade`, then reboot.",
            id="new rules, old kernel",
        ),
        pytest.param(
            {"vcio_gencmd": 0o600, "vcio": 0o660},
            "/dev/vcio is for the group video: `sudo usermod -aG video nobody`, then restart pi-stat.",
            id="old rules, new kernel",
        ),
    ],
)
def test_a_user_who_may_not(board: StandIn, require: Require, nodes: dict[str, int], remedy: str) -> None:
    """Who may not open the device reads at the start, in one line of the log, which group to join."""
    require(os.geteuid() == 0 and may_read(PROGRAM), "root, and a tree that others may read", installed=False)
    board.remove("dev/vcio_gencmd")
    for name, mode in nodes.items():
        shutil.chown(board.node(name, mode), group="video")
    board.program('echo "Can\'t open device file: /dev/vcio_gencmd"; exit 255')
    daemon = Daemon(board.environment, AS_NOBODY)
    try:
        daemon.wait_until_ready()
        until = time.monotonic() + 20.0
        while not firmware_lines(daemon) and time.monotonic() < until:
            time.sleep(0.01)
        assert daemon.json("/capabilities")["remedies"] == [remedy]
        answer = daemon.json("/stats")
        daemon.json("/stats?cache=false")
        assert answer["gpu"] == answer["gpu"] | {"temperature": None, "memory": None}
        assert "errors" not in answer
        assert firmware_lines(daemon) == [FORBIDDEN + remedy]
        assert board.asked == []
    finally:
        daemon.kill()
