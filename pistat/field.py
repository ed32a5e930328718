"""What a measurement is: the declarations that everything else is generated from or checked against."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from pistat.parsers.values import Json, percent  # noqa: F401 - handed on

if TYPE_CHECKING:
    from pistat.machine.machine import Machine
    from pistat.machine.reasons import Unavailable

Values: TypeAlias = "dict[str, Any]"
"""What a collector returns: a value for each of its top-level keys."""


STEP = re.compile(r"\w+|\{\w+\}|\[\w+\]")
"""A key, any key of an object, or any place in a list."""


class Unit(Enum):
    """A unit as the documentation prints it, and the JSON type of a value in it."""

    AMPERES = ("A", float)
    ANY = ("any", object)
    BITS_PER_SECOND = ("bit/s", int)
    BYTES = ("B", int)
    CELSIUS = ("°C", float)
    COUNT = ("count", int)
    DBM = ("dBm", int)
    FLAG = ("true/false", bool)
    HERTZ = ("Hz", int)
    LOAD = ("load", float)
    MEGABIT_PER_SECOND = ("Mbit/s", int)
    MEGAHERTZ = ("MHz", float)
    MILLISECONDS = ("ms", int)
    NUMBER = ("number", int)
    PERCENT = ("%", float)
    RPM = ("rpm", int)
    SECONDS = ("s", float)
    TEXT = ("text", str)
    UNIX_TIME = ("Unix s", float)
    VOLTS = ("V", float)
    WATTS = ("W", float)

    @property
    def symbol(self) -> str:
        """The unit as people write it, such as `°C`."""
        symbol: str = self.value[0]
        return symbol

    @property
    def type(self) -> type:
        """The Python type of a value that is not null."""
        kind: type = self.value[1]
        return kind


class Kind(Enum):
    """What a leaf is to Prometheus."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"
    """A text: a label of a series that is always 1."""
    LABEL = "label"
    """A text that tells its row from the others: a label of all that is in the row."""


@dataclass(frozen=True, slots=True)
class Field:
    """One leaf of an answer.

    Attributes:
        path: Where it stands: keys joined by dots, `[core]` for a list with an entry a core, `[3]` for one
            of three, `{interface}` for an object with one key an interface.
        unit: Unit and JSON type. Every leaf may also be null: this machine has no such thing, or it failed.
        help: One sentence for people: what it is, and since when.
        source: Where it is read.
        when: For a leaf that is only in some rows: in which, such as "for wireless interfaces".
        unless: Why this machine cannot have it, or does not show it; None where it may.
        kind: What it is to Prometheus; by default a text is INFO, and everything else a GAUGE.
        metric: Its name there, without unit, where the path gives no good one; for a list of known length
            the names of its positions, with commas between.
        most: The largest value, for a percentage.
    """

    path: str
    unit: Unit
    help: str
    source: str
    when: str = ""
    unless: Callable[[Machine], Unavailable | None] | None = None
    kind: Kind | None = None
    metric: str = ""
    most: float = 100.0

    @property
    def key(self) -> str:
        """The top-level key of the answer that holds this leaf."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]

    @property
    def steps(self) -> tuple[str, ...]:
        """The way to it, such as `("devices", "[row]", "total")`."""
        return tuple(STEP.findall(self.path))

    @property
    def series(self) -> Kind:
        """What it is to Prometheus."""
        return self.kind or (Kind.INFO if self.unit is Unit.TEXT else Kind.GAUGE)


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A reading of which some leaves failed: they are null in `values`, and `why` says so in one clause."""

    values: Values
    why: str


Reading: TypeAlias = "Values | Incomplete"
Reader: TypeAlias = "Callable[[Machine], Reading]"


@dataclass(frozen=True, eq=False, repr=False)
class Collector:
    """A function that reads some fields together, with the fields it promises.

    Attributes:
        name: The name of the function, for the log.
        fields: Its leaves, in the order of the answer.
        read: Reads them on Linux. Returns one value for each of `keys`.
        elsewhere: Reads what is known on macOS, Windows and the rest; None where nothing is.
        deadline: Seconds after which its leaves are given up, as null.
    """

    name: str
    fields: tuple[Field, ...]
    read: Reader
    elsewhere: Reader | None
    deadline: float
    keys: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(dict.fromkeys(each.key for each in self.fields)))

    def __repr__(self) -> str:
        return self.name

    def collect(self, machine: Machine) -> Reading:
        """Read all fields once, by the way that fits the platform; null for what is unknown there."""
        if machine.linux:
            return self.read(machine)
        found = self.elsewhere(machine) if self.elsewhere else {}
        return found if isinstance(found, Incomplete) else {**self.nulls(machine), **found}

    def nulls(self, machine: Machine) -> Values:
        """The shape of the answer with every leaf null: objects and lists of known length stay."""
        values: Values = {}
        for each in self.fields:
            _plant(values, each.path, machine.cores)
        return values


def collector(
    *fields: Field, elsewhere: Reader | None = None, portable: bool = False, deadline: float = 1.0
) -> Callable[[Reader], Collector]:
    """Declare what the decorated function reads; it is replaced by a `Collector` of the same name.

    What is `portable` reads them on every platform.
    """

    def declare(read: Reader) -> Collector:
        return Collector(read.__name__, fields, read, read if portable else elsewhere, deadline)

    return declare


def _plant(values: Values, path: str, cores: int) -> None:
    """Put a null at `path`; rows of unknown number (`{interface}`, `[row]`) stay an empty object or list."""
    parent: Values = values
    steps = path.split(".")
    for step in steps[:-1]:
        if step.startswith("{"):
            return
        if step.endswith("]"):
            parent[step.partition("[")[0]] = []
            return
        parent = parent.setdefault(step, {})
    name, _, length = steps[-1].partition("[")
    if name.startswith("{"):
        return
    parent[name] = [None] * _length(length.rstrip("]"), cores) if length else None


def _length(word: str, cores: int) -> int:
    return cores if word == "core" else int(word) if word.isdigit() else 0
