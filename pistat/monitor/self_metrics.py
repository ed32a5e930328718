"""What the daemon itself has done, and what it costs: its own measurements."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import psutil

from pistat import collectors
from pistat.field import Collector, Derived, Field, Kind, Unit, Values
from pistat.machine import processes
from pistat.machine.descriptors import FileCache
from pistat.parsers.values import Json

OTHER = "other"
"""What requests for no route of ours are counted as: a label that clients cannot make more of."""

HERE = Derived("the daemon itself")


def _counter(path: str, unit: Unit, text: str, metric: str = "") -> Field:
    return Field(path, unit, text, HERE, kind=Kind.COUNTER, metric=metric)


FIELDS = (
    Field("collectors[row].collector", Unit.TEXT, "Name of a collector.", HERE, kind=Kind.LABEL),
    Field("collectors[row].success", Unit.FLAG, "Whether a collector could read all, last time.", HERE),
    _counter("collectors[row].runs", Unit.COUNT, "Times that a collector has run."),
    _counter("collectors[row].failures", Unit.COUNT, "Times that a collector has failed, or was too late."),
    _counter("collectors[row].time", Unit.SECONDS, "Time that a collector has taken."),
    _counter("cache.hits", Unit.COUNT, "Answers for which nothing was read."),
    _counter("cache.misses", Unit.COUNT, "Answers for which something was read."),
    Field("requests[row].route", Unit.TEXT, "A route.", HERE, kind=Kind.LABEL),
    Field("requests[row].status", Unit.TEXT, "Status of its answers.", HERE, kind=Kind.LABEL),
    _counter(
        "requests[row].count",
        Unit.COUNT,
        "Requests, answered or refused; 408 are those of which the rest never came.",
    ),
    _counter("process.cpu", Unit.SECONDS, "CPU time that the daemon has used.", "process_cpu"),
    Field(
        "process.memory", Unit.BYTES, "Resident memory of the daemon.", HERE, metric="process_resident_memory"
    ),
    Field(
        "process.descriptors", Unit.COUNT, "Open descriptors of the daemon.", HERE, metric="process_open_fds"
    ),
    Field("process.threads", Unit.COUNT, "Threads of the daemon.", HERE, metric="process_threads"),
)
"""What `Own.values` holds, declared like any other measurement.

Those of the process have the names that every program which knows Prometheus gives them.
"""


@dataclass(slots=True)
class _Runs:
    """How often a collector has run, and for how long in all."""

    count: int = 0
    seconds: float = 0.0


class SelfMetrics:
    """Counters since the start of the daemon. Nothing that a client sends makes them more.

    Args:
        linux: Whether there is /proc.

    Attributes:
        last_error: What went wrong last, in words that may be shown to anybody; empty when nothing has.
    """

    def __init__(self, *, linux: bool = sys.platform == "linux") -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._hits = 0
        self._misses = 0
        self._runs = {collector.name: _Runs() for collector in collectors.ALL}
        self._failures: Counter[str] = Counter()
        self._failed: dict[str, float] = {}
        self._process = psutil.Process()
        self._linux = linux
        self._files = FileCache(1)
        self.last_error = ""

    def answered(self, route: str, status: int) -> None:
        """Count a request that has been answered or refused; `route` is one of ours, or OTHER."""
        with self._lock:
            self._requests[route, status] += 1

    def asked(self, *, hit: bool) -> None:
        """Count an answer; a hit is one for which nothing was read."""
        with self._lock:
            self._hits += hit
            self._misses += not hit

    def ran(self, collector: Collector, seconds: float) -> None:
        """Count a run of a collector, successful or not. The cache reports one run after the other."""
        runs = self._runs[collector.name]
        runs.count += 1
        runs.seconds += seconds

    def failed(self, collector: str, why: str, began: float) -> None:
        """Count a failure of a collector; once, however many answers share what began at `began`."""
        with self._lock:
            self._failures[collector] += self._failed.get(collector) != began
            self._failed[collector] = began
        self.last_error = f"{collector}: {why}"

    @property
    def requests(self) -> int:
        """Return how many requests have been answered or refused."""
        with self._lock:
            return self._requests.total()

    def values(self, failing: Collection[str]) -> Values:
        """Return everything at this moment; `failing` has the names of the collectors that fail now."""
        with self._lock:
            return {
                "collectors": [self._collector(collector.name, failing) for collector in collectors.ALL],
                "cache": {"hits": self._hits, "misses": self._misses},
                "requests": [
                    {"route": route, "status": str(status), "count": count}
                    for (route, status), count in sorted(self._requests.items())
                ],
                "process": self._costs(),
            }

    def _collector(self, name: str, failing: Collection[str]) -> dict[str, Json]:
        runs = self._runs[name]
        return {
            "collector": name,
            "success": name not in failing if runs.count or name in failing else None,
            "runs": runs.count,
            "failures": self._failures[name],
            "time": round(runs.seconds, 6),
        }

    def _costs(self) -> dict[str, Json]:
        # Windows has handles, and more of them.
        descriptors = self._process.num_fds() if hasattr(self._process, "num_fds") else None
        memory, threads = self._size() if self._linux else self._portable_size()
        return {
            "cpu": time.process_time(),
            "memory": memory,
            "descriptors": descriptors,
            "threads": threads,
        }

    def _size(self) -> tuple[int, int]:
        """Return resident bytes and threads: both of one file that stays open, a sixth of psutil's time."""
        stat = self._files.read("/proc/self/stat")
        own = processes.parse(stat, 0, 1, os.sysconf("SC_PAGE_SIZE"))
        return own.memory, own.threads

    def _portable_size(self) -> tuple[int, int]:
        return self._process.memory_info().rss, self._process.num_threads()
