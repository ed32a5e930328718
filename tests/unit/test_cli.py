"""The command line: help, version, a check of the settings, and mistakes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pistat import __version__
from pistat.routes import ROUTES
from pistat.settings import SETTINGS
from support.daemon import PROGRAM, clean_environment, copied


def run(*arguments: str, program: Path = PROGRAM, **settings: str) -> subprocess.CompletedProcess[str]:
    """The program with these arguments and environment variables, to its end."""
    return subprocess.run(
        [sys.executable, str(program), *arguments],
        env=clean_environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_version() -> None:
    """--version is one line that names the program and its version."""
    found = run("--version", PISTAT_PORT="bad")

    assert (found.returncode, found.stdout, found.stderr) == (0, f"pi-stat {__version__}\n", "")


def test_help() -> None:
    """--help names every argument, and where settings come from."""
    found = run("--help", PISTAT_PORT="bad")

    assert (found.returncode, found.stderr) == (0, "")
    for word in ("--help", "--version", "--check", ".env", "78"):
        assert word in found.stdout


def test_check(tmp_path: Path) -> None:
    """--check says what would be served, each setting, and whence it comes; it does not listen."""
    program = copied(tmp_path)
    (tmp_path / ".env").write_text("PISTAT_PORT=1234\nPISTAT_CACHE_SECONDS=7\nPISTAT_API_TOKEN=hush\n")
    found = run("--check", program=program, PISTAT_PORT="2345")

    assert (found.returncode, found.stderr) == (0, "")
    assert "host 0.0.0.0, port 2345" in found.stdout
    assert all(f"  {each.path} " in found.stdout for each in ROUTES)
    assert all(f"  {each.name}=" in found.stdout for each in SETTINGS)
    assert "PISTAT_PORT=2345  (environment)\n" in found.stdout
    assert f"PISTAT_CACHE_SECONDS=7  ({tmp_path}/.env)\n" in found.stdout
    assert "PISTAT_DEBUG=False  (default)\n" in found.stdout
    assert f"PISTAT_API_TOKEN=(not shown)  ({tmp_path}/.env)\n" in found.stdout
    assert not re.search("hush|`", found.stdout)


def test_check_of_a_bad_setting() -> None:
    """--check ends as the start would: status 78, and the line that names the setting."""
    found = run("--check", PISTAT_PORT="http")

    assert (found.returncode, found.stdout) == (78, "")
    assert found.stderr == 'pi-stat: PISTAT_PORT is "http"; expected a whole number from 1 to 65535.\n'


@pytest.mark.parametrize("argument", ["--port=80", "--chec", "check", "-x"])
def test_unknown_arguments(argument: str) -> None:
    """What is not known is a mistake, status 2, and not ignored; nothing is started."""
    found = run(argument)

    assert (found.returncode, found.stdout) == (2, "")
    assert argument in found.stderr
