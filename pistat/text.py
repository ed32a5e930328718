"""Words for messages: to clients, and in the log."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def utc(seconds: float) -> datetime:
    """Return the date of a Unix time; the first or the last that there is for one before or after it.

    The functions of `time` end in 2038 where the C library counts in 32 bits: on 32-bit Arm up to Debian 12.
    """
    return EPOCH + timedelta(seconds=min(max(seconds, 0.0), (LAST - EPOCH).total_seconds()))


UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""What a terminal obeys or a reader does not see: all but line ends and tabs."""


def visible(text: str) -> str:
    """Return `text` with U+FFFD for each character that a terminal obeys or a reader does not see."""
    return UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


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
