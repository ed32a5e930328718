"""Turns text into values, strictly: for settings and query parameters alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

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


@dataclass(frozen=True)
class Url:
    """An address to which something is sent; it may hold secrets, so it has no text of its own.

    Attributes:
        scheme: In lower case, such as `https` or `ntfy`.
        host: A name or an address, without brackets.
        port: As given; None for the usual one of the scheme.
        path: The path with the query, from its first slash on.
        credentials: `user:password`, as given but percent-decoded; empty for none.
    """

    scheme: str
    host: str
    port: int | None
    path: str = field(repr=False)
    credentials: str = field(default="", repr=False)

    @property
    def tls(self) -> bool:
        """Whether it is reached over TLS."""
        return self.scheme in {"https", "mqtts", "ntfy"}


def urls(*schemes: str, path: str = r"(?:[/?#][!-~]*)?") -> Callable[[str], tuple[Url, ...]]:
    """Return what reads URLs with commas between them, of these schemes and with such a path."""
    pattern = re.compile(
        r"([a-z+]+)://(?:([^@/?#\s\ud800-\udfff]*)@)?"
        r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([0-9]{1,5}))?(" + path + ")",
        re.ASCII | re.IGNORECASE,
    )

    def read(text: str) -> tuple[Url, ...]:
        return tuple(_url(pattern.fullmatch(part.strip(" ")), schemes) for part in text.split(",") if text)

    return read


def _url(found: re.Match[str] | None, schemes: tuple[str, ...]) -> Url:
    if not found or found[1].lower() not in schemes or not 0 < int(found[5] or 1) < 65536:  # noqa: PLR2004
        raise ValueError
    port = int(found[5]) if found[5] else None
    path = found[6].partition("#")[0]
    path = path if path.startswith("/") else f"/{path}"
    return Url(found[1].lower(), found[3] or found[4], port, path, unquote(found[2] or ""))
