"""The threads that serve: made when they are needed, never more than there may be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pistat.server.server import THREADS, GrowingDispatcher
from support.waiting import eventually

SOON = 10.0


class Work:
    """A request that is being served until it is let go."""

    client = "192.0.2.1"

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def service(self) -> None:
        self.begun.set()
        assert self.go_on.wait(SOON)


@pytest.fixture
def lane() -> Iterator[GrowingDispatcher]:
    made = GrowingDispatcher(1, THREADS)
    yield made
    made.shutdown(cancel_pending=False, timeout=SOON)


def begin(lane: Any, count: int) -> list[Work]:
    work = [Work() for _ in range(count)]
    for each in work:
        lane.add_task(each)
    return work


def test_there_is_one_thread_before_there_is_work(lane: GrowingDispatcher) -> None:
    """An idle daemon holds no memory for threads that never served."""
    assert len(lane.threads) == 1


def test_one_after_the_other_takes_one(lane: GrowingDispatcher) -> None:
    """A client that waits for its answers is served by one thread."""
    for _ in range(50):
        assert eventually(lambda: lane.active_count == 0)
        [work] = begin(lane, 1)
        work.go_on.set()
        assert work.begun.wait(SOON)

    assert len(lane.threads) == 1


def test_those_who_come_together_are_served_together(lane: GrowingDispatcher) -> None:
    """As many are served at the same time as there may be threads; the others wait, and are served then."""
    work = begin(lane, THREADS + 5)

    assert all(each.begun.wait(SOON) for each in work[:THREADS])
    assert not any(each.begun.is_set() for each in work[THREADS:])
    assert len(lane.threads) == THREADS
    for each in work:
        each.go_on.set()
    assert all(each.begun.wait(SOON) for each in work)


def test_a_system_without_a_thread_to_give(lane: GrowingDispatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no more threads can be made, those that there are serve all, one after the other."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(lane, "start_new_thread", refuse)
    work = begin(lane, 5)
    assert work[0].begun.wait(SOON)
    assert len(lane.threads) == 1
    for each in work:
        each.go_on.set()

    assert all(each.begun.wait(SOON) for each in work)
