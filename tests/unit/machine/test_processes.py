"""The process table, and who may see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pistat.machine.machine import Machine
from pistat.machine.processes import hidden, read
from support.file_tree import machine_of

ROW = "23 21 0:22 / /proc rw,nosuid,relatime shared:3 - proc proc "
STAT = "1 (systemd) S 0 1 1\n"


class Named(Machine):
    """A machine with a user and a group."""

    def own_user(self) -> str:
        return "pi-stat"

    def group_name(self, gid: int) -> str | None:
        return {1001: "proc"}.get(gid)


def machine(root: Path, *rows: str, pid_1: bool = False) -> Named:
    files = {"proc/self/mountinfo": "".join(f"{row}\n" for row in rows)}
    machine_of(root, files | ({"proc/1/stat": STAT} if pid_1 else {}))
    return Named(str(root), platform="linux")


@pytest.mark.parametrize("value", ["1", "2", "4", "noaccess", "invisible", "ptraceable"])
def test_hidden(value: str, tmp_path: Path) -> None:
    """With each value that hides processes, old and new, it is said that there are others, and what to do."""
    found = hidden(machine(tmp_path, f"{ROW}rw,hidepid={value}"))

    assert found is not None
    assert found.fixable
    assert found.detail.startswith(
        f"/proc is mounted with `hidepid={value}`, so only the processes of pi-stat are shown: "
    )
    assert "/etc/fstab" in found.detail


@pytest.mark.parametrize(("gid", "named"), [("1001", True), ("0", False), ("77", False), ("x", False)])
def test_group_that_sees_all(gid: str, named: bool, tmp_path: Path) -> None:
    """Where the mount names a group, its members see all: that is the shorter way."""
    found = hidden(machine(tmp_path, f"{ROW}rw,gid={gid},hidepid=2"))

    assert found is not None
    assert ("`sudo usermod -aG proc pi-stat`" in found.detail) is named


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (f"{ROW}rw",),
        (f"{ROW}rw,hidepid=0",),
        (f"{ROW}rw,hidepid=off",),
        (f"{ROW}rw,hidepid=2", f"{ROW}rw"),
        ("23 21 0:22 / /srv/chroot/proc rw - proc proc rw,hidepid=2",),
        ("", "x", " - ", "1 2 3 4 /proc"),
    ],
)
def test_not_hidden(rows: tuple[str, ...], tmp_path: Path) -> None:
    """Nothing is said of a mount that hides nothing, of one below another, or of one elsewhere."""
    assert hidden(machine(tmp_path, *rows)) is None


def test_who_sees_all(tmp_path: Path) -> None:
    """Nothing is said to root and to members of the group: they see the first process."""
    assert hidden(machine(tmp_path, f"{ROW}rw,hidepid=2", pid_1=True)) is None


@pytest.mark.parametrize("column", [11, 12, 19, 21])
@pytest.mark.parametrize("number", ["-5", "x", "", "9" * 5000])
def test_row_that_cannot_be(column: int, number: str) -> None:
    """A row with a number that no process has is none."""
    cells = ["S", *("1" for _ in range(30))]
    assert read(StatFile(f"1 (a) {' '.join(cells)}")).processes
    cells[column] = number

    assert read(StatFile(f"1 (a) {' '.join(cells)}")).processes == {}


@pytest.mark.parametrize("end", range(40, 80, 3))
def test_row_that_is_cut(end: int) -> None:
    """A row that ends in the middle is none: nobody knows how many digits of its last number are missing."""
    row = "1 (a) S " + " ".join(str(number + 1000) for number in range(40))
    assert read(StatFile(row)).processes

    assert read(StatFile(row[:end])).processes == {}


class StatFile(Machine):
    """A machine with one process."""

    def __init__(self, row: str) -> None:
        super().__init__()
        self.row = row.encode()

    def stats(self) -> Iterator[tuple[str, bytes]]:
        yield "1", self.row

    def owner(self, path: str) -> int:
        return 0
