"""The VideoCore."""

from __future__ import annotations

from pistat.collectors.asking import Asking
from pistat.collectors.sources import MODEL
from pistat.field import Field, Question, Reading, Unit, Values, collector
from pistat.machine import board
from pistat.machine.machine import Machine
from pistat.parsers import vcgencmd


@collector(
    Field("gpu.temperature", Unit.CELSIUS, "Temperature of the GPU.", Question("measure_temp")),
    Field(
        "gpu.memory",
        Unit.BYTES,
        "Memory set aside for the GPU; null on a Pi 5.",
        Question("get_mem gpu"),
        unless=board.no_split,
    ),
    Field(
        "gpu.v3d_clock",
        Unit.HERTZ,
        "Measured clock of the 3D block; 0 while it sleeps.",
        Question("measure_clock v3d"),
    ),
    deadline=2.0,
    finds=(MODEL,),
)
def gpu(machine: Machine) -> Reading:
    asking = Asking(machine.firmware)
    values: Values = {
        "gpu": {
            "temperature": asking("measure_temp", vcgencmd.temperature),
            "memory": machine.memo.forever("gpu memory", lambda: _memory(machine, asking)),
            "v3d_clock": asking("measure_clock v3d", vcgencmd.clock),
        }
    }
    return asking.settle(values)


def _memory(machine: Machine, asking: Asking) -> int | None:
    if board.no_split(machine):
        return None
    reply = asking("get_mem gpu", vcgencmd.memory)
    return None if reply is None or reply[0] != "gpu" else reply[1] << 20
