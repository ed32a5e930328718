"""One screen for a terminal: it fits an emulated terminal on every recorded board, whatever names it has."""

from __future__ import annotations

import itertools
import math
import re
from array import array
from dataclasses import replace

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pistat.collectors import processes
from pistat.formats import history, top
from pistat.history.history import Curves
from pistat.history.metrics import METRICS
from pistat.monitor.monitor import Monitor
from support.recorded_machine import BOARDS, RecordedMachine, board_names, diagnosed

COLUMNS, LINES = 80, 24
DRAWN = set("█░↓↑°\N{MINUS SIGN}" + history.BLOCKS)
HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egpj",
    "表" * 30,
    "a\nb\r\tc",
    "\x9b31m",
    "e\u0301" * 20,
    "👾" * 20,
    "",
]


def hour() -> Curves:
    """A history with a hole in it."""
    series = {
        metric: [array("f", [math.nan if 100 < place < 200 else place / 4 for place in range(360)])]
        for metric in METRICS
        if metric.name in top.CURVES
    }
    return Curves("1h", 10, 0.0, 360, series, [], 3600.0)


def state(board: str) -> top.State:
    machine = RecordedMachine(BOARDS / board)
    answer = Monitor(machine, 0.0).answer(top.KEYS)
    busiest = processes.top(answer.values["processes"], "cpu", 3)
    found = diagnosed(RecordedMachine(BOARDS / board), 360.0).document()
    return top.State(found, {**answer.values, "processes": busiest}, answer.errors, hour(), "pi:8585")


@pytest.fixture(scope="module", params=board_names())
def of_a_board(request: pytest.FixtureRequest) -> top.State:
    return state(request.param)


def emulated(shown: str) -> pyte.HistoryScreen:
    """A terminal of 80 columns and 24 lines that was sent a text."""
    screen = pyte.HistoryScreen(COLUMNS, LINES)
    pyte.Stream(screen).feed(shown.replace("\n", "\r\n"))
    return screen


def check_fits(shown: str) -> list[str]:
    """Nothing scrolls away and no line breaks; the prompt has a line below it. Returns the lines."""
    screen, lines = emulated(shown), shown.split("\n")
    seen = [line.rstrip() for line in screen.display]

    assert not screen.history.top
    assert screen.cursor.y == len(lines) - 1 <= LINES - 1
    return seen


def test_fits_a_terminal(of_a_board: top.State) -> None:
    """What an emulator shows of it in colours is what it says without, line by line."""
    plain = top.text(of_a_board, colour=False, ascii_only=False)
    seen = check_fits(top.text(of_a_board, colour=True, ascii_only=False))

    assert seen == check_fits(plain)
    assert seen[: plain.count("\n")] == plain.split("\n")[:-1]
    assert {each for each in plain if not each.isascii()} <= DRAWN


def test_ascii(of_a_board: top.State) -> None:
    """With `ascii=true` there is nothing else, and it says the same."""
    shown = top.text(of_a_board, colour=False, ascii_only=True)

    assert shown.isascii()
    assert shown.replace("\n", "").isprintable()
    check_fits(shown)


def test_verdict_is_that_of_the_diagnosis(of_a_board: top.State) -> None:
    """The worst finding comes first, with its severity in a word; without any, that is said."""
    verdict = emulated(top.text(of_a_board, colour=True, ascii_only=False)).display[2]
    status, found = of_a_board.diagnosis["status"], of_a_board.diagnosis["findings"]

    assert verdict.split()[0] == top.WORDS[status]
    assert not found or re.search(r"  first seen [0-9a-z ]+ ago|^.{60}", verdict)
    expected = found[0]["title"] if found else of_a_board.diagnosis["sentence"]
    assert verdict[6:].startswith(expected.replace("`", "")[:60])


def test_null_is_no_zero(of_a_board: top.State) -> None:
    """A reading that is null is a dash, without a bar."""
    for key, word in (("cpu_temp", "Temperature"), ("cpu_usage", "CPU")):
        unknown = replace(of_a_board, values={**of_a_board.values, key: None})
        lines = top.text(unknown, colour=False, ascii_only=False).split("\n")
        [line] = [each for each in lines if each.startswith(word)]
        assert line.split()[1] == "-"
        assert not {"█", "░"} & set(line)


def renamed(of: top.State, name: str) -> top.State:
    """A machine on which everything that has a name has this one."""
    values = dict(of.values)
    values["hardware"] = {**values["hardware"], "model": name}
    values["system"] = {**values["system"], "hostname": name, "os": name}
    values["interfaces"] = {
        name + str(number): row
        for number, row in enumerate(values["interfaces"].values())
        if row.__class__ is dict
    }
    values["devices"] = [
        {**row, "mountpoint": name, "error": name if number % 2 else None}
        for number, row in enumerate(values["devices"])
    ]
    values["processes"] = [{**row, "name": name} for row in values["processes"]]
    texts = dict.fromkeys(("title", "text", "advice"), f"{name} {name}. ")
    finding = {"severity": "warning", "since": 0.0, **texts}
    found = {**of.diagnosis, "status": "warning", "sentence": name, "findings": [finding] * 5}
    return top.State(found, values, {"devices": name}, of.curves, of.base)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str) -> None:
    """Escapes, controls, what turns the direction and what is wide never reach the terminal."""
    shown = top.text(renamed(state("pi4b-8gb"), name), colour=False, ascii_only=False)

    assert {each for each in shown if not each.isascii()} <= DRAWN
    assert "\x1b" not in shown
    assert "\r" not in shown
    check_fits(shown)


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_any_name(name: str) -> None:
    """Whatever a name is, the screen fits, and an emulator shows exactly what was sent."""
    shown = top.text(renamed(STATE, name), colour=False, ascii_only=False)

    seen = check_fits(shown)
    assert seen[: shown.count("\n")] == [line.rstrip() for line in shown.split("\n")[:-1]]


STATE = state("pi5-8gb-nvme")


@pytest.mark.parametrize("colour", [True, False])
def test_colours_are_of_the_sixteen(colour: bool) -> None:
    """Only colours, bold, faint and their end are sent; every colour ends on its line."""
    shown = top.text(renamed(STATE, "\x1b[5m"), colour=colour, ascii_only=False)
    codes = [part.split("m")[0] for part in shown.split("\x1b[")[1:]]

    assert ("\x1b" in shown) is colour
    assert all(line.count("\x1b[") == 2 * line.count("\x1b[0m") for line in shown.split("\n"))
    parts = set(itertools.chain.from_iterable(each.split(";") for each in codes))
    assert parts <= {"0", "1", "2", *map(str, range(30, 38))}


def test_an_empty_history_draws_nothing() -> None:
    """Without a history, or before its first point, there is no line for it."""
    nothing = {metric: [array("f", [math.nan] * 360)] for metric in hour().series}
    empty = Curves("1h", 10, 0.0, 360, nothing, [], 3600.0)

    assert "Last hour" in top.text(STATE, colour=False, ascii_only=False)
    for curves in (None, empty):
        of = replace(STATE, curves=curves)
        assert "Last hour" not in top.text(of, colour=False, ascii_only=False)


@pytest.mark.parametrize("base", ["pi:8585", "raspberrypi.local:8585", "x" * 70 + ":65535"])
def test_addresses_are_whole(base: str) -> None:
    """A line to copy is whole, or is none."""
    shown = top.text(replace(STATE, base=base), colour=False, ascii_only=False)

    assert (f"watch -ct curl -s {base}/top" in shown) == (len(base) < 40)
    assert all(len(line) <= COLUMNS for line in shown.split("\n"))
