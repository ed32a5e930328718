"""Takes the pictures of the page in README.md: `python tests/browser/take_pictures.py`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.daemon import Daemon
from support.programs.chromium import Browser
from support.recorded_machine import BOARDS, altered

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
SECONDS = 90
"""For how long the page looks before its picture is taken, so that there are graphs in it."""

WEAK: Mapping[str, str] = {
    "vcgencmd.txt": (BOARDS / "pi4b-8gb/vcgencmd.txt").read_text().replace("=0x50000\n", "=0x50005\n"),
    "sys/class/thermal/thermal_zone0/temp": "56700\n",
}
"""What makes it a Pi 4 whose supply is too weak now."""


def picture(browser: Browser, name: str, board: str, files: Mapping[str, str] = {}) -> None:
    """Take a picture of the page of a board, of which some files have another content."""
    with tempfile.TemporaryDirectory() as folder:
        machine = altered(board, Path(folder), files)
        daemon = Daemon(
            {"REPLAY": "alive"}, [sys.executable, str(HERE.parent / "support" / "replay.py"), machine.root]
        )
        try:
            daemon.wait_until_ready()
            browser.open(f"http://127.0.0.1:{daemon.port}/")
            browser.wait_for("#live-text", "Live, ")
            time.sleep(SECONDS)
            browser.shot(DOCS / name)
        finally:
            daemon.kill()


if __name__ == "__main__":
    browser = Browser()
    try:
        browser.size(1280, 900)
        browser.theme("light")
        picture(browser, "page.png", "pi5-8gb-nvme")
        browser.size(360, 740)
        browser.theme("dark")
        picture(browser, "page-phone.png", "pi4b-8gb", WEAK)
    finally:
        browser.close()
