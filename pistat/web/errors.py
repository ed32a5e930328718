"""The refusals, each declared once: a status, and what it means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Refusal:
    """Declare a status that is not a success.

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
    Refusal(401, "The request shows no token, or a wrong one; it is what `PISTAT_API_TOKEN` says."),
    Refusal(403, "The `Host` header is not a name of this machine; see `PISTAT_ALLOWED_HOSTS`."),
    Refusal(404, "There is no such route; the message lists those that there are."),
    Refusal(405, "The method is not one of those that `Allow` lists."),
    Refusal(413, "The body of the request is too large; no route here reads one."),
    Refusal(429, "The client has used up its requests; `Retry-After` says in how many seconds it has more."),
    Refusal(431, "The head of the request is too large."),
    Refusal(500, "The request could not be answered; the log of the daemon says why."),
    Refusal(501, "The request is in a transfer coding that this server does not understand."),
    Refusal(503, "Too many requests wait for an answer; `Retry-After` says when to come again."),
)
MEANING = {each.status: each.help for each in ERRORS}

MESSAGES = {**MEANING, 400: "The request is not HTTP that this server understands."}
"""What is said of requests that never reach the application; waitress's words would quote its internals."""


def error_body(status: int, message: str) -> bytes:
    """Return the JSON that every refused request gets."""
    return json.dumps({"error": HTTPStatus(status).phrase, "message": message}).encode() + b"\n"
