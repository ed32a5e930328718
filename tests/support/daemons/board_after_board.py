"""pi-stat on one board after the other, without importing it anew each time.

For each name of a board on standard input, a daemon that takes it for its machine, and on standard output its
PID; when it has ended, its exit status.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pi_system_monitor
from support.recorded_machine import BOARDS, RecordedMachine


def serve(board: str) -> int:
    """Be the daemon of a board."""
    machine = RecordedMachine(BOARDS / board)
    vars(pi_system_monitor).update(Machine=lambda: machine, ENV_FILE=BOARDS / board / ".env")
    return pi_system_monitor.main()


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(serve(line.strip()))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
