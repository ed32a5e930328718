"""Host names and client addresses, as they stand in HTTP headers."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
from functools import lru_cache

HOST = re.compile(
    r"(\[[0-9a-f:.]{2,45}(?:%[\w.~-]{1,32})?\]|[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,127})\.?"
    r"(?::[0-9]{0,5})?",
    re.ASCII | re.IGNORECASE,
)


HOP = re.compile(
    r"""("?)(?:\[([^]"]{2,64})\]|([0-9.]{7,15}))(?::(?:[0-9]{1,5}|_[\w.-]{1,32}))?\1""",
    re.ASCII | re.IGNORECASE,
)
"""An address, with or without a port, as RFC 7239 writes it: IPv6 in brackets, and all of it in quotes."""

LOCAL = (".local", ".lan", ".home", ".home.arpa", ".internal", ".localdomain")
"""Domains in which nobody on the Internet can have a name."""

ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - nothing listens on it here
"""To listen on these is to listen on every address; no browser can open them."""

AVAHI = "/run/avahi-daemon/socket"
ROUTED = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of nobody, which are routed like any on the Internet (RFC 5737, RFC 3849)."""


@lru_cache(maxsize=64)
def host(header: str) -> str | None:
    """Return the name or address in a Host header, in lower case, without port; None if it is neither."""
    found = HOST.fullmatch(header)
    if not found or (found[1].startswith("[") and not _is_address(found[1])):
        return None
    return found[1].lower()


def is_local(name: str) -> bool:
    """Return whether `name` is an address or a local name, which no stranger's name server can answer for."""
    return "." not in name or name.endswith(LOCAL) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        if name.startswith("["):
            ipaddress.IPv6Address(name.strip("[]"))
        else:
            socket.inet_aton(name)  # which knows 127.1, as curl and browsers do
    except (OSError, ValueError):
        return False
    return True


@lru_cache(maxsize=1024)
def client(address: str, ours: str = "") -> str:
    """Return who has `address`: IPv4-mapped as IPv4; IPv6 by /64, the smallest network that a home gets.

    In the /64 of `ours`, the address that was connected to, are our neighbours on the same link: each counts.
    """
    if ":" not in address:
        return address
    parsed = ipaddress.IPv6Address(address)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    network = ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64))
    return str(parsed) if ours and ipaddress.IPv6Address(ours) in network else str(network)


def forwarded_address(hop: str) -> str:
    """Return the address in an entry of X-Forwarded-For, with or without a port, brackets or quotes.

    Raises:
        ValueError: It is a name, `unknown`, or nothing.
    """
    text = hop.strip(" \t")
    found = HOP.fullmatch(text)
    # IPv6 without brackets has no port: that of `::1:443` could not be told from it.
    return str(ipaddress.ip_address((found[2] or found[3]) if found else text.strip('"')))


def reachable(own_name: str) -> list[str]:
    """Return how others on the network reach this machine: its name, and the address of its default route."""
    name = own_name.partition(".")[0].lower()
    names = [] if name in {"", "localhost"} else [f"{name}.local" if os.path.exists(AVAHI) else name]
    return names + _routed_address() or ["localhost"]


def _routed_address() -> list[str]:
    for family, address in ROUTED.items():
        # Nothing is sent: connect() of a datagram socket only asks the kernel for the route.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((address, 9))
            own = asking.getsockname()[0]
            return [f"[{own}]" if ":" in own else own]
    return []
