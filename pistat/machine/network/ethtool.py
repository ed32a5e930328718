"""The speeds of links as their drivers give them, by one call for each.

https://docs.kernel.org/networking/ethtool-netlink.html has one question for all of them, but it wakes devices
that sleep because nothing is plugged in. In /sys, each speed is a file.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from array import array
from collections.abc import Iterable

SIOCETHTOOL = 0x8946
GET_LINK_SETTINGS = 0x4C
"""ETHTOOL_GLINKSETTINGS."""

REQUEST = struct.Struct("16sP16x")
"""struct ifreq: an interface, and the address of the question, which the answer replaces."""

QUESTION = struct.Struct("=I11xb")
ANSWER = struct.Struct("=4xI7xb")
"""Of struct ethtool_link_settings: the command; the speed; the length in words of each map behind it."""

ROOM = 48 + 3 * 127 * 4
"""Its bytes with the longest maps that there can be."""


def speeds(kernel: socket.socket, names: Iterable[str]) -> dict[str, int | None]:
    """Return the speed of each interface in Mbit/s: 2^32-1 if it is unknown, None if it has none.

    Args:
        kernel: Any socket.
        names: Interfaces whose link is up; asking might wake others.
    """
    settings = array("B", bytes(ROOM))
    QUESTION.pack_into(settings, 0, GET_LINK_SETTINGS, 0)
    descriptor, (address, _) = kernel.fileno(), settings.buffer_info()
    return {name: _speed(descriptor, REQUEST.pack(os.fsencode(name), address), settings) for name in names}


def _speed(descriptor: int, request: bytes, settings: array[int]) -> int | None:
    """Ask for the speed of one interface."""
    try:
        fcntl.ioctl(descriptor, SIOCETHTOOL, request)
        speed, words = ANSWER.unpack_from(settings)
        if words < 0:
            # The first answer only says how long the maps are, which the next question must repeat.
            QUESTION.pack_into(settings, 0, GET_LINK_SETTINGS, -words)
            fcntl.ioctl(descriptor, SIOCETHTOOL, request)
            speed, _ = ANSWER.unpack_from(settings)
    except OSError:
        # Drivers without a speed answer with various errors.
        return None
    return int(speed)
