"""The log: with priorities where systemd's journal reads it, with words everywhere else."""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Python's levels as those of syslog, which the journal keeps."""


class _Formatter(logging.Formatter):
    """Marks each line with its priority, as sd-daemon(3) wants it; a traceback has many lines."""

    def format(self, record: logging.LogRecord) -> str:
        return marked(super().format(record), record.levelno)


def marked(text: str, level: int) -> str:
    """`text` with the priority of `level` before each of its lines."""
    return "\n".join(f"<{PRIORITIES.get(level, 6)}>{line}" for line in text.split("\n"))


def reads(stream: TextIO) -> bool:
    """Whether what is written to `stream` goes to the journal; somebody may have redirected it."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def set_up(level: int) -> None:
    """Log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        _Formatter("%(message)s") if reads(sys.stderr) else logging.Formatter("%(levelname)s %(message)s")
    )
    logging.basicConfig(handlers=[handler], level=level)


def tell(text: str) -> None:
    """Say why the program ends, in one line that people read without knowing of levels."""
    line = f"pi-stat: {text}"
    sys.stderr.write((marked(line, logging.ERROR) if reads(sys.stderr) else line) + "\n")
