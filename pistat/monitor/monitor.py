"""Answers: which collectors to run for the wanted keys, how old they may be, and what has failed."""

from __future__ import annotations

import json
import logging
import math
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, TypeAlias

from pistat.cache import DeadlineCache, NoAnswerError, Outcome, Task, attempt
from pistat.collectors import ALL, cpu
from pistat.compression import Body
from pistat.field import Collector, Incomplete, Reading, Values
from pistat.log import OncePerMinute
from pistat.machine.machine import Machine
from pistat.machine.reasons import clause
from pistat.monitor.self_metrics import SelfMetrics
from pistat.text import UNSEEN

log = logging.getLogger("pistat")

OWNERS = {key: collector for collector in ALL for key in collector.keys}
"""The collector that owns each top-level key."""

SURROGATE = re.compile("[\ud800-\udfff]")
"""What a byte that is not UTF-8 becomes in a name from the operating system; JSON must not hold it."""

JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False)

DELETE = "\x7f"

RETRY_SECONDS = 2.0
"""For how long an answer is shared, at most, while something fails."""

KEPT = 64
"""How many different answers are kept for clients that ask again; `/stats` has 2^17 sets of fields."""


Failures: TypeAlias = "dict[str, tuple[BaseException, ...]]"


@dataclass(eq=False, slots=True)
class Answer:
    """The wanted keys, all of one moment.

    Attributes:
        values: In the order of the declarations.
        failures: The errors because of which leaves of a key are null although they should not be, by key.
        began: When, on the monotonic clock, the oldest part was begun to be read.
    """

    values: Values
    failures: Failures
    began: float
    _body: Body | None = field(default=None)

    @property
    def errors(self) -> dict[str, str]:
        """Return the failures in words for clients."""
        return {key: _sentence(failures) for key, failures in self.failures.items()}

    def document(self) -> Values:
        """Return the values, and the errors if there are any."""
        return {**self.values, "errors": self.errors} if self.failures else self.values

    def body(self) -> Body:
        """Return the document as JSON, made once."""
        if self._body is None:
            self._body = Body(encode(self.document()))
        return self._body


class Monitor:
    """Runs collectors behind a cache.

    Args:
        machine: What they read.
        cache_seconds: How long an answer is shared.
        self_metrics: Where it is counted what this costs.
    """

    def __init__(
        self, machine: Machine, cache_seconds: float, self_metrics: SelfMetrics | None = None
    ) -> None:
        self._machine = machine
        self._ttl = cache_seconds
        self._self_metrics = self_metrics or SelfMetrics()
        self._cache = DeadlineCache(machine.monotonic, ran=self._self_metrics.ran)
        self._tasks = {
            collector: Task(collector, partial(collector.collect, machine), collector.deadline)
            for collector in ALL
        }
        self._lock = threading.Lock()
        self._failing: dict[str, str] = {}
        self._logged: dict[str, str] = {}
        self._once_a_minute = OncePerMinute(machine.monotonic)
        self._wanted = lru_cache(maxsize=KEPT)(self._find)
        self._kept: dict[tuple[str, ...], Answer] = {}
        self._since = 0.0

    def renew(self, cache_seconds: float) -> None:
        """Share answers for another time, and from now on none that was begun before."""
        self._ttl = cache_seconds
        self._since = self._machine.monotonic()

    def answer(self, keys: tuple[str, ...], *, fresh: bool = False) -> Answer:
        """Return the values of `keys`, in that order; only the collectors that own them are run.

        With `fresh`, everything is read after this call.
        """
        kept = self._kept.get(keys)
        if (
            kept is not None
            and not fresh
            and kept.began >= self._since
            and self._machine.monotonic() - kept.began < self._age()
        ):
            self._self_metrics.asked(hit=True)
            return kept
        answer = self._compose(keys, self._outcomes(keys, fresh=fresh))
        self._keep(keys, answer)
        return answer

    def measured(self, keys: tuple[str, ...], seconds: float) -> Answer:
        """Measure the CPU over the `seconds` that begin now, for this caller; read the rest at their end."""
        measured = set(cpu.cpu.keys)
        second: Outcome[Reading] = attempt(
            partial(cpu.over, self._machine, seconds), self._machine.monotonic()
        )
        others = self._outcomes(tuple(key for key in keys if key not in measured), fresh=True)
        return self._compose(keys, {cpu.cpu: second, **others})

    def _outcomes(self, keys: tuple[str, ...], *, fresh: bool) -> dict[Collector, Outcome[Reading]]:
        """Return what the collectors that own `keys` have read, now or shortly before."""
        chosen, tasks = self._wanted(keys)
        log.debug("Wanted: %s", chosen)
        now = self._machine.monotonic()
        since = now if fresh else max(now - self._age(), self._since)
        outcomes = self._cache.get(tasks, since, accept_running=not fresh)
        self._self_metrics.asked(hit=bool(outcomes) and all(outcome.began < now for outcome in outcomes))
        return dict(zip(chosen, outcomes, strict=True))

    def _find(self, keys: tuple[str, ...]) -> tuple[list[Collector], list[Task[Reading]]]:
        """Return the collectors that own `keys`, and how each is run."""
        chosen = list(dict.fromkeys(OWNERS[key] for key in keys))
        return chosen, [self._tasks[collector] for collector in chosen]

    def _age(self) -> float:
        """Return how old an answer may be. What fails is asked again soon, whatever the setting."""
        return min(self._ttl, RETRY_SECONDS) if self._failing else self._ttl

    def _keep(self, keys: tuple[str, ...], answer: Answer) -> None:
        with self._lock:
            if len(self._kept) >= KEPT and keys not in self._kept:
                self._kept.clear()
            # Another thread may have kept a newer one; nobody shall be given an older one after that.
            if keys not in self._kept or self._kept[keys].began <= answer.began:
                self._kept[keys] = answer

    def _compose(self, keys: tuple[str, ...], outcomes: Mapping[Collector, Outcome[Reading]]) -> Answer:
        """Return the answer for `keys` from the outcomes of their collectors."""
        values: Values = {}
        failures: Failures = {}
        for collector, outcome in outcomes.items():
            if type(outcome.value) is dict and collector.name not in self._failing:
                # As nearly always.
                values.update(outcome.value)
                continue
            reading, failed = self._values_and_failures(collector, outcome)
            values.update(reading)
            if failed:
                failures.update(dict.fromkeys(collector.keys, failed))
        return Answer(
            {key: values[key] for key in keys},
            {key: failures[key] for key in keys if key in failures} if failures else {},
            min([outcome.began for outcome in outcomes.values()], default=0.0),
        )

    def _values_and_failures(
        self, collector: Collector, outcome: Outcome[Reading]
    ) -> tuple[Values, tuple[BaseException, ...]]:
        """Return the values of a collector, null where they failed, and the errors; log a change once."""
        reading = outcome.value
        failures: tuple[BaseException, ...] = ()
        if isinstance(reading, Incomplete):
            values, failures = reading.values, reading.failures
        elif reading is not None:
            values = reading
        else:
            values, failures = collector.nulls(self._machine), (outcome.error or RuntimeError(),)
        if failures:
            self._self_metrics.failed(collector.name, _sentence(failures), outcome.began)
        if failures or collector.name in self._failing:
            self._log_change(collector.name, _sentence(failures), outcome.error)
        return values, failures

    @property
    def failing(self) -> frozenset[str]:
        """Return the names of the collectors that failed when they were last asked."""
        with self._lock:
            return frozenset(self._failing)

    def _log_change(self, name: str, why: str, error: BaseException | None) -> None:
        """Log a line when a collector begins to fail, changes its reason, or recovers.

        The same failure is logged once a minute at most; then one that has come back meanwhile is, too.
        """
        with self._lock:
            if not why:
                self._failing.pop(name, None)
                if self._logged.pop(name, None):
                    log.info("%s works again.", name)
                return
            self._failing[name] = why
            if why != self._logged.get(name) and self._once_a_minute((name, why, type(error))):
                self._logged[name] = why
                detail = "" if error is None or isinstance(error, NoAnswerError) else f" ({error!r:.200})"
                log.warning("%s failed: %s%s", name, why, detail)


def _sentence(failures: Iterable[BaseException]) -> str:
    """Return failures in words for clients, each once."""
    return "; ".join(dict.fromkeys(map(clause, failures)))


def encode(value: Any) -> bytes:
    """Return strict JSON in UTF-8 with a newline at the end, whatever the machine holds."""
    try:
        return _dumped(value)
    except ValueError:
        # NaN, an infinity, or (UnicodeEncodeError) a name in bad UTF-8: rare, and looked for only now.
        return _dumped(_strict(value))


def _dumped(value: Any) -> bytes:
    text = JSON.encode(value)
    if not text.isascii() or DELETE in text:
        # JSON may hold them as they are, but a terminal obeys them.
        text = UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode() + b"\n"


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {_strict(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, str):
        return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
