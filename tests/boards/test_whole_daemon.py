"""Four boards behind the whole daemon: a port, its routes, its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pistat import routes
from support.daemon import Daemon, HeldPort, clean_environment
from support.recorded_machine import DATA_ROUTES, TYPICAL_BOARDS, expected

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork()")

SCRIPT = Path(__file__).parents[1] / "support" / "daemons" / "board_after_board.py"


class Daemons(Daemon):
    """The daemon of one board after the other, on the same port.

    Attributes:
        child: The PID of the one that runs.
    """

    def __init__(self) -> None:
        self._held = HeldPort()
        self.host, self.port = "127.0.0.1", self._held.number
        settings = {
            "PISTAT_HOST": self.host,
            "PISTAT_PORT": str(self.port),
            "PISTAT_RATE_LIMIT_ENABLED": "false",
        }
        self._log = tempfile.TemporaryFile("a+")  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT)],
            env=clean_environment(settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self.child = 0

    def start(self, board: str) -> None:
        """Start the daemon of a board, and wait until it answers."""
        assert self.process.stdin
        self.process.stdin.write(f"{board}\n".encode())
        self.process.stdin.flush()
        self.child = self._number()
        self.wait_until_ready()

    def end(self) -> int:
        """Ask it to end; the exit status."""
        os.kill(self.child, signal.SIGTERM)
        status = self._number()
        self.child = 0
        return status

    def _number(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())

    def kill(self) -> None:
        if self.child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)
        super().kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()


@pytest.fixture(scope="module")
def daemons() -> Iterator[Daemons]:
    started = Daemons()
    yield started
    started.kill()


@pytest.mark.parametrize("board", TYPICAL_BOARDS)
def test_the_whole_daemon_on_a_board(daemons: Daemons, board: str) -> None:
    """Every route answers 200, those of data what is expected of the board, and SIGTERM ends it with 0."""
    daemons.start(board)
    try:
        for route in DATA_ROUTES:
            assert daemons.json(route.path) == json.loads(expected(board, route).read_text(encoding="utf-8"))
        for route in routes.ROUTES:
            if route not in DATA_ROUTES:
                assert daemons.get(route.path).status == 200
    finally:
        status = daemons.end()  # or the next one could not begin
    assert status == 0
