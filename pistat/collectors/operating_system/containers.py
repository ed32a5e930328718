"""The containers, whichever engine runs them: what each uses, and since when it runs."""

from __future__ import annotations

import math

from pistat.field import Call, Derived, Field, File, Kind, Unit, Values, collector, first_of
from pistat.machine import cgroups
from pistat.machine.cgroups import CGROUPS, Container
from pistat.machine.machine import Machine
from pistat.machine.processes import hidden
from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers import containers as parser
from pistat.parsers import kernel

ANY = f"{CGROUPS}/**"
PATH = Derived("the path of the cgroup")
NAMES = File(cgroups.NAMES)
STAT = File("/proc/PID/stat")
PROCS = File(f"{ANY}/cgroup.procs")
CURRENT = Derived(
    "memory.current - inactive_file of memory.stat",
    (File(f"{ANY}/memory.current"), File(f"{ANY}/memory.stat")),
)

ON = "add `cgroup_enable=memory` to the line in /boot/firmware/cmdline.txt, then reboot"


def _no_version_2(machine: Machine) -> Unavailable | None:
    """Return why containers cannot be seen."""
    if cgroups.has_version_2(machine):
        return None
    return Unavailable(
        Reason.NO_FILE,
        f"There is no {CGROUPS}/cgroup.controllers: this system has version 1 of cgroups, or none. Version 2 "
        "is what Raspberry Pi OS has since 2021.",
    )


def _no_limit(machine: Machine) -> Unavailable | None:
    """Return why no memory is limited."""
    lack = _none(machine)
    if lack:
        return lack
    if "memory" in (machine.word(f"{CGROUPS}/cgroup.controllers") or "").split():
        return Unavailable(Reason.NO_VALUE, "No container has a limit.")
    return Unavailable(Reason.NO_VALUE, f"The memory controller is off: {ON}.")


def _none(machine: Machine) -> Unavailable | None:
    """Return why no container is listed."""
    none = Unavailable(Reason.NO_VALUE, "No container runs.")
    return _no_version_2(machine) or (None if any(cgroups.find(machine)) else none)


def _no_processes(machine: Machine) -> Unavailable | None:
    """Return why nothing is known of the processes in a container."""
    return _none(machine) or hidden(machine)


@collector(
    Field(
        "containers[row].name",
        Unit.TEXT,
        "Its name, where it can be known without root; else its first program and its ID.",
        first_of(PATH, NAMES, STAT),
        unless=_none,
        kind=Kind.LABEL,
    ),
    Field(
        "containers[row].id",
        Unit.TEXT,
        "First 12 digits of its ID; null with LXC and systemd-nspawn, which have names.",
        PATH,
        unless=_none,
        kind=Kind.LABEL,
    ),
    Field(
        "containers[row].engine",
        Unit.TEXT,
        "Its engine: `docker`, `podman`, `kubernetes`, `containerd`, `cri-o`, `lxc` or `systemd-nspawn`.",
        PATH,
        unless=_none,
        kind=Kind.LABEL,
    ),
    Field(
        "containers[row].cpu_percent",
        Unit.PERCENT,
        "Share of one core: four busy threads make 400; null the first time.",
        File(f"{ANY}/cpu.stat", "usage_usec"),
        unless=_none,
        most=math.inf,
        metric="pistat_container_cpu",
    ),
    Field(
        "containers[row].memory",
        Unit.BYTES,
        "Memory in use, without cached files that the kernel can drop.",
        first_of(CURRENT, Derived("the sum of the resident memory of its processes", (PROCS, STAT))),
        unless=_no_processes,
    ),
    Field(
        "containers[row].memory_limit",
        Unit.BYTES,
        "Memory that it may use; null without a limit.",
        File(f"{ANY}/memory.max"),
        unless=_no_limit,
    ),
    Field(
        "containers[row].memory_source",
        Unit.TEXT,
        "`cgroup`, or `rss` where the memory controller is off, as on Raspberry Pi OS.",
        Derived("by which of the two its memory was read"),
        unless=_no_processes,
    ),
    Field("containers[row].processes", Unit.COUNT, "Processes in it.", PROCS, unless=_none),
    Field(
        "containers[row].started",
        Unit.UNIX_TIME,
        "When its first process started.",
        Derived("the start of that process, by the present time of the clock", (PROCS, STAT)),
        unless=_no_processes,
        metric="pistat_container_started_timestamp",
    ),
    Field(
        "container_count",
        Unit.COUNT,
        "How many containers run; null where they cannot be seen.",
        File(f"{CGROUPS}/cgroup.controllers"),
        unless=_no_version_2,
        metric="pistat_containers",
    ),
    deadline=5.0,
    finds=(File(f"{CGROUPS}/cgroup.controllers"), Call("CLOCK_BOOTTIME"), Call("CLOCK_REALTIME")),
)
def containers(machine: Machine) -> Values:
    """Return one row a container, by name."""
    if not cgroups.has_version_2(machine):
        return {"containers": [], "container_count": None}
    older, newer = (sample.value for sample in machine.containers.interval())
    names = parser.names(machine.sensor(cgroups.NAMES, 1 << 20)) if newer.containers else {}
    boot = machine.time() - newer.uptime
    rows = [
        {
            "name": _name(container, names),
            "id": container.identity.id,
            "engine": container.identity.engine,
            "cpu_percent": cgroups.cpu_percent(path, older, newer),
            "memory": container.memory,
            "memory_limit": container.memory_limit,
            "memory_source": container.memory_source,
            "processes": container.processes,
            "started": round(boot + container.main.began) if container.main else None,
        }
        for path, container in newer.containers.items()
    ]
    rows.sort(key=lambda row: (str(row["name"]).casefold(), str(row["id"])))
    return {"containers": rows, "container_count": len(rows)}


def _name(container: Container, names: dict[str, str]) -> str:
    """Return the name of a container, else its program with its ID in parentheses."""
    identity = container.identity
    known = kernel.label(identity.name or names.get(identity.id or "", ""))
    if known or not identity.id:
        return known or "?"
    program = kernel.label(container.main.name) if container.main else None
    return f"{program} ({identity.id})" if program else identity.id
