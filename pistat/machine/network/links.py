"""The kernel's lists of network interfaces and of their addresses, each by one question over netlink.

In /sys, every figure of every interface is a file.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pistat.machine.network.netlink import ATTRIBUTE, NUMBER, SECONDS, aligned, ask, attributes

if TYPE_CHECKING:
    from pistat.parsers.values import Json

LINKS, ADDRESSES = 18, 22
"""RTM_GETLINK and RTM_GETADDR."""

LINK = struct.Struct("=BxHiII")
ADDRESS = struct.Struct("=BBBBI")

COUNTERS = struct.Struct("=8Q56xQ")
"""The wanted part of struct rtnl_link_stats64."""

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_OPERSTATE, IFLA_STATS64, IFLA_EXT_MASK = 1, 3, 4, 16, 23, 29
IFA_ADDRESS, IFA_LOCAL = 1, 2
IN_LINK = frozenset({IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_OPERSTATE})
IN_ADDRESS = frozenset({IFA_ADDRESS, IFA_LOCAL})
FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6})

ALL_LINKS = LINK.pack(0, 0, 0, 0, 0) + ATTRIBUTE.pack(8, IFLA_EXT_MASK) + NUMBER.pack(1 << 3)
"""With RTEXT_FILTER_SKIP_STATS: without the counters of IPv6, which would be a sixth of the answer."""

ALL_ADDRESSES = ADDRESS.pack(0, 0, 0, 0, 0)

IFF_UP = 1
UNKNOWN, UP = 0, 6
"""IF_OPER_UNKNOWN, which drivers report that keep no state (tunnels and the like), and IF_OPER_UP."""


class Link(NamedTuple):
    """An interface; None for what the kernel does not know of it.

    Attributes:
        is_up: Whether its link is up.
        mac: Its hardware address, if it has one.
        mtu: Bytes of its largest packet.
        speed: Speed of its link in Mbit/s, if it is up and has a speed; -1, signed or not, means unknown.
        addresses: Its IP addresses with their prefix lengths, IPv4 first.
        counters: What it has received and sent, under the names of the answers.
    """

    is_up: bool | None
    mac: str | None
    mtu: int | None
    speed: int | None
    addresses: list[str]
    counters: dict[str, Json]


class Device(NamedTuple):
    """What a message says about an interface before its counters.

    Attributes:
        head: That part of the message. The rest changes often and has nothing that is wanted but counters.
        number, name, is_up, mac, mtu: What it means.
    """

    head: bytes
    number: int
    name: str
    is_up: bool
    mac: str | None
    mtu: int


class Interfaces:
    """The network interfaces. A message that is the same as the last time is not parsed again.

    Only the last list is kept, so that addresses that come and go take no memory.
    """

    def __init__(self) -> None:
        self._devices: dict[int, Device] = {}
        self._addresses: dict[bytes, tuple[int, str] | None] = {}

    def links(self) -> dict[str, Link]:
        """Return all interfaces by name. Raises OSError."""
        from pistat.machine.network import ethtool  # noqa: PLC0415 - Windows has none of what it needs

        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as kernel:
            kernel.settimeout(SECONDS)
            addresses = self._by_device(ask(kernel, ADDRESSES, ALL_ADDRESSES))
            messages = ask(kernel, LINKS, ALL_LINKS)
            devices = self._parsed(messages)
            speeds = ethtool.speeds(kernel, [each.name for each in devices if each.is_up])
        return {
            name: Link(
                is_up,
                mac,
                mtu,
                speeds.get(name),
                addresses.get(number, []),
                counters(message, len(head)),
            )
            for message, (head, number, name, is_up, mac, mtu) in zip(messages, devices, strict=True)
        }

    def _parsed(self, messages: Sequence[bytes]) -> list[Device]:
        """Return the interface in each message."""
        known = self._devices
        found = []
        for message in messages:
            device = known.get(LINK.unpack_from(message)[2])
            if device is None or not message.startswith(device.head):
                device = _device(message)
            found.append(device)
        self._devices = {each.number: each for each in found}
        return found

    def _by_device(self, messages: Iterable[bytes]) -> dict[int, list[str]]:
        """Return the addresses of each interface by its number."""
        known = self._addresses
        self._addresses = now = {each: known[each] if each in known else _address(each) for each in messages}
        found: dict[int, list[str]] = {}
        for number, address in filter(None, now.values()):
            found.setdefault(number, []).append(address)
        return found


def _device(message: bytes) -> Device:
    """Parse what a message says about an interface before its counters."""
    head = _head(message)
    _, _, number, flags, _ = LINK.unpack_from(head)
    found = attributes(head, LINK.size, IN_LINK)
    state = found[IFLA_OPERSTATE][0]
    return Device(
        head,
        number,
        # Names are bytes to the kernel.
        os.fsdecode(found[IFLA_IFNAME].rstrip(b"\0")),
        state == UP or (state == UNKNOWN and flags & IFF_UP != 0),
        found.get(IFLA_ADDRESS, b"").hex(":") or None,
        NUMBER.unpack(found[IFLA_MTU])[0],
    )


def _head(message: bytes) -> bytes:
    """Return the part of a message before its counters."""
    start = LINK.size
    while True:
        length, kind = ATTRIBUTE.unpack_from(message, start)
        if kind == IFLA_STATS64:
            return message[: start + ATTRIBUTE.size]
        start += aligned(length)


def counters(message: bytes, start: int) -> dict[str, Json]:
    """Return what an interface has received and sent, as in its row of /proc/net/dev."""
    packets_recv, packets_sent, bytes_recv, bytes_sent, errin, errout, dropped, dropout, missed = (
        COUNTERS.unpack_from(message, start)
    )
    return {
        "bytes_sent": bytes_sent,
        "bytes_recv": bytes_recv,
        "packets_sent": packets_sent,
        "packets_recv": packets_recv,
        "errin": errin,
        "errout": errout,
        # /proc/net/dev counts packets that found no free buffer as dropped, too.
        "dropin": dropped + missed,
        "dropout": dropout,
    }


def _address(message: bytes) -> tuple[int, str] | None:
    """Return the number of an interface and an IP address of it; None for another kind of address."""
    family, prefix, _, _, index = ADDRESS.unpack_from(message)
    if family not in FAMILIES:
        return None
    found = attributes(message, ADDRESS.size, IN_ADDRESS)
    # In a tunnel, IFA_ADDRESS is the address of the peer.
    own = found.get(IFA_LOCAL) or found[IFA_ADDRESS]
    return index, f"{socket.inet_ntop(family, own)}/{prefix}"
