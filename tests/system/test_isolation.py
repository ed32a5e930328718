"""Isolation: whatever happens in one collector, every other figure is, byte for byte, what it was before."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pistat.collectors import ALL
from pistat.field import Collector
from pistat.monitor.monitor import encode
from support.daemon import Daemon
from support.daemons import faulty
from support.failures import SENTENCES, route_of
from support.recorded_machine import BOARDS, RecordedMachine
from support.waiting import answer_without_errors, eventually, lasting_faults

BOARD = "pi5-8gb-nvme"

DEADLINE = 0.5
"""Seconds that each collector has here. Its own deadline is for test_hang.py, which waits for it."""


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def still(faults: Path) -> Iterator[Daemon]:
    """A daemon on a machine that stands still, whose collectors can be broken by files in `faults`."""
    settings = {"PISTAT_RATE_LIMIT_ENABLED": "no", "PISTAT_CACHE_SECONDS": "0", "PISTAT_HISTORY_SECONDS": "0"}
    faulted = {"FAULTS": str(faults), "BOARD": BOARD, "DEADLINE": str(DEADLINE)}
    daemon = Daemon({**settings, **faulted}, [sys.executable, faulty.__file__])
    daemon.wait_until_ready()
    yield daemon
    daemon.kill()


@pytest.mark.parametrize("kind", [*SENTENCES, "hang"])
@pytest.mark.parametrize("collector", ALL, ids=lambda each: each.keys[0])
def test_all_else_is_as_before(still: Daemon, faults: Path, collector: Collector, kind: str) -> None:
    """An answer with a broken collector is the whole one, with its leaves null and `errors` at the end."""
    route = route_of(collector)
    whole = answer_without_errors(still, route)
    why = SENTENCES.get(kind, f"no answer within {DEADLINE:.1f} s")
    expected = json.loads(whole.body)
    expected.update(collector.nulls(RecordedMachine(BOARDS / BOARD)))
    expected["errors"] = dict.fromkeys(collector.keys, why)
    fault = faults / collector.keys[0]
    fault.with_suffix(".new").write_text(kind)
    fault.with_suffix(".new").rename(fault)
    wrong = lasting_faults(lambda: [each for each in [still.get(route)] if each.body != encode(expected)])
    fault.unlink()

    assert whole.status == 200
    assert wrong == []
    assert eventually(lambda: still.get(route).body == whole.body)
