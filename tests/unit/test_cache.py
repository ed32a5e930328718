"""The cache: one reading at a time for each source, an age, a deadline; with events, the clock is a list."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from pistat.cache import DeadlineCache, NoAnswerError, Outcome, Task
from support.waiting import eventually

SOON = 10.0
"""Seconds after which a test that waits for an event has failed."""


def reading(value: object, key: str = "source", deadline: float = SOON) -> Task[Any]:
    return Task(key, lambda: value, deadline)


class Source:
    """A source that counts its readings and answers when it is let."""

    def __init__(self, key: str = "source", deadline: float = SOON) -> None:
        self.readings = 0
        self.asked = threading.Event()
        self.answer = threading.Event()
        self.task: Task[Any] = Task(key, self._read, deadline)

    def _read(self) -> int:
        self.readings += 1
        self.asked.set()
        assert self.answer.wait(SOON)
        return self.readings


def in_threads(count: int, ask: Callable[[], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=ask) for _ in range(count)]
    for each in threads:
        each.start()
    return threads


def test_a_reading_is_shared_until_it_is_too_old() -> None:
    """An outcome that began at `since` or later is not read again; an older one is."""
    moments = [100.0]
    cache = DeadlineCache(lambda: moments[0])
    source = Source()
    source.answer.set()

    first = cache.get([source.task], since=98.0, accept_running=True)
    moments[0] = 101.9
    again = cache.get([source.task], since=99.9, accept_running=True)
    moments[0] = 102.1
    later = cache.get([source.task], since=100.1, accept_running=True)

    assert first == again == [Outcome(100.0, value=1)]
    assert later == [Outcome(102.1, value=2)]


def test_however_many_wait_one_reads() -> None:
    """Fifty callers at expiry share one collection."""
    cache = DeadlineCache()
    source = Source()
    outcomes: list[Outcome[Any]] = []
    threads = in_threads(
        50, lambda: outcomes.extend(cache.get([source.task], since=0.0, accept_running=True))
    )

    assert source.asked.wait(SOON)
    source.answer.set()
    for each in threads:
        each.join(SOON)

    assert source.readings == 1
    assert [each.value for each in outcomes] == [1] * 50


def test_without_accept_running_a_reading_under_way_is_too_old() -> None:
    """A caller that wants everything read after its arrival waits for a reading that begins later."""
    cache = DeadlineCache()
    source = Source()
    early = threading.Thread(target=lambda: cache.get([source.task], since=0.0, accept_running=True))
    early.start()
    assert source.asked.wait(SOON)

    fresh: list[Outcome[Any]] = []
    late = threading.Thread(
        target=lambda: fresh.extend(cache.get([source.task], since=cache._clock(), accept_running=False))
    )
    late.start()
    source.answer.set()
    late.join(SOON)
    early.join(SOON)

    assert [each.value for each in fresh] == [2]


def test_who_comes_in_the_middle_of_a_collection_shares_all_of_it() -> None:
    """What has been read already is not read again for a caller who comes while the rest is."""
    cache = DeadlineCache()
    first, last = Source("first"), Source("last")
    first.answer.set()
    outcomes: list[Outcome[Any]] = []

    def ask() -> None:
        outcomes.extend(cache.get([first.task, last.task], since=0.0, accept_running=True))

    early = in_threads(1, ask)
    assert last.asked.wait(SOON)
    late = in_threads(1, ask)
    while cache._waiting < 2:
        time.sleep(0.001)
    last.answer.set()
    for each in early + late:
        each.join(SOON)

    assert (first.readings, last.readings) == (1, 1)
    assert [each.value for each in outcomes] == [1] * 4


def test_an_answer_is_of_one_moment() -> None:
    """When one of the wanted readings is too old, all of them are taken again."""
    moments = [100.0]
    cache = DeadlineCache(lambda: moments[0])
    old, new = reading("old", "a"), reading("new", "b")

    cache.get([old], since=0.0, accept_running=True)
    moments[0] = 101.0
    outcomes = cache.get([old, new], since=99.0, accept_running=True)

    assert [each.began for each in outcomes] == [101.0, 101.0]


def test_a_source_that_is_named_twice_is_read_once() -> None:
    """Two mounts at one place are one source: each gets the outcome, and nobody waits in vain."""
    source = Source()
    source.answer.set()

    outcomes = DeadlineCache().get([source.task, reading(7, "other"), source.task], 0.0, accept_running=True)

    assert [outcome.value for outcome in outcomes] == [1, 7, 1]
    assert source.readings == 1


def test_a_failure_is_an_outcome() -> None:
    """What a reading raises reaches the caller as an error beside the values of the others."""

    def fail() -> None:
        raise KeyError("name")

    bad, good = DeadlineCache().get(
        [Task("bad", fail, SOON), reading(1, "good")], since=0.0, accept_running=True
    )

    assert isinstance(bad.error, KeyError)
    assert good.value == 1


def stuck_threads() -> int:
    return sum(each.name == "collector" for each in threading.enumerate())


def test_what_would_end_a_thread_is_a_failure_too() -> None:
    """A source that asks for the end of the program is read again the next time, like any that fails."""
    cache = DeadlineCache()
    task = Task("bad", sys.exit, SOON)

    outcomes = [cache.get([task], since=time.monotonic(), accept_running=True)[0] for _ in range(2)]

    assert [type(each.error) for each in outcomes] == [SystemExit, SystemExit]
    assert outcomes[0].began < outcomes[1].began


def test_a_source_that_hangs_is_given_up_and_holds_up_nobody() -> None:
    """The readings behind a stuck one are delivered; it is a `NoAnswerError` after its deadline."""
    cache = DeadlineCache()
    stuck = Source("stuck", deadline=0.3)

    first, second = cache.get([stuck.task, reading("well", "other")], since=0.0, accept_running=True)

    assert isinstance(first.error, NoAnswerError)
    assert str(first.error) == "no answer within 0.3 s"
    assert second.value == "well"
    stuck.answer.set()


def test_a_stuck_source_is_not_asked_again() -> None:
    """However often it is wanted, a source that does not answer has one thread, and nobody waits."""
    cache = DeadlineCache()
    stuck = Source("stuck", deadline=0.2)
    before = stuck_threads()

    outcomes = [cache.get([stuck.task], since=cache._clock(), accept_running=False)[0] for _ in range(20)]

    assert all(isinstance(each.error, NoAnswerError) for each in outcomes)
    assert stuck.readings == 1
    assert eventually(lambda: stuck_threads() - before <= 1)
    stuck.answer.set()


def test_a_stuck_source_comes_back_by_itself() -> None:
    """Once the stuck thread has returned, the next caller gets an answer; the late one is thrown away."""
    cache = DeadlineCache()
    stuck = Source("stuck", deadline=0.2)
    cache.get([stuck.task], since=0.0, accept_running=True)
    stuck.answer.set()

    until = time.monotonic() + SOON
    while (
        outcome := cache.get([stuck.task], since=cache._clock(), accept_running=False)[0]
    ).error is not None:
        assert time.monotonic() < until

    assert outcome.value == 2


@pytest.mark.parametrize("stuck", [1, 5])
def test_many_stuck_sources_take_about_one_deadline(stuck: int) -> None:
    """Dead sources are waited for side by side, not one after the other: all have one thread each."""
    cache = DeadlineCache()
    dead = [Source(f"dead {number}", deadline=1.0) for number in range(stuck)]
    before = stuck_threads()

    outcomes = cache.get([*(each.task for each in dead), reading(0, "well")], since=0.0, accept_running=True)

    assert [each.error is None for each in outcomes] == [False] * stuck + [True]
    # Help that has come too late goes again.
    assert eventually(lambda: stuck_threads() - before <= stuck + 1)
    for each in dead:
        each.answer.set()


def new_threads(before: set[threading.Thread]) -> int:
    return len(set(threading.enumerate()) - before)


def test_a_closed_cache_leaves_no_thread_behind() -> None:
    """`close` ends the idle thread; the cache may be used again, and then keeps none."""
    before = set(threading.enumerate())
    cache = DeadlineCache()
    cache.get([reading(1)], since=0.0, accept_running=True)
    assert eventually(lambda: cache._idle == 1)

    cache.close()
    assert eventually(lambda: new_threads(before) == 0)

    [outcome] = cache.get([reading(2)], since=time.monotonic(), accept_running=True)
    assert outcome.value == 2
    assert eventually(lambda: new_threads(before) == 0)


def test_a_cache_that_nobody_uses_leaves_no_thread_behind() -> None:
    """An idle thread does not keep its cache alive, and ends with it."""
    before = set(threading.enumerate())
    cache = DeadlineCache()
    cache.get([reading(1)], since=0.0, accept_running=True)
    gone = weakref.ref(cache)

    del cache

    assert eventually(lambda: gone() is None and new_threads(before) == 0)


def test_a_cache_that_is_closed_while_it_reads_answers() -> None:
    """Who waits for a reading gets it, though the cache is closed meanwhile; its thread ends then."""
    before = set(threading.enumerate())
    cache = DeadlineCache()
    source = Source()
    outcomes: list[Outcome[Any]] = []
    [caller] = in_threads(
        1, lambda: outcomes.extend(cache.get([source.task], since=0.0, accept_running=True))
    )
    assert source.asked.wait(SOON)

    cache.close()
    source.answer.set()
    caller.join(SOON)

    assert [each.value for each in outcomes] == [1]
    assert eventually(lambda: new_threads(before) == 0)


def test_one_task_is_run_anew_each_time() -> None:
    """`run` gives what the task gives now, or raises what it raises, though no time passes on the clock."""
    cache = DeadlineCache(lambda: 100.0)

    assert [cache.run(reading(number)) for number in (1, 2)] == [1, 2]
    with pytest.raises(SystemExit):
        cache.run(Task("source", sys.exit, SOON))
    assert cache.run(reading(3)) == 3


def test_one_task_that_hangs_is_given_up_and_not_run_again() -> None:
    """Until a late reading has come back, its source has no other; what it brings then is nobody's."""
    cache = DeadlineCache()
    stuck = Source(deadline=0.2)
    for _ in range(3):
        with pytest.raises(NoAnswerError):
            cache.run(stuck.task)
    assert stuck.readings == 1

    stuck.answer.set()
    assert eventually(lambda: not cache._running)
    assert cache.run(stuck.task) == 2
