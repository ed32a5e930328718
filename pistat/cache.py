"""One reading at a time for each source, shared by all who wait, with an age and a deadline."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")

PATIENCE = 0.25
"""Seconds after which the readings behind a slow one go on in another thread."""


class NoAnswerError(Exception):
    """A source that did not answer within its deadline, and has not answered since."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:.1f} s")


class Task(NamedTuple, Generic[T]):
    """Something to read: the key of its source, the function, and the seconds that it may take."""

    key: Hashable
    read: Callable[[], T]
    deadline: float


class Outcome(NamedTuple, Generic[T]):
    """What a reading gave: a value or an error, and when on the monotonic clock it was begun."""

    began: float
    value: T | None = None
    error: Exception | None = None


@dataclass(eq=False, slots=True)
class _Run:
    """A task under way."""

    task: Task[Any]
    began: float
    job: _Job
    started: float | None = None

    def overdue(self, now: float) -> bool:
        return self.started is not None and now - self.started >= self.task.deadline


@dataclass(eq=False, slots=True)
class _Job:
    """Runs that one thread does in turn; others help when there is no progress, twice as many each time."""

    pending: deque[_Run] = field(default_factory=deque)
    progress: float = 0.0
    helpers: int = 1


class Cache:
    """Runs tasks in threads of its own, so that no caller is ever stuck in one.

    However many callers want a source, one reading of it is under way at a time. A reading that outlasts its
    deadline is given up as `NoAnswerError`; its thread is left behind, the others go on in another, and the
    source is not asked again before that thread has come back: no source ever has more than one stuck thread.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._wanted = threading.Condition(self._lock)
        self._latest: dict[Hashable, Outcome[Any]] = {}
        self._running: dict[Hashable, _Run] = {}
        self._jobs: deque[_Job] = deque()
        self._idle = 0
        self._waiting = 0

    def get(self, tasks: Sequence[Task[T]], since: float, *, join: bool) -> list[Outcome[T]]:
        """The outcome of each task, from readings that began at `since` or later.

        If one of them is older, all are read again, so that an answer is of one moment. With `join`, one
        that is under way already will do, whenever it began.
        """
        with self._lock:
            if not all(self._has(task.key, since) for task in tasks):
                self._refresh(tasks, self._floors(tasks, since, join=join))
            return [self._latest[task.key] for task in tasks]

    def _has(self, key: Hashable, since: float) -> bool:
        outcome = self._latest.get(key)
        return outcome is not None and outcome.began >= since

    def _floors(self, tasks: Sequence[Task[T]], since: float, *, join: bool) -> dict[Hashable, float]:
        """When the reading of each task must have begun to be good enough."""
        now = self._clock()
        floors = {task.key: max(since, now) if join else since for task in tasks}
        if join:
            floors.update({key: self._running[key].began for key in floors if key in self._running})
        return floors

    def _refresh(self, tasks: Sequence[Task[T]], floors: dict[Hashable, float]) -> None:
        while missing := [task for task in tasks if not self._has(task.key, floors[task.key])]:
            idle = [task for task in missing if task.key not in self._running]
            if idle:
                self._start(idle)
            self._give_up(missing)
            alarm = self._alarm(missing)
            if alarm is not None:
                self._waiting += 1
                self._changed.wait(max(0.0, alarm - self._clock()))
                self._waiting -= 1

    def _start(self, tasks: Sequence[Task[T]]) -> None:
        job = _Job(progress=self._clock())
        for task in tasks:
            run = _Run(task, job.progress, job)
            self._running[task.key] = run
            job.pending.append(run)
        self._enlist(job)

    def _enlist(self, job: _Job) -> None:
        """Have a thread work on `job`: an idle one, or a new one."""
        self._jobs.append(job)
        if self._idle >= len(self._jobs):
            self._wanted.notify()
        else:
            threading.Thread(target=self._work, name="collector", daemon=True).start()

    def _give_up(self, tasks: Sequence[Task[T]]) -> None:
        """Answer for what is overdue, and send help to what waits behind something slow."""
        now = self._clock()
        for task in tasks:
            run = self._running.get(task.key)
            if run is None:
                continue
            if run.overdue(now):
                self._latest[task.key] = Outcome(now, error=NoAnswerError(task.deadline))
            elif run.job.pending and now - run.job.progress >= PATIENCE:
                self._help(run.job, now)

    def _help(self, job: _Job, now: float) -> None:
        for _ in range(min(job.helpers, len(job.pending))):
            self._enlist(job)
        job.helpers *= 2
        job.progress = now

    def _alarm(self, tasks: Sequence[Task[T]]) -> float | None:
        """When `_give_up` may have something to do again; None when it has just answered for all."""
        moments = []
        now = self._clock()
        for task in tasks:
            run = self._running.get(task.key)
            if run is None or run.overdue(now):
                continue
            if run.started is not None:
                moments.append(run.started + task.deadline)
            if run.job.pending:
                moments.append(run.job.progress + PATIENCE)
            elif run.started is None:
                moments.append(now + PATIENCE)
        return min(moments, default=None)

    def _work(self) -> None:
        """The life of a thread: job after job, until another thread is idle already."""
        while (job := self._next_job()) is not None:
            with self._lock:
                run = self._next_run(job)
            while run is not None:
                outcome = attempt(run.task.read, run.began)
                with self._lock:
                    self._settle(run, outcome)
                    run = self._next_run(job)

    def _next_job(self) -> _Job | None:
        with self._lock:
            if not self._jobs:
                if self._idle:
                    return None
                self._idle += 1
                while not self._jobs:
                    self._wanted.wait()
                self._idle -= 1
            return self._jobs.popleft()

    def _next_run(self, job: _Job) -> _Run | None:
        if not job.pending:
            return None
        run = job.pending.popleft()
        run.started = job.progress = self._clock()
        return run

    def _settle(self, run: _Run, outcome: Outcome[Any]) -> None:
        del self._running[run.task.key]
        if not run.overdue(self._clock()):
            self._latest[run.task.key] = outcome
        # One who waits alone has started the job and wants all of it; others may want just this.
        if not run.job.pending or self._waiting > 1:
            self._changed.notify_all()


def attempt(read: Callable[[], T], began: float) -> Outcome[T]:
    """The outcome of one reading, whatever happens in it."""
    try:
        return Outcome(began, value=read())
    except Exception as error:  # noqa: BLE001 - the one place where any failure becomes a value
        return Outcome(began, error=error)
