"""What need not be read or parsed again: forever, while its source stays the same, or for a minute."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar, cast

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)

KEEP_SECONDS = 60.0
"""How long `for_a_minute` keeps a result."""


class Memo:
    """Results by key. Each method has keys of its own.

    Args:
        clock: A monotonic clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._constants: dict[str, Any] = {}
        self._derived: dict[str, tuple[Any, Any]] = {}
        self._each: dict[str, dict[Any, Any]] = {}
        self._found: dict[str, tuple[Any, float]] = {}

    def forever(self, key: str, read: Callable[[], T | None]) -> T | None:
        """Return the result of `read()`, for what never changes. A result of None is not kept."""
        value: T | None = self._constants.get(key)
        if value is None:
            value = self._constants[key] = read()
        return value

    def while_same(self, key: str, source: object, derive: Callable[[], T]) -> T:
        """Return the result of `derive()`, called again only when `source` differs from the last call."""
        known = self._derived.get(key)
        if known is None or known[0] != source:
            known = self._derived[key] = (source, derive())
        value: T = known[1]
        return value

    def each_while_same(self, key: str, sources: Sequence[H], derive: Callable[[H], T]) -> list[T]:
        """Return `derive(source)` for each source, such as a line; not again for those of the last time."""
        known = self._each.get(key, {})
        now = {source: known[source] if source in known else derive(source) for source in sources}
        self._each[key] = now
        return [now[source] for source in sources]

    def for_a_minute(self, key: str, look: Callable[[], T]) -> T:
        """Return the result of `look()`, cached for 60 seconds. A result of None is cached, too."""
        found, until = self._found.get(key, (None, float("-inf")))
        if self._clock() >= until:
            found = look()
            self._found[key] = found, self._clock() + KEEP_SECONDS
        return cast("T", found)

    def clear(self) -> None:
        """Forget everything."""
        for results in (self._constants, self._derived, self._each, self._found):
            results.clear()
