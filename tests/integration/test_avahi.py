"""The service file for Avahi, announced and found by the real programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistat.routes import GUIDE, METRICS
from pistat.settings import Settings
from support.waiting import lasting_faults

if TYPE_CHECKING:
    from support.require import Require

HERE = Path(__file__).parent
SERVICE = HERE.parents[1] / "deploy" / "avahi" / "pi-stat.service"
PROGRAMS = ("avahi-daemon", "avahi-browse", "dbus-daemon", "unshare", "ip")


def test_the_network_finds_it(require: Require, tmp_path: Path) -> None:
    """A Pi announces its guide as a web page, and its metrics to Prometheus, under its own name."""
    require(hasattr(os, "getuid") and os.getuid() == 0, "root")
    require(all(map(shutil.which, PROGRAMS)), "Avahi (Debian: avahi-daemon, avahi-utils, dbus)")
    shutil.copy(SERVICE, tmp_path)
    port = str(Settings().port)
    announced = {("attic.local", "127.0.0.1", port, f'"path={route.path}"') for route in (GUIDE, METRICS)}

    def look() -> list[Any]:
        finished = subprocess.run(
            ["bash", HERE / "avahi.sh", tmp_path], check=True, capture_output=True, text=True, timeout=120
        )
        # What follows interface, protocol, name, type and domain: host, address, port and texts.
        found = {tuple(line.split(";")[6:]) for line in finished.stdout.splitlines() if line.startswith("=")}
        return [] if found == announced else [found, finished.stderr]

    # A machine that stands still for a moment can spoil it.
    assert lasting_faults(look) == []
