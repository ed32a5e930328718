"""The clocks that the firmware measures."""

from __future__ import annotations

from pistat import replies
from pistat.field import Field, Reading, Unit, Values, collector
from pistat.firmware import Asking
from pistat.machine import Machine


@collector(
    Field("clocks.arm", Unit.HERTZ, "Clock of the ARM cores, as measured.", "firmware: measure_clock arm"),
    Field("clocks.core", Unit.HERTZ, "Clock of the VideoCore, as measured.", "firmware: measure_clock core"),
    Field("clocks.sdram", Unit.HERTZ, "Clock of the memory, as measured.", "firmware: measure_clock sdram"),
    deadline=2.0,
)
def clocks(machine: Machine) -> Reading:
    asking = Asking(machine.firmware)
    # None of these is off while a program runs: 0 is what the firmware says to a name that it does not know.
    values: Values = {
        name: asking(f"measure_clock {name}", replies.clock) or None for name in ("arm", "core", "sdram")
    }
    return asking.settle({"clocks": values})
