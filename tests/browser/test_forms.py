"""The routes with their forms: what is ticked and typed is asked for, and the answer is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from support.daemon import Daemon
from support.programs.live_page import address, json_of, look_at, open_route, watch

if TYPE_CHECKING:
    from support.programs.chromium import Browser

    Replay = Callable[..., Daemon]


def test_send(browser: Browser, shared: Daemon) -> None:
    """What is ticked is in the URL and the command, and Send shows what the daemon answers to it."""
    watch(browser, shared)
    open_route(browser, "/stats")
    for field in ("uptime", "memory"):
        browser.run("document.querySelector(`.chips [value=${arguments[0]}]`).click()", field)
    browser.click("[id='/stats'] .go")
    browser.wait_for("[id='/stats'] .goes", "200 OK")

    url = f"{address(shared)}stats?fields=memory,uptime"
    assert browser.texts("[id='/stats'] .ln code") == [url, f"curl '{url}'"]
    answer = json_of(browser, "[id='/stats'] .out")
    assert list(answer) == ["memory", "uptime"]
    assert answer["memory"]["total"] == shared.json("/stats")["memory"]["total"]


def test_what_is_shown_is_what_was_answered(browser: Browser, shared: Daemon) -> None:
    """Blanks are put between values, and not into addresses, links and sentences."""
    watch(browser, shared)
    value = {
        "mac": "aa:bb:cc",
        "text": 'x,y: "z", \\',
        "list": ["fe80::1", "10.0.0.1", "", 1.5, None],
        "of": {},
    }

    assert browser.run("return JSON.parse(pretty(arguments[0]))", value) == value
    assert browser.run("return pretty(arguments[0])", {"a": "b:c", "n": 1}) == '{"a": "b:c", "n": 1}'


def test_send_what_is_refused(browser: Browser, shared: Daemon) -> None:
    """A bad parameter can be sent; the daemon's own words are shown, and the status as an error."""
    watch(browser, shared)
    open_route(browser, "/processes")
    browser.type("[id='/processes'] [data-name=limit] input", "abc")
    browser.click("[id='/processes'] .go")
    browser.wait_for("[id='/processes'] .goes b.e", "400")

    assert json_of(browser, "[id='/processes'] .out") == shared.get("/processes?limit=abc").json()
    # What the browser itself says of a status is no complaint of the page.
    assert [each for each in browser.console_messages() if "400" not in each] == []


def test_what_is_typed_is_quoted(browser: Browser, shared: Daemon) -> None:
    """Whatever is typed, the command is one for a shell: it has two quotes, around the URL."""
    browser.open(address(shared))
    open_route(browser, "/processes")
    browser.type("[id='/processes'] [data-name=limit] input", "it's 5 & more")
    url, command = browser.texts("[id='/processes'] .ln code")

    assert command == f"curl '{url}'"
    assert url == f"{address(shared)}processes?limit=it%27s+5+%26+more"


def test_order_of_what_the_pointer_is_on(browser: Browser, shared: Daemon) -> None:
    """The rows stay while a pointer rests on them, but not when another order is asked for."""
    watch(browser, shared)
    look_at(browser, "processes")
    x, y = browser.run(
        "const { x, y } = document.querySelector('#processes tbody td').getBoundingClientRect();return [x, y]"
    )
    move = {"type": "pointerMove", "duration": 0, "x": int(x) + 4, "y": int(y) + 4}
    browser.do("actions", actions=[{"type": "pointer", "id": "mouse", "actions": [move]}])
    assert browser.run("return document.querySelector('#processes tbody').matches(':hover')")
    assert browser.run("return document.querySelector('#at-processes .held').checkVisibility()")

    browser.run("document.querySelector('[data-sort=pid]').click()")
    first = str(shared.json("/processes?sort=pid&limit=1")["processes"][0]["pid"])
    browser.wait(lambda: browser.text("#processes tbody td") == first, "the order")


def test_send_for_text(browser: Browser, shared: Daemon) -> None:
    """An answer that is no JSON is shown as it is, and a long one in its first part."""
    watch(browser, shared)
    open_route(browser, "/metrics")
    browser.click("[id='/metrics'] .go")
    browser.wait_for("[id='/metrics'] .goes", "200 OK")

    shown = browser.text("[id='/metrics'] .out")
    assert shown.startswith("# HELP ")
    assert len(shown.splitlines()) <= 502


def test_examples_fill_the_form(browser: Browser, shared: Daemon) -> None:
    """An example, and the request that a panel cites, stand in the form when they are followed."""
    watch(browser, shared)
    browser.click("#by-link")

    assert browser.run("return document.getElementById('/processes').open")
    assert browser.text("[id='/processes'] .ln code") == f"{address(shared)}processes?limit=12"
    browser.run("document.querySelectorAll(\"[id='/processes'] .eg a\")[1].click()")
    assert browser.text("[id='/processes'] .ln code") == f"{address(shared)}processes?sort=memory&limit=5"
    assert browser.ask("url") == address(shared)


def test_copy(browser: Browser, shared: Daemon) -> None:
    """Copy says that it has copied, on an address that is no secure context for the clipboard, too."""
    watch(browser, shared)
    open_route(browser, "/health")
    button = "[id='/health'] .ln button"

    def says_so() -> bool:
        # It does for a moment, in which a busy machine may have no time to look.
        browser.click(button)
        return browser.text(button) == "Copied"

    browser.wait(says_so, "Copied")

    assert browser.run("return getSelection().toString()") == f"{address(shared)}health"
