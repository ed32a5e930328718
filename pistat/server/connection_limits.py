"""The open connections: how many, for how long, with how many bytes, and which is closed for another."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

PER_CLIENT = 64
"""Connections of one client; a browser has six."""

TOTAL = 512
"""Connections of all."""

HELD_PER_CLIENT = 2 << 20
"""Bytes of answers that may wait for one client, beside one answer that is larger."""

HELD_TOTAL = 8 << 20
"""Bytes of answers that may wait for all clients."""

REQUEST_SECONDS = 10.0
"""From the first byte of a request to the end of its head."""

ANSWER_SECONDS = 30.0
"""From the end of the work to the last byte of the answer."""

IDLE_SECONDS = 20.0
"""From one request to the next."""

DRAIN_SECONDS = 2.0
"""From the last byte of an answer to the end of what the client still sends, which nobody reads."""

SENDING_SECONDS = 1.0
"""For how long an answer that is being sent is never cut off for a new connection."""


class Connection(Protocol):
    """A connection, as the limits see it.

    Attributes:
        client: Who has it, as `hosts.client` says.
        since: When, on the monotonic clock, it began what it is doing.
        held: How many bytes wait for its client.
    """

    client: str
    since: float
    held: int

    def time_limit(self) -> float | None:
        """Return for how many seconds it may go on with that, or None while it waits for us."""

    def evictable(self) -> bool:
        """Return whether it may be closed to make room."""

    def close_now(self) -> None:
        """Close it, and take it off the limits."""


class ConnectionLimits:
    """Keep all connections within the limits. Only the loop calls this.

    At a limit, the connection that has waited longest for its client is closed for the new one. If there is
    none, since a worker has each, the new one is refused.

    Attributes:
        per_client: How many a client may have; with a proxy in front, all come from one address.
        total: How many there may be.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, total: int = TOTAL) -> None:
        self._clock = clock
        self.total = total
        self.per_client = min(PER_CLIENT, total)
        self._members: defaultdict[str, set[Connection]] = defaultdict(set)
        self._count = 0
        self._swept = clock()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Connection]:
        return chain.from_iterable(self._members.values())

    def add(self, newcomer: Connection) -> bool:
        """Add a connection, and close another if need be. Return False if none can be closed."""
        mine = self._members.get(newcomer.client, set())
        if len(mine) >= self.per_client and not _close_oldest(mine):
            return False
        if self._count >= self.total and not self.make_room():
            return False
        self._members[newcomer.client].add(newcomer)
        self._count += 1
        return True

    def make_room(self) -> bool:
        """Close a connection of the client that has most; False if none can be closed."""
        return any(map(_close_oldest, sorted(self._members.values(), key=len, reverse=True)))

    def remove(self, member: Connection) -> None:
        """Forget a connection that is closed."""
        mine = self._members.get(member.client, set())
        if member in mine:
            self._count -= 1
            mine.remove(member)
            if not mine:
                del self._members[member.client]

    def hold(self, sender: Connection) -> None:
        """Close those that have held bytes for longest, if too many wait now that `sender` must wait, too."""
        _close_unread([each for each in self._members[sender.client] if each is not sender], HELD_PER_CLIENT)
        _close_unread([each for each in self if each is not sender], HELD_TOTAL)

    def sweep(self) -> None:
        """Close, once a second, those that have taken longer than they may."""
        now = self._clock()
        if now - self._swept >= 1.0:
            self._swept = now
            for each in [each for each in self if _is_late(each, now)]:
                each.close_now()


def _close_oldest(members: Iterable[Connection]) -> bool:
    oldest = min((each for each in members if each.evictable()), key=lambda each: each.since, default=None)
    if oldest is not None:
        oldest.close_now()
    return oldest is not None


def _close_unread(members: Iterable[Connection], most: int) -> None:
    senders = sorted((each for each in members if each.held), key=lambda each: each.since, reverse=True)
    total = 0
    for each in senders:
        total += each.held
        if total > most:
            each.close_now()


def _is_late(member: Connection, now: float) -> bool:
    limit = member.time_limit()
    return limit is not None and now - member.since > limit
