"""The type of the fixture `require`."""

from __future__ import annotations

from typing import Protocol


class Require(Protocol):
    """Go on only if a part of the system is `present`; `installed` if CI can and does install it."""

    def __call__(self, present: bool, part: str, *, installed: bool = True) -> None: ...
