"""What never changes: which machine this is. Each fact is read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pistat import kernel

if TYPE_CHECKING:
    from pistat.machine import Machine


def model(machine: Machine) -> str | None:
    """`Raspberry Pi 5 Model B Rev 1.0`; on a PC its maker and product."""
    # No model is remembered as "", for asking again would give none again.
    return (
        machine.remember("model", lambda: _told(machine, "model", "Model") or _product(machine) or "") or None
    )


def serial(machine: Machine) -> str | None:
    """The serial number of the board; None on a PC, which would show its own to root only."""
    return machine.remember("serial", lambda: _told(machine, "serial-number", "Serial") or "") or None


def _told(machine: Machine, node: str, line: str) -> str | None:
    """What the device tree says, else /proc/cpuinfo."""
    try:
        found = kernel.device_tree_string(machine.read_bytes(f"/proc/device-tree/{node}", 4096))
    except (FileNotFoundError, NotADirectoryError):
        found = None
    return found or kernel.cpuinfo(machine.read_or_none("/proc/cpuinfo") or "").get(line)


def _product(machine: Machine) -> str | None:
    names = [machine.word(f"/sys/class/dmi/id/{each}") for each in ("sys_vendor", "product_name")]
    return " ".join(name for name in names if name) or None
