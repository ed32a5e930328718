"""The first readings of the page: what they say of recorded boards, and of what is missing or over."""

from __future__ import annotations

from typing import Any

import pytest

from pistat.diagnosis import FINDINGS
from pistat.formats import overview
from pistat.formats.quantities import NO_BREAK
from support.recorded_machine import BOARDS, RecordedMachine, answer, board_names

NOW = 1_000_000.0
FINDING = {
    "id": "power.under_voltage",
    "subject": None,
    "severity": "warning",
    "since": NOW - 180,
    "title": "The power supply is too weak right now",
    "text": "It is.",
    "advice": "Use another.",
    "evidence": {"power.under_voltage": True, "pmic.input_voltage": 4.6, "some.count": 3.0},
    "source": "https://example.org/",
}


def event(**given: Any) -> dict[str, Any]:
    usual = {"time": NOW - 7200, "id": "power.under_voltage", "subject": None, "state": "end"}
    return {**usual, "severity": "warning", "title": "It was", "duration": 300, "value": 1.0, **given}


def judged(*findings: dict[str, Any], **given: Any) -> dict[str, Any]:
    status = findings[0]["severity"] if findings else "ok"
    usual = {"status": status, "findings": list(findings), "checked": ["a"], "unknown": [], "timestamp": NOW}
    return {**usual, **given}


def read(board: str) -> dict[str, Any]:
    machine = RecordedMachine(BOARDS / board)
    readings: dict[str, Any] = {}
    for path in ("/stats", "/network/interfaces", "/sensors"):
        readings |= answer(machine, path)
    return readings


@pytest.mark.parametrize("board", board_names())
def test_every_board_has_words(board: str) -> None:
    """Of each board there are words, and none of them is of a value that is not there."""
    machine = RecordedMachine(BOARDS / board)
    found = overview.contents(read(board), answer(machine, "/diagnosis"), [])
    words = [
        value for tile in found["tiles"].values() for value in (tile.value, tile.unit, tile.left, tile.right)
    ]
    words += [value for _, _, rows in found["facts"] for _, value in rows]
    words += [found["headline"], found["beside"], found["model"], found["up"]]

    assert not [each for each in words if "None" in str(each) or "nan" in str(each)]
    assert found["tiles"]["power"].hidden == (
        board == "pc-x86" or ("container" in board and not found["model"])
    )


def test_every_finding_has_a_place() -> None:
    """Wherever a finding leads to is in the page."""
    assert {each.id.partition(".")[0] for each in FINDINGS} <= set(overview.PLACES)


def test_the_headline_counts_problems() -> None:
    """Warnings and worse are problems; what is only worth knowing is not."""
    info = {**FINDING, "severity": "info"}
    now = read("pi5-8gb-nvme")
    headlines = [
        overview.headline(now, each, [])["headline"]
        for each in (
            judged(),
            judged(info),
            judged(FINDING, info),
            judged(FINDING, FINDING),
            judged(checked=[]),
        )
    ]

    assert headlines == [
        "All is well",
        "All is well",
        "1 problem, 1 note",
        "2 problems",
        "Nothing could be checked",
    ]
    assert overview.headline(now, judged(), [])["beside"].startswith(
        "Never slowed and never short of power in the"
    )


def test_a_machine_that_is_hardly_checked_is_not_well() -> None:
    """Where more could not be checked than could, it says how much, and not that all is well."""
    unknown = [{"id": f"some.thing{number}", "reason": "It is so."} for number in range(3)]
    found = overview.headline(read("pi5-8gb-nvme"), judged(checked=["heat.hot"], unknown=unknown), [])

    assert found["headline"] == "Most checks could not be made"
    assert found["beside"] == "3 of 4; the other 1 found nothing wrong."
    assert found["missing"]

    nothing = overview.headline(read("pi5-8gb-nvme"), judged(checked=[], unknown=unknown), [])
    assert (nothing["headline"], nothing["beside"]) == ("Nothing could be checked", "3 of 3.")


def test_what_is_slowed_by_heat_says_so() -> None:
    """Under-voltage slows, too: only where there is none it is the heat."""
    values = []
    for under_voltage in (False, None):
        now = read("pi4b-8gb")
        now["power"] |= {"throttled": True, "under_voltage": under_voltage}
        values.append(overview.contents(now, judged(), [])["tiles"]["power"].value)

    assert values == ["Slowed by heat", "Slowed"]


def test_a_finding_says_since_when_and_how_often() -> None:
    """Beside its evidence stand how long it has lasted, and how often it has begun within a day."""
    begun = [event(state="begin", duration=None) for _ in range(3)]
    row = overview.headline(read("pi4b-8gb"), judged(FINDING), begun)["findings"][0]

    evidence = "power.under_voltage true · pmic.input_voltage 4.6 · some.count 3"
    assert row["about"] == f"seen for 3{NO_BREAK}min · 3 times in 24 h · {evidence}"
    assert (row["level"], row["place"]) == ("warn", "power")

    begun = [event(state="begin", severity=each, duration=None) for each in ("warning", "critical")]
    row = overview.headline(read("pi4b-8gb"), judged(FINDING), begun)["findings"][0]
    assert row["about"] == f"seen for 3{NO_BREAK}min · {evidence}"


def test_what_is_over() -> None:
    """What was wrong within the day and is no more has a row; what still holds, or was nothing, has none."""
    events = [
        event(title="too long ago", time=NOW - 90_000),
        event(title="still so", id="heat.hot"),
        event(title="no trouble", severity="info"),
        event(title="over"),
        event(title="Started without a shutdown", id="boot", state="begin", severity="info", duration=None),
    ]
    hot = {**FINDING, "id": "heat.hot"}

    assert overview.headline(read("pi4b-8gb"), judged(hot), events)["past"] == [
        f"2{NO_BREAK}h 0{NO_BREAK}min ago: Started without a shutdown.",
        f"Over since 1{NO_BREAK}h 55{NO_BREAK}min ago, after 5{NO_BREAK}min: over.",
    ]


def test_the_disk_tile_is_of_the_root() -> None:
    """Another filesystem that is full is in the headline, not in the tile of this one."""
    full = {**FINDING, "id": "disk.full", "severity": "critical", "subject": "/mnt"}
    now = read("pi4b-8gb")

    assert overview.contents(now, judged(full), [])["tiles"]["disk"].level == ""
    assert overview.contents(now, judged({**full, "subject": "/"}), [])["tiles"]["disk"].level == "bad"
