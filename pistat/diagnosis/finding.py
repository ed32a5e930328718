"""What a finding is: the declaration from which the answer, the events, the alerts and the docs are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from pistat.diagnosis.past import Past
from pistat.text import escaped

if TYPE_CHECKING:
    from pistat.machine.machine import Machine
    from pistat.machine.reasons import Unavailable

HOUR = 3600.0
DAY = 86_400.0

NAME_LENGTH = 48
"""Characters of a name from the machine, such as that of a process, that a text repeats."""


class Severity(IntEnum):
    """How bad something is; `label` is the word that answers use."""

    OK = 0
    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def label(self) -> str:
        """The word for it in answers, such as `warning`."""
        return self.name.lower()

    @classmethod
    def named(cls, label: str) -> Severity:
        """Return the severity that a word stands for."""
        return cls[label.upper()]


class Unknown(str):
    """Why something cannot be judged, as a sentence, where no reading is missing."""

    __slots__ = ()


Measured: TypeAlias = "float | bool | Unknown | Mapping[str, float | bool | None] | None"
"""What a finding looks at: one value, one for each subject, or None where its reading is null."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A limit with its hysteresis, and how bad it is to be beyond it.

    Attributes:
        severity: How bad it is.
        limit: The value beyond which the stage begins.
        clear: The value at which it ends.
        hold: Seconds for which the value must be beyond the limit before the stage begins.
        clear_hold: Seconds for which the value must be clear before it ends.
        at_least: Whether the limit itself counts as beyond.
    """

    severity: Severity
    limit: float
    clear: float
    hold: float = 0.0
    clear_hold: float = 60.0
    at_least: bool = False


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing that may be wrong.

    The texts are templates; `{subject}`, `{value}` and what `words` gives are filled in.

    Attributes:
        id: Its name for programs, such as `power.under_voltage`.
        reads: The fields that it looks at, by their paths in the answers.
        measure: Returns the value that the limits are for; for each subject where it has several.
        stages: The limits, from the least severe on.
        title: What is wrong, as a headline.
        text: What it is and what follows from it, for a person who owns one Pi.
        advice: What to do about it.
        source: The address of the document that explains it.
        second_source: The address of an independent second source, for a critical limit that rests on the figure of a
            project; empty otherwise.
        basis: Where the limits come from, in words.
        condition: The condition, as the documentation says it.
        below: Whether a value is bad that is below the limit.
        words: Returns further words for the texts, given the moment, the subject and the value.
        lacks: Returns why this machine cannot be judged, or None if it can.
        not_for: Returns why this machine cannot have it, or None if it can; then it is not mentioned.
        accepts: The smallest and the largest limit that an owner may set; None where there is no number.
        alert: The name of the hand-written Prometheus alert for it; empty where one is generated.
        now: Whether one reading can show it; otherwise `measure` needs earlier ones.
        implied_by: The ID of a finding that says the same and more: while that one lasts, this one is not listed.
    """

    id: str
    reads: tuple[str, ...]
    measure: Callable[[Moment], Measured]
    stages: tuple[Stage, ...]
    title: str
    text: str
    advice: str
    source: str
    basis: str
    condition: str
    second_source: str = ""
    below: bool = False
    words: Callable[[Moment, str, float], dict[str, str]] | None = None
    lacks: Callable[[Machine], Unavailable | None] | None = None
    not_for: Callable[[Machine], Unavailable | None] | None = None
    accepts: tuple[float, float] | None = None
    alert: str = ""
    now: bool = True
    implied_by: str = ""
    keys: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", frozenset(steps(path)[0] for path in self.reads))


def flag(severity: Severity, *, hold: float = 0.0, clear_hold: float = 60.0) -> Stage:
    """Return the stage of a condition that is true or false."""
    return Stage(severity, 0.5, 0.5, hold, clear_hold)


def graded(*severities: Severity, hold: float = 0.0) -> tuple[Stage, ...]:
    """Return the stages of a measure that is 0 for well, 1 for the first severity, 2 for the next."""
    return tuple(
        Stage(severity, number - 0.5, number - 0.5, hold) for number, severity in enumerate(severities, 1)
    )


def recent(severity: Severity, seconds: float = DAY) -> Stage:
    """Return the stage of something that happened; its measure is the seconds since then, `below` is set."""
    return Stage(severity, seconds, seconds, clear_hold=0.0)


@lru_cache(maxsize=256)
def steps(path: str) -> tuple[str, ...]:
    """Return the keys on the way to a leaf; `devices[row].total` is `("devices", "total")`."""
    return tuple(part.partition("[")[0] for part in path.split(".") if not part.startswith("{"))


@dataclass(slots=True)
class Moment:
    """What is known at one time.

    Attributes:
        boot: The boot clock, in seconds.
        wall: The wall clock, in Unix seconds.
        values: The readings, by the top-level keys of the answers.
        past: What earlier samples have left; None where there are none, for findings that do not need them.
        boots: When the machine was started, as far as it was recorded; None without a state directory.
        processes: The names of those that use most of the `cpu` and of the `memory`, once they were looked for.
    """

    boot: float
    wall: float
    values: Mapping[str, Any]
    past: Past | None = None
    boots: Boots | None = None
    processes: Mapping[str, str] = field(default_factory=dict)

    def get(self, *path: str) -> Any:
        """Return the reading at the end of `path`; None where it or something on the way is null."""
        value: Any = self.values.get(path[0])
        for key in path[1:]:
            if value.__class__ is not dict:
                return None
            value = value.get(key)
        return value

    def rows(self, *path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the name and the content of each row of an object; what is no row is left out."""
        found = self.get(*path)
        for name, row in found.items() if isinstance(found, dict) else ():
            if row.__class__ is dict:
                yield name, row

    def filesystems(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the mount point and the row of each filesystem."""
        for row in self.values.get("devices") or ():
            yield row["mountpoint"], row


@dataclass(frozen=True, slots=True)
class Boots:
    """When this machine was started.

    Attributes:
        times: The wall times of the recorded starts of the last week, this one last.
        unclean: Whether no shutdown went before this start; None where this is the first that is recorded.
        unclean_in_week: How many starts of the last week had no shutdown before them.
    """

    times: tuple[float, ...]
    unclean: bool | None
    unclean_in_week: int


def name(text: object) -> str:
    """Return a name that comes from the machine as it may stand in a text: one short line."""
    return escaped(str(text), NAME_LENGTH)


def ago(seconds: float) -> str:
    """Return a span of time in words, such as `3 hours`."""
    for size, word in ((DAY, "day"), (HOUR, "hour"), (60.0, "minute")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {word}{'' if number == 1 else 's'}"
    return "less than a minute"


def within(seconds: float) -> str:
    """Return a span in which something happened, never too short, such as `the last 4 hours`."""
    size, word = (HOUR, "hour") if seconds > HOUR else (60.0, "minute")
    number = max(1, math.ceil(seconds / size))
    return f"the last {word}" if number == 1 else f"the last {number} {word}s"


def gigabytes(size: float) -> str:
    """Return a size in words, such as `3.2 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
