"""Whether an answer has the shape that its declarations promise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pistat.field import Field


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its path, such as `network.eth0.bytes_sent` and `devices[0].total`.

    A dot within a key becomes a one dot leader, so that dots part the keys of a path and nothing else.
    """
    if isinstance(value, dict):
        for key, each in value.items():
            name = key.replace(".", "\N{ONE DOT LEADER}")
            yield from leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, f"{path}[{index}]")
    else:
        yield path, value


def pattern(field: Field) -> re.Pattern[str]:
    """What the path of a leaf of `field` looks like. A name in braces is any key."""
    escaped = re.escape(field.path)
    escaped = re.sub(r"\\\[\w+\\\]", r"\\[\\d+\\]", escaped)
    return re.compile(re.sub(r"\\\{\w+\\\}", r"[^.]+", escaped))


def mismatches(answer: Any, fields: Sequence[Field]) -> list[str]:
    """What differs: undeclared leaves, leaves of a wrong type, declared leaves that are not there."""
    found = [(path, value) for path, value in leaves(answer) if path.split(".")[0] != "errors"]
    wrong = []
    for path, value in found:
        declared = [each for each in fields if pattern(each).fullmatch(path)]
        if not declared:
            wrong.append(f"{path} is not declared")
        elif value is not None and not any(_has_type(value, each.unit.type) for each in declared):
            wrong.append(f"{path} is {value!r}; expected {declared[0].unit.type.__name__}")
    return wrong + [f"{each.path} is missing" for each in fields if _missing(each, found, answer)]


def _has_type(value: Any, kind: type) -> bool:
    return isinstance(value, bool) == (kind is bool) and isinstance(
        value, (float, int) if kind is float else kind
    )


def _missing(field: Field, found: list[tuple[str, Any]], answer: Any) -> bool:
    """A leaf of a row may be nowhere: there may be no row, or the row may not be of the kind that has it."""
    if field.when or any(pattern(field).fullmatch(path) for path, _ in found):
        return False
    return not re.search(r"[\[{]", field.path) or _has_rows(field, answer)


def _has_rows(field: Field, answer: Any) -> bool:
    """Whether there is a row, and in one of them, for a leaf in a list, a list that is not empty."""
    rows = answer[field.key]
    found = [
        each
        for each in (rows.values() if isinstance(rows, dict) else rows)
        if isinstance(each, dict) and each
    ]
    inner = re.fullmatch(r".+\.(\w+)\[\w+\]", field.path)
    return any(each.get(inner[1], True) != [] if inner else each for each in found)
