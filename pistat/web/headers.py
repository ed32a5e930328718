"""The headers that every answer carries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer carries, errors included, unless its view knows better."""


def added(application: WSGIApplication) -> WSGIApplication:
    """Return `application` with HEADERS on its answers. Flask would take a fifth of a short request."""

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *trouble: Any) -> Callable[[bytes], object]:
            known = {name for name, _ in headers}
            ours = [(name, value) for name, value in HEADERS.items() if name not in known]
            return start_response(status, headers + ours, *trouble)

        return application(environ, start)

    return respond


def accepts_gzip(environ: Mapping[str, str]) -> bool:
    """Return whether Accept-Encoding names gzip, and not with `q=0`: RFC 9110, 12.5.3."""
    for part in environ.get("HTTP_ACCEPT_ENCODING", "").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False
