"""The page for everyone: by keyboard, on small and large screens, with large text, without scripting."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from support.daemon import Daemon
from support.programs.live_page import NONE, TABLES, address, asked, look_at, open_route, watch

if TYPE_CHECKING:
    from support.programs.chromium import Browser
    from support.require import Require

    Replay = Callable[..., Daemon]

WIDTHS = (360, 768, 860, 1280, 1920)
OVERFLOWING = """
    const boxes = 'nav, .tile, .tile p, .tile p *, .findings li, .id, h1, .tools, .blk';
    return [...document.querySelectorAll(boxes)]
        .filter(each => getComputedStyle(each).display !== 'inline')
        .filter(each => each.scrollWidth > each.clientWidth + 1)
        .map(each => each.className + ': ' + each.textContent)
"""
"""What has no room, of the tiles, the findings and the headline."""

SCREENS = 8
"""Of a phone that the page may be high."""


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str | None:
    """The text of axe-core, from npm."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run(
        [npm, "pack", "--silent", "--fetch-retries=5", "axe-core@4"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        found = archive.extractfile("package/axe.min.js")
        assert found is not None
        return found.read().decode()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(
    browser: Browser, replay: Replay, require: Require, axe: str | None, theme: str, width: int
) -> None:
    """No rule of axe is broken: live with all tables and an answer, in trouble, and when nobody answers."""
    require(axe is not None, "npm, for axe-core")
    daemon = replay("pi4b-8gb", ("vcgencmd.txt", "throttled=0x50000", "throttled=0x50005"), PAST="71,27")
    browser.theme(theme)
    browser.size(width, 800)
    watch(browser, daemon)
    for table in TABLES:
        look_at(browser, table)
    open_route(browser, "/processes")
    browser.click("[id='/processes'] .go")
    browser.wait_for("[id='/processes'] .goes", "200 OK")
    browser.run("document.getElementById('g-heat').focus()")
    assert violations(browser, axe) == []

    daemon.kill()
    browser.wait_for("#say", "has not answered")
    assert violations(browser, axe) == []


def test_axe_finds_nothing_behind_the_token(
    browser: Browser, start: Callable[..., Daemon], require: Require, axe: str | None
) -> None:
    """The same for the form that asks for the token."""
    require(axe is not None, "npm, for axe-core")
    browser.open(address(start(PISTAT_API_TOKEN="correct-horse-battery-staple")))
    browser.wait_for("#say", "needs a token")

    assert violations(browser, axe) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_reference(
    browser: Browser, shared: Daemon, require: Require, axe: str | None, theme: str
) -> None:
    """Nor does the reference at /docs, on a phone."""
    require(axe is not None, "npm, for axe-core")
    browser.theme(theme)
    browser.size(360, 800)
    browser.open(f"http://127.0.0.1:{shared.port}/docs")

    assert violations(browser, axe) == []


def violations(browser: Browser, axe: str | None) -> list[str]:
    browser.run(f"{axe}; window.axe = axe")
    found = browser.run_async(
        "const done = arguments[0];"
        "axe.run({ resultTypes: ['violations'] }).then(found => done(found.violations.map("
        "each => each.id + ': ' + each.nodes.map(node => node.target).join(', '))))"
    )
    return list(found)


def test_keyboard(browser: Browser, shared: Daemon) -> None:
    """The first stop is the way past the bar; routes, chips and buttons are stops with a ring."""
    watch(browser, shared)
    browser.press("\ue004")
    assert browser.run("return document.activeElement.textContent") == "Skip to the routes"

    browser.run("document.querySelector(\"[id='/stats'] summary\").focus()")
    browser.press("\ue007")
    browser.run("document.querySelector('.chips input').focus()")
    browser.press(" ")
    assert browser.run("return document.querySelector('.chips input').checked")
    assert (
        browser.run("return getComputedStyle(document.querySelector('.chips input + span')).outlineStyle")
        == "solid"
    )

    browser.run("document.querySelector('[data-sort=memory]').focus()")
    browser.press("\ue007")
    browser.wait(lambda: browser.run("return document.getElementById('by').value") == "memory", "the order")
    heads = browser.run(
        "return [...document.querySelectorAll('#processes [aria-sort]')].map(e => e.ariaSort)"
    )
    assert heads == ["descending"]


@pytest.mark.parametrize(("wish", "scroll"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_motion(browser: Browser, shared: Daemon, wish: str, scroll: str) -> None:
    """Nothing moves of itself for who does not want it."""
    browser.open(address(shared))
    browser.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": wish}])

    assert browser.run("return getComputedStyle(document.documentElement).scrollBehavior") == scroll


def test_is_quiet(browser: Browser, shared: Daemon) -> None:
    """A screen reader is told of a change of state, not of every reading."""
    watch(browser, shared)
    browser.wait(lambda: len(asked(browser, "/stats")) > 1, "a second question")

    live = browser.run("return [...document.querySelectorAll('[role=status], [aria-live]')].map(e => e.id)")
    assert "live-text" not in live
    assert browser.text("#tell") == ""


def test_focus_stays(browser: Browser, replay: Replay) -> None:
    """Who is on a link or a button of what is painted anew with each answer stays there."""
    watch(browser, replay("pi4b-8gb", REPLAY="alive"))
    for selector in ("#findings a", "#facts-board button"):
        browser.wait(lambda each=selector: browser.texts(each), selector)  # type: ignore[misc]
        browser.run("document.querySelector(arguments[0]).focus()", selector)
        turn = browser.run("return turn")
        browser.wait(lambda before=turn: browser.run("return turn") > before + 1, "two answers")  # type: ignore[misc]
        assert browser.run("return document.activeElement.matches(arguments[0])", selector)


def test_the_bar_marks_where_one_is(browser: Browser, shared: Daemon) -> None:
    """The link of the part that is looked at is marked in the bar, and no other."""
    watch(browser, shared)
    browser.wait_for("nav [aria-current=true]", "Overview")
    assert browser.texts("nav [aria-current=true]") == ["Overview"]

    for part, name in [("at-processes", "Processes"), ("api", "API"), ("now", "Overview")]:
        browser.run("document.getElementById(arguments[0]).scrollIntoView()", part)
        browser.wait_for("nav [aria-current=true]", name)
        assert browser.texts("nav [aria-current=true]") == [name]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_sideways_scrolling(browser: Browser, replay: Replay, width: int) -> None:
    """The page is as wide as the view, from a small phone to a large screen, and with text twice as large."""
    browser.size(width, 800)
    watch(browser, replay("pi4b-8gb", PAST="71,27", PAST_WEAK="1"))
    look_at(browser, "storage")
    # The widest that there are; they stand still until the next answer.
    browser.run(
        "for (const id of ['received', 'sent']) figure(id, '88.8', 'kB/s out');"
        "figure('power', 'Slowed a little', 'board · 5.14\u00a0V in · 5\u00a0A supply');"
        "figure('memory', '1022', 'of 1023\u00a0MiB · 100\u00a0%')"
    )

    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run(OVERFLOWING) == []
    browser.run("document.documentElement.style.fontSize = '200%'")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run(OVERFLOWING) == []


def test_a_phone_has_few_screens(browser: Browser, replay: Replay) -> None:
    """All of it, with every table filled, is at most eight screens of a phone."""
    browser.size(360, 740)
    watch(browser, replay("pi5-8gb-nvme"))
    for table in TABLES:
        look_at(browser, table)

    assert browser.run("return document.documentElement.scrollHeight") <= SCREENS * 740


def test_a_share_that_hangs_on_a_phone(browser: Browser, replay: Replay) -> None:
    """Why a filesystem has no figures stands in its row, which is no wider for it; it has no empty meter."""
    browser.size(360, 740)
    watch(browser, replay("pc-x86"))
    look_at(browser, "storage")
    row = "[...storage.tBodies[0].rows].find(row => row.textContent.includes('no answer within 1.0 s'))"
    storage = "const storage = document.getElementById('storage');"

    assert browser.run(f"{storage} return storage.clientWidth <= storage.parentNode.clientWidth")
    assert browser.run(f"{storage} return {row}.cells[1].textContent") == NONE
    assert browser.run(f"{storage} return {row}.querySelector('.meter')") is None


def test_reads_without_scripting(browser: Browser, replay: Replay) -> None:
    """Without scripting the readings are there, and the routes; nothing waits, no dead control is shown."""
    browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(address(replay("pi4b-8gb")))
    seen = browser.run("return document.body.innerText")

    assert "These are the readings from when the page was opened" in seen
    assert "1 problem" in seen
    assert "71.6" in seen
    assert "/network/interfaces" in seen
    assert "Waiting" not in seen
    controls = "[...document.querySelectorAll('button, input, select')]"
    assert browser.run(f"return {controls}.filter(e => e.checkVisibility()).length") == 0
