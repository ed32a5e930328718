"""The machine as a whole: its names, how long it runs, how loaded it is, what time it has."""

from __future__ import annotations

import platform
import re

from pistat.collectors.operating_system import clock, packages
from pistat.field import Call, Derived, Field, File, Unit, Values, collector, first_of
from pistat.machine import portable
from pistat.machine.host import UPTIME
from pistat.machine.machine import Machine, SystemNames
from pistat.parsers import kernel

UNAME = Call("uname")
START = File(UPTIME)
AVERAGES = re.compile(r"([0-9]{1,9}\.[0-9]{2}) ([0-9]{1,9}\.[0-9]{2}) ([0-9]{1,9}\.[0-9]{2})\s")
OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
"""Where a distribution says its name. Only the first that can be read counts: they are never mixed."""


@collector(
    Field(
        "uptime",
        Unit.SECONDS,
        "Time since boot; in a container, since it started. Setting the clock does not change it.",
        Call("CLOCK_BOOTTIME"),
    ),
    portable=True,
    finds=(START,),
)
def uptime(machine: Machine) -> Values:
    """Return the seconds since boot; the same clock serves every platform."""
    machine.find_start()
    return {"uptime": round(machine.uptime() - machine.started, 2)}


def portable_load(machine: Machine) -> Values:
    """Read the averages of a Unix without /proc. Windows has none."""
    return {"load_avg": portable.load_average() or [None] * 3}


@collector(
    Field(
        "load_avg[3]",
        Unit.LOAD,
        "Load average over 1, 5 and 15 minutes.",
        File("/proc/loadavg"),
        metric="pistat_load1,pistat_load5,pistat_load15",
    ),
    elsewhere=portable_load,
)
def load_avg(machine: Machine) -> Values:
    text = machine.read_cached_text("/proc/loadavg")
    found = AVERAGES.match(text)
    if found is None:
        raise ValueError(text[:64])
    return {"load_avg": [float(average) for average in found.groups()]}


@collector(
    Field(
        "boot_time",
        Unit.UNIX_TIME,
        "When the machine started; it changes only when the clock is set.",
        Derived("the wall clock less the boot clock", (Call("CLOCK_REALTIME"), Call("CLOCK_BOOTTIME"))),
        metric="pistat_boot_timestamp",
    ),
    portable=True,
    finds=(START,),
)
def boot_time(machine: Machine) -> Values:
    """Return the wall clock of the moment at which `uptime` was 0."""
    machine.find_start()
    return {"boot_time": round(machine.boot_time() + machine.started, 1)}


@collector(
    Field(
        "timestamp",
        Unit.UNIX_TIME,
        "When the readings were taken, not when they were sent.",
        Call("CLOCK_REALTIME"),
    ),
    portable=True,
)
def timestamp(machine: Machine) -> Values:
    """Return the wall clock, read with the rest of the collection."""
    return {"timestamp": machine.time()}


@collector(
    Field("system.hostname", Unit.TEXT, "Name of this host.", UNAME),
    Field(
        "system.os",
        Unit.TEXT,
        "Name and version of the operating system.",
        first_of(*(File(path) for path in OS_RELEASE), UNAME),
    ),
    Field("system.kernel", Unit.TEXT, "Release of the kernel.", UNAME),
    Field("system.architecture", Unit.TEXT, "Architecture that the kernel runs on.", UNAME),
    Field(
        "system.userland_bits",
        Unit.NUMBER,
        "32 or 64: the word size of programs; it may be smaller than that of the kernel.",
        Derived("the pointers of this program"),
        metric="pistat_system_userland_width",
    ),
    *packages.FIELDS,
    *clock.FIELDS,
    portable=True,
    finds=(Call("CLOCK_REALTIME"), UNAME),
)
def system(machine: Machine) -> Values:
    """Return what `uname` says, and the name that the distribution gives itself."""
    names = machine.names_of_system()
    return {
        "system": {
            "hostname": names.hostname or None,
            "os": machine.memo.for_a_minute("os", lambda: _os(machine, names)),
            "kernel": names.kernel or None,
            "architecture": names.architecture or None,
            "userland_bits": names.bits,
            **packages.read(machine),
            **clock.read(machine),
        }
    }


def _os(machine: Machine, names: SystemNames) -> str:
    texts = (machine.sensor(path) for path in OS_RELEASE)
    told = kernel.os_name(next(filter(None, texts), ""))
    if told is None and machine.linux:
        # platform.platform() would start a process here, to learn what the processor is called.
        return f"Linux {names.kernel}"
    return told or platform.platform(terse=True).replace("-", " ")
