"""The process table: what each process has used since it began."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pistat.machine import mounts
from pistat.machine.reasons import Reason, Unavailable

if TYPE_CHECKING:
    from pistat.machine.host import Host


class Process(NamedTuple):
    """One process.

    Attributes:
        name: Its short name; never its command line, which may hold secrets.
        user: The ID of its owner, or the name where the platform gives that.
        began: Seconds from boot to its start, which tell it from a later process of the same PID.
        cpu: Seconds of CPU time that it has used.
        memory: Resident bytes.
        state: The letter of its state, such as R or S.
        threads: How many it has.
        size: Bytes of its address space.
    """

    name: str
    user: int | str | None
    began: float
    cpu: float
    memory: int
    state: bytes = b"S"
    threads: int = 1
    size: int = 0


class Table(NamedTuple):
    """All processes by PID, and the seconds since boot at which they were read."""

    uptime: float
    processes: dict[int, Process]


def read(host: Host) -> Table:
    """Read the process table. A process that ends while it is read is left out."""
    uptime = host.uptime()
    processes = {}
    for pid, stat in host.stats():
        try:
            owner = host.owner(f"/proc/{pid}")
            processes[int(pid)] = parse(stat, owner, host.clock_ticks, host.page_size)
        except (OSError, IndexError, ValueError, OverflowError):
            # It has ended: its folder is gone, or there was nothing to read.
            continue
    return Table(uptime, processes)


WANTED = 22
"""How many of the columns behind the name are wanted."""


def parse(stat: bytes, user: int, clock_ticks: int, page_size: int) -> Process:
    """Parse /proc/PID/stat. The name may contain blanks and parentheses, so it ends at the last one.

    Raises:
        IndexError, ValueError: The process ended while its file was read.
    """
    end = stat.rindex(b") ")
    # One more than is wanted, for a number at the end of what was read may be cut.
    fields = stat[end + 2 :].split(b" ", WANTED)
    if len(fields) <= WANTED:
        raise ValueError(stat[:64])
    cpu, began, resident = int(fields[11]) + int(fields[12]), int(fields[19]), int(fields[21])
    if cpu < 0 or began < 0 or resident < 0:
        raise ValueError(stat[:64])
    return Process(
        stat[stat.index(b"(") + 1 : end].decode("utf-8", "replace"),
        user,
        began / clock_ticks,
        cpu / clock_ticks,
        resident * page_size,
        fields[0],
        int(fields[17]),
        int(fields[20]),
    )


def cpu_percent(pid: int, older: Table, newer: Table) -> float:
    """Return the percentage of one core that a process has used since `older`, or since it began."""
    process = newer.processes[pid]
    before = older.processes.get(pid)
    if before is not None and before.began == process.began:
        since, used = older.uptime, process.cpu - before.cpu
    else:
        since, used = process.began, process.cpu
    elapsed = max(newer.uptime - since, MOMENT)
    return round(max(0.0, 100.0 * used / elapsed), 2)


MOMENT = 0.01
"""A tick of the kernel: over a shorter interval, one tick would be thousands of percent."""

SHOWN = {"", "0", "off"}
"""The values of `hidepid` with which everybody sees all processes."""


def hidden(host: Host) -> Unavailable | None:
    """Return why the processes of others are not shown; None where they are. Looked at once a minute."""
    return host.memo.for_a_minute("hidepid", lambda: _hidden(host))


def _hidden(host: Host) -> Unavailable | None:
    told = mounts.options(host, "/proc") if host.linux else {}
    # Root sees all whatever the mount says, and so do the members of its group.
    if told.get("hidepid", "") in SHOWN or host.exists("/proc/1/stat"):
        return None
    me, gid = host.own_user(), told.get("gid", "")
    group = host.group_name(int(gid)) if gid.isdecimal() else None
    remedy = (
        f"members of the group {group} see all: `sudo usermod -aG {group} {me}`, then restart pi-stat."
        if group
        else "mount it without that (see /etc/fstab, or `ProtectProc=` of the service), or with `gid=` and "
        f"the number of a group that {me} is in, then restart pi-stat."
    )
    told_by = f"/proc is mounted with `hidepid={told['hidepid']}`"
    sentence = f"{told_by}, so only the processes of {me} are shown: {remedy}"
    return Unavailable(Reason.NO_PERMISSION, sentence, fixable=True)
