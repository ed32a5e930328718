"""Files of the kernel that are read again and again, through descriptors that stay open."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

CHUNK = 16_384
"""Bytes asked for at a time: more than most of the kernel's files hold."""

LINE = 2048
"""More bytes than any /proc/PID/stat has."""

READ_ONLY = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)
"""How a file is opened. Windows has no O_CLOEXEC and does not need it."""


class Descriptor:
    """An open file of the kernel. It is closed when its last user lets go of it, never under a reader."""

    def __init__(self, path: str) -> None:
        self._number = os.open(path, READ_ONLY)

    def __del__(self) -> None:
        # It has no number when it could not be opened.
        if hasattr(self, "_number"):
            os.close(self._number)

    def read(self) -> bytes:
        """Read the file from its beginning to its end, as it is now.

        Raises:
            OSError: What the file described is gone.
        """
        content = b""
        # A table comes in pieces of whole rows, so that a short piece need not be the last.
        while chunk := os.pread(self._number, CHUNK, len(content)):
            content += chunk
        return content


class FileCache:
    """Descriptors by path: opening a file costs more than reading it, in /sys far more.

    Args:
        most: How many are held open; other files are opened each time. The kernel needs some 5 kB for each.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[str, Descriptor] = {}

    def read(self, path: str) -> bytes:
        """Read the file at `path` as it is now. Raises OSError."""
        kept = self._open.get(path)
        if kept is not None:
            try:
                return kept.read()
            except OSError:
                # A device that was unplugged may be there again, under the same name.
                self._open.pop(path, None)
        opened = Descriptor(path)
        content = opened.read()
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
        """Yield the PID and the line of each process; one that ends meanwhile is left out."""
        pids = [name for name in os.listdir("/proc") if name.isdecimal()]
        few = len(pids) <= self._most
        self._keep_only(pids if few else ())
        read = self._read_held if few else _read_once
        for pid in pids:
            try:
                line = read(pid)
            except OSError:
                # The folder has gone (ENOENT), or what it stood for (ESRCH).
                continue
            yield pid, line

    def _keep_only(self, pids: Iterable[str]) -> None:
        for pid in self._open.keys() - set(pids):
            os.close(self._open.pop(pid))

    def _read_held(self, pid: str) -> bytes:
        if pid in self._open:
            try:
                return os.pread(self._open[pid], LINE, 0)
            except OSError:
                # It has ended; another may have its number.
                os.close(self._open.pop(pid))
        self._open[pid] = os.open(f"/proc/{pid}/stat", READ_ONLY)
        return os.pread(self._open[pid], LINE, 0)


def _read_once(pid: str) -> bytes:
    descriptor = os.open(f"/proc/{pid}/stat", READ_ONLY)
    try:
        return os.read(descriptor, LINE)
    finally:
        os.close(descriptor)
