"""What the daemon itself takes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pistat.monitor.self_metrics import SelfMetrics

if TYPE_CHECKING:
    from support.require import Require


def test_one_file_has_what_psutil_has(require: Require) -> None:
    """Memory and threads of this process are those that psutil finds in two other files."""
    require(sys.platform == "linux", "Linux", installed=False)
    ours, theirs = (SelfMetrics(linux=linux).values(())["process"] for linux in (True, False))

    assert ours["threads"] == theirs["threads"]
    assert ours["memory"] == pytest.approx(theirs["memory"], abs=4 << 20)
