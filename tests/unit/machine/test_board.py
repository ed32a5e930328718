"""Which machine it is, as kernels tell it that were told little."""

from __future__ import annotations

from pathlib import Path

import pytest

from pistat.machine import board
from support.file_tree import machine_of, pi

ZEROS = "0" * 16


@pytest.mark.parametrize(
    ("files", "serial"),
    [
        ({"proc/cpuinfo": f"Serial\t\t: {ZEROS}\n"}, None),
        ({"proc/device-tree/serial-number": f"{ZEROS}\0"}, None),
        ({"proc/cpuinfo": "Serial\t\t: 10000000deadbeef\n"}, "10000000deadbeef"),
        ({"proc/device-tree/serial-number": "10000000deadbeef\0"}, "10000000deadbeef"),
        ({}, None),
    ],
)
def test_a_serial_number_of_zeros_is_none(files: dict[str, str], serial: str | None, tmp_path: Path) -> None:
    """So a kernel writes one that it was never told, in both places."""
    machine = machine_of(tmp_path, pi("2 Model B Rev 1.1", 0xA01041) | files)

    assert board.serial(machine) == serial
