"""The threads that serve: made when they are needed, never more than there may be, and shared fairly."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from pistat.server import server
from pistat.server.server import QUEUE, THREADS, Server, Workers
from support.waiting import eventually

SOON = 10.0
SHARE = THREADS // 2


class Work:
    """A request that is being served until it is let go."""

    def __init__(self, client: str) -> None:
        self.client = client
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def service(self) -> None:
        self.begun.set()
        assert self.go_on.wait(SOON)


@pytest.fixture
def workers() -> Workers:
    return Workers(THREADS)


def begin(workers: Any, client: str, count: int) -> list[Work]:
    work = [Work(client) for _ in range(count)]
    for each in work:
        assert workers.add(each)
    return work


def end(*work: Work) -> None:
    for each in work:
        each.go_on.set()
    assert all(each.begun.wait(SOON) for each in work)


def test_there_is_one_thread_before_there_is_work(workers: Workers) -> None:
    """An idle daemon holds no memory for threads that never served."""
    assert workers.threads == 1


def test_one_after_the_other_takes_one(workers: Workers) -> None:
    """A client that waits for its answers is served by one thread."""
    for _ in range(50):
        assert eventually(lambda: workers._idle == 1)
        end(*begin(workers, "one", 1))

    assert workers.threads == 1


def test_those_who_come_together_are_served_together(workers: Workers) -> None:
    """As many are served at the same time as there may be threads; the others wait, and are served then."""
    work = begin(workers, "one", SHARE) + begin(workers, "other", SHARE + 5)

    assert all(each.begun.wait(SOON) for each in work[:THREADS])
    assert not any(each.begun.is_set() for each in work[THREADS:])
    assert workers.threads == THREADS
    end(*work)


def test_a_client_has_half_of_the_threads(workers: Workers) -> None:
    """Whatever hangs in the requests of one client, others are answered at once, and it later."""
    mine = begin(workers, "mine", SHARE + 20)
    assert all(each.begun.wait(SOON) for each in mine[:SHARE])
    assert workers.threads == SHARE
    end(*begin(workers, "other", 1))
    assert not any(each.begun.is_set() for each in mine[SHARE:])
    end(*mine)


def test_clients_take_turns() -> None:
    """One request of each is answered before the second of any, whoever came first."""
    workers: Any = Workers(2)
    [first] = begin(workers, "first", 1)
    [second] = begin(workers, "second", 1)
    many, one = begin(workers, "many", 10), begin(workers, "one", 1)
    end(first, many[0])
    assert one[0].begun.wait(SOON)
    assert not many[1].begun.is_set()
    end(second, *one, *many)


def test_a_full_queue(workers: Any) -> None:
    """When too many wait, the next is refused, unless it is the first of its client."""
    work = begin(workers, "one", SHARE + QUEUE // 2) + begin(workers, "two", SHARE + QUEUE // 2)

    assert not workers.add(Work("one"))
    work += begin(workers, "three", 1)
    assert not workers.add(Work("three"))
    end(*work)


def test_a_system_without_a_thread_to_give(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no more threads can be made, those that there are serve all, one after the other."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        work = begin(workers, "one", 5)
    assert work[0].begun.wait(SOON)
    assert workers.threads == 1
    end(*work)


def test_a_large_answer_waits_until_the_one_before_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits as long as one waits for the loop; a small one is not waited for."""
    monkeypatch.setattr(server, "LARGE_ANSWER_SECONDS", 60.0)
    sockets = server.bind("127.0.0.1", 0)
    serving: Any = Server(lambda *_: [], sockets, lambda _: None)
    serving._finished.append(SimpleNamespace(large=False))
    serving.wait_for_large_answers()
    serving._finished.append(SimpleNamespace(large=True))
    waiting = threading.Thread(target=serving.wait_for_large_answers, daemon=True)
    waiting.start()
    waiting.join(0.1)
    still = waiting.is_alive()
    serving._finished.clear()
    waiting.join(SOON)
    for each in (*sockets, serving._wake, serving._woken):
        each.close()

    assert still
    assert not waiting.is_alive()
