"""The daemon as a user has it: a process, a port, requests over a real socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pistat.server.server import BLOCKING, THREADS

PROGRAM = Path(__file__).parents[2] / "pi_system_monitor.py"


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in lower case) and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read by a parser that refuses NaN and infinities."""
        return json.loads(self.body, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def has_ipv6() -> bool:
    """Whether the loopback has an address of IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


class HeldPort:
    """A free port of the loopback, which nobody else is given until `release`.

    It is bound, so that the kernel spares it, and not listened on, so that on Linux the program for which it
    is held can listen there. Elsewhere it is only free now.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number = int(self._socket.getsockname()[1])
        if sys.platform != "linux":
            self.release()

    def release(self) -> None:
        self._socket.close()


def copied(folder: Path) -> Path:
    """The program in a folder of its own, where a `.env` may be laid beside it."""
    for each in ("pistat", "templates"):
        shutil.copytree(PROGRAM.parent / each, folder / each)
    return Path(shutil.copy(PROGRAM, folder))


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Our environment without settings of its own, and with `settings`."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PISTAT_")} | dict(
        settings
    )


def unit_environment() -> dict[str, str]:
    """The variables that the unit sets."""
    unit = PROGRAM.with_name("pi-stat.service").read_text().splitlines()
    lines = [line.removeprefix("Environment=") for line in unit if line.startswith("Environment=")]
    return dict(line.split("=", 1) for line in lines)


class Daemon:
    """A daemon on a free port of the loopback.

    Args:
        settings: Environment variables for it.
        command: What to run, for daemons with a fault built in; the program as shipped if absent.
        pass_fds: Open files that it inherits.
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        command: list[str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        given = dict(settings or {})
        self._held = HeldPort()
        self.port = int(given.setdefault("PISTAT_PORT", str(self._held.number)))
        self.host = given.setdefault("PISTAT_HOST", "127.0.0.1")
        self._log = tempfile.TemporaryFile("a+")  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(
            command or [sys.executable, str(PROGRAM)],
            env=clean_environment(given),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        """Everything that it has written so far."""
        self._log.seek(0)
        return self._log.read()

    def faults(self) -> list[str]:
        """The lines of its log that tell of a fault of its own, caught or not."""
        return [line for line in self.log().splitlines() if re.search("ERROR|CRITICAL|Traceback", line)]

    def held(self) -> list[str]:
        """What its descriptors lead to; one that is closed meanwhile is left out."""
        found = []
        for each in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.append(str(each.readlink()))
        return found

    def wait_until_ready(self, seconds: float = 60.0) -> None:
        until = time.monotonic() + seconds
        while True:
            try:
                self.get("/health")
            except OSError:
                assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.log()}"
                assert time.monotonic() < until, f"it does not answer: {self.log()}"
                time.sleep(0.02)
            else:
                return

    def get(
        self,
        target: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 20.0,
        source: str | None = None,
    ) -> Answer:
        """Ask for `target` (path and query, sent as it stands) on a connection of its own, from `source`."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else self.host
        connection = http.client.HTTPConnection(
            host, self.port, timeout=timeout, source_address=(source, 0) if source else None
        )
        try:
            connection.request(method, target, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def json(self, target: str, **options: Any) -> Any:
        """The JSON of a 200."""
        answer = self.get(target, **options)
        assert answer.status == 200, answer
        return answer.json()

    def make_threads(self) -> None:
        """Have a fresh daemon make all threads that it may serve with, so that others can be counted."""
        slow = ["/stats?block=true&fields=cpu_usage"] * BLOCKING + ["/processes"] * THREADS
        # One client has half of them.
        sources = ["127.0.0.1", "127.0.0.2"] * (len(slow) // 2)
        with ThreadPoolExecutor(len(slow)) as pool:
            list(pool.map(lambda target, source: self.get(target, source=source), slow, sources))

    def raw(self, sent: bytes, timeout: float = 10.0) -> bytes:
        """Everything that comes back for `sent`, byte for byte, until the daemon closes or `timeout`."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(sent)
            received = b""
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except (TimeoutError, ConnectionResetError):
                pass  # a server that closes before it has read everything resets, after its answer
            return received

    def stop(self, signum: int = signal.SIGTERM, seconds: float = 10.0) -> int:
        """Ask it to end; the exit status."""
        self.process.send_signal(signum)
        return self.process.wait(seconds)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self._log.close()
        self._held.release()
