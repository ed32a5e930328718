"""The host: files below a root, programs, filesystems, clocks, users, network interfaces."""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import os
import selectors
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from platform import uname
from typing import NamedTuple, TypeVar

from pistat.cache import DeadlineCache, NoAnswerError, Outcome, Task
from pistat.log import OncePerMinute
from pistat.machine import service_manager
from pistat.machine.descriptors import CHUNK, READ_ONLY, FileCache, ProcessStatFiles
from pistat.machine.memo import Memo
from pistat.machine.network import nl80211
from pistat.machine.network.links import Interfaces, Link
from pistat.machine.reasons import ABSENT
from pistat.parsers import kernel
from pistat.text import quoted

T = TypeVar("T")

log = logging.getLogger("pistat")

KEPT_FILES = 128
"""The most files that are held open because every answer needs them: a usual machine has fewer."""

KEPT_PROCESSES = 256
"""The most processes of which files are held open: a usual Pi has fewer. They cost the kernel a megabyte."""

BOOT_TIME_JITTER = 0.1
"""Seconds by which the wall clock may differ from the boot clock unnoticed: NTP keeps correcting it a bit."""

UPTIME = "/proc/uptime"
UPTIME_JITTER = 1.5
"""Seconds by which /proc/uptime may be behind the boot clock and be the same: some cut it to seconds."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended: exit status (negative for a signal), standard output, standard error."""

    status: int
    stdout: str
    stderr: str


class Usage(NamedTuple):
    """Bytes of a filesystem; `free` is what ordinary users may still use, so the three need not add up.

    Attributes:
        inodes: How many files and folders it can hold; 0 where it has no such limit.
        inodes_free: How many more it can hold.
    """

    total: int
    used: int
    free: int
    inodes: int = 0
    inodes_free: int = 0


class SystemNames(NamedTuple):
    """Names of the host, the kernel's release and its architecture; and how many bits a pointer has here."""

    hostname: str
    kernel: str
    architecture: str
    bits: int


class Host:
    """The machine. Files are read below `root`; a recorded board overrides what has no file behind it.

    Attributes:
        linux: Whether there are /proc and /sys.
        cores: The number of logical CPUs, for lists with one entry per core.
        page_size, clock_ticks: The units of the kernel's tables: bytes per page, ticks per second.
        show_ssid: Whether the name of the Wi-Fi network may be shown.
        memo: What need not be read or parsed again.
    """

    USAGE_SECONDS = 1.0
    """How long a filesystem may take to report how full it is."""

    USER_SECONDS = 1.0
    """How long the name of a user may take: a server may have to be asked."""

    def __init__(self, root: str = "", platform: str = sys.platform) -> None:
        self.root = root.rstrip("/")
        self.linux = platform == "linux"
        self.cores = os.cpu_count() or 1
        self.page_size = os.sysconf("SC_PAGE_SIZE") if self.linux else 4096
        self.clock_ticks = os.sysconf("SC_CLK_TCK") if self.linux else 100
        self.show_ssid = False
        self._boot_time = -math.inf
        self._started: float | None = None
        self.memo = Memo(self.monotonic)
        self._interfaces = Interfaces()
        self._files = FileCache(KEPT_FILES)
        self._stats = ProcessStatFiles(most=KEPT_PROCESSES)
        self._filesystems = DeadlineCache(self.monotonic)
        self._silent: set[str] = set()
        self._once_per_minute = OncePerMinute(self.monotonic)
        self._users = DeadlineCache(self.monotonic)
        self._children = threading.Lock()
        self._unkillable: subprocess.Popen[bytes] | None = None

    # Files

    def path(self, path: str) -> str:
        """Return where `path` of the machine is found: below the root."""
        return self.root + path

    def open(self, path: str) -> int:
        """Open a file or a device for reading and return its descriptor. Raises OSError."""
        return os.open(self.path(path), READ_ONLY)

    def read_bytes(self, path: str, limit: int = 1 << 20) -> bytes:
        """Read a file, at most `limit` bytes.

        Raises:
            OSError: It does not exist, or cannot be read.
        """
        descriptor = self.open(path)
        try:
            chunks = []
            size = 0
            while size < limit and (chunk := os.read(descriptor, min(limit - size, CHUNK))):
                chunks.append(chunk)
                size += len(chunk)
        finally:
            os.close(descriptor)
        return b"".join(chunks)

    def read(self, path: str, limit: int = 1 << 20) -> str:
        """Read a text file; bytes that are not UTF-8 become U+FFFD. Raises OSError."""
        return self.read_bytes(path, limit).decode("utf-8", "replace")

    def bytes_or_none(self, path: str, limit: int = 1 << 20) -> bytes | None:
        """Read a file like `read_bytes`; return None where this machine has no such file."""
        return _unless_absent(lambda: self.read_bytes(path, limit))

    def read_or_none(self, path: str, limit: int = 1 << 20) -> str | None:
        """Read a text file like `read`; return None where this machine has no such file."""
        return _unless_absent(lambda: self.read(path, limit))

    def read_cached_fd(self, path: str) -> bytes:
        """Read a file in /proc or /sys that every answer needs through a descriptor that stays open.

        Raises:
            OSError: It does not exist, or cannot be read.
        """
        return self.read_bytes(path) if self.root else self._files.read(path)

    def read_cached_text(self, path: str) -> str:
        """Read text like `read_cached_fd`. Raises OSError."""
        return self.read_cached_fd(path).decode("utf-8", "replace")

    def cached_text_or_none(self, path: str) -> str | None:
        """Read text like `read_cached_text`; return None where this machine has no such file."""
        return _unless_absent(lambda: self.read_cached_text(path))

    # What follows is for files that one reading of several needs: the others shall not fail with it, and
    # /capabilities looks for the reason by itself.

    def sensor(self, path: str | None, limit: int = 4096) -> str:
        """Read a text file; return "" where there is none, where it is refused, and while it is not ready."""
        # Drivers report a sensor that is not ready in various ways: EIO, EINVAL, EAGAIN and others.
        with contextlib.suppress(OSError):
            return self.read(path, limit) if path else ""
        return ""

    def cached_sensor(self, path: str | None) -> str:
        """Read the same through a descriptor that stays open: in /sys, a third of the time."""
        with contextlib.suppress(OSError):
            return self.read_cached_text(path) if path else ""
        return ""

    def word(self, path: str) -> str | None:
        """Read the text in a small file, without blanks around it; None where there is none."""
        return self.sensor(path).strip() or None

    def listing(self, path: str) -> list[str]:
        """List the names in a folder like `names`; none where it is refused, too."""
        with contextlib.suppress(OSError):
            return self.names(path)
        return []

    def names(self, path: str) -> list[str]:
        """List the names in a folder, sorted; none where there is no such folder. Raises OSError."""
        return sorted(_unless_absent(lambda: os.listdir(self.path(path))) or [])

    def exists(self, path: str) -> bool:
        """Return whether there is something at `path`."""
        return os.path.exists(self.path(path))

    def modified(self, path: str) -> float | None:
        """Return when something at `path` was changed, as Unix time; None where there is nothing."""
        status = _unless_absent(lambda: os.stat(self.path(path)))
        return None if status is None else status.st_mtime

    def owner(self, path: str) -> int:
        """Return the user ID that owns a file. Raises OSError."""
        return os.stat(self.path(path)).st_uid

    def stats(self) -> Iterator[tuple[str, bytes]]:
        """Yield the PID and /proc/PID/stat of each process; one that ends meanwhile is left out."""
        return self._stats.read()

    # Filesystems

    def usage(self, mountpoint: str) -> Usage:
        """Return how full the filesystem at `mountpoint` is; hangs on a dead disk or server, see `usages`."""
        if not hasattr(os, "statvfs"):
            return Usage(*shutil.disk_usage(mountpoint))
        status = os.statvfs(mountpoint)
        if not status.f_blocks:
            # FUSE shows the sizes of another user's filesystem as zeros, but answers this with EACCES.
            os.stat(mountpoint)
        block = status.f_frsize
        return Usage(
            status.f_blocks * block,
            (status.f_blocks - status.f_bfree) * block,
            status.f_bavail * block,
            status.f_files,
            status.f_ffree,
        )

    def usages(self, mountpoints: Sequence[str]) -> list[Outcome[Usage]]:
        """Return how full each filesystem is, waiting `USAGE_SECONDS` at most, and once for a dead one."""

        def tasks() -> list[Task[Usage]]:
            return [Task(place, partial(self.usage, place), self.USAGE_SECONDS) for place in mountpoints]

        known = self.memo.while_same("usages", mountpoints, tasks)
        outcomes = self._filesystems.get(known, self.monotonic(), accept_running=True)
        for mountpoint, outcome in zip(mountpoints, outcomes, strict=True):
            if outcome.error is not None or self._silent:
                self._log_silence(mountpoint, silent=isinstance(outcome.error, NoAnswerError))
        return outcomes

    def _log_silence(self, mountpoint: str, *, silent: bool) -> None:
        """Log when a filesystem falls silent, at most once a minute, and when it answers again."""
        if silent and mountpoint not in self._silent and self._once_per_minute(mountpoint):
            self._silent.add(mountpoint)
            log.warning("The filesystem at %s does not answer.", quoted(mountpoint))
        elif not silent and mountpoint in self._silent:
            self._silent.discard(mountpoint)
            log.info("The filesystem at %s answers again.", quoted(mountpoint))

    # Programs

    def executable(self, candidates: Sequence[str]) -> str | None:
        """Return where the first of `candidates` is that exists; None if none does.

        Raises:
            PermissionError: It exists, but may not be executed.
        """
        for program in candidates:
            if self.exists(program):
                if not os.access(self.path(program), os.X_OK):
                    raise PermissionError(errno.EACCES, "not executable", program)
                return self.path(program)
        return None

    def run(self, command: Sequence[str], seconds: float, limit: int = 8192) -> Finished:
        """Run a program without a shell, one at a time, reading at most `limit` bytes of its output.

        Raises:
            TimeoutError: It did not end within `seconds`, or an earlier one cannot even be killed.
            OSError: It could not be started.
        """
        with self._children:
            if self._unkillable is not None and self._unkillable.poll() is None:
                raise TimeoutError
            self._unkillable = None
            child = subprocess.Popen(  # noqa: S603 - no shell, an absolute path, our own arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                cwd="/",
                start_new_session=True,
            )
            try:
                return _await(child, time.monotonic() + seconds, limit)
            finally:
                self._end(child)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """Kill what still runs. A child in an uninterruptible wait remains; no other is started beside it."""
        for stream in (child.stdout, child.stderr):
            assert stream is not None
            stream.close()
        try:
            if child.returncode is None:
                # As it is not reaped yet, its group is still its own, even if only its children are left.
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(0.2)
        except subprocess.TimeoutExpired:
            self._unkillable = child

    def service_state(self) -> service_manager.State:
        """Return what systemd says of its units. Raises OSError, service_manager.ProtocolError."""
        return service_manager.read(self.path(service_manager.SOCKET))

    # Clocks, names, users, network interfaces

    def time(self) -> float:
        """Return the seconds since 1970, by the wall clock."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds on a clock that is never set."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def uptime(self) -> float:
        """Return the seconds since boot, including sleep, whatever happens to the wall clock."""
        # CLOCK_MONOTONIC is for macOS, where time.monotonic() stands still while the machine is asleep.
        for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
            if hasattr(time, name):
                return time.clock_gettime(getattr(time, name))
        return time.monotonic()

    @property
    def started(self) -> float:
        """The seconds from the boot of the kernel to that of this system: 0 outside a container."""
        return self._started or 0.0

    def find_start(self) -> None:
        """Find out when this system came up: lxcfs gives a container its own /proc/uptime, but no clock."""
        if self._started is None and self.linux:
            now = self.uptime()
            own = kernel.first(r"([0-9]{1,10}(?:\.[0-9]{1,2})?)(?: .*)?", self.sensor(UPTIME))
            if own is not None:
                ahead = now - float(own)
                self._started = ahead if ahead > UPTIME_JITTER else 0.0

    def boot_time(self) -> float:
        """Return when the machine came up, Unix time in tenths of a second.

        It moves only when the wall clock is set, not with the jitter of reading two clocks.
        """
        found = self.time() - self.uptime()
        if abs(found - self._boot_time) > BOOT_TIME_JITTER:
            self._boot_time = round(found, 1)
        return self._boot_time

    def names_of_system(self) -> SystemNames:
        """Return the names that the kernel gives this host, itself and its architecture."""
        names = os.uname() if hasattr(os, "uname") else uname()
        return SystemNames(names[1], names[2], names[4], struct.calcsize("P") * 8)

    def user_names(self, uids: Sequence[int]) -> dict[int, str]:
        """Return the names of users, looked up once a minute; the number of one whose name comes too late."""
        tasks = [Task(uid, partial(self.user_name, uid), self.USER_SECONDS) for uid in uids]
        outcomes = self._users.get(tasks, self.monotonic() - 60.0, accept_running=True)
        return {uid: outcome.value or str(uid) for uid, outcome in zip(uids, outcomes, strict=True)}

    def user_name(self, uid: int) -> str:
        """Return the name of a user, or the number, like `ps`, of one without a name. May ask a server."""
        try:
            import pwd  # noqa: PLC0415 - Windows has none

            return pwd.getpwuid(uid).pw_name
        except (ImportError, KeyError):
            return str(uid)

    def group(self, path: str) -> str | None:
        """Return the group that may read a file because it owns it; None if there is none but root's."""
        try:
            status = os.stat(self.path(path))
        except OSError:
            return None
        return self.group_name(status.st_gid) if status.st_mode & stat.S_IRGRP else None

    def group_name(self, gid: int) -> str | None:
        """Return the name of a group; None for that of root, and for one without a name."""
        try:
            import grp  # noqa: PLC0415 - Windows has none

            return grp.getgrgid(gid).gr_name if gid else None
        except (ImportError, KeyError, OverflowError):
            return None

    def own_user(self) -> str:
        """Return the name of the user that pi-stat runs as; "" where users have no numbers."""
        if not hasattr(os, "geteuid"):
            return ""
        uid = os.geteuid()
        return self.user_names([uid])[uid]

    def host_name(self) -> str:
        """Return the name of this machine."""
        return socket.gethostname()

    def links(self) -> dict[str, Link]:
        """Return all network interfaces by name. Raises OSError."""
        return self._interfaces.links()

    def network_stamp(self) -> object:
        """Return what is the same as the last time only if addresses and routes are, too."""
        return object() if self.root else self._interfaces.changes.stamp()

    def stations(self) -> dict[str, nl80211.Station]:
        """Return the Wi-Fi connections by interface; none where the kernel does not answer."""
        try:
            return nl80211.stations()
        except OSError:
            return {}

    def power_saving(self) -> dict[str, bool]:
        """Return whether the radio of each Wi-Fi interface sleeps between packets, if its driver says so."""
        try:
            return nl80211.power_saving()
        except OSError:
            return {}


def _unless_absent(read: Callable[[], T]) -> T | None:
    """Return the result of `read()`, or None if this machine has no such file. Raises OSError."""
    try:
        return read()
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def _await(child: subprocess.Popen[bytes], until: float, limit: int) -> Finished:
    """Wait for the end of `child`; one that writes more than `limit` bytes is killed. Raises TimeoutError."""
    stdout, stderr = _drain(child, until, limit)
    if max(len(stdout), len(stderr)) >= limit:
        os.killpg(child.pid, signal.SIGKILL)
    try:
        status = child.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return Finished(status, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"))


def _drain(child: subprocess.Popen[bytes], until: float, limit: int) -> tuple[bytes, bytes]:
    """Read both outputs of `child`, to their end or to `limit` bytes. Raises TimeoutError."""
    assert child.stdout is not None
    assert child.stderr is not None
    outputs = {child.stdout.fileno(): b"", child.stderr.fileno(): b""}
    with selectors.DefaultSelector() as selector:
        for descriptor in outputs:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() and max(map(len, outputs.values())) < limit:
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, limit)
                outputs[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
    stdout, stderr = (output[:limit] for output in outputs.values())
    return stdout, stderr
