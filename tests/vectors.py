"""The vectors of the Raspberry Pi hardware fact sheet, section E, and texts that no sheet has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st


class Vector(NamedTuple):
    """A row of the sheet: its number, the input, the expected value, and the sheet's note on it."""

    number: int
    text: Any
    expected: object
    note: str = ""


class Vectors:
    """Runs the tests of a module over rows of the sheet.

    Attributes:
        seen: The numbers of the rows.
        texts: Their inputs, as far as they are texts, and further samples.
    """

    def __init__(self, *samples: str) -> None:
        self.seen: list[int] = []
        self.texts = list(samples)

    def __call__(self, *table: Vector) -> pytest.MarkDecorator:
        """Run a test over rows, and count them as seen."""
        self.seen.extend(each.number for each in table)
        self.texts.extend(each.text for each in table if isinstance(each.text, str))
        rows = [
            pytest.param(each.text, each.expected, id=f"{each.number} {each.note}".strip()) for each in table
        ]
        return pytest.mark.parametrize(("text", "expected"), rows)


PATIENCE = timedelta(seconds=1)
"""How long one example may take."""

ANY_TEXT = st.text(st.characters())
REPEATED = st.builds(str.__mul__, st.text(st.characters(), min_size=1, max_size=20), st.integers(1, 1000))


def _spliced(text: str, start: int, length: int, piece: str) -> str:
    return text[:start] + piece + text[start + length :]


def spliced(texts: Sequence[str]) -> st.SearchStrategy[str]:
    """One of `texts`, with something else in place of a part."""
    return st.builds(_spliced, st.sampled_from(texts), st.integers(0, 99), st.integers(0, 9), ANY_TEXT)
