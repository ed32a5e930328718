"""Takes pictures of the page: the one in README.md, or with `--scenes FOLDER` one of each scene there is.

`python tests/browser/take_pictures.py [--scenes FOLDER [WORD...]]`; with words, those whose names have one.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.daemon import Daemon
from support.programs.chromium import Browser
from support.programs.live_page import address
from support.recorded_machine import BOARDS, altered

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
TOKEN = "correct-horse-battery-staple"
TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"
SCREENS = ((1280, "light"), (360, "dark"), (768, "light"), (1920, "dark"), (1280, "dark"), (360, "light"))
ENTER, HOME, RIGHT = "\ue007", "\ue011", "\ue014"


def flags(word: str) -> str:
    """What vcgencmd says on a Pi 4 whose throttling flags are these."""
    return (BOARDS / "pi4b-8gb/vcgencmd.txt").read_text().replace("=0x50000\n", f"={word}\n")


@dataclass(frozen=True)
class Machine:
    """A recorded board, some of its files with another content, and what its history is made of."""

    board: str
    past: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 8
    """Until its pictures are taken: for how long something must hold to be a finding, and some more."""


MACHINES = {
    "healthy": Machine("pi5-8gb-nvme", "47,17"),
    "hot": Machine(
        "pi4b-8gb", "80,27", {"vcgencmd.txt": flags("0xe000c"), TEMPERATURE: "87200\n"}, seconds=75
    ),
    "weak": Machine(
        "pi4b-8gb", "57,27", {"vcgencmd.txt": flags("0x50005"), TEMPERATURE: "56700\n"}, {"PAST_WEAK": "1"}
    ),
    "worn": Machine("cm3-plus-worn", "45,22"),
    "share": Machine("pi2b-docker", "55,30", seconds=380),
    "mainline": Machine("pi4b-mainline", "49,20", settings={"PAST_WITHOUT": "power.throttled power.freq"}),
    "pc": Machine("pc-x86", "63,40", settings={"PAST_WITHOUT": "power"}),
    "container": Machine("pi4b-4gb-container", "49,20", settings={"PAST_WITHOUT": "cpu_temp disk_io power"}),
    "young": Machine("zero2w-wifi"),
    "unrecorded": Machine("pi4b-8gb", settings={"PISTAT_HISTORY_SECONDS": "0"}),
}


@contextmanager
def served(machine: Machine, **settings: str) -> Iterator[Daemon]:
    """The daemon of a machine, once it has judged it a few times."""
    usual = {"REPLAY": "alive", "PISTAT_HISTORY_SECONDS": "5", "PISTAT_RATE_LIMIT_ENABLED": "false"}
    given = {**usual, **machine.settings, **settings}
    if machine.past:
        given["PAST"] = machine.past
    with tempfile.TemporaryDirectory() as folder:
        root = altered(machine.board, Path(folder), machine.files).root
        daemon = Daemon(given, [sys.executable, str(HERE.parent / "support" / "replay.py"), root])
        try:
            daemon.wait_until_ready()
            time.sleep(machine.seconds)
            yield daemon
        finally:
            daemon.kill()


def opened(browser: Browser, daemon: Daemon, *, clock: bool = True) -> None:
    """Open the page at the time of the machine, and wait until it is filled."""
    browser.clock(daemon.json("/stats?fields=timestamp")["timestamp"] if clock else None)
    browser.open(address(daemon))
    browser.wait_for("#live-text", "Live")
    browser.wait(lambda: browser.run("return turn > 1 && SENSORS.found && remembered['1h']"), "the readings")


def on_screen(browser: Browser, width: int, theme: str, **wishes: str) -> None:
    features = {
        "prefers-color-scheme": theme,
        **{name.replace("_", "-"): wish for name, wish in wishes.items()},
    }
    browser.size(width, {360: 740, 768: 1024, 1280: 900, 1920: 1080}[width])
    browser.cdp(
        "Emulation.setEmulatedMedia",
        features=[{"name": name, "value": value} for name, value in features.items()],
    )


class Scenes:
    """Takes the pictures whose names have one of the words, and notes what was seen."""

    def __init__(self, browser: Browser, folder: Path, words: list[str]) -> None:
        self.browser, self.folder, self.words = browser, folder, words

    def wants(self, name: str) -> bool:
        return not self.words or any(word in name for word in self.words)

    def take(self, name: str, *, whole: bool = False) -> None:
        self.browser.screenshot(self.folder / f"{name}.png", whole=whole)
        say, sub, high, wide = self.browser.run(
            "const it = document.documentElement, text = id => document.getElementById(id)?.textContent;"
            "return [text('say'), text('sub'), it.scrollHeight, it.scrollWidth]"
        )
        complaints = [
            each for each in self.browser.console_messages() if " 401 " not in each and " 429 " not in each
        ]
        print(f"| {name} | {say} {sub} | {wide} x {high} | {'; '.join(complaints) or 'none'} |", flush=True)

    def boards(self) -> None:
        """Every board at every width, at two of them in both themes."""
        for name, machine in MACHINES.items():
            if not self.wants(name):
                continue
            with served(machine) as daemon:
                for width, theme in SCREENS:
                    on_screen(self.browser, width, theme)
                    opened(self.browser, daemon)
                    self.take(f"{name}-{width}-{theme}")
                on_screen(self.browser, 1280, "light")
                opened(self.browser, daemon)
                self.scroll_through()
                self.take(f"{name}-1280-whole", whole=True)
                # Not a page whose daemon is gone
                self.browser.open("about:blank")

    def scroll_through(self) -> None:
        for part in ("processes", "links", "storage", "sensors", "containers", "units"):
            self.browser.run("document.getElementById('at-' + arguments[0]).scrollIntoView()", part)
            time.sleep(0.7)
        self.browser.run("scrollTo(0, 0)")
        time.sleep(2)

    def wishes(self) -> None:
        """What some people need: large text, less motion, colours of their own, no mouse, no script."""
        plain: list[tuple[str, int, Callable[[], Any]]] = [
            ("text-200", 360, lambda: self.browser.run("document.documentElement.style.fontSize = '200%'")),
            ("text-200", 1280, lambda: self.browser.run("document.documentElement.style.fontSize = '200%'")),
            ("keyboard", 1280, self.read_a_graph),
            ("fortnight", 1280, lambda: self.choose("14 d")),
            ("day", 360, lambda: self.choose("24 h")),
        ]
        with served(MACHINES["weak"]) as daemon:
            for name, width, act in plain:
                if self.wants(name):
                    on_screen(self.browser, width, "light")
                    opened(self.browser, daemon)
                    act()
                    time.sleep(1)
                    self.take(f"{name}-{width}", whole=name == "text-200")
                    self.browser.run("localStorage.clear()")
            for name, wish in [
                ("motion", {"prefers_reduced_motion": "reduce"}),
                ("forced", {"forced_colors": "active"}),
            ]:
                if self.wants(name):
                    on_screen(self.browser, 1280, "dark", **wish)
                    opened(self.browser, daemon)
                    self.take(f"{name}-1280")
            for width in (360, 1280):
                if self.wants("script"):
                    self.browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
                    on_screen(self.browser, width, "light")
                    self.browser.open(address(daemon))
                    self.take(f"no-script-{width}")
                    self.browser.cdp("Emulation.setScriptExecutionDisabled", value=False)

    def read_a_graph(self) -> None:
        self.browser.run("document.getElementById('g-heat').focus()")
        for key in (HOME, *[RIGHT] * 60):
            self.browser.press(key)

    def choose(self, name: str) -> None:
        self.browser.run(
            "for (const e of document.getElementById('range').children)"
            "if (e.textContent === arguments[0]) e.click()",
            name,
        )
        time.sleep(1)

    def states(self) -> None:
        """When the daemon is gone, locked or tired of us, or its clock is wrong."""
        on_screen(self.browser, 1280, "light")
        healthy = MACHINES["healthy"]
        if self.wants("clock"):
            with served(healthy) as daemon:
                opened(self.browser, daemon, clock=False)
                self.take("clock-1280")
        if self.wants("gone"):
            with served(healthy) as daemon:
                opened(self.browser, daemon)
                port = daemon.port
                daemon.kill()
                self.browser.wait_for("#say", "has not answered")
                self.take("gone-1280")
                with served(healthy, PISTAT_PORT=str(port)):
                    self.browser.wait_for("#live-text", "Live")
                    time.sleep(1)
                    self.take("back-1280")
        if self.wants("locked"):
            with served(healthy, PISTAT_API_TOKEN=TOKEN) as daemon:
                for width in (1280, 360):
                    on_screen(self.browser, width, "light")
                    self.browser.open(address(daemon))
                    self.browser.wait_for("#say", "needs a token")
                    self.take(f"locked-{width}")
                self.browser.type("#token", TOKEN)
                self.browser.press(ENTER)
                self.browser.wait_for("#live-text", "Live")
                time.sleep(2)
                self.take("unlocked-360")
                self.browser.run("sessionStorage.clear()")
        if self.wants("limited"):
            on_screen(self.browser, 1280, "light")
            with served(healthy, PISTAT_RATE_LIMIT_ENABLED="true") as daemon:
                opened(self.browser, daemon)
                while daemon.get("/stats?fields=uptime").status == 200:
                    pass
                self.browser.wait_for("#say", "Asked too often")
                self.take("limited-1280")


def take_scenes(folder: Path, words: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    browser = Browser()
    try:
        scenes = Scenes(browser, folder, words)
        scenes.boards()
        scenes.wishes()
        scenes.states()
    finally:
        browser.close()


def take_pictures() -> None:
    """Take the one of README.md."""
    browser = Browser()
    try:
        with served(MACHINES["healthy"], PAST_PLAIN="1") as daemon:
            on_screen(browser, 1280, "light")
            opened(browser, daemon)
            time.sleep(15)
            browser.screenshot(DOCS / "page.png")
    finally:
        browser.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--scenes"]:
        take_scenes(Path(sys.argv[2]), sys.argv[3:])
    else:
        take_pictures()
