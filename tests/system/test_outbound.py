"""What the daemon sends over TLS, to a real server of openssl; and nothing where no setting says so."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.daemon import PROGRAM, Daemon, HeldPort, clean_environment
from support.programs.certificates import OPENSSL, Authority, authority, certificate
from support.waiting import eventually

if TYPE_CHECKING:
    from support.require import Require

Start = Callable[..., Daemon]
SECRET = "a-secret-path"


class Server:
    """A server of openssl that answers 200 to the first request, and notes in clear what it is sent."""

    def __init__(self, folder: Path, signed: tuple[Path, Path]) -> None:
        self._held = HeldPort()
        self.port = self._held.number
        self._heard = folder / f"heard-{self.port}"
        assert OPENSSL is not None
        arguments = [
            "-accept",
            f"127.0.0.1:{self.port}",
            "-cert",
            str(signed[0]),
            "-key",
            str(signed[1]),
            "-quiet",
        ]
        with self._heard.open("wb") as heard:
            self._process = subprocess.Popen(
                [OPENSSL, "s_server", *arguments],
                stdin=subprocess.PIPE,
                stdout=heard,
                stderr=subprocess.STDOUT,
            )
        assert self._process.stdin is not None
        # It passes this on as soon as somebody is connected.
        self._process.stdin.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self._process.stdin.flush()

    def heard(self) -> str:
        return self._heard.read_text(errors="replace")

    def listens(self) -> bool:
        table = Path("/proc/net/tcp").read_text()
        return f"0100007F:{self.port:04X} 00000000:0000 0A" in table

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._held.release()


@pytest.fixture
def ours(tmp_path: Path, require: Require) -> Authority:
    return authority(tmp_path, require)


def notify_test(url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), "--notify-test"],
        env=clean_environment({"PISTAT_NOTIFY": url, **environment}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_webhook_over_tls(tmp_path: Path, ours: Authority) -> None:
    """The message arrives, when the certificate is by an authority that the system trusts."""
    server = Server(tmp_path, certificate(ours, "localhost"))
    try:
        assert eventually(server.listens)
        finished = notify_test(
            f"https://localhost:{server.port}/{SECRET}", SSL_CERT_FILE=str(ours.certificate)
        )
        heard = server.heard()
    finally:
        server.stop()

    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == "Target 1 of PISTAT_NOTIFY: the server answered 200 OK\n"
    assert heard.startswith(f"POST /{SECRET} HTTP/1.1\n")
    assert '"state": "test"' in heard


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("of a stranger", "is not by an authority that this machine trusts"),
        ("for another name", "is for another name"),
    ],
)
def test_a_wrong_certificate_is_refused_before_anything_is_sent(
    tmp_path: Path, ours: Authority, wrong: str, why: str
) -> None:
    """By an authority that nobody trusts, or for the name of another server."""
    trusted = {} if wrong == "of a stranger" else {"SSL_CERT_FILE": str(ours.certificate)}
    name = "localhost" if wrong == "of a stranger" else "elsewhere.example"
    server = Server(tmp_path, certificate(ours, name))
    try:
        assert eventually(server.listens)
        finished = notify_test(f"https://me:password@localhost:{server.port}/{SECRET}", **trusted)
        heard = server.heard()
    finally:
        server.stop()

    assert (finished.returncode, finished.stderr) == (1, "")
    assert finished.stdout == f"Target 1 of PISTAT_NOTIFY: the certificate of the server {why}\n"
    assert "POST" not in heard


def test_a_heartbeat_over_tls(start: Start, tmp_path: Path, ours: Authority) -> None:
    """The daemon lets OpenSSL in by itself. One that does not trust the server has a line without the URL."""
    server = Server(tmp_path, certificate(ours, "localhost"))
    try:
        assert eventually(server.listens)
        url = f"https://localhost:{server.port}/{SECRET}?status={{status}}"
        wary = start(PISTAT_HEARTBEAT_URL=url)
        why = "the certificate of the server is not by an authority that this machine trusts"
        line = f"WARNING The heartbeat was not accepted: {why}."
        assert eventually(lambda: line in wary.log().splitlines()), wary.log()
        assert SECRET not in wary.log()

        daemon = start(PISTAT_HEARTBEAT_URL=url, SSL_CERT_FILE=str(ours.certificate))
        assert eventually(lambda: f"GET /{SECRET}?status=" in server.heard()), daemon.log()
        assert daemon.faults() == []
    finally:
        server.stop()


def test_without_a_target_nothing_is_loaded_and_nothing_runs(port: int, require: Require) -> None:
    """No OpenSSL, no paho-mqtt, no file, and no thread; with targets, a thread for each."""
    require(sys.platform == "linux", "/proc", installed=False)
    url = f"http://127.0.0.1:{port}/"
    targets = {
        "PISTAT_NOTIFY": url,
        "PISTAT_HEARTBEAT_URL": url,
        "PISTAT_MQTT_URL": url.replace("http", "mqtt"),
    }

    loaded, files, running = traces({})
    assert "pistat.daemon" in loaded
    assert loaded & UNWANTED == set()
    assert not [name for name in loaded if name.startswith("pistat.outbound")]
    # An older Werkzeug brings the one with the other.
    assert "http.client" not in loaded or "urllib.request" in loaded
    assert "libssl" not in files
    assert "outbound" not in running

    loaded, files, running = traces(targets)
    assert loaded & UNWANTED == {"paho"}
    assert "libssl" not in files
    for each in ("notify", "heartbeat", "mqtt"):
        assert f"outbound/{each}.py" in running


UNWANTED = {"_ssl", "paho"}
"""What no daemon loads by itself; an import of `ssl` fails where `_ssl` is not loaded."""


def traces(settings: Mapping[str, str]) -> tuple[set[str], str, str]:
    """What a daemon has imported, what it maps and holds open, and the stacks of its threads."""
    found = trace(settings)
    for _ in range(4):
        # The stacks are written while the threads go on, and Python may stumble over one that changes.
        if "Segmentation fault" not in found[2]:
            break
        found = trace(settings)
    return found


def trace(settings: Mapping[str, str]) -> tuple[set[str], str, str]:
    """Once."""
    daemon = Daemon(settings, [sys.executable, "-X", "importtime", str(PROGRAM)])
    try:
        daemon.wait_until_ready()
        # With targets, wait until each has been tried, in vain.
        assert eventually(lambda: not settings or "MQTT: Connection refused" in daemon.log()), daemon.log()
        process = Path(f"/proc/{daemon.pid}")
        files = "\n".join([(process / "maps").read_text(), *daemon.held()])
        log = daemon.log()
        # The dump of faulthandler has every thread.
        daemon.process.send_signal(signal.SIGABRT)
        daemon.process.wait(20)
        running = daemon.log()[len(log) :]
    finally:
        daemon.kill()
    return (
        {line.rpartition("|")[2].strip() for line in log.splitlines() if "import time:" in line},
        files,
        running,
    )
