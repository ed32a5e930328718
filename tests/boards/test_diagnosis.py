"""What is found on each recorded board: everything that is wrong with it, and nothing else."""

from __future__ import annotations

import pytest

from support.recorded_machine import BOARDS, RecordedMachine, board_names, diagnosed, found

ROOT = ("disk.read_only", "/")
NOW, SINCE_BOOT = ("power.under_voltage", ""), ("power.under_voltage_since_boot", "")
USB = ("power.supply_current", "")

UPDATES, BOOTLOADER = ("system.updates", ""), ("system.eeprom", "")

SICK = {
    "cm3-emmc": {("cpu.governor", ""): "info"},
    "cm3-plus-worn": {ROOT: "critical", ("disk.worn", "mmcblk0"): "critical"},
    # Its server is gone.
    "pc-x86": {("disk.silent", "/home/user/nas"): "warning"},
    "pi1b-plus-readonly": {ROOT: "critical", SINCE_BOOT: "warning"},
    "pi2b-docker": {
        ("disk.silent", "/mnt/nas"): "warning",
        ("disk.errors", "mmcblk0"): "warning",
        ("memory.cgroup_off", ""): "info",
        ("system.units_failed", ""): "warning",
    },
    "pi2b-ubuntu": {UPDATES: "info"},
    "pi3a-plus-hot": {("heat.soft_limit", ""): "info"},
    "pi3b-undervoltage": {NOW: "critical"},
    "pi400-router": {("power.usb_over_current", "usb1-port1"): "warning", BOOTLOADER: "info"},
    "pi4b-2gb-forbidden": {NOW: "critical"},
    "pi4b-8gb": {SINCE_BOOT: "warning"},
    "pi4b-mainline": {NOW: "critical"},
    "pi5-2gb-truncated": {USB: "info"},
    "pi5-8gb-nvme": {UPDATES: "info"},
    "pi500-throttled": {NOW: "critical", USB: "info"},
}
"""What the notes of the boards say; the others are well."""


@pytest.mark.parametrize("board", board_names())
def test_what_is_wrong_is_found_and_nothing_else(board: str) -> None:
    """Half an hour of samples shows what a board has; a board that is well has no finding."""
    assert found(board) == SICK.get(board, {})


@pytest.mark.parametrize("board", board_names())
def test_what_cannot_be_judged_is_not_well(board: str) -> None:
    """A finding was checked or is unknown, never both, and each unknown has its reason."""
    document = diagnosed(RecordedMachine(BOARDS / board), 0.0).document()

    unknown = [each["id"] for each in document["unknown"]]
    assert not set(unknown) & set(document["checked"])
    assert all(each["reason"] for each in document["unknown"])


def test_a_board_that_cannot_notice_a_low_supply_does_not_say_that_it_is_well() -> None:
    """A Zero leaves the bit at 0 whatever its supply does."""
    document = diagnosed(RecordedMachine(BOARDS / "zero2w-wifi"), 0.0).document()

    assert "power.under_voltage" in [each["id"] for each in document["unknown"]]
    assert document["status"] == "ok"
