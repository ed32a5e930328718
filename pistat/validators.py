"""Turns text into values, strictly: for settings and query parameters alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

BOOLEANS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


class BadValueError(ValueError):
    """A value that is not accepted; its text shows the part that is not, and what is."""


@dataclass(frozen=True)
class Kind:
    """What a value may be: how it is read, and how that is said to people."""

    read: Callable[[str], Any]
    accepts: str


def boolean(text: str) -> bool:
    """Accept `true`, `1`, `yes`, `on` or their opposites, in any case; ValueError for anything else."""
    try:
        return BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError from None


def whole(low: int, high: int) -> Kind:
    """Return the kind of a whole number in ASCII digits, without sign or separators."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return Kind(read, f"a whole number from {low} to {high}")


def decimal(low: int, high: int) -> Kind:
    """Return the kind of a number in ASCII digits, with or without decimals."""

    def read(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,9})?", text) or not low <= float(text) <= high:
            raise ValueError
        return float(text)

    return Kind(read, f"a number from {low} to {high}, such as 2 or 0.5")


FLAG = Kind(boolean, "true, false, 1, 0, yes, no, on or off")
