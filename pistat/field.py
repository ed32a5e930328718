"""What a measurement is: the declarations that everything else is generated from or checked against."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from pistat.parsers.values import Json, percent  # noqa: F401 - handed on

if TYPE_CHECKING:
    from pistat.machine.machine import Machine
    from pistat.machine.reasons import Unavailable

T = TypeVar("T")

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
    BYTES_PER_SECOND = ("B/s", float)
    CELSIUS = ("°C", float)
    COUNT = ("count", int)
    DBM = ("dBm", int)
    FLAG = ("true/false", bool)
    HERTZ = ("Hz", int)
    KILOBYTES = ("kB", int)
    LOAD = ("load", float)
    MEGABIT_PER_SECOND = ("Mbit/s", int)
    MEGAHERTZ = ("MHz", float)
    MILLISECONDS = ("ms", int)
    NUMBER = ("number", int)
    PERCENT = ("%", float)
    RPM = ("rpm", int)
    SECONDS = ("s", float)
    TEXT = ("text", str)
    VARIOUS = ("as `unit` says", float)
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
    RATE = "rate"
    """How fast a counter grows. It is left out, for Prometheus computes rates itself, over any interval."""
    LABEL = "label"
    """A text that tells its row from the others: a label of all that is in the row."""


# Where a leaf is read. The text of a source is what the documents show.


@dataclass(frozen=True, slots=True)
class File:
    """A file of this machine.

    Attributes:
        path: Its path. `*` stands for any part of a name, `PID` for the number of any process.
        row: Which row or column of it, where that helps the reader.
    """

    path: str
    row: str = ""

    def __str__(self) -> str:
        return f"{self.row} of {self.path}" if self.row else self.path


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the firmware, such as `measure_volts core`."""

    text: str

    def __str__(self) -> str:
        return f"firmware: {self.text}"


@dataclass(frozen=True, slots=True)
class Call:
    """Something that the kernel or a library of the system is asked for.

    Attributes:
        name: What is asked for.
        of: Of which thing.
        shown_in: The file that shows the same, and may be read in its place.
    """

    name: Literal[
        "CLOCK_BOOTTIME",
        "CLOCK_REALTIME",
        "D-Bus",
        "ethtool",
        "netlink",
        "nl80211",
        "stat",
        "statvfs",
        "uname",
    ]
    of: str = ""
    shown_in: File | None = None

    def __str__(self) -> str:
        name = f"{self.name} of {self.of}" if self.of else self.name
        return f"{name}, as in {self.shown_in}" if self.shown_in else name


@dataclass(frozen=True, slots=True)
class Derived:
    """Something that is worked out here.

    Attributes:
        how: How, for the reader.
        inputs: What it is worked out from; without one of them there is no value.
    """

    how: str
    inputs: tuple[Place, ...] = ()

    def __str__(self) -> str:
        return self.how


@dataclass(frozen=True, slots=True)
class FirstOf:
    """Places of which the first that has a value is taken."""

    places: tuple[Place, ...]

    def __str__(self) -> str:
        return ", else ".join(map(str, self.places))


Place: TypeAlias = "File | Question | Call | Derived"
Source: TypeAlias = "Place | FirstOf"


def first_of(*places: Source) -> FirstOf:
    """Return the source that takes the first of `places` that has a value."""
    return FirstOf(tuple(alternative for place in places for alternative in alternatives(place)))


def alternatives(source: Source) -> tuple[Place, ...]:
    """Return the places of which any one is enough."""
    return source.places if isinstance(source, FirstOf) else (source,)


def places(source: Source) -> Iterator[File | Question | Call]:
    """Yield everything that is read for `source`, at whatever depth."""
    for place in alternatives(source):
        if isinstance(place, Derived):
            for inner in place.inputs:
                yield from places(inner)
        else:
            yield place


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
        partial: Why some of its values are not shown; None where all are.
        kind: What it is to Prometheus; by default a text is INFO, and everything else a GAUGE.
        metric: Its name there, without unit, where the path gives no good one; for a list of known length
            the names of its positions, with commas between.
        most: The largest value, for a percentage.
    """

    path: str
    unit: Unit
    help: str
    source: Source
    when: str = ""
    unless: Callable[[Machine], Unavailable | None] | None = None
    partial: Callable[[Machine], Unavailable | None] | None = None
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
    """A reading of which some leaves failed: they are null in `values`, and `failures` has the errors."""

    values: Values
    failures: tuple[Exception, ...]


def attempted(read: Callable[[], T], nothing: T) -> tuple[T, tuple[Exception, ...]]:
    """Return what `read()` returns, or `nothing` and the error, for a part of what a collector reads."""
    try:
        return read(), ()
    except (OSError, ValueError, LookupError) as error:
        return nothing, (error.with_traceback(None),)


def incomplete(values: Values, failures: tuple[Exception, ...]) -> Reading:
    """Return `values`; as `Incomplete` if a part of them has failed."""
    return Incomplete(values, failures) if failures else values


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
        finds: What it reads besides the sources of its fields, to find those and to know what applies.
    """

    name: str
    fields: tuple[Field, ...]
    read: Reader
    elsewhere: Reader | None
    deadline: float
    finds: tuple[Source, ...] = ()
    keys: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(dict.fromkeys(leaf.key for leaf in self.fields)))

    def __repr__(self) -> str:
        return self.name

    def collect(self, machine: Machine) -> Reading:
        """Read all fields once, by the way that fits the platform; null for what is unknown there."""
        if machine.linux:
            return self.read(machine)
        found = self.elsewhere(machine) if self.elsewhere else {}
        return found if isinstance(found, Incomplete) else {**self.nulls(machine), **found}

    def nulls(self, machine: Machine) -> Values:
        """Return the shape of the answer with every leaf null: objects and lists of known length stay."""
        values: Values = {}
        for leaf in self.fields:
            _put_null(values, leaf.path, machine.cores)
        return values


def collector(
    *fields: Field,
    elsewhere: Reader | None = None,
    portable: bool = False,
    deadline: float = 1.0,
    finds: tuple[Source, ...] = (),
) -> Callable[[Reader], Collector]:
    """Declare what the decorated function reads; it is replaced by a `Collector` of the same name.

    What is `portable` reads them on every platform.
    """

    def declare(read: Reader) -> Collector:
        return Collector(read.__name__, fields, read, read if portable else elsewhere, deadline, finds)

    return declare


def _put_null(values: Values, path: str, cores: int) -> None:
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
