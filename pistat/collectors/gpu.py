"""The VideoCore."""

from __future__ import annotations

import contextlib

from pistat.collectors.firmware_queries import FirmwareQueries
from pistat.collectors.sources import MODEL
from pistat.field import Field, File, Question, Reading, Unit, Values, collector
from pistat.machine import board
from pistat.machine.firmware import v3d
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers import counters, vcgencmd


def _no_queues(machine: Machine) -> Unavailable | None:
    """Return why the 3D block does not tell how busy it is."""
    if v3d.has_queues(machine):
        return None
    return Unavailable(
        Reason.NO_FILE,
        f"There is no {v3d.FILE}: the 3D driver of a Raspberry Pi 4 or 5 has it from Linux 6.8 on.",
    )


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
    Field(
        "gpu.busy",
        Unit.PERCENT,
        "Share of the last second or so in which the busiest queue of the 3D block was at work.",
        File(v3d.FILE),
        unless=_no_queues,
    ),
    deadline=2.0,
    finds=(MODEL,),
)
def gpu(machine: Machine) -> Reading:
    queries = FirmwareQueries(machine.firmware)
    values: Values = {
        "gpu": {
            "temperature": queries.ask("measure_temp", vcgencmd.temperature),
            "memory": machine.memo.forever("gpu memory", lambda: _memory(machine, queries)),
            "v3d_clock": queries.ask("measure_clock v3d", vcgencmd.clock),
            "busy": _busy(machine),
        }
    }
    return queries.finish(values)


def _busy(machine: Machine) -> float | None:
    if not v3d.has_queues(machine):
        return None
    with contextlib.suppress(OSError):
        older, newer = (sample.value for sample in machine.gpu_queues.interval())
        return counters.busiest(older, newer)
    return None


def _memory(machine: Machine, queries: FirmwareQueries) -> int | None:
    if board.no_split(machine):
        return None
    reply = queries.ask("get_mem gpu", vcgencmd.memory)
    return None if reply is None or reply[0] != "gpu" else reply[1] << 20
