"""The processes, sorted and cut as the client wants them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from pistat.collectors import memory
from pistat.field import Call, Derived, Field, File, Source, Unit, Values, collector
from pistat.machine.machine import Machine
from pistat.machine.processes import Process, Table, cpu_percent, hidden
from pistat.parsers.values import Json, percent

STAT = File("/proc/PID/stat")
RUNNING = Derived("uptime - start", (STAT, Call("CLOCK_BOOTTIME")))


class ProcessTables(NamedTuple):
    """The process table now, an older one to take rates from, bytes of memory, names of owners."""

    older: Table
    newer: Table
    memory: int | None
    users: dict[int, str]


def _field(name: str, unit: Unit, text: str, source: Source, *, most: float = 100.0) -> Field:
    return Field(f"processes[row].{name}", unit, text, source, partial=hidden, most=most)


@collector(
    _field("pid", Unit.NUMBER, "Process number.", STAT),
    _field("name", Unit.TEXT, "Name of the program; never its command line.", STAT),
    _field("user", Unit.TEXT, "Owner; a number if the user has no name.", Call("stat", "/proc/PID")),
    _field(
        "cpu_percent",
        Unit.PERCENT,
        "Share of one core: four busy threads make 400; over half a second or more.",
        STAT,
        most=math.inf,
    ),
    _field(
        "memory_percent",
        Unit.PERCENT,
        "Resident memory, share of the total.",
        Derived("resident / total", (STAT, memory.TOTAL)),
    ),
    _field("running_time", Unit.SECONDS, "Time since it started.", RUNNING),
    portable=True,
    deadline=10.0,
)
def processes(machine: Machine) -> Values:
    """Return the table with one from at least half a second before; the first request waits for that."""
    older, newer = (sample.value for sample in machine.processes.interval())
    owners = {process.user for process in newer.processes.values()}
    users = machine.user_names(sorted(owner for owner in owners if isinstance(owner, int)))
    return {"processes": ProcessTables(older, newer, memory.total(machine), users)}


Key = Callable[[int], Any]


def _by_name(tables: ProcessTables) -> Key:
    table = tables.newer.processes
    return lambda pid: (table[pid].name.casefold(), pid)


def _by_pid(_: ProcessTables) -> Key:
    return lambda pid: pid


def _by_cpu(tables: ProcessTables) -> Key:
    return lambda pid: (-cpu_percent(pid, tables.older, tables.newer), pid)


def _by_memory(tables: ProcessTables) -> Key:
    table = tables.newer.processes
    return lambda pid: (-table[pid].memory, pid)


def _by_time(tables: ProcessTables) -> Key:
    table = tables.newer.processes
    return lambda pid: (table[pid].began, pid)


ORDERS: dict[str, Callable[[ProcessTables], Key]] = {
    "cpu": _by_cpu,
    "memory": _by_memory,
    "name": _by_name,
    "pid": _by_pid,
    "time": _by_time,
}
"""What `sort` accepts. The resources count down, name and pid count up, ties go by pid."""


def top(tables: ProcessTables, sort: str, limit: int) -> list[Json]:
    """Return the first `limit` rows in the order of `sort`; only these are made."""
    chosen = heapq.nsmallest(limit, tables.newer.processes, key=ORDERS[sort](tables))
    return [_row(tables, pid, tables.newer.processes[pid]) for pid in chosen]


def _row(tables: ProcessTables, pid: int, process: Process) -> dict[str, Json]:
    user = process.user
    return {
        "pid": pid,
        "name": process.name,
        "user": tables.users[user] if isinstance(user, int) else user,
        "cpu_percent": cpu_percent(pid, tables.older, tables.newer),
        "memory_percent": percent(process.memory, tables.memory) if tables.memory else None,
        "running_time": round(max(0.0, tables.newer.uptime - process.began), 2),
    }
