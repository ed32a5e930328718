"""Many Raspberry Pis in one process: each a recorded board with the real application, on a port of its own.

`fleet.py` serves every recorded board, on the loopback. When all answer, it prints one line of JSON: the port
of each board. It ends with its standard input.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pi_system_monitor
from pistat.collectors import network, root_filesystem
from pistat.server import server
from pistat.settings import Settings
from support.recorded_machine import BOARDS, RecordedMachine, board_names

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Fleet:
    """The Pis, behind one server with many sockets; they are told apart by the port that was asked."""

    def __init__(self, machines: Sequence[RecordedMachine]) -> None:
        sockets = [server.bind("127.0.0.1", 0)[0] for _ in machines]
        self.ports = [int(each.getsockname()[1]) for each in sockets]
        settings = Settings(rate_limit_enabled=False)
        self._applications = {
            str(port): pi_system_monitor.create_app(settings, machine)
            for port, machine in zip(self.ports, machines, strict=True)
        }
        self._server = server.Server(self._answer, sockets, lambda status: None)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._applications[environ["HTTP_HOST"].rpartition(":")[2]](environ, start_response)

    def run(self, names: Sequence[Any]) -> None:
        """Serve until standard input ends; `names` are what the ports are printed with."""
        threading.Thread(target=self._wait_for_the_end, daemon=True).start()
        ports = dict(zip(names, self.ports, strict=True))
        self._server.run(
            lambda: print(json.dumps(ports), flush=True), turned=lambda: math.inf, reload=lambda: None
        )

    def _wait_for_the_end(self) -> None:
        sys.stdin.read()
        self._server.stop()


def running(board: str) -> RecordedMachine:
    """A board whose counters were read a second before, too: their rates are known, as on one that runs."""
    machine = RecordedMachine(BOARDS / board)
    machine.now -= 1.0
    network.traffic(machine)
    root_filesystem.disk_rates(machine)
    machine.now += 1.0
    return machine


if __name__ == "__main__":
    Fleet([running(each) for each in board_names()]).run(board_names())
