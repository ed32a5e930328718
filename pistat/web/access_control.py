"""Who is let in, and who a request comes from: the Host header, the token, other origins, proxies."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from pistat.hosts import client, forwarded_address, is_local

if TYPE_CHECKING:
    from pistat.machine.machine import Machine
    from pistat.settings import Settings


READABLE = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After"
"""Headers of an answer that a page of another origin may read, besides those that it always may."""

SEARCH = ("search", "domain")
"""The lines of resolv.conf with the domains in which a name of one word is looked for."""


class AccessControl:
    """The rules of one daemon: who is let in.

    Args:
        settings: The names, the token and the origins that the owner has chosen.
        machine: The machine whose own names are accepted.
    """

    def __init__(self, settings: Settings, machine: Machine) -> None:
        self._machine = machine
        self._named = frozenset(settings.allowed_hosts)
        self._token = settings.api_token.encode()
        self._origins = frozenset(settings.cors_origins)
        self._proxies = settings.trusted_proxies
        self._seen = lru_cache(maxsize=64)(self._is_ours)

    def allows_host(self, name: str) -> bool:
        """Return whether a request for `name`, as `host` returns it, is meant for this machine.

        Anything else may be DNS rebinding: a page that the owner of a browser here has opened, and whose own
        name has just become the address of this machine.
        """
        # The machine may get a name at any time, so only what is not ours is looked at again.
        return self._seen(name) or name in own_names(self._machine)

    def _is_ours(self, name: str) -> bool:
        return "*" in self._named or name in self._named or is_local(name)

    def has_token(self, environ: Mapping[str, str]) -> bool:
        """Return whether a request shows the token, or no token is set."""
        if not self._token:
            return True
        # Its time does not tell how much of the token was right.
        return any(hmac.compare_digest(shown, self._token) for shown in shown_tokens(environ))

    def client(self, peer: str, forwarded: str) -> str:
        """Return the client that a connection of the client `peer` speaks for, by the X-Forwarded-For header.

        Each proxy adds on the right whom it was asked by. What stands left of the entries of our own proxies
        could be anything, and with fewer entries than proxies the request did not come through all of them.
        """
        hops = forwarded.split(",") if self._proxies else []
        if not 0 < self._proxies <= len(hops):
            return peer
        try:
            return client(forwarded_address(hops[-self._proxies]))
        except ValueError:
            return peer

    def allows_origin(self, origin: str) -> bool:
        """Return whether pages of `origin` may read answers."""
        return origin in self._origins

    def cors(self, origin: str, *, preflight: bool = False) -> dict[str, str]:
        """Return the headers that let pages of `origin` read an answer; none if no page may."""
        if not self._origins:
            return {}
        # Caches are told that the next one may get another answer.
        headers = {"Vary": "Origin"}
        if not self.allows_origin(origin):
            return headers
        headers |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": READABLE,
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if preflight:
            headers["Access-Control-Allow-Methods"] = "GET, HEAD"
            headers["Access-Control-Allow-Headers"] = "Authorization, X-API-Key"
            headers["Access-Control-Max-Age"] = "7200"
        return headers


def own_names(machine: Machine) -> frozenset[str]:
    """Return the names of this machine: its host name, alone and in the network's domains, and aliases."""
    name = machine.host_name().lower()
    domains = [
        word for words in _lines(machine, "/etc/resolv.conf") if words[0] in SEARCH for word in words[1:]
    ]
    aliases = [word for words in _lines(machine, "/etc/hosts") if name in words[1:] for word in words[1:]]
    return frozenset([name, *aliases, *(f"{name}.{domain}" for domain in domains)])


def _lines(machine: Machine, path: str) -> list[list[str]]:
    """Return the words of each line that has any; none of a file that cannot be read."""
    with contextlib.suppress(OSError):
        lines = (machine.read_or_none(path, 1 << 16) or "").lower().splitlines()
        return [words for line in lines if (words := line.partition("#")[0].split())]
    return []


def shown_tokens(environ: Mapping[str, str]) -> Iterator[bytes]:
    """Yield what a request shows as its token: X-API-Key, Bearer, or the password of Basic."""
    if "HTTP_X_API_KEY" in environ:
        yield environ["HTTP_X_API_KEY"].encode("latin-1")
    scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        yield rest.strip().encode("latin-1")
    elif scheme.lower() == "basic":
        # What is not base64 is no password.
        with contextlib.suppress(binascii.Error):
            yield base64.b64decode(rest.strip().encode("latin-1"), validate=True).partition(b":")[2]


def is_foreign(environ: Mapping[str, str], *, document: bool) -> bool:
    """Return whether a request may have been made by a page of another site, in the browser of its reader.

    A browser says so itself, but not over plain HTTP. Then it is told by what such a page cannot have it send
    without a preflight: our own page shows a token even where there is none, and a browser that opens a
    document offers to upgrade it.
    """
    if "HTTP_SEC_FETCH_SITE" in environ:
        return environ["HTTP_SEC_FETCH_SITE"] == "cross-site"
    own = "HTTP_X_API_KEY" in environ or (document and "HTTP_UPGRADE_INSECURE_REQUESTS" in environ)
    return environ.get("HTTP_USER_AGENT", "").startswith("Mozilla/") and not own


def challenges(environ: Mapping[str, str]) -> list[str]:
    """Return the WWW-Authenticate headers of a 401; none that opens a dialog if a script shows a token."""
    scheme = environ.get("HTTP_AUTHORIZATION", "").partition(" ")[0].lower()
    program = "HTTP_X_API_KEY" in environ or scheme == "bearer"
    return ['Bearer realm="pi-stat"'] if program else ['Basic realm="pi-stat"', 'Bearer realm="pi-stat"']
