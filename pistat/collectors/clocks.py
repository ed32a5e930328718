"""The clocks that the firmware measures."""

from __future__ import annotations

from pistat.collectors.firmware_queries import FirmwareQueries
from pistat.collectors.sources import MODEL
from pistat.field import Field, File, Question, Reading, Unit, Values, collector
from pistat.machine import board
from pistat.machine.machine import Machine
from pistat.parsers import kernel, vcgencmd

REQUESTED = "/sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq"


@collector(
    Field("clocks.arm", Unit.HERTZ, "Measured clock of the ARM cores.", Question("measure_clock arm")),
    Field("clocks.core", Unit.HERTZ, "Measured clock of the VideoCore.", Question("measure_clock core")),
    Field(
        "clocks.sdram",
        Unit.HERTZ,
        "Clock of the memory, if it is measured.",
        Question("measure_clock sdram"),
    ),
    Field(
        "clocks.arm_requested",
        Unit.HERTZ,
        "Clock that the kernel asks for; heat or a low supply may keep `clocks.arm` below it.",
        File(REQUESTED),
        unless=board.no_videocore,
    ),
    deadline=2.0,
    finds=(MODEL,),
)
def clocks(machine: Machine) -> Reading:
    queries = FirmwareQueries(machine.firmware)
    # None of these is off while a program runs: 0 is what the firmware says to a name that it does not know.
    values: Values = {
        name: queries.ask(f"measure_clock {name}", vcgencmd.clock) or None
        for name in ("arm", "core", "sdram")
    }
    values["arm_requested"] = _requested(machine)
    return queries.finish({"clocks": values})


def _requested(machine: Machine) -> int | None:
    return None if board.no_videocore(machine) else kernel.kilohertz(machine.cached_sensor(REQUESTED))
