"""What the tests of the firmware share: a vcgencmd of their own, on a machine whose clock stands still."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from support.vcgencmd_script import Clocked, Vcgencmd, write


@pytest.fixture
def vcgencmd(tmp_path: Path) -> Vcgencmd:
    """Write a program into the machine."""
    return partial(write, tmp_path)


@pytest.fixture
def machine(tmp_path: Path) -> Clocked:
    return Clocked(str(tmp_path))
