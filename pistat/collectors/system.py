"""The machine as a whole: how long it runs, how loaded it is, what time it has."""

from __future__ import annotations

import os

from pistat.field import Field, Unit, Values, collector
from pistat.machine import Machine


@collector(
    Field(
        "uptime",
        Unit.SECONDS,
        "Time since boot; a step of the wall clock does not move it.",
        "the kernel's CLOCK_BOOTTIME",
    ),
    portable=True,
)
def uptime(machine: Machine) -> Values:
    """Seconds since boot; the same clock serves every platform."""
    return {"uptime": round(machine.uptime(), 2)}


def load_by_os(machine: Machine) -> Values:
    """The averages of a Unix without /proc. Windows has none; psutil's imitation begins with false zeros."""
    if not hasattr(os, "getloadavg"):
        return {}
    return {"load_avg": [round(each, 2) for each in os.getloadavg()]}


@collector(
    Field(
        "load_avg[3]",
        Unit.LOAD,
        "Load average over 1, 5 and 15 minutes.",
        "/proc/loadavg",
        metric="pistat_load1,pistat_load5,pistat_load15",
    ),
    elsewhere=load_by_os,
)
def load_avg(machine: Machine) -> Values:
    words = machine.reread("/proc/loadavg").split()
    return {
        "load_avg": [float(each) for each in words[:3]],
    }


@collector(
    Field(
        "timestamp", Unit.UNIX_TIME, "When the data was collected, not when it was sent.", "the wall clock"
    ),
    portable=True,
)
def timestamp(machine: Machine) -> Values:
    """The wall clock, read with the rest of the collection."""
    return {"timestamp": machine.time()}
