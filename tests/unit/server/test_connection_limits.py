"""Who must go when connections become too many, and who takes too long."""

from __future__ import annotations

import pytest

from pistat.server import connection_limits
from pistat.server.connection_limits import (
    HELD_PER_CLIENT,
    HELD_TOTAL,
    PER_CLIENT,
    TOTAL,
    ConnectionLimits,
)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Member:
    """A connection that waits for its client, or for us with no time limit."""

    def __init__(
        self, among: ConnectionLimits, client: str, since: float, time_limit: float | None = 10.0
    ) -> None:
        self.client = client
        self.since = since
        self.allowed = time_limit
        self.closed = False
        self.held = 0
        self.among = among

    def time_limit(self) -> float | None:
        return self.allowed

    def evictable(self) -> bool:
        return self.allowed is not None

    def close_now(self) -> None:
        self.closed = True
        self.among.remove(self)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(clock: Clock) -> ConnectionLimits:
    return ConnectionLimits(clock)


def join(
    people: ConnectionLimits, clock: Clock, client: str, count: int, time_limit: float | None = 10.0
) -> list[Member]:
    members = [Member(people, client, clock.now + n / 1000, time_limit) for n in range(count)]
    for each in members:
        assert people.add(each)
        people.sweep()
    return members


def test_the_oldest_of_a_client_goes(people: ConnectionLimits, clock: Clock) -> None:
    """Beyond its limit a client has its newest connections; nobody else loses one."""
    others = join(people, clock, "other", 3)
    mine = join(people, clock, "mine", PER_CLIENT + 5)

    assert [each.closed for each in mine] == [True] * 5 + [False] * PER_CLIENT
    assert not any(each.closed for each in others)
    assert len(people) == PER_CLIENT + 3


def test_who_waits_for_us_stays(people: ConnectionLimits, clock: Clock) -> None:
    """A request under way is not cut off to make room; of the others the oldest goes."""
    working = join(people, clock, "mine", PER_CLIENT - 1, None)
    [idle] = join(people, clock, "mine", 1)
    join(people, clock, "mine", 1)

    assert idle.closed
    assert not any(each.closed for each in working)


def test_newcomers_of_one_turn_cost_one_each(people: ConnectionLimits, clock: Clock) -> None:
    """Two that come at once take the places of two."""
    mine = join(people, clock, "mine", PER_CLIENT)
    for _ in range(2):
        people.add(Member(people, "mine", clock.now + 1))
    people.sweep()

    assert [each.closed for each in mine].count(True) == 2


def test_a_full_house(people: ConnectionLimits, clock: Clock) -> None:
    """When there are too many in all, whoever has most makes room."""
    few = [join(people, clock, f"client {n}", 1)[0] for n in range(TOTAL - 2 * PER_CLIENT)]
    most = join(people, clock, "most", PER_CLIENT)
    many = join(people, clock, "many", PER_CLIENT)
    many[0].close_now()
    join(people, clock, "newcomer", 2)

    assert [each.closed for each in most].count(True) == 1
    assert not any(each.closed for each in few)
    assert len(people) == TOTAL


def test_a_house_full_of_work(people: ConnectionLimits, clock: Clock) -> None:
    """When all of them wait for us there is no room, and the newcomer has to go."""
    for n in range(TOTAL):
        join(people, clock, f"client {n % 10}", 1, None)

    assert not people.add(Member(people, "newcomer", clock.now))
    assert len(people) == TOTAL


def test_a_client_full_of_work(people: ConnectionLimits, clock: Clock) -> None:
    """A client whose connections all wait for us gets no more; others do."""
    join(people, clock, "mine", PER_CLIENT, None)

    assert not people.add(Member(people, "mine", clock.now))
    assert people.add(Member(people, "other", clock.now))
    assert len(people) == PER_CLIENT + 1


def test_bytes_that_nobody_reads(people: ConnectionLimits, clock: Clock) -> None:
    """What one client, or all, leave unread is bounded: those go that have held most for longest."""
    mine = join(people, clock, "mine", 8)
    for each in mine:
        each.held = HELD_PER_CLIENT // 4
    people.hold(mine[-1])
    assert [each.closed for each in mine] == [True] * 3 + [False] * 5

    others = [join(people, clock, f"client {n}", 4) for n in range(8)]
    for each in (one for members in others for one in members):
        each.held = HELD_PER_CLIENT // 4
    people.hold(others[-1][-1])
    assert sum(each.held for each in people if not isinstance(each, Member) or not each.closed) <= (
        HELD_TOTAL + HELD_PER_CLIENT // 4
    )


def test_clients_that_have_left_leave_nothing(people: ConnectionLimits, clock: Clock) -> None:
    """A client whose last connection is closed costs no memory any more, even when closed twice."""
    [member] = join(people, clock, "mine", 1)
    member.close_now()
    member.close_now()

    assert len(people) == 0
    assert people._members == {}


@pytest.mark.parametrize(
    "time_limit",
    [connection_limits.REQUEST_SECONDS, connection_limits.ANSWER_SECONDS, connection_limits.IDLE_SECONDS],
)
def test_a_time_limit_ends(people: ConnectionLimits, clock: Clock, time_limit: float) -> None:
    """A client that takes longer than it may is cut, and not before."""
    [member] = join(people, clock, "mine", 1, time_limit)
    clock.now += time_limit - 0.5
    people.sweep()
    assert not member.closed

    clock.now += 2.0
    people.sweep()

    assert member.closed


def test_work_may_take_as_long_as_it_takes(people: ConnectionLimits, clock: Clock) -> None:
    """Who waits for us is never late."""
    [member] = join(people, clock, "mine", 1, None)
    clock.now += 10_000.0
    people.sweep()

    assert not member.closed
