"""The graphs: filled when the page opens, read by pointer and keyboard, honest about what was not seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from support.daemon import Daemon
from support.daemons.past import BOOTS, GAPS, WEAK
from support.programs.live_page import address, asked, watch

if TYPE_CHECKING:
    from support.programs.chromium import Browser

    Replay = Callable[..., Daemon]

POINT = """
    const { right, width } = strip.svg.getBoundingClientRect();
    strip.box.onpointermove({ clientX: right - width * arguments[0] })
"""
"""Have a pointer at a share of the day before now on the power strip."""

RANGES = ("5 min", "1 h", "24 h", "14 d")
SECONDS = {"5 min": 300, "1 h": 3600, "24 h": 86_400, "14 d": 1_209_600}


@pytest.fixture
def past(browser: Browser, replay: Replay) -> Daemon:
    """A board that remembers a fortnight, whose page is open and filled."""
    daemon = replay("pi4b-8gb", PAST="71,27", PAST_WEAK="1")
    open_filled(browser, daemon)
    return daemon


def open_filled(browser: Browser, daemon: Daemon) -> None:
    watch(browser, daemon)
    browser.run("localStorage.clear()")
    filled(browser, "1h")
    browser.wait(lambda: browser.run("return remembered.strip && SENSORS.found"), "the strip")


def filled(browser: Browser, name: str) -> None:
    browser.wait(lambda: browser.run("return remembered[arguments[0]]", name), f"the history of {name}")


def choose(browser: Browser, name: str) -> None:
    browser.run(
        "[...document.getElementById('range').children].find(e => e.textContent === arguments[0]).click()",
        name,
    )
    filled(browser, {"5 min": "1h", "1 h": "1h", "24 h": "24h", "14 d": "14d"}[name])


def path(browser: Browser, part: str, box: str = "g-heat") -> str:
    found: str = browser.run(
        "return document.querySelector(`#${arguments[0]} .${arguments[1]}`).getAttribute('d') ?? ''",
        box,
        part,
    )
    return found


def points(browser: Browser, part: str) -> list[list[float]]:
    """The places of a path, from 0 to 300, in each stretch of it."""
    stretches = path(browser, part).split("M")[1:]
    return [[float(each.split(" ")[0]) for each in stretch.split("L")] for stretch in stretches]


@pytest.mark.parametrize("name", RANGES)
def test_gaps_and_starts(browser: Browser, past: Daemon, name: str) -> None:
    """The line breaks where nothing was recorded, the baseline is dotted there, and a start is a line."""
    choose(browser, name)
    reach = SECONDS[name]
    # The history was made when the daemon was started.
    since_then = browser.run("return last - Math.max(...remembered['1h'].boots)") - min(BOOTS)
    place = {ago: 300 * (1 - (ago + since_then) / reach) for pair in (*GAPS, BOOTS) for ago in pair}
    stretches = points(browser, "line")

    for until, since in GAPS:
        if since >= reach or (since - until) / reach * 300 < 6:
            continue
        inside = [x for each in stretches for x in each if place[since] + 3 < x < place[until] - 3]
        assert inside == []
        assert any(place[since] - 9 < each[-1] < place[since] + 9 for each in stretches)
        assert "H" in path(browser, "gap")
    starts = [float(each.split(" ")[0]) for each in path(browser, "start").split("M")[1:]]
    assert all(min(abs(each - place[ago]) for each in starts) < 2 for ago in BOOTS if ago < reach)


def test_opens_with_the_history(browser: Browser, past: Daemon) -> None:
    """The graphs hold the hour before the page was opened, asked for once."""
    assert points(browser, "line")[0][0] < 3
    assert 2 <= len(asked(browser, "/history")) <= 3


def test_a_history_that_begins(browser: Browser, replay: Replay) -> None:
    """Of a daemon that has just begun the graphs are short, dotted before, and nothing is made up."""
    daemon = replay("pi4b-8gb", PISTAT_HISTORY_SECONDS="5", REPLAY="alive")
    watch(browser, daemon)
    filled(browser, "1h")
    browser.wait(lambda: browser.run("return turn") > 2, "three answers")

    assert browser.text("#range [aria-pressed=true]") == "5 min"
    assert min(x for each in points(browser, "line") for x in each) > 100
    assert path(browser, "gap").startswith("M0.0 ")
    assert "none in the" in browser.text("#power .f") or "once" in browser.text("#power .f")


def test_without_a_history(browser: Browser, replay: Replay) -> None:
    """Where none is kept the page says so, and draws what it sees itself."""
    watch(browser, replay("pi4b-8gb", PISTAT_HISTORY_SECONDS="0"))
    browser.wait_for("#g-power .nothing", "No history yet")
    browser.wait_for("#g-heat .nothing", "No history yet")
    browser.wait(lambda: browser.run("return turn") > 1 and points(browser, "line"), "a line")

    browser.wait(lambda: not browser.text("#g-heat .nothing"), "the second sample")
    assert path(browser, "gap", "g-power") == ""
    assert browser.console_messages() == []


def test_nothing_is_drawn_of_what_is_not_read(browser: Browser, replay: Replay) -> None:
    """A container has no temperature and so no graph of it; its traffic has one."""
    watch(browser, replay("pi4b-4gb-container", REPLAY="alive"))
    browser.wait(
        lambda: browser.run("return LINKS.found && turn > 1") and path(browser, "line", "g-network"), "a line"
    )

    assert not browser.run("return document.querySelector('#g-heat .plot').checkVisibility()")
    assert browser.text("#heat .f") == "Why readings are missing: see /capabilities."


def test_read_by_keyboard(browser: Browser, past: Daemon) -> None:
    """A graph is a stop; arrows move along it, each place is said, Escape ends it."""
    browser.run("document.getElementById('g-heat').focus()")
    browser.press("\ue011")
    home = said(browser)
    for _ in range(3):
        browser.press("\ue014")
    later = said(browser)
    browser.press("\ue010")
    end = said(browser)

    assert all("°C" in each and ":" in each for each in (home, later, end))
    assert len({home, later, end}) == 3
    assert browser.text("#g-heat .said") == end
    assert path(browser, "cursor")
    browser.press("\ue00c")
    assert browser.text("#g-heat .said") == path(browser, "cursor") == ""


def said(browser: Browser, box: str = "g-heat") -> str:
    found: str = browser.run("return document.getElementById(arguments[0]).ariaValueText", box)
    return found


@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_read_by_pointer(browser: Browser, past: Daemon, kind: str) -> None:
    """Under a mouse or a finger stand the time and the value; in a gap that there is none."""
    x, y, width = browser.run(
        "const it = document.querySelector('#g-cpu svg');it.scrollIntoView({ block: 'center' });"
        "const { x, y, width } = it.getBoundingClientRect(); return [x, y, width]"
    )

    def at(share: float) -> str:
        place = {"duration": 0, "x": int(x + share * width), "y": int(y) + 20}
        actions: list[dict[str, Any]] = [{"type": "pointerMove", **place}]
        if kind == "touch":
            actions += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        pointer = {"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": actions}
        browser.do("actions", actions=[pointer])
        return browser.text("#g-cpu .said")

    assert at(0.25).endswith("%")
    until, since = GAPS[2]
    assert at(1 - (until + since) / 2 / 3600).endswith("not recorded")


def test_the_strip_shows_when(browser: Browser, past: Daemon) -> None:
    """The power tile has a mark where the supply was too weak in the last day, and says how often."""
    marks = [float(each.split(" ")[0]) for each in path(browser, "bad", "g-power").split("M")[1:]]
    expected = [300 * (1 - ago / 86_400) for ago in sorted(WEAK, reverse=True)]

    assert all(min(abs(mark - each) for mark in marks) < 2 for each in expected)
    assert all(min(abs(mark - each) for each in expected) < 3 for mark in marks)
    assert "too weak 7 times" in browser.text("#power .f")
    assert browser.texts("#g-power .key span") == ["too weak", "slowed", "started", "not recorded"]
    assert browser.texts("#key span") == ["started", "not recorded"]
    browser.run("document.getElementById('g-power').focus()")
    browser.press("\ue011")
    assert said(browser, "g-power").endswith("all well")
    for ago, words in [(WEAK[0] - 60, "supply too weak"), (10 * 3600, "not recorded")]:
        browser.run(POINT, ago / 86_400)
        assert words in browser.text("#g-power .said")


def test_a_fortnight_is_drawn_at_once(browser: Browser, past: Daemon) -> None:
    """Fourteen days of all graphs take few milliseconds of script."""
    choose(browser, "14 d")
    took = browser.run(
        "const times = []; for (let i = 0; i < 7; i++) { const began = performance.now(); paintGraphs();"
        "paintPower(); times.push(performance.now() - began) } return Math.min(...times)"
    )

    assert took < 50


def test_the_range_is_kept(browser: Browser, past: Daemon) -> None:
    """The chosen span is kept on this device."""
    choose(browser, "24 h")
    browser.open(address(past))
    filled(browser, "24h")

    assert browser.text("#range [aria-pressed=true]") == "24 h"
    assert browser.text("#g-heat .span") == "24 h ago12 hnow"
    browser.run("localStorage.clear()")
