"""What the system does not give: files, threads, /proc; and neighbours of whom each counts."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from pistat import routes
from support import namespaces
from support.daemon import PROGRAM, Daemon, clean_environment

if TYPE_CHECKING:
    from support.require import Require

Start = Callable[..., Daemon]


@contextlib.contextmanager
def running(command: list[str], **settings: str) -> Iterator[Daemon]:
    """A daemon that is started by a command of its own."""
    daemon = Daemon({"PISTAT_RATE_LIMIT_ENABLED": "no", **settings}, command)
    try:
        daemon.wait_until_ready()
        yield daemon
    finally:
        daemon.kill()


# Files

FEW = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
os.execv(sys.executable, [sys.executable, {str(PROGRAM)!r}])
"""


def cpu_seconds(daemon: Daemon) -> float:
    """The CPU time that it has taken."""
    words = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_a_hard_limit_of_64_files(require: Require) -> None:
    """Where it may never open more than 64 files, 90 idle connections shut nobody out and cost no CPU."""
    require(sys.platform == "linux", "the whole of 127.0.0.0/8", installed=False)
    with running([sys.executable, "-c", FEW]) as daemon, contextlib.ExitStack() as stack:
        for number in range(90):
            source = (f"127.0.0.{2 + number // 30}", 0)
            idle = socket.create_connection(("127.0.0.1", daemon.port), source_address=source)
            stack.enter_context(idle)
        assert all(daemon.get("/stats").status == 200 for _ in range(10))
        assert daemon.get("/processes").status == 200
        before, began = cpu_seconds(daemon), time.monotonic()
        time.sleep(2.0)
        assert cpu_seconds(daemon) - before < 0.5 * (time.monotonic() - began)
        assert not daemon.faults()


FULL = f"""
import os, sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
from pistat.server import server
server.make_room = lambda: 1024  # as if it could not know how few files there may be
from pistat import daemon
def use_up(self):
    import resource
    used = max(map(int, os.listdir("/proc/self/fd"))) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, used + 20))
    return ready(self)
ready, daemon.Daemon._ready = daemon.Daemon._ready, use_up
sys.exit(pi_system_monitor.main())
"""


def test_no_file_left_at_all(require: Require) -> None:
    """When accept() itself finds no descriptor, an idle connection goes, and no core spins."""
    require(sys.platform == "linux", "/proc", installed=False)
    with running([sys.executable, "-c", FULL], PISTAT_HISTORY_SECONDS="0") as daemon:
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
            assert all(daemon.get("/health").status == 200 for _ in range(5))
            before, began = cpu_seconds(daemon), time.monotonic()
            time.sleep(2.0)
            assert cpu_seconds(daemon) - before < 0.5 * (time.monotonic() - began)
        assert daemon.get("/health").status == 200


# Threads

NO_THREADS = f"""
import os, sys, threading
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
begin = threading.Thread.start
def start(self):
    if os.path.exists(os.environ["FAULTS"]):
        raise RuntimeError("can't start new thread")
    begin(self)
threading.Thread.start = start
sys.exit(pi_system_monitor.main())
"""


def test_no_thread_can_be_made(tmp_path: Path) -> None:
    """While the system has no thread to give there is a 503 that says when to come again, and no 500."""
    fault = tmp_path / "fault"
    settings = {"FAULTS": str(fault), "PISTAT_CACHE_SECONDS": "0", "PISTAT_HISTORY_SECONDS": "0"}
    with running([sys.executable, "-c", NO_THREADS], **settings) as daemon:
        fault.touch()
        targets = [each.path for each in routes.ROUTES if each.fields] + ["/api/4/all", "/diagnosis", "/"]
        found = {each: daemon.get(each) for each in targets}
        assert daemon.get("/health").status == 200
        fault.unlink()
        later = {each: daemon.get(each).status for each in targets}
        faults, log = daemon.faults(), daemon.log()

    assert {each.status for each in found.values()} == {200, 503}
    assert found["/stats"].status == 503
    assert all(int(each.headers["retry-after"]) > 0 for each in found.values() if each.status == 503)
    assert set(later.values()) == {200}
    assert "Traceback" not in log
    assert not [each for each in faults if "can't start new thread" not in each], log


def test_no_thread_for_the_start(tmp_path: Path) -> None:
    """A start without a thread is over in one line."""
    (tmp_path / "fault").touch()
    settings = clean_environment({"FAULTS": str(tmp_path / "fault"), "PISTAT_HOST": "127.0.0.1"})
    found = subprocess.run(
        [sys.executable, "-c", NO_THREADS],
        env=settings,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )

    assert found.returncode == 1
    [line] = found.stderr.splitlines()
    assert line.startswith('CRITICAL The thread "main" failed: RuntimeError "can\'t start new thread" at ')


# /proc

SHADOWED = 'mount -t tmpfs none /proc && exec "$0" "$@"'
IN_PART = 'mount -t proc -o subset=pid proc /proc && exec "$0" "$@"'


@pytest.fixture
def unshare(require: Require) -> list[str]:
    """The command that runs another with mounts of its own."""
    require(shutil.which("unshare") is not None, "unshare")
    require(namespaces.possible(), "root", installed=False)
    return ["unshare", "--mount", "sh", "-c"]


def test_without_proc(unshare: list[str]) -> None:
    """Where /proc is absent the start says so in one line."""
    found = subprocess.run(
        [*unshare, SHADOWED, sys.executable, str(PROGRAM)],
        env=clean_environment({"PISTAT_PORT": "1"}),
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )

    assert found.returncode == 1
    assert found.stderr.startswith("pi-stat: /proc is not mounted, or cannot be read")
    assert found.stderr.count("\n") == 1


def test_with_a_part_of_proc(unshare: list[str], require: Require) -> None:
    """Where /proc has processes only, every route answers, with null for what cannot be read."""
    require(psutil.version_info >= (7,), "a psutil that can be imported without /proc/stat", installed=False)
    with running([*unshare, IN_PART, sys.executable, str(PROGRAM)]) as daemon:
        targets = [each.path for each in routes.ROUTES if "<" not in each.path] + ["/api/4/all", "/api/4/cpu"]
        assert {each: daemon.get(each).status for each in targets} == dict.fromkeys(targets, 200)
        stats = daemon.json("/stats")
        assert stats["memory"]["total"] is None
        assert stats["cpu_usage"] is None
        assert not daemon.faults()


# Neighbours

FIRST, SECOND, FAR = "fd00:1::2", "fd00:1::3", "fd00:2::2"


def statuses(port: int, source: str) -> list[int]:
    """What a client of IPv6 gets for some requests."""
    found = []
    for _ in range(4):
        connection = http.client.HTTPConnection("fd00:1::1", port, timeout=20, source_address=(source, 0))
        connection.request("GET", "/stats?fields=uptime", headers={"Host": "localhost"})
        found.append(connection.getresponse().status)
        connection.close()
    return found


def test_neighbours_on_a_link_count_each(require: Require, start: Start) -> None:
    """What a visitor of the same /64 spends is not the owner's; a network that is elsewhere is one client."""
    require(shutil.which("ip") is not None, "iproute2")
    require(namespaces.possible(), "root", installed=False)
    with namespaces.own_network():
        for each in ("fd00:1::1/64", f"{FIRST}/64", f"{SECOND}/64", f"{FAR}/64", "fd00:2::3/64"):
            subprocess.run(["ip", "address", "add", each, "dev", "lo", "nodad"], check=True)
        port = start(PISTAT_HOST="::", PISTAT_RATE_LIMIT_REQUESTS="3").port
        assert statuses(port, FIRST) == [200, 200, 200, 429]
        assert statuses(port, SECOND) == [200, 200, 200, 429]
        assert statuses(port, FAR) == [200, 200, 200, 429]
        assert statuses(port, "fd00:2::3") == [429] * 4
