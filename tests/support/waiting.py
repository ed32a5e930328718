"""Waiting on a machine that does other things, too: for what comes, or for a moment without them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from support.daemon import Answer, Daemon

Wrong = TypeVar("Wrong")


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether `check` comes true."""
    until = time.monotonic() + seconds
    while not check():
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


def at_best(look: Callable[[], list[Wrong]], seconds: float = 30.0) -> list[Wrong]:
    """What is wrong each time that one looks, for so long; nothing, as soon as nothing is.

    What others do to this machine can spoil a comparison of two moments, or a limit of time; they cannot
    make one hold that does not.
    """
    until = time.monotonic() + seconds
    while (wrong := look()) and time.monotonic() < until:
        time.sleep(0.1)
    return wrong


def untrue(**claims: bool) -> list[str]:
    """The names of the claims that do not hold."""
    return [name for name, holds in claims.items() if not holds]


def undisturbed(daemon: Daemon, target: str) -> Answer:
    """An answer without errors: on a busy machine any collector may be late, and then it is asked again."""
    found: list[Answer] = []

    def look() -> list[Any]:
        found.append(daemon.get(target))
        return list(found[-1].json().get("errors", []))

    assert at_best(look) == []
    return found[-1]
