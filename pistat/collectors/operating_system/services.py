"""The services: whether all are well, and which have failed."""

from __future__ import annotations

from pistat.field import Call, Field, Kind, Unit, Values, collector
from pistat.machine import service_manager
from pistat.machine.machine import Machine
from pistat.machine.reasons import DescribedError, Reason, Unavailable
from pistat.machine.service_manager import SOCKET, State

SYSTEMD = Call("D-Bus", "org.freedesktop.systemd1")


def _no_bus(machine: Machine) -> Unavailable | None:
    """Return why systemd cannot be asked."""
    if machine.exists(SOCKET):
        return None
    return Unavailable(
        Reason.NO_FILE,
        f"There is no {SOCKET}: this system does not run D-Bus (`sudo apt install dbus`), or the container "
        "of pi-stat was not given the socket.",
    )


def _none_failed(machine: Machine) -> Unavailable | None:
    """Return why no unit is listed."""
    found = _kept(machine)
    none = isinstance(found, State) and not found.failed
    return _no_bus(machine) or (Unavailable(Reason.NO_VALUE, "No unit has failed.") if none else None)


@collector(
    Field(
        "failed[row].name",
        Unit.TEXT,
        "Unit that has failed; the first 100 of them.",
        SYSTEMD,
        unless=_none_failed,
        kind=Kind.LABEL,
    ),
    Field(
        "failed[row].description",
        Unit.TEXT,
        "Its description.",
        SYSTEMD,
        unless=_none_failed,
    ),
    Field(
        "failed[row].since",
        Unit.UNIX_TIME,
        "When it failed.",
        SYSTEMD,
        unless=_none_failed,
        metric="pistat_failed_unit_since_timestamp",
    ),
    Field(
        "failed_count",
        Unit.COUNT,
        "How many units have failed.",
        SYSTEMD,
        unless=_no_bus,
        metric="pistat_failed_units",
    ),
    Field(
        "state",
        Unit.TEXT,
        "State of the whole system in the words of systemd: `running`, `degraded` when a unit has failed, "
        "`starting`, `maintenance`, `stopping`.",
        SYSTEMD,
        unless=_no_bus,
        metric="pistat_services",
    ),
    deadline=2.0,
)
def services(machine: Machine) -> Values:
    """Return what systemd says, asked at most once a minute."""
    found = _kept(machine)
    if isinstance(found, Exception):
        # Without the places at which it was raised before.
        raise found.with_traceback(None)
    if found is None:
        return {"failed": [], "failed_count": None, "state": None}
    return {
        "failed": [unit._asdict() for unit in found.failed],
        "failed_count": found.failed_count,
        "state": found.state,
    }


def _kept(machine: Machine) -> State | Exception | None:
    return machine.memo.for_a_minute("services", lambda: _ask(machine))


def _ask(machine: Machine) -> State | Exception | None:
    """Return the state; None without D-Bus, and what went wrong, so that this is kept, too."""
    if not machine.exists(SOCKET):
        return None
    try:
        return machine.service_state()
    except TimeoutError:
        seconds = service_manager.SECONDS
        return DescribedError(f"systemd did not answer within {seconds} s over D-Bus", Reason.TIMED_OUT)
    except PermissionError as error:
        return error
    except OSError:
        return DescribedError("D-Bus does not accept connections", Reason.REFUSED)
    except (ImportError, ValueError):
        return DescribedError("what came over D-Bus was not understood", Reason.NOT_UNDERSTOOD)
