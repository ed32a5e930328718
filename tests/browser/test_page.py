"""What the page shows, in a real browser, of this machine and of boards that were recorded."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.daemon import Daemon
from support.programs.live_page import BOARDS_SHOWN, NONE, TABLES, address, look_at, open_route, watch
from support.recorded_machine import BOARDS

if TYPE_CHECKING:
    from support.programs.chromium import Browser

    Replay = Callable[..., Daemon]

HOSTILE = "<img src=x onerror=alert(1)>"
TEMPERATURE = (BOARDS / "pi4b-8gb/sys/class/thermal/thermal_zone0/temp").read_text().strip()
FIRST = """
    const shown = '#name, #model, h1, #sub, li:not(.past) b, .tile :is(h3, .v), .facts :is(dt, dd)';
    return [...document.querySelectorAll(shown)].filter(e => e.checkVisibility())
        .map(e => e.textContent.replace(/ \\d+\\xa0min/, ''))
"""
"""The words of the readings in the HTML, which the script then writes, too; without minutes, which pass."""

LEAVE_OUT = """
    for (const term of document.querySelectorAll('dt'))
        if (arguments[0].includes(term.textContent)) { term.nextSibling.remove(); term.remove() }
"""
"""Facts that only the script shows: one behind a button, one by the clock of who looks."""


# It loads


@pytest.mark.parametrize("board", BOARDS_SHOWN)
def test_no_value_is_an_object(browser: Browser, replay: Replay, board: str) -> None:
    """Nothing is shown that is not in words, in any part of the page."""
    watch(browser, replay(board))
    look_at(browser, "storage")
    browser.wait(lambda: browser.texts("#sensor-lists *"), "the sensors")
    shown = browser.text("#now") + browser.text("#tables")

    for wrong in ("[object", "undefined", "NaN", "null", "Infinity"):
        assert wrong not in shown


def test_loads_without_a_complaint(browser: Browser, shared: Daemon) -> None:
    """Console and policy have nothing to report from the first byte to the last table, and all is our own."""
    watch(browser, shared)
    for table in TABLES:
        look_at(browser, table)
    browser.run("document.querySelector('#api').scrollIntoView()")

    names = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")

    assert browser.console_messages() == []
    assert all(each.startswith(address(shared)) for each in names)


@pytest.mark.parametrize("board", [*BOARDS_SHOWN, "cm3-plus-worn", "pi4b-4gb-container", "pi4b-mainline"])
def test_first_readings_are_those_of_the_script(browser: Browser, replay: Replay, board: str) -> None:
    """What the HTML says before its script runs is what the script writes, word for word."""
    daemon = replay(board)
    daemon.json("/stats")
    browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(address(daemon))
    before = browser.run(FIRST)
    browser.cdp("Emulation.setScriptExecutionDisabled", value=False)
    watch(browser, daemon)
    browser.wait(lambda: browser.run("return judged && LINKS.found && SENSORS.found"), "the answers")
    browser.run(LEAVE_OUT, ["Serial", "Started"])

    assert before == browser.run(FIRST)


# What it shows


def percent(value: float | None) -> str:
    """As the page writes it: a decimal below 10 %, none above."""
    return NONE if value is None else f"{value:.1f}" if 0 < value < 9.95 else f"{value:.0f}"


@pytest.mark.parametrize("board", BOARDS_SHOWN)
def test_figures_are_those_of_the_api(browser: Browser, replay: Replay, board: str) -> None:
    """The figures of the tiles and the facts below are those that the API gives for the same board."""
    daemon = replay(board)
    watch(browser, daemon)
    stats = daemon.json("/stats")
    heat = stats["cpu_temp"]
    told = stats["power"]["throttled"] is not None or stats["power"]["under_voltage"] is not None

    assert browser.text("#v-heat b") == (NONE if heat is None else f"{heat:.1f}")
    assert browser.text("#v-memory i").endswith(f"{percent(stats['memory']['percent'])}\u00a0%")
    width = browser.run("return document.querySelector('#disk .meter rect').getAttribute('width')")
    assert float(width) == stats["disk"]["percent"]
    assert browser.run("return document.getElementById('power').checkVisibility()") == told
    assert browser.text("#model").startswith(stats["hardware"]["model"] or "")
    assert (stats["hardware"]["firmware"] or "") in browser.text("#facts-software")


def test_the_serial_number_is_shown_when_asked_for(browser: Browser, replay: Replay) -> None:
    """It is not on every screenshot, but a button away."""
    watch(browser, replay("pi4b-8gb"))
    browser.wait(lambda: "Serial" in browser.text("#facts-board"), "the facts")

    assert "10000000abcdef01" not in browser.text("body")
    browser.click("#facts-board button")
    assert "10000000abcdef01" in browser.text("#facts-board")


def test_tables_are_those_of_the_api(browser: Browser, replay: Replay) -> None:
    """The tables hold the rows of the API, in its order."""
    daemon = replay("pi4b-8gb")
    watch(browser, daemon)
    for table in TABLES:
        look_at(browser, table)

    processes = daemon.json("/processes?limit=12")["processes"]
    links = set(daemon.json("/network/interfaces")["interfaces"]) - {"active_connections"}
    places = daemon.json("/storage/devices")["devices"]

    assert browser.texts("#processes tbody td:first-child") == [str(each["pid"]) for each in processes]
    assert all(
        cell.startswith(name)
        for cell, name in zip(browser.texts("#links tbody th"), sorted(links), strict=True)
    )
    assert {percent(each["percent"]) for each in places} == {
        each.removesuffix("\u00a0%") for each in browser.texts("#storage tbody td:nth-child(2)")
    }


def test_processes_are_found(browser: Browser, shared: Daemon) -> None:
    """What is typed leaves the processes that have it in name, user or number, of all that there are."""
    watch(browser, shared)
    look_at(browser, "processes")
    browser.type("#find", str(shared.pid))

    browser.wait(lambda: browser.texts("#processes tbody td:first-child") == [str(shared.pid)], "its row")


def test_containers_and_failed_services(browser: Browser, replay: Replay) -> None:
    """They have sections where there are some, and none where there are not."""
    watch(browser, replay("pi2b-docker"))
    for section in ("containers", "units"):
        browser.run("document.getElementById('at-' + arguments[0]).scrollIntoView()", section)
    assert "docker" in browser.wait_for("#containers tbody", "web")
    assert "failed" in browser.wait_for("#units tbody", "mnt-nas.mount")

    watch(browser, replay("pi4b-8gb"))
    browser.run("document.getElementById('at-containers').scrollIntoView()")
    assert not browser.run("return document.querySelector('#at-containers h2').checkVisibility()")


# The headline


@pytest.mark.parametrize(
    ("word", "headline", "state", "part"),
    [
        ("0x0", "All is well", "Steady", "Never slowed and never short of power in the "),
        ("0x50005", "1 problem", "Too weak", "The power supply is too weak right now"),
        (
            "0x50000",
            "1 problem",
            "Steady now",
            "The power supply was too weak at least once since the last start",
        ),
    ],
)
def test_headline(browser: Browser, replay: Replay, word: str, headline: str, state: str, part: str) -> None:
    """The headline counts the problems of /diagnosis; the rows below it are its findings."""
    daemon = replay(
        "pi4b-8gb",
        ("vcgencmd.txt", "throttled=0x50000", f"throttled={word}"),
        ("sys/class/thermal/thermal_zone0/temp", TEMPERATURE, "48000"),
        PISTAT_HISTORY_SECONDS="5",
    )
    browser.wait(lambda: counted(daemon) == headline, "the diagnosis")
    watch(browser, daemon)

    assert browser.text("#say") == headline
    assert browser.text("#v-power b") == state
    found = daemon.json("/diagnosis")["findings"]
    assert browser.texts("#findings li b")[: len(found)] == [f"{each['title']}." for each in found]
    assert part in browser.text("#sub") + browser.text("#findings")


def counted(daemon: Daemon) -> str:
    findings = daemon.json("/diagnosis")["findings"]
    count = sum(each["severity"] != "info" for each in findings)
    notes = len(findings) - count
    text = {0: "All is well", 1: "1 problem"}.get(count, f"{count} problems")
    return text + f", {notes} note{'s' if notes > 1 else ''}" if count and notes else text


def test_a_worn_module_is_not_well(browser: Browser, replay: Replay) -> None:
    """Findings that no tile shows are in the headline: a root that cannot be written to, a used-up eMMC."""
    watch(browser, replay("cm3-plus-worn"))

    assert browser.text("#say") == "2 problems"
    assert browser.run("return document.getElementById('say').className") == "bad"
    look_at(browser, "storage")
    assert "spare blocks: urgent" in browser.text("#disks")


def test_nothing_known_is_not_well(browser: Browser, faulty: Daemon, tmp_path: Path) -> None:
    """Of a machine of which nothing can be read the page does not say that all is well."""
    for key in ("cpu_temp", "cpu_usage", "memory", "power", "hardware", "system"):
        (tmp_path / key).write_text("EIO")
    watch(browser, faulty)

    assert "Never" not in browser.text("#sub")
    assert browser.text("#say") != "All is well"


def test_what_failed_is_told_in_its_tile(browser: Browser, faulty: Daemon, tmp_path: Path) -> None:
    """The tile of a figure that could not be read says so in the daemon's words; the others go on."""
    (tmp_path / "disk").write_text("EIO")
    browser.wait(lambda: "disk" in faulty.json("/stats").get("errors", {}), "the error")
    watch(browser, faulty)

    assert browser.text("#disk .f") == "disk: could not be read"
    assert browser.text("#v-disk b") == NONE
    assert browser.text("#v-memory b") != NONE


def test_two_clocks(browser: Browser, replay: Replay) -> None:
    """A machine whose clock is far from that of who looks is said to be so; one that is not is not."""
    watch(browser, replay("pi4b-8gb"))

    assert "behind that of this device" in browser.wait_for("#findings", "Its clock is")


def test_the_clock_of_this_machine(browser: Browser, shared: Daemon) -> None:
    """Where both clocks agree nothing is said of them."""
    watch(browser, shared)
    browser.wait(lambda: browser.run("return judged"), "the diagnosis")

    assert "Its clock" not in browser.text("#findings")


def test_degrees(browser: Browser, replay: Replay) -> None:
    """Temperatures are shown in °F to who wants them so, on this device and from now on."""
    daemon = replay("pi4b-8gb")
    watch(browser, daemon)
    browser.click("#degrees")
    fahrenheit = f"{daemon.json('/stats')['cpu_temp'] * 1.8 + 32:.1f}"

    assert browser.text("#v-heat") == f"{fahrenheit}°F"
    watch(browser, daemon)
    assert browser.text("#v-heat") == f"{fahrenheit}°F"
    browser.click("#degrees")
    assert browser.text("#v-heat").endswith("°C")


def test_neighbours(browser: Browser, start: Callable[..., Daemon]) -> None:
    """The page links to the other machines of the setting, and asks them nothing."""
    watch(browser, start(PISTAT_NEIGHBOURS="attic.local, Garage=http://192.0.2.7/pi"))

    assert browser.texts(".others a") == ["attic.local", "Garage"]
    targets: Any = browser.run("return [...document.querySelectorAll('.others a')].map(e => e.href)")
    assert targets == ["http://attic.local:8585/", "http://192.0.2.7/pi"]
    assert browser.console_messages() == []


def test_is_an_app(browser: Browser, shared: Daemon) -> None:
    """The browser finds nothing wrong with the manifest."""
    watch(browser, shared)
    found = browser.cdp("Page.getAppManifest")

    assert found["errors"] == []
    assert found["manifest"]["display"] == "kStandalone" or '"standalone"' in found["data"]
    assert browser.cdp("Page.getInstallabilityErrors")["installabilityErrors"] == []


# Hostile names


def test_hostile_name_stays_text(browser: Browser, shared: Daemon, tmp_path: Path) -> None:
    """A process whose name is markup is shown as it is, and makes nothing."""
    program = tmp_path / "<img src=x>"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with subprocess.Popen([program, "600"]) as process:
        try:
            watch(browser, shared)
            browser.type("#find", "img src")
            browser.wait_for("#processes tbody", "<img src=x>")
            open_route(browser, "/processes")
            browser.click("[id='/processes'] .go")
            assert browser.run("return document.querySelector('img')") is None
        finally:
            process.kill()
    assert browser.console_messages() == []


@pytest.mark.parametrize("name", ["*pi*", "<b>`pi`</b>", "pi\u202e"])
def test_a_hostile_host_name_stays_text(browser: Browser, replay: Replay, name: str) -> None:
    """What a host name holds is shown as it is, and turns nothing round."""
    watch(browser, replay("pi4b-8gb", ("host.json", "raspberrypi", json.dumps(name)[1:-1])))

    assert browser.text("#name") == name.replace("\u202e", "\ufffd")
    assert browser.run("return document.querySelector('#name *')") is None
    assert "\u202e" not in browser.run("return document.title")


def test_hostile_names_of_a_board_stay_text(browser: Browser, replay: Replay) -> None:
    """The same for interfaces, mount points and what the board says of itself, without the script, too."""
    daemon = replay(
        "pi4b-8gb",
        ("proc/net/dev", "wlan0:", f"{'<b>w</b>'}:"),
        ("proc/self/mountinfo", "/mnt/media", "/mnt/<i>x</i>"),
        ("host.json", "/mnt/media", "/mnt/<i>x</i>"),
        ("proc/device-tree/model", "Raspberry Pi 4", HOSTILE),
    )
    browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(address(daemon))
    assert browser.text("#model").startswith(HOSTILE)
    assert browser.run("return document.querySelector('img')") is None
    browser.cdp("Emulation.setScriptExecutionDisabled", value=False)

    watch(browser, daemon)
    look_at(browser, "storage")
    assert "/mnt/<i>x</i>" in browser.text("#storage tbody")
    assert browser.text("#model").startswith(HOSTILE)
    assert "<b>w</b>" in browser.wait_for("#links tbody", "<b>w</b>")
    assert browser.run("return document.querySelector('img, tbody b')") is None
    assert browser.console_messages() == []
