"""Files of the kernel that are held open: they say what is so now, as if they were opened each time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pistat.machine.descriptors import CHUNK, Descriptor, FileCache, ProcessStatFiles
from support.waiting import eventually

if TYPE_CHECKING:
    from support.require import Require


@pytest.fixture(autouse=True)
def linux(require: Require) -> None:
    require(sys.platform == "linux", "/proc", installed=False)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    process.communicate()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_what_is_read_is_of_now(tmp_path: Path) -> None:
    """A file that has changed in its place is read as it is."""
    kept, path = FileCache(2), tmp_path / "file"
    path.write_text("one\n")
    before = kept.read(str(path))
    path.write_text("another\n")

    assert [before, kept.read(str(path))] == [b"one\n", b"another\n"]


def test_a_file_is_opened_once(tmp_path: Path) -> None:
    """However often it is read, a file takes one descriptor, and gives it back with its reader."""
    kept, path = FileCache(2), tmp_path / "file"
    path.write_text("one\n")
    before = descriptors()
    for _ in range(10):
        kept.read(str(path))

    assert descriptors() == before + 1
    del kept
    assert descriptors() == before


def test_no_more_files_are_held_open_than_allowed(tmp_path: Path) -> None:
    """However many files are read, `most` of them are held open, and all are read."""
    kept, paths = FileCache(2), [tmp_path / str(number) for number in range(9)]
    for each in paths:
        each.write_text(each.name)
    before = descriptors()

    for _ in range(2):
        assert [kept.read(str(each)).decode() for each in paths] == [each.name for each in paths]
    assert descriptors() == before + 2


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_file_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    """All of a file is read, whatever its size."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))

    assert Descriptor(str(path)).read() == path.read_bytes()


def test_a_table_of_many_rows_is_read_to_its_end(require: Require) -> None:
    """A table that the kernel gives out page by page is read as a whole."""
    path = Path("/proc/crypto")
    require(path.exists() and len(path.read_bytes()) > 4096, "a table of many rows", installed=False)

    # It counts its users, who come and go.
    assert eventually(lambda: Descriptor(str(path)).read() == path.read_bytes())


class Table:
    """A table as the kernel gives it out: whole rows, as many as its buffer holds, which grows for one."""

    PAGE = 4096

    def __init__(self, rows: list[bytes]) -> None:
        self.content = b"".join(rows)
        self._rows = rows

    def pread(self, _: int, most: int, offset: int) -> bytes:
        piece, at = b"", 0
        for row in self._rows:
            if at >= offset:
                if piece and len(piece) + len(row) >= self.PAGE:
                    break
                piece += row
            at += len(row)
        return piece[:most]


@given(st.lists(st.integers(1, CHUNK), max_size=20))
@example([2048, 2048])
@example([1, 2048, 2048])
@example([2047, 2048, 2048])
@example([1, CHUNK])
def test_no_row_is_lost(lengths: list[int]) -> None:
    """However long the rows are, and however they are spread over the pieces, all are read."""
    table = Table([bytes([number]) * length for number, length in enumerate(lengths)])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pistat.machine.descriptors.os.pread", table.pread)
        content = Descriptor("/dev/null").read()

    assert content == table.content


def test_what_has_gone_is_not_there(child: subprocess.Popen[bytes]) -> None:
    """A process that has ended is told like a file that is not there, and its descriptor is given back."""
    kept, path = FileCache(2), f"/proc/{child.pid}/stat"
    before = descriptors()
    assert kept.read(path).startswith(b"%d " % child.pid)
    child.communicate()

    with pytest.raises(FileNotFoundError):
        kept.read(path)
    assert descriptors() <= before


def test_what_has_come_back_is_read(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """When what a file told of has gone, and another thing has its name now, that is read."""
    kept, path = FileCache(2), tmp_path / "device"
    path.symlink_to(f"/proc/{child.pid}/comm")
    kept.read(str(path))
    child.communicate()
    path.unlink()
    path.symlink_to("/proc/self/comm")

    assert kept.read(str(path)) == Path("/proc/self/comm").read_bytes()


def test_a_file_stays_open_for_a_reader(tmp_path: Path) -> None:
    """A descriptor that another thread gives up is not closed before its last reader has done."""
    path = tmp_path / "file"
    path.write_text("one\n")
    mine = Descriptor(str(path))
    others = {"path": mine}
    others.pop("path")

    assert mine.read() == b"one\n"


def test_processes_are_read_as_the_kernel_tells_them(child: subprocess.Popen[bytes]) -> None:
    """The line of a process is that of its file, whether it was held open or not."""
    line = Path(f"/proc/{child.pid}/stat").read_bytes()
    for most in (0, 10_000):
        stats = ProcessStatFiles(most)
        for _ in range(2):
            assert dict(stats.read())[str(child.pid)].split(b" ")[:2] == line.split(b" ")[:2]


def test_of_many_none_is_held_open(child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond `most` processes all are read, and none is held open; with fewer again, all are."""
    stats, few = ProcessStatFiles(1), [str(os.getpid())]
    found = []
    for there in (few, [*few, str(child.pid)], few):
        with monkeypatch.context() as patch:
            patch.setattr(os, "listdir", lambda _, there=there: there)
            read = dict(stats.read())
        found.append((len(read), len(stats._open)))

    assert found == [(1, 1), (2, 0), (1, 1)]


def test_a_process_that_has_ended_is_given_up(child: subprocess.Popen[bytes]) -> None:
    """Its line is left out, and its descriptor is given back."""
    stats = ProcessStatFiles(10_000)
    assert str(child.pid) in dict(stats.read())
    child.communicate()

    assert str(child.pid) not in dict(stats.read())
    assert str(child.pid) not in stats._open


def test_a_number_that_is_used_again_is_another_process(child: subprocess.Popen[bytes]) -> None:
    """What is held open of an ended process is never taken for the one that has its number now."""
    stats, me = ProcessStatFiles(10_000), str(os.getpid())
    held = os.open(f"/proc/{child.pid}/stat", os.O_RDONLY)
    child.communicate()
    stats._open[me] = held

    assert dict(stats.read())[me].startswith(me.encode() + b" ")
