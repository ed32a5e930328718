"""The reference at /docs, as a page and as text: complete, true, and fit for a browser and a terminal."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING

import pytest

from pistat.diagnosis import FINDINGS
from pistat.formats import reference as documents
from pistat.formats import terminal
from pistat.formats.reference import groups
from pistat.routes import ROUTES
from pistat.settings import SETTINGS, Settings
from pistat.web import errors
from support.documents.pages import CURL, FIREFOX, Page, client_of, served

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from support.daemon import Daemon

FIELDS = {field.path: field for route in ROUTES for field in route.fields}
TOLD = {
    field.path: field
    for route in ROUTES
    for group in groups(route)
    for branch in group.branches
    for _, field in branch.leaves
}
"""The fields that the reference describes one by one."""


def inside_fields(html: str) -> str:
    """The part of the page that is about fields."""
    return html[html.index("<section id=fields>") : html.index("<section id=findings>")]


# Everything is there


def test_what_is_declared_is_in_the_page(reference: str) -> None:
    """The rows are what is declared, and the keys that were described before; nothing else."""
    repeated = {group.key for route in ROUTES for group in groups(route) if group.earlier}
    statuses = {str(each.status) for each in errors.ERRORS}

    assert set(Page.of(reference).terms) == {
        *TOLD,
        *repeated,
        *statuses,
        *(each.name for each in SETTINGS),
        *(each.id for each in FINDINGS),
        *(each.name for route in ROUTES for each in route.parameters),
    }


def test_sources_are_in_the_page(reference: str) -> None:
    """Where a field is read is in its row or, if that has no source, in the last one above that has one."""
    told: dict[str, set[str]] = {}
    stem = place = ""
    for above, name, source in re.findall(
        r"<dt class=g>(\S+?)(?= <i>|<dt)|<dt>([^<]*)<dd>.*?<dd>.*?(?:<dd>(.*?))?(?=<dt|</dl)",
        inside_fields(reference),
    ):
        stem = above or stem
        place = unescape(re.sub("</?code>", "`", source)) or place
        told.setdefault(stem + name if name.startswith(".") else name, set()).add(place)

    # Two routes may have keys of one name that are not the same.
    for path, field in TOLD.items():
        assert str(field.source) in {each.replace("NAME", field.steps[-1]) for each in told[path]}


def test_fields_are_in_the_text(text: str) -> None:
    """The text has a line for every field, below the name of what holds it, and with its unit."""
    found: dict[str, str] = {}
    stem = ""
    for line in text.splitlines():
        if match := re.fullmatch(r"([a-z_]\S*)( +all of \S+, and)?", line):
            stem = match[1]
        elif match := re.match(r"(  \.|[a-z_])\S* +\S+( s)?", line):
            name, _, unit = match[0].strip().partition(" ")
            found.setdefault(stem + name if line.startswith("  ") else name, unit.strip())

    for path, field in TOLD.items():
        assert found.get(path, "").split(" ")[0] == terminal.to_ascii(field.unit.symbol).split(" ")[0], path


def test_what_is_told_at_once() -> None:
    """What it leaves out are leaves of another stem, the same in every respect; nothing else."""
    branches = [each for route in ROUTES for group in groups(route) for each in group.branches]
    liken = [each for each in branches if each.like]
    without = {}
    for branch in liken:
        for path, field in FIELDS.items():
            stem, dot, name = path.rpartition(".")
            if stem == branch.like:
                without[branch.stem + dot + name] = replace(field, path=branch.stem + dot + name)

    assert liken
    assert {**TOLD, **without} == FIELDS
    assert not set(TOLD) & set(without)


def test_what_was_described_before() -> None:
    """Only fields that are the same in every respect are described once for two routes."""
    repeated = [(route, group) for route in ROUTES for group in groups(route) if group.earlier]

    assert repeated
    for route, group in repeated:
        [earlier] = [each for each in ROUTES if each.path == group.earlier]
        assert ROUTES.index(earlier) < ROUTES.index(route)
        assert set(group.fields) <= set(earlier.fields)


def test_python_example_of_the_page_works(shared: Daemon) -> None:
    """The Python of the page, copied and run, prints the temperature, or that there is none."""
    program = dict(documents.examples(f"127.0.0.1:{shared.port}"))["Python"]

    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )

    assert run.returncode == 0, run.stderr
    assert re.match(r"(?:None|[\d.]+) °C\n", run.stdout)


def test_python_example_works(shared: Daemon) -> None:
    """The Python of the text, copied and run, prints figures of the daemon that it came from."""
    body = shared.get("/docs", headers={"User-Agent": CURL}).body.decode()
    [program] = re.findall(r"^IN PYTHON -+\n\n(.*?)^ON THE", body, re.DOTALL | re.MULTILINE)

    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )

    assert f"127.0.0.1:{shared.port}" in program
    assert run.returncode == 0, run.stderr
    assert re.search(r"^[\d.]+ % of the memory in use\nup for [\d.]+ days$", run.stdout, re.MULTILINE)


def test_python_example_tells_what_was_refused(shared: Daemon) -> None:
    """The Python of the text shows the daemon's own words when its question is wrong."""
    program = documents.client(f"127.0.0.1:{shared.port}").replace('uptime"', 'uptme"')

    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )

    assert run.stderr.startswith('fields has "uptme"; known fields are ')


# As text


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8585",
        "pi:8585",
        "raspberrypi.local:8585",
        "[2001:db8::8585]:8585",
        "[2001:db8:1234:5678:1234:5678:1234:5678]:8585",
        "a-very-long-name-of-a-pi.in-a-cupboard.of-somebody.example.org:65535",
        "x" * 63 + ".example:65535",
        "x" * 63 + ".example.org:65535",
    ],
)
def test_text_fits_a_terminal(client: FlaskClient, host: str) -> None:
    """The text is ASCII, at most 78 columns wide, and ends with a newline; no line ends with a blank."""
    lines = served(client, "/docs", CURL, host).split("\n")

    assert all(line.isascii() and len(line) <= 78 and line == line.rstrip() for line in lines)
    assert lines[-1] == ""
    assert lines[-2]


def test_text_ends_with_lines_to_copy(text: str) -> None:
    """The second line says that the lines to copy are at the end; there they are, with what each gives."""
    lines = text.splitlines()
    last = lines[-len(documents.commands("localhost:8585")) :]

    assert "at the end" in lines[1]
    assert all(re.match(r"curl .*localhost:8585/.* # \S", line) for line in last)


def test_text_of_a_long_name(client: FlaskClient) -> None:
    """A name that leaves no room for the meanings beside the lines to copy has them above."""
    lines = served(client, "/docs", CURL, "raspberrypi.local:8585").splitlines()
    count = len(documents.commands(""))

    assert [line[:2] for line in lines[-2 * count :]] == ["# ", "cu"] * count


def test_text_names_the_token_where_it_is_wanted() -> None:
    """With a token set, the text tells how to show it, without telling it; without one it does not."""
    token = "correct-horse-battery-staple"
    body = served(client_of(Settings(api_token=token)), "/docs", CURL)

    assert 'curl -H "Authorization: Bearer $PISTAT_API_TOKEN" \\\n  localhost:8585/stats\n' in body
    assert token not in body
    assert "curl -H" not in served(client_of(Settings()), "/docs", CURL)
    assert all(len(line) <= 78 for line in body.splitlines())


def test_findings_are_in_the_text(text: str) -> None:
    """Every finding has its line, so that it can be named in `PISTAT_LIMITS`."""
    words = {line.split()[0] for line in text.splitlines() if line.strip()}

    assert {each.id for each in FINDINGS} <= words


@pytest.mark.parametrize("agent", [CURL, FIREFOX])
def test_it_says_what_health_does_not_mean(client: FlaskClient, agent: str) -> None:
    """/health is no judgement of the machine, and the reference names the route that is."""
    words = " ".join(Page.of(served(client, "/docs", agent)).text.split())

    assert "/health is something else. It says that pi-stat answers; the machine may still be" in words
    assert "A watchdog asks /diagnosis?fail=critical." in words


# As a page


def test_page_is_well_formed(reference: str) -> None:
    """Every tag is closed where it should be, every ID is there once, and every link leads to something."""
    page = Page.of(reference)
    ids = page.values("id")

    assert page.open == []
    assert reference.startswith("<!doctype html>")
    assert ("html", {"lang": "en"}) in page.tags
    assert "viewport" in page.values("name")
    assert len(ids) == len(set(ids))
    assert {each[1:] for each in page.values("href") if each.startswith("#")} <= set(ids)


def test_page_links_work(client: FlaskClient, reference: str) -> None:
    """Every link to this machine answers, those of the examples among them."""
    links = {each for each in Page.of(reference).values("href") if each[:1] == "/"}

    assert {route.path + rest for route in ROUTES for rest, _ in route.examples} <= links
    for each in sorted(links):
        assert client.get(each).status_code == 200, each


def test_page_loads_nothing_else(client: FlaskClient) -> None:
    """One style and one script, allowed by their hashes; no other source but the icon, nothing inline."""
    response = client.get("/docs", headers={"User-Agent": FIREFOX})
    page = Page.of(response.get_data(as_text=True))
    sources = dict(
        each.strip().split(" ", 1) for each in response.headers["Content-Security-Policy"].split(";")
    )
    attributes = {name for _, given in page.tags for name in given}

    assert sources["default-src"] == "'none'"
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.inside[tag].encode()).digest()).decode()
        assert [name for name, _ in page.tags].count(tag) == 1
        assert sources[f"{tag}-src"] == f"'sha256-{digest}'"
    assert not {each for each in attributes if each in {"style", "src", "srcset"} or each.startswith("on")}
    assert [each["href"] for tag, each in page.tags if tag == "link"] == ["/icon.svg"]
    assert not re.search(r"url\(|@import|innerHTML|insertAdjacentHTML|eval", "".join(page.inside.values()))


def test_page_is_small(client: FlaskClient) -> None:
    """The reference is at most 40 kB over the wire."""
    given = {"User-Agent": FIREFOX, "Host": "raspberrypi.local:8585", "Accept-Encoding": "gzip"}
    answer = client.get("/docs", headers=given)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.get_data()) <= 40_000


def test_base_is_escaped(client: FlaskClient) -> None:
    """Whatever might get through as the address is text in the page, and one word in the lines to copy."""
    with client.application.app_context():
        template = client.application.jinja_env.get_template("docs.html")
        page = template.render(**documents.contents("<b onclick=x>'", Settings()))

    assert "onclick" not in {name for _, given in Page.of(page).tags for name in given}
    assert "<b onclick" not in page
