"""The answer of /diagnosis, as a client gets it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import pi_system_monitor
from pistat import routes
from pistat.diagnosis import BY_ID, FINDINGS
from pistat.diagnosis.finding import HOUR, Severity
from pistat.diagnosis.report import KEYS
from pistat.formats import findings
from pistat.monitor.monitor import OWNERS
from pistat.settings import Settings
from support.answer_shape import leaves
from support.recorded_machine import BOARDS, RecordedMachine, altered, diagnosed

SICK = "pi500-throttled"


def client(board: str) -> Any:
    settings = Settings(rate_limit_enabled=False, history_seconds=0)
    return pi_system_monitor.create_app(settings, RecordedMachine(BOARDS / board)).test_client()


def test_one_reading_shows_what_it_can() -> None:
    """Without a history, what holds at once is found, and what must last is unknown and not well."""
    document = client(SICK).get("/diagnosis").json

    assert document["status"] == "warning"
    assert document["sentence"] == "The power supply is too weak right now, and 1 more finding."
    # That it has been too weak since the start is implied, and no second problem.
    assert [each["id"] for each in document["findings"]] == ["power.under_voltage", "power.supply_current"]
    unknown = {each["id"]: each["reason"] for each in document["unknown"]}
    assert "PISTAT_HISTORY_SECONDS=0" in unknown["disk.filling"]
    assert "heat.hot" in document["checked"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("?fail=never", 200), ("?fail=warning", 503), ("?fail=critical", 200), ("?fail=info", 503)],
)
def test_a_watchdog_sees_a_failure_with_the_same_body(query: str, status: int) -> None:
    """`curl -f` fails from the chosen severity on, and whoever reads the body learns why."""
    one = client(SICK)

    response = one.get(f"/diagnosis{query}")

    assert response.status_code == status
    assert response.json == one.get("/diagnosis").json


def test_nothing_fails_where_nothing_is_wrong() -> None:
    assert client("pi3b-plus").get("/diagnosis?fail=info").status_code == 200


def test_only_what_is_bad_enough_is_listed() -> None:
    """The status stays that of everything."""
    document = client(SICK).get("/diagnosis?min=critical").json

    assert document["findings"] == []
    assert document["status"] == "warning"


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("", "*/*", "application/json"),
        ("", "text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("", "text/plain", "text/plain"),
        ("", "application/json, text/plain;q=0.5", "application/json"),
        ("?format=text", "*/*", "text/plain"),
        ("?format=json", "text/plain", "application/json"),
    ],
)
def test_it_is_text_for_who_asks_for_text(query: str, accept: str, kind: str) -> None:
    """Curl gets JSON, as from every route."""
    response = client(SICK).get(f"/diagnosis{query}", headers={"Accept": accept, "User-Agent": "curl/8"})

    assert response.mimetype == kind
    assert "Accept" in response.headers["Vary"].split(", ")


def test_the_text_fits_a_terminal_and_obeys_nobody(tmp_path: Path) -> None:
    """Names from the machine are data: no control character of a name reaches the terminal."""
    mountinfo = (
        (BOARDS / "pi2b-docker/proc/self/mountinfo").read_text().replace("/mnt/nas", "/mnt/\033[2Jnas")
    )
    machine = altered("pi2b-docker", tmp_path, {"proc/self/mountinfo": mountinfo})
    machine.facts["statvfs"]["/mnt/\033[2Jnas"] = machine.facts["statvfs"]["/mnt/nas"]

    text = findings.text(diagnosed(machine, 600.0).document())

    assert "WARNING   /mnt/\\x1b[2Jnas does not answer\n" in text
    assert re.search(r"^    First seen [0-9a-z ]+ ago\.$", text, re.MULTILINE)
    assert text.isprintable() or set(re.findall(r"[^ -~°§…±]", text)) <= {"\n"}
    assert max(map(len, text.splitlines())) <= 78


def test_what_is_told_can_be_looked_up() -> None:
    """The evidence is what the other routes answer at the same paths."""
    one = client(SICK)
    answers = [one.get(route).json for route in ("/stats", "/sensors", "/storage/devices")]
    told = {path: value for answer in answers for path, value in leaves(answer)}

    for finding in one.get("/diagnosis").json["findings"]:
        assert finding["evidence"]
        for path, value in finding["evidence"].items():
            assert told[path] == value


def declared() -> Iterator[str]:
    for route in routes.ROUTES:
        yield from (each.path for each in route.fields)


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda each: each.id)
def test_each_declaration_is_whole(finding: Any) -> None:
    """It reads declared fields; its stages become worse; it says why the limit is what it is."""
    assert set(finding.reads) <= set(declared())
    assert finding.source.startswith("https://")
    assert finding.basis
    assert finding.condition
    severities = [each.severity for each in finding.stages]
    assert severities == sorted(set(severities))
    sign = -1 if finding.below else 1
    limits = [each.limit * sign for each in finding.stages]
    assert limits == sorted(limits)
    for stage in finding.stages:
        assert stage.clear * sign <= stage.limit * sign
        assert stage.hold <= 24 * HOUR
    assert not finding.title.endswith(".")
    assert not finding.implied_by or finding.implied_by in BY_ID


OFFICIAL = ("www.raspberrypi.com", "www.kernel.org", "docs.kernel.org", "www.jedec.org")
"""Who makes the hardware, the kernel or a standard, and so decides what a limit is."""


@pytest.mark.parametrize(
    "finding",
    [each for each in FINDINGS if each.stages[-1].severity is Severity.CRITICAL],
    ids=lambda each: each.id,
)
def test_no_critical_limit_rests_on_the_figure_of_one_project(finding: Any) -> None:
    """The maker, the kernel or a standard sets it, or a second, independent project has one of its own."""
    first, second = (urlsplit(address) for address in (finding.source, finding.second_source))
    if first.hostname not in OFFICIAL:
        assert second.scheme == "https"
        assert second.path.split("/")[:3] != first.path.split("/")[:3]


def test_the_ids_are_names_of_their_own() -> None:
    identifiers = [each.id for each in FINDINGS]

    assert len(set(identifiers)) == len(identifiers)
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", each) for each in identifiers)


def test_the_answer_is_made_once_for_each_sample() -> None:
    """Who asks again before the next sample gets the same bytes."""
    diagnosis = diagnosed(RecordedMachine(BOARDS / SICK), 60.0)

    assert diagnosis.body() is diagnosis.body()
    assert json.loads(diagnosis.body().plain) == diagnosis.document()


def test_every_key_that_is_looked_at_has_a_collector() -> None:

    assert set(KEYS) <= set(OWNERS)
