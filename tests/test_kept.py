"""Files of the kernel that are held open: they say what is so now, as if they were opened each time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat.kept import CHUNK, Descriptor, Kept

if TYPE_CHECKING:
    from needs import Need


@pytest.fixture(autouse=True)
def linux(need: Need) -> None:
    need(sys.platform == "linux", "/proc", installed=False)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.communicate()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_what_is_read_is_of_now(tmp_path: Path) -> None:
    """A file that has changed in its place is read as it is."""
    kept, path = Kept(), tmp_path / "file"
    path.write_text("one\n")
    before = kept.read(str(path))
    path.write_text("another\n")

    assert [before, kept.read(str(path))] == [b"one\n", b"another\n"]


def test_a_file_is_opened_once(tmp_path: Path) -> None:
    """However often it is read, a file takes one descriptor, and gives it back with its reader."""
    kept, path = Kept(), tmp_path / "file"
    path.write_text("one\n")
    before = descriptors()
    for _ in range(10):
        kept.read(str(path))

    assert descriptors() == before + 1
    del kept
    assert descriptors() == before


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_file_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    """All of a file is read, whatever its size."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))

    assert Descriptor(str(path)).read() == path.read_bytes()


def test_a_table_of_many_rows_is_read_to_its_end(need: Need) -> None:
    """A table that the kernel gives out page by page is read as a whole."""
    path = Path("/proc/crypto")
    need(path.exists() and len(path.read_bytes()) > 4096, "a table of many rows", installed=False)

    assert Descriptor(str(path)).read() == path.read_bytes()


def test_what_has_gone_is_not_there(child: subprocess.Popen[bytes]) -> None:
    """A process that has ended is told like a file that is not there, and its descriptor is given back."""
    kept, path = Kept(), f"/proc/{child.pid}/stat"
    before = descriptors()
    assert kept.read(path).startswith(b"%d " % child.pid)
    child.communicate()

    with pytest.raises(FileNotFoundError):
        kept.read(path)
    assert descriptors() <= before


def test_what_has_come_back_is_read(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """When what a file told of has gone, and another thing has its name now, that is read."""
    kept, path = Kept(), tmp_path / "device"
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
