"""How often the page asks, and what it does when it is not answered."""

from __future__ import annotations

import contextlib
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pistat.formats import page
from pistat.settings import Settings
from support.daemon import Daemon
from support.programs.live_page import TABLES, address, asked, look_at, open_route, watch

if TYPE_CHECKING:
    from support.programs.chromium import Browser

    Replay = Callable[..., Daemon]

ROOT = Path(__file__).resolve().parents[2]
ASKED = """
    return performance.getEntriesByType('resource').filter(e => e.initiatorType === 'fetch').map(
        e => [new URL(e.name).pathname, performance.timeOrigin + e.startTime])
"""


def test_an_open_page_asks_little() -> None:
    """An open page takes well under half of the limit, and never asks faster than answers change."""
    assert page.requests(Settings()) <= 20 < Settings().rate_limit_requests / 2
    assert page.seconds(Settings(cache_seconds=9.5)) == 10
    for count, window in [(60, 60), (5, 60), (1, 1), (30, 60), (100_000, 1)]:
        settings = Settings(rate_limit_requests=count, rate_limit_window=window)
        turns = window / page.seconds(settings)
        assert turns * page.QUESTIONS <= count / 2 or page.seconds(settings) >= window


def test_asks_as_often_as_it_says(browser: Browser, shared: Daemon) -> None:
    """Between two questions lie the seconds that the page names; a table is asked for less often."""
    watch(browser, shared)
    look_at(browser, "processes")

    times = browser.wait(
        lambda: len(asked(browser, "/stats")) > 2 and asked(browser, "/stats"), "3 questions"
    )

    assert all(later - earlier >= 5_900 for earlier, later in itertools.pairwise(times))
    assert len(asked(browser, "/processes")) < len(times)


def test_four_tabs_ask_as_little_as_one(browser: Browser, shared: Daemon) -> None:
    """Four tabs that are looked at share their questions: together they keep the bound of one.

    Each would ask for all but /stats every second if there were no bound.
    """
    tabs = [browser.ask("window")]
    watch(browser, shared)
    try:
        for _ in range(3):
            tabs.append(browser.do("window/new", type="window")["handle"])
            browser.do("window", handle=tabs[-1])
            watch(browser, shared)
        for tab in tabs:
            browser.do("window", handle=tab)
            browser.run("for (const each of SOURCES) if (each !== STATS) each.every = 1000")
        for table in TABLES:
            look_at(browser, table)
        browser.run_async("setTimeout(arguments[0], 20_000)")
        times, others, updated = [], [], []
        for tab in tabs:
            browser.do("window", handle=tab)
            assert browser.run("return document.visibilityState") == "visible"
            found = browser.run(ASKED)
            times += [time for path, time in found if path == "/stats"]
            others += [path for path, _ in found if path != "/stats"]
            updated.append(browser.run("return last"))
    finally:
        for tab in tabs[1:]:
            browser.do("window", handle=tab)
            browser.close_tab()
        browser.do("window", handle=tabs[0])

    # On a machine that is so busy that messages are late, two of them may ask for the same.
    seconds = (max(times) - min(times)) / 1000
    assert len(times) <= 1.5 * seconds / page.seconds(Settings()) + 2
    assert len(others) <= 14
    assert max(updated) - min(updated) < 15


def test_stopped_and_started_again(browser: Browser, port: int) -> None:
    """It says plainly that the daemon is gone, keeps the readings, and says when it is back."""
    settings = {"PISTAT_PORT": str(port), "PISTAT_RATE_LIMIT_ENABLED": "false"}
    with daemon(settings) as first:
        watch(browser, first)
        memory = browser.text("#v-memory b")
        first.stop()
        browser.wait_for("#say", "has not answered since")
        browser.wait_for("#live-text", "Trying again in")
        assert browser.text("#tell").endswith("does not answer.")
        assert browser.text("#v-memory b") == memory
        assert str(browser.ask("title")).startswith("? ")
    with daemon(settings):
        browser.wait_for("#live-text", "Live", 40)
        assert " answers again." in browser.text("#tell")
        browser.wait(lambda: "answered" not in browser.text("#say"), "the headline")


@contextlib.contextmanager
def daemon(settings: dict[str, str], command: list[str] | None = None) -> Iterator[Daemon]:
    started = Daemon(settings, command)
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.kill()


BROKEN = """
import sys
from pathlib import Path
import pi_system_monitor
from pistat.monitor.monitor import Monitor
answer = Monitor.answer
def broken(*arguments, **options):
    if Path(sys.argv[1]).exists():
        raise ValueError
    return answer(*arguments, **options)
Monitor.answer = broken
sys.exit(pi_system_monitor.main())
"""


def test_answers_with_errors(browser: Browser, tmp_path: Path) -> None:
    """Who answers, though with an error, is not said to be gone: the page tells the status, and goes on."""
    fault = tmp_path / "fault"
    command = [sys.executable, "-c", BROKEN, str(fault)]
    with daemon({"PISTAT_RATE_LIMIT_ENABLED": "false", "PYTHONPATH": str(ROOT)}, command) as broken:
        watch(browser, broken)
        fault.touch()
        browser.wait_for("#say", "has failed with 500 since")
        assert browser.text("#tell").endswith("fails with 500.")
        fault.unlink()
        browser.wait_for("#live-text", "Live")
        browser.wait(lambda: "failed" not in browser.text("#say"), "the headline")


def test_asked_too_often(browser: Browser, start: Callable[..., Daemon]) -> None:
    """After a 429 it says so, asks again when Retry-After says, and not before, if looked at again or not."""
    busy = start(PISTAT_RATE_LIMIT_REQUESTS="8", PISTAT_RATE_LIMIT_WINDOW="8")

    def refused() -> str:
        # A browser that is slow to open the page may come when the window is over.
        while busy.get("/stats?fields=uptime").status == 200:
            pass
        browser.open(address(busy))
        said: str = browser.wait(
            lambda: re.search("Trying again in.*|Live", browser.text("#live-text")), "an answer"
        )[0]
        return said.removeprefix("Live")

    said = browser.wait(refused, "a refusal")
    assert browser.text("#say") == "Asked too often"
    browser.hide()
    browser.unhide()
    browser.wait_for("#live-text", "Live")

    first, second, *_ = asked(browser, "/stats")
    seconds = int(said.split(" again in ")[1].split("\u00a0")[0])
    assert second - first >= (seconds - 1) * 1_000
    browser.wait(lambda: "often" not in browser.text("#say"), "the headline")


def test_hidden_tab_asks_nothing(browser: Browser, shared: Daemon) -> None:
    """While nobody can see the page it does not ask; as soon as it is looked at again, it does."""
    watch(browser, shared)
    browser.hide()
    assert browser.run("return document.visibilityState") == "hidden"
    # What was under way may still come; then nothing does for longer than a turn.
    since = browser.run_async("setTimeout(() => arguments[0](performance.now()), 1500)")
    until = browser.run_async("setTimeout(() => arguments[0](performance.now()), 8000)")
    origin = browser.run("return performance.timeOrigin")
    times = [time - origin for _, time in browser.run(ASKED)]
    assert [each for each in times if since < each < until] == []

    before = len(asked(browser, "/stats"))
    browser.unhide()
    browser.wait(lambda: len(asked(browser, "/stats")) > before, "a question")


def test_pause(browser: Browser, shared: Daemon) -> None:
    """Pause stops the questions until Resume."""
    watch(browser, shared)
    browser.click("#pause")
    assert browser.text("#live-text").startswith("Paused at ")
    # What was under way then may still come.
    since = browser.run("return performance.now()")
    browser.run_async("setTimeout(arguments[0], 7000)")
    assert [each for each in asked(browser, "/stats") if each > since] == []

    assert browser.text("#pause") == "Resume"
    browser.click("#pause")
    browser.wait_for("#live-text", "Live")


def test_token(browser: Browser, start: Callable[..., Daemon]) -> None:
    """Without the token it shows a form and no readings; with it, it goes on, and keeps it in this tab."""
    token = "correct-horse-battery-staple"
    locked = start(PISTAT_API_TOKEN=token)
    browser.open(address(locked))
    browser.wait_for("#say", "needs a token")
    assert browser.run("return document.getElementById('token').checkVisibility()")
    for part in (".tiles", "#tables"):
        assert not browser.run("return document.querySelector(arguments[0]).checkVisibility()", part)

    # What no header can hold is a wrong token, too; a blank that was copied along is not.
    browser.type("#token", "\u201cwrong\u201d")
    browser.press("\ue007")
    browser.wait_for("#say", "does not accept this token")
    browser.type("#token", f" {token} ")
    browser.press("\ue007")
    browser.wait_for("#live-text", "Live")
    assert browser.run("return document.querySelector('.tiles').checkVisibility()")
    browser.open(address(locked))
    browser.wait_for("#live-text", "Live")

    open_route(browser, "/stats")
    assert "$PISTAT_API_TOKEN" in browser.texts("[id='/stats'] .ln code")[1]
    assert token not in browser.run("return document.body.innerText")
    assert browser.run("return [localStorage.token, document.cookie]") == [None, ""]
    # What the browser itself says of a status is no complaint of the page.
    assert [each for each in browser.console_messages() if "401" not in each] == []


def test_token_of_this_device(browser: Browser, start: Callable[..., Daemon]) -> None:
    """Who ticks the box is not asked again, in another tab neither."""
    token = "correct-horse-battery-staple"
    locked = start(PISTAT_API_TOKEN=token)
    browser.open(address(locked))
    browser.wait_for("#say", "needs a token")
    browser.click("#remember")
    browser.type("#token", token)
    browser.click("#lock .go")
    browser.wait_for("#live-text", "Live")
    browser.run("delete sessionStorage.token")
    browser.open(address(locked))

    browser.wait_for("#live-text", "Live")
    browser.run("localStorage.clear()")
