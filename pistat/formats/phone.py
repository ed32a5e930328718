"""The readings as the phone app PiStats asks for them: flat, memory in kB, and never null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pistat.machine.machine import Machine
from pistat.parsers import kernel

KEYS = ("cpu_temp", "uptime", "load_avg", "memory", "system")
"""The top-level keys of /stats that it is made of."""


def document(machine: Machine, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of /monitor.json; what is unknown is 0 or empty, since the app fails on null."""
    memory, system = values["memory"], values["system"]
    unused = kernel.first(r"MemFree:[ \t]+([0-9]+) kB", machine.sensor("/proc/meminfo"))
    return {
        "soc_temperature": values["cpu_temp"] or 0.0,
        "uptime": values["uptime"] or 0.0,
        "load_average": [load or 0.0 for load in values["load_avg"]],
        "kernel_release": system["kernel"] or "",
        "hostname": system["hostname"] or "",
        "memory": {
            "total_memory": (memory["total"] or 0) // 1024,
            "free_memory": int(unused or 0),
            "available_memory": (memory["available"] or 0) // 1024,
        },
    }
