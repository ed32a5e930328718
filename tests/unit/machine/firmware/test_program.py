"""The program vcgencmd as a transport: which one is run, and what it is given."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat.machine.firmware.client import UnavailableError
from pistat.machine.firmware.program import Program
from pistat.machine.machine import Machine
from pistat.parsers.vcgencmd import Category
from support.firmware.vcgencmd_script import (
    StoppedClockMachine,
    Vcgencmd,
    assert_nothing_is_left,
    calls,
    says,
    write,
)

if TYPE_CHECKING:
    from support.require import Require


@pytest.fixture(autouse=True)
def posix(require: Require) -> None:
    require(os.name == "posix", "/bin/sh", installed=False)


@pytest.fixture
def vcgencmd(tmp_path: Path) -> Vcgencmd:
    """Write a program into the machine."""
    return partial(write, tmp_path)


@pytest.fixture
def machine(tmp_path: Path) -> StoppedClockMachine:
    return StoppedClockMachine(str(tmp_path))


def test_what_it_prints_and_how_it_ends(vcgencmd: Vcgencmd, machine: Machine) -> None:
    """The text is that of standard output; what came of it is also told by standard error and the status."""
    program = Program(machine)
    path = str(vcgencmd(says("temp=47.2'C")))

    assert program.find() == path
    assert program.ask(path, "measure_temp", 20.0) == (Category.OK, "temp=47.2'C\n")
    vcgencmd(says("VCHI initialization failed", 255, stream=2))
    assert program.ask(path, "measure_temp", 20.0) == (Category.NO_ACCESS, "")
    vcgencmd("exit 1")
    assert program.ask(path, "measure_temp", 20.0) == (Category.FAILED, "")


def test_it_is_looked_for_until_it_is_there(vcgencmd: Vcgencmd, machine: Machine) -> None:
    """One that is installed later is found; one that was found is not looked for again."""
    program = Program(machine)
    assert program.find() is None
    path = vcgencmd("echo here")
    assert program.find() == str(path)
    path.unlink()
    assert program.find() == str(path)


def test_an_answer(vcgencmd: Vcgencmd, machine: Machine) -> None:
    """A program that answers is asked word by word, and its answer is text."""
    program = vcgencmd('echo "$#: $1, $2"\necho "temp=48.3\'C "')

    assert machine.firmware.ask("measure_volts core") == "2: measure_volts, core\ntemp=48.3'C \n"
    assert calls(program) == ["measure_volts core"]
    assert_nothing_is_left(program)


def test_an_older_place(vcgencmd: Vcgencmd, machine: Machine) -> None:
    """On old images the program stands in /opt/vc/bin."""
    vcgencmd("echo opt", "opt/vc/bin/vcgencmd")

    assert machine.firmware.ask("version") == "opt\n"


def test_the_newer_place_comes_first(vcgencmd: Vcgencmd, machine: Machine) -> None:
    """With a program in both places, the one in /usr/bin is asked."""
    vcgencmd("echo opt", "opt/vc/bin/vcgencmd")
    vcgencmd("echo usr")

    assert machine.firmware.ask("version") == "usr\n"


def test_what_it_is_given(vcgencmd: Vcgencmd, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program has no terminal, no folder of ours, and nothing of our environment."""
    monkeypatch.setenv("PISTAT_API_TOKEN", "secret")
    monkeypatch.setenv("LD_PRELOAD", "")
    vcgencmd(
        'pwd\nread line || echo "no input"\necho "$PATH $LC_ALL ${PISTAT_API_TOKEN-none} ${LD_PRELOAD-none}"'
    )

    assert machine.firmware.ask("x") == "/\nno input\n/usr/bin:/bin C none none\n"


def test_no_shell(vcgencmd: Vcgencmd, machine: Machine, tmp_path: Path) -> None:
    """A question is words and nothing else: no shell takes it apart."""
    program = vcgencmd('printf "%s\\n" "$@"')
    question = f"a;touch {tmp_path}/1 $(touch {tmp_path}/2) `touch` | & > {tmp_path}/3 * $HOME 'x"

    assert machine.firmware.ask(question).splitlines() == question.split()
    assert {each.name for each in tmp_path.iterdir()} == {"usr"}
    assert len(calls(program)) == 1


def test_path_is_not_searched(vcgencmd: Vcgencmd, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name somewhere in PATH, or in the working directory, is not ours to run."""
    program = vcgencmd("echo here", "elsewhere/vcgencmd")
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(program.parent)

    with pytest.raises(UnavailableError):
        machine.firmware.ask("version")

    assert calls(program) == []
