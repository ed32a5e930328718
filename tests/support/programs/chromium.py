"""A real browser, Debian's Chromium, by the WebDriver protocol: https://www.w3.org/TR/webdriver2/."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from support.daemon import HeldPort

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--host-resolver-rules=MAP stats.local 127.0.0.1",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-device-scale-factor=1",
    # What scrolls smoothly is not where it was when it is clicked.
    "--force-prefers-reduced-motion",
    # It has a mouse, which hovers.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
    "--window-size=1280,900",
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
HELP_AFTER_SECONDS = 60.0
"""Seconds to wait for what must happen; a loaded machine is slow."""


class Browser:
    """One Chromium with one tab, and whatever else a test opens."""

    def __init__(self) -> None:
        assert CHROMIUM
        assert DRIVER
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._held = HeldPort()
        self._driver = subprocess.Popen(
            [DRIVER, f"--port={self._held.number}", "--log-level=OFF"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", self._held.number, timeout=2 * HELP_AFTER_SECONDS
        )
        self._session = ""
        self._clock = ""
        options = {
            "binary": CHROMIUM,
            "args": [*FLAGS, f"--user-data-dir={self._profile.name}"],
        }
        always = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        self._wait_for_driver()
        found = self._call("POST", "/session", {"capabilities": {"alwaysMatch": always}})
        self._session = f"/session/{found['sessionId']}"
        self.do("timeouts", script=int(1000 * HELP_AFTER_SECONDS))

    def _wait_for_driver(self) -> None:
        until = time.monotonic() + HELP_AFTER_SECONDS
        while True:
            try:
                if self._call("GET", "/status")["ready"]:
                    return
            except OSError:
                self._connection.close()
            assert self._driver.poll() is None, "chromedriver has ended"
            assert time.monotonic() < until, "chromedriver does not answer"
            time.sleep(0.05)

    def close(self) -> None:
        try:
            self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait(10)
            self._connection.close()
            self._held.release()
            self._profile.cleanup()

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        sent = json.dumps(body or {}) if method == "POST" else None
        self._connection.request(method, path, sent, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        value = json.loads(answer.read())["value"]
        assert answer.status == 200, value
        return value

    def do(self, command: str, **arguments: Any) -> Any:
        """A command of WebDriver that changes something."""
        return self._call("POST", f"{self._session}/{command}", arguments)

    def ask(self, command: str) -> Any:
        """A command of WebDriver that asks for something."""
        return self._call("GET", f"{self._session}/{command}")

    def cdp(self, command: str, **arguments: Any) -> Any:
        """A command of the DevTools protocol."""
        return self.do("goog/cdp/execute", cmd=command, params=arguments)

    def open(self, url: str) -> None:
        self.do("url", url=url)

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of a function returns in the page."""
        return self.do("execute/sync", script=script, args=list(arguments))

    def run_async(self, script: str, *arguments: Any) -> Any:
        """What the body of a function hands to its last argument, a callback."""
        return self.do("execute/async", script=script, args=list(arguments))

    def text(self, selector: str) -> str:
        """The text of the first element, as the page has it; none where there is no such element yet."""
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def texts(self, selector: str) -> list[str]:
        return list(
            self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)
        )

    def click(self, selector: str) -> None:
        """As a user does: scrolled into view and clicked where it is."""
        element = self.do("element", using="css selector", value=selector)[ELEMENT]
        self.do(f"element/{element}/click")

    def type(self, selector: str, text: str) -> None:
        """In place of what stands there."""
        element = self.do("element", using="css selector", value=selector)[ELEMENT]
        self.do(f"element/{element}/clear")
        if text:
            self.do(f"element/{element}/value", text=text)

    def press(self, key: str) -> None:
        down, up = {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}
        self.do("actions", actions=[{"type": "key", "id": "keyboard", "actions": [down, up]}])

    def wait(self, ready: Callable[[], Any], what: str, seconds: float = HELP_AFTER_SECONDS) -> Any:
        """The first true value of `ready`."""
        until = time.monotonic() + seconds
        while not (value := ready()):
            assert time.monotonic() < until, f"not within {seconds:.0f} s: {what}"
            time.sleep(0.1)
        return value

    def wait_for(self, selector: str, part: str, seconds: float = HELP_AFTER_SECONDS) -> str:
        """The text of an element as soon as it has `part`."""
        found: str = self.wait(
            lambda: (text := self.text(selector)) if part in self.text(selector) else "",
            f"{part!r} in {selector}",
            seconds,
        )
        return found

    def size(self, width: int, height: int) -> None:
        """The size of the view, whatever the smallest window may be."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    def theme(self, name: str) -> None:
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def close_tab(self) -> None:
        """Close the tab that is looked at; another one must be chosen then."""
        self._call("DELETE", f"{self._session}/window")

    def clock(self, seconds: float | None) -> None:
        """Have pages that are opened from now on believe that it is this Unix time; None for the truth."""
        if self._clock:
            self.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=self._clock)
        self._clock = ""
        if seconds is not None:
            ahead = 1000 * (seconds - time.time())
            source = f"{{ const now = Date.now; Date.now = () => now() + {ahead}; }}"
            self._clock = self.cdp("Page.addScriptToEvaluateOnNewDocument", source=source)["identifier"]

    def hide(self) -> None:
        self.do("window/minimize")

    def unhide(self) -> None:
        self.do("window/rect", x=0, y=0, width=1280, height=900)

    def reset(self) -> None:
        """Undo what a test has emulated, kept or reported."""
        self.cdp("Emulation.clearDeviceMetricsOverride")
        self.cdp("Emulation.setEmulatedMedia", features=[])
        self.cdp("Emulation.setScriptExecutionDisabled", value=False)
        self.clock(None)
        self.unhide()
        self.console_messages()

    def console_messages(self) -> list[str]:
        """What the console has reported since the last call: errors, warnings, breaches of the policy."""
        entries = self.do("se/log", type="browser")
        return [each["message"] for each in entries if each["level"] in {"SEVERE", "WARNING"}]

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        found = self.cdp("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))
