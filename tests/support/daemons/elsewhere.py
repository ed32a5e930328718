"""pi-stat on a machine that offers what psutil documents for macOS or Windows, and no more.

`elsewhere.py PLATFORM FOLDER`: before anything of the project is imported, psutil is replaced and everything
that Python lacks on that platform is taken away. FOLDER is empty: it stands for a root without /proc and
/sys. Every attempt to open the real ones is printed.
"""

from __future__ import annotations

import importlib
import os
import select
import shutil
import signal
import socket
import sys
import time
import types
from collections import namedtuple
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

GIB = 1 << 30
CORES = os.cpu_count() or 1
BUSY = 0.25
"""The share of time that every core is busy."""

MAC, WINDOWS = "darwin", "win32"

LACKING: dict[str, dict[Any, list[str]]] = {
    MAC: {time: ["CLOCK_BOOTTIME"], select: ["epoll"], os: ["sched_getaffinity", "posix_fadvise"]},
    WINDOWS: {
        time: ["CLOCK_BOOTTIME", "CLOCK_MONOTONIC", "clock_gettime"],
        select: ["epoll", "poll"],
        os: [
            *("statvfs", "fstatvfs", "getloadavg", "sysconf", "uname", "fork", "killpg", "setsid", "getuid"),
            *("geteuid", "getgid", "getegid", "sched_getaffinity", "posix_spawn", "O_CLOEXEC", "O_NONBLOCK"),
        ],
        signal: ["SIGKILL", "SIGHUP", "SIGCHLD", "SIGUSR1", "SIGALRM", "pthread_sigmask"],
        socket: ["AF_UNIX", "AF_NETLINK", "SO_REUSEPORT"],
    },
}
"""What the modules of the standard library do not have there."""

MODULES = {MAC: ["spwd"], WINDOWS: ["fcntl", "pwd", "grp", "resource", "termios", "tty"]}
"""Modules that are not there at all."""

# The tuples of psutil, with the fields that its documentation gives for all platforms or for the one.
Times = {
    MAC: namedtuple("Times", "user nice system idle"),
    WINDOWS: namedtuple("Times", "user system idle interrupt dpc"),
}
Frequency = namedtuple("Frequency", "current min max")
Memory = namedtuple("Memory", "total available percent used free")
Swap = namedtuple("Swap", "total used free percent sin sout")
Partition = namedtuple("Partition", "device mountpoint fstype opts")
Transfers = namedtuple("Transfers", "read_count write_count read_bytes write_bytes read_time write_time")
Traffic = namedtuple("Traffic", "bytes_sent bytes_recv packets_sent packets_recv errin errout dropin dropout")
Address = namedtuple("Address", "family address netmask broadcast ptp")
State = namedtuple("State", "isup duplex speed mtu")
ProcessTimes = namedtuple("ProcessTimes", "user system children_user children_system")
ProcessMemory = namedtuple("ProcessMemory", "rss vms")

NETWORK: dict[str, dict[str, tuple[State, list[Address]]]] = {
    MAC: {
        "lo0": (State(True, 0, 0, 16384), [Address(socket.AF_INET, "127.0.0.1", "255.0.0.0", None, None)]),
        "en0": (
            State(True, 2, 1000, 1500),
            [
                Address(socket.AF_INET, "192.0.2.7", "255.255.255.0", "192.0.2.255", None),
                Address(socket.AF_INET6, "fe80::1c2f:7dff:fe01:2%en0", "ffff:ffff:ffff:ffff::", None, None),
                Address(18, "02:00:00:00:00:01", None, None, None),
            ],
        ),
        "utun0": (State(False, 0, 0, 1380), []),
    },
    WINDOWS: {
        "Loopback Pseudo-Interface 1": (
            State(True, 2, 1073, 1500),
            [
                Address(socket.AF_INET, "127.0.0.1", "255.0.0.0", None, None),
                Address(socket.AF_INET6, "::1", None, None, None),
            ],
        ),
        "Wi-Fi 2": (
            State(True, 2, 300, 1500),
            [
                Address(-1, "02-00-00-00-00-01", None, None, None),
                Address(socket.AF_INET, "192.0.2.7", "255.255.255.0", None, None),
                Address(socket.AF_INET6, "2001:db8::7", None, None, None),
            ],
        ),
    },
}


class Error(Exception):
    """The base of psutil's exceptions."""


class NoSuchProcess(Error):  # noqa: N818 - psutil's name
    """A process that is gone."""


class AccessDenied(Error):  # noqa: N818 - psutil's name
    """What one may not see."""


class Process:
    """A process as `process_iter` gives it, with None for what may not be seen."""

    def __init__(self, pid: int, **info: Any) -> None:
        self.pid = pid
        self.info = {"pid": pid, **info}


class Psutil(types.ModuleType):
    """The functions that psutil documents for `platform`, and no others."""

    Error, NoSuchProcess, AccessDenied = Error, NoSuchProcess, AccessDenied

    def __init__(self, platform: str, disks: str) -> None:
        super().__init__("psutil")
        self._platform = platform
        self._disks = disks
        self._started = time.time() - 1000
        self.AF_LINK = 18 if platform == MAC else -1

    def boot_time(self) -> float:
        return self._started

    def cpu_count(self, logical: bool = True) -> int:
        return CORES

    def cpu_times(self, percpu: bool = False) -> Any:
        now = time.monotonic()
        busy, idle = now * BUSY, now * (1 - BUSY)
        # Windows names the interrupts again that are in `system` already.
        row = (
            (busy * 0.8, 0.0, busy * 0.2, idle)
            if self._platform == MAC
            else (busy * 0.8, busy * 0.2, idle, 9, now)
        )
        return [Times[self._platform](*row)] * CORES

    def cpu_freq(self, percpu: bool = False) -> Frequency | None:
        return Frequency(2400, 0, 2400) if self._platform == MAC else None

    def virtual_memory(self) -> Memory:
        return Memory(8 * GIB, 2 * GIB, 75.0, 5 * GIB, GIB)

    def swap_memory(self) -> Swap:
        return (
            Swap(GIB, GIB // 4, 3 * GIB // 4, 25.0, 0, 0) if self._platform == MAC else Swap(0, 0, 0, 0, 0, 0)
        )

    def disk_partitions(self, all: bool = False) -> list[Partition]:  # noqa: A002 - psutil's name
        if self._platform == MAC:
            return [
                Partition("/dev/disk3s1s1", "/", "apfs", "ro,local,rootfs"),
                Partition("/dev/disk3s5", self._disks, "apfs", "rw,local"),
                Partition("/dev/disk4s1", f"{self._disks}/ejected", "msdos", "rw,local"),
            ]
        return [Partition("C:\\", "C:\\", "NTFS", "rw,fixed"), Partition("D:\\", "D:\\", "UDF", "ro,cdrom")]

    def disk_io_counters(self, perdisk: bool = False) -> Transfers | None:
        return Transfers(1, 2, 3, 4, 5, 6) if self._platform == MAC else None

    def net_io_counters(self, pernic: bool = False) -> dict[str, Traffic]:
        return {name: Traffic(1, 2, 3, 4, 5, 6, 7, 0) for name in NETWORK[self._platform]}

    def net_if_stats(self) -> dict[str, State]:
        return {name: state for name, (state, _) in NETWORK[self._platform].items()}

    def net_if_addrs(self) -> dict[str, list[Address]]:
        return {name: addresses for name, (_, addresses) in NETWORK[self._platform].items() if addresses}

    def net_connections(self, kind: str = "inet") -> list[Any]:
        raise AccessDenied

    def Process(self) -> types.SimpleNamespace:  # noqa: N802 - psutil's name
        """The process that asks. Windows counts handles, and has no descriptors."""
        found = types.SimpleNamespace(memory_info=lambda: ProcessMemory(GIB, GIB), num_threads=lambda: 7)
        if self._platform == MAC:
            found.num_fds = lambda: 9
        return found

    def process_iter(self, attrs: list[str]) -> Iterator[Any]:
        spent = ProcessTimes(time.monotonic() * 0.5, 0.0, 0.0, 0.0)
        since = self._started + 100
        yield Process(1, name="launchd", username="root", create_time=since, cpu_times=None, memory_info=None)
        yield Process(
            7,
            name="Ünïcode",
            username="me",
            create_time=since,
            cpu_times=spent,
            memory_info=ProcessMemory(GIB, GIB),
        )
        yield Process(8, name="", username=None, create_time=None, cpu_times=None, memory_info=None)


def disk_usage(path: str) -> tuple[int, int, int]:
    """What `shutil.disk_usage` says on Windows, where there is no statvfs."""
    if path == "D:\\":
        raise PermissionError(13, "The device is not ready", path)
    return (100 * GIB, 40 * GIB, 60 * GIB)


def socketpair() -> tuple[socket.socket, socket.socket]:
    """What Python has on Windows in the place of the system call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Print every attempt to open what only Linux has."""
    if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith(("/proc", "/sys")):
        print(f"OPENED {arguments[0]}", flush=True)


def strip(platform: str) -> None:
    """Take away what Python lacks on `platform`."""
    # Some library or other brings it along, and it is made for the platform that it really runs on.
    importlib.import_module("asyncio")
    for module, names in LACKING[platform].items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    for name in MODULES[platform]:
        sys.modules[name] = None  # type: ignore[assignment]
    if platform == WINDOWS:
        shutil.disk_usage = disk_usage  # type: ignore[assignment]
        socket.socketpair = socketpair  # type: ignore[assignment]
    else:
        os.getloadavg = lambda: (1.234, 0.5, 0.25)


def main(platform: str, folder: str) -> int:
    """Run the daemon as if on `platform`."""
    strip(platform)
    sys.modules["psutil"] = Psutil(platform, folder)
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.addaudithook(watch)
    import pi_system_monitor  # noqa: PLC0415 - nothing of the project may be imported before
    from pistat.machine.machine import Machine  # noqa: PLC0415

    vars(pi_system_monitor)["Machine"] = partial(Machine, root=folder, platform=platform)
    return pi_system_monitor.main()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
