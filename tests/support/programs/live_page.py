"""The page in a browser: how it is opened, and what it has asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.daemon import Daemon

if TYPE_CHECKING:
    from support.programs.chromium import Browser

NONE = "\N{EN DASH}"
BOARDS_SHOWN = ("pi3b-plus", "pi4b-8gb", "pi5-8gb-nvme", "zero2w-wifi", "pc-x86")
TABLES = ("processes", "links", "storage")


def address(daemon: Daemon) -> str:
    return f"http://127.0.0.1:{daemon.port}/"


def watch(browser: Browser, daemon: Daemon) -> None:
    """Open the page and wait for the first answer."""
    browser.open(address(daemon))
    browser.wait_for("#live-text", "Live")


def look_at(browser: Browser, section: str) -> None:
    """Bring a section onto the screen, and wait for its rows."""
    browser.run("document.getElementById(arguments[0]).scrollIntoView()", section)
    browser.wait(lambda: browser.text(f"#{section} tbody"), section)


def open_route(browser: Browser, path: str) -> None:
    """Unfold the form of a route."""
    browser.run("document.getElementById(arguments[0]).open = true", path)


def asked(browser: Browser, path: str) -> list[float]:
    """When the page has asked for `path`, in milliseconds since it was opened."""
    found: list[float] = browser.run(
        "return performance.getEntriesByType('resource')"
        ".filter(e => new URL(e.name).pathname === arguments[0]).map(e => e.startTime)",
        path,
    )
    return found


def json_of(browser: Browser, selector: str) -> Any:
    return browser.run("return JSON.parse(document.querySelector(arguments[0]).textContent)", selector)
