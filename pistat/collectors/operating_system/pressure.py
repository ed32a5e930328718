"""Pressure: for how much of the time something had to wait for the CPU, the disks or memory."""

from __future__ import annotations

import errno

from pistat.field import Field, File, Unit, Values, collector
from pistat.machine.machine import Machine
from pistat.machine.reasons import ABSENT, Reason, Unavailable
from pistat.parsers import counters
from pistat.parsers.values import Json

FOLDER = "/proc/pressure"
RESOURCES = {"cpu": "the CPU", "io": "the disks", "memory": "memory"}
SHARES = {
    "some_avg10": "Share of the last 10 s in which at least one task waited for",
    "some_avg60": "Share of the last 60 s in which at least one task waited for",
    "full_avg10": "Share of the last 10 s in which all tasks waited for",
    "full_avg60": "Share of the last 60 s in which all tasks waited for",
}


def _no_pressure(machine: Machine) -> Unavailable | None:
    """Return why the kernel does not measure pressure."""
    try:
        machine.read_cached_text(f"{FOLDER}/io")
    except OSError as error:
        # Older kernels have the files, and refuse to open or read them (EOPNOTSUPP).
        if error.errno not in ABSENT | {errno.EOPNOTSUPP}:
            return None
    else:
        return None
    return Unavailable(
        Reason.NO_FILE,
        "This kernel does not measure pressure: add `psi=1` to the line in /boot/firmware/cmdline.txt, "
        "then reboot.",
    )


@collector(
    *(
        Field(
            f"pressure.{resource}.{share}",
            Unit.PERCENT,
            f"{text} {waited_for}.",
            File(f"{FOLDER}/{resource}"),
            unless=_no_pressure,
        )
        for resource, waited_for in RESOURCES.items()
        for share, text in SHARES.items()
    )
)
def pressure(machine: Machine) -> Values:
    return {"pressure": {resource: _shares(machine, resource) for resource in RESOURCES}}


def _shares(machine: Machine, resource: str) -> dict[str, Json]:
    return {**dict.fromkeys(SHARES), **_read(machine, resource)}


def _read(machine: Machine, resource: str) -> dict[str, float]:
    """Return the shares of a resource; none where the kernel has them switched off."""
    try:
        return counters.pressure(machine.read_cached_text(f"{FOLDER}/{resource}"))
    except OSError:
        # The files are not there, or older kernels refuse to open or read them (EOPNOTSUPP).
        return {}
