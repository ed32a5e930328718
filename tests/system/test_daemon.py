"""Serving: how the daemon starts, what it says, whom it answers, and how it ends."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat.hosts import reachable
from pistat.routes import PATHS
from pistat.server.server import GRACE
from support.daemon import PROGRAM, Answer, Daemon, clean_environment, has_ipv6
from support.waiting import false_claims, lasting_faults

if TYPE_CHECKING:
    from support.require import Require

PROMISED = 2.0
"""Seconds within which it ends."""

ROUTES = (*PATHS, "/icon.svg")
SIGNALS = [signal.SIGTERM, signal.SIGINT]

Start = Callable[..., Daemon]


# The end


def ending(daemon: Daemon, signum: int = signal.SIGTERM) -> float:
    """Seconds from the signal to the end, which must be a good one."""
    began = time.monotonic()
    assert daemon.stop(signum) == 0, daemon.log()
    return time.monotonic() - began


@pytest.mark.parametrize("signum", SIGNALS)
def test_it_ends_when_told(start: Start, signum: signal.Signals) -> None:
    """SIGTERM and SIGINT end it within two seconds, with status 0 and without a word."""

    def look() -> list[float]:
        daemon = start()
        said = daemon.log()
        seconds = ending(daemon, signum)
        assert daemon.log() == said
        with pytest.raises(ConnectionRefusedError):
            daemon.get("/health")
        return [] if seconds < PROMISED else [seconds]

    assert lasting_faults(look) == []


def send(daemon: Daemon, target: str) -> socket.socket:
    """A connection on which `target` has been asked for, and nothing has been read."""
    connection = socket.create_connection(("127.0.0.1", daemon.port), timeout=20)
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


def is_answered(connection: socket.socket) -> bool:
    """Whether a success has come, all of it."""
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
        return response.status == 200 and len(response.read()) == int(response.headers["Content-Length"])
    except (http.client.HTTPException, ConnectionError):
        return False


def test_it_ends_whichever_thread_is_told(start: Start, require: Require) -> None:
    """A signal that the kernel gives to another thread wakes the one that has to act on it."""
    tell = getattr(ctypes.CDLL(None), "tgkill", None)
    require(tell is not None, "tgkill", installed=False)
    assert tell is not None
    daemon = start()
    daemon.json("/stats")
    time.sleep(1.5)  # then it has seen that nobody is connected, and waits for long
    others = {int(each.name) for each in Path(f"/proc/{daemon.pid}/task").iterdir()} - {daemon.pid}

    assert tell(daemon.pid, max(others), signal.SIGTERM) == 0
    assert daemon.process.wait(20) == 0


def test_it_clears_nothing_away(start: Start, tmp_path: Path) -> None:
    """Its memory goes back to the kernel as it is; to take it apart would cost a Pi Zero seconds."""
    hook = "import atexit, pathlib; atexit.register(pathlib.Path(__file__).with_name('cleared').touch)"
    (tmp_path / "sitecustomize.py").write_text(hook)
    daemon = start(PYTHONPATH=str(tmp_path))

    assert daemon.stop() == 0
    assert not (tmp_path / "cleared").exists()


@pytest.mark.parametrize("signum", SIGNALS)
def test_requests_under_way_are_answered(start: Start, signum: signal.Signals) -> None:
    """Requests that wait their second when the signal comes get all of their answer."""

    def look() -> list[str]:
        daemon = start()
        with contextlib.ExitStack() as stack:
            asked = [stack.enter_context(send(daemon, "/stats?block=true")) for _ in range(4)]
            daemon.get("/health")  # they came before it, so now they are being answered
            seconds = ending(daemon, signum)
            answered = all(is_answered(each) for each in asked)
        assert answered or seconds >= GRACE, "there was time for them"
        return false_claims(in_time=seconds < PROMISED, answered=answered)

    assert lasting_faults(look) == []


def test_idle_connections_do_not_delay_the_end(start: Start) -> None:
    """Clients that keep their connections open for more requests are not waited for."""

    def look() -> list[float]:
        daemon = start()
        kept = [http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20) for _ in range(8)]
        for connection in kept:
            connection.request("GET", "/health")
            assert connection.getresponse().read()
            assert connection.sock is not None, "it was kept open"
        with socket.create_connection(("127.0.0.1", daemon.port)) as half:
            half.sendall(b"GET /stats HTTP/1.1\r\nHost: ")
            seconds = ending(daemon)
        for connection in kept:
            connection.close()
        return [] if seconds < GRACE else [seconds]

    assert lasting_faults(look) == []


def test_a_second_signal_is_no_accident(start: Start) -> None:
    """Somebody impatient who sends the signal again gets the same end."""

    def look() -> list[str]:
        daemon = start()
        with send(daemon, "/stats?block=true") as asked:
            daemon.get("/health")
            daemon.process.send_signal(signal.SIGINT)
            daemon.process.send_signal(signal.SIGTERM)
            seconds = ending(daemon)
            answered = is_answered(asked)
        assert answered or seconds >= GRACE, "there was time for it"
        return false_claims(in_time=seconds < PROMISED, answered=answered)

    assert lasting_faults(look) == []


# The start


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use(host: str) -> None:
    """A port that another program has is one line on standard error that names it, and status 1."""
    with socket.socket() as other:
        other.bind((host, 0))
        other.listen()
        port = other.getsockname()[1]
        found = subprocess.run(
            [sys.executable, str(PROGRAM)],
            env=clean_environment({"PISTAT_PORT": str(port), "PISTAT_HOST": host}),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert found.returncode == 1
    assert found.stdout == ""
    assert len(found.stderr.splitlines()) == 1
    assert str(port) in found.stderr
    assert "in use" in found.stderr


OPEN = (
    "INFO Anyone on the network can read this. "
    "To change that, set PISTAT_API_TOKEN, or PISTAT_HOST to 127.0.0.1."
)


@pytest.mark.parametrize(
    ("host", "url", "clients"),
    [
        ("127.0.0.1", "http://127.0.0.1:{}/", ["127.0.0.1"]),
        ("0.0.0.0", "", ["127.0.0.1"]),
        ("::1", "http://[::1]:{}/", ["::1"]),
        ("::", "", ["127.0.0.1", "::1"]),
        ("localhost", "http://127.0.0.1:{0}/ and http://[::1]:{0}/", ["127.0.0.1", "::1"]),
    ],
)
def test_hosts(start: Start, require: Require, host: str, url: str, clients: list[str]) -> None:
    """It listens where it was told to, says so in one line, and answers there and nowhere else."""
    require(has_ipv6(), "IPv6", installed=False)
    daemon = start(PISTAT_HOST=host)

    urls = url.format(daemon.port) or " and ".join(
        f"http://{name}:{daemon.port}/" for name in reachable(socket.gethostname())
    )
    assert daemon.log().splitlines() == [f"INFO Listening on {urls}"] + [OPEN] * (not url)
    for client in ("127.0.0.1", "::1"):
        if client in clients:
            assert ask(client, daemon.port, "/stats").status == 200
        else:
            with pytest.raises(ConnectionRefusedError):
                ask(client, daemon.port, "/stats")


def ask(host: str, port: int, target: str) -> Answer:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", target)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())


def test_it_can_start_again_at_once(start: Start) -> None:
    """The port of one that has just ended, with clients connected, is free for the next."""
    first = start()
    with socket.create_connection(("127.0.0.1", first.port)):
        first.get("/stats")
        first.stop()
        second = start(PISTAT_PORT=str(first.port))

    assert second.get("/health").status == 200


# The log


def test_the_log_is_quiet(start: Start) -> None:
    """At INFO, the log has the address at the start, and not a word about requests of any kind."""
    daemon = start(PISTAT_LOG_LEVEL="INFO", PISTAT_RATE_LIMIT_ENABLED="no")
    kinds = [
        ("GET", "/stats"),
        ("GET", "/processes?limit=3"),
        ("GET", "/"),
        ("HEAD", "/storage/devices"),
        ("GET", "/nowhere"),
        ("GET", "/stats?fields=nothing"),
        ("GET", "/processes?limit=0"),
        ("POST", "/stats"),
        ("OPTIONS", "/health"),
        ("GET", "/network/interfaces?x=%00%ff"),
    ]
    statuses = Counter(daemon.get(target, method=method).status for method, target in kinds * 5)
    assert b" 400 " in daemon.raw(b"not http\r\n\r\n")

    assert statuses == {200: 20, 204: 5, 400: 15, 404: 5, 405: 5}
    assert daemon.log() == f"INFO Listening on http://127.0.0.1:{daemon.port}/\n"


def test_the_log_is_quiet_about_the_limited(start: Start) -> None:
    """Clients that are refused for asking too often do not fill the log."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="3")
    statuses = [daemon.get("/stats").status for _ in range(10)]

    assert 429 in statuses
    assert len(daemon.log().splitlines()) == 1


# What serves


FAILING = f"""
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
def fail(*_):
    raise RuntimeError("the secret is in /etc/secret")
pi_system_monitor.encode = fail
sys.exit(pi_system_monitor.main())
"""


@pytest.fixture(scope="module", params=["true", "false"], ids=["debug", "no debug"])
def failing(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """A daemon with a fault in it: what writes JSON raises an error."""
    daemon = Daemon({"PISTAT_DEBUG": request.param}, [sys.executable, "-c", FAILING])
    wait_until_it_listens(daemon)
    yield daemon
    daemon.kill()


def wait_until_it_listens(daemon: Daemon) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", daemon.port)).close()
            return
        time.sleep(0.02)
    pytest.fail(daemon.log())


def test_a_fault_stays_here(failing: Daemon) -> None:
    """An error in the program is a bare 500 to the client, debugging or not; the log has the rest."""
    answer = failing.get("/health")

    assert answer.status == 500
    assert answer.json()["error"] == "Internal Server Error"
    for word in (b"secret", b"Traceback", b"RuntimeError", b".py", b"line "):
        assert word not in answer.body
    assert "the secret is in /etc/secret" in failing.log()


@pytest.mark.parametrize("target", ["/console", "/?__debugger__=yes&cmd=resource&f=debugger.js", "/health"])
def test_it_is_no_development_server(failing: Daemon, target: str) -> None:
    """Neither Flask's development server nor its debugger is there, debugging or not."""
    answer = failing.get(target)

    assert answer.status in (400, 404, 500)
    assert answer.headers["content-type"] == "application/json"
    for word in ("werkzeug", "debugger pin", "python/", "debugger is active"):
        assert word not in f"{answer.headers}".lower()
        assert word not in failing.log().lower()


# Methods


@pytest.fixture(scope="module")
def limited() -> Iterator[Daemon]:
    """A daemon that counts requests, and answers twice the same."""
    settings = {"PISTAT_CACHE_SECONDS": "3600", "PISTAT_HISTORY_SECONDS": "0"}
    daemon = Daemon({**settings, "PISTAT_RATE_LIMIT_REQUESTS": "1000"})
    daemon.wait_until_ready()
    yield daemon
    daemon.kill()


@pytest.mark.parametrize("target", [*ROUTES, "/stats?fields=timestamp", "/processes?limit=1", "/nowhere"])
def test_head(limited: Daemon, target: str) -> None:
    """HEAD gives the headers of GET, the length among them, and no body."""
    for _ in range(10):  # the length of /health and of what the daemon itself costs changes now and then
        got, head = limited.get(target), limited.get(target, method="HEAD")
        if got.headers["content-length"] == head.headers["content-length"]:
            break

    assert head.status == got.status
    assert head.body == b""
    moving = {"date", "ratelimit-remaining", "ratelimit-reset"}
    assert head.headers.keys() == got.headers.keys()
    assert {k: v for k, v in head.headers.items() if k not in moving} == {
        k: v for k, v in got.headers.items() if k not in moving
    }
    assert int(got.headers["content-length"]) == len(got.body)


@pytest.mark.parametrize("target", ROUTES)
def test_options(shared: Daemon, target: str) -> None:
    """OPTIONS says what is allowed, and nothing else."""
    answer = shared.get(target, method="OPTIONS")

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert "content-type" not in answer.headers


# Import


PROBE = """
import sys, threading
import psutil  # it reads /proc/stat when it is imported, whoever does that
seen = []
def watch(event, arguments):
    if event in ("open", "os.listdir", "os.scandir"):
        seen.append(str(arguments[0]))
    elif event.startswith(("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork")):
        seen.append(event)
sys.addaudithook(watch)
import pi_system_monitor
print(pi_system_monitor.__file__)
print(threading.active_count())
print([each for each in seen if each.startswith(("/proc", "/sys", "/dev", "socket", "subprocess", "os."))])
print([each for each in seen if each.endswith((".env", "vcgencmd", ".html", ".txt", ".css"))])
"""


def test_an_import_does_nothing(tmp_path: Path) -> None:
    """Importing the program reads no setting and nothing of the machine, and starts nothing."""
    shutil.copy(PROGRAM, tmp_path)
    shutil.copytree(PROGRAM.parent / "pistat", tmp_path / "pistat")
    (tmp_path / ".env").write_text("PISTAT_PORT=bad\nthis is = not \x00 a line\n")
    found = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=tmp_path,
        env=clean_environment({"PISTAT_PORT": "bad", "PISTAT_HOST": "nowhere"}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == [str(tmp_path / "pi_system_monitor.py"), "1", "[]", "[]"]
    assert found.stderr == ""


# Many


def test_many_clients(shared: Daemon) -> None:
    """Sixteen clients at once that keep their connections are answered each time, for two seconds."""
    over = threading.Event()
    targets = [each for each in PATHS for _ in range(2)] + ["/stats?cache=false", "/processes?sort=name"]

    def client(number: int) -> list[int]:
        connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=20)
        statuses: list[int] = []
        with contextlib.closing(connection):
            while len(statuses) < 3 or not over.is_set():
                connection.request("GET", targets[(number + len(statuses)) % len(targets)])
                response = connection.getresponse()
                assert response.read()
                statuses.append(response.status)
        return statuses

    with ThreadPoolExecutor(16) as pool:
        clients = [pool.submit(client, number) for number in range(16)]
        over.wait(2.0)
        over.set()
        found = [each.result() for each in clients]

    assert {status for each in found for status in each} == {200}
    assert shared.process.poll() is None


def test_debug_makes_the_log_longer(start: Start) -> None:
    """With PISTAT_DEBUG, requests and collections have a line each, and no client can forge one."""
    daemon = start(PISTAT_DEBUG="yes")

    daemon.json("/stats?fields=uptime,memory")
    daemon.get("/x%0aERROR%20forged")

    lines = daemon.log().splitlines()
    assert 'DEBUG "GET" "/stats" 200' in lines
    assert "DEBUG Wanted: [memory, uptime]" in lines
    assert r'DEBUG "GET" "/x\nERROR forged" 404' in lines
