"""Time: a step of the wall clock, as NTP makes one after a Pi has booted, moves nothing but the timestamp."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import stepped_clock as wallclock
from support.daemon import Daemon
from support.stepped_clock import FAR, WallClock

if TYPE_CHECKING:
    from support.require import Require

HOUR = 3600
STEPS = pytest.mark.parametrize("step", [HOUR, -HOUR, FAR, -FAR])

NEAR = 60.0
"""Seconds that the slowest of these tests may take, against steps of an hour."""

Start = Callable[..., Daemon]


@pytest.fixture
def clock(require: Require, tmp_path: Path) -> WallClock:
    """A wall clock of the test's own."""
    require(wallclock.possible(), "a C compiler")
    return WallClock(tmp_path)


def row_of(daemon: Daemon, pid: int) -> dict[str, Any]:
    rows = daemon.json("/processes?limit=10000")["processes"]
    return next(row for row in rows if row["pid"] == pid)


@STEPS
def test_the_timestamp_follows_and_uptime_does_not(start: Start, clock: WallClock, step: int) -> None:
    """After a step `timestamp` tells the new time; uptime, running_time and the rates go on as before."""
    daemon = start(PISTAT_CACHE_SECONDS="0", **clock.environment())
    before, process = daemon.json("/stats"), row_of(daemon, daemon.pid)
    clock.step(step)
    after, later = daemon.json("/stats"), row_of(daemon, daemon.pid)

    assert abs(after["timestamp"] - before["timestamp"] - step) < NEAR
    assert 0 <= after["uptime"] - before["uptime"] < NEAR
    assert abs(daemon.json("/health")["uptime"] - after["uptime"]) < NEAR
    assert 0 <= later["running_time"] - process["running_time"] < NEAR
    assert 0 <= later["cpu_percent"] <= 100 * (os.cpu_count() or 1)
    assert 0 <= after["cpu_usage"] <= 100
    assert "errors" not in after


@STEPS
def test_the_cache_turns_over(start: Start, clock: WallClock, step: int) -> None:
    """An answer is kept for its seconds and no longer, however the clock is set meanwhile."""
    daemon = start(PISTAT_CACHE_SECONDS="1.5", **clock.environment())
    began = time.monotonic()
    first = daemon.json("/stats?fields=uptime,timestamp")
    clock.step(step)
    assert daemon.json("/stats?fields=uptime,timestamp") == first or time.monotonic() - began > 1.5

    until = time.monotonic() + NEAR
    while daemon.json("/stats?fields=uptime,timestamp") == first:
        assert time.monotonic() < until
        time.sleep(0.1)
