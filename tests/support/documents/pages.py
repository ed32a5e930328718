"""The documents that the daemon serves, as a client gets them, and what is in an HTML page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

from pi_system_monitor import create_app
from pistat.machine.machine import Machine
from pistat.settings import Settings

if TYPE_CHECKING:
    from flask.testing import FlaskClient

CURL = "curl/8.5.0"
FIREFOX = "Mozilla/5.0 (X11; Linux aarch64; rv:128.0) Gecko/20100101 Firefox/128.0"

OPEN = {"link", "meta", "wbr", "input", "p", "li", "dt", "dd", "option", "thead", "tbody", "tr", "th", "td"}
"""Tags that HTML has no end for, or needs none."""

INLINE = {"a", "b", "code", "i", "small", "span"}


def client_of(settings: Settings, machine: Machine | None = None) -> FlaskClient:
    """A client of the application, on this machine or another."""
    return create_app(settings, machine or Machine()).test_client()


def served(client: FlaskClient, path: str, agent: str, host: str = "localhost:8585") -> str:
    """A document as a client that introduces itself as `agent` gets it."""
    response = client.get(path, headers={"Host": host, "User-Agent": agent})
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_data(as_text=True)


class Page(HTMLParser):
    """A page that was read: its tags with their attributes, its text, the terms of its lists.

    Attributes:
        open: The tags that were not closed although they must be.
        terms: What the lists describe; what stands below a term for a whole group, with that before it.
        inside: The text of each style and script.
    """

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.terms: list[str] = []
        self.inside: dict[str, str] = {}
        self.text = ""
        self._last = ""
        self._group = ""

    @classmethod
    def of(cls, html: str) -> Page:
        page = cls()
        page.feed(html)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs)), f"an attribute twice: {attrs}"
        self._last = "group" if ("class", "g") in attrs else tag
        if tag not in INLINE:
            self.text += "\n"
        if tag not in OPEN:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in OPEN:
            assert self.open.pop() == tag, f"line {self.getpos()[0]}: </{tag}>"
        if tag not in INLINE:
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] in (["style"], ["script"]):
            self.inside[self.open[-1]] = data
            return
        self.text += data
        if self._last == "group":
            self._group = data.strip()
        elif self._last == "dt":
            self.terms.append(self._group + data if data.startswith(".") else data)
        self._last = ""

    def values(self, name: str) -> list[str]:
        """The values of an attribute, wherever it stands."""
        return [each[name] or "" for _, each in self.tags if name in each]
