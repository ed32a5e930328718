"""Whether an answer has the shape that its declarations promise."""

from __future__ import annotations

import math
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


def named_leaves(value: Any) -> dict[str, Any]:
    """Every leaf by its path; a row of a list has its PID, mount point or name there, if it has one."""
    return dict(leaves(_named(value)))


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _named(each) for key, each in value.items()}
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return {f"[{_name(each, place)}]": _named(each) for place, each in enumerate(value)}
    return value


def _name(row: dict[str, Any], place: int) -> str:
    return next((str(row[key]) for key in ("pid", "mountpoint", "id", "name") if row.get(key)), str(place))


def outside(value: Any, schema: Any, path: str = "") -> Iterator[str]:
    """What of an answer is outside of the bounds that its schema has for numbers and for lengths."""
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, each in value.items():
            yield from outside(each, known.get(key, others) or {}, f"{path}.{key}")
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{path} has {len(value)} items"
        for place, each in enumerate(value):
            yield from outside(each, schema.get("items", {}), f"{path}[{place}]")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        if not (math.isfinite(value) and least <= value <= most):
            yield f"{path} is {value!r:.80}; expected {least} to {most}"


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
