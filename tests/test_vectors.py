"""The table of vectors is complete, and every row is put to a parser."""

from __future__ import annotations

import test_board
import test_kernel
import test_replies
from vectors import VECTORS

MODULES = (test_board, test_kernel, test_replies)


def test_each_vector_is_there_once() -> None:
    """The rows are those from 1 to 130, in order."""
    assert [each.number for each in VECTORS] == list(range(1, 131))


def test_each_vector_names_its_source() -> None:
    """A row says where such a text was seen, or that it was made up."""
    assert not [each.number for each in VECTORS if not each.source]


def test_each_parser_is_driven() -> None:
    """For each parser one test has its rows, so that no row is left to nobody."""
    driven = [parser for module in MODULES for parser in module.vectors.parsers]

    assert sorted(driven) == sorted({each.parser for each in VECTORS})
