"""The log: one line for each message, with priorities where systemd's journal reads it, else with words."""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TextIO

from pistat.text import escaped, quoted

PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Python's levels as those of syslog, which the journal keeps."""


LONGEST = 1_000
"""The most characters of a line. Names from outside are cut much shorter; this is for what nobody foresaw."""


class _Formatter(logging.Formatter):
    """Makes one line of each record, whatever it contains: no forged lines, no control of a terminal."""

    def __init__(self, *, marks: bool) -> None:
        super().__init__()
        self._marks = marks

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            text += f": {failure(record.exc_info[1])}"
        line = escaped(text, LONGEST)
        return marked(line, record.levelno) if self._marks else f"{record.levelname} {line}"


def failure(error: BaseException) -> str:
    """Describe an error and where it arose, the innermost place first."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    places = " < ".join(f"{Path(name).name}:{line}" for name, line in reversed(frames[-8:]))
    return f"{type(error).__name__} {quoted(str(error), 200)} at {places}"


class OncePerMinute:
    """Allows each message once a minute, so that a fault that repeats does not fill the log."""

    SECONDS = 60.0
    MOST = 256

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[Hashable, float] = {}

    def __call__(self, thing: Hashable) -> bool:
        """Return whether the message about `thing` may be logged now."""
        with self._lock:
            now = self._clock()
            if now - self._last.get(thing, -math.inf) < self.SECONDS:
                return False
            if len(self._last) >= self.MOST:
                self._last.clear()
            self._last[thing] = now
            return True


def marked(text: str, level: int) -> str:
    """Put the priority of `level` before each line of `text`."""
    return "\n".join(f"<{PRIORITIES.get(level, 6)}>{line}" for line in text.split("\n"))


def reads(stream: TextIO) -> bool:
    """Return whether `stream` goes to the journal; somebody may have redirected it."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def set_up(level: int) -> None:
    """Log to standard error, from `level` up."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter(marks=reads(sys.stderr)))
    logging.basicConfig(handlers=[handler], level=level)


def tell(text: str) -> None:
    """Print why the program ends, in one line for people who know nothing of log levels."""
    line = f"pi-stat: {escaped(text, LONGEST)}"
    sys.stderr.write((marked(line, logging.ERROR) if reads(sys.stderr) else line) + "\n")
