"""The declarations of the series."""

from __future__ import annotations

from pathlib import Path

import pytest

from pistat.history.history import KEYS
from pistat.history.metrics import FIELDS, METRICS, USUAL, Metric
from pistat.history.recorder import Recorder, Sample
from pistat.machine.machine import Machine
from pistat.monitor.monitor import OWNERS, Monitor
from pistat.parsers.values import Json
from support.recorded_machine import BOARDS, RecordedMachine, board_names


def test_each_is_declared_once() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert set(USUAL) <= {metric.name for metric in METRICS}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_each_follows_a_field(metric: Metric) -> None:
    """It is a gauge or a rate, and what it is read from is sampled."""
    assert metric.path in FIELDS
    assert (metric.gauge is None) != (metric.counters is None)
    assert metric.help
    assert metric.unit
    assert metric.name.startswith("cpu_") or FIELDS[metric.path].key in KEYS
    assert set(KEYS) <= set(OWNERS)


@pytest.mark.parametrize("board", board_names())
def test_a_board_has_the_gauges_for_which_it_has_readings(board: str) -> None:
    """Each is a number, and null exactly where the answer is; no machine breaks a reader."""
    machine = RecordedMachine(BOARDS / board)
    recorder = Recorder(Monitor(machine, 0.0), machine, 10.0)
    samples: list[Sample] = []
    recorder.listen(KEYS, samples.append)
    recorder.take()
    (sample,) = samples
    for metric in METRICS:
        if metric.counters:
            assert all(counter.value >= 0 for counter in metric.counters(machine, sample).values())
            continue
        assert metric.gauge is not None
        value = metric.gauge(sample)
        assert value is None or float(value) == value
        if metric.name == metric.path:
            found: object = sample.values
            for step in metric.name.split("."):
                found = found[step] if isinstance(found, dict) else None
            assert value == found


@pytest.mark.parametrize(
    ("interfaces", "counted"),
    [
        ({"eth0": "device", "wlan0": "device", "docker0": "", "veth1": ""}, {"eth0", "wlan0"}),
        ({"eth0": "", "br0": "lower_eth0"}, {"eth0"}),
        ({"eth0": "device", "eth0.5": "lower_eth0"}, {"eth0"}),
    ],
)
def test_each_packet_is_counted_once(tmp_path: Path, interfaces: dict[str, str], counted: set[str]) -> None:
    """Of what is made of others, and of what has no device where others have one, nothing is counted."""
    machine = Machine(str(tmp_path))
    for name, file in interfaces.items():
        folder = tmp_path / "sys/class/net" / name
        folder.mkdir(parents=True)
        if file:
            (folder / file).touch()
    rows: dict[str, Json] = {name: {"bytes_recv": 1, "bytes_sent": 2} for name in interfaces}
    sample = Sample(10.0, 0.0, {"network": {**rows, "active_connections": 3}})
    by_name = {metric.name: metric for metric in METRICS}
    for name in ("network.recv_rate", "network.sent_rate"):
        counters = by_name[name].counters
        assert counters is not None
        assert set(counters(machine, sample)) == counted
