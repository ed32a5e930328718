"""The documents say what the program does: reference, README, `.env.example`, changelog."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from pistat import __version__
from pistat.formats import overview, page
from pistat.formats import reference as documents
from pistat.history.metrics import METRICS
from pistat.routes import PATHS, ROUTES, STATS
from pistat.settings import SETTINGS, Settings, load
from pistat.web import errors
from support.documents.pages import CURL, FIREFOX, Page, client_of, served
from tools import render_docs

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from support.daemon import Daemon

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SETTINGS_PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
SCRIPT = str(page.script())
ENV_EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
RUN = (
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt"
    " && .venv/bin/python pi_system_monitor.py"
)
TEST = (
    "python3 -m venv .venv && .venv/bin/pip install -q -r tests/requirements.txt"
    " && .venv/bin/python -m pytest"
)

FIREFOX_ACCEPTS = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

FIELDS = {field.path: field for route in ROUTES for field in route.fields}
PARAMETERS = {each.name for route in ROUTES for each in route.parameters}


@pytest.fixture(scope="module")
def every_document(reference: str, text: str) -> dict[str, str]:
    return {
        "README.md": README,
        "docs/api.md": API,
        "docs/settings.md": SETTINGS_PAGE,
        "HTML": Page.of(reference).text,
        "text": text,
        ".env.example": ENV_EXAMPLE,
    }


# What is generated


@pytest.mark.parametrize("name", render_docs.PAGES)
def test_pages_are_current(name: str) -> None:
    """The generated blocks of the pages are what the declarations give."""
    page = (ROOT / name).read_text(encoding="utf-8")

    assert render_docs.filled(page) == page


def test_every_block_is_used() -> None:
    """Nothing is generated that no page shows."""
    pages = "".join((ROOT / name).read_text(encoding="utf-8") for name in render_docs.PAGES)

    assert set(re.findall(r"<!-- generated: (\S+) -->", pages)) == set(render_docs.BLOCKS)


def test_env_example_is_current() -> None:
    """`.env.example` is what the declarations give: run `tools/render_docs.py`."""
    assert render_docs.env_example() == ENV_EXAMPLE


def test_env_example_shows_defaults(tmp_path: Path) -> None:
    """Each line of `.env.example` is accepted without its `#`, and changes nothing."""
    env_file = tmp_path / ".env"
    env_file.write_text(re.sub(r"^#(?=PISTAT_)", "", ENV_EXAMPLE, flags=re.MULTILINE), encoding="utf-8")

    assert len(re.findall(r"^PISTAT_", env_file.read_text(encoding="utf-8"), re.MULTILINE)) == len(SETTINGS)
    assert load({}, env_file) == Settings()


def test_render_updates_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tools/render_docs.py` restores a block that was changed by hand, and leaves the rest alone."""
    settings = r"(<!-- generated: settings -->).*?(<!-- end -->)"
    stale = re.sub(settings, r"\1\nold\n\2", SETTINGS_PAGE, flags=re.DOTALL)
    (tmp_path / "docs").mkdir()
    for name in render_docs.PAGES:
        (tmp_path / name).write_text(stale, encoding="utf-8")
    golden = tmp_path / render_docs.EXAMPLE
    golden.parent.mkdir(parents=True)
    golden.write_text((ROOT / render_docs.EXAMPLE).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "deploy/prometheus/rules").mkdir(parents=True)
    monkeypatch.setattr(render_docs, "ROOT", tmp_path)

    render_docs.main()

    assert stale != SETTINGS_PAGE
    for name in render_docs.PAGES:
        assert (tmp_path / name).read_text(encoding="utf-8") == SETTINGS_PAGE
    assert (tmp_path / ".env.example").read_text(encoding="utf-8") == ENV_EXAMPLE


# Everything is there, and nothing else


@pytest.mark.parametrize("name", ["docs/settings.md", "HTML", "text", ".env.example"])
def test_settings_are_documented(every_document: dict[str, str], name: str) -> None:
    """Every setting is in every document, and what looks like a setting is one."""
    assert set(re.findall(r"PISTAT_\w*", every_document[name])) == {each.name for each in SETTINGS}


def test_readme_is_short() -> None:
    """The README has at most 200 lines, with every route, and no setting that does not exist."""
    assert len(README.splitlines()) <= 200
    assert set(PATHS) <= set(re.findall(r"[\w/.]+", README))
    assert set(re.findall(r"PISTAT_\w*", README)) <= {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("name", ["docs/api.md", "HTML", "text"])
def test_routes_and_parameters_are_documented(every_document: dict[str, str], name: str) -> None:
    """Every route, parameter and status is in both guides and in the page about the API."""
    words = set(re.findall(r"[\w/.]+", every_document[name]))

    assert set(PATHS) <= words
    assert words >= PARAMETERS
    assert {str(each.status) for each in errors.ERRORS} <= words


def test_fields_are_in_the_documents() -> None:
    """Every field has a row in the page about the API, with its unit."""
    rows = {tuple(line.split(" | ")[:2]) for line in API.splitlines() if line.startswith("| `")}

    assert {(f"| `{each.path}`", each.unit.symbol) for each in FIELDS.values()} <= rows


def test_packages_of_debian() -> None:
    """What the README has installed on a 32-bit system is what `install.sh` installs there."""
    script = (ROOT / "install.sh").read_text(encoding="utf-8")
    [packages] = re.findall(r"^sudo apt install (python3-.*)$", README, re.MULTILINE)
    [more] = re.findall(r"Pi 1, Zero or Zero W, add `(\S+)`", README.replace("\n", " "))

    assert [*packages.split(), more] == re.findall(r"\|\| echo (python3-\S+)", script)


# What can be copied works


def test_lines_of_settings_to_copy_are_accepted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each block of settings in docs/integrations.md is read without a complaint, and changes something."""
    page = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        assert len(block.splitlines()) <= 5
        file = tmp_path / ".env"
        file.write_text(block)
        assert load({}, file) != Settings()
    assert caplog.messages == []


def test_examples_work(client: FlaskClient, every_document: dict[str, str]) -> None:
    """Every curl line of the documents and the guides asks for something that is there."""
    pages = README + API + SETTINGS_PAGE
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", pages, re.DOTALL)).replace("-u pi:TOKEN ", "")
    shell = re.sub(r"-H '[^']*' ", "", shell)
    lines = re.findall(
        r"curl (?:-s )?'?([^\s']+)", "\n".join([shell, every_document["HTML"], every_document["text"]])
    )
    wanted = {
        (parts.path, parts.query) for each in lines for parts in [urlsplit("//" + each.split("//")[-1])]
    }

    assert len(wanted) >= len(ROUTES) + 2
    for path, rest in sorted(wanted):
        assert client.get(f"{path}?{rest}").status_code == 200, f"{path}?{rest}"


def test_every_example_is_shown(every_document: dict[str, str], html: str) -> None:
    """Each example of a route is in the page about the API and in the text guide, and a link of the page."""
    links = Page.of(html).values("href")
    for route in ROUTES:
        for rest, gives in route.examples:
            assert not rest or (route.path + rest in links and gives in every_document["HTML"])
            for document in (API, every_document["text"]):
                assert f"localhost:8585{route.path}{rest}" in document
                assert gives in document


def test_refusal_is_real(client: FlaskClient) -> None:
    """The error that the documents show is what the daemon answers."""
    response = client.get("/processes?limit=abc")

    assert response.status_code == 400
    assert response.get_json() == json.loads(documents.refusal())


def test_statuses_mean_what_the_server_says() -> None:
    """What is said of a request that reaches no route is what the documents say of its status."""
    said = {status: message for status, message in errors.MESSAGES.items() if status != 400}

    assert said
    assert said == {status: errors.MEANING[status] for status in said}


@pytest.mark.parametrize("command", [RUN, TEST])
def test_readme_commands(command: str) -> None:
    """The two commands stand in the README, each after a heading and alone in its block."""
    blocks = re.findall(r"^## [^\n]+\n\n(?:[^\n#`][^\n]*\n)+\n```sh\n([^\n]+)\n```$", README, re.MULTILINE)

    assert blocks.count(command) == 1


def test_ci_runs_what_the_readme_says() -> None:
    """`.ci/run` passes the tests with the line of the README."""
    assert TEST in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


# The page


def test_page_is_well_formed(html: str) -> None:
    """Every tag is closed where it should be, every ID is there once, and every link leads to something."""
    page = Page.of(html)
    ids = page.values("id")

    assert page.open == []
    assert html.startswith("<!doctype html>")
    assert ("html", {"lang": "en"}) in page.tags
    assert "viewport" in page.values("name")
    assert len(ids) == len(set(ids))
    assert {each[1:] for each in page.values("href") if each.startswith("#")} <= set(ids)


def test_page_links_work(client: FlaskClient, html: str) -> None:
    """Every link of the page to this machine answers."""
    page = Page.of(html)
    links = {each for each in page.values("href") if each[:1] == "/"}

    assert len(links) > len(ROUTES)
    for each in sorted(links):
        assert client.get(each).status_code == 200, each


def test_page_loads_nothing_else(html: str) -> None:
    """The page is whole: one style, one script, no other source but its icon, nothing inline in its tags."""
    page = Page.of(html)
    tags = [tag for tag, _ in page.tags]
    attributes = {name for _, given in page.tags for name in given}

    assert (tags.count("style"), tags.count("script")) == (1, 1)
    assert not set(tags) & {"img", "iframe", "object", "embed", "base"}
    # One form, which is sent nowhere: password managers look for one.
    assert [set(each) for tag, each in page.tags if tag == "form"] == [{"class", "id", "hidden"}]
    assert not {each for each in attributes if each in {"style", "src", "srcset"} or each.startswith("on")}
    links = {each["href"] for tag, each in page.tags if tag == "link"}
    assert links == {"/icon.svg", "/icon.png", "/manifest.webmanifest"}
    assert not re.search(r"url\(|@import|expression", page.inside["style"])
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval|import", page.inside["script"])
    uncommented = re.sub(r"(?m)(^|\s)//.*$", "", page.inside["script"])
    assert set(re.findall(r"https?://[^\"/]+", uncommented)) == {"http://www.w3.org"}


def test_page_names_what_may_run(client: FlaskClient) -> None:
    """The policy of the page allows its style and its script by their hashes, and nothing inline besides."""
    response = client.get("/", headers={"User-Agent": FIREFOX})
    page = Page.of(response.get_data(as_text=True))
    given = response.headers["Content-Security-Policy"]
    sources = dict(each.strip().split(" ", 1) for each in given.split(";"))

    assert sources["default-src"] == "'none'"
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.inside[tag].encode()).digest()).decode()
        assert sources[f"{tag}-src"] == f"'sha256-{digest}'"


def test_page_is_small() -> None:
    """All that the page loads before data, its icon included, is at most 40 kB over the wire."""
    client = client_of(Settings())
    given = {"User-Agent": FIREFOX, "Host": "raspberrypi.local:8585", "Accept-Encoding": "gzip, deflate"}
    answers = [
        client.get(path, headers=given) for path in ("/", "/icon.svg", "/icon.png", "/manifest.webmanifest")
    ]

    assert sum(len(each.get_data()) + len(str(each.headers)) for each in answers) <= 40_000


@pytest.mark.parametrize("path", ["/docs", "/icon.svg", "/icon.png", "/manifest.webmanifest"])
def test_documents_are_kept_by_clients(client: FlaskClient, path: str) -> None:
    """What does not change is not sent again to who has it: 304, with the same headers and no body."""
    first = client.get(path, headers={"User-Agent": FIREFOX})
    again = client.get(path, headers={"User-Agent": FIREFOX, "If-None-Match": first.headers["ETag"]})
    other = client.get(path, headers={"User-Agent": FIREFOX, "If-None-Match": '"other"'})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.get_data()) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert other.status_code == 200


def test_tables_have_captions(html: str) -> None:
    """Every table says what it is of."""
    tags = [tag for tag, _ in Page.of(html).tags]

    assert tags.count("caption") == tags.count("table") > 0


# What is named by hand


def test_tiles_are_of_declared_keys(html: str) -> None:
    """The tiles name keys of `/stats`, and the states of the power tile are leaves of it."""
    page = Page.of(html)
    keys = {key for each in page.values("data-keys") for key in each.split(", ")}

    assert keys
    assert keys <= set(STATS.keys)
    assert {f"power.{each}" for each in overview.STATES} <= set(FIELDS)


@pytest.mark.parametrize(
    ("variable", "stem"),
    [
        ("now", ""),
        ("power", "power."),
        ("ram", "memory."),
        ("card", "disk."),
        ("process", "processes[row]."),
        ("link", "interfaces.{interface}."),
        ("place", "devices[row]."),
        ("disk", "disks.{disk}."),
        ("hardware", "hardware."),
        ("system", "system."),
        ("clocks", "clocks."),
        ("gpu", "gpu."),
        ("unit", "failed[row]."),
        ("finding", "findings[row]."),
        ("over", "events[row]."),
    ],
)
def test_script_reads_declared_fields(variable: str, stem: str) -> None:
    """Each field that the script reads from an answer is declared, or holds some that are."""
    found = re.findall(rf"\b{variable}\.([a-z]\w*(?:\.(?!map\b|split\b)[a-z]\w*)?)", SCRIPT)
    names = set(found) - {"errors", "units_failed"}
    declared = {part for path in FIELDS for part in _parts(path)}

    assert names
    assert {stem + each for each in names} <= declared


def _parts(path: str) -> list[str]:
    """A path, and what stands above it: `memory`, `memory.total`."""
    plain = re.sub(r"\[\w+\]$", "", path)
    return [".".join(plain.split(".")[: count + 1]) for count in range(plain.count(".") + 1)]


def test_script_asks_for_declared_keys(client: FlaskClient) -> None:
    """The script asks routes that there are, for keys that there are."""
    keys = re.findall(r'"(,?[a-z_]+,[a-z_,]+)"', SCRIPT)
    series = re.findall(r'"([a-z_.]+\.[a-z_]+,[a-z_.,]+|[a-z_]+,[a-z_.,]+\.[a-z_.,]+)"', SCRIPT)
    targets = set(re.findall(r'["`](/[a-z/]+)(?=[?"`])', SCRIPT))

    assert len(keys) == len(series) == 2
    assert set("".join(keys).split(",")) - {""} <= set(STATS.keys)
    assert set(",".join(series).split(",")) <= {each.name for each in METRICS}
    assert targets == {*(each.path for each in ROUTES), "/docs"} & targets
    assert {"/stats", "/diagnosis", "/events", "/history", "/processes", "/sensors"} <= targets


# Who gets what


@pytest.mark.parametrize(
    ("agent", "accept", "expected"),
    [
        (CURL, "*/*", "text/plain"),
        (CURL, None, "text/plain"),
        (CURL, "text/html", "text/html"),
        (CURL, "text/html;q=0.5, text/plain", "text/plain"),
        ("Wget/1.21.3", "*/*", "text/plain"),
        ("HTTPie/3.2.2", "*/*", "text/plain"),
        (FIREFOX, FIREFOX_ACCEPTS, "text/html"),
        (FIREFOX, "*/*", "text/html"),
        (FIREFOX, "text/plain", "text/plain"),
        ("", None, "text/html"),
        ("", "*/*", "text/html"),
        ("", "text/plain", "text/plain"),
        ("python-requests/2.31.0", "*/*", "text/html"),
        (FIREFOX + " curl/8", FIREFOX_ACCEPTS, "text/html"),
    ],
)
def test_negotiation(client: FlaskClient, agent: str, accept: str | None, expected: str) -> None:
    """Terminals and those who ask for it get text; everybody else gets the page; caches are told of both."""
    headers = {"User-Agent": agent} if accept is None else {"User-Agent": agent, "Accept": accept}
    response = client.get("/", headers=headers)

    assert response.mimetype == expected
    assert response.mimetype_params == {"charset": "utf-8"}
    assert {each.strip() for each in response.headers["Vary"].split(",")} >= {"Accept", "User-Agent"}


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "pi;reboot",
    "pi$(reboot):8585",
    "pi'&&reboot",
    "pi:8585/x",
    "pi\xe9:8585",
    "a" * 300,
]
"""test_guard.py has more, for the real daemon; the client of older Werkzeugs cannot send `[::1`."""


@pytest.mark.parametrize("host", HOSTILE)
@pytest.mark.parametrize("agent", [CURL, FIREFOX])
def test_hostile_host(shared: Daemon, host: str, agent: str) -> None:
    """A Host that is none appears in no answer, not even in the one that refuses it."""
    answer = shared.get("/", headers={"Host": host, "User-Agent": agent})

    assert answer.status == 400
    assert host not in answer.body.decode()
    assert "error" in answer.json()


def test_base_is_escaped(client: FlaskClient) -> None:
    """Whatever might get through as the address is text in the page, and one word in the lines to copy."""
    with client.application.app_context():
        template = client.application.jinja_env.get_template("page.html")
        page = template.render(**documents.contents("<b onclick=x>'", Settings()))

    assert "onclick" not in {name for _, given in Page.of(page).tags for name in given}
    assert "<b onclick" not in page


# The rate limit


def test_rate_limit_is_the_one_in_force() -> None:
    """The guide tells the limit that holds here, and the page about the API the default."""
    chosen = client_of(Settings(rate_limit_requests=7, rate_limit_window=8))
    default = Settings()

    assert "A client has 7 requests in 8 s " in served(chosen, "/docs", CURL)
    assert "A client has 7 requests in 8 seconds " in served(chosen, "/docs", FIREFOX)
    assert f"{default.rate_limit_requests} requests in {default.rate_limit_window} seconds" in API


def test_budgets_are_those_of_the_documents() -> None:
    """All routes share one budget, refused requests count; `/health` and the guide have their own."""
    client = client_of(Settings(rate_limit_requests=2, rate_limit_window=86_400))
    wanted = ["/stats?fields=uptime", "/nosuch", "/processes", "/health", "/health", "/health", "/", "/", "/"]

    assert [client.get(each).status_code for each in wanted] == [200, 404, 429, 200, 200, 429, 200, 200, 429]


@pytest.mark.parametrize("agent", [CURL, FIREFOX])
def test_no_rate_limit(client: FlaskClient, agent: str) -> None:
    """Without a limit, the guide says so and promises no headers."""
    body = Page.of(served(client, "/docs", agent)).text

    assert "Requests are not limited here." in body
    assert "RateLimit-" not in body


# The changelog


def test_changelog_names_what_is_there() -> None:
    """Routes, settings and fields in the changelog exist."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`([^`]+)`", changelog))
    known = {*PATHS, *PARAMETERS, *FIELDS, *(each.name for each in SETTINGS)}
    known |= {each.split(".")[0].split("[")[0] for each in FIELDS}

    assert {each for each in names if each.startswith(("/", "PISTAT_"))} <= known
    dotted = {each for each in names if re.fullmatch(r"[a-z_]+(\[row\])?\.[a-z_]+", each)}
    assert {each for each in dotted - known if not (ROOT / each).exists()} == set()


CHANGELOG_GROUPS = (
    "Readings",
    "API",
    "Page and guide",
    "Prometheus and other programs",
    "Settings",
    "Security",
    "Service and installation",
    "Speed and memory",
    "Documentation and development",
)
"""What a user looks for in the changelog, in this order."""


def test_changelog_has_its_form() -> None:
    """Versions, the newest first, the unreleased one before them; in each the groups, a sentence a line."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    _, *sections = re.split(r"(?m)^## ", changelog)
    titles = [section.partition("\n")[0] for section in sections]
    releases = titles[titles[:1] == ["[Unreleased]"] :]
    numbers = [[int(digits) for digits in re.findall(r"\d+", title)] for title in releases]

    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", title) for title in releases)
    assert numbers == sorted(numbers, reverse=True)
    for section in sections:
        body = re.sub(r"(?m)^\[[^\]]+\]: \S+\n", "", section.partition("\n")[2])
        groups = re.findall(r"(?m)^### (.*)$", body)
        assert re.fullmatch(r"\n(?:### [^\n]+\n\n(?:(?:- [^\n]+\.\n)+\n?)?)*\n?", body), body
        assert groups == [group for group in CHANGELOG_GROUPS if group in groups]


def test_version_is_the_newest_release() -> None:
    """What `--version` prints has a section in the changelog, the first that is dated."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.findall(r"(?m)^## \[(\d\S*)\]", changelog)[0] == __version__


LINKED = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("name", sorted(LINKED))
def test_links_lead_somewhere(name: str) -> None:
    """Every link of a document to a file, and to a heading of one, leads to something that is there."""
    page = ROOT / name
    links = re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", page.read_text(encoding="utf-8"))

    for path, anchor in links:
        target = (page.parent / path) if path else page
        assert target.exists(), path
        assert not anchor or anchor in _anchors(target), f"{path}#{anchor}"


def _anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives to the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.*)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_programs_of_the_documents_are_there() -> None:
    """Every program that the README and CONTRIBUTING.md name in a command is in the repository."""
    pages = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"python3? ([\w./]+\.py)", pages))

    assert len(named) >= 4
    assert {name for name in named if not (ROOT / name).exists()} == set()
