"""The board folders are what their declarations say."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from boards import record
from boards.build.bcm2712 import RAILS
from boards.build.folder import build, write
from boards.build.parts import Board
from boards.build.proc import process_stat
from boards.build.table import BOARDS
from boards.build.transcript import rails, replies
from pistat.machine import cpu_times, processes
from pistat.parsers.revision import TYPES, decode_revision
from support.recorded_machine import BOARDS as FOLDERS
from support.recorded_machine import RecordedMachine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")

BUILT = {
    *("proc", "sys", "before", "boot", "etc", "lib", "run", "usr", "opt", "var"),
    *("vcgencmd.txt", "host.json"),
}

boards = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)


CASES = [
    pytest.param("pi3b-undervoltage", "stats", "power.under_voltage", True, id="under-voltage"),
    pytest.param("pi500-throttled", "stats", "power.throttled", True, id="throttled"),
    pytest.param("pi3a-plus-hot", "stats", "power.soft_temp_limit", True, id="too hot"),
    pytest.param("pi4b-2gb-forbidden", "stats", "power.core_voltage", None, id="forbidden device"),
    pytest.param("pi5-2gb-truncated", "stats", "power.throttled", None, id="truncated reply"),
    pytest.param("pi4b-mainline", "stats", "system.kernel", "6.1.0-18-arm64", id="mainline kernel"),
    pytest.param("pi3b-undervoltage", "stats", "system.userland_bits", 32, id="32-bit userland"),
    pytest.param("pi3b-undervoltage", "stats", "system.architecture", "aarch64", id="on a 64-bit kernel"),
    pytest.param("cm4-emmc", "devices", "disks.mmcblk0.life_used_b", 20.0, id="CM4 with eMMC"),
    pytest.param("cm3-plus-worn", "devices", "disks.mmcblk0.spare_blocks", "urgent", id="worn eMMC"),
    pytest.param("pi5-8gb-nvme", "devices", "disks.nvme0n1.temperature", 38.85, id="Pi 5 with NVMe"),
    pytest.param("pi5-8gb-nvme", "sensors", "fans.pwmfan.rpm", 2838, id="and a fan"),
    pytest.param("pi2b-ubuntu", "stats", "system.os", "Ubuntu 24.04.1 LTS", id="Ubuntu"),
    pytest.param("pi5-16gb-mute", "stats", "cpu_freq", None, id="no cpufreq"),
    pytest.param("pi4b-4gb-container", "stats", "hardware.usb_devices", None, id="container without /sys"),
    pytest.param("pi1b-plus-readonly", "devices", "devices.0.read_only", True, id="read-only root"),
    pytest.param("pi1a-offline", "stats", "timestamp", 120.5, id="no clock"),
]
"""Cases with the board that is one, and what a client sees of it."""


def content(folder: Path) -> dict[str, bytes | str]:
    """Every file of a built folder with what is in it; of a link, where it points."""
    paths = [each for each in folder.rglob("*") if each.relative_to(folder).parts[0] in BUILT]
    return {
        each.relative_to(folder).as_posix(): str(each.readlink()) if each.is_symlink() else each.read_bytes()
        for each in paths
        if each.is_symlink() or each.is_file()
    }


@boards
def test_folder_is_what_the_declaration_builds(board: Board, tmp_path: Path) -> None:
    """Who changes a folder by hand, or a declaration without building, is told."""
    write(board, tmp_path / board.name)

    assert content(tmp_path / board.name) == content(FOLDERS / board.name)


@boards
def test_building_keeps_what_is_expected(board: Board, tmp_path: Path) -> None:
    """Building again removes what is no longer declared, and nothing else."""
    expected, stray = tmp_path / "expected/stats.json", tmp_path / "sys/class/net/eth9/mtu"
    for each in (expected, stray):
        each.parent.mkdir(parents=True)
        each.write_text("{}")
    write(board, tmp_path)

    assert expected.exists()
    assert not stray.exists()


@boards
def test_names_can_be_stored_everywhere(board: Board) -> None:
    """Windows forbids some characters in the name of a file, and does not tell `a` from `A`."""
    paths = list(build(board))

    assert not [path for path in paths if set(path) & set('<>:"\\|?*')]
    assert len({path.lower() for path in paths}) == len(paths)


@boards
def test_processes_have_the_fields_of_the_kernel(board: Board) -> None:
    """A row of /proc/PID/stat has 52 fields, whatever the name of the process."""
    for process in board.processes:
        row = process_stat(process, board.page_size, seconds_ago=0)

        assert len(row.replace(process.name, b"name").split()) == 52


@boards
def test_rates_are_those_declared(board: Board) -> None:
    """The CPUs and processes of a board were as busy in the last second as its declaration says."""
    machine = RecordedMachine(FOLDERS / board.name)
    older, newer = machine.cpu.interval()
    before, now = (each.value for each in machine.processes.interval())

    assert cpu_times.usage(older.value.times, newer.value.times)[1:] == [
        float(core.busy) for core in board.cores
    ]
    for process in board.processes:
        assert processes.cpu_percent(process.pid, before, now) == float(process.cpu)
    assert machine.monotonic() == machine.NOW


@boards
def test_transcript_holds_only_what_a_recording_asks(board: Board) -> None:
    """Built and recorded transcripts answer the same questions."""
    if board.firmware:
        asked = [question for question, _ in replies(board.firmware)]

        assert set(asked) <= set(record.QUESTIONS)
        assert len(set(asked)) == len(asked)


def test_every_family_has_a_board() -> None:
    """Of each model that a code can name there is a board, but for two of which too little is known."""
    codes = [code for board in BOARDS if isinstance(code := board.tree.get("system/linux,revision"), int)]
    found = [revision.type for code in codes if (revision := decode_revision(f"{code:x}"))]

    assert set(found) == set(TYPES.values()) - {"Alpha", "CM0"}


@pytest.mark.parametrize(("board", "file", "path", "value"), CASES)
def test_each_case_has_a_board(board: str, file: str, path: str, value: object) -> None:
    """The case can be seen in what is expected of its board."""
    found = json.loads((FOLDERS / board / f"expected/{file}.json").read_text(encoding="utf-8"))
    for step in path.split("."):
        found = found[int(step) if step.isdecimal() else step]

    assert found == value


def test_power_rails_are_aligned_as_published() -> None:
    """The 26 lines of a Raspberry Pi 5 make 988 bytes."""
    lines = rails(RAILS)

    assert (len(lines), sum(len(each) + 1 for each in lines)) == (26, 988)


def test_stand_in_for_vcgencmd_may_be_executed() -> None:
    """The links of the boards lead to a script with its execute bit."""
    for board in BOARDS:
        if board.firmware:
            link = FOLDERS / board.name / board.firmware.tool

            assert link.resolve() == FOLDERS / "vcgencmd"
            assert os.access(link, os.X_OK)
