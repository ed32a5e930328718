"""The kernel's lists of network interfaces and of their addresses, each by one question over netlink.

In /sys, every figure of every interface is a file.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pistat.machine.network.changes import Changes
from pistat.machine.network.netlink import ATTRIBUTE, NUMBER, SECONDS, aligned, ask, attributes

if TYPE_CHECKING:
    from pistat.parsers.values import Json

LINKS, ADDRESSES = 18, 22
"""RTM_GETLINK and RTM_GETADDR."""

LINK = struct.Struct("=BxHiII")
ADDRESS = struct.Struct("=BBBBI")

COUNTERS = struct.Struct("=8Q56xQ")
"""The wanted part of struct rtnl_link_stats64."""

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_OPERSTATE, IFLA_LINKINFO = 1, 3, 4, 10, 16, 18
IFLA_STATS64, IFLA_EXT_MASK = 23, 29
IFLA_INFO_KIND = 1
IFA_ADDRESS, IFA_LOCAL = 1, 2
IN_LINK = frozenset({IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_OPERSTATE, IFLA_LINKINFO})
IN_ADDRESS = frozenset({IFA_ADDRESS, IFA_LOCAL})
FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6})

ALL_LINKS = LINK.pack(0, 0, 0, 0, 0) + ATTRIBUTE.pack(8, IFLA_EXT_MASK) + NUMBER.pack(1 << 3)
"""With RTEXT_FILTER_SKIP_STATS: without the counters of IPv6, which would be a sixth of the answer."""

ALL_ADDRESSES = ADDRESS.pack(0, 0, 0, 0, 0)

UNKNOWN_COUNTERS: dict[str, Json] = dict.fromkeys(
    (
        *("bytes_sent", "bytes_recv", "packets_sent", "packets_recv"),
        *("errin", "errout", "dropin", "dropout"),
    )
)

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
        hardware: The number of the kind of its hardware addresses, ARPHRD_*.
        driver: The kind of a virtual interface, such as `bridge`; None for what has hardware of its own.
        master: The name of the bridge or the bond that it is a part of.
    """

    is_up: bool | None
    mac: str | None
    mtu: int | None
    speed: int | None
    addresses: list[str]
    counters: dict[str, Json]
    hardware: int | None = None
    driver: str | None = None
    master: str | None = None


class Device(NamedTuple):
    """What a message says about an interface before its counters.

    Attributes:
        head: That part of the message. The rest changes often and has nothing that is wanted but counters.
        number, name, is_up, mac, mtu, hardware, driver: What it means.
        master: The number of the interface that it is a part of.
        has_counters: Whether they follow.
    """

    head: bytes
    number: int
    name: str
    is_up: bool | None
    mac: str | None
    mtu: int | None
    hardware: int
    driver: str | None
    master: int | None
    has_counters: bool


class Interfaces:
    """The network interfaces. A message that is the same as the last time is not parsed again.

    Only the last list is kept, so that interfaces that come and go take no memory.

    Attributes:
        changes: What the kernel announces; all but the list with the counters is asked for after a change.
    """

    def __init__(self) -> None:
        self.changes = Changes()
        self._devices: dict[int, Device] = {}
        self._asked: object = None
        self._addresses: dict[int, list[str]] = {}
        self._speeds: dict[str, int | None] = {}

    def links(self) -> dict[str, Link]:
        """Return all interfaces by name. Raises OSError."""
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as kernel:
            kernel.settimeout(SECONDS)
            # What changes from here on is announced, and asked for the next time.
            stamp = self.changes.stamp()
            messages = ask(kernel, LINKS, ALL_LINKS)
            devices = self._parsed(messages)
            self._ask_for_the_rest(kernel, stamp, [device.name for device in devices if device.is_up])
        names = {device.number: device.name for device in devices}
        return {
            device.name: Link(
                device.is_up,
                device.mac,
                device.mtu,
                self._speeds.get(device.name),
                self._addresses.get(device.number, []),
                counters(message, len(device.head)) if device.has_counters else UNKNOWN_COUNTERS.copy(),
                device.hardware,
                device.driver,
                names.get(device.master) if device.master else None,
            )
            for message, device in zip(messages, devices, strict=True)
        }

    def _ask_for_the_rest(self, kernel: socket.socket, stamp: object, up: list[str]) -> None:
        """Ask for the addresses, and for the speeds of what is up, unless they are the last ones still.

        With 200 interfaces that saves a third of the time, and a system call for each.
        """
        from pistat.machine.network import ethtool  # noqa: PLC0415 - Windows has none of what it needs

        if self._asked != (stamp, up):
            self._addresses = _addresses(ask(kernel, ADDRESSES, ALL_ADDRESSES))
            self._speeds = ethtool.speeds(kernel, up)
            self._asked = stamp, up

    def _parsed(self, messages: Sequence[bytes]) -> list[Device]:
        """Return the interface in each message."""
        known = self._devices
        found = []
        for message in messages:
            device = known.get(LINK.unpack_from(message)[2])
            if device is None or not message.startswith(device.head):
                device = _device(message)
            found.append(device)
        self._devices = {link.number: link for link in found}
        return found


def _addresses(messages: Iterable[bytes]) -> dict[int, list[str]]:
    """Return the addresses of each interface by its number."""
    found: dict[int, list[str]] = {}
    for number, address in filter(None, map(_address, messages)):
        found.setdefault(number, []).append(address)
    return found


def _device(message: bytes) -> Device:
    """Parse what a message says about an interface before its counters."""
    head, has_counters = _head(message)
    _, hardware, number, flags, _ = LINK.unpack_from(head)
    # The kind stands behind the counters, but never changes. The rest of what is wanted is in the head.
    found = attributes(message, LINK.size, IN_LINK)
    # gVisor leaves out most of them.
    state = found.get(IFLA_OPERSTATE, b"")[:1]
    driver = attributes(found.get(IFLA_LINKINFO, b""), 0, {IFLA_INFO_KIND}).get(IFLA_INFO_KIND, b"")
    return Device(
        head,
        number,
        # Names are bytes to the kernel.
        os.fsdecode(found.get(IFLA_IFNAME, b"").rstrip(b"\0")) or f"#{number}",
        state[0] == UP or (state[0] == UNKNOWN and flags & IFF_UP != 0) if state else None,
        found.get(IFLA_ADDRESS, b"").hex(":") or None,
        _number(found.get(IFLA_MTU)),
        hardware,
        driver.rstrip(b"\0").decode("ascii", "replace") or None,
        _number(found.get(IFLA_MASTER)),
        has_counters,
    )


def _number(data: bytes | None) -> int | None:
    """Return the number in an attribute; None for one that is not there, or is too short."""
    return int(NUMBER.unpack_from(data)[0]) if data and len(data) >= NUMBER.size else None


def _head(message: bytes) -> tuple[bytes, bool]:
    """Return the part of a message before its counters, and whether these follow."""
    start = LINK.size
    while start + ATTRIBUTE.size + COUNTERS.size <= len(message):
        length, kind = ATTRIBUTE.unpack_from(message, start)
        if kind == IFLA_STATS64:
            return message[: start + ATTRIBUTE.size], True
        start += aligned(length)
    return message, False


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
    own = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS)
    if own is None:
        return None
    return index, f"{socket.inet_ntop(family, own)}/{prefix}"
