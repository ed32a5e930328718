"""The log: one line for each message, with priorities where systemd's journal reads it, else with words."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import select
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

PIPE_BUF = 4_095
"""Bytes of a line that a pipe with room takes whole."""


class _Formatter(logging.Formatter):
    """Makes one line of each record, whatever it contains: no forged lines, no control of a terminal."""

    def __init__(self, *, with_priorities: bool) -> None:
        super().__init__()
        self._with_priorities = with_priorities

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            text += f": {failure(record.exc_info[1])}"
        line = escaped(text, LONGEST)
        return with_priority(line, record.levelno) if self._with_priorities else f"{record.levelname} {line}"


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


def with_priority(text: str, level: int) -> str:
    """Put the priority of `level` before each line of `text`."""
    return "\n".join(f"<{PRIORITIES.get(level, 6)}>{line}" for line in text.split("\n"))


def is_journal(stream: TextIO | None) -> bool:
    """Return whether `stream` goes to the journal; somebody may have redirected it."""
    if stream is None:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def reserve_standard_streams() -> None:
    """Open /dev/null for each standard stream that is closed, before a file of ours gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


class _Handler(logging.Handler):
    """Writes lines to standard error, and never waits for who reads it: a line that finds no room is lost."""

    def emit(self, record: logging.LogRecord) -> None:
        _write(self.format(record))


def _write(line: str) -> None:
    """Write a line to standard error if that takes it at once."""
    with contextlib.suppress(OSError, ValueError):
        if _has_room():
            os.write(2, line.encode("utf-8", "backslashreplace")[:PIPE_BUF] + b"\n")


def _has_room() -> bool:
    """Return whether standard error takes a line now; a pipe says so when it has room for 4,096 bytes."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(2, select.POLLOUT)
    return any(state & select.POLLOUT for _, state in poll.poll(0))


def set_up(level: int) -> None:
    """Log to standard error, from `level` up."""
    handler = _Handler()
    handler.setFormatter(_Formatter(with_priorities=is_journal(sys.stderr)))
    logging.basicConfig(handlers=[handler], level=level)
    threading.excepthook = lambda found: _failed(found.thread.name if found.thread else "?", found.exc_value)
    sys.excepthook = lambda _, error, __: _failed("main", error)


def _failed(thread: str, error: BaseException | None) -> None:
    """Log in one line that a thread has ended by an error for which nobody was prepared."""
    logging.getLogger("pistat").critical("The thread %s failed", quoted(thread), exc_info=error)


def print_fatal(text: str) -> None:
    """Print why the program ends, in one line for people who know nothing of log levels."""
    line = f"pi-stat: {escaped(text, LONGEST)}"
    _write(with_priority(line, logging.ERROR) if is_journal(sys.stderr) else line)
