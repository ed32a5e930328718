"""What SECURITY.md promises: no secret leaves the daemon, every answer has its headers, its examples work."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pi_system_monitor import create_app
from pistat.machine.machine import Machine
from pistat.server import connection, connection_limits
from pistat.server.connection import SECONDS, State
from pistat.settings import Settings
from pistat.web.headers import HEADERS
from pistat.web.ratelimit import MonotonicStorage
from support.daemon import Daemon

if TYPE_CHECKING:
    from support.require import Require

Start = Callable[..., Daemon]

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
SOON = 60.0


# Secrets

TOKEN = "correct-horse-battery-staple"
PASSWORD = "tr0ub4dor-and-3"
PATHS = sorted({rule.rule for rule in create_app(Settings(), Machine()).url_map.iter_rules()})
TARGETS = [*PATHS, *(f"{each}?x=1" for each in PATHS), "/nowhere", "/processes?limit=10000", "/stats?block=1"]
SHOWN: list[dict[str, str]] = [
    {},
    {"X-API-Key": TOKEN},
    {"X-API-Key": "wrong"},
    {"X-API-Key": TOKEN, "Host": "evil.example"},
    {"X-API-Key": TOKEN, "Accept": "text/plain"},
    {"Authorization": f"Basic {TOKEN}"},
]


@pytest.fixture
def decoy() -> Iterator[subprocess.Popen[bytes]]:
    """A program with a password in its arguments and its environment."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)", f"--password={PASSWORD}"],
        env={**os.environ, "PASSWORD": PASSWORD},
    )
    yield process
    process.kill()
    process.wait(10)


def said(daemon: Daemon, head: str) -> bytes:
    """Everything that comes back for a request."""
    return daemon.raw(f"{head}\r\nConnection: close\r\n\r\n".encode("latin-1"))


def test_no_secret_is_told(start: Start, decoy: subprocess.Popen[bytes]) -> None:
    """The token of the daemon and the password of another program stand in no answer, log line or title."""
    daemon = start(PISTAT_API_TOKEN=TOKEN, PISTAT_DEBUG="yes", PISTAT_RATE_LIMIT_REQUESTS="1000")
    everything = b""
    for shown in SHOWN:
        lines = "".join(f"\r\n{name}: {value}" for name, value in {"Host": "pi", **shown}.items())
        for target in TARGETS:
            for method in ("GET", "POST", "OPTIONS"):
                everything += said(daemon, f"{method} {target} HTTP/1.1{lines}")
        everything += said(daemon, f"nonsense{lines}") + said(daemon, f"GET / HTTP/1.1{lines}\r\nX : y")
    everything += daemon.log().encode()
    everything += Path(f"/proc/{daemon.pid}/cmdline").read_bytes() if sys.platform == "linux" else b""

    assert f'"pid": {decoy.pid},'.encode() in everything, "the other program was seen"
    assert len(everything) > 50_000
    for secret in (TOKEN, PASSWORD):
        assert secret.encode() not in everything


def test_a_token_from_the_file_is_not_told_either(start: Start) -> None:
    """A start that fails, and a check of the settings, do not print the token that they were given."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        given = {
            "PISTAT_API_TOKEN": TOKEN,
            "PISTAT_PORT": str(other.getsockname()[1]),
            "PISTAT_HOST": "127.0.0.1",
        }
        program = [sys.executable, str(ROOT / "pi_system_monitor.py")]
        for arguments in ([], ["--check"], ["--help"], ["--nonsense"]):
            ended = subprocess.run(
                [*program, *arguments],
                env={**os.environ, **given},
                capture_output=True,
                text=True,
                check=False,
                timeout=SOON,
            )
            assert TOKEN not in ended.stdout + ended.stderr


# Headers

FAULTY = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import pi_system_monitor
from pistat.monitor.monitor import Monitor
Monitor.answer = lambda *_, **__: 1 / 0
sys.exit(pi_system_monitor.main())
"""


@pytest.fixture(scope="module")
def faulty() -> Iterator[Daemon]:
    """A daemon with a fault behind its data routes, a token, and few requests for those who guess."""
    given = {"PISTAT_API_TOKEN": TOKEN, "PISTAT_RATE_LIMIT_REQUESTS": "100"}
    daemon = Daemon(given, [sys.executable, "-c", FAULTY])
    daemon.wait_until_ready()
    yield daemon
    daemon.kill()


KEY = f"X-API-Key: {TOKEN}"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /health HTTP/1.1\r\nHost: pi", 200),
        ("HEAD /health HTTP/1.1\r\nHost: pi", 200),
        ("OPTIONS /stats HTTP/1.1\r\nHost: pi", 204),
        (f"GET /stats?x=1 HTTP/1.1\r\nHost: pi\r\n{KEY}", 400),
        ("GET /stats HTTP/1.1", 400),
        ("nonsense", 400),
        ("GET /stats HTTP/1.1\r\nHost: pi", 401),
        ("GET /health HTTP/1.1\r\nHost: evil.example", 403),
        (f"GET /nowhere HTTP/1.1\r\nHost: pi\r\n{KEY}", 404),
        (f"POST /stats HTTP/1.1\r\nHost: pi\r\n{KEY}", 405),
        ("GET /health HTTP/1.1\r\nHost: pi\r\nContent-Length: 5000", 413),
        ("GET /health HTTP/1.1\r\nHost: pi\r\nX: " + "x" * 17_000, 431),
        ("GET /" + "x" * 17_000 + " HTTP/1.1\r\nHost: pi", 431),
        (f"GET /stats HTTP/1.1\r\nHost: pi\r\n{KEY}", 500),
        ("GET /health HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: gzip", 501),
    ],
    ids=lambda each: str(each)[:60],
)
def test_every_answer_has_the_headers(faulty: Daemon, head: str, status: int) -> None:
    """Success or error, of the application or of the server: the headers are there, and name no version."""
    received = said(faulty, head).partition(b"\r\n\r\n")[0].decode("ascii")
    first, *lines = received.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)

    assert first.split()[1] == str(status)
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert headers["Server"] == "pi-stat"
    assert not re.search(r"python|werkzeug|waitress|flask|pi-stat/|\d\.\d\.\d", received, re.IGNORECASE)
    assert status < 400 or headers["Content-Type"] == "application/json"


def test_the_headers_say_what_they_should() -> None:
    """Nothing is sniffed, framed, stored, told to other pages, or loaded from elsewhere."""
    policy = {each.strip() for each in HEADERS["Content-Security-Policy"].split(";")}

    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert HEADERS["X-Frame-Options"] == "DENY"
    assert HEADERS["Referrer-Policy"] == "no-referrer"
    assert HEADERS["Cache-Control"] == "no-store"
    assert HEADERS["Cross-Origin-Resource-Policy"] == "same-origin"
    assert {"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= policy
    assert not re.search(r"unsafe|\*|http:|https:", HEADERS["Content-Security-Policy"])


# The start


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PISTAT_HOST": "0.0.0.0"}, True),
        ({"PISTAT_HOST": "0.0.0.0", "PISTAT_API_TOKEN": TOKEN}, False),
        ({"PISTAT_HOST": "127.0.0.1"}, False),
        ({"PISTAT_HOST": "127.0.0.2"}, False),
        ({"PISTAT_HOST": "localhost"}, False),
    ],
    ids=str,
)
def test_the_start_says_when_it_is_open(start: Start, settings: dict[str, str], said: bool) -> None:
    """One line says so, without alarm, when others can reach it and need no token, and none otherwise."""
    lines = start(**settings).log().splitlines()

    assert all(line.startswith("INFO ") for line in lines)
    assert sum("PISTAT_API_TOKEN" in line for line in lines) == said


# The document


@pytest.mark.parametrize(
    "promise",
    [
        f"at most {connection_limits.PER_CLIENT} connections",
        f"room for {MonotonicStorage.MOST:,} counters",
        f"may have {connection.HEAD >> 10} KiB",
        f"which nothing reads, may have {connection.BODY >> 10} KiB",
        {10.0: "complete ten seconds after its first byte"}[SECONDS[State.READING]],
        {30.0: "must be read within thirty"}[SECONDS[State.SENDING]],
    ],
)
def test_the_figures_of_the_document(promise: str) -> None:
    """The limits in SECURITY.md are those of the program."""
    assert promise in " ".join(SECURITY.split())


def block(name: str) -> str:
    """An example of the document."""
    found = re.search(rf"<!-- tried: {name} -->\n\n```\w+\n(.*?)```", SECURITY, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def proxy(require: Require, start: Start, tmp_path: Path, port: int) -> Iterator[Callable[[str, str], int]]:
    """The nginx of the document with a certificate of its own, before a daemon with the settings there.

    It asks for a path from an address, and says the status.
    """
    nginx, openssl = shutil.which("nginx", path=f"{os.defpath}:/usr/sbin"), shutil.which("openssl")
    require(nginx is not None, "nginx")
    require(openssl is not None, "openssl")
    assert nginx
    assert openssl
    certificate, key = tmp_path / "pem", tmp_path / "key"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=pi.example.org"
    subprocess.run(
        [openssl, *request.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    daemon = start(
        **dict(line.split("=", 1) for line in block("settings").splitlines()), PISTAT_RATE_LIMIT_REQUESTS="3"
    )
    example = (
        block("nginx")
        .replace("listen 443", f"listen 127.0.0.1:{port}")
        .replace("/etc/ssl/certs/pi.example.org.pem", str(certificate))
        .replace("/etc/ssl/private/pi.example.org.key", str(key))
        .replace("127.0.0.1:8585", f"127.0.0.1:{daemon.port}")
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    (tmp_path / "conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths}\n{example}}}"
    )
    running = subprocess.Popen([nginx, "-c", tmp_path / "conf"], stderr=subprocess.DEVNULL)

    def ask(target: str, source: str) -> int:
        trusting = ssl.create_default_context(cafile=str(certificate))
        with (
            socket.create_connection(("127.0.0.1", port), SOON, (source, 0)) as plain,
            trusting.wrap_socket(plain, server_hostname="pi.example.org") as secured,
        ):
            lines = ("Host: pi.example.org", "X-Forwarded-For: 203.0.113.9", "Connection: close", "", "")
            secured.sendall("\r\n".join([f"GET {target} HTTP/1.1", *lines]).encode())
            response = http.client.HTTPResponse(secured)
            response.begin()
            return response.status

    try:
        wait_for(port)
        yield ask
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(10)


def wait_for(port: int) -> None:
    until = time.monotonic() + SOON
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return


def test_the_proxy_of_the_document(proxy: Callable[[str, str], int]) -> None:
    """Behind the nginx of SECURITY.md it is reached by TLS, and each client has its own budget."""
    first = [proxy("/stats?fields=uptime", "127.0.0.1") for _ in range(4)]
    other = [proxy("/stats?fields=uptime", "127.0.0.2") for _ in range(4)]

    assert first == other == [200, 200, 200, 429]
