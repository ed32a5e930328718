"""systemd: what it is told, when its watchdog is fed, what a reload does, and the marks in its journal."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat import log as journal
from pistat.server import server, systemd
from support.daemon import PROGRAM, Daemon, clean_environment, copied
from support.daemons import faulty
from support.waiting import eventually

if TYPE_CHECKING:
    from support.require import Require

Start = Callable[..., Daemon]


# What it is told


@contextlib.contextmanager
def notifications(*, abstract: bool) -> Iterator[tuple[str, socket.socket]]:
    """What a service manager gives a service: an address for NOTIFY_SOCKET, and where its words arrive."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"@{secrets.token_hex(8)}" if abstract else f"{folder}/notify"
        manager.bind(name.replace("@", "\0", 1))
        manager.settimeout(60)
        yield name, manager


def status(daemon: Daemon) -> str:
    """The line of status of one that nobody else has asked yet."""
    return f"Listening on http://127.0.0.1:{daemon.port}/; requests answered: 0"


@pytest.mark.parametrize("abstract", [False, True], ids=["file", "abstract"])
def test_the_service_manager_is_told(start: Start, abstract: bool) -> None:
    """READY=1 and a line of status come when the port answers, STOPPING=1 at the end, and nothing else."""
    with notifications(abstract=abstract) as (name, manager):
        daemon = Daemon({"NOTIFY_SOCKET": name})
        try:
            assert manager.recv(200) == f"READY=1\nSTATUS={status(daemon)}".encode()
            assert daemon.get("/health").status == 200, "it was ready"
            assert daemon.stop() == 0
        finally:
            daemon.kill()
        assert manager.recv(100) == b"STOPPING=1"
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.recv(100)


def test_a_start_that_fails_is_not_ready() -> None:
    """The service manager hears nothing of a service that cannot listen."""
    with notifications(abstract=False) as (name, manager), socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        daemon = Daemon({"PISTAT_PORT": str(other.getsockname()[1]), "NOTIFY_SOCKET": name})
        assert daemon.process.wait(60) == 1
        daemon.kill()
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.recv(100)


def test_a_service_manager_that_is_gone(start: Start) -> None:
    """An address at which nobody listens is no reason not to serve, nor to end badly."""
    daemon = start(NOTIFY_SOCKET="/nowhere/notify")

    assert daemon.get("/stats").status == 200
    assert daemon.stop() == 0
    assert daemon.faults() == []


def test_the_status_line(tmp_path: Path) -> None:
    """It counts the requests of others, and names what went wrong last."""
    (tmp_path / "memory").write_text("EIO")
    with notifications(abstract=False) as (name, manager):
        given = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000", "FAULTS": str(tmp_path)}
        daemon = Daemon(given, [sys.executable, faulty.__file__])
        try:
            assert manager.recv(200).startswith(b"READY=1")
            for _ in range(3):
                daemon.get("/stats?fields=memory")
            expected = b"; requests answered: 3; last error: memory: could not be read"
            assert eventually(lambda: manager.recv(200).endswith(expected))
        finally:
            daemon.kill()


def test_every_line_of_the_unit_has_its_comment() -> None:
    """Each directive comes after a comment of its own, or after another of the same name."""
    lines = PROGRAM.with_name("pi-stat.service").read_text().splitlines()
    directives = [place for place, line in enumerate(lines) if re.match("[A-Z]", line)]
    names = [line.partition("=")[0] for line in lines]

    assert len(directives) > 50
    for each in directives:
        assert lines[each - 1].startswith("# ") or names[each - 1] == names[each], lines[each]


# The watchdog


HANGING = f"""
import os, sys, threading, time
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
from pistat.server.server import Server
uptime, turn = pi_system_monitor.Machine.uptime, Server._turn
def hang(what):
    while os.path.exists(os.environ["FAULTS"] + "/" + what):
        time.sleep(0.01)
def broken():
    if os.path.exists(os.environ["FAULTS"] + "/broken"):
        raise RuntimeError("broken")
pi_system_monitor.Machine.uptime = lambda self: [hang("view"), broken(), uptime(self)][-1]
from pistat.monitor.monitor import Monitor
Monitor.answer = lambda *_, **__: [hang("workers"), 1 / 0]
Server._turn = lambda self, seconds: [hang("loop"), turn(self, seconds)][-1]
sys.exit(pi_system_monitor.main())
"""


def falls_silent(manager: socket.socket) -> bool:
    """Whether nothing comes for three seconds, six times as long as usual, after what is under way now."""
    manager.settimeout(3.0)
    until = time.monotonic() + 10
    with contextlib.suppress(TimeoutError):
        while time.monotonic() < until:
            manager.recv(200)
        return False
    return True


@pytest.mark.parametrize("what", ["view", "loop", "broken"])
def test_the_watchdog_is_fed_only_while_it_answers(tmp_path: Path, what: str) -> None:
    """It is fed while requests are answered, and no longer when a view hangs or fails, or the loop stands."""
    with notifications(abstract=False) as (name, manager):
        given = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000", "FAULTS": str(tmp_path)}
        daemon = Daemon(given, [sys.executable, "-c", HANGING])
        try:
            assert manager.recv(200).startswith(b"READY=1\n")
            for _ in range(2):
                assert manager.recv(200) == f"WATCHDOG=1\nSTATUS={status(daemon)}".encode()
            (tmp_path / what).touch()
            assert falls_silent(manager)
            (tmp_path / what).unlink()
            manager.settimeout(60)
            assert manager.recv(200).startswith(b"WATCHDOG=1"), "it recovers"
        finally:
            daemon.kill()


def test_the_watchdog_is_not_fed_while_every_worker_is_stuck(tmp_path: Path) -> None:
    """/health has threads of its own; that they answer others is no proof that anybody gets a figure."""
    (tmp_path / "workers").touch()
    with notifications(abstract=False) as (name, manager), contextlib.ExitStack() as clients:
        given = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000", "FAULTS": str(tmp_path)}
        daemon = Daemon(given, [sys.executable, "-c", HANGING])
        try:
            assert manager.recv(200).startswith(b"READY=1\n")
            for number in range(server.THREADS):
                # No address may have all the connections.
                here = (f"127.0.1.{number % 8 + 1}", 0)
                client = socket.create_connection(("127.0.0.1", daemon.port), 20, source_address=here)
                clients.enter_context(client)
                client.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert falls_silent(manager)
            assert daemon.get("/health").status == 200
            (tmp_path / "workers").unlink()
            manager.settimeout(60)
            assert manager.recv(200).startswith(b"WATCHDOG=1"), "it recovers"
        finally:
            daemon.kill()


def test_no_watchdog_of_another_process() -> None:
    """A watchdog that was meant for another process is not fed."""
    with notifications(abstract=False) as (name, manager):
        daemon = Daemon({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"})
        try:
            assert manager.recv(200).startswith(b"READY=1")
            assert falls_silent(manager)
        finally:
            daemon.kill()


def test_a_manager_that_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service manager that hangs costs a message, and no answer: the loop does not wait for it."""
    with notifications(abstract=False) as (name, _), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
        full.connect(name)
        full.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                full.send(b"x")
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        telling = threading.Thread(target=systemd.notify, args=("WATCHDOG=1",), daemon=True)
        telling.start()
        telling.join(20.0)

    assert not telling.is_alive()


def test_an_abort_shows_where_it_stood(start: Start) -> None:
    """SIGABRT, by which the watchdog ends a daemon that hangs, leaves the place of each thread in the log."""
    daemon = start()
    time.sleep(0.5)  # a thread that is at work may spoil the report
    daemon.process.send_signal(signal.SIGABRT)

    assert daemon.process.wait(60) == -signal.SIGABRT
    assert "Current thread" in daemon.log()
    assert re.search(r'pistat/server/server\.py", line \d+ in run\n', daemon.log())


# A reload


@contextlib.contextmanager
def service(folder: Path, env: str, *command: str) -> Iterator[Daemon]:
    """A daemon under a service manager, with a `.env` of its own in `folder`; `command` runs it."""
    program = copied(folder)
    (folder / ".env").write_text(env)
    with notifications(abstract=False) as (name, manager):
        daemon = Daemon({"NOTIFY_SOCKET": name}, [*command, sys.executable, str(program)])
        try:
            assert manager.recv(200).startswith(b"READY=1")
            yield daemon
        finally:
            daemon.kill()


def wait_for(daemon: Daemon, word: str, times: int = 1) -> None:
    until = time.monotonic() + 60
    while daemon.log().count(word) < times:
        assert time.monotonic() < until, daemon.log()
        time.sleep(0.02)


def test_a_reload_drops_no_request(tmp_path: Path) -> None:
    """SIGHUP brings the new settings into force, and a request under way ends as it began."""
    with service(tmp_path, "PISTAT_RATE_LIMIT_REQUESTS=500\n") as daemon:
        assert daemon.get("/stats").headers["ratelimit-limit"] == "500"
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as asked:
            asked.sendall(b"GET /stats?block=true&fields=cpu_usage HTTP/1.1\r\nHost: localhost\r\n\r\n")
            daemon.get("/health")  # it came before this, so now it is being answered
            (tmp_path / ".env").write_text("PISTAT_RATE_LIMIT_REQUESTS=700\n")
            daemon.process.send_signal(signal.SIGHUP)
            wait_for(daemon, "INFO The settings were read again.")
            assert daemon.get("/stats").headers["ratelimit-limit"] == "700"
            assert asked.recv(15) == b"HTTP/1.1 200 OK"


def readable(daemon: Daemon) -> set[str | None]:
    """The origins whose pages may read what the application says, and what the server itself refuses."""
    origin = {"Origin": "http://board.example"}
    answers = [daemon.get("/health", headers=origin | more) for more in ({}, {"Transfer-Encoding": "gzip"})]
    assert [each.status for each in answers] == [200, 501]
    return {each.headers.get("access-control-allow-origin") for each in answers}


def test_a_reload_opens_to_other_origins(tmp_path: Path) -> None:
    """A page that has been allowed may read all that it gets, and no longer when it is not."""
    with service(tmp_path, "") as daemon:
        assert readable(daemon) == {None}
        for times, allowed in enumerate(["PISTAT_CORS_ORIGINS=http://board.example\n", ""], start=1):
            (tmp_path / ".env").write_text(allowed)
            daemon.process.send_signal(signal.SIGHUP)
            wait_for(daemon, "INFO The settings were read again.\n", times)
            assert readable(daemon) == ({"http://board.example"} if allowed else {None})


def remaining(daemon: Daemon) -> str:
    return daemon.get("/stats?fields=uptime").headers["ratelimit-remaining"]


def test_a_reload_gives_no_new_budget(tmp_path: Path) -> None:
    """What a client has used up stays used up, unless the limit is another; then it begins anew."""
    env, limit = tmp_path / ".env", "PISTAT_RATE_LIMIT_REQUESTS=500\nPISTAT_RATE_LIMIT_WINDOW=3600\n"
    with service(tmp_path, limit) as daemon:
        assert [remaining(daemon), remaining(daemon)] == ["499", "498"]
        for settings, left in (
            (f"{limit}PISTAT_CACHE_SECONDS=3\n", "497"),
            (f"{limit}PISTAT_DEBUG=1\n", "496"),
            ("PISTAT_RATE_LIMIT_REQUESTS=700\n", "699"),
            (limit, "499"),
        ):
            before = daemon.log().count("were read again")
            env.write_text(settings)
            daemon.process.send_signal(signal.SIGHUP)
            wait_for(daemon, "INFO The settings were read again.\n", before + 1)
            assert remaining(daemon) == left


def threads(daemon: Daemon) -> int:
    return len(list(Path(f"/proc/{daemon.pid}/task").iterdir()))


def test_a_reload_leaves_nothing_behind(tmp_path: Path, require: Require) -> None:
    """However often settings are taken anew, threads do not add up; nothing from before is shared."""
    require(sys.platform == "linux", "/proc", installed=False)
    limits = "PISTAT_RATE_LIMIT_ENABLED=no\nPISTAT_CACHE_SECONDS=3600\n"
    with service(tmp_path, limits) as daemon:
        collected = [daemon.json("/stats")["timestamp"]]
        before = threads(daemon)
        for times in range(1, 9):
            daemon.process.send_signal(signal.SIGHUP)
            wait_for(daemon, "INFO The settings were read again.\n", times)
            collected.append(daemon.json("/stats")["timestamp"])
            assert daemon.json("/stats")["timestamp"] == collected[-1]

        assert collected == sorted(set(collected))
        assert threads(daemon) < before + 4, "each reload would have left one"


def test_a_reload_of_bad_settings_changes_nothing(tmp_path: Path) -> None:
    """What would stop a start does not stop a daemon that runs: it says so, and goes on as before."""
    with service(tmp_path, "PISTAT_RATE_LIMIT_REQUESTS=500\n") as daemon:
        (tmp_path / ".env").write_text("PISTAT_RATE_LIMIT_REQUESTS=many\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(daemon, 'ERROR The settings stay as they were. PISTAT_RATE_LIMIT_REQUESTS is "many"')

        assert daemon.get("/stats").headers["ratelimit-limit"] == "500"


@pytest.mark.parametrize("left", [None, "", "# empty", "PISTAT_PORT=8585", "PISTAT_API_TOKEN="])
def test_a_reload_opens_nothing(tmp_path: Path, left: str | None) -> None:
    """Whether its file is gone, empty or without the token: it changes a token, and never removes it."""
    with service(tmp_path, "PISTAT_API_TOKEN=old\n") as daemon:
        (tmp_path / ".env").write_text("PISTAT_API_TOKEN=new\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(daemon, "INFO The settings were read again.")
        (tmp_path / ".env").unlink() if left is None else (tmp_path / ".env").write_text(left)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(daemon, "INFO The settings were read again.", 2)

        assert "WARNING The old PISTAT_API_TOKEN stays; to serve without one needs a restart." in daemon.log()
        assert "Anyone on the network" not in daemon.log()
        found = {
            each: daemon.get("/stats", headers={"X-API-Key": each}).status for each in ("", "old", "new")
        }
        assert found == {"": 401, "old": 401, "new": 200}


def test_a_reload_does_not_move_it(tmp_path: Path) -> None:
    """A new address, history or target is for the next start, and the log says that; the rest is taken."""
    with service(tmp_path, "PISTAT_HOST=127.0.0.1\n", "env", "-u", "PISTAT_HOST") as daemon:
        (tmp_path / ".env").write_text(
            "PISTAT_HOST=127.0.0.2\nPISTAT_RATE_LIMIT_REQUESTS=700\n"
            "PISTAT_HISTORY_SAVE=no\nPISTAT_NOTIFY=https://pi:secret@h/secret\n"
        )
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(daemon, "INFO The settings were read again.")

        log = daemon.log()
        assert "WARNING A new PISTAT_HOST or PISTAT_PORT needs a restart.\n" in log
        assert "WARNING A new PISTAT_HISTORY_SECONDS or PISTAT_HISTORY_SAVE needs a restart.\n" in log
        restart = "WARNING Other settings of notifications, of the heartbeat or of MQTT need a restart.\n"
        assert restart in log
        assert "secret" not in log
        assert daemon.get("/stats").headers["ratelimit-limit"] == "700"


def test_without_a_service_manager_a_hangup_ends_it(start: Start) -> None:
    """A daemon in the foreground ends with its terminal, as every program does but under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        daemon = start()
    finally:
        signal.signal(signal.SIGHUP, before)
    daemon.process.send_signal(signal.SIGHUP)

    assert daemon.process.wait(60) == -signal.SIGHUP


# The journal


def test_lines_for_the_journal_have_priorities(tmp_path: Path) -> None:
    """Where standard error is the journal, each line says how important it is, a traceback's too."""
    log = tmp_path / "log"
    with log.open("w") as stream:
        place = os.fstat(stream.fileno())
        environment = {"PISTAT_PORT": "bad", "JOURNAL_STREAM": f"{place.st_dev}:{place.st_ino}"}
        found = subprocess.run(
            [sys.executable, str(PROGRAM)],
            env=clean_environment(environment),
            stderr=stream,
            check=False,
            timeout=60,
        )

    assert found.returncode == 78
    assert log.read_text().startswith('<3>pi-stat: PISTAT_PORT is "bad"')


def test_priorities() -> None:
    """A level becomes the priority that syslog has for it, on every line."""
    assert journal.with_priority("one\ntwo", 30) == "<4>one\n<4>two"
    assert [journal.with_priority("x", level) for level in (10, 20, 40, 50)] == [
        "<7>x",
        "<6>x",
        "<3>x",
        "<2>x",
    ]
