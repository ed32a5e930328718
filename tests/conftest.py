"""What the tests share: the daemon as a process, recorded boards, and parts that may be missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from support.daemon import Daemon, HeldPort
from support.programs.chromium import CHROMIUM, DRIVER, Browser

if TYPE_CHECKING:
    from support.require import Require


# What takes more than linear time takes longer than that; what a busy machine takes does not.
settings.register_profile(
    "patient", settings(), deadline=timedelta(seconds=10), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stress", type=float, default=60.0, help="seconds of the stress test of the server")
    parser.addoption("--update", action="store_true", help="rewrite the expected answers of the boards")
    parser.addoption("--all-boards", action="store_true", help="damage all boards, not only four")
    parser.addoption("--examples", type=int, default=50, help="how often the boards get hostile values")
    parser.addoption("--seed", type=int, default=1, help="which hostile values they get")


def pytest_report_header() -> str:
    """The versions that this run is about."""
    lines = Path(__file__).parent.with_name("requirements.txt").read_text().splitlines()
    names = [line.partition(">=")[0] for line in lines if ">=" in line]
    return "with " + ", ".join(f"{name} {version(name)}" for name in names)


@pytest.fixture(scope="session")
def require() -> Require:
    """Skip a test for want of a part of the system, by name; in CI fail instead if CI installs the part.

    Two CPUs or a disk are parts of the machine that no CI can install: for want of those it skips there, too.
    """

    def check(present: bool, part: str, *, installed: bool = True) -> None:
        if present:
            return
        if installed and os.environ.get("CI"):
            pytest.fail(f"CI must have {part}")
        pytest.skip(f"needs {part}")

    return check


@pytest.fixture
def start() -> Iterator[Callable[..., Daemon]]:
    """Start daemons with settings of their own; whatever still runs after the test is killed."""
    started: list[Daemon] = []

    def run(**settings: str) -> Daemon:
        daemon = Daemon(settings)
        started.append(daemon)
        daemon.wait_until_ready()
        return daemon

    yield run
    for each in started:
        each.kill()


@pytest.fixture
def port() -> Iterator[int]:
    """A port that nobody else is given."""
    held = HeldPort()
    yield held.number
    held.release()


@pytest.fixture(scope="session")
def shared() -> Iterator[Daemon]:
    """One daemon without a rate limit, for all tests that only ask."""
    daemon = Daemon({"PISTAT_RATE_LIMIT_ENABLED": "false"})
    daemon.wait_until_ready()
    yield daemon
    daemon.kill()


@pytest.fixture(scope="session")
def _browser() -> Iterator[Browser | None]:
    """One browser for all tests, for it takes long to start."""
    if CHROMIUM is None or DRIVER is None:
        yield None
        return
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def browser(_browser: Browser | None, require: Require) -> Browser:
    """The browser as it is at first: no page, nothing kept, nothing emulated."""
    require(_browser is not None, "chromium and chromedriver")
    assert _browser is not None
    _browser.open("about:blank")
    _browser.reset()
    return _browser
