"""Text for a terminal: columns, headings, commands with their comments, names that are safe."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 78
"""Columns of the reference as text. A terminal has 80."""

DEGREE = "°"
LAST_LETTER = "\u052f"
"""Letters up to here (Latin, Greek, Cyrillic) are one column wide in every terminal."""

ALIAS = "PI"
"""Stands for a long address in the reference as text."""


def shortened_base(base: str, lines: Iterable[str]) -> str:
    """Return `base`, or a word that stands for it where one of `lines`, which contain it, is too wide."""
    return base if max(map(len, lines)) <= WIDTH else ALIAS


def to_ascii(text: str) -> str:
    """Return `text` for a terminal of any age: C for °C, and names without backticks."""
    return text.replace("°", "").replace("`", "")


def row(cells: Sequence[str], *columns: int) -> str:
    """Return `cells` beginning at `columns`, each wrapped there; one that finds no room begins a new line."""
    lines = [""]
    for cell, column in zip(cells, columns, strict=True):
        for piece in _wrapped(to_ascii(cell), WIDTH - column):
            if lines[-1] and len(lines[-1]) > column - 2:
                lines.append("")
            lines[-1] = lines[-1].ljust(column) + piece
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    """Return the lines of `text`; a path that is longer than a line is cut after a slash."""
    words = (word if len(word) <= width else _cut(word, width) for word in text.split())
    return textwrap.wrap(" ".join(words), width, break_long_words=False, break_on_hyphens=False)


def _cut(word: str, width: int) -> str:
    at = word.rfind("/", 0, width) + 1
    return f"{word[:at]} {word[at:]}"


def heading(title: str) -> str:
    """Return `title` with a rule after it."""
    return f"{title} ".ljust(WIDTH, "-")


def side_by_side(pairs: Iterable[tuple[str, str]]) -> str:
    """Return commands with their meaning as a comment beside them, or above them if one is too long."""
    lines = [(command, f"# {meaning}") for command, meaning in pairs]
    column = WIDTH - max(len(comment) for _, comment in lines)
    together = [f"{command:{column - 1}} {comment}" for command, comment in lines]
    if max(map(len, together)) > WIDTH:
        together = [f"{comment}\n{command}" for command, comment in lines]
    return "\n".join(together)


# Names from the machine


def plain(name: object, width: int) -> str:
    """Return a name from the machine as a terminal may get it, in at most `width` columns."""
    shown = "".join(
        character
        if " " <= character <= "~"
        or character == DEGREE
        or (character <= LAST_LETTER and character.isalpha())
        else "?"
        for character in str(name)
    )
    return shown if len(shown) <= width else f"{shown[: width - 2]}.."
