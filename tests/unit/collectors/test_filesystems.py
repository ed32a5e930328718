"""How full filesystems are, whatever they say."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pistat.collectors import filesystems, root_filesystem
from pistat.field import Incomplete
from pistat.machine.machine import Machine, Usage
from support.file_tree import machine_of


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(Usage(1000, 200, -188), (1000, 200, 0, 100.0), id="f_bavail below 0"),
        pytest.param(Usage(1000, -5, 900), (1000, 0, 900, 0.0), id="f_bfree above f_blocks"),
        pytest.param(Usage(1000, 1200, 0), (1000, 1000, 0, 100.0), id="more used than there is"),
        pytest.param(Usage(1000, 0, 5000), (1000, 0, 1000, 0.0), id="more free than there is"),
        pytest.param(Usage(1000, 1000, 0), (1000, 1000, 0, 100.0), id="a full one, whose 0 is true"),
        pytest.param(Usage(0, 0, 0), (None, None, None, None), id="no size"),
        pytest.param(Usage(-1, 0, 0), (None, None, None, None), id="a size below 0"),
    ],
)
def test_sizes_stay_within_bounds(usage: Usage, expected: tuple[Any, ...]) -> None:
    """Sizes are from 0 to the total, the percentage from 0 to 100; a filesystem of size 0 has no sizes."""
    assert tuple(root_filesystem.shares(usage).values()) == expected


def statvfs(blocks: int) -> Callable[[str], Any]:
    """Return a system call that counts so many blocks, all of them free."""
    return lambda _: SimpleNamespace(
        f_frsize=4096, f_blocks=blocks, f_bfree=blocks, f_bavail=blocks, f_files=0, f_ffree=0
    )


def refuse(path: str) -> None:
    raise PermissionError(errno.EACCES, "Permission denied", path)


@pytest.mark.parametrize(
    ("stat", "error"),
    [(refuse, "not permitted"), (lambda _: None, "reports no size")],
    ids=["foreign", "own"],
)
def test_zeros_of_fuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stat: Callable[[str], None], error: str
) -> None:
    """Zeros are no sizes: of another user's mount we may not know them, other filesystems count nothing."""
    row = "40 1 0:45 / / rw - fuse.sshfs pi@192.0.2.1:/ rw\n"
    machine: Machine = machine_of(tmp_path, {"proc/self/mountinfo": row})
    monkeypatch.setattr(os, "statvfs", statvfs(0))
    monkeypatch.setattr(os, "stat", stat)

    values = filesystems.devices.read(machine)

    assert not isinstance(values, Incomplete)
    [device] = values["devices"]
    assert [device[key] for key in ("total", "used", "free", "percent", "inodes_percent")] == [None] * 5
    assert device["error"] == error


def test_a_filesystem_that_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measured 0 stays: nothing is used, and that is no error."""
    machine = machine_of(tmp_path, {"proc/self/mountinfo": "40 1 8:1 / / rw - ext4 /dev/sda1 rw\n"})
    monkeypatch.setattr(os, "statvfs", statvfs(10))

    values = filesystems.devices.read(machine)

    assert not isinstance(values, Incomplete)
    [device] = values["devices"]
    assert (device["used"], device["percent"], device.get("error")) == (0, 0.0, None)
