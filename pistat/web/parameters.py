"""The parameters of the routes, each declared once, and their strict reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from pistat.text import did_you_mean, quoted
from pistat.validators import FLAG, decimal, whole

LATEST = 4_102_444_800
"""The year 2100, in Unix time: no reading is from later."""


class BadQueryError(ValueError):
    """A query that is refused; the text names the parameter, its value and what is accepted."""


@dataclass(frozen=True)
class Parameter:
    """A query parameter.

    Attributes:
        name: As it is written in the URL.
        default: Its value when it is absent, as a client would write it.
        accepts: What it accepts, in words that end a sentence with "expected ...".
        help: One sentence for people.
        read: Turns the text into a value, or raises ValueError; one with a text is the message itself.
        kind: The control that fits it: `flag`, `choice`, `number`, `time` or `list`.
        choices: The values of a choice or a list.
        bounds: The least and the greatest value of a number or a time.
        absent: The value of the default.
    """

    name: str
    default: str
    accepts: str
    help: str
    read: Callable[[str], Any]
    kind: str
    choices: tuple[str, ...] = ()
    bounds: tuple[int, int] = (0, 0)
    absent: Any = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "absent", self.read(self.default))


def flag(name: str, text: str, *, default: bool) -> Parameter:
    """Declare a parameter that is true or false."""
    return Parameter(name, str(default).lower(), FLAG.accepts, text, FLAG.read, "flag")


def choice(name: str, default: str, choices: Sequence[str], text: str) -> Parameter:
    """Declare a parameter that is one of a few words."""

    def read(value: str) -> str:
        if value not in choices:
            raise ValueError
        return value

    return Parameter(name, default, "one of " + ", ".join(choices), text, read, "choice", tuple(choices))


def number(name: str, default: int, low: int, high: int, text: str) -> Parameter:
    """Declare a parameter that is a whole number in plain ASCII digits."""
    kind = whole(low, high)
    return Parameter(name, str(default), kind.accepts, text, kind.read, "number", bounds=(low, high))


def moment(name: str, text: str) -> Parameter:
    """Declare a parameter that is a Unix time, as `timestamp` of an answer has it; 0 by default."""
    kind = decimal(0, LATEST)
    return Parameter(
        name, "0", f"a Unix time from 0 to {LATEST}", text, kind.read, "time", bounds=(0, LATEST)
    )


def names(name: str, known: Sequence[str], text: str, default: Sequence[str] = ()) -> Parameter:
    """Declare a comma-separated list of known names, by default all; read in the order of `known`."""

    def read(value: str) -> tuple[str, ...]:
        wanted = dict.fromkeys(part.strip(" ") for part in value.split(","))
        for key in wanted:
            if key not in known:
                raise ValueError(
                    f"{name} has {quoted(key)}; known {name} are {', '.join(known)}."
                    + did_you_mean(key, known)
                )
        return tuple(key for key in known if key in wanted)

    accepts = "a comma-separated list of " + ", ".join(known)
    return Parameter(name, ",".join(default or known), accepts, text, read, "list", tuple(known))


def parse(query: bytes, parameters: Sequence[Parameter]) -> Mapping[str, Any]:
    """Return the values of all `parameters`, by name, from the part of a URL after `?`.

    Raises:
        BadQueryError: A parameter is unknown, given twice, empty or out of range.
    """
    known = {parameter.name: parameter for parameter in parameters}
    values = {parameter.name: parameter.absent for parameter in parameters}
    if not query:
        return values
    seen: set[str] = set()
    for name, value in parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True):
        if name not in known:
            raise BadQueryError(_unknown(name, value, known))
        if name in seen:
            raise BadQueryError(f"{name} is given twice, the second time as {quoted(value)}; expected once.")
        seen.add(name)
        values[name] = _read(known[name], value)
    return values


def _read(parameter: Parameter, value: str) -> Any:
    try:
        return parameter.read(value)
    except ValueError as error:
        message = f"{parameter.name} is {quoted(value)}; expected {parameter.accepts}."
        raise BadQueryError(str(error) or message) from None


def _unknown(name: str, value: str, known: Mapping[str, Parameter]) -> str:
    accepted = f"the parameters here are {', '.join(known)}" if known else "this route takes no parameters"
    message = f"{quoted(name)} (with the value {quoted(value)}) is not a parameter; {accepted}."
    return message + did_you_mean(name, known)
