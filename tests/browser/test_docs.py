"""The reference at /docs in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.daemon import Daemon
    from support.programs.chromium import Browser

TERMS = "return [...document.querySelectorAll('#fields dt')].filter(e => e.checkVisibility()).length"
HEADINGS = "return [...document.querySelectorAll('.of')].filter(e => e.checkVisibility()).length"


def address(daemon: Daemon) -> str:
    return f"http://127.0.0.1:{daemon.port}/docs"


def test_search(browser: Browser, shared: Daemon) -> None:
    """The search finds fields by name, unit, meaning and source, and hides all others."""
    browser.open(address(shared))
    everything = browser.run(TERMS)

    browser.type("#find", "memory.available_memory")
    assert browser.text("#found") == "1 field"
    assert browser.run(HEADINGS) == 1
    browser.type("#find", "statvfs of /")
    assert browser.text("#found") == "4 fields"
    browser.type("#find", "true/false since boot")
    assert int(browser.text("#found").split()[0]) >= 4
    assert browser.run(TERMS) < everything
    browser.run("find.value = ''; find.oninput()")
    assert browser.run(TERMS) == everything
    assert browser.console_messages() == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_sideways_scrolling(browser: Browser, shared: Daemon, width: int) -> None:
    """The reference is as wide as the view, from a small phone on, and with text twice as large."""
    browser.size(width, 800)
    browser.open(address(shared))

    assert browser.run("return document.documentElement.scrollWidth") <= width
    browser.run("document.documentElement.style.fontSize = '200%'")
    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_reads_without_scripting(browser: Browser, shared: Daemon) -> None:
    """Without scripting all of it is there, and no dead control is shown."""
    browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(address(shared))
    seen = browser.run("return document.body.innerText")

    assert "under_voltage_since_boot" in seen
    assert "PISTAT_CACHE_SECONDS" in seen
    assert "Home Assistant" in seen
    controls = "[...document.querySelectorAll('button, input, select')]"
    assert browser.run(f"return {controls}.filter(e => e.checkVisibility()).length") == 0
