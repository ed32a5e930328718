"""Strangers stay out: the Host header, the token, other origins, forwarded addresses."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pi_system_monitor import create_app
from pistat import hosts
from pistat.machine.machine import Machine
from pistat.routes import PATHS
from pistat.settings import Settings
from pistat.web import access_control
from pistat.web.access_control import AccessControl
from pistat.web.headers import HEADERS
from support.daemon import Answer, Daemon

Start = Callable[..., Daemon]

TOKEN = "correct-horse:battery~staple="
OPEN = ("/", "/docs", "/icon.svg", "/icon.png", "/manifest.webmanifest", "/health", "/openapi.json")
CLOSED = (*(each for each in PATHS if each not in OPEN), "/nowhere", "/stats?fields=uptme")


# The Host header


class Named(Machine):
    """A machine with a name, and files that say more of it."""

    def __init__(self, root: Path, name: str = "kitchen") -> None:
        (root / "etc").mkdir(exist_ok=True)
        super().__init__(str(root))
        self.called = name

    def host_name(self) -> str:
        return self.called


@pytest.fixture
def machine(tmp_path: Path) -> Named:
    found = Named(tmp_path)
    (tmp_path / "etc/hosts").write_text(
        "127.0.0.1 localhost\n127.0.1.1\tKitchen.Example.net kitchen # nobody.example.com\n\n#\n"
        "192.0.2.1 other.example.net\n192.0.2.2 larder.example.net kitchen.example.com\n"
    )
    (tmp_path / "etc/resolv.conf").write_text("nameserver 192.0.2.1\nsearch fritz.box lan.example.org\n")
    return found


OURS = (
    *("192.0.2.7", "192.0.2.7:8585", "127.0.0.1", "127.1", "10.0.0.1:80", "[::1]", "[::1]:8585"),
    *("[2001:db8::7]:1", "[::ffff:192.0.2.7]", "[FE80::1]", "localhost", "LocalHost:8585", "raspberrypi"),
    *("raspberrypi:8585", "pi_2", "PI", "pi.", "raspberrypi.local", "raspberrypi.local.", "x.local:8585"),
    *("a.b.lan", "pi.home", "pi.home.arpa", "pi.internal", "host.docker.internal", "localhost.localdomain"),
    *("[fe80::1%eth0]", "[fe80::1%25eth0.5]:8585"),  # as Python's urllib sends the address of a link
    *("kitchen", "kitchen.example.net", "KITCHEN.fritz.box:8585", "kitchen.lan.example.org"),
)
STRANGERS = (
    *("example.org", "evil.example:8585", "pi.local.evil.example"),
    *("192.0.2.7.evil.example", "127.0.0.1.nip.io", "localhost.evil.example", "raspberrypi.fritz.box"),
    *("lan.example.org", "nobody.example.com", "other.example.net", "larder.example.net", "256.0.0.1"),
    *("kitchen.example.com", "xlocal.evil", "home.arpa", "1.2.3.4.5", "kitchen.fritz.box.evil.example"),
)
NO_HOSTS = (
    *("", " ", ":8585", "pi:port", "pi:123456", "pi, pi", "192.0.2.7, evil.example", "a b", "a@b", "pi/"),
    *(
        "http://pi",
        "[::1",
        "::1",
        "[]",
        "[::1]x",
        "[:::]",
        "[1.2.3.4]",
        "[fe80::1%]",
        "..",
        ".pi",
        "a..b",
    ),
    *("pi..", "é.local", "\xff\xfe", "pi\0", "<script>", "{{7*7}}", "*", "a" * 64, "a." * 200 + "local"),
)


@pytest.mark.parametrize("header", OURS)
def test_ours(machine: Named, header: str) -> None:
    """Addresses, names without dots, names of local domains and the machine's own names are let in."""
    name = hosts.host(header)

    assert name is not None
    assert AccessControl(Settings(), machine).allows_host(name)


@pytest.mark.parametrize("header", STRANGERS)
def test_strangers(machine: Named, header: str) -> None:
    """A name that somebody on the Internet can have is not, unless the owner says that it is ours."""
    name = hosts.host(header)

    assert name is not None
    assert not AccessControl(Settings(), machine).allows_host(name)
    assert AccessControl(Settings(allowed_hosts=("*",)), machine).allows_host(name)
    assert AccessControl(Settings(allowed_hosts=("x.example", name)), machine).allows_host(name)
    assert not AccessControl(Settings(allowed_hosts=(f"x.{name}", name[1:])), machine).allows_host(name)


@pytest.mark.parametrize("header", NO_HOSTS)
def test_no_hosts(header: str) -> None:
    """What is no name and no address, with or without a port, is nothing."""
    assert hosts.host(header) is None


def test_a_new_name(machine: Named) -> None:
    """A machine that gets another name is known by it at once, and no longer by the old one."""
    rules = AccessControl(Settings(), machine)
    assert not rules.allows_host("larder.fritz.box")

    machine.called = "larder"

    assert rules.allows_host("larder.fritz.box")
    assert not rules.allows_host("kitchen.fritz.box")


def test_a_machine_without_files(tmp_path: Path) -> None:
    """Where /etc/hosts cannot be read, or there is no resolver, the host name is what is known."""
    machine = Named(tmp_path, "Pi.Example.org")
    (tmp_path / "etc/hosts").mkdir()

    assert access_control.own_names(machine) == {"pi.example.org"}


@pytest.mark.parametrize("target", [*OPEN, *CLOSED])
def test_rebinding(shared: Daemon, target: str) -> None:
    """A page whose name has just become our address gets a 403 that says what its owner could do."""
    answer = shared.get(target, headers={"Host": "evil.example:8585"})

    assert answer.status == 403
    assert answer.json() == {
        "error": "Forbidden",
        "message": '"evil.example" is not known as a name of this machine; '
        "if it is one, add it to PISTAT_ALLOWED_HOSTS.",
    }


def raw(daemon: Daemon, head: str) -> bytes:
    """The status line for a request of this head."""
    lines = f"{head}\r\nConnection: close\r\n\r\n"
    return daemon.raw(lines.encode("latin-1")).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /health HTTP/1.1", 400),
        ("GET /health HTTP/1.0", 200),
        ("GET /health HTTP/1.1\r\nHost:", 400),
        ("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost", 400),
        ("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example", 400),
        ("GET /health HTTP/1.1\r\nHost: evil.example\r\nHost: localhost", 400),
        ("GET /health HTTP/1.0\r\nHost: evil.example", 403),
        ("GET http://evil.example/health HTTP/1.1\r\nHost: localhost", 403),
        ("GET http://evil.example:8585/health HTTP/1.0\r\nHost: localhost", 403),
        ("GET http://me@localhost/health HTTP/1.1\r\nHost: localhost", 400),
        ("GET http://localhost/health HTTP/1.1\r\nHost: evil.example", 200),
        ("GET http://localhost/health HTTP/1.1", 400),
        ("GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\nHost: localhost", 400),
        ("GET http://localhost/health HTTP/1.1\r\nHost: local host", 400),
        ("OPTIONS /health HTTP/1.1\r\nHost: evil.example", 403),
        ("GET /health HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost", 403),
        ("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Host: evil.example", 200),
        ("GET /health HTTP/1.1\r\nHost: " + "h" * 9000, 400),
    ],
)
def test_heads(shared: Daemon, head: str, status: int) -> None:
    """A Host header must be there, once, and a name in the request line goes before what it says.

    Only HTTP/1.0, which no browser speaks, may do without.
    """
    assert raw(shared, head).split()[1] == str(status).encode()


def test_names_of_the_owner(start: Start) -> None:
    """Names in PISTAT_ALLOWED_HOSTS are let in, and no others."""
    daemon = start(PISTAT_ALLOWED_HOSTS="pi.example.org, pi.example.net", PISTAT_RATE_LIMIT_ENABLED="no")

    found = [
        daemon.get("/stats", headers={"Host": each}).status
        for each in ("pi.example.org", "PI.example.net:443", "a.pi.example.org", "example.org", "localhost")
    ]

    assert found == [200, 200, 403, 403, 200]


@pytest.mark.parametrize(("host", "status"), [("evil.example", 403), ("evil example", 400)])
def test_names_of_others_are_counted(start: Start, host: str, status: int) -> None:
    """A stranger's page that asks on and on is told 429 in the end, and its reader keeps the whole budget."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="5")

    strange = [daemon.get("/stats", headers={"Host": host}).status for _ in range(7)]
    known = [daemon.get("/stats?fields=uptime").status for _ in range(6)]

    assert strange == [status] * 5 + [429] * 2
    assert known == [200] * 5 + [429]


# The token


@pytest.fixture(scope="module")
def closed() -> Iterator[Daemon]:
    """A daemon that wants a token."""
    daemon = Daemon({"PISTAT_API_TOKEN": TOKEN, "PISTAT_RATE_LIMIT_ENABLED": "no", "PISTAT_DEBUG": "yes"})
    daemon.wait_until_ready()
    yield daemon
    daemon.kill()


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode("latin-1")).decode()


RIGHT: tuple[dict[str, str], ...] = (
    {"Authorization": f"Bearer {TOKEN}"},
    {"authorization": f"bearer  {TOKEN}"},
    {"X-API-Key": TOKEN},
    {"x-api-key": f" {TOKEN} "},
    {"Authorization": basic(f"pi:{TOKEN}")},
    {"Authorization": basic(f":{TOKEN}")},
    {"Authorization": "Bearer wrong", "X-API-Key": TOKEN},
)
WRONG: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer wrong"},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": f"Bearer {TOKEN.upper()}"},
    {"Authorization": f"Bearer {TOKEN}, Bearer {TOKEN}"},
    {"Authorization": TOKEN},
    {"Authorization": f"Token {TOKEN}"},
    {"Authorization": f"Digest {TOKEN}"},
    {"Authorization": basic(TOKEN)},
    {"Authorization": basic(f"{TOKEN}:")},
    {"Authorization": basic("pi:wrong")},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": "Basic =="},
    {"Authorization": "Basic \xff\xfe"},
    {"Authorization": "Bearer \xff\xfe"},
    {"Authorization": "Bearer " + "x" * 9000},
    {"X-API-Key": ""},
    {"X-API-Key": "wrong"},
    {"X-API-Key": f"Bearer {TOKEN}"},
    {"Cookie": f"token={TOKEN}"},
)


@pytest.mark.parametrize("headers", RIGHT, ids=str)
@pytest.mark.parametrize("target", CLOSED)
def test_the_token_opens(closed: Daemon, target: str, headers: dict[str, str]) -> None:
    """Whoever shows the token, in one of three forms, is answered as if there were none."""
    assert closed.get(target, headers=headers).status == {"/nowhere": 404, CLOSED[-1]: 400}.get(target, 200)


@pytest.mark.parametrize("headers", WRONG, ids=str)
def test_nothing_else_opens(closed: Daemon, headers: dict[str, str]) -> None:
    """Whoever does not is told so in JSON, with the ways to show it, on every route with data."""
    for target in (*CLOSED, f"/stats?token={TOKEN}"):
        answer = closed.get(target, headers=headers)
        assert answer.status == 401
        assert answer.json()["error"] == "Unauthorized"
        assert "PISTAT_API_TOKEN" in answer.json()["message"]
        assert "Bearer" in answer.headers["www-authenticate"]
        assert TOKEN.encode() not in answer.body


@pytest.mark.parametrize("target", OPEN)
def test_what_is_open(closed: Daemon, target: str) -> None:
    """The guide and /health want no token; they tell nothing that is worth one."""
    assert closed.get(target).status == 200
    assert closed.get(target, headers={"X-API-Key": "wrong"}).status == 200


@pytest.mark.parametrize("target", ["/stats", "/processes", "/containers", "/services"])
def test_methods_without_a_token(closed: Daemon, target: str) -> None:
    """HEAD and POST want the token like GET; OPTIONS does not: browsers ask with it whether they may."""
    found = {each: closed.get(target, method=each).status for each in ("HEAD", "POST", "OPTIONS")}

    assert found == {"HEAD": 401, "POST": 401, "OPTIONS": 204}


def challenge(daemon: Daemon, head: str = "") -> list[bytes]:
    received = daemon.raw(f"GET /stats HTTP/1.1\r\nHost: pi\r\nConnection: close\r\n{head}\r\n".encode())
    return [line for line in received.split(b"\r\n") if line.lower().startswith(b"www-authenticate:")]


def test_who_is_asked_for_a_password(closed: Daemon) -> None:
    """A browser that is pointed at a route asks its user; a script that shows a key gets no such dialog."""
    bearer, both = challenge(closed, "X-API-Key:\r\n"), challenge(closed)

    assert bearer == [b'Www-Authenticate: Bearer realm="pi-stat"']
    assert both == [b'Www-Authenticate: Basic realm="pi-stat"', *bearer]


def guess(daemon: Daemon, token: str, target: str = "/stats") -> int:
    return daemon.get(target, headers={"X-API-Key": token}).status


def test_guesses_are_counted(start: Start) -> None:
    """Guesses run out like requests do, and not at the expense of those who have shown the token."""
    daemon = start(PISTAT_API_TOKEN=TOKEN, PISTAT_RATE_LIMIT_REQUESTS="5")

    assert guess(daemon, TOKEN) == 200
    assert [guess(daemon, str(n)) for n in range(7)] == [401] * 5 + [429] * 2
    assert [guess(daemon, TOKEN) for _ in range(5)] == [200] * 4 + [429]


BOTH = {"X-API-Key": "wrong", "Authorization": "Bearer wrong, too"}


@pytest.mark.parametrize(
    ("target", "headers", "statuses"),
    [
        ("/stats", {"X-API-Key": "wrong"}, [401] * 4 + [429]),
        ("/", {"X-API-Key": "wrong"}, [200] * 4 + [429]),
        ("/nowhere", {"Authorization": "Bearer wrong"}, [401] * 4 + [429]),
        ("/stats", BOTH, [401] * 2 + [429] * 3),
    ],
)
def test_who_guesses_too_often_is_not_told(
    start: Start, target: str, headers: dict[str, str], statuses: list[int]
) -> None:
    """By whatever route, in one header or two: after that the right token is refused like a wrong one."""
    daemon = start(PISTAT_API_TOKEN=TOKEN, PISTAT_RATE_LIMIT_REQUESTS="4")

    assert [daemon.get(target, headers=headers).status for _ in statuses] == statuses
    assert [guess(daemon, TOKEN, each) for each in ("/stats", "/")] == [429, 429]
    assert daemon.get("/health").status == 200
    preflights = [
        daemon.get("/stats", method="OPTIONS", headers={"X-API-Key": each}) for each in ("wrong", TOKEN)
    ]
    assert [each.headers["ratelimit-remaining"] for each in preflights] == ["3", "2"]


BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux aarch64)"}
PAGES_OF_OTHERS = [
    pytest.param("OPTIONS", TOKEN, {"Access-Control-Request-Headers": "x-api-key"}, id="preflights"),
    pytest.param("OPTIONS", TOKEN, {"X-API-Key": "wrong"}, id="preflights with a wrong token"),
    pytest.param("GET", TOKEN, {}, id="no token"),
    pytest.param("GET", "", {"Sec-Fetch-Site": "cross-site", "X-API-Key": ""}, id="marked"),
    pytest.param("GET", "", BROWSER, id="not marked, over plain HTTP"),
    pytest.param("OPTIONS", "", {**BROWSER, "Origin": "http://evil.example"}, id="preflights, no token set"),
    pytest.param("GET", "", {"Host": "evil.example"}, id="rebinding"),
]


@pytest.mark.parametrize(("method", "token", "headers"), PAGES_OF_OTHERS)
def test_pages_of_others_spend_nothing_of_the_owner(
    start: Start, method: str, token: str, headers: dict[str, str]
) -> None:
    """However often a stranger's page asks from the owner's machine, the owner's budget is all there."""
    daemon = start(PISTAT_API_TOKEN=token, PISTAT_RATE_LIMIT_REQUESTS="5")
    asked = [daemon.get("/stats?fields=uptime", method=method, headers=headers).status for _ in range(6)]
    owner = {**BROWSER, "X-API-Key": token, "Sec-Fetch-Site": "same-origin"}
    script = {"X-API-Key": token}
    found = [daemon.get("/stats?fields=uptime", headers=each).status for each in (owner, script) * 3]

    assert asked[-1] == 429
    assert 429 not in asked[:5]
    assert found == [200] * 5 + [429], "one budget for the page and for scripts"


# Other origins

DASHBOARD = "http://dashboard.local:3000"
OTHERS = (
    *("http://evil.example", "http://dashboard.local", "https://dashboard.local:3000", "null", "*", ""),
    *(
        f"{DASHBOARD}/",
        f"{DASHBOARD}.evil.example",
        f"{DASHBOARD}, {DASHBOARD}",
        "http://xdashboard.local:3000",
    ),
)


@pytest.fixture(scope="module")
def sharing() -> Iterator[Daemon]:
    """A daemon whose answers pages of two origins may read."""
    daemon = Daemon(
        {
            "PISTAT_CORS_ORIGINS": f"{DASHBOARD},https://other.example",
            "PISTAT_API_TOKEN": TOKEN,
            "PISTAT_RATE_LIMIT_REQUESTS": "1000",
        }
    )
    daemon.wait_until_ready()
    yield daemon
    daemon.kill()


def shared_with(answer: Answer) -> dict[str, str]:
    """What an answer says about other origins."""
    said = {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}
    said["cross-origin-resource-policy"] = answer.headers["cross-origin-resource-policy"]
    return said | ({"vary": "Origin"} if "Origin" in answer.headers.get("vary", "") else {})


@pytest.mark.parametrize("origin", [DASHBOARD, "http://localhost:8585"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_off_by_default(shared: Daemon, method: str, origin: str) -> None:
    """Without a word of the owner no page of another origin may read anything, and no header speaks of it."""
    answer = shared.get("/stats", method=method, headers={"Origin": origin})

    assert shared_with(answer) == {"cross-origin-resource-policy": "same-origin"}


@pytest.mark.parametrize("origin", OTHERS)
@pytest.mark.parametrize(
    ("method", "more"), [("GET", {}), ("OPTIONS", {}), ("GET", {"Transfer-Encoding": "gzip"})]
)
def test_other_origins(sharing: Daemon, method: str, more: dict[str, str], origin: str) -> None:
    """An origin that is not on the list, letter for letter, may not read; caches learn that it matters."""
    headers = {"Origin": origin, "X-API-Key": TOKEN, "Access-Control-Request-Method": "GET"}

    answer = sharing.get("/stats", method=method, headers=headers | more)

    assert shared_with(answer) == {"vary": "Origin", "cross-origin-resource-policy": "same-origin"}


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/stats", {"X-API-Key": TOKEN}, 200),
        ("/health", {}, 200),
        ("/stats", {}, 401),
        ("/nowhere", {"X-API-Key": TOKEN}, 404),
        ("/stats?x=1", {"X-API-Key": TOKEN}, 400),
        ("/stats", {"Content-Length": "5000"}, 413),
        ("/stats", {"Transfer-Encoding": "gzip"}, 501),
    ],
)
def test_the_origin_of_a_dashboard(
    sharing: Daemon, target: str, headers: dict[str, str], status: int
) -> None:
    """A page of an origin on the list may read what it gets, refusals and what is left of the limit too."""
    answer = sharing.get(target, headers={"Origin": DASHBOARD, **headers})

    assert answer.status == status
    assert shared_with(answer) == {
        "vary": "Origin",
        "access-control-allow-origin": DASHBOARD,
        "access-control-expose-headers": "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After",
        "cross-origin-resource-policy": "cross-origin",
    }


def test_a_preflight(sharing: Daemon) -> None:
    """A browser that asks beforehand, without the token, learns that it may show one."""
    answer = sharing.get(
        "/stats",
        method="OPTIONS",
        headers={
            "Origin": DASHBOARD,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,x-api-key",
        },
    )

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == DASHBOARD
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD"
    assert answer.headers["access-control-allow-headers"] == "Authorization, X-API-Key"
    assert int(answer.headers["access-control-max-age"]) > 0


def test_the_guide_varies_by_more(sharing: Daemon) -> None:
    """Where an answer depends on more than the origin, caches learn all of it."""
    varies = {each.strip() for each in sharing.get("/").headers["vary"].split(",")}

    assert varies == {"Accept", "Accept-Encoding", "User-Agent", "Origin"}


# Forwarded addresses

WITH_PORTS = (
    *("198.51.100.7:1234", "198.51.100.7:0", '"198.51.100.7:443"', '"198.51.100.7"', "198.51.100.7:_hidden"),
    *("[::ffff:198.51.100.7]:80", '"[::ffff:198.51.100.7]"', "::FFFF:198.51.100.7"),
)
WITH_PORTS_6 = (
    *("[2001:db8:0:1::7]:443", '"[2001:db8:0:1::7]:443"', '"[2001:db8:0:1::7]"', "[2001:DB8:0:1::7]:_x"),
    *('"2001:db8:0:1::7"', "2001:db8:0:1::7%eth0", "[2001:db8:0:1::7%25]:1"),
)
NO_ADDRESSES = (
    *(
        "_hidden",
        "unknown",
        "pi.lan",
        "pi.lan:80",
        "198.51.100.7:",
        "198.51.100.7:123456",
        "198.51.100",
        ":80",
    ),
    *("[198.51.100.7", "2001:db8::1]:80", "[]:80", "[2001:db8::g]:80", '"', '""', "198.51.100.7:80:80"),
    *("198.51.100.256:80", "198.51.100.07", "http://198.51.100.7", "198.51.100.7/32", "\xff:1"),
)
"""What is no address: the request then counts for the proxy, as one that nobody can forge."""


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (0, "", "192.0.2.1"),
        (0, "198.51.100.7", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.9,198.51.100.7 ", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),
        (2, "203.0.113.9, 198.51.100.7, 192.0.2.2", "198.51.100.7"),
        (3, "203.0.113.9, 198.51.100.7, 192.0.2.2", "203.0.113.9"),
        (4, "203.0.113.9, 198.51.100.7, 192.0.2.2", "192.0.2.1"),
        (1, "2001:db8:0:1::7", "2001:db8:0:1::/64"),
        (1, "[2001:db8:0:1::7]", "2001:db8:0:1::/64"),
        (1, "::ffff:198.51.100.7", "198.51.100.7"),
        (1, "198.51.100.7, unknown", "192.0.2.1"),
        (1, "198.51.100.7,", "192.0.2.1"),
        *((1, f"203.0.113.9, {each}", "198.51.100.7") for each in WITH_PORTS),
        *((1, f"203.0.113.9, {each}", "2001:db8:0:1::/64") for each in WITH_PORTS_6),
        *((1, f"198.51.100.7, {each}", "192.0.2.1") for each in NO_ADDRESSES),
        (2, '"[2001:db8:0:1::7]:443", 192.0.2.2:80', "2001:db8:0:1::/64"),
        (2, "198.51.100.7:50123, 192.0.2.2", "198.51.100.7"),
        (1, "," * 9000, "192.0.2.1"),
    ],
)
def test_who_is_behind_proxies(proxies: int, forwarded: str, client: str) -> None:
    """The client is what the outermost of our proxies saw; what stands left of it is not believed."""
    rules = AccessControl(Settings(trusted_proxies=proxies), Machine())

    assert rules.client("192.0.2.1", forwarded) == client


def test_clients_behind_a_proxy(start: Start) -> None:
    """Behind a proxy that is trusted each of its clients has a budget, whatever else it writes there."""
    daemon = start(PISTAT_TRUSTED_PROXIES="1", PISTAT_RATE_LIMIT_REQUESTS="3")

    def ask(forwarded: str) -> int:
        return daemon.get("/stats?fields=uptime", headers={"X-Forwarded-For": forwarded}).status

    honest = [ask("198.51.100.7") for _ in range(4)]
    forging = [ask(f"203.0.113.{n}, 198.51.100.8") for n in range(4)]
    by_6 = [ask(f"2001:db8::{n}") for n in range(4)]
    with_ports = [ask(f'"[2001:db8:1::7]:{port}"') for port in range(50123, 50127)]

    assert honest == forging == by_6 == with_ports == [200, 200, 200, 429]


# Faults


def test_a_fault_in_the_guard_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in the very first check is a 500 with all the headers, and not an open door."""
    app = create_app(Settings(), Machine())
    monkeypatch.setattr(app.extensions["pistat"].access_control, "allows_host", lambda name: 1 / 0)

    response = app.test_client().get("/stats")

    assert response.status_code == 500
    assert set(response.get_json()) == {"error", "message"}
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS


def test_the_page_names_the_neighbours_to_those_who_may_read(start: Callable[..., Daemon]) -> None:
    """Addresses of other machines in the home are not for whoever has no token."""
    daemon = start(PISTAT_API_TOKEN=TOKEN, PISTAT_NEIGHBOURS="Attic=http://192.0.2.7/secret")
    browser = {"Accept": "text/html"}

    assert b"192.0.2.7" not in daemon.get("/", headers=browser).body
    assert b"192.0.2.7" in daemon.get("/", headers=browser | {"X-API-Key": TOKEN}).body
