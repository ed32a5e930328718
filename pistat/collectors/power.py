"""Power: the core voltage, and whether the supply or the heat holds the machine back."""

from __future__ import annotations

from pistat import board, replies
from pistat.field import Field, Reading, Unit, Values, collector
from pistat.firmware import Asking
from pistat.identity import model
from pistat.machine import Machine

SOURCE = "firmware: get_throttled"


@collector(
    Field("power.core_voltage", Unit.VOLTS, "Voltage asked for the core.", "firmware: measure_volts core"),
    Field(
        "power.under_voltage",
        Unit.FLAG,
        "The supply is below about 4.63 V now; null on Zeros and Compute Modules, which cannot tell.",
        SOURCE,
    ),
    Field("power.throttled", Unit.FLAG, "The CPU is slowed now, by low voltage or by heat.", SOURCE),
    Field("power.freq_capped", Unit.FLAG, "The CPU frequency is capped now.", SOURCE),
    Field("power.soft_temp_limit", Unit.FLAG, "The soft temperature limit holds now (3A+, 3B+).", SOURCE),
    Field("power.under_voltage_since_boot", Unit.FLAG, "Under-voltage has occurred since boot.", SOURCE),
    Field("power.throttled_since_boot", Unit.FLAG, "Throttling has occurred since boot.", SOURCE),
    Field("power.freq_capped_since_boot", Unit.FLAG, "Frequency capping has occurred since boot.", SOURCE),
    Field(
        "power.soft_temp_limit_since_boot", Unit.FLAG, "The soft limit has been reached since boot.", SOURCE
    ),
    deadline=2.0,
)
def power(machine: Machine) -> Reading:
    asking = Asking(machine.firmware)
    leaves: Values = {"core_voltage": asking("measure_volts core", replies.volts)}
    leaves.update(_flags(machine, asking("get_throttled", replies.throttled)))
    return asking.settle({"power": leaves})


def _flags(machine: Machine, word: int | None) -> dict[str, bool | None]:
    flags: dict[str, bool | None] = dict.fromkeys(replies.THROTTLE_BITS)
    if word is not None:
        flags.update(replies.flags(word))
    if not board.detects_under_voltage(model(machine) or ""):
        # The bit stays 0 there whatever the supply does: "not detectable" is not "no".
        flags.update(under_voltage=None, under_voltage_since_boot=None)
    return flags
