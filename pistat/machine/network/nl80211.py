"""What the kernel knows of its Wi-Fi connections, by four kinds of questions over netlink.

It is newer than /proc/net/wireless, which some drivers do not fill, and it knows the SSID, too.
https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/nl80211.h
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pistat.machine.network.netlink import ATTRIBUTE, NUMBER, ONE, REQUEST, SECONDS, ask, attributes

NETLINK_GENERIC = 16
CONTROLLER = 16
"""GENL_ID_CTRL, the family that knows the numbers of the other families."""

GET_FAMILY, GET_INTERFACE, GET_STATION, GET_POWER_SAVE = 3, 5, 17, 62
FAMILY_ID, FAMILY_NAME = 1, 2
IFINDEX, IFNAME, IFTYPE, STA_INFO, FREQUENCY, SSID, POWER_SAVE = 3, 4, 5, 21, 38, 52, 93
SIGNAL, TX_RATE = 7, 8
RATE_16, RATE_32 = 1, 5
"""The rate in 16 bits, and in 32 for rates that need more; both in units of 100 kbit/s."""

CLIENT = 2
"""NL80211_IFTYPE_STATION: an interface that connects to an access point. Others have many peers, or none."""

HEAD = struct.Struct("=BBxx")
SHORT = struct.Struct("=H")
SIGNED = struct.Struct("=b")


class Station(NamedTuple):
    """A connection to an access point; None for what the driver does not report.

    Attributes:
        ssid: Name of the network.
        frequency: Frequency of its channel, in MHz.
        signal: Strength of the received signal, in dBm.
        bit_rate: Rate of sending, in bit/s.
    """

    ssid: str | None
    frequency: int | None
    signal: int | None
    bit_rate: int | None


def stations() -> dict[str, Station]:
    """Return the connection of each interface that has one, by its name. Raises OSError."""
    with _asked() as (kernel, family):
        return {} if family is None else connections(kernel, family)


def power_saving() -> dict[str, bool]:
    """Return whether the radio of each interface sleeps between packets, by its name. Raises OSError."""
    with _asked() as (kernel, family):
        return {} if family is None else power_save_states(kernel, family)


@contextmanager
def _asked() -> Iterator[tuple[socket.socket, int | None]]:
    """Open a socket to the kernel, with the number of its family; None without Wi-Fi. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC) as kernel:
        kernel.settimeout(SECONDS)
        yield kernel, families(kernel).get("nl80211")


def connections(kernel: socket.socket, family: int) -> dict[str, Station]:
    """Return the connection of each interface that has one, by its name. Raises OSError."""
    return {
        name: station(interface, _about(kernel, family, GET_STATION, interface[IFINDEX]))
        for name, interface in _clients(kernel, family)
    }


def power_save_states(kernel: socket.socket, family: int) -> dict[str, bool]:
    """Return whether the radio of each interface sleeps between packets, by its name. Raises OSError."""
    found: dict[str, bool] = {}
    for name, interface in _clients(kernel, family):
        for message in _about(kernel, family, GET_POWER_SAVE, interface[IFINDEX], ONE):
            state = _number(NUMBER, attributes(message, HEAD.size, {POWER_SAVE}).get(POWER_SAVE))
            if state is not None:
                found[name] = state != 0
    return found


def _clients(kernel: socket.socket, family: int) -> Iterator[tuple[str, dict[int, bytes]]]:
    """Yield name and attributes of each interface that connects to an access point. Raises OSError."""
    for message in ask(kernel, family, HEAD.pack(GET_INTERFACE, 0)):
        interface = attributes(message, HEAD.size, {IFINDEX, IFNAME, IFTYPE, FREQUENCY, SSID})
        if IFNAME in interface and NUMBER.unpack(interface[IFTYPE])[0] == CLIENT:
            yield _text(interface[IFNAME]), interface


def _about(
    kernel: socket.socket, family: int, what: int, interface: bytes, flags: int = REQUEST
) -> list[bytes]:
    """Return what is known of an interface: its access points, or whether it saves power."""
    try:
        return ask(kernel, family, HEAD.pack(what, 0) + ATTRIBUTE.pack(8, IFINDEX) + interface, flags)
    except TimeoutError:
        raise
    except OSError:
        # Not every driver can say it, and the interface may have gone.
        return []


def families(kernel: socket.socket) -> dict[str, int]:
    """Return the number of each family of questions by its name. Raises OSError."""
    messages = ask(kernel, CONTROLLER, HEAD.pack(GET_FAMILY, 1))
    found = [attributes(message, HEAD.size, {FAMILY_ID, FAMILY_NAME}) for message in messages]
    return {_text(family[FAMILY_NAME]): SHORT.unpack(family[FAMILY_ID])[0] for family in found}


def station(interface: dict[int, bytes], peers: list[bytes]) -> Station:
    """Combine the attributes of an interface with those of its access point, if it has one."""
    peer = attributes(peers[0], HEAD.size, {STA_INFO}).get(STA_INFO, b"") if peers else b""
    info = attributes(peer, 0, {SIGNAL, TX_RATE})
    rate = attributes(info.get(TX_RATE, b""), 0, {RATE_16, RATE_32})
    hundreds = _number(NUMBER, rate.get(RATE_32)) or _number(SHORT, rate.get(RATE_16))
    return Station(
        _text(interface[SSID]) or None if SSID in interface else None,
        _number(NUMBER, interface.get(FREQUENCY)),
        _number(SIGNED, info.get(SIGNAL)),
        hundreds * 100_000 if hundreds else None,
    )


def _number(form: struct.Struct, data: bytes | None) -> int | None:
    """Unpack a number, if there is one."""
    if data is None:
        return None
    [number] = form.unpack(data)
    return int(number)


def _text(data: bytes) -> str:
    """Decode a name. Names are bytes to the kernel; only those of interfaces end in NUL."""
    return os.fsdecode(data.rstrip(b"\0"))
