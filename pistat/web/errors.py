"""Declares the errors that a client may get: a status, and what it means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Refusal:
    """A status that is not a success.

    Attributes:
        status: The number on the wire.
        help: What it means, in one sentence.
    """

    status: int
    help: str


ERRORS = (
    Refusal(
        400,
        "A parameter is unknown, given twice, empty or out of range, or the request is not HTTP; "
        "the message says what is accepted.",
    ),
    Refusal(
        401,
        "The token is missing or wrong; send the value of `PISTAT_API_TOKEN` in a header, "
        "`Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`, or as the password.",
    ),
    Refusal(403, "The `Host` header does not name this machine; add the name to `PISTAT_ALLOWED_HOSTS`."),
    Refusal(404, "There is no such route; the message lists the routes."),
    Refusal(405, "The method is not allowed; the `Allow` header lists those that are."),
    Refusal(413, "The body of the request is too large; no route reads one."),
    Refusal(429, "The client has made too many requests; `Retry-After` says how many seconds to wait."),
    Refusal(431, "The request line and headers are too large."),
    Refusal(500, "The request could not be answered; the log of pi-stat says why."),
    Refusal(501, "The request uses a transfer coding that this server does not understand."),
    Refusal(503, "Too many requests are waiting; `Retry-After` says how many seconds to wait."),
)
MEANING = {error.status: error.help for error in ERRORS}

MESSAGES = {**MEANING, 400: "The request is not HTTP that this server understands."}
"""What is said of requests that never reach the application; waitress's words would quote its internals."""


def error_body(status: int, message: str) -> bytes:
    """Return the JSON that every refused request gets."""
    return json.dumps({"error": HTTPStatus(status).phrase, "message": message}).encode() + b"\n"
