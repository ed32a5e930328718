"""The recorder: one sample of the machine at each interval, for all who remember, compare or announce."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pistat.log import OncePerMinute
from pistat.machine.cpu_times import Spent
from pistat.machine.machine import Machine
from pistat.monitor.monitor import Monitor
from pistat.parsers.values import Json

log = logging.getLogger("pistat")


@dataclass(frozen=True, slots=True)
class Sample:
    """What was read at one moment.

    Attributes:
        boot: Seconds on the boot clock when it was begun to be read.
        wall: The same by the wall clock, Unix time. It may be wrong until NTP has set it.
        values: Answers by top-level key, of all keys that somebody listens to and that are due; null at the
            leaves that could not be read.
        errors: Why leaves of a key are null although they should not be, by key.
        cpu: How the time of all CPUs was spent since boot.
    """

    boot: float
    wall: float
    values: Mapping[str, Json]
    errors: Mapping[str, str] = field(default_factory=dict)
    cpu: Spent | None = None


Callback: TypeAlias = Callable[[Sample], None]


@dataclass(eq=False, slots=True)
class _Listener:
    """Who is told of samples: of which keys, how often, and when next on the boot clock."""

    keys: tuple[str, ...]
    callback: Callback
    every: float
    due: float = -math.inf


class Recorder:
    """One thread that takes a sample each `seconds`, through the collectors and the cache of the monitor.

    Samples fall on multiples of `seconds` of the boot clock, besides a first one at the start. A collector
    that hangs costs the first sample its deadline and is null in all of them; nothing else is missing.

    Args:
        monitor: Who is asked.
        machine: Whose clocks count.
        seconds: The interval; 0 for never.
    """

    def __init__(self, monitor: Monitor, machine: Machine, seconds: float) -> None:
        self._monitor = monitor
        self._machine = machine
        self.seconds = seconds
        self._listeners: list[_Listener] = []
        self._once_a_minute = OncePerMinute(machine.monotonic)
        self._at_stop: list[Callable[[], object]] = []
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, keys: Iterable[str], callback: Callback, every: float = 0.0) -> None:
        """Have `keys` read with each sample, and `callback` called with it, in the order of these calls.

        The callback runs in the thread of the recorder. An exception of it is one line a minute in the log
        and hurts nobody else.

        Args:
            keys: Top-level keys of answers.
            callback: Who is told.
            every: Seconds between the samples that are wanted, for keys that are slow or rarely change.
        """
        self._listeners.append(_Listener(tuple(keys), callback, every))

    def start(self) -> None:
        """Begin, in a thread; with an interval of 0 there is none."""
        if self.seconds and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
            self._thread.start()

    def at_stop(self, callback: Callable[[], object]) -> None:
        """Have `callback` called in the thread of the recorder after the last sample."""
        self._at_stop.append(callback)

    def request_stop(self) -> None:
        """End after the sample that is being taken, without waiting for that."""
        self._stopped.set()

    def stop(self, seconds: float = 1.0) -> None:
        """End after the sample that is being taken, and wait for that `seconds` at most."""
        self.request_stop()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        self._guarded(self.take)
        while not self._stopped.wait(self._wait()):
            self._guarded(self.take)
        for callback in self._at_stop:
            self._guarded(callback)

    def _guarded(self, do: Callable[..., object], *arguments: object) -> None:
        """Call `do`; what it raises is one line a minute in the log, and the next sample is taken."""
        try:
            do(*arguments)
        except Exception as error:  # whatever it is
            if self._once_a_minute(do):
                log.error("The recorder failed", exc_info=error)  # noqa: TRY400 - once a minute

    def _wait(self) -> float:
        """Return the seconds until the next multiple of the interval; one that is nearly now was this one."""
        now = self._machine.uptime()
        return (math.floor(now / self.seconds + 0.5) + 1) * self.seconds - now

    def take(self) -> Sample:
        """Take one sample now, and tell everybody for whom it is due."""
        boot, wall = self._machine.uptime(), self._machine.time()
        due = [listener for listener in self._listeners if listener.due <= boot]
        keys = dict.fromkeys(key for listener in due for key in listener.keys)
        spent = self._machine.spent()
        answer = self._monitor.answer(tuple(keys), fresh=True)
        sample = Sample(boot, wall, answer.values, answer.errors, spent)
        for listener in due:
            # Half an interval of tolerance, since a sample is never taken at exactly the same moment.
            listener.due = boot + listener.every - self.seconds / 2 if listener.every else -math.inf
            self._guarded(listener.callback, sample)
        return sample
