"""The measurements as Prometheus reads them: a name, labels and a value in base units for each leaf.

The name of a metric is the path of its field, with the unit at the end; a field may say a better one.
https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from pistat import routes
from pistat.diagnosis import report
from pistat.field import Field, Kind, Unit, Values
from pistat.monitor import self_metrics as own
from pistat.parsers.values import Json

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

ROUTES = (
    routes.STATS,
    routes.INTERFACES,
    routes.DEVICES,
    routes.SENSORS,
    routes.CONTAINERS,
    routes.SERVICES,
)
FIELDS = tuple(dict.fromkeys(field for route in ROUTES for field in route.fields))
"""What is measured: all but the processes, whose names would be labels without end."""

KEYS = tuple(dict.fromkeys(declared.key for declared in FIELDS))

BASE: dict[Unit, tuple[str, float]] = {
    Unit.AMPERES: ("amperes", 1),
    Unit.BITS_PER_SECOND: ("bytes_per_second", 0.125),
    Unit.BYTES: ("bytes", 1),
    Unit.CELSIUS: ("celsius", 1),
    Unit.DBM: ("dbm", 1),
    Unit.HERTZ: ("hertz", 1),
    Unit.MEGABIT_PER_SECOND: ("bytes_per_second", 125_000),
    Unit.MEGAHERTZ: ("hertz", 1_000_000),
    Unit.MILLISECONDS: ("seconds", 0.001),
    Unit.PERCENT: ("ratio", 0.01),
    Unit.RPM: ("rpm", 1),
    Unit.SECONDS: ("seconds", 1),
    Unit.UNIX_TIME: ("seconds", 1),
    Unit.VOLTS: ("volts", 1),
    Unit.WATTS: ("watts", 1),
}
"""The unit that Prometheus wants, and by what a value is multiplied to be in it; the rest have no unit."""

NAMES = {
    "collectors": "collector",
    "containers": "container",
    "devices": "filesystem",
    "failed": "failed_unit",
    "interfaces": "network",
}
"""What one of the things in a list is called, where the key of the list does not say it."""

LAST = {"count": "", "percent": "used"}
"""Last words that tell the unit and not the thing: a percentage without a name is the share in use."""

MOST_SERIES = 64
"""Of a metric that has a series for each container or failed unit."""

SUFFIXES = {Kind.COUNTER: "_total", Kind.INFO: "_info"}
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Steps = tuple[str, ...]
"""The way to a leaf, such as `("devices", "[row]", "total")`."""

Samples = list[tuple[str, Json]]
"""Values, each with its labels as they are written."""


@dataclass(frozen=True)
class Family:
    """A metric.

    Attributes:
        name: Without the suffix of its kind.
        kind: Gauge, counter or info.
        help: One sentence.
        steps: The way to its values; to the row, for an info.
        unit: The end of its name; empty for a number of things.
        factor: By what a value is multiplied to be in that unit.
        texts: The leaves of the row that are the labels of an info.
    """

    name: str
    kind: Kind
    help: str
    steps: Steps
    unit: str = ""
    factor: float = 1
    texts: Steps = ()

    @cached_property
    def leaf(self) -> str | None:
        """Return the key of its value in its row; None for an info, and for an item of a list."""
        return None if self.texts or self.steps[-1][0] in "[{" else self.steps[-1]

    @property
    def row(self) -> Steps:
        """Return the way to what it is found in: its row, or itself if it has no key there."""
        return self.steps if self.leaf is None else self.steps[:-1]

    @cached_property
    def series(self) -> str:
        """Return the name of its samples."""
        return self.name + SUFFIXES.get(self.kind, "")

    @property
    def path(self) -> str:
        """Return the path of its field; of the object or the row, for an info."""
        return ".".join(self.steps or self.texts).replace(".[", "[")

    @cached_property
    def head(self) -> str:
        """Return the lines before its samples."""
        kind = Kind.COUNTER if self.kind is Kind.COUNTER else Kind.GAUGE
        return f"# HELP {self.series} {self.help}\n# TYPE {self.series} {kind.value}\n"

    @cached_property
    def openmetrics_head(self) -> str:
        """Return the same for OpenMetrics, which knows more kinds, and units."""
        unit = f"# UNIT {self.name} {self.unit}\n" if self.unit else ""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind.value}\n{unit}"


class Metrics:
    """The metrics that show some fields.

    Attributes:
        families: Each once, whichever routes show it, in the order of the fields.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self._labels = _texts(fields, Kind.LABEL)
        texts = _texts(fields, Kind.INFO)
        found: dict[str, Family] = {}
        for field in fields:
            if field.series is Kind.INFO:
                # The last has them all: an interface has more texts than /stats shows.
                found.update({family.name: family for family in _info(field, texts)})
            elif field.series not in {Kind.LABEL, Kind.RATE}:
                for family in _numbers(field):
                    found.setdefault(family.name, family)
        self.families = tuple(found.values())
        self._rows = [
            (row, list(families)) for row, families in groupby(self.families, lambda family: family.row)
        ]

    def labels(self, family: Family) -> list[str]:
        """Return the names of the labels that the series of `family` have."""
        names = []
        for end, step in enumerate(family.steps, 1):
            if step[0] in "[{" and not step[1:-1].isdigit():
                names += self._labels.get(family.steps[:end], [step[1:-1]])
        return [*names, *family.texts]

    def text(self, values: Values, *, openmetrics: bool) -> Iterator[str]:
        """Yield the metrics of one moment, a piece for each; those without a value are left out."""
        places: dict[Steps, Samples] = {(): [("", values)]}
        # A row is looked for once for all of its metrics, which are half of the time of an answer.
        for row, families in self._rows:
            rows = self._at(row, places)
            for family in families:
                lines = _lines(family, _infos(family, rows) if family.texts else rows)
                if lines:
                    yield (family.openmetrics_head if openmetrics else family.head) + lines

    def _at(self, steps: Steps, places: dict[Steps, Samples]) -> Samples:
        """Return what stands at the end of `steps`; `places` keeps what was found on the way."""
        if steps not in places:
            names = self._labels.get(steps, [])
            parents, step = self._at(steps[:-1], places), steps[-1]
            if step[0] in "[{":
                places[steps] = [child for parent in parents for child in _next(parent, step, names)]
            else:
                places[steps] = [
                    (labels, row[step]) for labels, row in parents if isinstance(row, dict) and step in row
                ]
        return places[steps]


def _texts(fields: Iterable[Field], kind: Kind) -> dict[Steps, list[str]]:
    """Return the names of the texts of a kind, by the row that they are in, without lists of texts."""
    found: dict[Steps, list[str]] = {}
    for field in fields:
        *row, leaf = field.steps
        if field.series is kind and leaf.isidentifier() and not field.metric:
            found.setdefault(tuple(row), []).append(leaf)
    return found


def _info(field: Field, texts: dict[Steps, list[str]]) -> list[Family]:
    """Return the metric that has all texts of the row of `field`; none for a list of texts."""
    *row, leaf = field.steps
    if not leaf.isidentifier():
        return []
    # A text with a name of its own stands alone.
    names = (leaf,) if field.metric else tuple(texts[tuple(row)])
    name = field.metric or "_".join(("pistat", *_words(row)))
    text = f"Always 1; its labels say {', '.join(names)}."
    return [Family(name, Kind.INFO, text, tuple(row), texts=names)]


def _numbers(field: Field) -> list[Family]:
    """Return the metric of `field`; one for each position of a list of known length."""
    unit, factor = BASE.get(field.unit, ("", 1.0))
    steps = list(field.steps)
    ways = [steps]
    if steps[-1][0] == "[" and steps[-1][1:-1].isdigit():
        ways = [[*steps[:-1], f"[{position}]"] for position in range(int(steps[-1][1:-1]))]
    names = field.metric.split(",") if field.metric else [_name(steps, unit)]
    return [
        Family(f"{name}_{unit}" if unit else name, field.series, field.help, tuple(way), unit, factor)
        for name, way in zip(names, ways, strict=True)
    ]


def _name(steps: Sequence[str], unit: str) -> str:
    """Return the path with underscores, without what the end of the name says already."""
    words = _words(steps)
    words[-1] = LAST.get(words[-1], words[-1])
    return "_".join(part for part in ("pistat", *"_".join(words).split("_")) if part and part != unit)


def _words(steps: Sequence[str]) -> list[str]:
    return [NAMES.get(word, word) for word in steps if word.isidentifier()]


def _next(parent: tuple[str, Json], step: str, names: Sequence[str]) -> Samples:
    """Return the rows below `parent`, with labels that tell them apart; the one at `step`, if that is one."""
    labels, value = parent
    word = step[1:-1]
    if isinstance(value, dict):
        return [(_joined(labels, _label(word, key)), row) for key, row in value.items()]
    if not isinstance(value, list):
        return []
    if word.isdigit():
        return [(labels, value[int(word)])]
    return [
        (_joined(labels, _of_row(row, names) or _label(word, str(index))), row)
        for index, row in enumerate(value)
    ]


def _infos(family: Family, rows: Samples) -> Samples:
    found = [(labels, _of_row(row, family.texts)) for labels, row in rows]
    return [(_joined(labels, texts), 1) for labels, texts in found if texts]


def _of_row(row: Json, names: Iterable[str]) -> str:
    """Return the texts of a row as labels, without those that are null."""
    if not isinstance(row, dict):
        return ""
    return ",".join(_label(name, text) for name in names if isinstance(text := row.get(name), str))


def _joined(*labels: str) -> str:
    return ",".join(filter(None, labels))


def _label(name: str, text: str) -> str:
    """Return a label; what no terminal can show becomes U+FFFD, and the end of a line is escaped."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    return f'{name}="{text.translate(ESCAPES)}"'


def _lines(family: Family, rows: Samples) -> str:
    leaf, factor, series = family.leaf, family.factor, family.series
    # No two may have the same labels: Prometheus would refuse the one, or all.
    lines = {}
    for labels, row in rows:
        value = row if leaf is None else row.get(leaf) if isinstance(row, dict) else None
        if value is not None and (number := _number(value, factor)):
            lines[labels] = f"{series}{{{labels}}} {number}\n" if labels else f"{series} {number}\n"
    return "".join(lines.values())


def _number(value: Json, factor: float) -> str:
    """Return a value as text; empty for what is not a number: null, NaN, an infinity."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return ""
    # Rounded, since 27.07 % would be 0.27070000000000005.
    return repr(value + 0 if factor == 1 else round(value * factor, 9))


def bounded(values: Values) -> Values:
    """Return `values` with a bounded number of rows where programs and people make any number of them.

    The containers that run for the longest have rows of their own, so that those go on; the rest is summed.
    """
    containers, failed = values.get("containers") or [], values.get("failed") or []
    if max(len(containers), len(failed)) <= MOST_SERIES:
        return values
    if len(containers) > MOST_SERIES:
        ordered = sorted(containers, key=lambda row: row["started"] or math.inf)
        kept, rest = ordered[: MOST_SERIES - 1], ordered[MOST_SERIES - 1 :]
        containers = [*kept, {"name": "other", **{leaf: _sum(rest, leaf) for leaf in SUMMED}}]
    return {**values, "containers": containers, "failed": failed[:MOST_SERIES]}


SUMMED = ("cpu_percent", "memory", "processes")
"""What of containers can be summed."""


def _sum(rows: Iterable[dict[str, Json]], leaf: str) -> float | None:
    numbers = [value for row in rows if isinstance(value := row[leaf], (int, float))]
    return round(sum(numbers), 2) if numbers else None


MEASURED = Metrics(FIELDS)
FOUND = Metrics(report.METRICS)
OWN = Metrics(own.FIELDS)


def render(values: Values, found: Values, costs: Values, *, openmetrics: bool = False) -> bytes:
    """Return what was measured, what was found to be wrong, and what that has cost, as text."""
    parts = [
        *MEASURED.text(bounded(values), openmetrics=openmetrics),
        *FOUND.text(found, openmetrics=openmetrics),
        *OWN.text(costs, openmetrics=openmetrics),
    ]
    return "".join([*parts, "# EOF\n"] if openmetrics else parts).encode()
