"""The guide for terminals: one screen, the verdict first, lines that can be copied."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from pistat.formats import guide, top
from pistat.routes import DIAGNOSIS, GUIDE, ROUTES
from pistat.settings import Settings
from support.documents.pages import CURL, FIREFOX, client_of, served
from support.recorded_machine import BOARDS, RecordedMachine

if TYPE_CHECKING:
    from flask.testing import FlaskClient

TOKEN = "correct-horse-battery-staple"
HOSTS = (
    "pi:8585",
    "localhost:8585",
    "raspberrypi.local:8585",
    "[2001:db8:1234:5678:1234:5678:1234:5678]:8585",
    "a-very-long-name-of-a-pi.in-a-cupboard.of-somebody.example.org:65535",
    "x" * 63 + ".local:65535",
)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    chosen = Settings(rate_limit_enabled=False, allowed_hosts=("*",))
    return client_of(chosen, RecordedMachine(BOARDS / "pi3b-undervoltage"))


@pytest.mark.parametrize("host", HOSTS)
def test_it_is_one_screen(client: FlaskClient, host: str) -> None:
    """24 lines of 80 columns hold it and a prompt, whatever the address is."""
    lines = served(client, "/", CURL, host).split("\n")

    assert len(lines) <= 24
    assert all(len(line) <= 80 and line.isascii() and line == line.rstrip() for line in lines)
    assert lines[-1] == ""


def test_the_verdict_comes_first(client: FlaskClient) -> None:
    """The first words are the name of the machine and how it is."""
    sentence = client.get(DIAGNOSIS.path).get_json()["sentence"]
    words = " ".join(served(client, "/", CURL).split("\n\n")[0].split())

    assert words == f"raspberrypi: WARN. {sentence}"


@pytest.mark.parametrize("host", HOSTS)
def test_every_route_has_a_line_to_copy(client: FlaskClient, host: str) -> None:
    """A shell makes a request of each line that is answered; together they are all routes."""
    commands = re.findall(r"^(?:curl|PI=).*?(?=  #|$)", served(client, "/", CURL, host), re.MULTILINE)
    script = "curl() { printf '%s\\n' \"$1\"; }\n" + "\n".join(commands)
    run = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, timeout=30, check=True)
    targets = [line.removeprefix(host) for line in run.stdout.splitlines()]

    assert {each.partition("?")[0] for each in targets} == {route.path for route in ROUTES} - {GUIDE.path}
    for each in targets:
        assert client.get(each).status_code in {200, 503}, each


def test_it_says_where_the_rest_is(client: FlaskClient) -> None:
    """The last lines name the reference and the page."""
    end = served(client, "/", CURL, "raspberrypi.local:8585").split("\n\n")[-1]

    assert "curl -s raspberrypi.local:8585/docs | less" in end
    assert "http://raspberrypi.local:8585/ in a browser." in end


def test_only_who_may_read_gets_the_verdict() -> None:
    """With a token set, who does not send it is told how to, and nothing of the machine."""
    locked = client_of(Settings(api_token=TOKEN), RecordedMachine(BOARDS / "pi3b-undervoltage"))
    shut = locked.get("/", headers={"User-Agent": CURL})
    opened = locked.get("/", headers={"User-Agent": CURL, "X-API-Key": TOKEN})

    assert shut.status_code == opened.status_code == 200
    assert shut.get_data(as_text=True).replace("\n", " ").startswith(guide.LOCKED)
    assert "raspberrypi" not in shut.get_data(as_text=True)
    assert "raspberrypi: WARN." in opened.get_data(as_text=True)
    assert TOKEN not in opened.get_data(as_text=True)


def test_hostile_name() -> None:
    """The name of the machine, and names in its sentence, are text without commands for a terminal."""
    found = {"status": "warning", "sentence": "\x1b[2J \u202e 表 does not answer"}

    first = guide.text("pi:8585", "\x1b]0;x\x07", found).split("\n")[0]
    assert first == "?]0;x?: WARN. ?[2J ? ? does not answer"


def test_the_verdict_is_never_long() -> None:
    """A sentence of any length takes two lines at most."""
    found = {"status": "warning", "sentence": "word " * 100}

    assert guide.text("pi:8585", "pi", found).index("\n\n") <= 2 * top.WIDTH


def test_it_is_not_kept(client: FlaskClient) -> None:
    """It changes with the machine, so no client keeps it; nor the page, which has its first readings."""
    assert client.get("/", headers={"User-Agent": CURL}).headers["Cache-Control"] == "no-store"
    assert client.get("/", headers={"User-Agent": FIREFOX}).headers["Cache-Control"] == "no-store"
