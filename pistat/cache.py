"""One reading at a time for each source, shared by all who wait, with an age and a deadline."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar, cast

T = TypeVar("T")

HELP_AFTER_SECONDS = 0.25
"""Seconds after which the tasks behind a slow one continue in another thread."""


class NoAnswerError(Exception):
    """A source has not answered within its deadline, nor since."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:.1f} s")


class NoThreadError(Exception):
    """The system has no thread left for a reading."""


class Task(NamedTuple, Generic[T]):
    """Something to read: the key of its source, the function that reads it, and the seconds it may take."""

    key: Hashable
    read: Callable[[], T]
    deadline: float


class Outcome(NamedTuple, Generic[T]):
    """What a reading gave: a value or an error, and when on the monotonic clock it began."""

    began: float
    value: T | None = None
    error: BaseException | None = None


NEVER: Outcome[Any] = Outcome(float("-inf"))
"""The outcome of a source that has not been read yet."""


@dataclass(eq=False, slots=True)
class _Job:
    """Tasks that one thread does in turn; when it is stuck, others help, twice as many each time.

    Attributes:
        began: When the job was asked for.
        pending: The tasks that no thread has started yet.
        started: When each task that is under way was started, by the key of its source.
        progress: When a task was last started, or help was last sent.
        helpers: How many threads to send the next time.
    """

    began: float
    pending: deque[Task[Any]]
    started: dict[Hashable, float] = field(default_factory=dict)
    progress: float = field(init=False)
    helpers: int = 1

    def __post_init__(self) -> None:
        self.progress = self.began

    def overdue(self, task: Task[Any], now: float) -> bool:
        """Return whether a task is taking longer than it may."""
        return now - self.started.get(task.key, now) >= task.deadline


class DeadlineCache:
    """Runs tasks in threads of its own, so that no caller is ever stuck in one.

    However many callers want a source, one reading of it is under way at a time. A reading that outlasts its
    deadline is given up as `NoAnswerError`; its thread is left behind, the other tasks continue in another
    thread, and the source is not asked again before the stuck thread has returned: no source ever has more
    than one stuck thread.

    An idle thread ends when the cache is closed, or when nobody uses the cache any more.

    Args:
        clock: A monotonic clock.
        ran: Called after each reading, in time or not, never two at once, with the key of its source and
            the seconds it took.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        ran: Callable[[Any, float], None] | None = None,
    ) -> None:
        self._clock = clock
        self._ran = ran
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._latest: dict[Hashable, Outcome[Any]] = {}
        self._running: dict[Hashable, _Job] = {}
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._idle = 0
        self._waiting = 0

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """End the idle threads; the others end when they have done their work."""
        with self._lock:
            self._closed = True
            for _ in range(self._idle):
                self._jobs.put(None)
            self._idle = 0

    def get(self, tasks: Sequence[Task[T]], since: float, *, accept_running: bool) -> list[Outcome[T]]:
        """Return the outcome of each task, from readings that began at `since` or later.

        If one of them is older, all are read again, so that an answer is of one moment. With
        `accept_running`, a reading that is already under way will do, whenever it began.
        """
        with self._lock:
            latest = self._latest
            if any(latest.get(task.key, NEVER).began < since for task in tasks):
                self._refresh(tasks, self._oldest_accepted(tasks, since, accept_running=accept_running))
            return [latest[task.key] for task in tasks]

    def run(self, task: Task[T]) -> T:
        """Run one task now and return its result, of which nothing is kept. For one caller at a time.

        Raises:
            NoAnswerError: It took too long, or an earlier run of its source has not come back yet.
            BaseException: What the task has raised.
        """
        with self._lock:
            self._refresh([task], {task.key: self._clock()})
            outcome: Outcome[T] = self._latest.pop(task.key)
        if outcome.error is not None:
            raise outcome.error
        return cast("T", outcome.value)

    def _oldest_accepted(
        self, tasks: Sequence[Task[T]], since: float, *, accept_running: bool
    ) -> dict[Hashable, float]:
        """Return when the reading of each task must have begun to be good enough."""
        keys = [task.key for task in tasks]
        if not accept_running:
            return dict.fromkeys(keys, since)
        under_way = {key: self._running[key].began for key in keys if key in self._running}
        # What a job under way has read already is of the same moment as the rest of it.
        floor = min((began for began in under_way.values() if began >= since), default=self._clock())
        return {**dict.fromkeys(keys, floor), **under_way}

    def _refresh(self, tasks: Sequence[Task[T]], oldest: Mapping[Hashable, float]) -> None:
        """Wait until each task has an outcome that is good enough, or is overdue."""
        latest = self._latest
        while tasks := [task for task in tasks if latest.get(task.key, NEVER).began < oldest[task.key]]:
            idle = [task for task in tasks if task.key not in self._running]
            if idle:
                self._start(idle)
            if len(idle) < len(tasks):
                self._give_up(tasks)
                next_check = self._next_check(tasks)
            else:
                # They have just begun, so nothing is late yet.
                next_check = self._clock() + HELP_AFTER_SECONDS
            if next_check is not None:
                self._waiting += 1
                self._changed.wait(max(0.0, next_check - self._clock()))
                self._waiting -= 1

    def _start(self, tasks: Sequence[Task[T]]) -> None:
        """Make a job of the tasks. Of several with the same key, which are of one source, one is run."""
        by_key = {task.key: task for task in tasks}
        job = _Job(self._clock(), deque(by_key.values()))
        self._running.update(dict.fromkeys(by_key, job))
        try:
            self._submit(job)
        except RuntimeError:
            for key in by_key:
                del self._running[key]
            raise NoThreadError from None

    def _submit(self, job: _Job) -> None:
        """Have a thread work on `job`: an idle one, or a new one."""
        if self._idle:
            self._idle -= 1
            self._jobs.put(job)
        else:
            arguments = (weakref.ref(self), self._jobs, job)
            threading.Thread(target=_work, args=arguments, name="collector", daemon=True).start()

    def _give_up(self, tasks: Sequence[Task[T]]) -> None:
        """Give up what is overdue, and send help to what waits behind something slow."""
        now = self._clock()
        for task in tasks:
            job = self._running.get(task.key)
            if job is None:
                continue
            if job.overdue(task, now):
                self._latest[task.key] = Outcome(now, error=NoAnswerError(task.deadline))
            elif job.pending and now - job.progress >= HELP_AFTER_SECONDS:
                self._add_threads(job, now)

    def _add_threads(self, job: _Job, now: float) -> None:
        """Send threads to a job that makes no progress."""
        # Without another thread, the one that is at it goes on alone.
        with contextlib.suppress(RuntimeError):
            for _ in range(min(job.helpers, len(job.pending))):
                self._submit(job)
        job.helpers *= 2
        job.progress = now

    def _next_check(self, tasks: Sequence[Task[T]]) -> float | None:
        """Return when `_give_up` may have something to do again; None when it has just given up all."""
        moments = []
        now = self._clock()
        for task in tasks:
            job = self._running.get(task.key)
            if job is None or job.overdue(task, now):
                continue
            if task.key in job.started:
                moments.append(job.started[task.key] + task.deadline)
            if job.pending:
                moments.append(job.progress + HELP_AFTER_SECONDS)
        return min(moments, default=None)

    def run_job(self, job: _Job) -> None:
        """Work on `job` until nothing of it is pending."""
        with self._lock:
            task = self._next(job, self._clock())
        while task is not None:
            outcome = attempt(task.read, job.began)
            with self._lock:
                now = self._clock()
                self._keep_outcome(job, task, outcome, now)
                task = self._next(job, now)

    def become_idle(self) -> bool:
        """Count the calling thread as idle; return False if it should end instead."""
        with self._lock:
            if self._idle or self._closed:
                return False
            self._idle += 1
            return True

    def _next(self, job: _Job, now: float) -> Task[Any] | None:
        """Take the next task of a job; None when nothing is pending."""
        if not job.pending:
            return None
        task = job.pending.popleft()
        job.started[task.key] = job.progress = now
        return task

    def _keep_outcome(self, job: _Job, task: Task[Any], outcome: Outcome[Any], now: float) -> None:
        """Keep the outcome of a task unless it came too late, and wake those who wait for it."""
        del self._running[task.key]
        seconds = now - job.started.pop(task.key)
        if self._ran is not None:
            self._ran(task.key, seconds)
        if seconds < task.deadline:
            self._latest[task.key] = outcome
        # A caller who waits alone has started the job and wants all of it; others may want just this.
        if not job.pending or self._waiting > 1:
            self._changed.notify_all()


def _work(owner: weakref.ref[DeadlineCache], jobs: SimpleQueue[_Job | None], job: _Job | None) -> None:
    """Do job after job: the life of a thread, until another thread is idle already, or the cache is gone.

    While it is idle, the thread holds no reference to the cache, which may therefore be freed.
    """
    while job is not None:
        cache = owner()
        if cache is None:
            return
        cache.run_job(job)
        idle = cache.become_idle()
        del cache, job
        if not idle:
            return
        job = jobs.get()


def attempt(read: Callable[[], T], began: float) -> Outcome[T]:
    """Return the outcome of one reading, whatever happens in it."""
    try:
        return Outcome(began, read())
    # The one place where any failure becomes a value: a thread that ended here would be waited for in vain.
    except BaseException as error:  # noqa: BLE001
        return Outcome(began, error=error)
