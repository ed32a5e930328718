"""The diagnosis as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pistat.formats.quantities import NO_BREAK, lasting
from pistat.parsers.values import Json
from pistat.text import escaped

TEXT = "text/plain; charset=utf-8"
WIDTH = 78
INDENT = "    "
LONGEST = 1000


def text(document: dict[str, Json]) -> str:
    """Return the answer of /diagnosis as lines: its sentence, and a paragraph for each finding."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: dict[str, Any]) -> Iterator[str]:
    yield from _wrapped(document["sentence"])
    for finding in document["findings"]:
        yield ""
        yield from textwrap.wrap(
            f"{finding['severity'].upper():<9} {_plain(finding['title'])}", WIDTH, subsequent_indent=" " * 10
        )
        yield f"{INDENT}First seen {seen(document, finding)} ago."
        yield from _wrapped(finding["text"], INDENT)
        yield from _wrapped(f"What to do: {finding['advice']}", INDENT)
    if document["unknown"]:
        yield ""
        yield "Not checked, so not known to be well:"
        for unknown in document["unknown"]:
            yield from _wrapped(f"{unknown['id']}: {unknown['reason']}", INDENT)


def seen(document: Mapping[str, Any], finding: Mapping[str, Any]) -> str:
    """Return for how long a finding has lasted, such as `3 h 32 min`, as far as pi-stat saw it."""
    return lasting(max(0.0, document["timestamp"] - finding["since"])).replace(NO_BREAK, " ")


def _wrapped(paragraph: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        _plain(paragraph), WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _plain(paragraph: str) -> str:
    """Return a text that no terminal takes for commands, and without the marks of code."""
    return escaped(paragraph, LONGEST).replace("`", "")
