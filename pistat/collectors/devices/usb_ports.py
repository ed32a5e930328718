"""USB ports that were cut off because something took too much of them."""

from __future__ import annotations

import re

from pistat.field import Field, File, Kind, Unit, Values, collector
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers import kernel
from pistat.parsers.values import Json

USB = "/sys/bus/usb/devices"
HUB = re.compile(r"[0-9]+-[0-9.]+:1\.0")
"""The interface of a device, below which the ports of a hub are; `1-0:1.0` is that of a root hub."""

PORT = re.compile(r"(?:usb[0-9]+|[0-9]+-[0-9.]+)-port[0-9]+")
COUNT = "over_current_count"


def _no_ports(machine: Machine) -> Unavailable | None:
    """Return why no port is listed."""
    if not machine.exists(USB):
        return Unavailable(Reason.NO_FILE, f"There is no {USB}: this machine has no USB.")
    if _ports(machine):
        return None
    return Unavailable(
        Reason.NO_FILE, "No port counts this: it takes Linux 4.17, and a hub whose driver tells of it."
    )


@collector(
    Field(
        "usb_ports.{port}.over_current",
        Unit.COUNT,
        "How often the port was cut off since boot for taking too much. `usb1-port2` is port 2 of the first "
        "root hub, `1-1-port3` port 3 of the hub that is plugged in there.",
        File(f"{USB}/*/*-port*/{COUNT}"),
        unless=_no_ports,
        kind=Kind.COUNTER,
        metric="pistat_usb_over_current",
    ),
    finds=(File(USB), File(f"{USB}/*")),
)
def usb_ports(machine: Machine) -> Values:
    rows: dict[str, Json] = {
        path.rpartition("/")[2]: {
            "over_current": kernel.whole(machine.cached_sensor(f"{path}/{COUNT}"), 1 << 32)
        }
        for path in _ports(machine)
    }
    return {"usb_ports": rows}


def _ports(machine: Machine) -> tuple[str, ...]:
    """Return the folders of the ports, looked for once a minute."""
    return machine.memo.for_a_minute("usb ports", lambda: tuple(_find(machine)))


def _find(machine: Machine) -> list[str]:
    hubs = [f"{USB}/{name}" for name in machine.names(USB) if HUB.fullmatch(name)]
    ports = [f"{hub}/{name}" for hub in hubs for name in machine.names(hub) if PORT.fullmatch(name)]
    return [port for port in ports if machine.exists(f"{port}/{COUNT}")]
