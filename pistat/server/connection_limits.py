"""The connections that are open: how many there may be, how long each may take, and which goes first."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import Protocol

PER_CLIENT = 64
"""Connections of one client; a browser has six."""

TOTAL = 512
"""Connections of all; each may cost a descriptor and some tens of kilobytes."""

REQUEST_SECONDS = 10.0
"""From the first byte of a request to its last."""

ANSWER_SECONDS = 30.0
"""From the end of the work to the last byte of the answer."""

IDLE_SECONDS = 20.0
"""From one request to the next."""

SENDING_SECONDS = 1.0
"""How long an answer may be on its way without a risk of being cut off for a newcomer."""


class Connection(Protocol):
    """One connection.

    Attributes:
        client: Whose it is.
        since: When, on the monotonic clock, it began what it is doing.
    """

    client: str
    since: float

    def time_limit(self) -> float | None:
        """For how many seconds it may go on with that; None while it waits for us."""

    def evictable(self) -> bool:
        """Whether it may be cut to make room."""

    def close_now(self) -> None:
        """Close it."""


class ConnectionLimits:
    """All connections.

    One client cannot have more than `PER_CLIENT`, all together not more than `TOTAL`: whoever comes beyond
    that takes the place of the one that has waited longest for its client, and a newcomer is served.

    Attributes:
        per_client: How many one may have; with a proxy in front, all come from one address.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, per_client: int = PER_CLIENT) -> None:
        self._clock = clock
        self.per_client = per_client
        self._members: defaultdict[str, set[Connection]] = defaultdict(set)
        self._leaving: set[Connection] = set()
        self._looked = clock()

    def __len__(self) -> int:
        return sum(map(len, self._members.values()))

    def __iter__(self) -> Iterator[Connection]:
        return chain.from_iterable(self._members.values())

    def add(self, newcomer: Connection) -> bool:
        """Take one in, and choose one that goes for it; False when there is none, since all are at work."""
        mine = self._members[newcomer.client]
        room = True
        if len(self) >= TOTAL:
            room = self._choose(max(self._members.values(), key=len))
        elif len(mine) >= self.per_client:
            # If all of them are at work, the queue for that has a bound of its own.
            self._choose(mine)
        mine.add(newcomer)
        return room

    def remove(self, member: Connection) -> None:
        """One has been closed."""
        self._leaving.discard(member)
        mine = self._members[member.client]
        mine.discard(member)
        if not mine:
            del self._members[member.client]

    def sweep(self) -> None:
        """Close those that were chosen to go, and once a second those that take too long.

        Not to be called while events are handled: the next connection may get the descriptor of one that is
        closed, and its events.
        """
        # The rest of a request may have come with the events that brought the newcomer.
        going = [each for each in self._leaving if each.evictable()]
        self._leaving.clear()
        now = self._clock()
        if now - self._looked >= 1.0:
            self._looked = now
            going += [each for each in self if _is_late(each, now)]
        for each in going:
            each.close_now()

    def _choose(self, members: Collection[Connection]) -> bool:
        waiting = [each for each in members if each.evictable() and each not in self._leaving]
        if not waiting:
            return False
        self._leaving.add(min(waiting, key=lambda each: each.since))
        return True


def _is_late(member: Connection, now: float) -> bool:
    time_limit = member.time_limit()
    return time_limit is not None and now - member.since > time_limit
