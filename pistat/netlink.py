"""The kernel's lists of network interfaces and of their addresses, each by one question over netlink.

https://docs.kernel.org/userspace-api/netlink/intro.html. In /sys, every figure of every interface is a file.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

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

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_OPERSTATE, IFLA_EXT_MASK = 1, 3, 4, 16, 29
IFA_ADDRESS, IFA_LOCAL = 1, 2
IN_LINK = frozenset({IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_OPERSTATE})
IN_ADDRESS = frozenset({IFA_ADDRESS, IFA_LOCAL})
FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6})

WITHOUT_COUNTERS = LINK.pack(0, 0, 0, 0, 0) + ATTRIBUTE.pack(8, IFLA_EXT_MASK) + NUMBER.pack(1 << 3)
"""RTEXT_FILTER_SKIP_STATS: they would be most of the answer."""

IFF_UP = 1
UNKNOWN, UP = 0, 6
"""IF_OPER_UNKNOWN, which is what drivers say that keep no state (tunnels and the like), and IF_OPER_UP."""


class Link(NamedTuple):
    """An interface, as far as the kernel tells of it.

    Attributes:
        is_up: Whether its link is up.
        mac: Its hardware address, if it has one.
        mtu: Bytes of its largest packet.
        addresses: Its IP addresses with their prefix lengths, IPv4 first.
    """

    is_up: bool | None
    mac: str | None
    mtu: int | None
    addresses: list[str]


def links() -> dict[str, Link]:
    """All interfaces by name. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as kernel:
        kernel.settimeout(SECONDS)
        addresses = _addresses(ask(kernel, ADDRESSES, ADDRESS.pack(0, 0, 0, 0, 0)))
        messages = ask(kernel, LINKS, WITHOUT_COUNTERS)
    links = [_link(message) for message in messages]
    return {name: link._replace(addresses=addresses.get(index, [])) for index, name, link in links}


# Of an interface or an address that is as it was, the same is told byte for byte: it is understood already.
@lru_cache(maxsize=256)
def _link(message: bytes) -> tuple[int, str, Link]:
    """The index of an interface, its name, and itself, still without addresses."""
    _, _, index, flags, _ = LINK.unpack_from(message)
    told = attributes(message, LINK.size, IN_LINK)
    state = told[IFLA_OPERSTATE][0]
    link = Link(
        state == UP or (state == UNKNOWN and flags & IFF_UP != 0),
        told.get(IFLA_ADDRESS, b"").hex(":") or None,
        NUMBER.unpack(told[IFLA_MTU])[0],
        [],
    )
    # Names are bytes to the kernel.
    return index, os.fsdecode(told[IFLA_IFNAME].rstrip(b"\0")), link


def _addresses(messages: Iterable[bytes]) -> dict[int, list[str]]:
    """The addresses of each interface by its index."""
    found: dict[int, list[str]] = {}
    for index, address in filter(None, map(_address, messages)):
        found.setdefault(index, []).append(address)
    return found


@lru_cache(maxsize=512)
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
    """The messages of a list; asked for again when it has changed meanwhile. Raises OSError."""
    for _ in range(TRIES):
        kernel.send(HEADER.pack(HEADER.size + len(body), kind, REQUEST, 0, 0) + body)
        told = list(_answer(kernel))
        if not any(flags & CHANGED for flags, _ in told):
            break
    return [message for _, message in told if message]


def _answer(kernel: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Flags and content of each message up to the last. Raises OSError, also when there is no answer."""
    while True:
        chunk = kernel.recv(CHUNK)
        start = 0
        while start < len(chunk):
            length, kind, flags, _, _ = HEADER.unpack_from(chunk, start)
            message = chunk[start + HEADER.size : start + length]
            start += _aligned(length)
            if kind == ERROR:
                [code] = ERROR_CODE.unpack_from(message)
                raise OSError(-code, os.strerror(-code))
            if kind == DONE:
                yield flags, b""
                return
            yield flags, message


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
    return length + 3 & ~3
