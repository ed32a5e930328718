"""The guide for terminals, one screen: how the machine is doing, routes to copy, where to go on."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pistat.formats import top
from pistat.formats.terminal import plain
from pistat.routes import DIAGNOSIS, DOCS, GUIDE, ROUTES, STATS, TOP, Route

FIRST = (TOP, DIAGNOSIS, STATS)
"""The routes that stand at the beginning."""

LOCKED = (
    "This machine needs a token: put -H 'X-API-Key: TOKEN' after each curl, with the token in place of TOKEN."
)


def text(base: str, name: str | None, diagnosis: Mapping[str, Any] | None) -> str:
    """Return the guide.

    Args:
        base: Host and port for the lines to copy.
        name: What the machine calls itself.
        diagnosis: The answer of /diagnosis; None for a client that has not shown the token.
    """
    verdict = LOCKED if diagnosis is None else _verdict(name, diagnosis)
    lines = textwrap.wrap(verdict, top.WIDTH, max_lines=2, placeholder=" ...")
    return "\n".join([*lines, "", _commands(base), ""])


def _verdict(name: str | None, diagnosis: Mapping[str, Any]) -> str:
    who = plain(name or "This machine", 20)
    return f"{who}: {top.WORDS[diagnosis['status']]}. {plain(diagnosis['sentence'], 200)}"


@lru_cache(maxsize=8)
def _commands(base: str) -> str:
    """Return a line to copy for each route, and where the rest is."""
    return "\n".join(_lines(base))


def _lines(base: str) -> Iterator[str]:
    """Yield the lines; if the address is long, it goes into a variable first."""
    routes = [*FIRST, *(route for route in ROUTES if route not in {*FIRST, GUIDE})]
    direct = _beside(
        [(f"curl {shlex.quote(base + _target(route))}", f"# {_shows(route)}") for route in routes]
    )
    if max(map(len, direct)) <= top.WIDTH:
        yield from direct
        yield ""
        rest, page = (
            f"Everything else: curl -s {shlex.quote(base + DOCS.path)} | less",
            f"http://{base}/ in a browser.",
        )
        together = f"{rest}, or {page}"
        yield from [together] if len(together) <= top.WIDTH else [rest, f"Or {page}"]
    else:
        yield f"PI={base}"
        yield from _beside([(f'curl "$PI{_target(route)}"', f"# {_shows(route)}") for route in routes])
        yield ""
        yield f'Everything else: curl -s "$PI{DOCS.path}" | less, or the same address in a browser.'


def _beside(commands: list[tuple[str, str]]) -> list[str]:
    """Return commands with what they show, in a column of its own as far as the lines have room for that."""
    column = min(
        max(len(command) for command, _ in commands),
        top.WIDTH - 2 - max(len(comment) for _, comment in commands),
    )
    return [f"{command:<{column}}  {comment}" for command, comment in commands]


def _target(route: Route) -> str:
    return route.path + (route.examples[0][0] if route.examples else "")


def _shows(route: Route) -> str:
    return route.examples[0][1] if route.examples else route.summary
