"""Who must go when connections become too many, and who takes too long."""

from __future__ import annotations

import time

import pytest

from pistat.server.connection import SECONDS, Connection, State
from pistat.server.connection_limits import (
    PER_CLIENT,
    TOTAL,
    UNREAD_PER_CLIENT,
    UNREAD_TOTAL,
    ConnectionLimits,
)

NOW = time.monotonic()


class Member(Connection):
    """A connection without a socket."""

    def __init__(self, among: ConnectionLimits, client: str, since: float, state: State) -> None:
        self.client = client
        self.since = self.moved = since
        self.state = state
        self.among = among
        self.sent = 0
        self.keep(0)

    def keep(self, count: int) -> None:
        """Have so many bytes wait for the client."""
        self.held = bytes(count)

    @property
    def closed(self) -> bool:
        return self.state is State.CLOSED

    def close(self) -> None:
        self.state = State.CLOSED
        self.keep(0)
        self.among.discard(self)


@pytest.fixture
def people() -> ConnectionLimits:
    return ConnectionLimits()


def join(people: ConnectionLimits, client: str, count: int, state: State = State.IDLE) -> list[Member]:
    members = [Member(people, client, NOW + n / 1000, state) for n in range(count)]
    for each in members:
        assert people.admit(each)
    return members


def test_the_oldest_of_a_client_goes(people: ConnectionLimits) -> None:
    """Beyond its limit a client has its newest connections; nobody else loses one."""
    others = join(people, "other", 3)
    mine = join(people, "mine", PER_CLIENT + 5)

    assert [each.closed for each in mine] == [True] * 5 + [False] * PER_CLIENT
    assert not any(each.closed for each in others)
    assert len(people) == PER_CLIENT + 3


def test_who_waits_for_us_stays(people: ConnectionLimits) -> None:
    """A request under way is not cut off to make room; of the others the oldest goes."""
    working = join(people, "mine", PER_CLIENT - 1, State.WORKING)
    [idle] = join(people, "mine", 1)
    join(people, "mine", 1)

    assert idle.closed
    assert not any(each.closed for each in working)


def test_newcomers_of_one_turn_cost_one_each(people: ConnectionLimits) -> None:
    """Two that come at once take the places of two."""
    mine = join(people, "mine", PER_CLIENT)
    for _ in range(2):
        people.admit(Member(people, "mine", NOW + 1, State.IDLE))

    assert [each.closed for each in mine].count(True) == 2


def test_a_full_house(people: ConnectionLimits) -> None:
    """When there are too many in all, whoever has most makes room."""
    few = [join(people, f"client {n}", 1)[0] for n in range(TOTAL - 2 * PER_CLIENT)]
    most = join(people, "most", PER_CLIENT)
    many = join(people, "many", PER_CLIENT)
    many[0].close()
    join(people, "newcomer", 2)

    assert [each.closed for each in most].count(True) == 1
    assert not any(each.closed for each in few)
    assert len(people) == TOTAL


def test_a_house_full_of_work(people: ConnectionLimits) -> None:
    """When all of them wait for us there is no room, and the newcomer has to go."""
    for n in range(TOTAL):
        join(people, f"client {n % 10}", 1, State.WORKING)

    assert not people.admit(Member(people, "newcomer", NOW, State.IDLE))
    assert len(people) == TOTAL


def test_a_client_full_of_work(people: ConnectionLimits) -> None:
    """A client whose connections all wait for us gets no more; others do."""
    join(people, "mine", PER_CLIENT, State.WORKING)

    assert not people.admit(Member(people, "mine", NOW, State.IDLE))
    assert people.admit(Member(people, "other", NOW, State.IDLE))
    assert len(people) == PER_CLIENT + 1


def test_bytes_that_nobody_reads(people: ConnectionLimits) -> None:
    """What one client, or all, leave unread is bounded: those go that have held most for longest."""
    mine = join(people, "mine", 8)
    for each in mine:
        each.keep(UNREAD_PER_CLIENT // 4)
    people.limit_unread(mine[-1])
    assert [each.closed for each in mine] == [True] * 3 + [False] * 5

    others = [join(people, f"client {n}", 4) for n in range(8)]
    for each in (one for members in others for one in members):
        each.keep(UNREAD_PER_CLIENT // 4)
    people.limit_unread(others[-1][-1])
    assert sum(len(each.held) for each in people) <= (UNREAD_TOTAL + UNREAD_PER_CLIENT // 4)


def test_who_reads_slowly_is_not_cut_off_for_who_holds_more(people: ConnectionLimits) -> None:
    """Of the client that holds most the oldest goes; of several, that of who has not read for longest."""
    [reader] = join(people, "reader", 1)
    reader.keep(UNREAD_TOTAL // 8)
    greedy = [each for n in range(6) for each in join(people, f"greedy {n}", 2)]
    for each in greedy:
        each.keep(UNREAD_TOTAL // 8)
    [newest] = join(people, "newest", 1)
    people.limit_unread(newest)
    assert [each.closed for each in greedy].count(True) == 5
    assert not reader.closed

    reader.moved = NOW + 1
    for each in greedy:
        each.keep(0 if each.closed else UNREAD_TOTAL // 6)
    people.limit_unread(newest)
    assert [each.closed for each in greedy].count(True) > 5
    assert not reader.closed


def test_a_few_bytes_more_are_not_more(people: ConnectionLimits) -> None:
    """Of answers that are as good as equal, unread for as long, that goes of which least was read."""
    others = [each for n in range(4) for each in join(people, f"other {n}", 1)]
    [reader] = join(people, "reader", 1)
    for each in others:
        each.keep(UNREAD_TOTAL // 4 - 8)
    reader.keep(UNREAD_TOTAL // 4 - 7)
    reader.sent = 1
    [newest] = join(people, "newest", 1)
    people.limit_unread(newest)

    assert [each.closed for each in others].count(True) == 1
    assert not reader.closed


def test_clients_that_have_left_leave_nothing(people: ConnectionLimits) -> None:
    """A client whose last connection is closed costs no memory any more, even when closed twice."""
    [member] = join(people, "mine", 1)
    member.close()
    member.close()

    assert len(people) == 0
    assert not list(people)


@pytest.mark.parametrize("state", SECONDS)
def test_a_time_limit_ends(people: ConnectionLimits, state: State) -> None:
    """A client that takes longer than it may is cut, and not before."""
    [member] = join(people, "mine", 1, state)

    assert not member.is_late(NOW + SECONDS[state] - 0.5)
    assert member.is_late(NOW + SECONDS[state] + 0.5)


def test_who_is_late_is_cut_off(people: ConnectionLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep closes those that are late, and leaves those for whom a worker is at work."""
    [late] = join(people, "mine", 1)
    [working] = join(people, "mine", 1, State.WORKING)
    with monkeypatch.context() as patched:
        patched.setattr(time, "monotonic", lambda: NOW + 10_000.0)
        people.sweep()

    assert late.closed
    assert not working.closed
