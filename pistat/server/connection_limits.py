"""The open connections: how many, for how long, with how many bytes, and which is closed for another."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from pistat.server.connection import Connection

PER_CLIENT, TOTAL = 64, 512
"""Connections of one client, of which a browser has six, and of all."""

UNREAD_PER_CLIENT, UNREAD_TOTAL = 1 << 20, 4 << 20
"""Bytes of answers that may wait for one client, besides one answer that is larger, and for all."""

UNREAD_STEP = UNREAD_PER_CLIENT // 4
"""Bytes by which a client must hold more than another to be taken for the one that holds most."""


class ConnectionLimits(set[Connection]):
    """All connections, kept within the limits. Only the loop calls this.

    At a limit, the connection that has waited longest for its client is closed for the new one. If there is
    none, since a worker has each, the new one is refused.

    Attributes:
        total: How many there may be.
        proxied: Whether one address may have them all: that of a proxy in front.
    """

    def __init__(self, total: int = TOTAL) -> None:
        super().__init__()
        self.total = total
        self.proxied = False
        self._swept = time.monotonic()

    def admit(self, newcomer: Connection) -> bool:
        """Add a connection, and close another if need be. Return False if none can be closed."""
        mine = self._of(newcomer.client)
        if len(mine) >= PER_CLIENT and not self.proxied and not _close_one(mine):
            return False
        if len(self) >= self.total and not self.make_room():
            return False
        self.add(newcomer)
        return True

    def make_room(self) -> bool:
        """Close a connection of the client that has most; False if none can be closed."""
        return _close_one(self)

    def limit_unread(self, sender: Connection) -> None:
        """Close others until no more bytes are held than may be, now that `sender` must wait, too."""
        _close_unread(self._of(sender.client) - {sender}, UNREAD_PER_CLIENT)
        _close_unread(self - {sender}, UNREAD_TOTAL)

    def sweep(self) -> None:
        """Close, once a second, those that have taken longer than they may."""
        now = time.monotonic()
        if now - self._swept >= 1.0:
            self._swept = now
            for connection in [connection for connection in self if connection.is_late(now)]:
                connection.cut_off()

    def _of(self, client: str) -> set[Connection]:
        return {connection for connection in self if connection.client == client}


def _close_one(members: Iterable[Connection]) -> bool:
    """Close the oldest that can be closed, of the client that has most among those that have one."""
    count = Counter(connection.client for connection in members)
    closable = (connection for connection in members if connection.evictable())
    oldest = min(closable, key=lambda connection: (-count[connection.client], connection.since), default=None)
    if oldest is not None:
        oldest.cut_off()
    return oldest is not None


def _close_unread(members: Iterable[Connection], most: int) -> None:
    """Close what is unread for longest of the client that holds most, until only `most` bytes are left.

    A few bytes more count as the same. Of what is unread for the same number of seconds, that goes of which
    least was read.
    """
    now = time.monotonic()
    holders = [connection for connection in members if connection.held]
    held: Counter[str] = Counter()
    for connection in holders:
        held[connection.client] += len(connection.held)
    while held.total() > most:
        last = max(
            holders,
            key=lambda connection: (
                held[connection.client] // UNREAD_STEP,
                int(now - connection.moved),
                -connection.sent,
                -connection.moved,
            ),
        )
        holders.remove(last)
        held[last.client] -= len(last.held)
        last.cut_off()
