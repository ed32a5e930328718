"""What happened: findings that began and ended, starts of the machine and of pi-stat, steps of the clock.

The last 200 are kept, in lines that are appended to a file of the state directory: those of an hour together,
a critical one at once.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pistat.diagnosis.finding import DAY, HOUR, Boots, Severity
from pistat.history.storage import StateDirectory

MOST = 200
FILE = "events.jsonl"
MARKER = "session.json"
VERSION = 1

LARGEST, LONGEST = 1e12, 200
"""The largest number, and the most characters of a text, that is taken from a file."""

FULL = 64 << 10
"""Bytes of the file, after which the next one is begun. The one before is kept: it has more than 200 events."""

BUDGET = 400_000
"""Bytes that may be written in a day: a machine that flaps must not wear out its card by that."""

OVERHEAD = 8_000
"""Bytes that a filesystem writes to save anything, measured on ext4: the rest of a block, and its journal."""

RETRY_SECONDS = 60.0
"""After how long a disk that did not answer at the start is asked again."""

WEEK = 7 * DAY

STATES = {word: word for word in ("begin", "end")}

BOOT, DAEMON, CLOCK = "boot", "daemon", "clock"
"""The IDs of the events that are no findings."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that began or ended.

    Attributes:
        time: When, on the boot clock of this session; None for one of an earlier session.
        wall: When, by the wall clock as it was then.
        id: A finding, or `boot`, `daemon`, `clock`.
        subject: The filesystem, disk, interface or fan; empty for others.
        state: `begin` or `end`.
        severity: How severe, at its worst.
        title: What, in words.
        duration: For how many seconds, for one that ended.
        value: What was measured; the seconds of a step of the clock; 1 for a start without a shutdown before.
    """

    time: float | None
    wall: float
    id: str
    subject: str
    state: str
    severity: str
    title: str
    duration: float | None = None
    value: float | None = None


Listener = Callable[[Event], None]


class Events:
    """The last events, in memory and, where there is a state directory, in a file.

    Args:
        state: Where they are saved.
        boot_id: Which session of the kernel this is; None where the kernel does not say it.
    """

    def __init__(self, state: StateDirectory, boot_id: str | None) -> None:
        self._state = state
        self._boot_id = boot_id
        self._events: deque[Event] = deque(maxlen=MOST)
        self._unsaved: deque[Event] = deque(maxlen=MOST)
        self._saved_at = 0.0
        self._written: deque[tuple[float, int]] = deque()
        self._known_before = False
        self._unclean = False
        self._opened_at, self._next_try = 0.0, -math.inf
        self.counters: dict[str, Any] = {}

    # The beginning and the end of a session

    def open(self, boot: float, wall: float) -> None:
        """Read what earlier runs have left, and note this start."""
        self._opened_at = boot
        self._begin(boot, wall)

    def _begin(self, boot: float, wall: float) -> bool:
        """Do so, before what has happened since; return False as long as the disk does not answer."""
        found, marker = self._read(), self._marker()
        if self._state.available and (found is None or marker is None):
            self._next_try = boot + RETRY_SECONDS
            return False
        self._next_try = math.inf
        since, offset = [*self._events], wall - boot
        self._events = deque(found or (), maxlen=MOST)
        start = self._start(marker or {}, offset)
        self._events.extend([*start, *since])
        self._unsaved = deque([*start, *self._unsaved], maxlen=MOST)
        self.save(boot, wall)
        self._mark(stopped=False)
        return True

    def _start(self, marker: Mapping[str, Any], offset: float) -> list[Event]:
        """Return the event of this start, by what the last run has noted of itself."""
        self._known_before = isinstance(marker.get("boot_id"), str)
        if self._known_before and marker["boot_id"] == self._boot_id:
            self.counters = marker["counters"]
            self._resume(offset)
            at = self._opened_at
            return [Event(at, at + offset, DAEMON, "", "begin", "info", "pi-stat was restarted")]
        if self._boot_id is None:
            return []
        self._unclean = self._known_before and marker.get("stopped") is not True
        title = "Started without a shutdown before" if self._unclean else "Started"
        return [Event(0.0, offset, BOOT, "", "begin", "info", title, value=float(self._unclean))]

    def close(self, boot: float, wall: float, counters: Mapping[str, Any]) -> None:
        """Save everything, and note that the end was in good order."""
        if self._next_try == math.inf or self._begin(boot, wall):
            self.save(boot, wall)
            self.counters = dict(counters)
            self._mark(stopped=True)

    def _mark(self, *, stopped: bool) -> None:
        marker = {"version": VERSION, "boot_id": self._boot_id, "stopped": stopped, "counters": self.counters}
        self._state.write(MARKER, json.dumps(marker).encode())

    def _resume(self, offset: float) -> None:
        """Give the events since the last start times on the boot clock, which still runs."""
        events = list(self._events)
        start = max((number for number, event in enumerate(events) if event.id == BOOT), default=len(events))
        for number, event in enumerate(events[start:], start):
            events[number] = Event(**{**asdict(event), "time": event.wall - offset})
        self._events = deque(events, maxlen=MOST)

    # Adding and saving

    def add(self, event: Event) -> None:
        """Keep an event."""
        self._events.append(event)
        self._unsaved.append(event)

    def save_if_due(self, boot: float, wall: float) -> None:
        """Save what is new: at once if something is critical, otherwise each hour; all within the budget."""
        if self._next_try <= boot:
            self._begin(boot, wall)
        if self._next_try < math.inf or not self._unsaved:
            return
        critical = any(event.severity == Severity.CRITICAL.label for event in self._unsaved)
        # Half of the budget is left for each hour.
        if (critical and self._has_budget(boot, BUDGET // 2)) or (
            boot - self._saved_at >= HOUR and self._has_budget(boot, BUDGET)
        ):
            self.save(boot, wall)

    def _has_budget(self, boot: float, budget: int) -> bool:
        """Return whether what was written in the last day leaves enough of the budget."""
        while self._written and boot - self._written[0][0] > DAY:
            self._written.popleft()
        return sum(size for _, size in self._written) + OVERHEAD <= budget

    def save(self, boot: float, wall: float) -> None:
        """Append what is new to the file. What cannot be saved is tried again with the next."""
        if not self._unsaved:
            return
        self._saved_at = boot
        # On a line of their own, also behind one that a power cut or a full disk has torn.
        lines = b"\n" + _lines(self._unsaved, wall - boot)
        self._written.append((boot, len(lines) + OVERHEAD))
        if self._state.append(FILE, lines, longest=FULL, keep=1):
            self._unsaved.clear()

    def _read(self) -> list[Event] | None:
        """Return the events that were saved; None while the disk does not answer."""
        # What a stalled disk has written after all was written again.
        found: dict[bytes, Event] = {}
        foreign = []
        for name, data in self._state.read_log(FILE):
            if data is None:
                return None
            lines = data[-2 * FULL :].split(b"\n")
            events = {line: event for line in lines if (event := _event(line)) is not None}
            found |= events
            if data and not events:
                foreign.append(name)
        self._state.set_aside(foreign, "holds no events that pi-stat has written")
        return list(found.values())

    def _marker(self) -> dict[str, Any] | None:
        """Return what the last run has noted of itself, if there was one; None while the disk does not answer."""
        data = self._state.read(MARKER)
        if not data:
            return None if data is None else {}
        marker = _object(data) if len(data) <= FULL else {}
        try:
            counters = {
                name: (_finite(value), rose if rose is None else _finite(rose))
                for name, (value, rose) in marker["counters"].items()
            }
            if marker["version"] == VERSION and isinstance(marker["boot_id"], str | None):
                return {**marker, "counters": counters}
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            pass
        self._state.set_aside([MARKER], "holds what this version has not written")
        return {}

    # What is known

    def rows(self, offset: float, since: float = 0.0, limit: int = MOST) -> list[dict[str, Any]]:
        """Return the last `limit` events after `since`, in order; `offset` is wall minus boot clock."""
        rows = [_row(event, offset) for event in self._events]
        return [row for row in rows if row["time"] > since][-limit:]

    def lasting(self) -> Iterator[Event]:
        """Yield the beginning of each finding that has no end."""
        found: dict[tuple[str, str], Event] = {}
        for event in self._events:
            if event.state == "end":
                found.pop((event.id, event.subject), None)
            elif event.id not in {BOOT, DAEMON, CLOCK}:
                first = found.get((event.id, event.subject))
                # It became more severe: since when is what the first says.
                found[event.id, event.subject] = (
                    event
                    if first is None
                    else Event(**{**asdict(event), "time": first.time, "wall": first.wall})
                )
        yield from found.values()

    def boots(self, offset: float, now: float) -> Boots | None:
        """Return the starts of the last week; None where they are not recorded."""
        if not self._state.available or self._boot_id is None:
            return None
        starts = [event for event in self._events if event.id == BOOT]
        times = [(start.wall if start.time is None else start.time + offset, start) for start in starts]
        recent = [(time, start) for time, start in times if now - WEEK < time <= now + HOUR]
        return Boots(
            tuple(time for time, _ in recent),
            self._unclean if self._known_before else None,
            sum(1 for _, start in recent if start.value),
        )


def _row(event: Event, offset: float) -> dict[str, Any]:
    return {
        "time": round(event.wall if event.time is None else event.time + offset, 2),
        "id": event.id,
        "subject": event.subject or None,
        "state": event.state,
        "severity": event.severity,
        "title": event.title,
        "duration": None if event.duration is None else round(event.duration, 2),
        "value": None if event.value is None else round(event.value, 4),
    }


def _lines(events: Iterable[Event], offset: float) -> bytes:
    rows = (_row(event, offset) for event in events)
    return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)


def _event(line: bytes) -> Event | None:
    """Return the event of a line; None for a line that was torn, or is none of ours."""
    row = _object(line)
    try:
        event = Event(
            None,
            _finite(row["time"]),
            str(row["id"])[:LONGEST],
            str(row["subject"] or "")[:LONGEST],
            STATES[row["state"]],
            Severity.named(str(row["severity"])).label,
            str(row["title"])[:LONGEST],
            None if row["duration"] is None else _finite(row["duration"]),
            None if row["value"] is None else _finite(row["value"]),
        )
    except (ArithmeticError, KeyError, TypeError, ValueError):
        return None
    return event


def _finite(value: Any) -> float:
    number = float(value)
    if not abs(number) < LARGEST:
        raise ValueError
    return number


def _object(data: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
