"""The programs that are measured: how each is started, what it is asked, and how its answers are checked."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import proc
from client import Client, WrongAnswerError

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests"
sys.path[:0] = [str(HERE.parent), str(TESTS)]

from support.daemon import PROGRAM, unit_environment

OPEN = {"PISTAT_RATE_LIMIT_ENABLED": "false"}
LIMITED = {"PISTAT_RATE_LIMIT_REQUESTS": "100000", "PISTAT_RATE_LIMIT_WINDOW": "1"}
"""The limiter counts, and refuses nobody."""

FEW = 20
"""Connections between the benchmark and what it measures."""

Check = Callable[[bytes, float], None]
"""Raises WrongAnswerError unless a body is right; the number is the wall clock when it was asked for."""


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Program:
    """A server, running in a session of its own.

    Attributes:
        name: How the table calls it.
        command: What starts it; `{port}` stands for its port.
        ready: What it answers with a 200 as soon as it serves.
        environment: More variables for it.
    """

    name: str
    command: list[str]
    ready: str
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; the seconds until it has answered."""
        self.port = free_port()
        environment = {**os.environ, **self.environment, "PISTAT_PORT": str(self.port)}
        environment["PISTAT_HOST"] = "127.0.0.1"
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [part.format(port=self.port) for part in self.command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.wait_for(self.ready, lambda *_: None)
        return time.perf_counter() - began

    def wait_for(self, target: str, check: Check) -> None:
        """Ask until the answer is right; some programs have nothing to tell before they have collected it."""
        until = time.perf_counter() + 60.0
        while True:
            try:
                asked = time.time()
                return check(Client(self.port).ask(target), asked)
            except (OSError, WrongAnswerError) as error:
                if time.perf_counter() > until:
                    raise WrongAnswerError(f"{self.name} {target}: {error}") from None
                time.sleep(0.002)

    @property
    def session(self) -> int:
        assert self.process is not None
        return self.process.pid

    def stop(self) -> None:
        """End it, and all that it has started."""
        for pid in proc.members(self.session):
            # It may end by itself meanwhile.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait()


def pi_stat(name: str, **settings: str) -> Program:
    """Return the daemon as the shipped unit starts it, but for the user and the folder."""
    return Program(name, [sys.executable, str(PROGRAM)], "/stats", {**unit_environment(), **settings})


def bare_flask(*server: str) -> Program:
    """Return a Flask program that does nothing, under the server of pi-stat, or under plain waitress."""
    name = "bare Flask route, plain waitress" if server else "bare Flask route"
    return Program(name, [sys.executable, str(HERE / "bare_flask.py"), *server], "/stats")


def node_exporter(*flags: str) -> Program | None:
    """node_exporter, if it is installed; all of its default collectors without `flags`."""
    program = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if program is None:
        return None
    command = [program, "--web.listen-address=127.0.0.1:{port}", "--log.level=error", *flags]
    return Program("node_exporter", command, "/metrics")


def glances() -> Program | None:
    """Glances' web API, if it is installed."""
    program = shutil.which("glances")
    if program is None:
        return None
    command = [program, "-w", "--disable-webui", "-B", "127.0.0.1", "-p", "{port}"]
    return Program("Glances", command, "/api/4/all")


def netdata() -> Program | None:
    """Netdata with its default collectors, if it is installed."""
    program = shutil.which("netdata")
    if program is None:
        return None
    folder = tempfile.mkdtemp(prefix="netdata-")
    settings = {"cache directory": folder, "lib directory": folder, "log directory": folder}
    flags = [part for name, value in settings.items() for part in ("-W", "set", "global", name, value)]
    command = [program, "-D", "-p", "{port}", "-i", "127.0.0.1", "-u", "root", *flags]
    return Program("Netdata", command, "/api/v1/allmetrics?format=json")


# What a right answer is


def whole(body: bytes, asked: float) -> None:
    """Check a fresh /stats: complete, of after the question, with the memory that the kernel has."""
    answer = json.loads(body)
    expect("errors" not in answer, f"errors: {answer.get('errors')}")
    expect(answer["timestamp"] >= asked, "it is older than the question")
    expect(answer["memory"]["total"] == memory_total(), "another memory")
    expect(answer["cpu_usage"] is not None, "no CPU usage")


def cached(body: bytes, asked: float) -> None:
    """Check a /stats from the cache: complete, and not older than the cache may be."""
    answer = json.loads(body)
    expect(answer["timestamp"] >= asked - 2.1, "it is older than two seconds")
    expect(answer["memory"]["total"] == memory_total(), "another memory")


def ten_rows(body: bytes, asked: float) -> None:
    """Check a fresh process list: as many rows as were asked for, each with a name and an owner."""
    answer = json.loads(body)
    expect(answer["timestamp"] >= asked, "it is older than the question")
    expect(len(answer["processes"]) == min(10, proc.count()), "too few rows")
    expect(all(row["name"] and row["user"] for row in answer["processes"]), "a row without name or owner")


def interfaces(body: bytes, asked: float) -> None:
    """Check all interfaces but loopback, each with its state."""
    rows = json.loads(body)["interfaces"]
    names = {name for _, name in socket.if_nameindex()} - {"lo"}
    expect(rows.keys() == names | {"active_connections"}, "other interfaces")
    expect(all(rows[name]["is_up"] is not None for name in names), "an interface without a state")


def devices(body: bytes, asked: float) -> None:
    """Check all filesystems on loop devices among the others, each with its size."""
    rows = {row["mountpoint"]: row for row in json.loads(body)["devices"]}
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    expect({row[4] for row in lines if row[-2].startswith("/dev/loop")} <= rows.keys(), "a device is missing")
    expect(all(row["total"] for row in rows.values()), "a size is missing")


def exposition(body: bytes, asked: float) -> None:
    """Check the text that Prometheus reads."""
    expect(b"\n# TYPE node_" in body, "no metrics")


def anything(body: bytes, asked: float) -> None:
    """Check that it is JSON and not empty."""
    expect(bool(json.loads(body)), "empty")


def text(body: bytes, asked: float) -> None:
    """Check that there is something to read."""
    expect(bool(body.strip()), "empty")


def expect(true: bool, why: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Raise WrongAnswerError with `why` unless `true`."""
    if not true:
        raise WrongAnswerError(why)


def memory_total() -> int:
    """Return the bytes of memory, as the kernel says."""
    return int(Path("/proc/meminfo").read_text().split()[1]) * 1024


def counted(connections: int) -> Check:
    """Check a fresh /stats that has counted so many connections, but for the few of the benchmark itself."""

    def check(body: bytes, asked: float) -> None:
        whole(body, asked)
        found = json.loads(body)["network"]["active_connections"]
        expect(abs(found - connections) <= FEW, f"{found} connections instead of {connections}")

    return check


def on_a_pi(body: bytes, asked: float) -> None:
    """Check a fresh /stats with what the firmware says."""
    whole(body, asked)
    answer = json.loads(body)
    expect(answer["clocks"]["arm"] is not None, "a clock is missing")
    expect(answer["power"]["throttled"] is not None, "the firmware did not answer")


def exposition_of_ours(body: bytes, asked: float) -> None:
    """Check the text that Prometheus reads, from us."""
    expect(b"\n# TYPE pistat_" in body, "no metrics")
