"""The table of vectors is complete, and every row is put to a parser."""

from __future__ import annotations

import re
from pathlib import Path

from support.parser_vectors import VECTORS

DRIVEN = re.compile(r"^@vectors\(\"(\w+)\"\)$", re.MULTILINE)
"""A test that is run over the rows of one parser."""


def test_each_vector_is_there_once() -> None:
    """The rows are those from 1 to 130, in order."""
    assert [each.number for each in VECTORS] == list(range(1, 131))


def test_each_vector_names_its_source() -> None:
    """A row says where such a text was seen, or that it was made up."""
    assert not [each.number for each in VECTORS if not each.source]


def test_each_parser_is_driven() -> None:
    """For each parser one test has its rows, so that no row is left to nobody."""
    tests = Path(__file__).with_name("parsers").glob("test_*.py")
    driven = [parser for test in tests for parser in DRIVEN.findall(test.read_text(encoding="utf-8"))]

    assert sorted(driven) == sorted({each.parser for each in VECTORS})
