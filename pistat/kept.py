"""Files of the kernel that are read again and again, through descriptors that stay open."""

from __future__ import annotations

import os

CHUNK = 16_384
"""Bytes asked for at a time: more than most of the kernel's files hold, and taken from the heap for each."""


class Descriptor:
    """An open file of the kernel. It is closed with the last of those who use it, never under a reader."""

    def __init__(self, path: str) -> None:
        self._number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        # It has no number when it could not be opened.
        if hasattr(self, "_number"):
            os.close(self._number)

    def read(self) -> bytes:
        """What the file says now. Raises OSError: what it told of has gone."""
        chunks = []
        size = 0
        # A table comes in pieces of whole rows, so that a short one need not be the last.
        while chunk := os.pread(self._number, CHUNK, size):
            chunks.append(chunk)
            size += len(chunk)
        return b"".join(chunks)


class Kept:
    """Descriptors by path: to find and open a file costs more than to read it, in /sys far more."""

    def __init__(self) -> None:
        self._open: dict[str, Descriptor] = {}

    def read(self, path: str) -> bytes:
        """The content of the file that is at `path` now. Raises OSError."""
        kept = self._open.get(path)
        if kept is not None:
            try:
                return kept.read()
            except OSError:
                # A device that was unplugged may be there again, under the same name.
                self._open.pop(path, None)
        opened = Descriptor(path)
        content = opened.read()
        self._open[path] = opened
        return content
