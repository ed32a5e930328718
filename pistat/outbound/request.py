"""One request to a target, without redirects and without patience."""

from __future__ import annotations

import base64
import http.client
import socket
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from pistat.text import escaped
from pistat.validators import Url

if TYPE_CHECKING:
    from ssl import SSLContext

SECONDS = 5.0
"""How long a step of the connection may take."""


class Answer(NamedTuple):
    """What came of a request: whether it was accepted, and the answer in words, which never name the URL."""

    accepted: bool
    text: str


def send(method: str, url: Url, path: str, body: bytes | None = None) -> Answer:
    """Send one request to the host of `url`; a redirect is not followed, and is no success."""
    headers = {"User-Agent": "pi-stat", "Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if url.credentials:
        headers["Authorization"] = "Basic " + base64.b64encode(url.credentials.encode()).decode()
    try:
        return _exchange(method, url, path, body, headers)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(accepted=False, text=words(error))


def _exchange(method: str, url: Url, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    port = url.port or (443 if url.tls else 80)
    connection = http.client.HTTPConnection(url.host, port, timeout=SECONDS)
    try:
        connection.connect()
        if url.tls:
            connection.sock = tls_context().wrap_socket(connection.sock, server_hostname=url.host)
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        reason = escaped(http.client.responses.get(response.status, ""), 40)
        accepted = 200 <= response.status < 300  # noqa: PLR2004 - the successes of HTTP
        return Answer(accepted, f"the server answered {response.status} {reason}".rstrip())
    finally:
        connection.close()


@cache
def tls_context() -> SSLContext:
    """Return what checks the certificate of a server, by the authorities that the system trusts.

    There is one for all, since it may take megabytes and tens of milliseconds to read those.
    """
    # Only here: where no setting needs it, it is not loaded.
    import ssl  # noqa: PLC0415

    return ssl.create_default_context()


def words(error: Exception) -> str:
    """Return what went wrong; the text of an unforeseen error might repeat the URL and is left out."""
    if isinstance(error, socket.gaierror):
        return "the name of the server does not resolve"
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:g} s"
    if type(error).__name__ == "SSLCertVerificationError":
        return "the certificate of the server is not valid"
    if type(error).__module__ == "ssl":
        return "the TLS handshake failed; the server may not use TLS on this port"
    if isinstance(error, OSError) and error.strerror:
        return escaped(error.strerror, 80)
    return f"the exchange failed ({type(error).__name__})"
