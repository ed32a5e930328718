"""The state directory: the few files that outlast a restart, and why there may be none."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pistat.cache import DeadlineCache, NoAnswerError, Task
from pistat.field import Derived, Field, Unit
from pistat.machine import mounts
from pistat.machine.machine import Machine
from pistat.parsers.values import Json
from pistat.text import quoted

T = TypeVar("T")

log = logging.getLogger("pistat")

HERE = Derived("the state directory")

FIELDS = (
    Field("history.saved", Unit.FLAG, "Whether curves and events outlast a restart.", HERE),
    Field("history.detail", Unit.TEXT, "Why they do not.", HERE),
)
"""What is said of it in `/capabilities`."""

VARIABLE = "STATE_DIRECTORY"
"""What systemd sets where the unit has `StateDirectory=`; with several directories, colons between them."""

SECONDS = 5.0
"""How long a file may take: a worn card stalls for seconds while it is written to."""

NOT_OURS = (errno.EACCES, errno.EISDIR, errno.ELOOP)
"""Why a file of our directory cannot be opened: root has put it there, or it is a directory or a link."""

LARGEST = 4 << 20
"""No file of ours is larger; what is longer was not written here."""


class StateDirectory:
    """Files that outlast a restart. No method raises; what goes wrong is one line in the log.

    A disk that hangs holds up its caller once, for `SECONDS`, and then nobody until it is back.

    Args:
        path: The directory; None for none.
        machine: Where its mount is looked up.
        why_none: Why there is none, and what would give one, as a sentence.
    """

    def __init__(self, path: str | None, machine: Machine, why_none: str = "") -> None:
        self._path = Path(path) if path else None
        self._disk = DeadlineCache(machine.monotonic)
        self._machine = machine
        self._lock = threading.Lock()
        self._problem = ""
        self.reason: str | None = why_none if path is None else self._unusable()

    @classmethod
    def chosen(cls, machine: Machine, *, seconds: float, save: bool) -> StateDirectory:
        """Return the one that systemd has given, if there is a history, and the owner wants it to be saved.

        Args:
            machine: Where its mount is looked up.
            seconds: PISTAT_HISTORY_SECONDS.
            save: PISTAT_HISTORY_SAVE.
        """
        given = os.environ.get(VARIABLE)
        if not seconds:
            return cls(None, machine, "PISTAT_HISTORY_SECONDS is 0.")
        if not save:
            return cls(None, machine, "PISTAT_HISTORY_SAVE is false.")
        if not given:
            return cls(
                None,
                machine,
                f"{VARIABLE} is not set: systemd sets it for a unit with StateDirectory=pi-stat.",
            )
        return cls(given.split(":")[0], machine)

    @property
    def available(self) -> bool:
        """Whether files are kept there; otherwise `reason` says in one sentence why not."""
        return self.reason is None

    def document(self) -> dict[str, Json]:
        """Return the values of `FIELDS`."""
        detail = self.reason or self._problem
        return {"history": {"saved": not detail, "detail": detail or None}}

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, which is empty where there is none, or it cannot be read.

        It is None while the disk does not answer.
        """
        return self._try("read", name, _read, b"", retry=True)

    def read_log(self, name: str) -> Iterator[tuple[str, bytes | None]]:
        """Yield the names and contents of the files that `append` has made of one, the oldest first."""
        for file in self._try("read", name, _log) or [name]:
            yield file, self.read(file)

    def write(self, name: str, data: bytes) -> bool:
        """Replace a file as a whole, or leave it as it was; return whether it is on the disk."""
        return self._try("written", name, lambda path: _write(path, data)) is not None

    def append(self, name: str, data: bytes, *, longest: int = LARGEST, keep: int = 1) -> bool:
        """Add to the end of a file, which is made if there is none; return whether it is on the disk.

        After a power cut the end may be there in part: who reads it must know a whole record from a torn one.

        Args:
            name: The file.
            data: What is added.
            longest: Bytes beyond which the file gets another name, and a new one is begun.
            keep: How many such files are kept.
        """
        done = self._try("written", name, lambda path: _append(path, data, longest, keep), retry=True)
        return done is not None

    def set_aside(self, names: Sequence[str], why: str) -> bool:
        """Give files that are of no use here other names, so that nothing is lost, and say so in the log.

        Return whether any has got one.
        """
        done = [name for name in names if self._try("renamed", name, _set_aside) is not None]
        if done:
            others = f", and so were {len(done) - 1} more of its kind" if done[1:] else ""
            log.warning("%s %s; it was renamed to %s.unusable%s.", self._file(done[0]), why, done[0], others)
        return bool(done)

    def _file(self, name: str) -> Path:
        assert self._path is not None
        return self._path / name

    def _try(
        self, what: str, name: str, do: Callable[[Path], T], failed: T | None = None, *, retry: bool = False
    ) -> T | None:
        """Return what `do` returns, `failed` where the disk refuses it, and None while it does not answer.

        With `retry`, a file that is not ours is set aside, and it is done once more.
        """
        if not self.available:
            return None
        path = self._file(name)
        # One thing at a time: what hangs must not be overtaken by what is newer.
        done: list[T] = []
        # The cache keeps what a task returns, which may be large here.
        task = Task("disk", lambda: done.append(do(path)), SECONDS)
        with self._lock:
            (outcome,) = self._disk.get([task], self._machine.monotonic(), accept_running=False)
        error = outcome.error
        if error is None:
            self._log_change("")
            return done[0]
        if (
            retry
            and getattr(error, "errno", None) in NOT_OURS
            and self.set_aside([name], f"cannot be {what} ({_clause(error)})")
        ):
            return self._try(what, name, do, failed)
        self._log_change(f"{path} cannot be {what}: {_clause(error)}.")
        return None if isinstance(error, NoAnswerError) else failed

    def _log_change(self, problem: str) -> None:
        """Say in the log what is wrong, once until it is over."""
        if problem and not self._problem:
            log.warning("The history is not saved. %s", problem)
        elif self._problem and not problem:
            log.info("The history is saved again.")
        self._problem = problem

    def _unusable(self) -> str | None:
        """Return why nothing that is written there would stay."""
        path = os.path.realpath(self._path or "")
        if not Path(path).is_dir():
            return f"{quoted(path, 200)} is not a directory."
        if mounts.in_memory(self._machine, path):
            return f"{quoted(path, 200)} lies in memory, on tmpfs or on an overlay over it."
        if not os.access(path, os.W_OK):
            return f"{quoted(path, 200)} cannot be written to."
        return None


def _clause(error: BaseException) -> str:
    if isinstance(error, NoAnswerError):
        return str(error)
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except FileNotFoundError:
        return b""


def _log(path: Path) -> list[str]:
    """Return the names of the files of a log, the oldest first."""
    return [*(f"{path.name}.{number}" for number in _numbers(path)), path.name]


def _numbers(path: Path) -> list[int]:
    """Return the numbers by which full files of a log are named."""
    endings = (other.name.removeprefix(f"{path.name}.") for other in path.parent.glob(f"{path.name}.*"))
    return sorted(int(ending) for ending in endings if ending.isdecimal() and ending.isascii())


def _set_aside(path: Path) -> Path:
    return path.replace(path.with_name(f"{path.name}.unusable"))


def _write(path: Path, data: bytes) -> bool:
    """Replace a file by a new one, which is on the disk with its name when this returns."""
    new = path.with_name(f"{path.name}.new")
    # One of our own, whatever a power cut or another daemon has left there.
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(path)
    # Only then its name is on the disk, too.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _append(path: Path, data: bytes, longest: int, keep: int) -> bool:
    """Append to a file that is not longer than `longest` then, or else begin the next one."""
    with suppress(FileNotFoundError):
        if 0 < path.lstat().st_size > longest - len(data):
            _begin_next(path, keep)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _write_all(descriptor, data)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _begin_next(path: Path, keep: int) -> None:
    """Give a full file the next number, and remove the oldest beyond those that are kept."""
    numbers = _numbers(path)
    path.rename(path.with_name(f"{path.name}.{max(numbers, default=0) + 1}"))
    for number in numbers[: max(0, len(numbers) + 1 - keep)]:
        path.with_name(f"{path.name}.{number}").unlink(missing_ok=True)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
