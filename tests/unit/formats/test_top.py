"""/top as clients get it: who gets colours, and what its numbers look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pistat.formats import top
from pistat.monitor.monitor import Monitor
from pistat.settings import Settings
from support.documents.pages import CURL, FIREFOX, client_of
from support.recorded_machine import BOARDS, RecordedMachine

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return client_of(Settings(rate_limit_enabled=False), RecordedMachine(BOARDS / "pi4b-8gb"))


@pytest.mark.parametrize(
    ("agent", "accept", "query", "colours"),
    [
        (CURL, "*/*", "", True),
        (CURL, None, "", True),
        ("Wget/1.21.3", "*/*", "", True),
        ("HTTPie/3.2.2", "*/*", "", True),
        ("xh/0.22", "*/*", "", True),
        (CURL, "text/plain", "", False),
        (CURL, "*/*", "?color=never", False),
        (CURL, "text/plain", "?color=always", True),
        (FIREFOX, "text/html,*/*;q=0.8", "", False),
        (FIREFOX, "*/*", "", False),
        ("python-requests/2.31.0", "*/*", "", False),
        (FIREFOX, "*/*", "?color=always", True),
    ],
)
def test_who_gets_colours(
    client: FlaskClient, agent: str, accept: str | None, query: str, colours: bool
) -> None:
    """Programs for terminals that accept anything get colours; a wish for them, or for none, is heard."""
    headers = {"User-Agent": agent} if accept is None else {"User-Agent": agent, "Accept": accept}
    answer = client.get(f"/top{query}", headers=headers)

    assert answer.status_code == 200
    assert ("\x1b[" in answer.get_data(as_text=True)) is colours
    assert answer.content_type == "text/plain; charset=utf-8"
    assert {each.strip() for each in answer.headers["Vary"].split(",")} >= {"Accept", "User-Agent"}


def test_ascii(client: FlaskClient) -> None:
    """With `ascii=true` nothing else is sent."""
    assert not client.get("/top").get_data(as_text=True).isascii()
    assert client.get("/top?ascii=true").get_data(as_text=True).isascii()


def test_it_needs_the_token() -> None:
    """It says what /stats says, so it wants the token where that does."""
    locked = client_of(Settings(api_token="correct-horse-battery-staple"))

    assert locked.get("/top").status_code == 401
    assert locked.get("/top", headers={"X-API-Key": "correct-horse-battery-staple"}).status_code == 200


def test_what_failed_is_said() -> None:
    """Why the disks could not be read stands where they would be."""
    values = {**Monitor(RecordedMachine(BOARDS / "pi4b-8gb"), 0.0).answer(top.KEYS).values}
    well = {"status": "ok", "sentence": "No problem found.", "findings": [], "unknown": []}
    failed = top.State(
        well,
        {**values, "devices": None, "processes": []},
        {"devices": "no answer within 1.0 s"},
        None,
        "pi:8585",
    )
    lines = top.text(failed, colour=False, ascii_only=True).split("\n")

    assert ["Disk", "-", "no", "answer", "within", "1.0", "s"] in [line.split() for line in lines]
    assert lines[2] == "OK    No problem found."
