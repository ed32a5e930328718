"""Which machine this is, and what is plugged into it."""

from __future__ import annotations

from pistat import identity, kernel, replies
from pistat.field import Field, Reading, Unit, Values, collector
from pistat.firmware import Asking
from pistat.machine import Machine


@collector(
    Field(
        "hardware.model",
        Unit.TEXT,
        "Model and revision of the board.",
        "/proc/device-tree/model, else /proc/cpuinfo, else DMI",
    ),
    Field(
        "hardware.serial",
        Unit.TEXT,
        "Serial number of the board.",
        "/proc/device-tree/serial-number, else /proc/cpuinfo",
    ),
    Field("hardware.firmware", Unit.TEXT, "When the firmware was built.", "firmware: version"),
    Field(
        "hardware.usb_devices",
        Unit.COUNT,
        "USB devices, hubs among them, but not the root hubs.",
        "/sys/bus/usb/devices",
    ),
    deadline=2.0,
)
def hardware(machine: Machine) -> Reading:
    asking = Asking(machine.firmware)
    values: Values = {
        "model": identity.model(machine),
        "serial": identity.serial(machine),
        "firmware": machine.remember("firmware", lambda: _build_date(asking)),
        "usb_devices": _usb_devices(machine),
    }
    return asking.settle({"hardware": values})


def _build_date(asking: Asking) -> str | None:
    version = asking("version", replies.version)
    return version.date if version else None


def _usb_devices(machine: Machine) -> int | None:
    folder = "/sys/bus/usb/devices"
    return kernel.usb_devices(machine.names(folder)) if machine.exists(folder) else None
