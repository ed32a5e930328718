"""Notifications: a message when a finding begins and one when it ends, by JSON webhooks and ntfy."""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pistat.diagnosis.events import Event
from pistat.diagnosis.finding import Severity, ago
from pistat.diagnosis.report import Diagnosis
from pistat.machine.machine import Machine
from pistat.outbound.request import Answer, send
from pistat.validators import Url

log = logging.getLogger("pistat")

QUIET_SECONDS = 120.0
"""So long after boot much is still settling; what lasts is sent then."""

ABOUT_BOOT = ("boot", "power.under_voltage_since_boot")
"""How the IDs begin of what is sent even then, since it is about boot itself."""

MOST_AN_HOUR = 20
HOUR = 3600.0
KEPT = 50
PAUSES = (10.0, 60.0, 600.0, HOUR)
"""Seconds after the first failed delivery, the second, and so on; the last for all later ones."""

TICK_SECONDS = 5.0

TYPES = {"info": "info", "warning": "warning", "critical": "failure"}
PRIORITIES = {"info": 2, "warning": 4, "critical": 5}
TAGS = {"info": "information_source", "warning": "warning", "critical": "rotating_light"}

Message = dict[str, Any]


class Rules(NamedTuple):
    """What is sent: from which severity on, and again after how many seconds; 0 for never."""

    least: str
    repeat: float


@dataclass
class Target:
    """One receiver, with what it has not received yet, in order."""

    url: Url
    waiting: deque[Message] = field(default_factory=lambda: deque(maxlen=KEPT))
    failures: int = 0
    next_try: float = 0.0


class Notifier:
    """Turns events into messages, and delivers them in a thread of its own.

    Args:
        targets: The receivers.
        diagnosis: Whose events are sent.
        machine: Whose name the messages have; its boot clock counts.
        page: The address of the page of this machine.
        rules: What is sent.
        deliver: Sends one message; for tests.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        diagnosis: Diagnosis,
        machine: Machine,
        page: str,
        rules: Rules,
        deliver: Callable[[Url, Message], Answer] | None = None,
    ) -> None:
        self._targets = targets
        self._diagnosis = diagnosis
        self._machine = machine
        self._page = page
        self._least = Severity.named(rules.least)
        self._repeat = rules.repeat
        self._deliver = deliver or post
        self._events: deque[Event] = deque(maxlen=1000)
        self._early: dict[tuple[str, str], Event] = {}
        self._sent: deque[float] = deque(maxlen=MOST_AN_HOUR)
        self._dropped = 0
        self._sent_at: dict[tuple[str, str], float] = {}
        self._wake = threading.Event()

    def start(self) -> None:
        """Listen to the diagnosis, and begin to deliver, in a thread."""
        self._diagnosis.announce(self.take)
        threading.Thread(target=self._run, name="notify", daemon=True).start()

    def take(self, event: Event) -> None:
        """Take an event; called by the recorder, which must not be kept waiting."""
        if Severity.named(event.severity) >= self._least:
            self._events.append(event)
            self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(TICK_SECONDS)
            self._wake.clear()
            try:
                self.work()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one is sent
                log.error("A notification failed: %s", type(error).__name__)  # noqa: TRY400 - no URL

    def work(self) -> None:
        """Make messages of what happened, and deliver what is due."""
        now = self._machine.uptime()
        # Before what is newer, which may be the end of one of these.
        if self._early and now >= QUIET_SECONDS:
            early, self._early = list(self._early.values()), {}
            for event in early:
                self._queue(event, now)
        while self._events:
            self._handle(self._events.popleft(), now)
        if self._repeat:
            self._repeat_lasting(now)
        if self._dropped and self._may_send(now):
            self._add(_summary(self._dropped, self._machine.host_name(), self._page), now)
            self._dropped = 0
        for target in self._targets:
            self._try(target)

    def _handle(self, event: Event, now: float) -> None:
        """Queue a message; soon after boot, keep the event meanwhile, and send nothing if it ends before."""
        key = event.id, event.subject
        if now >= QUIET_SECONDS or event.id.startswith(ABOUT_BOOT):
            self._queue(event, now)
        elif event.state == "begin":
            self._early[key] = event
        elif self._early.pop(key, None) is None:
            # It began before pi-stat was restarted, so its beginning was sent.
            self._queue(event, now)

    def _repeat_lasting(self, now: float) -> None:
        rows = self._diagnosis.document(self._least)["findings"]
        lasting = {(row["id"], row["subject"] or ""): row for row in rows}
        self._sent_at = {key: self._sent_at.get(key, now) for key in lasting}
        offset = self._machine.time() - now
        for key, row in lasting.items():
            if now - self._sent_at[key] >= self._repeat:
                since = row["since"]
                self._queue(Event(since - offset, since, *key, "begin", row["severity"], row["title"]), now)

    def _queue(self, event: Event, now: float) -> None:
        """Add the message about an event, or count it as dropped beyond the limit of an hour."""
        if event.state == "begin":
            self._sent_at[event.id, event.subject] = now
        if not self._may_send(now):
            self._dropped += 1
            return
        rows = self._diagnosis.document()["findings"] if event.state == "begin" else []
        key = event.id, event.subject
        row: dict[str, Any] = next(
            (finding for finding in rows if (finding["id"], finding["subject"] or "") == key), {}
        )
        self._add(message(event, row, self._machine.host_name(), self._page), now)

    def _may_send(self, now: float) -> bool:
        return len(self._sent) < MOST_AN_HOUR or now - self._sent[0] >= HOUR

    def _add(self, content: Message, now: float) -> None:
        self._sent.append(now)
        for target in self._targets:
            target.waiting.append(content)

    def _try(self, target: Target) -> None:
        """Deliver what waits for a target; after a failure, leave the rest for later."""
        while target.waiting and self._machine.uptime() >= target.next_try:
            accepted, answer = self._deliver(target.url, target.waiting[0])
            if accepted:
                target.waiting.popleft()
                if target.failures:
                    log.info("Notifications are accepted again.")
                target.failures, target.next_try = 0, 0.0
                continue
            if not target.failures:
                number = self._targets.index(target) + 1
                log.warning(
                    "Target %d of PISTAT_NOTIFY: %s; it is tried again until it succeeds.", number, answer
                )
            pause = PAUSES[min(target.failures, len(PAUSES) - 1)]
            target.failures += 1
            target.next_try = self._machine.uptime() + pause


def message(event: Event, row: dict[str, Any], host: str, page: str) -> Message:
    """Return the message about an event, of one shape for begin, end and test.

    Args:
        event: What happened.
        row: The finding as /diagnosis shows it; empty where it is over.
        host: The name of this machine.
        page: The address of its page.
    """
    over = event.state == "end"
    text = " ".join(row[key] for key in ("text", "advice") if row.get(key)) or f"{event.title}."
    if over:
        text = f"It is over after {ago(event.duration or 0.0)}."
    return {
        "source": "pi-stat",
        "host": host,
        "id": event.id,
        "subject": event.subject or None,
        "state": event.state,
        "severity": event.severity,
        "type": "success" if over else TYPES[event.severity],
        "title": f"{host}: {'over: ' if over else ''}{event.title}",
        "message": text,
        "body": text,
        "since": round(event.wall - (event.duration or 0.0), 2),
        "duration": None if event.duration is None else round(event.duration, 2),
        "evidence": row.get("evidence", {}),
        "url": page,
    }


def _summary(count: int, host: str, page: str) -> Message:
    text = f"and {count} more in the last hour"
    event = Event(None, 0.0, "notify.more", "", "begin", "info", text, value=float(count))
    return {**message(event, {}, host, page), "since": None}


def post(url: Url, content: Message) -> Answer:
    """Send a message to a target in the form that it takes."""
    if not url.scheme.startswith("ntfy"):
        return send("POST", url, url.path, json.dumps(content).encode())
    root, _, topic = url.path.rpartition("/")
    over = content["state"] == "end"
    published = {
        "topic": topic,
        "title": content["title"],
        "message": content["message"],
        "priority": 3 if over else PRIORITIES[content["severity"]],
        "tags": ["white_check_mark" if over else TAGS[content["severity"]]],
        "click": content["url"],
    }
    return send("POST", url, f"{root}/", json.dumps(published).encode())


def test(targets: Sequence[Url], host: str, page: str) -> list[Answer]:
    """Send a test message to each target, and return what each answered."""
    event = Event(None, 0.0, "notify.test", "", "test", "info", "This is a test")
    content = {**message(event, {}, host, page), "since": None}
    return [post(url, content) for url in targets]
