"""Which machine this is, how it was started, and what is plugged into it."""

from __future__ import annotations

import contextlib

from pistat.collectors.devices import bootloader
from pistat.collectors.firmware_queries import FirmwareQueries
from pistat.collectors.sources import CODE, CPUINFO, MODEL, SOC
from pistat.field import Field, File, Question, Reading, Source, Unit, Values, collector, first_of
from pistat.machine import board
from pistat.machine.board import TREE
from pistat.machine.machine import Machine
from pistat.parsers import kernel, vcgencmd
from pistat.parsers.values import Json

BOOTLOADER = f"{TREE}/chosen/bootloader"
USB = "/sys/bus/usb/devices"

MEDIA = {
    0x0: "SD card",
    0x1: "SD card",
    0x2: "network",
    0x3: "rpiboot",
    0x4: "USB",
    0x5: "USB",
    0x6: "NVMe",
    0x7: "HTTP",
}
"""https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#BOOT_ORDER"""

UNKNOWN: dict[str, Json] = {"bootloader": None, "bootloader_updated": None}


def _of_code(name: str, text: str, source: Source = CODE) -> Field:
    """Declare a field that the revision code has."""
    return Field(f"hardware.{name}", Unit.TEXT, text, source, unless=board.no_videocore)


def _node(name: str) -> Source:
    """Return the source of a property of the bootloader; documents and boards differ in how they spell it."""
    return first_of(File(f"{BOOTLOADER}/{name}"), File(f"{BOOTLOADER}/{name.replace('-', '_')}"))


@collector(
    Field(
        "hardware.model",
        Unit.TEXT,
        "Model and revision of the board.",
        MODEL,
    ),
    Field(
        "hardware.serial",
        Unit.TEXT,
        "Serial number of the board.",
        first_of(File(f"{TREE}/serial-number"), File(CPUINFO, "Serial")),
    ),
    Field("hardware.firmware", Unit.TEXT, "When the firmware was built.", Question("version")),
    Field(
        "hardware.usb_devices",
        Unit.COUNT,
        "USB devices, including hubs, but not root hubs.",
        File(USB),
    ),
    _of_code("revision", "Revision code of the board, in hexadecimal."),
    _of_code("type", "Short name of the board, by its revision code."),
    _of_code("soc", "Processor of the board.", SOC),
    _of_code("pcb_revision", "Revision of the circuit board."),
    _of_code("maker", "Manufacturer of the board."),
    Field(
        "hardware.boot_medium",
        Unit.TEXT,
        "What the kernel was loaded from; `SD card` is the eMMC of a Compute Module, too.",
        _node("boot-mode"),
        unless=board.no_power_chip,
    ),
    Field(
        "hardware.bootloader",
        Unit.UNIX_TIME,
        "When the bootloader in the EEPROM was built.",
        first_of(_node("build-timestamp"), Question("bootloader_version")),
        unless=board.no_power_chip,
        metric="pistat_hardware_bootloader_timestamp",
    ),
    Field(
        "hardware.bootloader_updated",
        Unit.UNIX_TIME,
        "When it was last updated; null where that was not recorded.",
        first_of(_node("update-timestamp"), Question("bootloader_version")),
        unless=board.no_power_chip,
        metric="pistat_hardware_bootloader_updated_timestamp",
    ),
    Field(
        "hardware.memory",
        Unit.BYTES,
        "Memory that the board was built with.",
        first_of(CODE, File(f"{TREE}/chosen/rpi-sdram-size-gbit"), Question("get_config total_mem")),
        unless=board.no_videocore,
    ),
    *bootloader.FIELDS,
    deadline=2.0,
    finds=bootloader.FINDS,
)
def hardware(machine: Machine) -> Reading:
    queries = FirmwareQueries(machine.firmware)
    values: Values = {
        "model": board.model(machine),
        "serial": board.serial(machine),
        "firmware": machine.memo.forever("firmware", lambda: queries.ask("version", vcgencmd.build_date)),
        "usb_devices": _usb_devices(machine),
        **(machine.memo.forever("hardware", lambda: _constant(machine)) or {}),
        **(machine.memo.forever("bootloader", lambda: _bootloader(machine, queries)) or UNKNOWN),
        "memory": machine.memo.forever("board memory", lambda: _memory(machine, queries)),
    }
    values |= bootloader.read(machine, values["bootloader"])
    return queries.finish({"hardware": values})


def _usb_devices(machine: Machine) -> int | None:
    with contextlib.suppress(OSError):
        return kernel.usb_devices(machine.names(USB)) if machine.exists(USB) else None
    return None


def _constant(machine: Machine) -> dict[str, Json]:
    """Return what holds until the next start."""
    decoded = board.decoded(machine)
    medium = _cell(machine, "boot-mode", "boot_mode")
    return {
        "revision": board.revision(machine),
        "type": decoded.type,
        "soc": board.soc(machine),
        "pcb_revision": decoded.pcb,
        "maker": decoded.maker,
        "boot_medium": None if medium is None else MEDIA.get(medium),
    }


def _memory(machine: Machine, queries: FirmwareQueries) -> int | None:
    if board.no_videocore(machine):
        return None
    known = board.memory(machine)
    if known is not None:
        return known
    mib = (queries.ask("get_config total_mem", vcgencmd.config) or {}).get("total_mem")
    return mib << 20 if isinstance(mib, int) else None


def _bootloader(machine: Machine, queries: FirmwareQueries) -> dict[str, Json] | None:
    """Return when the bootloader was built and updated; None while that may yet be found out."""
    if board.no_power_chip(machine):
        return UNKNOWN
    built = _cell(machine, "build-timestamp", "build_timestamp")
    updated = _cell(machine, "update-timestamp", "update_timestamp")
    if not built:
        # An old bootloader leaves these at 0.
        told = queries.ask("bootloader_version", vcgencmd.bootloader_version)
        built, updated = (told.timestamp, told.update_time) if told else (None, None)
    if not built:
        return None
    return {"bootloader": float(built), "bootloader_updated": float(updated) if updated else None}


def _cell(machine: Machine, *names: str) -> int | None:
    # Documents and boards differ in how they spell these.
    return board.cell(machine, *(f"chosen/bootloader/{name}" for name in names))
