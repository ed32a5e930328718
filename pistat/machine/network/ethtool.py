"""The speeds of links as their drivers give them, by one call for each.

https://docs.kernel.org/networking/ethtool-netlink.html has one question for all of them, but that wakes the
devices that sleep because nothing is plugged in. In /sys, each is a file.
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
"""struct ifreq: an interface, and where in memory the question is and the answer shall be."""

QUESTION = struct.Struct("=I11xb")
ANSWER = struct.Struct("=4xI7xb")
"""Of struct ethtool_link_settings: the command; the speed; how many words each of the maps behind it has."""

ROOM = 48 + 3 * 127 * 4
"""Bytes of it with the longest maps that there can be."""


def speeds(kernel: socket.socket, names: Iterable[str]) -> dict[str, int | None]:
    """The speed of each of these interfaces in Mbit/s, 2^32-1 if it is unknown; None without such a thing.

    Args:
        kernel: Any socket.
        names: Interfaces whose link is up, for others might be woken.
    """
    settings = array("B", bytes(ROOM))
    QUESTION.pack_into(settings, 0, GET_LINK_SETTINGS, 0)
    descriptor, (address, _) = kernel.fileno(), settings.buffer_info()
    return {name: _speed(descriptor, REQUEST.pack(os.fsencode(name), address), settings) for name in names}


def _speed(descriptor: int, request: bytes, settings: array[int]) -> int | None:
    try:
        fcntl.ioctl(descriptor, SIOCETHTOOL, request)
        speed, words = ANSWER.unpack_from(settings)
        if words < 0:
            # At first the kernel only tells how long its maps are; then it wants to be told so.
            QUESTION.pack_into(settings, 0, GET_LINK_SETTINGS, -words)
            fcntl.ioctl(descriptor, SIOCETHTOOL, request)
            speed, _ = ANSWER.unpack_from(settings)
    except OSError:
        # Drivers without a speed say so in many ways.
        return None
    return int(speed)
