"""Files of the kernel that are read again and again, through descriptors that stay open."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

CHUNK = 16_384
"""Bytes asked for at a time: more than most of the kernel's files hold, and taken from the heap for each."""


PAGE = 4096
"""Bytes of rows that the kernel collects, at least, before it hands a piece of a table over."""

ROW = 2048
"""Bytes that no row is longer than, of the tables that are read for every answer."""


LINE = 2048
"""Bytes that are more than a process has in its /proc/PID/stat."""

READ_ONLY = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)
"""How a file is opened; Windows has no such flag, and does not need it."""


class Descriptor:
    """An open file of the kernel. It is closed with the last of those who use it, never under a reader."""

    def __init__(self, path: str) -> None:
        self._number = os.open(path, READ_ONLY)

    def __del__(self) -> None:
        # It has no number when it could not be opened.
        if hasattr(self, "_number"):
            os.close(self._number)

    def read(self, row: int = ROW) -> bytes:
        """What the file says now; a table may have rows of `row` bytes, any if that is `PAGE`.

        Raises:
            OSError: What it told of has gone.
        """
        content = os.pread(self._number, CHUNK, 0)
        if len(content) < PAGE - row:
            # A row behind it would have come with it.
            return content
        # A table comes in pieces of whole rows, so that a short one need not be the last.
        while chunk := os.pread(self._number, CHUNK, len(content)):
            content += chunk
        return content


class FileCache:
    """Descriptors by path: to find and open a file costs more than to read it, in /sys far more.

    Args:
        most: How many are held open; other files are opened each time. The kernel takes some 5 kB for each.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[str, Descriptor] = {}

    def read(self, path: str, row: int = ROW) -> bytes:
        """What the file says that is at `path` now; `row` as in `Descriptor.read`. Raises OSError."""
        kept = self._open.get(path)
        if kept is not None:
            try:
                return kept.read(row)
            except OSError:
                # A device that was unplugged may be there again, under the same name.
                self._open.pop(path, None)
        opened = Descriptor(path)
        content = opened.read(row)
        if len(self._open) < self._most:
            self._open[path] = opened
        return content


class ProcessStatFiles:
    """/proc/PID/stat of all processes, held open unless there are many. For one thread at a time.

    Args:
        most: With more processes than these, none is held open: the rest would be most of the work.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[str, int] = {}

    def __del__(self) -> None:
        self._keep_only(())

    def read(self) -> Iterator[tuple[str, bytes]]:
        """The number of each process and its line; one that ends meanwhile is left out."""
        pids = [name for name in os.listdir("/proc") if name.isdecimal()]
        few = len(pids) <= self._most
        self._keep_only(pids if few else ())
        look = self._look_again if few else _look
        for pid in pids:
            try:
                line = look(pid)
            except OSError:
                # The folder has gone (ENOENT), or what it stood for (ESRCH).
                continue
            yield pid, line

    def _keep_only(self, pids: Iterable[str]) -> None:
        for pid in self._open.keys() - set(pids):
            os.close(self._open.pop(pid))

    def _look_again(self, pid: str) -> bytes:
        if pid in self._open:
            try:
                return os.pread(self._open[pid], LINE, 0)
            except OSError:
                # It has ended; another may have its number.
                os.close(self._open.pop(pid))
        self._open[pid] = os.open(f"/proc/{pid}/stat", READ_ONLY)
        return os.pread(self._open[pid], LINE, 0)


def _look(pid: str) -> bytes:
    descriptor = os.open(f"/proc/{pid}/stat", READ_ONLY)
    try:
        return os.read(descriptor, LINE)
    finally:
        os.close(descriptor)
