"""Whether the clock is set from the network, and by which program."""

from __future__ import annotations

from pistat.field import Field, File, Unit, first_of
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers.values import Json

TIMESYNCD = "/run/systemd/timesync"
SYNCHRONIZED = f"{TIMESYNCD}/synchronized"
PROGRAMS = {
    TIMESYNCD: "systemd-timesyncd",
    "/run/chrony": "chrony",
    "/run/chronyd.pid": "chrony",
    "/run/ntpd.pid": "ntpd",
    "/run/ntpsec": "ntpd",
}
"""What there is while a program runs that sets the clock."""


def _not_known(machine: Machine) -> Unavailable | None:
    """Return why it is not known whether the clock is synchronised."""
    program = _program(machine)
    if program is None:
        return Unavailable(
            Reason.NO_FILE,
            "No program was found that sets the clock from the network: "
            "`sudo apt install systemd-timesyncd`.",
        )
    if program == PROGRAMS[TIMESYNCD]:
        return None
    return Unavailable(
        Reason.NO_VALUE, f"{program} keeps it to itself; systemd-timesyncd would show it in {SYNCHRONIZED}."
    )


SOURCE = first_of(*(File(path) for path in PROGRAMS))
FIELDS = (
    Field(
        "system.clock_synchronized",
        Unit.FLAG,
        "Whether the clock has been set from the network since boot.",
        first_of(File(SYNCHRONIZED), File(TIMESYNCD)),
        unless=_not_known,
    ),
    Field(
        "system.clock_source",
        Unit.TEXT,
        "Program that sets the clock from the network.",
        SOURCE,
        unless=lambda machine: None if _program(machine) else _not_known(machine),
    ),
)


def read(machine: Machine) -> dict[str, Json]:
    """Return both, looked at once a minute."""
    return machine.memo.for_a_minute("clock", lambda: _read(machine))


def _read(machine: Machine) -> dict[str, Json]:
    program = _program(machine)
    known = program == PROGRAMS[TIMESYNCD]
    return {
        "clock_synchronized": machine.exists(SYNCHRONIZED) if known else None,
        "clock_source": program,
    }


def _program(machine: Machine) -> str | None:
    return next((name for path, name in PROGRAMS.items() if machine.exists(path)), None)
