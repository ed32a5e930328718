"""What is read or parsed once: it follows its source, and nothing of it is shared or kept longer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pistat.collectors import network, root_filesystem
from pistat.machine.memo import KEEP_SECONDS, Memo
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


class Results:
    """A function that gives one result after the other."""

    def __init__(self, *results: str | None) -> None:
        self._results = list(results)

    def __call__(self) -> str | None:
        return self._results.pop(0)


def test_what_never_changes_is_read_until_it_is_known() -> None:
    """A result is kept for good; None is none, and is asked for again."""
    memo, read = Memo(lambda: 0.0), Results(None, "first", "second")

    assert [memo.forever("key", read) for _ in range(3)] == [None, "first", "first"]


def test_what_follows_from_a_source_is_derived_again_with_another() -> None:
    """Only the last source counts: one that comes back is derived again."""
    memo, derive = Memo(lambda: 0.0), Results("of a", "of b", "of a again")

    assert [memo.while_same("key", source, derive) for source in "aabba"] == [
        "of a",
        "of a",
        "of b",
        "of b",
        "of a again",
    ]


def test_a_line_that_stays_is_parsed_once() -> None:
    """A line that the last table had is known, wherever it stands and how often; any other is parsed."""
    memo = Memo(lambda: 0.0)
    parsed: list[str] = []

    def parse(line: str) -> str:
        parsed.append(line)
        return line.upper()

    answers = [memo.each_while_same("table", lines, parse) for lines in ("ab", "bcb", "ab")]

    assert answers == [["A", "B"], ["B", "C", "B"], ["A", "B"]]
    assert parsed == ["a", "b", "c", "a"]


def test_what_seldom_changes_is_looked_for_once_a_minute() -> None:
    """A result is kept for 60 seconds, and so is None."""
    now = [1000.0]
    memo, look = Memo(lambda: now[0]), Results(None, "found")

    assert memo.for_a_minute("key", look) is None
    now[0] += KEEP_SECONDS - 0.1
    assert memo.for_a_minute("key", look) is None
    now[0] += 0.1
    assert memo.for_a_minute("key", look) == "found"


def test_keys_of_one_method_are_none_of_another() -> None:
    """The same key may stand for two things, and `clear` forgets both."""
    memo = Memo(lambda: 0.0)
    assert [memo.forever("key", lambda: 1), memo.for_a_minute("key", lambda: 2)] == [1, 2]
    memo.clear()
    assert [memo.forever("key", lambda: 3), memo.for_a_minute("key", lambda: 4)] == [3, 4]


def totals(machine: RecordedMachine) -> dict[str, Any]:
    reading: Any = root_filesystem.disk_io.collect(machine)
    found: dict[str, Any] = reading["disk_io"]
    return found


def test_counters_of_disks_follow_their_table(machine: RecordedMachine) -> None:
    """The sums are those of the table as it is now, and a reader may do with them what it likes."""
    before = totals(machine)
    assert totals(machine) == before
    totals(machine).clear()
    assert totals(machine).keys() == {*root_filesystem.COUNTERS, *root_filesystem.RATES}

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
