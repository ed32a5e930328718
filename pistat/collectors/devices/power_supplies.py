"""Uninterruptible supplies, batteries and Power-over-Ethernet hats that have a driver in the kernel."""

from __future__ import annotations

from pistat.field import Field, File, Kind, Unit, Values, collector
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers import kernel
from pistat.parsers.values import Json

FOLDER = "/sys/class/power_supply"
ANY = f"{FOLDER}/*"


def _no_supplies(machine: Machine) -> Unavailable | None:
    """Return why no supply is listed."""
    if _supplies(machine):
        return None
    return Unavailable(
        Reason.NO_FILE,
        f"There is no supply in {FOLDER}: only those are there that have a driver in the kernel, such as the "
        "official PoE+ HAT.",
    )


def _field(name: str, unit: Unit, text: str, file: str, kind: Kind | None = None) -> Field:
    return Field(
        f"supplies.{{supply}}.{name}", unit, text, File(f"{ANY}/{file}"), unless=_no_supplies, kind=kind
    )


@collector(
    _field("type", Unit.TEXT, "Its kind, such as `Mains`, `Battery`, `UPS` or `USB`.", "type"),
    _field("online", Unit.FLAG, "Whether it powers this machine now; null for a battery.", "online"),
    _field("capacity", Unit.PERCENT, "How full the battery is.", "capacity"),
    _field("status", Unit.TEXT, "What the battery is doing, such as `Charging` or `Discharging`.", "status"),
    _field("voltage", Unit.VOLTS, "Its voltage.", "voltage_now"),
    _field("current", Unit.AMPERES, "Its current; never negative.", "current_now"),
    finds=(File(FOLDER), File(f"{ANY}/scope")),
)
def supplies(machine: Machine) -> Values:
    return {"supplies": {name: _row(machine, f"{FOLDER}/{name}") for name in _supplies(machine)}}


def _supplies(machine: Machine) -> tuple[str, ...]:
    return machine.memo.for_a_minute("supplies", lambda: tuple(_find(machine)))


def _find(machine: Machine) -> list[str]:
    # The battery of a mouse does not feed this machine.
    names = machine.names(FOLDER)
    return [name for name in names if machine.sensor(f"{FOLDER}/{name}/scope").strip() != "Device"]


def _row(machine: Machine, folder: str) -> dict[str, Json]:
    online = kernel.whole(machine.cached_sensor(f"{folder}/online"), 2)
    capacity = kernel.whole(machine.cached_sensor(f"{folder}/capacity"), 100)
    return {
        "type": kernel.label(machine.sensor(f"{folder}/type")),
        # 2 is a supply that feeds it with a voltage of its choice.
        "online": None if online is None else online > 0,
        "capacity": None if capacity is None else float(capacity),
        "status": kernel.label(machine.cached_sensor(f"{folder}/status")),
        "voltage": _millionths(machine, f"{folder}/voltage_now"),
        "current": _millionths(machine, f"{folder}/current_now"),
    }


def _millionths(machine: Machine, path: str) -> float | None:
    """Return what a file gives in millionths. The sign of a current differs from driver to driver."""
    micro = kernel.whole(machine.cached_sensor(path).strip().removeprefix("-"), 10**9)
    return None if micro is None else micro / 1e6
