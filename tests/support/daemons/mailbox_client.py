"""Asks the firmware what it is told to on standard input, and says how that went, a line of JSON each.

["ask", QUESTION], ["access"], ["files"] for how many it holds open, ["wait", SECONDS] on a clock of its own,
["new"] for one that was restarted.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pistat.machine.firmware.client import FirmwareError, UnavailableError
from pistat.machine.machine import Machine


class Clocked(Machine):
    """A machine on whose clock no time passes by itself."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


def carry_out(machine: Clocked, verb: str, *arguments: Any) -> Any:
    if verb == "wait":
        machine.now += arguments[0]
    elif verb == "access":
        access = machine.firmware.access
        return [access.way, access.why, access.detail]
    elif verb == "files":
        return len(os.listdir("/proc/self/fd"))
    elif verb == "ask":
        try:
            return machine.firmware.ask(*arguments)
        except (UnavailableError, FirmwareError) as error:
            return [type(error).__name__, str(error)]
    return None


if __name__ == "__main__":
    machine = Clocked()
    for line in sys.stdin:
        order = json.loads(line)
        if order == ["new"]:
            machine = Clocked()
        print(json.dumps(carry_out(machine, *order)), flush=True)
