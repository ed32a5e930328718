"""The style and the script of the page in fewer bytes, by rules as simple as can be.

They serve our own two files, not every file. In the script no template stands in another, a regular
expression has no blank, a key has none before its colon but the colon of a condition has one, `let a, b` is
not written without values, `{ a, b }` is not written for `{ a: a, b: b }`, no sign stands after a sign, and a
line that begins with `const` or `let` holds nothing else.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from string import ascii_letters

TOKEN = re.compile(
    r"""
    (?P<template>`(?:\\.|[^`\\])*`)
    | (?P<text>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*')
    | (?P<pattern>(?:(?<=[(,])|(?<==[ ]))/(?:\\.|\[(?:\\.|[^]\\])*]|[^/\\\[\s])+/)
    | (?P<blank>(?:\s | //[^\n]* | /\*.*?\*/)+)
    | (?P<name>(?:(?<=\.\.\.)|(?<![\w$.]))[A-Za-z]\w*(?!\w*:))
    """,
    re.DOTALL | re.VERBOSE,
)
"""What is looked at: templates, strings, regular expressions, blanks and comments, names that are no keys."""

DECLARED = re.compile(
    r"(?:const|let|,) (\w+) ="
    r"|\b(?:const|let) (\w+)"
    r"|\b(?:const|let) \[([\w, ]+)\]"
    r"|\bfunction (\w+)\(([^)]*)\)"
    r"|(\w+) =>"
    r"|\(([\w., =\"\[\]]*)\) =>"
)
"""Where the script gives names, one or some with commas between."""

DECLARATIONS = re.compile(r"^( *)(?:const|let) .*;(?:\n\1(?:const|let) .*;)+$", re.MULTILINE)
"""Lines of one block in which names are given, one after the other."""

PUNCTUATION = '{}()[];,=?:<>&|*!+-/%"`'
"""Beside these a script needs no blank."""

NEEDLESS = re.compile(r"(?<=:) |(?<=@media) | (?=!)|;(?=})| (?=\+ \D)|(?<= \+) (?=\D)")
"""In a style sheet. A sum, which goes on with a digit, must keep its blanks; a + in a selector needs none."""

SAME = {"const": "let", "true": "!0", "false": "!1"}
"""Shorter words for the same."""


def css(text: str) -> str:
    """A style sheet without comments and needless blanks, its variables called by a letter or two."""
    tight = TOKEN.sub(lambda found: _tight(found, "{};,>"), text).strip()
    variables = Counter(re.findall(r"--[a-z-]+", tight)).most_common()
    short = {name: f"--{letter}" for (name, _), letter in zip(variables, ascii_letters, strict=False)}
    tight = re.sub(r"--[a-z-]+", lambda found: short[found[0]], tight)
    return NEEDLESS.sub("", tight)


def js(text: str) -> str:
    """A script without comments and needless blanks, its own names as short as can be."""
    short = dict(zip(_by_use(text), _unused(text), strict=False))

    def renamed(found: re.Match[str]) -> str:
        if found["name"]:
            return SAME.get(found["name"]) or short.get(found["name"], found["name"])
        if found["template"]:
            return re.sub(r"\$\{[^}]*\}", lambda inner: TOKEN.sub(renamed, inner[0]), found["template"])
        return _tight(found, PUNCTUATION)

    together = DECLARATIONS.sub(lambda found: re.sub(r";\n *(?:const|let) ", ", ", found[0]), text)
    return TOKEN.sub(renamed, together).strip().replace(";}", "}")


def _tight(found: re.Match[str], around: str) -> str:
    if not found["blank"]:
        return found[0]
    start, end = found.span()
    if found.string[start - 1 : start] in around or found.string[end : end + 1] in around:
        return ""
    return "\n" if "\n" in found[0] else " "


def _by_use(text: str) -> list[str]:
    """The names that the script gives, those first that it uses most."""
    given = {
        name
        for found in DECLARED.finditer(text)
        for part in found.groups()
        for name in re.findall(r"(?:^|[,\[.] ?)([A-Za-z]\w*)", part or "")
    }
    uses = Counter(re.findall(r"\w+", text))
    return sorted(given, key=lambda name: (-uses[name], name))


def _unused(text: str) -> Iterator[str]:
    """Short names that do not stand in the script, whatever they may be there."""
    taken = set(re.findall(r"\w+", text))
    words = ("".join(each) for length in (1, 2) for each in itertools.product(ascii_letters, repeat=length))
    return (each for each in words if each not in taken and each not in {"do", "if", "in", "of", "as"})
