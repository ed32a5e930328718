"""Containers, as the kernel knows them: cgroups of version 2. No engine is asked, so no socket is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from pistat.machine import processes
from pistat.machine.reasons import ABSENT
from pistat.parsers import containers, counters, kernel
from pistat.parsers.containers import Identity

if TYPE_CHECKING:
    from pistat.machine.host import Host
    from pistat.machine.processes import Process

CGROUPS = "/sys/fs/cgroup"

NAMES = "/run/pi-stat/containers.json"
"""Names by ID, which only root can learn from Docker: a helper of the owner's may write them there."""

DEPTH = 8
"""How deep containers are looked for: those of a user's Podman lie five levels deep, those of k3s four."""

MOST = 2000
"""How many cgroups are looked at, at most, for containers and then for the processes of one of them."""

OLDEST = 8
"""Of how many processes the first one is taken; the kernel lists them about in the order of their start."""

PAUSE = "pause"
"""The process that holds a pod of Kubernetes open: its container is none of its owner's."""


class Container(NamedTuple):
    """One container.

    Attributes:
        identity: What made it, its ID and its name as far as the cgroup tells.
        cpu: Microseconds of CPU time that it has used; None if unknown.
        memory: Bytes that it uses, without the files that the kernel would drop first; None if unknown.
        memory_limit: Bytes that it may use; None without a limit, or where the controller is off.
        memory_source: `cgroup`, or `rss` where the sum over its processes had to stand for it.
        processes: How many run in it; None if that cannot be read.
        main: Its first process, as far as it is known.
    """

    identity: Identity
    cpu: int | None
    memory: int | None
    memory_limit: int | None
    memory_source: str | None
    processes: int | None
    main: Process | None


class Table(NamedTuple):
    """All containers by the paths of their cgroups, and the seconds since boot at which they were read."""

    uptime: float
    containers: dict[str, Container]


def has_version_2(machine: Host) -> bool:
    """Return whether version 2 of cgroups is mounted, and not only beside version 1."""
    return machine.exists(f"{CGROUPS}/cgroup.controllers")


def read(machine: Host) -> Table:
    """Read all containers, without those that end meanwhile; with version 1 of cgroups none is found."""
    uptime, found = machine.uptime(), {}
    for path, identity in find(machine):
        try:
            container = _container(machine, f"{CGROUPS}/{path}", identity)
        except OSError:
            continue
        if not (identity.engine == "kubernetes" and container.main and container.main.name == PAUSE):
            found[path] = container
    return Table(uptime, found)


def find(machine: Host) -> Iterator[tuple[str, Identity]]:
    """Find the containers, in the order of their paths; what runs inside of one is part of it."""
    waiting, seen = [("", 0)] if has_version_2(machine) else [], 0
    while waiting and seen < MOST:
        path, depth = waiting.pop()
        seen += 1
        for name in _subfolders(machine, f"{CGROUPS}/{path}"):
            below = f"{path}/{name}".lstrip("/")
            identity = containers.identify(below)
            if identity:
                yield below, identity
            elif depth < DEPTH and _has_subfolders(machine, f"{CGROUPS}/{below}"):
                waiting.append((below, depth + 1))


def _subfolders(machine: Host, path: str) -> list[str]:
    try:
        with os.scandir(machine.path(path)) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        # It has gone.
        return []


def _has_subfolders(machine: Host, path: str) -> bool:
    # The kernel counts the links of a folder as Unix does: two, and one for each folder in it. To list a
    # folder of a cgroup costs ten times as much.
    try:
        return os.stat(machine.path(path)).st_nlink != 2  # noqa: PLR2004 - as above
    except OSError:
        return False


def _container(machine: Host, folder: str, identity: Identity) -> Container:
    """Read one container. Raises OSError where it has gone."""
    cpu = _cpu(machine, folder)
    pids = _pids(machine, folder)
    memory, source = _memory(machine, folder), "cgroup"
    wanted = (pids or [])[: None if memory is None else OLDEST]
    known = [process for pid in wanted if (process := _process(machine, pid))]
    if memory is None:
        # The sum over those of one user would look like all.
        whole = bool(known) and not processes.hidden(machine)
        memory, source = sum(process.memory for process in known) if whole else None, "rss"
    return Container(
        identity,
        cpu,
        memory,
        kernel.whole(machine.sensor(f"{folder}/memory.max"), 1 << 60),
        None if memory is None else source,
        None if pids is None else len(pids),
        min(known, key=lambda process: process.began, default=None),
    )


def _cpu(machine: Host, folder: str) -> int | None:
    """Return the microseconds of CPU time; None if they cannot be read. Raises OSError for what has gone."""
    try:
        return counters.numbers(machine.read(f"{folder}/cpu.stat", 8192)).get("usage_usec")
    except OSError as error:
        if error.errno in ABSENT:
            raise
        return None


def _memory(machine: Host, folder: str) -> int | None:
    """Return the bytes in use, as `docker stats` counts; None where the controller is off."""
    current = kernel.whole(machine.sensor(f"{folder}/memory.current"), 1 << 60)
    if current is None:
        return None
    dropped_first = counters.numbers(machine.sensor(f"{folder}/memory.stat")).get("inactive_file")
    if dropped_first is None:
        return None
    # The kernel sums up the second later than the first.
    return current - dropped_first if dropped_first < current else current


def _pids(machine: Host, folder: str) -> list[str] | None:
    """Return the processes of a cgroup and of those in it; None where they cannot be read."""
    found: list[str] | None = None
    waiting, seen = [folder], 0
    while waiting and seen < MOST:
        current = waiting.pop()
        seen += 1
        try:
            found = [*(found or ()), *machine.read(f"{current}/cgroup.procs").split()]
        except OSError as error:
            # A part of it that ends; or threads that are apart from their processes (EOPNOTSUPP).
            if current == folder and error.errno in ABSENT:
                raise
        waiting += [f"{current}/{name}" for name in _subfolders(machine, current)]
    return found


def _process(machine: Host, pid: str) -> Process | None:
    try:
        return processes.parse(
            machine.read_bytes(f"/proc/{pid}/stat", 4096), 0, machine.clock_ticks, machine.page_size
        )
    except (OSError, IndexError, ValueError, OverflowError):
        return None


def cpu_percent(path: str, older: Table, newer: Table) -> float | None:
    """Return the percent of one core that a container has used since `older`; None for one unseen then."""
    before, now = older.containers.get(path), newer.containers[path]
    elapsed = newer.uptime - older.uptime
    # The ID tells a container from a later one at the same path only where the path has it.
    if before is None or elapsed <= 0 or before.cpu is None or now.cpu is None or now.cpu < before.cpu:
        return None
    return round((now.cpu - before.cpu) / 1e4 / elapsed, 2)
