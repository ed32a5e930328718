"""Host names and client addresses, as they stand in HTTP headers."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache

HOST = re.compile(
    r"(\[[0-9a-f:.]{2,45}(?:%[\w.~-]{1,32})?\]|[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,127})\.?"
    r"(?::[0-9]{0,5})?",
    re.ASCII | re.IGNORECASE,
)


LOCAL = (".local", ".lan", ".home", ".home.arpa", ".internal", ".localdomain")
"""Domains in which nobody on the Internet can have a name."""


@lru_cache(maxsize=64)
def host(header: str) -> str | None:
    """The name or address in a Host header, in lower case and without port; None if it is something else."""
    found = HOST.fullmatch(header)
    if not found or (found[1].startswith("[") and not _is_address(found[1])):
        return None
    return found[1].lower()


def is_local(name: str) -> bool:
    """Whether no name server of a stranger can have given `name` an address: it is one, or a local name."""
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
def client(address: str) -> str:
    """Who has `address`: IPv6 by /64, the smallest network that a home gets; IPv4-mapped as IPv4."""
    if ":" not in address:
        return address
    parsed = ipaddress.IPv6Address(address)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
