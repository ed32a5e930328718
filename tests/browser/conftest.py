"""Daemons for the browser: recorded boards that are served, and programs with a fault."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.daemon import Daemon
from support.recorded_machine import BOARDS

if TYPE_CHECKING:
    Replay = Callable[..., Daemon]

SUPPORT = Path(__file__).resolve().parents[1] / "support"


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[Replay]:
    """Serve a copy of a recorded board, with lines of its files replaced before."""
    started: list[Daemon] = []

    def run(board: str, *changes: tuple[str, str, str], **settings: str) -> Daemon:
        folder = tmp_path / f"board{len(started)}"
        shutil.copytree(BOARDS / board, folder, symlinks=True)
        if (folder / "usr/bin/vcgencmd").is_symlink():
            (folder / "usr/bin/vcgencmd").unlink()
            shutil.copy(BOARDS / "vcgencmd", folder / "usr/bin/vcgencmd")
        for name, old, new in changes:
            text = (folder / name).read_text(encoding="utf-8")
            assert old in text
            (folder / name).write_text(text.replace(old, new), encoding="utf-8")
        settings = {"PISTAT_RATE_LIMIT_ENABLED": "false", **settings}
        daemon = Daemon(settings, [sys.executable, str(SUPPORT / "replay.py"), str(folder)])
        started.append(daemon)
        daemon.wait_until_ready()
        return daemon

    yield run
    for each in started:
        each.kill()


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon whose readings fail for which there is a file in `tmp_path`, with the error in it."""
    settings = {"FAULTS": str(tmp_path), "PISTAT_RATE_LIMIT_ENABLED": "false"}
    daemon = Daemon(settings, [sys.executable, str(SUPPORT / "daemons" / "faulty.py")])
    daemon.wait_until_ready()
    yield daemon
    daemon.kill()
