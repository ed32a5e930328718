"""Waiting on a machine that does other things, too: for what comes, or for a moment without them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from support.daemon import Answer, Daemon

Wrong = TypeVar("Wrong")


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Return whether `check` becomes true within `seconds`."""
    until = time.monotonic() + seconds
    while not check():
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


def lasting_faults(look: Callable[[], list[Wrong]], seconds: float = 30.0) -> list[Wrong]:
    """Return what `look` still finds wrong after `seconds`; nothing as soon as it finds nothing.

    Other programs on this machine can make a comparison of two moments or a time limit fail; they cannot
    make a wrong one hold.
    """
    until = time.monotonic() + seconds
    while (wrong := look()) and time.monotonic() < until:
        time.sleep(0.1)
    return wrong


def false_claims(**claims: bool) -> list[str]:
    """Return the names of the claims that do not hold."""
    return [name for name, holds in claims.items() if not holds]


def answer_without_errors(daemon: Daemon, target: str) -> Answer:
    """Return an answer without errors: on a busy machine a collector may be late, so it is asked again."""
    found: list[Answer] = []

    def look() -> list[Any]:
        found.append(daemon.get(target))
        return list(found[-1].json().get("errors", []))

    assert lasting_faults(look) == []
    return found[-1]
