"""MQTT: the readings and findings for a broker, with a last will, and the device for Home Assistant."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import random
import socket
import threading
import time
from typing import Any, NamedTuple

from pistat.diagnosis.events import Event
from pistat.diagnosis.finding import Severity
from pistat.diagnosis.report import Diagnosis
from pistat.machine import board
from pistat.machine.machine import Machine
from pistat.monitor.monitor import Monitor, encode
from pistat.outbound import home_assistant
from pistat.outbound.broker import KEEPALIVE, BrokerError, Connection
from pistat.outbound.home_assistant import Entity
from pistat.validators import Url

log = logging.getLogger("pistat")

LOOK_SECONDS = KEEPALIVE / 4
"""How often it is looked whether the broker still answers."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 120.0
"""Seconds before the broker is tried again; each pause is twice as long as the one before."""

STEADY_SECONDS = 60.0
"""After a connection that held for so long, the pauses start over."""

BIRTH_SECONDS = 5.0
"""Within so long after a start of Home Assistant it is told again: not by all machines at once."""

AFTER_SAMPLE = 1.0
"""Seconds after a sample of the recorder, for it to be complete."""

BIRTH = "homeassistant/status"

LARGEST = 8192
"""Bytes of the diagnosis, beyond which only what is wrong is sent, the worst first."""


class Options(NamedTuple):
    """Which broker, how often, and below which topic Home Assistant looks; empty for nowhere."""

    url: Url
    seconds: float
    prefix: str


class Topics(NamedTuple):
    """The topics of one machine."""

    identity: str
    discovery: str
    base: str

    @property
    def availability(self) -> str:
        """Return the topic of `online` and `offline`."""
        return f"{self.base}/availability"

    @property
    def all(self) -> list[str]:
        """Return everything that the broker keeps, the discovery first."""
        kept = [f"{self.base}/{name}" for name in ("availability", "state", "diagnosis", "updates")]
        return [topic for topic in (self.discovery, *kept) if topic]


def topics(machine: Machine, prefix: str) -> Topics:
    """Return the topics of a machine: named by its serial number, else by what systemd calls it."""
    name = (board.serial(machine) or "").lower()[-16:]
    if not name.isalnum():
        own = (machine.word("/etc/machine-id") if machine.linux else None) or machine.host_name()
        # systemd asks that its ID be shown to nobody.
        name = hashlib.sha256(f"pi-stat {own}".encode()).hexdigest()[:16]
    identity = f"pistat_{name}"
    return Topics(identity, f"{prefix}/device/{identity}/config" if prefix else "", f"pi-stat/{name}")


class Publisher:
    """Publishes the readings at an interval, and at once when a finding begins or ends, in a thread.

    Args:
        options: Where and how often.
        monitor: Who is asked for the readings.
        diagnosis: Who is asked for the findings.
        machine: Which machine it is about.
        page: The address of its page.
    """

    def __init__(
        self, options: Options, monitor: Monitor, diagnosis: Diagnosis, machine: Machine, page: str
    ) -> None:
        self._options = options
        self._monitor = monitor
        self._diagnosis = diagnosis
        self._machine = machine
        self._page = page
        self._topics = topics(machine, options.prefix)
        self._entities: dict[str, Entity] = {}
        self._announced: set[str] = set()
        self._announce_at = math.inf
        self._due = 0.0
        self._logged = ""
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake, self._woken = socket.socketpair()
        self._wake.settimeout(0.0)

    def start(self) -> None:
        """Listen to the diagnosis, and begin to publish, in a thread."""
        self._diagnosis.announce(self._publish_now)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def request_stop(self) -> None:
        """Say `offline` and end, without waiting for that."""
        self._stopped.set()
        self._wake_up()

    def stop(self, seconds: float) -> None:
        """Say `offline` and end, and wait for that `seconds` at most; later the broker says it."""
        self.request_stop()
        if self._thread is not None:
            self._thread.join(seconds)

    def _publish_now(self, event: Event) -> None:
        """Publish now; called by the recorder, which must not be kept waiting."""
        del event
        self._due = 0.0
        self._wake_up()

    def _wake_up(self) -> None:
        # A full buffer wakes as well as one more byte; a closed one means that the end has come.
        with contextlib.suppress(OSError):
            self._wake.send(b"!")

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            began = time.monotonic()
            self._connect()
            pause = (
                FIRST_PAUSE if time.monotonic() - began >= STEADY_SECONDS else min(2 * pause, LONGEST_PAUSE)
            )
            # Not all machines at once, after the broker has been away.
            self._stopped.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        self._wake.close()
        self._woken.close()

    def _connect(self) -> None:
        """Hold a connection for as long as it lasts; a failure that repeats is logged once."""
        name = self._topics.identity.replace("_", "-")
        try:
            with Connection(self._options.url, name, self._topics.availability, self._on_message) as broker:
                log.info("MQTT: connected to the broker.")
                self._logged = ""
                self._serve(broker)
        except BrokerError as error:
            self._log_failure(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the next connection is tried
            self._log_failure(f"it failed ({type(error).__name__})")

    def _log_failure(self, text: str) -> None:
        if text != self._logged and not self._stopped.is_set():
            log.warning("MQTT: %s; it is tried again until it succeeds.", text)
            self._logged = text

    def _serve(self, broker: Connection) -> None:
        """Publish until told to stop, and say `offline` then."""
        if self._options.prefix:
            for topic in {BIRTH, f"{self._options.prefix}/status"}:
                broker.subscribe(topic)
        # The broker may have lost what it has kept.
        self._announced.clear()
        self._due = 0.0
        while not self._stopped.is_set():
            now = time.monotonic()
            if now >= self._announce_at:
                self._announced.clear()
                self._announce_at, self._due = math.inf, 0.0
            if now >= self._due:
                self._due = now + self._until_next()
                self._publish(broker)
            until = min(self._due, self._announce_at, now + LOOK_SECONDS)
            broker.wait(max(0.0, until - time.monotonic()), self._woken)
        broker.wait_until_received(broker.publish(self._topics.availability, "offline", qos=1))

    def _until_next(self) -> float:
        """Return the seconds until shortly after a multiple of the interval on the boot clock.

        The recorder takes its samples at such moments, and what it has just read need not be read again.
        """
        now, seconds = self._machine.uptime() - AFTER_SAMPLE, self._options.seconds
        return (math.floor(now / seconds) + 1) * seconds - now

    def _on_message(self, topic: str, payload: bytes) -> None:
        """Tell Home Assistant again soon after it has started."""
        del topic
        if payload == b"online":
            self._announce_at = time.monotonic() + random.uniform(0.0, BIRTH_SECONDS)  # noqa: S311 - no secret

    def _publish(self, broker: Connection) -> None:
        """Publish the state; before it, entities that Home Assistant does not know yet."""
        found = self._diagnosis.document()
        readings = self._monitor.answer(home_assistant.KEYS).values
        values = {**readings, "status": found["status"], "sentence": found["sentence"]}
        state = home_assistant.state(self._entities, values)
        base, updates = self._topics.base, home_assistant.updates(values)
        known = {*self._entities, *(["updates"] if updates else [])}
        fresh = not self._announced
        if known - self._announced:
            self._announce(broker, values)
            self._announced |= known
        broker.publish(f"{base}/state", encode(state))
        broker.publish(f"{base}/diagnosis", _bounded(found))
        if updates:
            broker.publish(f"{base}/updates", encode(updates), qos=1)
        if fresh:
            broker.publish(self._topics.availability, "online", qos=1)

    def _announce(self, broker: Connection, values: home_assistant.Values) -> None:
        if not self._topics.discovery:
            return
        entities = list(self._entities.values())
        config = home_assistant.discovery(
            entities, values, self._topics.identity, self._topics.base, self._page, self._options.seconds
        )
        broker.publish(self._topics.discovery, encode(config), qos=1)


def _bounded(document: dict[str, Any]) -> bytes:
    """Return the diagnosis as JSON; of one that is very long, only what is wrong, and of that the worst."""
    body = encode(document)
    if len(body) <= LARGEST:
        return body
    short = {**document, "checked": [], "unknown": []}
    rows = sorted(document["findings"], key=lambda row: Severity.named(row["severity"]), reverse=True)
    while len(body := encode({**short, "findings": rows})) > LARGEST and rows:
        rows.pop()
    return body


def forget(options: Options, machine: Machine) -> str:
    """Take this machine off the broker and out of Home Assistant; return why that failed."""
    own = topics(machine, options.prefix)
    try:
        with Connection(options.url, own.identity.replace("pistat", "forget")) as broker:
            broker.wait_until_received(*(broker.publish(topic, b"", qos=1) for topic in own.all))
    except BrokerError as error:
        return str(error)
    return ""
