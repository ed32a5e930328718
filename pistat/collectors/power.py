"""Power: the core voltage, what the supply can give, and whether it or the heat holds the machine back."""

from __future__ import annotations

from pistat.collectors.firmware_queries import FirmwareQueries
from pistat.collectors.sources import CHIPS, MODEL
from pistat.field import Field, File, Question, Reading, Unit, Values, collector, first_of
from pistat.machine import board, hwmon
from pistat.machine.board import TREE
from pistat.machine.machine import Machine
from pistat.parsers import kernel, vcgencmd
from pistat.parsers.values import Json

THROTTLED = Question("get_throttled")
SUPPLY = f"{TREE}/chosen/power"

USB_LOW, USB_HIGH = 0.6, 1.6
"""What all USB ports of a Pi 5 have, in A: little, unless the supply has 5 A or the owner says so."""


@collector(
    Field(
        "power.core_voltage", Unit.VOLTS, "Voltage requested for the core.", Question("measure_volts core")
    ),
    Field(
        "power.under_voltage",
        Unit.FLAG,
        "The supply is below about 4.63 V now; null on Zeros and Compute Modules, which cannot detect it.",
        first_of(THROTTLED, File("/sys/class/hwmon/hwmon*/in0_lcrit_alarm")),
        unless=board.no_under_voltage,
    ),
    Field("power.throttled", Unit.FLAG, "The CPU is slowed down now, by low voltage or by heat.", THROTTLED),
    Field("power.freq_capped", Unit.FLAG, "The CPU frequency is capped now.", THROTTLED),
    Field(
        "power.soft_temp_limit", Unit.FLAG, "The soft temperature limit is active now (3A+, 3B+).", THROTTLED
    ),
    Field(
        "power.under_voltage_since_boot",
        Unit.FLAG,
        "Under-voltage has occurred since boot.",
        THROTTLED,
        unless=board.no_under_voltage,
    ),
    Field("power.throttled_since_boot", Unit.FLAG, "Throttling has occurred since boot.", THROTTLED),
    Field("power.freq_capped_since_boot", Unit.FLAG, "Frequency capping has occurred since boot.", THROTTLED),
    Field(
        "power.soft_temp_limit_since_boot",
        Unit.FLAG,
        "The soft limit has been reached since boot.",
        THROTTLED,
    ),
    Field(
        "power.supply_current",
        Unit.AMPERES,
        "Current that the power supply offers.",
        File(f"{SUPPLY}/max_current"),
        unless=board.no_rails,
    ),
    Field(
        "power.usb_current_limit",
        Unit.AMPERES,
        f"Current that all USB ports together may draw: {USB_LOW} or {USB_HIGH}.",
        File(f"{SUPPLY}/usb_max_current_enable"),
        unless=board.no_rails,
    ),
    Field(
        "power.usb_over_current",
        Unit.FLAG,
        "A USB device drew too much current during the start.",
        File(f"{SUPPLY}/usb_over_current_detected"),
        unless=board.no_rails,
    ),
    Field(
        "power.power_chip_reset",
        Unit.TEXT,
        "Why the power chip cut the power before this start; null if it did not.",
        first_of(File(f"{SUPPLY}/power_reset"), File(f"{SUPPLY}/reset_event")),
        unless=board.no_rails,
    ),
    Field(
        "power.reset_cause",
        Unit.TEXT,
        "What made the board start; the watchdog also does ordinary reboots.",
        first_of(
            File(f"{TREE}/chosen/bootloader/pm_rsts"),
            File(f"{TREE}/chosen/bootloader/rsts"),
            Question("get_rsts"),
        ),
        unless=board.no_videocore,
    ),
    deadline=2.0,
    finds=(MODEL, CHIPS),
)
def power(machine: Machine) -> Reading:
    queries = FirmwareQueries(machine.firmware)
    leaves: Values = {"core_voltage": queries.ask("measure_volts core", vcgencmd.volts)}
    leaves.update(_flags(machine, queries.ask("get_throttled", vcgencmd.throttled)))
    leaves.update(machine.memo.forever("supply", lambda: _supply(machine)) or {})
    leaves["reset_cause"] = machine.memo.forever("reset cause", lambda: _reset_cause(machine, queries))
    return queries.finish({"power": leaves})


def _flags(machine: Machine, word: int | None) -> dict[str, bool | None]:
    flags: dict[str, bool | None] = dict.fromkeys(vcgencmd.THROTTLE_BITS)
    if word is not None:
        flags.update(vcgencmd.flags(word))
    else:
        flags["under_voltage"] = _alarm(machine)
    if board.no_under_voltage(machine):
        # The bit stays 0 there whatever the supply does: "not detectable" is not "no".
        flags.update(under_voltage=None, under_voltage_since_boot=None)
    return flags


def _alarm(machine: Machine) -> bool | None:
    """Return whether the kernel has noticed a low supply within the last two seconds."""
    # Of this chip alone: others have alarms of the same kind that mean something else.
    supply = hwmon.chip(machine, hwmon.SUPPLY)
    return kernel.alarm(machine.cached_sensor(supply.path("in0_lcrit_alarm"))) if supply else None


def _supply(machine: Machine) -> dict[str, Json]:
    """Return what the bootloader of a Pi 5 found out about the supply at the start."""
    milliamperes = board.cell(machine, "chosen/power/max_current")
    high = board.cell(machine, "chosen/power/usb_max_current_enable")
    over = board.cell(machine, "chosen/power/usb_over_current_detected")
    reset = board.cell(machine, "chosen/power/power_reset", "chosen/power/reset_event")
    return {
        "supply_current": None if milliamperes is None else milliamperes / 1000,
        "usb_current_limit": None if high is None else USB_HIGH if high else USB_LOW,
        "usb_over_current": None if over is None else bool(over),
        "power_chip_reset": vcgencmd.power_chip_reset(reset),
    }


def _reset_cause(machine: Machine, queries: FirmwareQueries) -> str | None:
    if board.no_videocore(machine):
        return None
    word = machine.memo.for_a_minute(
        "pm_rsts", lambda: board.cell(machine, "chosen/bootloader/pm_rsts", "chosen/bootloader/rsts")
    )
    return vcgencmd.reset_cause(queries.ask("get_rsts", vcgencmd.reset_status) if word is None else word)
