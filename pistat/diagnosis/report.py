"""The answer to what is wrong: judged by each sample of the recorder, or by one reading where there is none."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pistat.collectors import processes
from pistat.compression import Body
from pistat.diagnosis import FINDINGS, clock
from pistat.diagnosis.evaluation import Change, Evaluation
from pistat.diagnosis.events import CLOCK, Event, Events, Listener
from pistat.diagnosis.finding import Finding, Moment, Severity, name, steps
from pistat.diagnosis.limits import Limits
from pistat.diagnosis.past import Past
from pistat.field import Derived, Field, Kind, Unit
from pistat.history.recorder import Recorder, Sample
from pistat.history.storage import StateDirectory
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason, Unavailable
from pistat.monitor import capabilities
from pistat.monitor.monitor import Monitor, encode
from pistat.parsers.values import Json

HERE = Derived("the findings and the readings that they look at")
SEVERITIES = tuple(severity.label for severity in Severity)[1:]

FIELDS = (
    Field("status", Unit.TEXT, f"`ok`, or the most severe of the findings: {', '.join(SEVERITIES)}.", HERE),
    Field("sentence", Unit.TEXT, "The same for people, in one sentence.", HERE),
    Field("findings[row].id", Unit.TEXT, "Its name for programs.", HERE),
    Field(
        "findings[row].subject", Unit.TEXT, "The filesystem, disk, interface or fan; null for others.", HERE
    ),
    Field("findings[row].severity", Unit.TEXT, f"One of {', '.join(SEVERITIES)}.", HERE),
    Field("findings[row].since", Unit.UNIX_TIME, "When pi-stat first saw it.", HERE),
    Field("findings[row].title", Unit.TEXT, "What is wrong.", HERE),
    Field("findings[row].text", Unit.TEXT, "What it means.", HERE),
    Field("findings[row].advice", Unit.TEXT, "What to do.", HERE),
    Field(
        "findings[row].evidence.{reading}",
        Unit.ANY,
        "The readings behind it, by their paths in the other answers.",
        HERE,
    ),
    Field("findings[row].source", Unit.TEXT, "Address of a document about it.", HERE),
    Field("checked[id]", Unit.TEXT, "What was checked.", HERE),
    Field(
        "unknown[row].id", Unit.TEXT, "What could not be checked; that does not mean that it is well.", HERE
    ),
    Field("unknown[row].reason", Unit.TEXT, "Why not.", Derived("/capabilities")),
    Field(
        "unknown[row].remedy",
        Unit.TEXT,
        "What to do, so that it can be; null where nothing helps.",
        Derived("/capabilities"),
    ),
)
"""What `Diagnosis.body` holds, besides the time."""

EVENTS = (
    Field(
        "events[row].time",
        Unit.UNIX_TIME,
        "When; for a finding that began, when its condition was first seen.",
        HERE,
    ),
    Field(
        "events[row].id",
        Unit.TEXT,
        "A finding; `boot` for a start of the machine, `daemon` for one of pi-stat, `clock` for a change of the clock.",
        HERE,
    ),
    Field("events[row].subject", Unit.TEXT, "The filesystem, disk, interface or fan; null for others.", HERE),
    Field("events[row].state", Unit.TEXT, "`begin` or `end`.", HERE),
    Field("events[row].severity", Unit.TEXT, "How severe; for an end, how severe it was at its worst.", HERE),
    Field("events[row].title", Unit.TEXT, "What happened, in a few words.", HERE),
    Field("events[row].duration", Unit.SECONDS, "How long it lasted; null for what began.", HERE),
    Field(
        "events[row].value",
        Unit.ANY,
        "What was measured; for a change of the clock, by how many seconds; for a start, 1 if there was no shutdown before it.",
        HERE,
    ),
)
"""What `Diagnosis.events` returns."""

METRICS = (
    Field("findings[row].id", Unit.TEXT, "A finding.", HERE, kind=Kind.LABEL),
    Field("findings[row].severity", Unit.TEXT, "How severe it is.", HERE, kind=Kind.LABEL),
    Field(
        "findings[row].active",
        Unit.NUMBER,
        "Always 1: a finding of /diagnosis lasts; one that does not has no series.",
        HERE,
        metric="pistat_finding",
    ),
)
"""What `Diagnosis.metrics` returns, for Prometheus."""

KEYS = tuple(dict.fromkeys(key for finding in FINDINGS for key in sorted(finding.keys)))
"""The top-level keys that the findings look at."""

FAST = frozenset({"cpu_temp", "power", "memory", "swap", "load_avg", "per_cpu_usage", "timestamp", "uptime"})
"""Those that are read with every sample; the others each minute."""

SLOW_SECONDS = 60.0

NAME_PROCESSES = {"cpu.load", "memory.low", "memory.swap_full", "memory.thrash"}
"""The findings whose texts name a process."""

BOOT_ID = "/proc/sys/kernel/random/boot_id"
NOWHERE = "There is no directory for it."

OFF = "The history is off (PISTAT_HISTORY_SECONDS=0), and one reading does not show it."
EARLY = "It takes more readings than there are yet."
LASTS = "It is so right now; whether it lasts is not known."


class Diagnosis:
    """The findings of one machine, as of the last sample, and what happened until then.

    Args:
        monitor: Who is asked for a reading while there are no samples.
        machine: Which machine it is about.
        limits: What the owner has set.
        recording: Whether there will be samples.
        state: Where events outlast a restart; None for nowhere.
    """

    def __init__(
        self,
        monitor: Monitor,
        machine: Machine,
        limits: Limits = (),
        *,
        recording: bool = False,
        state: StateDirectory | None = None,
    ) -> None:
        self._monitor = monitor
        self._machine = machine
        self._stages = dict(limits)
        self._recording = recording
        self._lock = threading.RLock()
        self._state = state or StateDirectory(None, machine, NOWHERE)
        self._past = Past()
        self._events: Events | None = None
        self._listeners: list[Listener] = []
        self._values: dict[str, Any] = {}
        self._evaluation: Evaluation | None = None
        self._moment: Moment | None = None
        self._bodies: dict[Severity, Body] = {}
        self._lacks: dict[str, Unavailable] | None = None
        self._reasons: dict[str, Unavailable] = {}
        self._processes: dict[str, str] = {}
        self._single: tuple[object, Evaluation, Moment] | None = None

    # What samples bring

    def listen(self, recorder: Recorder) -> None:
        """Judge every sample of a recorder; with an interval of 0 it takes none."""
        # In this order, so that the first sample has all keys when it is judged.
        recorder.listen(sorted(set(KEYS) - FAST), self._keep, every=SLOW_SECONDS)
        recorder.listen(sorted(FAST), self._judge)
        recorder.at_stop(self.stop)

    def _keep(self, sample: Sample) -> None:
        with self._lock:
            self._values.update(sample.values)

    def _judge(self, sample: Sample) -> None:
        self.update(sample.boot, sample.wall, sample.values)

    def update(self, boot: float, wall: float, values: Mapping[str, Any]) -> list[Event]:
        """Judge a sample of some of the keys, and return what happened since the one before."""
        events = self._events or self._open(boot, wall)
        with self._lock:
            step = self._step(wall - boot)
            self._values.update(values)
            boots = events.boots(wall - boot, wall)
            moment = Moment(boot, wall, self._values, self._past, boots, self._processes)
            if self._evaluation is None:
                self._evaluation = self._resumed(events, wall - boot)
            changes = self._evaluation.update(moment, values)
            self._moment = moment
            self._bodies.clear()
            happened = [_event(change, moment) for change in changes]
            if step is not None and boot <= clock.SETTLED_SECONDS:
                # A later one is a finding.
                happened.append(
                    Event(boot, wall, CLOCK, "", "begin", "info", "The clock was set", value=step)
                )
            for event in happened:
                events.add(event)
        # Not while others wait for the lock: a worn card takes seconds.
        events.save_if_due(boot, wall)
        for listener in self._listeners:
            for event in happened:
                listener(event)
        return happened

    def _open(self, boot: float, wall: float) -> Events:
        """Read what earlier runs of the daemon have left. Only the thread that takes samples does so."""
        events = Events(self._state, self._machine.word(BOOT_ID) if self._machine.linux else None)
        events.open(boot, wall)
        self._past.restore(events.counters)
        with self._lock:
            self._events = events
        return events

    def _resumed(self, events: Events, offset: float) -> Evaluation:
        """Return an evaluation that goes on with the findings that lasted when the daemon was stopped."""
        evaluation = Evaluation(self._findings(), self._stages)
        for event in events.lasting():
            since = event.wall - offset if event.time is None else event.time
            evaluation.restore(event.id, event.subject, Severity.named(event.severity), since)
        return evaluation

    def _step(self, offset: float) -> float | None:
        """Return by how many seconds the wall clock was moved since the last sample; None for hardly any."""
        last = self._past.offset
        return offset - last if last is not None and abs(offset - last) > clock.STEP_SECONDS else None

    def announce(self, listener: Listener) -> None:
        """Have every event told to `listener`, in the thread of the recorder."""
        self._listeners.append(listener)

    def stop(self) -> None:
        """Save what is to outlast the daemon, and note that it was stopped and did not crash."""
        if self._events is not None:
            self._events.close(self._machine.uptime(), self._machine.time(), self._past.saved())

    def set_limits(self, limits: Limits) -> None:
        """Judge by other limits from now on; what lasts goes on, unless it is switched off."""
        with self._lock:
            if dict(limits) == self._stages:
                return
            self._stages = dict(limits)
            self._bodies.clear()
            self._single = None
            if self._evaluation is not None:
                old = self._evaluation.active()
                self._evaluation = Evaluation(self._findings(), self._stages)
                for change in old:
                    self._evaluation.restore(change.finding.id, change.subject, change.severity, change.since)

    def events(self, since: float, limit: int) -> list[dict[str, Any]]:
        """Return what happened after the Unix time `since`, the last `limit` of it."""
        with self._lock:
            offset = self._machine.time() - self._machine.uptime()
            return self._events.rows(offset, since, limit) if self._events else []

    def _findings(self, *, now_only: bool = False) -> list[Finding]:
        """Return the findings that can be judged on this machine."""
        lacks = self.lacks
        return [
            finding
            for finding in self._possible()
            if finding.id not in lacks and (finding.now or not now_only)
        ]

    def _possible(self) -> list[Finding]:
        """Return the findings that this machine can have, and that the owner has not switched off."""
        return [
            finding
            for finding in FINDINGS
            if self._stages.get(finding.id, finding.stages)
            and not (finding.not_for and finding.not_for(self._machine))
        ]

    @property
    def lacks(self) -> dict[str, Unavailable]:
        """Why findings cannot be judged on this machine, by their IDs."""
        if self._lacks is None:
            found = {finding.id: finding.lacks(self._machine) for finding in FINDINGS if finding.lacks}
            self._lacks = {finding: lack for finding, lack in found.items() if lack}
        return self._lacks

    # The answer

    @property
    def status(self) -> Severity:
        """How severe the most severe finding is."""
        with self._lock:
            return _status(self._now()[0])

    def body(self, least: Severity = Severity.INFO) -> Body:
        """Return the answer as JSON with the findings that are at least so severe."""
        with self._lock:
            now = self._now()
            if least in self._bodies:
                return self._bodies[least]
        self._look_into(*now)
        with self._lock:
            body = self._bodies[least] = Body(encode(self._document(*self._now(), least)))
            return body

    def document(self, least: Severity = Severity.INFO) -> dict[str, Any]:
        """Return the answer with the findings that are at least so severe."""
        with self._lock:
            now = self._now()
        self._look_into(*now)
        with self._lock:
            return self._document(*self._now(), least)

    def _look_into(self, evaluation: Evaluation, moment: Moment) -> None:
        """Find out what the answer needs besides the samples: reasons of what is null, names of processes.

        That may take long, as of a firmware that hangs, so the recorder must not be kept waiting meanwhile.
        """
        with self._lock:
            judged = evaluation.judged()
            nulls = [
                _null_path(finding, moment) for finding in self._possible() if judged.get(finding.id) == ""
            ]
            active = {change.finding.id for change in _listed(evaluation)}
        for path in nulls:
            self._reasons[path] = self._machine.memo.for_a_minute(
                f"why {path} is null", partial(self._why_null, path)
            )
        if active & NAME_PROCESSES:
            self._processes.update(self._busiest())

    def _why_null(self, path: str) -> Unavailable:
        return capabilities.why_null(self._machine, path, self._monitor.answer(steps(path)[:1]))

    def _busiest(self) -> dict[str, str]:
        """Return the names of the processes that use most of the CPU and of the memory."""
        tables = self._monitor.answer(processes.processes.keys).values["processes"]
        first = {order: processes.top(tables, order, 1) for order in ("cpu", "memory")} if tables else {}
        return {
            order: str(row["name"]) for order, rows in first.items() for row in rows if isinstance(row, dict)
        }

    def active(self) -> list[tuple[str, str]]:
        """Return the ID and the severity of each finding that lasts, each pair once."""
        with self._lock:
            evaluation, _ = self._now()
            return sorted({(change.finding.id, change.severity.label) for change in _listed(evaluation)})

    def metrics(self) -> dict[str, Json]:
        """Return the values of `METRICS`."""
        rows: list[Json] = [
            {"id": finding, "severity": severity, "active": 1} for finding, severity in self.active()
        ]
        return {"findings": rows}

    def _now(self) -> tuple[Evaluation, Moment]:
        """Return the state by the last sample, or by one reading where there are no samples."""
        if self._evaluation is not None and self._moment is not None:
            return self._evaluation, self._moment
        answer = self._monitor.answer(KEYS)
        if self._single is None or self._single[0] is not answer:
            moment = Moment(
                self._machine.uptime(), self._machine.time(), answer.values, processes=self._processes
            )
            evaluation = Evaluation(self._findings(now_only=True), self._stages)
            evaluation.update(moment)
            self._single = answer, evaluation, moment
            self._bodies.clear()
        return self._single[1:]

    def _document(self, evaluation: Evaluation, moment: Moment, least: Severity) -> dict[str, Any]:
        active = _listed(evaluation)
        findings: list[Json] = [_row(change, moment) for change in active if change.severity >= least]
        unknown = dict(self._unknown(evaluation, moment))
        return {
            "status": _status(evaluation).label,
            "sentence": _sentence([_filled(change.finding.title, change, moment) for change in active]),
            "findings": findings,
            "checked": [identifier for identifier in evaluation.judged() if identifier not in unknown],
            "unknown": [
                {"id": finding, "reason": reason, "remedy": remedy}
                for finding, (reason, remedy) in unknown.items()
            ],
            "timestamp": moment.wall,
        }

    def _unknown(
        self, evaluation: Evaluation, moment: Moment
    ) -> Iterator[tuple[str, tuple[str, str | None]]]:
        """Yield what could not be judged, why not, and what to do about it."""
        judged = evaluation.judged()
        single = moment.past is None
        waiting = EARLY if self._recording else OFF
        for finding in self._possible():
            if finding.id in self.lacks:
                yield finding.id, (self.lacks[finding.id].detail, None)
            elif judged.get(finding.id):
                yield finding.id, (str(judged[finding.id]), None)
            elif judged.get(finding.id) == "":
                yield finding.id, self._null(_null_path(finding, moment))
            elif single and not finding.now:
                yield finding.id, (waiting, None)
            elif single and evaluation.pending(finding.id):
                yield finding.id, (f"{LASTS} {waiting}", None)

    def _null(self, path: str) -> tuple[str, str | None]:
        """Return why a reading is null, and what to do about it."""
        lack = self._reasons.get(path)
        if lack is None:
            return f"There is no reading of {path}.", None
        if lack.fixable or lack.why is Reason.NO_PERMISSION:
            return f"There is no reading of {path}: {lack.why}.", lack.detail
        return lack.detail, None


def _null_path(finding: Finding, moment: Moment) -> str:
    """Return which of the readings of a finding is null."""
    paths = [path for path in finding.reads if "{" not in path and "[" not in path]
    return next((path for path in paths if moment.get(*steps(path)) is None), finding.reads[0])


# Rows


def _event(change: Change, moment: Moment) -> Event:
    finding, time = change.finding, change.time if not change.began else change.since
    return Event(
        time,
        moment.wall - moment.boot + time,
        finding.id,
        change.subject,
        "begin" if change.began else "end",
        change.severity.label,
        _filled(finding.title, change, moment),
        None if change.began else change.time - change.since,
        change.value if math.isfinite(change.value) else None,
    )


def _listed(evaluation: Evaluation) -> list[Change]:
    """Return the findings that last, without those that another one implies."""
    active = evaluation.active()
    lasting = {change.finding.id for change in active}
    return [change for change in active if change.finding.implied_by not in lasting]


def _status(evaluation: Evaluation) -> Severity:
    return max((change.severity for change in evaluation.active()), default=Severity.OK)


def _sentence(titles: Sequence[str]) -> str:
    """Return the state in one sentence, the worst first."""
    if not titles:
        return "No problem found."
    first, *others = titles
    if not others:
        return f"{first}; nothing else was found."
    more = f"{len(others)} more finding{'s' if len(others) > 1 else ''}"
    return f"{first}, and {more}."


def _row(change: Change, moment: Moment) -> dict[str, Json]:
    finding = change.finding
    return {
        "id": finding.id,
        "subject": change.subject or None,
        "severity": change.severity.label,
        "since": round(moment.wall - moment.boot + change.since, 2),
        "title": _filled(finding.title, change, moment),
        "text": _filled(finding.text, change, moment),
        "advice": _filled(finding.advice, change, moment),
        "evidence": evidence(finding, change.subject, moment),
        "source": finding.source,
    }


def _filled(template: str, change: Change, moment: Moment) -> str:
    if "{" not in template:
        return template
    finding = change.finding
    words = finding.words(moment, change.subject, change.value) if finding.words else {}
    return template.format(subject=name(change.subject), value=change.value, **words)


def evidence(finding: Finding, subject: str, moment: Moment) -> dict[str, Json]:
    """Return the readings that a finding is based on, by the paths at which they stand in the answers."""
    return dict(pair for path in finding.reads for pair in _readings(path, subject, moment))


def _readings(path: str, subject: str, moment: Moment) -> Iterator[tuple[str, Json]]:
    top, row, leaf = path.partition("[row].")
    if row:
        for number, entry in enumerate(moment.values.get(top) or ()):
            if subject in entry.values():
                yield f"{top}[{number}].{leaf}", entry.get(leaf)
        return
    steps = [subject if step.startswith("{") else step.partition("[")[0] for step in path.split(".")]
    yield ".".join(steps), moment.get(*steps)
