"""Pages of other origins, in a real browser: what they may read, and what they may not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from support.daemon import Daemon

if TYPE_CHECKING:
    from support.programs.chromium import Browser

Start = Callable[..., Daemon]

TOKEN = "correct-horse"
FETCH = """
const [url, headers, done] = arguments;
fetch(url, {headers}).then(
    async answer => done([answer.status, answer.headers.get("RateLimit-Remaining"), await answer.text()]),
    error => done(error.name),
);
"""


class Page(BaseHTTPRequestHandler):
    """An empty page, for the origin that it has."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a dashboard</title>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    """The port of a server with pages."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def fetched(browser: Browser, page: str, url: str, **headers: str) -> Any:
    """What a script of `page` gets from `url`: status, a header and the body, or the name of its error."""
    browser.open(page)
    return browser.run_async(FETCH, url, {name.replace("_", "-"): value for name, value in headers.items()})


def test_by_default_no_page_may_read(start: Start, browser: Browser, pages: int) -> None:
    """A page of another origin, the same machine's even, gets nothing of an answer."""
    url = f"http://127.0.0.1:{start().port}/stats"

    assert fetched(browser, f"http://127.0.0.1:{pages}/", url) == "TypeError"
    assert fetched(browser, f"http://127.0.0.1:{pages}/", url, X_API_Key="x") == "TypeError"


@pytest.mark.parametrize("header", [{"X_API_Key": TOKEN}, {"Authorization": f"Bearer {TOKEN}"}], ids=str)
def test_a_page_that_is_allowed(start: Start, browser: Browser, pages: int, header: dict[str, str]) -> None:
    """A page of an origin on the list reads answers and refusals; one of an origin beside it does not."""
    allowed, other = f"http://127.0.0.1:{pages}", f"http://localhost:{pages}"
    url = f"http://127.0.0.1:{start(PISTAT_CORS_ORIGINS=allowed, PISTAT_API_TOKEN=TOKEN).port}/stats"

    status, remaining, body = fetched(browser, f"{allowed}/", f"{url}?fields=uptime", **header)
    refused = fetched(browser, f"{allowed}/", url, X_API_Key="wrong")

    assert (status, remaining) == (200, "59"), "asking whether it may has a budget of its own"
    assert body.startswith('{"uptime": ')
    assert refused[0] == 401
    assert fetched(browser, f"{other}/", f"{url}?fields=uptime", **header) == "TypeError"


MANY = """
const [url, count, done] = arguments;
const all = Array.from({length: count}, () => fetch(url, {mode: "no-cors"}));
Promise.allSettled(all).then(() => done("asked"));
"""


@pytest.mark.parametrize("name", ["127.0.0.1", "stats.local"])
@pytest.mark.parametrize("target", ["/stats", "/"])
def test_a_page_spends_nothing_of_its_readers(
    start: Start, browser: Browser, pages: int, name: str, target: str
) -> None:
    """However often a page asks in the browser of the owner, the owner's own page is there and answered.

    Browsers mark requests between sites, but not those to a name without TLS.
    """
    port = start(PISTAT_RATE_LIMIT_REQUESTS="12", PISTAT_RATE_LIMIT_WINDOW="3600").port
    browser.open(f"http://localhost:{pages}/")
    asked = browser.run_async(MANY, f"http://{name}:{port}{target}", 14)
    browser.open(f"http://{name}:{port}/")

    assert asked == "asked"
    assert "Live" in browser.wait_for("#live-text", "Live")


def test_rebinding(start: Start, browser: Browser) -> None:
    """Under a name that has just become the address of this machine a browser gets a refusal."""
    browser.open(f"http://evil.localhost:{start().port}/stats")
    shown = browser.run("return document.body.textContent")

    assert "evil.localhost" in shown
    assert "PISTAT_ALLOWED_HOSTS" in shown
    assert "uptime" not in shown
