"""What is understood once: it follows what is read, and nothing of it is shared or kept longer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pistat.collectors import network, root_filesystem
from support.recorded_machine import BOARDS, RecordedMachine


@pytest.fixture
def machine(tmp_path: Path) -> RecordedMachine:
    """A board whose files a test may change."""
    return RecordedMachine(shutil.copytree(BOARDS / "zero2w-wifi", tmp_path / "board"))


def rewrite(machine: RecordedMachine, path: str, old: str, new: str) -> None:
    file = Path(machine.root + path)
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def test_a_line_that_stays_is_understood_once(machine: RecordedMachine) -> None:
    """What stood in the table the last time is known; what did not is understood, even if it did before."""
    seen: list[str] = []

    def understand(line: str) -> str:
        seen.append(line)
        return line.upper()

    answers = [machine.understood("table", lines, understand) for lines in ("ab", "bc", "ab")]

    assert answers == [["A", "B"], ["B", "C"], ["A", "B"]]
    assert seen == ["a", "b", "c", "a"]


def totals(machine: RecordedMachine) -> dict[str, Any]:
    reading: Any = root_filesystem.disk_io.collect(machine)
    found: dict[str, Any] = reading["disk_io"]
    return found


def test_counters_of_disks_follow_their_table(machine: RecordedMachine) -> None:
    """The sums are those of the table as it is now, and a reader may do with them what it likes."""
    before = totals(machine)
    assert totals(machine) == before
    totals(machine).clear()
    assert totals(machine).keys() == set(root_filesystem.COUNTERS)

    row = next(
        line for line in (machine.read("/proc/diskstats")).splitlines() if line.split()[2] == "mmcblk0"
    )
    cells = row.split()
    rewrite(machine, "/proc/diskstats", row, " ".join([*cells[:3], str(int(cells[3]) + 7), *cells[4:]]))

    assert totals(machine) == {**before, "read_count": before["read_count"] + 7}


def test_counters_of_interfaces_follow_their_rows(machine: RecordedMachine) -> None:
    """A row that has changed is read anew, those beside it stay, and nothing that was added to one does."""
    before: dict[str, Any] = network.table(machine)
    network.table(machine)["lo"]["signal_strength"] = -1
    [row] = [
        line for line in machine.read("/proc/net/dev").splitlines() if line.lstrip().startswith("wlan0:")
    ]
    cells = row.split()
    rewrite(machine, "/proc/net/dev", row, " ".join([cells[0], str(int(cells[1]) + 5), *cells[2:]]))

    after = network.table(machine)

    assert after["wlan0"] == {**before["wlan0"], "bytes_recv": before["wlan0"]["bytes_recv"] + 5}
    assert after.keys() == before.keys()
    assert after["lo"] == before["lo"]
    assert "signal_strength" not in after["lo"]
