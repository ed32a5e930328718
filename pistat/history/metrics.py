"""What is remembered: each series declared once, with the field that it follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, cast

from pistat.collectors import ALL
from pistat.field import Derived, Field, Unit
from pistat.history.recorder import Sample
from pistat.machine.cpu_times import MODES
from pistat.machine.machine import Machine

FIELDS = {field.path: field for collector in ALL for field in collector.fields}


class Counter(NamedTuple):
    """A counter, and what it is counted over, such as seconds."""

    value: float
    over: float


Counters: TypeAlias = Mapping[str, Counter]
"""By the thing that is counted for. The series is how much those grew that are in both of two samples."""


@dataclass(frozen=True)
class Metric:
    """One series of the history.

    Attributes:
        name: What clients call it.
        path: The field that it follows; a new one for what no answer has.
        help: What it is at one point, where the field does not say it.
        gauge: Reads its value from a sample.
        counters: Reads its counters, for one that is a rate.
        factor: By what a rate is multiplied.
    """

    name: str
    path: str
    help: str
    gauge: Callable[[Sample], Any] | None = None
    counters: Callable[[Machine, Sample], Counters] | None = None
    factor: float = 1.0

    @property
    def unit(self) -> str:
        """The unit as a word; a yes or no is the share of the time that it was yes."""
        unit = FIELDS[self.path].unit
        return "share" if unit is Unit.FLAG else unit.name.lower()


def _at(*steps: str | int) -> Callable[[Sample], Any]:
    """Return a reader of one leaf; None where the way to it ends."""

    def read(sample: Sample) -> Any:
        value: Any = sample.values
        for step in steps:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    return read


def _most(key: str, leaf: str) -> Callable[[Sample], Any]:
    """Return a reader of the largest value of `leaf` among the rows below `key`."""

    def read(sample: Sample) -> Any:
        rows = cast("Mapping[str, Any]", sample.values.get(key) or {}).values()
        found = [row[leaf] for row in rows if isinstance(row, dict) and row.get(leaf) is not None]
        return max(found, default=None)

    return read


def _leaf(path: str) -> Metric:
    """Declare the series of a leaf that is one value: it has the name of the leaf."""
    return Metric(path, path, FIELDS[path].help, _at(*path.split(".")))


def _busy(_: Machine, sample: Sample) -> Counters:
    spent = sample.cpu
    return {"cpu": Counter(spent.busy, spent.total)} if spent else {}


def _mode(name: str) -> Callable[[Machine, Sample], Counters]:
    """Return a reader of the time of all CPUs in one mode; of nothing where the platform has others."""
    column = MODES.index(name)

    def read(_: Machine, sample: Sample) -> Counters:
        spent = sample.cpu
        return {"cpu": Counter(spent.modes[column], spent.total)} if spent and spent.modes else {}

    return read


def _disks(counter: str) -> Callable[[Machine, Sample], Counters]:
    def read(_: Machine, sample: Sample) -> Counters:
        value = _at("disk_io", counter)(sample)
        return {} if value is None else {"disks": Counter(value, sample.boot)}

    return read


def _traffic(counter: str) -> Callable[[Machine, Sample], Counters]:
    def read(machine: Machine, sample: Sample) -> Counters:
        rows = _at("network")(sample) or {}
        names = [name for name, row in rows.items() if isinstance(row, dict)]
        counted = machine.memo.while_same("counted interfaces", names, lambda: _counted(machine, names))
        return {name: Counter(rows[name][counter], sample.boot) for name in counted}

    return read


def _counted(machine: Machine, names: list[str]) -> list[str]:
    """Return the interfaces whose traffic is that of the machine, each packet once.

    Those are the ones with a device behind them. A container has none of these: there it is all that are not
    made of others, such as bridges and VLANs.
    """
    folder = "/sys/class/net"
    physical = [name for name in names if machine.exists(f"{folder}/{name}/device")]
    single = [
        name
        for name in names
        if not any(file.startswith("lower_") for file in machine.names(f"{folder}/{name}"))
    ]
    return physical or single


METRICS: tuple[Metric, ...] = (
    Metric("cpu_usage", "cpu_usage", "Share of time busy, all cores together.", counters=_busy, factor=100.0),
    Metric(
        "cpu_iowait",
        "cpu_usage",
        "Share of time in which nothing but waiting for a disk was to be done.",
        counters=_mode("iowait"),
        factor=100.0,
    ),
    _leaf("cpu_temp"),
    _leaf("cpu_freq"),
    Metric("load_1", "load_avg[3]", "Load average over 1 minute.", _at("load_avg", 0)),
    _leaf("memory.percent"),
    _leaf("swap.percent"),
    _leaf("disk.percent"),
    Metric(
        "disk_io.read_rate",
        "disk_io.read_rate",
        "Bytes read a second, all disks.",
        counters=_disks("read_bytes"),
    ),
    Metric(
        "disk_io.write_rate",
        "disk_io.write_rate",
        "Bytes written a second, all disks.",
        counters=_disks("write_bytes"),
    ),
    Metric(
        "network.recv_rate",
        "network.{interface}.recv_rate",
        "Bytes received a second, all physical interfaces.",
        counters=_traffic("bytes_recv"),
    ),
    Metric(
        "network.sent_rate",
        "network.{interface}.sent_rate",
        "Bytes sent a second, all physical interfaces.",
        counters=_traffic("bytes_sent"),
    ),
    Metric(
        "network.signal_strength",
        "network.{interface}.signal_strength",
        "Strength of the Wi-Fi signal.",
        _most("network", "signal_strength"),
    ),
    Metric("fan_speed", "fans.{fan}.rpm", "Speed of the fastest fan.", _most("fans", "rpm")),
    _leaf("pmic.input_voltage"),
    _leaf("pmic.watts"),
    _leaf("power.under_voltage"),
    _leaf("power.throttled"),
    _leaf("power.freq_capped"),
    Metric(
        "pressure.io",
        "pressure.io.some_avg10",
        "Share of the time in which at least one task waited for the disks.",
        _at("pressure", "io", "some_avg10"),
    ),
)
"""All series that there are; a machine has those for which it has readings."""

RECENT: tuple[Metric, ...] = (
    Metric("cpu_user", "cpu_usage", "Share of time in programs.", counters=_mode("user"), factor=100.0),
    Metric("cpu_system", "cpu_usage", "Share of time in the kernel.", counters=_mode("system"), factor=100.0),
    Metric("load_5", "load_avg[3]", "Load average over 5 minutes.", _at("load_avg", 1)),
    Metric("load_15", "load_avg[3]", "Load average over 15 minutes.", _at("load_avg", 2)),
)
"""Series of which there is the last hour only; clients of Glances draw them."""

USUAL = (
    "cpu_usage",
    "cpu_temp",
    "memory.percent",
    "disk.percent",
    "network.recv_rate",
    "network.sent_rate",
)
"""The series of an answer for which none is named."""

HERE = Derived("the samples of the history")
LONGER = "in ranges beyond 1h"

FIELDS_OF_ANSWER = (
    Field("range", Unit.TEXT, "What was asked for.", HERE),
    Field("step", Unit.SECONDS, "The length of a point.", HERE),
    Field("start", Unit.UNIX_TIME, "When the first point begins.", HERE),
    Field("points", Unit.COUNT, "How many points each curve has.", HERE),
    Field("series.{series}.unit", Unit.TEXT, "The unit of a curve, as a word.", HERE),
    Field("series.{series}.mean[point]", Unit.VARIOUS, "Means; null where there was no reading.", HERE),
    Field("series.{series}.min[point]", Unit.VARIOUS, "Minima of the samples.", HERE, when=LONGER),
    Field("series.{series}.max[point]", Unit.VARIOUS, "Maxima of the samples.", HERE, when=LONGER),
    Field("boots[boot]", Unit.UNIX_TIME, "When the machine came up within the range.", HERE),
)
"""The leaves of `/history`."""
