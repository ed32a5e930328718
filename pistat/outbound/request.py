"""One request to a target, without redirects, within a time limit."""

from __future__ import annotations

import base64
import http.client
import re
import socket
import time
from collections.abc import Mapping
from typing import NamedTuple

from pistat.outbound import transport
from pistat.validators import Url

LONGEST = 65_536
"""Bytes of an answer, of which only the status is read."""

STATUS = re.compile(rb"^HTTP/1\.[01] ([2-5][0-9]{2})[ \r\n][^\n]*\n", re.MULTILINE)
"""The status of an answer, behind those that announce one."""


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
        return Answer(accepted=False, text=transport.words(error))


def _exchange(method: str, url: Url, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    """Return what the server answers. Raises OSError, HTTPException or ValueError."""
    port = url.port or (443 if url.tls else 80)
    connection = http.client.HTTPConnection(url.host, port, timeout=transport.SECONDS)
    try:
        connection.connect()
        if url.tls:
            connection.sock = transport.tls_context().wrap_socket(connection.sock, server_hostname=url.host)
        connection.request(method, path, body, dict(headers))
        status = _status(connection.sock)
        accepted = 200 <= status < 300  # noqa: PLR2004 - the successes of HTTP
        reason = http.client.responses.get(status, "")
        return Answer(accepted, f"the server answered {status} {reason}".rstrip())
    finally:
        connection.close()


def _status(sock: socket.socket) -> int:
    """Return the status of an answer, which must have come in time, however slowly it comes."""
    until, head = time.monotonic() + transport.SECONDS, b""
    while not (found := STATUS.search(head)):
        sock.settimeout(max(0.001, until - time.monotonic()))
        received = sock.recv(4096)
        if not received or len(head) > LONGEST:
            raise http.client.BadStatusLine("")
        head += received
    return int(found[1])
