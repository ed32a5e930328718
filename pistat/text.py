"""Words for messages: to clients, and in the log."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def escaped(text: str, length: int) -> str:
    """Return `text` as one line: cut to `length`, control characters escaped."""
    cut = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def quoted(text: str, length: int = 64) -> str:
    """Return `text` in double quotes for a message: cut to `length`, control characters escaped."""
    return f'"{escaped(text, length)}"'


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str:
    """Return " Did you mean ...?" with the one of `known` nearest to `word`, or "" if none is near."""
    near = difflib.get_close_matches(word[:64], sorted(known), n=1)
    return f" Did you mean {prefix}{near[0]}?" if near else ""
