"""The page in a real browser, against the real daemon: on this machine, and on boards that were recorded."""

from __future__ import annotations

import contextlib
import itertools
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pistat.formats import page
from pistat.settings import Settings
from support.daemon import Daemon
from support.recorded_machine import BOARDS

if TYPE_CHECKING:
    from support.need import Need
    from support.programs.chromium import Browser

SUPPORT = Path(__file__).resolve().parents[1] / "support"
HOSTILE = "<img src=x onerror=alert(1)>"
NONE = "\N{EN DASH}"
YES = {None: NONE, True: "yes", False: "no"}
SHOWN = ("pi3b-plus", "pi4b-8gb", "pi5-8gb-nvme", "zero2w-wifi", "pc-x86")
TABLES = ("processes", "interfaces", "devices")
WIDTHS = (360, 768, 860, 1280, 1920)
OVERFLOWING = """
    return [...document.querySelectorAll('.tile, .tile .v')]
        .filter(each => each.scrollWidth > each.clientWidth).map(each => each.textContent)
"""
"""Of the tiles and their figures those that have no room."""

Replay = Callable[..., Daemon]


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[Replay]:
    """Serve a copy of a recorded board, with lines of its files replaced before."""
    started: list[Daemon] = []

    def run(board: str, *changes: tuple[str, str, str], **settings: str) -> Daemon:
        folder = tmp_path / f"board{len(started)}"
        shutil.copytree(BOARDS / board, folder, symlinks=True)
        if (folder / "usr/bin/vcgencmd").is_symlink():
            (folder / "usr/bin/vcgencmd").unlink()
            shutil.copy(BOARDS / "vcgencmd", folder / "usr/bin/vcgencmd")
        for name, old, new in changes:
            text = (folder / name).read_text(encoding="utf-8")
            assert old in text
            (folder / name).write_text(text.replace(old, new), encoding="utf-8")
        daemon = Daemon(settings, [sys.executable, str(SUPPORT / "replay.py"), str(folder)])
        started.append(daemon)
        daemon.wait_until_ready()
        return daemon

    yield run
    for each in started:
        each.kill()


def address(daemon: Daemon) -> str:
    return f"http://127.0.0.1:{daemon.port}/"


def watch(browser: Browser, daemon: Daemon) -> None:
    """Open the page and wait for its first figures."""
    browser.open(address(daemon))
    browser.wait_for("#live-text", "Live, ")


def fill(browser: Browser, table: str) -> None:
    """Look at a table, and wait for its rows."""
    browser.run("document.getElementById(arguments[0]).scrollIntoView()", table)
    browser.wait(lambda: browser.text(f"#{table} tbody"), table)


def asked(browser: Browser, path: str) -> list[float]:
    """When the page has asked for `path`, in milliseconds since it was opened."""
    found: list[float] = browser.run(
        "return performance.getEntriesByType('resource')"
        ".filter(e => new URL(e.name).pathname === arguments[0]).map(e => e.startTime)",
        path,
    )
    return found


# It loads


@pytest.mark.parametrize("board", SHOWN)
def test_no_value_is_an_object(browser: Browser, replay: Replay, board: str) -> None:
    """Facts that stand deeper in an answer are shown, each by itself."""
    watch(browser, replay(board))
    fill(browser, "devices")

    assert "[object" not in browser.run("return document.body.textContent")


def test_loads_without_a_complaint(browser: Browser, shared: Daemon) -> None:
    """Console and policy have nothing to report from the first byte to the last table, and all is our own."""
    watch(browser, shared)
    for part in ("#tables", "#api", "#fields", "#settings", "#examples"):
        browser.run("document.querySelector(arguments[0]).scrollIntoView()", part)
    for table in TABLES:
        fill(browser, table)

    names = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")

    assert browser.complaints() == []
    assert all(each.startswith(address(shared)) for each in names)


def test_an_open_page_asks_little() -> None:
    """An open page takes well under half of the limit, and never asks faster than answers change."""
    assert page.requests(Settings()) <= 24 < Settings().rate_limit_requests / 2
    assert page.seconds(Settings(cache_seconds=9.5)) == 10
    for count, window in [(60, 60), (5, 60), (1, 1), (30, 60), (100_000, 1)]:
        settings = Settings(rate_limit_requests=count, rate_limit_window=window)
        turns = window / page.seconds(settings)
        assert turns * page.QUESTIONS <= count / 2 or page.seconds(settings) >= window


def test_asks_as_often_as_it_says(browser: Browser, shared: Daemon) -> None:
    """Between two questions lie the seconds that the page names, and a table is asked for less often."""
    watch(browser, shared)
    browser.run("document.getElementById('processes').scrollIntoView()")

    times = browser.wait(
        lambda: len(asked(browser, "/stats")) > 2 and asked(browser, "/stats"), "3 questions"
    )

    assert all(later - earlier >= 3_900 for earlier, later in itertools.pairwise(times))
    assert len(asked(browser, "/processes")) == 1


# What it shows


def percent(value: float | None) -> str:
    """As the page writes it: a decimal below 10 %, none above."""
    return NONE if value is None else f"{value:.1f}" if 0 < value < 9.95 else f"{value:.0f}"


@pytest.mark.parametrize("board", SHOWN)
def test_figures_are_those_of_the_api(browser: Browser, replay: Replay, board: str) -> None:
    """The figures of the tiles and the facts below are those that the API gives for the same board."""
    daemon = replay(board)
    watch(browser, daemon)
    stats = daemon.json("/stats")
    told = stats["power"]["throttled"]
    heat = stats["cpu_temp"]
    limit = {"pi3b-plus": "slows itself at 60\u00a0°C", "pc-x86": "lately"}.get(
        board, "slows itself at 80\u00a0°C"
    )

    assert browser.text("#v-heat b") == (NONE if heat is None else f"{heat:.1f}")
    assert heat is None or browser.text("#heat .f").startswith(f"{heat:.0f}\u00a0°C lately")
    assert browser.text("#heat .f").endswith(limit)
    assert browser.text("#v-memory b") == percent(stats["memory"]["percent"])
    assert browser.text("#v-disk b") == percent(stats["disk"]["percent"])
    assert browser.text("#network .f").endswith(f"{stats['network']['active_connections']} connections")
    assert (browser.text("#v-power b") == NONE) == (told is None)
    for flag in ("under_voltage", "throttled", "freq_capped", "soft_temp_limit"):
        words = [YES[stats["power"][each]] for each in (flag, f"{flag}_since_boot")]
        assert browser.texts(f"[data-flag={flag}] td") == words
    assert browser.text("#model") == (stats["hardware"]["model"] or "")
    for value in ("serial", "firmware"):
        assert (stats["hardware"][value] or "") in browser.text("#facts")


def test_tables_are_those_of_the_api(browser: Browser, replay: Replay) -> None:
    """The tables hold the rows of the API, in its order."""
    daemon = replay("pi4b-8gb")
    watch(browser, daemon)
    browser.run("document.getElementById('tables').scrollIntoView()")
    for table in TABLES:
        fill(browser, table)

    processes = daemon.json("/processes?limit=12")["processes"]
    links = set(daemon.json("/network/interfaces")["interfaces"]) - {"active_connections"}
    places = daemon.json("/storage/devices")["devices"]

    assert browser.texts("#processes tbody td:first-child") == [str(each["pid"]) for each in processes]
    assert all(
        cell.startswith(name)
        for cell, name in zip(browser.texts("#interfaces tbody th"), sorted(links), strict=True)
    )
    assert {percent(each["percent"]) for each in places} == {
        each.removesuffix("\u00a0%") for each in browser.texts("#devices tbody td:nth-child(2)")
    }


@pytest.mark.parametrize(
    ("word", "celsius", "sentence", "state"),
    [
        ("0x0", 48000, "fine: 48\u00a0°C", "Steady"),
        ("0x50005", 56000, "short of power", "Under-voltage"),
        ("0x40004", 84000, "too hot at 84\u00a0°C", "Throttled"),
        ("0x0", 81000, "hot at 81\u00a0°C", "Steady"),
        ("0x50000", 48000, "though its supply has sagged since it booted", "Steady"),
        ("0x20000", 48000, "though it has been slowed since it booted", "Steady"),
        ("0x20002", 48000, "has been slowed, by its supply or by heat", "Capped"),
        ("0x40004", 48000, "has been slowed, by its supply or by heat", "Throttled"),
        ("0x80008", 61000, "hot at 61\u00a0°C and has slowed itself a little", "Soft limit"),
    ],
)
def test_sentence(
    browser: Browser, replay: Replay, word: str, celsius: int, sentence: str, state: str
) -> None:
    """The sentence says what is the matter, in the order of what an owner must know first."""
    daemon = replay(
        "pi4b-8gb",
        ("vcgencmd.txt", "throttled=0x50000", f"throttled={word}"),
        ("sys/class/thermal/thermal_zone0/temp", TEMPERATURE, str(celsius)),
    )
    watch(browser, daemon)

    assert sentence in browser.text("#say")
    assert browser.text("#v-power b") == state


def test_a_board_that_may_not_be_asked(browser: Browser, replay: Replay) -> None:
    """What is known without the firmware is shown, and of the rest where its reason stands."""
    watch(browser, replay("pi4b-2gb-forbidden"))

    assert browser.texts("[data-flag=under_voltage] td") == ["yes", NONE]
    assert browser.run("return document.getElementById('flags').hidden") is False
    assert browser.text("#power .f") == "Why readings are missing: see /capabilities."
    assert browser.text("#v-power") == "Under-voltage"


def test_facts_are_in_words(browser: Browser, replay: Replay) -> None:
    """The facts below the tiles have names and dates that everybody reads alike, and paths beside them."""
    watch(browser, replay("pi4b-2gb-forbidden"))
    rows = browser.run(
        "return [...facts.children].map(e => [e.firstChild.title, ...e.innerText.split(/\\n+/)])"
    )

    assert ["hardware.pcb_revision", "PCB revision", "1.2"] in rows
    assert ["hardware.bootloader", "Bootloader", "2021-02-16"] in rows
    assert ["hardware.soc", "SoC", "BCM2711"] in rows
    assert ["clocks.arm_requested", "ARM requested clock", "600\u00a0MHz"] in rows


TEMPERATURE = (BOARDS / "pi4b-8gb/sys/class/thermal/thermal_zone0/temp").read_text().strip()


def test_hostile_name_stays_text(browser: Browser, shared: Daemon, tmp_path: Path) -> None:
    """A process whose name is markup is shown as it is, and makes nothing."""
    program = tmp_path / "<img src=x>"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with subprocess.Popen([program, "600"]) as process:
        try:
            watch(browser, shared)
            browser.click("[data-sort=name]")
            browser.wait_for("#processes tbody", "<img src=x>")
            browser.click("[id='/processes'] .go")
            assert browser.run("return document.querySelector('img')") is None
        finally:
            process.kill()
    assert browser.complaints() == []


def test_hostile_names_of_a_board_stay_text(browser: Browser, replay: Replay) -> None:
    """The same for interfaces, mount points and what the board says of itself."""
    daemon = replay(
        "pi4b-8gb",
        ("proc/net/dev", "wlan0:", f"{'<b>w</b>'}:"),
        ("proc/self/mountinfo", "/mnt/media", "/mnt/<i>x</i>"),
        ("host.json", "/mnt/media", "/mnt/<i>x</i>"),
        ("proc/device-tree/model", "Raspberry Pi 4", HOSTILE),
    )
    watch(browser, daemon)
    fill(browser, "devices")
    assert "/mnt/<i>x</i>" in browser.text("#devices tbody")

    assert browser.text("#model").startswith(HOSTILE)
    assert "<b>w</b>" in browser.wait_for("#interfaces tbody", "<b>w</b>")
    assert browser.run("return document.querySelector('img, tbody b')") is None
    assert browser.complaints() == []


def test_what_failed_is_told_in_its_tile(browser: Browser, tmp_path: Path) -> None:
    """The tile of a figure that could not be read says so in the daemon's words; the others go on."""
    (tmp_path / "disk").write_text("EIO")
    settings = {"FAULTS": str(tmp_path), "PISTAT_RATE_LIMIT_ENABLED": "false"}
    with daemon(settings, [sys.executable, str(SUPPORT / "daemons" / "faulty.py")]) as faulty:
        watch(browser, faulty)

        assert browser.text("#disk .f") == "disk: could not be read"
        assert browser.text("#v-disk b") == NONE
        assert browser.text("#v-memory b") != NONE
        (tmp_path / "disk").unlink()


def test_nothing_known_is_not_fine(browser: Browser, tmp_path: Path) -> None:
    """Of a machine of which nothing can be read the page does not say that it is fine."""
    for key in ("cpu_temp", "cpu_usage", "memory", "power", "hardware", "system"):
        (tmp_path / key).write_text("EIO")
    settings = {"FAULTS": str(tmp_path), "PISTAT_RATE_LIMIT_ENABLED": "false"}
    with daemon(settings, [sys.executable, str(SUPPORT / "daemons" / "faulty.py")]) as faulty:
        watch(browser, faulty)

        assert browser.text("#say") == "This machine answers, but cannot tell how it is."


# The manual that answers


def test_send(browser: Browser, shared: Daemon) -> None:
    """What is ticked is in the URL and the command, and Send shows what the daemon answers to it."""
    watch(browser, shared)
    for field in ("uptime", "memory"):
        browser.run("document.querySelector(`.chips [value=${arguments[0]}]`).click()", field)
    browser.click("[id='/stats'] .go")
    browser.wait_for("[id='/stats'] .goes", "200 OK")

    url = f"{address(shared)}stats?fields=memory,uptime"
    assert browser.texts("[id='/stats'] .ln code") == [url, f"curl '{url}'"]
    answer = json_of(browser, "[id='/stats'] .out")
    assert list(answer) == ["memory", "uptime"]
    assert answer["memory"]["total"] == shared.json("/stats")["memory"]["total"]


def json_of(browser: Browser, selector: str) -> Any:
    return browser.run("return JSON.parse(document.querySelector(arguments[0]).textContent)", selector)


def test_send_what_is_refused(browser: Browser, shared: Daemon) -> None:
    """A bad parameter can be sent; the daemon's own words are shown, and the status as an error."""
    watch(browser, shared)
    browser.type("[id='/processes'] [data-name=limit] input", "abc")
    browser.click("[id='/processes'] .go")
    browser.wait_for("[id='/processes'] .goes b.e", "400")

    assert json_of(browser, "[id='/processes'] .out") == shared.get("/processes?limit=abc").json()
    # What the browser itself says of a status is no complaint of the page.
    assert [each for each in browser.complaints() if "400" not in each] == []


def test_what_is_typed_is_quoted(browser: Browser, shared: Daemon) -> None:
    """Whatever is typed, the command is one for a shell: it has two quotes, around the URL."""
    browser.open(address(shared))
    browser.type("[id='/processes'] [data-name=limit] input", "it's 5 & more")
    url, command = browser.texts("[id='/processes'] .ln code")

    assert command == f"curl '{url}'"
    assert url == f"{address(shared)}processes?limit=it%27s+5+%26+more"


def test_order_of_what_the_pointer_is_on(browser: Browser, shared: Daemon) -> None:
    """The rows stay while a pointer rests on them, but not when another order is asked for."""
    watch(browser, shared)
    fill(browser, "processes")
    x, y = browser.run(
        "const { x, y } = document.querySelector('#processes tbody td').getBoundingClientRect();return [x, y]"
    )
    move = {"type": "pointerMove", "duration": 0, "x": int(x) + 4, "y": int(y) + 4}
    browser.do("actions", actions=[{"type": "pointer", "id": "mouse", "actions": [move]}])
    assert browser.run("return document.querySelector('#processes tbody').matches(':hover')")

    browser.run("document.querySelector('[data-sort=pid]').click()")
    first = str(shared.json("/processes?sort=pid&limit=1")["processes"][0]["pid"])
    browser.wait(lambda: browser.text("#processes tbody td") == first, "the order")


def test_send_for_text(browser: Browser, shared: Daemon) -> None:
    """An answer that is no JSON is shown as it is, and a long one in its first part."""
    watch(browser, shared)
    browser.click("[id='/metrics'] .go")
    browser.wait_for("[id='/metrics'] .goes", "200 OK")

    shown = browser.text("[id='/metrics'] .out")
    assert shown.startswith("# HELP ")
    assert len(shown.splitlines()) <= 502


def test_examples_fill_the_form(browser: Browser, shared: Daemon) -> None:
    """An example, and the request that a panel cites, stand in the form when they are followed."""
    watch(browser, shared)
    browser.click("[id='/processes'] .eg a")

    assert browser.text("[id='/processes'] .ln code") == f"{address(shared)}processes?sort=memory&limit=5"
    assert browser.told("url") == address(shared)


# When nobody answers


def test_stopped_and_started_again(browser: Browser, port: int) -> None:
    """It says plainly that the daemon is gone, keeps the figures, and says when it is back."""
    settings = {"PISTAT_PORT": str(port), "PISTAT_RATE_LIMIT_ENABLED": "false"}
    with daemon(settings) as first:
        watch(browser, first)
        memory = browser.text("#v-memory b")
        first.stop()
        browser.wait_for("#say", "has not answered since")
        browser.wait_for("#live-text", "Trying again in")
        assert browser.text("#tell").endswith("does not answer.")
        assert browser.text("#v-memory b") == memory
    with daemon(settings):
        browser.wait_for("#live-text", "Live, ", 40)
        assert " answers again. " in browser.text("#tell")
        browser.wait_for("#say", " is ")


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
    with daemon(
        {"PISTAT_RATE_LIMIT_ENABLED": "false", "PYTHONPATH": str(SUPPORT.parents[1])}, command
    ) as broken:
        watch(browser, broken)
        fault.touch()
        browser.wait_for("#say", "has failed with 500 since")
        assert browser.text("#tell").endswith("fails with 500.")
        fault.unlink()
        browser.wait_for("#say", " is ")


def test_asked_too_often(browser: Browser, start: Callable[..., Daemon]) -> None:
    """After a 429 it says so, asks again when Retry-After says, and not before, if looked at again or not."""
    busy = start(PISTAT_RATE_LIMIT_REQUESTS="8", PISTAT_RATE_LIMIT_WINDOW="8")

    def refused() -> str:
        # A browser that is slow to open the page may come when the window is over.
        while busy.get("/stats?fields=uptime").status == 200:
            pass
        browser.open(address(busy))
        said: str = browser.wait(
            lambda: re.search("Asked too often.*|Live,", browser.text("#live-text")), "an answer"
        )[0]
        return said.removeprefix("Live,")

    said = browser.wait(refused, "a refusal")
    browser.hide()
    browser.unhide()
    browser.wait_for("#live-text", "Live, ")

    first, second, *_ = asked(browser, "/stats")
    seconds = int(said.split(" again in ")[1].split("\u00a0")[0])
    assert second - first >= (seconds - 1) * 1_000


def test_hidden_tab_asks_nothing(browser: Browser, shared: Daemon) -> None:
    """While nobody can see the page it does not ask; as soon as it is looked at again, it does."""
    watch(browser, shared)
    browser.hide()
    assert browser.run("return document.visibilityState") == "hidden"
    # What was under way may still come; then nothing does for longer than a turn.
    since = browser.run_async("setTimeout(() => arguments[0](performance.now()), 1500)")
    until = browser.run_async("setTimeout(() => arguments[0](performance.now()), 6000)")
    assert [each for each in asked(browser, "/stats") if since < each < until] == []

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
    browser.run_async("setTimeout(arguments[0], 4500)")
    assert [each for each in asked(browser, "/stats") if each > since] == []

    assert browser.text("#pause") == "Resume"
    browser.click("#pause")
    browser.wait_for("#live-text", "Live, ")


def test_token(browser: Browser, start: Callable[..., Daemon]) -> None:
    """Without the token it says that one is wanted; with it, it goes on, and keeps it in this tab only."""
    token = "correct-horse-battery-staple"
    locked = start(PISTAT_API_TOKEN=token)
    browser.open(address(locked))
    browser.wait_for("#say", "needs a token")
    assert browser.run("return document.getElementById('token').checkVisibility()")
    assert browser.run("return document.getElementById('lock').parentNode.className") == "top"

    # What no header can hold is a wrong token, too; a blank that was copied along is not.
    browser.type("#token", "\u201cwrong\u201d")
    browser.press("\ue007")
    browser.wait_for("#say", "does not accept this token")
    browser.type("#token", f" {token} ")
    browser.press("\ue007")
    browser.wait_for("#live-text", "Live, ")
    browser.open(address(locked))
    browser.wait_for("#live-text", "Live, ")

    assert "$PISTAT_API_TOKEN" in browser.texts("[id='/stats'] .ln code")[1]
    assert token not in browser.run("return document.body.innerText")
    assert browser.run("return [localStorage.length, document.cookie]") == [0, ""]
    # What the browser itself says of a status is no complaint of the page.
    assert [each for each in browser.complaints() if "401" not in each] == []


# For everyone


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
    browser: Browser, replay: Replay, need: Need, axe: str | None, theme: str, width: int
) -> None:
    """No rule of axe is broken: live with all tables and an answer, in trouble, and when nobody answers."""
    need(axe is not None, "npm, for axe-core")
    daemon = replay("pi4b-8gb", ("vcgencmd.txt", "throttled=0x50000", "throttled=0x50005"))
    browser.theme(theme)
    browser.size(width, 800)
    watch(browser, daemon)
    for table in TABLES:
        fill(browser, table)
    browser.click("[id='/processes'] .go")
    browser.wait_for("[id='/processes'] .goes", "200 OK")
    assert violations(browser, axe) == []

    daemon.kill()
    browser.wait_for("#say", "has not answered")
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
    """The first stop is the way past the bar, chips and buttons are stops with a ring, and keys work them."""
    watch(browser, shared)
    browser.press("\ue004")
    assert browser.run("return document.activeElement.textContent") == "Skip to the guide"

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
    """A screen reader is told of a change of state, not of every figure."""
    watch(browser, shared)
    browser.wait(lambda: len(asked(browser, "/stats")) > 1, "a second question")

    live = browser.run("return [...document.querySelectorAll('[role=status], [aria-live]')].map(e => e.id)")
    assert "live-text" not in live
    assert browser.text("#tell") == ""


def test_search(browser: Browser, shared: Daemon) -> None:
    """The search finds fields by name, unit, meaning and source, and hides all others."""
    browser.open(address(shared))
    shown = "return [...document.querySelectorAll('.ref dt')].filter(e => e.checkVisibility()).length"
    everything = browser.run(shown)
    browser.type("#find", "memory.available_memory")
    assert browser.text("#found") == "1 field"
    assert (
        browser.run("return [...document.querySelectorAll('.of')].filter(e => e.checkVisibility()).length")
        == 1
    )
    browser.type("#find", "statvfs of /")
    assert browser.text("#found") == "4 fields"
    browser.type("#find", "true/false since boot")
    assert int(browser.text("#found").split()[0]) >= 4
    assert browser.run(shown) < everything
    browser.run(
        "const find = document.getElementById('find'); find.value = ''; find.oninput({ target: find })"
    )
    assert browser.run(shown) == everything


def test_copy(browser: Browser, shared: Daemon) -> None:
    """Copy says that it has copied, on an address that is no secure context for the clipboard, too."""
    watch(browser, shared)
    button = "[id='/health'] .ln button"

    def says_so() -> bool:
        # It does for a moment, in which a busy machine may have no time to look.
        browser.click(button)
        return browser.text(button) == "Copied"

    browser.wait(says_so, "Copied")

    assert browser.run("return getSelection().toString()") == f"{address(shared)}health"


def test_the_bar_marks_where_one_is(browser: Browser, shared: Daemon) -> None:
    """The link of the part that is looked at is marked in the bar, and no other."""
    watch(browser, shared)
    browser.wait_for("nav [aria-current=true]", "Live")
    assert browser.texts("nav [aria-current=true]") == ["Live"]

    for part, name in [("tables", "Tables"), ("fields", "Fields"), ("now", "Live")]:
        browser.run("document.getElementById(arguments[0]).scrollIntoView()", part)
        browser.wait_for("nav [aria-current=true]", name)
        assert browser.texts("nav [aria-current=true]") == [name]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_sideways_scrolling(browser: Browser, replay: Replay, width: int) -> None:
    """The page is as wide as the view, from a small phone to a large screen, and with text twice as large."""
    browser.size(width, 800)
    watch(browser, replay("pi4b-8gb"))
    fill(browser, "devices")

    assert browser.run("return document.documentElement.scrollWidth") <= width
    # The widest that there are; they stand still until the next answer.
    browser.run(
        "document.querySelectorAll('.two .v').forEach(e => {"
        "e.children[0].textContent = '88.8'; e.children[1].textContent = 'kB/s' })"
    )
    assert browser.run(OVERFLOWING) == []
    browser.run("document.documentElement.style.fontSize = '200%'")
    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_a_share_that_hangs_on_a_phone(browser: Browser, replay: Replay) -> None:
    """Why a filesystem has no figures stands in its row, which is no wider for it; it has no empty meter."""
    browser.size(360, 740)
    watch(browser, replay("pc-x86"))
    fill(browser, "devices")
    row = "[...devices.tBodies[0].rows].find(row => row.textContent.includes('no answer within 1.0 s'))"

    assert browser.run("return devices.clientWidth <= devices.parentNode.clientWidth")
    assert browser.run(f"return {row}.cells[1].textContent") == NONE
    assert browser.run(f"return {row}.querySelector('.meter')") is None


def test_manual_reads_without_scripting(browser: Browser, shared: Daemon) -> None:
    """Without scripting the whole manual is there, nothing waits for figures, no dead control is shown."""
    browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(address(shared))
    seen = browser.run("return document.body.innerText")

    assert "The live readings need JavaScript" in seen
    assert "under_voltage_since_boot" in seen
    assert "PISTAT_CACHE_SECONDS" in seen
    assert "Home Assistant" in seen
    assert "Asking for" not in seen
    controls = "[...document.querySelectorAll('button, input, select')]"
    assert browser.run(f"return {controls}.filter(e => e.checkVisibility()).length") == 0
