"""The log: one line for each message, whatever is in it, and a fault that repeats once a minute."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from pistat import log as journal
from pistat.log import LONGEST, OncePerMinute, failure
from support.daemon import PROGRAM, Daemon, clean_environment
from support.waiting import eventually


@pytest.fixture
def formatter() -> logging.Formatter:
    return journal._Formatter(with_priorities=False)


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    told = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("pistat", logging.ERROR, __file__, 1, message, arguments, told)


@pytest.mark.parametrize(
    ("hostile", "line"),
    [
        ("a\nERROR forged", r"a\nERROR forged"),
        ("a\r\n\r\nb", r"a\r\n\r\nb"),
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("\u2028\u2029\u202e", r"\u2028\u2029\u202e"),
        ("\udcff", r"\udcff"),
        ("\0", r"\x00"),
        ("é°\N{GRINNING FACE}", "é°\N{GRINNING FACE}"),
        ("%s %n", "%s %n"),
        ("x" * 5000, "x" * (LONGEST - 7) + "…"),
    ],
)
def test_one_line(formatter: logging.Formatter, hostile: str, line: str) -> None:
    """Whatever a name holds, a message is one line of bounded length, and no terminal obeys it."""
    assert formatter.format(record("seen: %s", hostile)) == f"ERROR {'seen: ' + line}"


def test_a_failure_is_one_line(formatter: logging.Formatter) -> None:
    """An exception is told with its kind, its text and the places that it came through."""

    def inner() -> None:
        raise ValueError("a\nb" * 1000)

    try:
        inner()
    except ValueError as error:
        line = formatter.format(record("%s failed", "stats", error=error))
        places = failure(error).partition(" at ")[2]

    assert "\n" not in line
    assert line.startswith('ERROR stats failed: ValueError "a\\nba\\nb')
    assert line.endswith(f" at {places}")
    assert [each.partition(":")[0] for each in places.split(" < ")] == ["test_log.py"] * 2


def test_seldom() -> None:
    """A thing is told once a minute; others are told beside it, and few are remembered."""
    moments = iter([0.0, 0.0, 59.9, 60.0, 60.0, *[61.0] * 1000])
    seldom = OncePerMinute(lambda: next(moments))

    assert [seldom("a"), seldom("b"), seldom("a"), seldom("a"), seldom("a")] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert all(seldom(n) for n in range(999))
    assert len(seldom._last) <= OncePerMinute.MOST


FAULTY = f"""
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
def fail(*_, **__):
    raise RuntimeError("one\\nERROR forged\\x1b[2J" + "x" * 5000)
from pistat.monitor.monitor import Monitor
Monitor.answer = fail
sys.exit(pi_system_monitor.main())
"""


@pytest.fixture
def faulty() -> Iterator[Daemon]:
    """A daemon whose data routes fail."""
    settings = {"PISTAT_RATE_LIMIT_ENABLED": "no", "PISTAT_HISTORY_SECONDS": "0"}
    daemon = Daemon(settings, [sys.executable, "-c", FAULTY])
    daemon.wait_until_ready()
    yield daemon
    daemon.kill()


def test_a_fault_that_repeats(faulty: Daemon) -> None:
    """A hundred 500s of one route are one line, escaped and bounded; another route has its own."""
    known = faulty.log()
    found = {faulty.get(each).status for each in ["/stats", "/processes"] * 50}
    lines = faulty.log().removeprefix(known).splitlines()

    assert found == {500}
    assert [line.split()[:3] for line in lines] == [
        ["ERROR", "api.stats", "failed:"],
        ["ERROR", "api.process_list", "failed:"],
    ]
    assert all(r'RuntimeError "one\nERROR forged\x1b[2Jxxx' in line for line in lines)
    assert all("pi_system_monitor.py:" in line and len(line) <= LONGEST + 6 for line in lines)


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_hostile_requests(start: Callable[..., Daemon], level: str) -> None:
    """Requests make no line at INFO, and one at DEBUG, whatever they hold."""
    daemon = start(PISTAT_LOG_LEVEL=level, PISTAT_RATE_LIMIT_ENABLED="no")
    known = daemon.log()
    hostile = [
        "/%0aERROR%20forged",
        "/%1b[2J%9b",
        "/" + "x" * 5000,
        "/%e2%80%a8%e2%80%ae",
        "/a?b=%0aERROR%20q",
    ]
    for each in hostile:
        assert daemon.get(each).status == 404
        daemon.get(each, headers={"Host": "evil.example"})
    lines = [line for line in daemon.log().removeprefix(known).splitlines() if '"GET"' in line]

    assert len(lines) == (2 * len(hostile) if level == "DEBUG" else 0)
    assert all(line.startswith('DEBUG "GET" "/') and line.isprintable() and len(line) < 300 for line in lines)
    assert not [line for line in daemon.log().splitlines() if line.startswith("ERROR")]


BAD = {"PISTAT_PORT": "x"}


@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full", "0<&- 1>&- 2>&-"])
def test_nobody_can_be_told(redirected: str) -> None:
    """Without a standard error that can be written to, a start succeeds or fails as with one."""
    command = ["sh", "-c", f'exec "$0" "$1" {redirected}', sys.executable, str(PROGRAM)]
    bad = subprocess.run(command, env=clean_environment(BAD), timeout=60, check=False)
    daemon = Daemon({"PISTAT_DEBUG": "yes"}, command)
    try:
        daemon.wait_until_ready()
        assert daemon.get("/stats").status == 200
        assert daemon.stop() == 0
    finally:
        daemon.kill()

    assert bad.returncode == 78


def test_nobody_reads_the_log() -> None:
    """A pipe that is full costs lines of the log, and no answer."""
    reading, writing = os.pipe()
    command = ["bash", "-c", f'exec "$0" "$1" 2>&{writing}', sys.executable, str(PROGRAM)]
    given = {"PISTAT_DEBUG": "yes", "PISTAT_RATE_LIMIT_ENABLED": "no"}
    daemon = Daemon(given, command, pass_fds=(writing,))
    try:
        daemon.wait_until_ready()
        for _ in range(1500):
            assert daemon.get("/" + "x" * 250, timeout=5).status == 404
    finally:
        daemon.kill()
        os.close(reading)
        os.close(writing)


DYING = f"""
import sys, threading
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
from pistat import daemon
def fail():
    raise RuntimeError("first\\nsecond")
def ready(self):
    threading.Thread(target=fail, name="doomed").start()
    return before(self)
before, daemon.Daemon._ready = daemon.Daemon._ready, ready
sys.exit(pi_system_monitor.main())
"""


def test_a_thread_that_fails_is_one_line() -> None:
    """An error for which no thread was prepared is a line of the log like others, not a page of it."""
    daemon = Daemon({}, [sys.executable, "-c", DYING])
    try:
        daemon.wait_until_ready()
        assert eventually(lambda: bool(daemon.faults()))
        [line] = daemon.faults()
    finally:
        daemon.kill()

    assert line.startswith('CRITICAL The thread "doomed" failed: RuntimeError "first\\nsecond" at <string>:')
