"""Words for messages: to clients, and in the log."""

from __future__ import annotations


def escaped(text: str, length: int) -> str:
    """`text` in one line: cut to `length`, control characters escaped."""
    cut = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def quoted(text: str, length: int = 64) -> str:
    """`text` in double quotes for a message of one line: cut to `length`, control characters escaped."""
    return f'"{escaped(text, length)}"'
