"""Connections between two requests, watched by the kernel without the loop being woken for each."""

from __future__ import annotations

import select
import socket
from typing import Protocol

from waitress import wasyncore


class Parked(Protocol):
    """A connection that may be parked.

    Attributes:
        socket: Its socket.
        parked: Whether it is watched from here. The loop does not listen to it meanwhile.
    """

    socket: socket.socket
    parked: bool

    def readable(self) -> bool:
        """Whether it is to be listened to: it is not parked, and not at work."""

    def handle_read_event(self) -> None:
        """Its client has said something, or has gone."""


class Parking(wasyncore.dispatcher):
    """One entry in the map of the loop for all that is parked; on Linux only, as it is made of an epoll.

    The loop looks through its map when a turn begins. A thread that has answered a request would have to wake
    it for another turn, only to have the connection listened to again; to park it takes one call instead.

    Args:
        channels: The map of the loop.
    """

    def __init__(self, channels: dict[int, Parked]) -> None:
        super().__init__(map=channels)
        self._channels = channels
        self._epoll = select.epoll()
        self._called = False
        # It is none, but has a number that can be listened to.
        self.set_socket(self._epoll)

    def writable(self) -> bool:
        """It is only listened to."""
        return False

    def park(self, channel: Parked) -> None:
        """Watch a connection until something comes. May be called by any thread.

        Raises:
            OSError, ValueError: It has been closed, or the kernel can watch no more.
        """
        number = channel.socket.fileno()
        # Once: while it is at work again, nothing is to be told of it.
        flags = select.EPOLLIN | select.EPOLLONESHOT
        channel.parked = True
        try:
            self._epoll.modify(number, flags)
        except FileNotFoundError:
            self._epoll.register(number, flags)

    def handle_read(self) -> None:
        """Something has come: see `hear`."""
        self._called = True

    def hear(self) -> None:
        """Hand on what has come. To be called at the end of a turn.

        While the events of a turn are handled, one that is closed gives its number to the next that comes in,
        and with it what is still to be handled of its own.
        """
        if not self._called:
            return
        self._called = False
        for number, _ in self._epoll.poll(0):
            channel = self._channels.get(number)
            # It may have been closed meanwhile, or have been heard by the loop.
            if channel is None or not getattr(channel, "parked", False):
                continue
            channel.parked = False
            # A thread may have parked it so late that it is at work again; that parks it once more.
            if channel.readable():
                wasyncore.readwrite(channel, select.POLLIN)


def parking(channels: dict[int, Parked]) -> Parking | None:
    """A place to park in this map; None where the system has none."""
    return Parking(channels) if hasattr(select, "epoll") else None
