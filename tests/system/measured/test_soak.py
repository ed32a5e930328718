"""Races are invisible, and nothing grows: a minute of everything at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from support import dead_mount as deadmount
from system.measured import soak

if TYPE_CHECKING:
    from support.require import Require


def test_a_minute_of_everything(require: Require) -> None:
    """Every answer is a whole 200, every refusal the right one; memory, descriptors and threads do not grow.

    soak.py says what happens meanwhile. Ten minutes and more are for running it by hand.
    """
    require(deadmount.possible(), "root and /dev/fuse")
    require(all(map(shutil.which, ("unshare", "ip"))), "util-linux and iproute2")
    found = subprocess.run(
        [sys.executable, soak.__file__, "--seconds", "60"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.endswith("Nothing to complain of.\n")
