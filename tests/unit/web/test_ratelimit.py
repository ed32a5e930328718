"""The rate limit: how much a client really has, who is one client, and what does not count."""

from __future__ import annotations

import http.client
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from pistat.hosts import client as client_of
from pistat.web.ratelimit import MonotonicStorage
from support import stepped_clock as wallclock
from support.daemon import PROGRAM, Answer, Daemon, has_ipv6
from support.stepped_clock import FAR, WallClock

if TYPE_CHECKING:
    from support.require import Require

Start = Callable[..., "Daemon"]

HEADERS = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"}
CHEAP = "/stats?fields=uptime"
DATA = (CHEAP, "/processes?limit=1", "/network/interfaces", "/storage/devices", "/stats?fields=timestamp")


def get(daemon: Daemon, target: str, source: str, host: str = "127.0.0.1") -> Answer:
    """Ask from an address of one's own."""
    connection = http.client.HTTPConnection(host, daemon.port, timeout=20, source_address=(source, 0))
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, response.read())
    finally:
        connection.close()


def statuses(daemon: Daemon, targets: list[str]) -> list[int]:
    return [daemon.get(each).status for each in targets]


def check_refusal(answer: Answer, limit: int, window: int) -> None:
    """A 429 says in JSON how much a client has, and in its headers when there is more."""
    assert answer.status == 429
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error", "message"}
    assert answer.json()["error"] == "Too Many Requests"
    assert f" {limit} requests in {window} s" in answer.json()["message"]
    assert answer.json()["message"].endswith(f"; try again in {answer.headers['retry-after']} s.")
    assert answer.headers["ratelimit-limit"] == str(limit)
    assert answer.headers["ratelimit-remaining"] == "0"
    for name in ("retry-after", "ratelimit-reset"):
        assert answer.headers[name].isdecimal()
        assert 1 <= int(answer.headers[name]) <= window


def test_sixty_by_default(start: Start) -> None:
    """As shipped, a client has 60 requests to all data routes together; the 61st, to any, is a 429."""
    daemon = start()

    answers = [daemon.get(DATA[n % len(DATA)]) for n in range(60)]
    refused = [daemon.get(each) for each in DATA]

    assert [each.status for each in answers] == [200] * 60
    assert [int(each.headers["ratelimit-remaining"]) for each in answers] == list(range(59, -1, -1))
    for each in refused:
        check_refusal(each, limit=60, window=60)


def test_health_has_a_budget_of_its_own(start: Start) -> None:
    """A probe and a dashboard don't starve each other; each has as much as the other."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="20")
    left = int(daemon.get("/health").headers["ratelimit-remaining"])

    assert statuses(daemon, [CHEAP] * 21) == [200] * 20 + [429]
    assert statuses(daemon, ["/health"] * (left + 1)) == [200] * left + [429]
    check_refusal(daemon.get("/health"), limit=20, window=60)


def test_a_probe_leaves_the_data_alone(start: Start) -> None:
    """However often /health is asked, all of the data budget is there."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="5")

    assert 429 in statuses(daemon, ["/health"] * 10)
    assert statuses(daemon, [CHEAP] * 6) == [200] * 5 + [429]


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/nowhere/else?x=1", 404),
        ("GET", "/stats?fields=uptme", 400),
        ("GET", "/processes?limit=0", 400),
        ("POST", "/stats", 405),
        ("DELETE", "/nowhere", 404),
        ("HEAD", CHEAP, 200),
        ("OPTIONS", "/stats", 204),
    ],
)
def test_mistakes_count(start: Start, method: str, target: str, status: int) -> None:
    """What is refused counts like what is answered, and so do HEAD and OPTIONS."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="3")

    actual = [daemon.get(target, method=method).status for _ in range(4)]

    assert actual == [status] * 3 + [429]
    check_refusal(daemon.get(CHEAP), limit=3, window=60)


def test_the_guide_costs_nothing_of_it(start: Start) -> None:
    """To read the guide takes nothing away from the data, nor from the probe."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="10")

    assert statuses(daemon, ["/", "/icon.svg"] * 4) == [200] * 8
    assert statuses(daemon, [CHEAP] * 11) == [200] * 10 + [429]
    assert statuses(daemon, ["/", "/health"]) == [200, 200]


@pytest.mark.parametrize("window", [1, 2])
def test_a_window_passes(start: Start, window: int) -> None:
    """Who waits as long as Retry-After says is served again, with all of the budget."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="3", PISTAT_RATE_LIMIT_WINDOW=str(window))
    answers = [daemon.get(CHEAP)]
    while answers[-1].status == 200:
        assert len(answers) < 100, "the window passes faster than requests are made"
        answers.append(daemon.get(CHEAP))
    check_refusal(answers[-1], limit=3, window=window)

    time.sleep(int(answers[-1].headers["retry-after"]))

    served = daemon.get(CHEAP)
    assert served.status == 200
    assert served.headers["ratelimit-remaining"] == "2"


def test_refusals_do_not_prolong_it(start: Start) -> None:
    """A client that goes on asking is served again when its window is over, and not later."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="3", PISTAT_RATE_LIMIT_WINDOW="2")
    began = time.monotonic()
    assert statuses(daemon, [CHEAP] * 4) == [200, 200, 200, 429]

    while daemon.get(CHEAP).status == 429:
        assert time.monotonic() - began < 10.0
        time.sleep(0.02)

    assert time.monotonic() - began >= 1.0


def test_clients_at_once_get_no_more(start: Start) -> None:
    """Twenty connections of one client that ask at once get what one client has, together."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="50")
    assert daemon.get(CHEAP).status == 200
    barrier = threading.Barrier(20)
    found: Counter[int] = Counter()
    lock = threading.Lock()

    def ask() -> None:
        barrier.wait()
        actual = Counter(daemon.get(CHEAP).status for _ in range(10))
        with lock:
            found.update(actual)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert found.keys() == {200, 429}
    assert found.total() == 200
    assert 25 <= found[200] <= 49


@pytest.mark.parametrize(
    "forged",
    [
        {"X-Forwarded-For": "192.0.2.1"},
        {"X-Forwarded-For": "192.0.2.1, 192.0.2.2"},
        {"Forwarded": "for=192.0.2.1;proto=https"},
        {"X-Real-IP": "192.0.2.1"},
        {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "x", "X-Forwarded-Proto": "https"},
        {"True-Client-IP": "192.0.2.1", "CF-Connecting-IP": "192.0.2.1", "Client-IP": "192.0.2.1"},
        {"X_Forwarded_For": "192.0.2.1", "Remote-Addr": "192.0.2.1", "Remote_Addr": "192.0.2.1"},
    ],
    ids=", ".join,
)
def test_a_forged_address_changes_nothing(start: Start, forged: dict[str, str]) -> None:
    """A client that says it is another one, or speaks for another one, has its own budget still."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="2")

    actual = [
        daemon.get(
            CHEAP, headers={name: value.replace("2.1", f"2.{n}") for name, value in forged.items()}
        ).status
        for n in range(4)
    ]

    assert actual == [200, 200, 429, 429]


def test_each_address_has_its_own(start: Start, require: Require) -> None:
    """Clients of other addresses are other clients."""
    require(sys.platform == "linux", "the whole of 127.0.0.0/8", installed=False)
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="3")

    first = [get(daemon, CHEAP, "127.0.0.1").status for _ in range(4)]
    second = [get(daemon, CHEAP, "127.0.0.2").status for _ in range(4)]

    assert first == second == [200, 200, 200, 429]


def test_both_families_are_counted(start: Start, require: Require) -> None:
    """On `::`, which serves both, a client of IPv4 is known by its address, apart from those of IPv6."""
    require(has_ipv6(), "a loopback of IPv6", installed=False)
    daemon = start(PISTAT_HOST="::", PISTAT_RATE_LIMIT_REQUESTS="3")

    by_4 = [get(daemon, CHEAP, "127.0.0.1").status for _ in range(4)]
    by_6 = [get(daemon, CHEAP, "::1", "::1").status for _ in range(4)]

    assert by_4 == by_6 == [200, 200, 200, 429]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("::1", "::/64"),
        ("2001:db8::7", "2001:db8::/64"),
        ("2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("2001:DB8:0:1::8", "2001:db8:0:1::/64"),
        ("fe80::1", "fe80::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("fe80::2%2", "fe80::/64"),
        ("", ""),
    ],
)
def test_who_is_one_client(address: str, client: str) -> None:
    """One client is an IPv4 address, in whatever form, or the /64 of an IPv6 address."""
    assert client_of(address) == client


@pytest.mark.parametrize("target", [CHEAP, "/health", "/", "/nowhere", "/stats?x=1"])
def test_switched_off(shared: Daemon, target: str) -> None:
    """With the limit switched off there are no 429s, and no headers that speak of one."""
    answers = [shared.get(target) for _ in range(70)]

    assert 429 not in {each.status for each in answers}
    assert not (HEADERS | {"retry-after"}) & set().union(*(each.headers for each in answers))


@pytest.mark.parametrize("target", [CHEAP, "/health", "/nowhere", "/stats?x=1"])
def test_every_counted_answer_says_what_is_left(start: Start, target: str) -> None:
    """What counts says so: how much a client has, what is left of it, and when it is all there again."""
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="9", PISTAT_RATE_LIMIT_WINDOW="30")
    first, second = daemon.get(target), daemon.get(target)

    assert first.headers["ratelimit-limit"] == "9"
    assert int(second.headers["ratelimit-remaining"]) == int(first.headers["ratelimit-remaining"]) - 1
    assert 1 <= int(second.headers["ratelimit-reset"]) <= 30
    assert "retry-after" not in second.headers


# The storage


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_window_begins_with_the_first_request() -> None:
    """A window lasts from the first request of a client, and the next begins with the first after it."""
    clock = Clock()
    storage = MonotonicStorage(clock=clock)

    first = [storage.incr("a", 60) for _ in range(3)]
    clock.now += 59.9
    still, end = storage.incr("a", 60), storage.get_expiry("a")
    clock.now += 0.1
    over, again = storage.get("a"), storage.incr("a", 60)

    assert (first, still, end) == ([1, 2, 3], 4, 1060.0)
    assert (over, again, storage.get_expiry("a")) == (0, 1, 1120.0)


def test_clients_beyond_the_most_share_a_counter() -> None:
    """However many clients there are the memory is bounded, and the gate does not open for those beyond."""
    clock = Clock()
    storage = MonotonicStorage(clock=clock)
    known = [storage.incr(f"client {n}", 60) for n in range(storage.MOST)]
    beyond = [storage.incr(f"stranger {n}", 60) for n in range(1000)]

    assert set(known) == {1}
    assert beyond == list(range(1, 1001))
    assert storage.get("stranger 1") == 1000
    assert storage.incr("client 7", 60) == 2, "those who were there before have their own"
    assert len(storage._windows) == storage.MOST + 1


def test_windows_that_are_over_are_forgotten() -> None:
    """What a crowd has cost is given back with the first request after its window."""
    clock = Clock()
    storage = MonotonicStorage(clock=clock)
    for n in range(storage.MOST):
        clock.now += 0.001
        storage.incr(f"client {n}", 60)
    clock.now += 60.0

    storage.incr("stranger", 60)

    assert len(storage._windows) == 1


def test_it_is_a_storage_like_others() -> None:
    """What flask-limiter may ask of a storage is there."""
    storage = MonotonicStorage()
    storage.incr("a", 60)
    storage.incr("b", 60, amount=5)
    storage.clear("a")

    assert storage.check()
    assert (storage.get("a"), storage.get("b")) == (0, 5)
    assert storage.get_expiry("a") <= time.monotonic()
    assert storage.reset() == 1
    assert storage.get("b") == 0


# Faults

CROWD = 100_000
FORGED = f"""
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
from pistat.web.access_control import AccessControl
known = AccessControl.client
def many(self, peer, forwarded):
    # As if those many addresses had asked; a request for each over the network would take minutes.
    # The server calls it, too, outside of the application.
    if forwarded and pi_system_monitor.current_app:
        service = pi_system_monitor.current_app.extensions["pistat"]
        for n in range({CROWD}):
            service.limiter.limiter.hit(service.limit, f"data 10.{{n >> 16}}.{{n >> 8 & 255}}.{{n & 255}}")
    return known(self, peer, forwarded)
AccessControl.client = many
sys.exit(pi_system_monitor.main())
"""


def resident(daemon: Daemon) -> float:
    """The memory of the daemon in MiB."""
    return psutil.Process(daemon.pid).memory_info().rss / 2**20


def test_a_hundred_thousand_addresses() -> None:
    """They cost some MiB, which come back after the window; who was known before has what it had."""
    daemon = Daemon(
        {"PISTAT_RATE_LIMIT_WINDOW": "5", "PISTAT_RATE_LIMIT_REQUESTS": "50"}, [sys.executable, "-c", FORGED]
    )
    try:
        daemon.wait_until_ready()
        statuses(daemon, [CHEAP] * 10)
        before = resident(daemon)
        during = [daemon.get(CHEAP, headers={"X-Forwarded-For": "x"}, timeout=120).status, resident(daemon)]
        time.sleep(5.1)
        after = [daemon.get(CHEAP).status, resident(daemon)]
    finally:
        daemon.kill()

    assert during[0] == after[0] == 200
    assert during[1] - before < 16.0
    assert after[1] - before < 6.0


FAULTY = f"""
import os, sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import pi_system_monitor
from pistat.web.ratelimit import MonotonicStorage
method = os.environ["METHOD"]
works = getattr(MonotonicStorage, method)
def fails(self, *arguments, **options):
    if os.path.exists(os.environ["FAULT"]):
        raise RuntimeError("the secret is in /etc/secret")
    return works(self, *arguments, **options)
setattr(MonotonicStorage, method, fails)
sys.exit(pi_system_monitor.main())
"""


@pytest.mark.parametrize("method", ["incr", "get", "get_expiry"])
def test_a_fault_of_the_limiter(tmp_path: Path, method: str) -> None:
    """Requests that cannot be counted are refused with a 503 that says when to come again; one line tells."""
    fault = tmp_path / "fault"
    daemon = Daemon({"METHOD": method, "FAULT": str(fault)}, [sys.executable, "-c", FAULTY])
    try:
        daemon.wait_until_ready()
        fault.touch()
        answers = [daemon.get(each) for each in [*DATA, "/health", "/", "/nowhere"] * 3]
        fault.unlink()
        served = daemon.get(CHEAP).status
        lines = [line for line in daemon.log().splitlines() if "The rate limit failed" in line]
    finally:
        daemon.kill()

    assert {each.status for each in answers} == {503}
    assert {each.headers["retry-after"] for each in answers} == {"1"}
    assert not [each for each in answers if b"secret" in each.body]
    assert served == 200
    assert len(lines) == 1
    assert "/etc/secret" in lines[0]


@pytest.mark.parametrize("step", [-3600, FAR])
def test_a_step_of_the_wall_clock(start: Start, require: Require, tmp_path: Path, step: int) -> None:
    """A clock that is set an hour back or many years forward locks nobody out, and lets nobody in."""
    require(wallclock.possible(), "a C compiler")
    clock = WallClock(tmp_path)
    daemon = start(PISTAT_RATE_LIMIT_REQUESTS="5", PISTAT_RATE_LIMIT_WINDOW="6", **clock.environment())
    before = statuses(daemon, [CHEAP] * 3)
    clock.step(step)
    moved = daemon.json("/stats?cache=false&fields=timestamp")["timestamp"] - time.time()
    within = [daemon.get(CHEAP) for _ in range(3)]
    seconds = int(within[-1].headers["retry-after"])
    clock.step(-step)
    time.sleep(seconds)
    after = statuses(daemon, [CHEAP] * 6)

    assert before == [200] * 3
    assert abs(moved - step) < 60, "it was set"
    assert [each.status for each in within] == [200, 429, 429]
    assert 1 <= seconds <= 6
    assert after == [200] * 5 + [429]
