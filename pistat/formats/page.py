"""The page: one document with its style and its script, and the policy that lets nothing else run.

One document is one round trip, and one request of a small machine. Its policy names the two texts by their
hash: stricter than `'self'`, under which any file of ours could be run.
"""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from pistat.compression import Body
from pistat.settings import Settings

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates"

SHARE = 0.4
"""Of the requests of a client that an open page takes, at most."""

LEAST_SECONDS = 6
"""Between two questions for the readings of the tiles, where nothing asks for more."""

QUESTIONS = 2
"""Requests in a turn of the page, at most: besides /stats, scripts/polling.js asks ten times in ten turns."""

LIVE = "<!-- live -->"
"""Where the first readings stand in the page."""

SCRIPTS = {
    "page": (
        *("dom", "quantities", "tabs", "polling", "lock", "headline", "curves", "graphs", "cursor", "tiles"),
        *("power", "tables", "sections", "forms", "start"),
    ),
    "docs": ("docs",),
}
"""The parts of each script, one for each thing that it does, in the order in which they stand in it.

They share their names, as one script does: a document is one file, which a policy names by its hash.
"""


@dataclass(frozen=True)
class Document:
    """A document that is the same for everyone who asks under the same name.

    Attributes:
        policy: Its Content-Security-Policy, if it is not the one of every answer.
        tag: Changes when the body does.
    """

    body: Body
    mimetype: str
    policy: str = ""
    tag: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tag", hashlib.sha256(self.body.plain).hexdigest()[:16])


def style(name: str = "page") -> Markup:
    """Return the style sheet of a document, as it stands in it, after what all of them have."""
    return _own(_read("theme.css") + _read(f"{name}.css"))


def script(name: str = "page") -> Markup:
    """Return the script of a document, as it stands in it."""
    return _own("\n".join(_read(f"scripts/{part}.js") for part in SCRIPTS[name]))


def file(name: str, mimetype: str) -> Document:
    """Return a file that is served as it is."""
    return Document(Body((TEMPLATES / name).read_bytes()), mimetype)


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _own(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - a file of ours


def policy(name: str = "page") -> str:
    """Return the policy of a document: own style, script, icon and API; scripts can make no markup."""
    sources = f"script-src {_hash(script(name))}; style-src {_hash(style(name))}"
    return (
        f"default-src 'none'; {sources}; img-src 'self'; manifest-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def seconds(settings: Settings) -> int:
    """Return the seconds between requests of the page: no faster than answers change, far below the limit."""
    if not settings.rate_limit_enabled:
        return max(LEAST_SECONDS, math.ceil(settings.cache_seconds))
    pace = QUESTIONS * settings.rate_limit_window / settings.rate_limit_requests / SHARE
    return max(LEAST_SECONDS, math.ceil(settings.cache_seconds), math.ceil(pace))


def requests(settings: Settings) -> int:
    """Return how many requests an open page makes in a minute, at most."""
    return math.ceil(60 / seconds(settings) * QUESTIONS)
