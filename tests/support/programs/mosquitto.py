"""Mosquitto, an MQTT broker, on a port of the loopback; and what a client of it sees."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from support.daemon import HeldPort
from support.waiting import eventually

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/bin")
PASSWORDS = shutil.which("mosquitto_passwd")


class Mosquitto:
    """A broker without persistence that can be ended, started again, and stopped in its tracks.

    Args:
        folder: Where its files are.
        users: Names with passwords; everybody may come in without any.
        tls: Certificate and key.
    """

    def __init__(
        self, folder: Path, users: Mapping[str, str] | None = None, tls: tuple[Path, Path] | None = None
    ) -> None:
        self._held = HeldPort()
        self.port = self._held.number
        self._process: subprocess.Popen[bytes] | None = None
        # It gives up the rights of root if it has them, and could not read the files of a test then.
        lines = [
            "user root",
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'false' if users else 'true'}",
        ]
        if users:
            passwords = folder / "passwords"
            passwords.touch(0o600)
            for user, password in users.items():
                assert PASSWORDS is not None
                subprocess.run([PASSWORDS, "-b", str(passwords), user, password], check=True, timeout=30)
            lines.append(f"password_file {passwords}")
        if tls:
            lines += [f"certfile {tls[0]}", f"keyfile {tls[1]}"]
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join(lines) + "\n")
        self._log = folder / "mosquitto.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._held.release()

    def start(self) -> None:
        assert MOSQUITTO is not None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [MOSQUITTO, "-v", "-c", str(self._config)], stdout=log, stderr=subprocess.STDOUT
            )
        assert eventually(lambda: b"running" in self._log.read_bytes()), self.log()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(10)
            self._log.write_bytes(b"")
            self._process = None

    def hang(self, *, still: bool) -> None:
        """Hold it in its tracks, its sockets open, or let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if still else signal.SIGCONT)


class Subscriber:
    """A client that has subscribed to everything, and keeps what it is sent.

    Attributes:
        messages: All of them: when, topic, payload, and whether the broker had kept it before.
    """

    def __init__(self, port: int, user: str = "", password: str = "") -> None:
        self.messages: list[tuple[float, str, bytes, bool]] = []
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.reconnect_delay_set(1, 1)
        if user:
            self._client.username_pw_set(user, password)
        self._client.connect("127.0.0.1", port)
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.loop_start()
        assert subscribed.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, client: object, data: object, message: MQTTMessage) -> None:
        del client, data
        self.messages.append((time.monotonic(), message.topic, bytes(message.payload), message.retain))

    def publish(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, 1).wait_for_publish(10)

    def payloads(self, end: str) -> list[bytes]:
        """The payloads of the topics that end so, in order."""
        return [payload for _, topic, payload, _ in list(self.messages) if topic.endswith(end)]

    def saw(self, end: str, payload: bytes | None = None, seconds: float = 40.0) -> bool:
        """Whether the last message of such a topic becomes this one, or any."""
        return eventually(lambda: bool(found := self.payloads(end)) and payload in {None, found[-1]}, seconds)

    def until(self, check: Callable[[], Any], seconds: float = 40.0) -> bool:
        return eventually(lambda: bool(check()), seconds)
