"""A recorded board of which some sources do not give what was recorded."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from pistat.machine.machine import Finished, SystemNames, Usage
from pistat.machine.network.links import Link
from pistat.machine.network.nl80211 import Station
from pistat.machine.service_manager import State
from support.recorded_machine import RecordedMachine

T = TypeVar("T")

IN_NO_NAME = {0: None, ord("/"): None}
"""What the kernel has in no name of a file."""


class Source(NamedTuple):
    """Something that is read: a `file`, a `folder`, a `question` to the firmware, or a `call`."""

    kind: str
    name: str


Change: TypeAlias = Callable[[bytes], bytes]
"""What is done to the bytes of a source; an OSError is what reading it then raises."""


def emptied(_: bytes) -> bytes:
    return b""


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def absent(_: bytes) -> bytes:
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def refused(_: bytes) -> bytes:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


DAMAGES: tuple[Change, ...] = (emptied, truncated, absent, refused)


@functools.cache
def _reply(program: str, *question: str) -> Finished:
    """What the firmware of a board replies; asked once for all tests, as each question is a process."""
    return RecordedMachine(Path(program).parents[2]).run([program, *question], 30.0)


class DamagedMachine(RecordedMachine):
    """A board whose sources are changed; what is absent is not listed in its folder either.

    Attributes:
        seen: What there was of all that was read or looked for.
    """

    def __init__(self, folder: Path, changes: Mapping[Source, Change] = {}) -> None:
        self.seen: set[Source] = set()
        self._changes: Mapping[Source, Change] = {}
        self._absent: set[str] = set()
        self._plays_the_kernel = False
        super().__init__(folder)
        self.show_ssid = True
        self.seen.clear()
        self._changes = changes
        self._absent = {source.name for source, change in changes.items() if change is absent}

    def _changed(self, kind: str, name: str, data: bytes = b"") -> bytes:
        """What a source gives now, given what it gave when it was recorded. Raises OSError."""
        if self._plays_the_kernel:
            return data
        self.seen.add(Source(kind, name))
        change = self._changes.get(Source(kind, name))
        try:
            return change(data) if change else data
        except OSError as error:
            error.filename = name
            raise

    def _call(self, name: str, recorded: Callable[[], T], nothing: T | None = None) -> T:
        """What a call gives: `nothing` if it is emptied. Raises OSError; ValueError where that is none."""
        self._plays_the_kernel = True
        try:
            found = recorded()
        finally:
            self._plays_the_kernel = False
        given = found if self._changed("call", name, b"as recorded") else nothing
        if given is None:
            raise ValueError
        return given

    # Files and folders

    def read_bytes(self, path: str, limit: int = 1 << 20) -> bytes:
        whole = super().read_bytes(path, 1 << 22)
        return self._changed("file", path, whole)[:limit]

    def exists(self, path: str) -> bool:
        there = super().exists(path)
        if there and not self._plays_the_kernel:
            self.seen.add(Source("folder" if Path(self.path(path)).is_dir() else "file", path))
        return there and (self._plays_the_kernel or path not in self._absent)

    def names(self, path: str) -> list[str]:
        listed = super().names(path) if path not in self._absent else []
        if listed:
            data = self._changed("folder", path, "\n".join(listed).encode("utf-8", "surrogateescape"))
            listed = data.decode("utf-8", "surrogateescape").translate(IN_NO_NAME).split("\n")
            listed = [each for each in listed if each not in {"", ".", ".."}]
        return [each for each in listed if f"{path}/{each}" not in self._absent]

    # Questions and calls

    def run(self, command: Sequence[str], seconds: float, limit: int = 8192) -> Finished:
        finished = _reply(*command)
        try:
            stdout = self._changed("question", " ".join(command[1:]), finished.stdout.encode())
        except FileNotFoundError:
            return Finished(0, 'error=1 error_msg="Command not registered"\n', "")
        except PermissionError:
            return Finished(255, "", "VCHI initialization failed\n")
        if stdout == finished.stdout.encode():
            return finished
        return Finished(0, stdout.decode("utf-8", "replace"), "")

    def usage(self, mountpoint: str) -> Usage:
        usage = super().usage
        return self._call(f"statvfs {mountpoint}", lambda: usage(mountpoint), Usage(0, 0, 0))

    def owner(self, path: str) -> int:
        owner = super().owner
        return self._call(f"stat {path}", lambda: owner(path), 0)

    def links(self) -> dict[str, Link]:
        return self._call("netlink", super().links, {})

    def stations(self) -> dict[str, Station]:
        try:
            return self._call("nl80211", super().stations, {})
        except OSError:
            # As the host has it.
            return {}

    def service_state(self) -> State:
        return self._call("D-Bus", super().service_state)

    def names_of_system(self) -> SystemNames:
        nothing = SystemNames("", "", "", self.facts["bits"])
        try:
            return self._call("uname", super().names_of_system, nothing)
        except OSError:
            # It cannot be refused.
            return nothing
