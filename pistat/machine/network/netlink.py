"""The kernel's lists of network interfaces and of their addresses, each by one question over netlink.

https://docs.kernel.org/userspace-api/netlink/intro.html. In /sys, every figure of every interface is a file.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pistat.parsers.values import Json

LINKS, ADDRESSES = 18, 22
"""RTM_GETLINK and RTM_GETADDR."""

REQUEST = 0x301
"""NLM_F_REQUEST and NLM_F_DUMP: all of them."""

CHANGED = 0x10
"""NLM_F_DUMP_INTR: the list has changed while it was told."""

TRIES = 3
ERROR, DONE = 2, 3
CHUNK = 32_768
"""The most that the kernel tells at a time."""

SECONDS = 1.0
"""How long the kernel may take for an answer; it gives it at once."""

HEADER = struct.Struct("=IHHII")
LINK = struct.Struct("=BxHiII")
ADDRESS = struct.Struct("=BBBBI")
ATTRIBUTE = struct.Struct("=HH")
NUMBER = struct.Struct("=I")
ERROR_CODE = struct.Struct("=i")

COUNTERS = struct.Struct("=8Q56xQ")
"""What is told of struct rtnl_link_stats64."""

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
"""IF_OPER_UNKNOWN, which is what drivers say that keep no state (tunnels and the like), and IF_OPER_UP."""


class Link(NamedTuple):
    """An interface, as far as the kernel tells of it.

    Attributes:
        is_up: Whether its link is up.
        mac: Its hardware address, if it has one.
        mtu: Bytes of its largest packet.
        speed: Of its link in Mbit/s, if that is up and has such a thing; -1, signed or not, is unknown.
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
    """What is told of an interface before its counters.

    Attributes:
        head: That part of the message. In the rest nothing else is told here, and much changes often.
        number, name, is_up, mac, mtu: What it means.
    """

    head: bytes
    number: int
    name: str
    is_up: bool
    mac: str | None
    mtu: int


class Interfaces:
    """The network interfaces. What is told as it was the last time, byte for byte, is understood already.

    Nothing else is kept, so that many interfaces, or addresses that come and go, take no more than they must.
    """

    def __init__(self) -> None:
        self._devices: dict[int, Device] = {}
        self._addresses: dict[bytes, tuple[int, str] | None] = {}

    def links(self) -> dict[str, Link]:
        """All of them by name. Raises OSError."""
        from pistat.machine.network import ethtool  # noqa: PLC0415 - Windows has none of what it needs

        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as kernel:
            kernel.settimeout(SECONDS)
            addresses = self._by_device(ask(kernel, ADDRESSES, ALL_ADDRESSES))
            messages = ask(kernel, LINKS, ALL_LINKS)
            devices = self._understood(messages)
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

    def _understood(self, messages: Sequence[bytes]) -> list[Device]:
        """The interface in each message."""
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
        """The addresses of each interface by its number."""
        known = self._addresses
        self._addresses = now = {each: known[each] if each in known else _address(each) for each in messages}
        found: dict[int, list[str]] = {}
        for number, address in filter(None, now.values()):
            found.setdefault(number, []).append(address)
        return found


def _device(message: bytes) -> Device:
    head = _head(message)
    _, _, number, flags, _ = LINK.unpack_from(head)
    told = attributes(head, LINK.size, IN_LINK)
    state = told[IFLA_OPERSTATE][0]
    return Device(
        head,
        number,
        # Names are bytes to the kernel.
        os.fsdecode(told[IFLA_IFNAME].rstrip(b"\0")),
        state == UP or (state == UNKNOWN and flags & IFF_UP != 0),
        told.get(IFLA_ADDRESS, b"").hex(":") or None,
        NUMBER.unpack(told[IFLA_MTU])[0],
    )


def _head(message: bytes) -> bytes:
    """What an interface is told to be, up to where its counters begin."""
    start = LINK.size
    while True:
        length, kind = ATTRIBUTE.unpack_from(message, start)
        if kind == IFLA_STATS64:
            return message[: start + ATTRIBUTE.size]
        start += _aligned(length)


def counters(message: bytes, start: int) -> dict[str, Json]:
    """What an interface has received and sent: the same as in its row of /proc/net/dev."""
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
        # There, those that no buffer was free for are among them.
        "dropin": dropped + missed,
        "dropout": dropout,
    }


def _address(message: bytes) -> tuple[int, str] | None:
    """The index of an interface, and an IP address that it has; None for an address of another kind."""
    family, prefix, _, _, index = ADDRESS.unpack_from(message)
    if family not in FAMILIES:
        return None
    told = attributes(message, ADDRESS.size, IN_ADDRESS)
    # With a peer (a tunnel), the other one is the peer's.
    own = told.get(IFA_LOCAL) or told[IFA_ADDRESS]
    return index, f"{socket.inet_ntop(family, own)}/{prefix}"


def ask(kernel: socket.socket, kind: int, body: bytes) -> list[bytes]:
    """The messages of a list; asked for again when it has changed meanwhile.

    Raises:
        TimeoutError: There was no answer; `kernel` may give it later, and is not to be asked again.
        OSError: The question was refused, or the list broke off.
    """
    for _ in range(TRIES):
        kernel.send(HEADER.pack(HEADER.size + len(body), kind, REQUEST, 0, 0) + body)
        messages, flags = _answer(kernel)
        if not flags & CHANGED:
            break
    return messages


def _answer(kernel: socket.socket) -> tuple[list[bytes], int]:
    """All messages, and the flags of any of them. Raises OSError, also when there is no answer."""
    messages: list[bytes] = []
    seen = 0
    while True:
        chunk = kernel.recv(CHUNK)
        start = 0
        while start < len(chunk):
            length, kind, flags, _, _ = HEADER.unpack_from(chunk, start)
            message = chunk[start + HEADER.size : start + length]
            start += _aligned(length)
            seen |= flags
            if kind not in (ERROR, DONE):
                messages.append(message)
                continue
            # A list that could not be told to its end has one, too, with the reason in it.
            [code] = ERROR_CODE.unpack_from(message)
            if code:
                raise OSError(-code, os.strerror(-code))
            return messages, seen


def attributes(message: bytes, start: int, wanted: Collection[int]) -> dict[int, bytes]:
    """The wanted attributes of a message by their numbers, as far as it has them."""
    found: dict[int, bytes] = {}
    end = len(message)
    while start < end:
        length, kind = ATTRIBUTE.unpack_from(message, start)
        if kind in wanted:
            found[kind] = message[start + ATTRIBUTE.size : start + length]
        start += _aligned(length)
    return found


def _aligned(length: int) -> int:
    """How far it is to what follows a part of such a length; never 0, whatever the kernel says."""
    return max(length + 3 & ~3, 4)
