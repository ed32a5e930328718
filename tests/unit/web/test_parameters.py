"""Queries: what the routes accept, what they refuse and in which words, and what a query may set off."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from pi_system_monitor import Service, create_app
from pistat import cache
from pistat.cache import DeadlineCache, Task
from pistat.collectors import ALL, STATS, system
from pistat.field import Collector, Incomplete, Values
from pistat.history.metrics import METRICS
from pistat.machine import cpu_times
from pistat.machine.machine import Finished, Machine, Usage
from pistat.machine.network.links import Link
from pistat.machine.sampler import Sample
from pistat.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

    from support.daemon import Daemon

SOON = 20.0
"""Seconds after which a test that waits for an event has failed."""

KEYS = (
    "cpu_temp",
    "cpu_freq",
    "cpu_governor",
    "cpu_usage",
    "per_cpu_usage",
    "memory",
    "swap",
    "pressure",
    "disk",
    "disk_io",
    "uptime",
    "load_avg",
    "timestamp",
    "gpu",
    "power",
    "clocks",
    "network",
    "hardware",
    "system",
    "boot_time",
)
"""The keys of /stats in their order: those that the owner named first, then what grew beside them."""

KNOWN = f"known fields are {', '.join(KEYS)}."
BAD_BYTE = "\N{REPLACEMENT CHARACTER}"
BOOLEAN = "expected true, false, 1, 0, yes, no, on or off."
NUMBER = "expected a whole number from 1 to 10000."
ORDER = "expected one of cpu, memory, name, pid, time."
OF_STATS = "is not a parameter; the parameters here are block, cache, fields."
OF_PROCESSES = "is not a parameter; the parameters here are sort, limit."
OF_NONE = "is not a parameter; this route takes no parameters."
SPELLINGS = {
    spelling: meaning
    for meaning, words in ((True, ("true", "1", "yes", "on")), (False, ("false", "0", "no", "off")))
    for word in words
    for spelling in (word, word.upper(), word.capitalize(), word[:1] + word[1:].upper())
}


# The real daemon


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        ("/stats", KEYS),
        ("/stats?", KEYS),
        ("/stats?&&", KEYS),
        ("/stats?fields=uptime", ("uptime",)),
        ("/stats?fields=timestamp", ("timestamp",)),
        ("/stats?fields=uptime,cpu_temp", ("cpu_temp", "uptime")),
        ("/stats?fields=%20uptime%20,%20cpu_temp", ("cpu_temp", "uptime")),
        ("/stats?fields=+uptime+,+cpu_temp+", ("cpu_temp", "uptime")),
        ("/stats?fields=uptime,uptime", ("uptime",)),
        ("/stats?fields=uptime%2Cswap", ("swap", "uptime")),
        ("/stats?&fields=uptime&", ("uptime",)),
        ("/stats?%66ields=%75ptime", ("uptime",)),
        (f"/stats?fields={','.join(reversed(KEYS))}", KEYS),
        (f"/stats?fields={','.join(KEYS)}", KEYS),
        ("/stats?fields=hardware,timestamp,cpu_freq,swap", ("cpu_freq", "swap", "timestamp", "hardware")),
        ("/stats?cache=false&fields=uptime", ("uptime",)),
        ("/stats?fields=load_avg&cache=true&block=false", ("load_avg",)),
        ("/processes", ("processes", "timestamp")),
        ("/processes?limit=1", ("processes", "timestamp")),
        ("/processes?limit=10000", ("processes", "timestamp")),
        ("/processes?sort=cpu", ("processes", "timestamp")),
        ("/processes?sort=memory", ("processes", "timestamp")),
        ("/processes?sort=name", ("processes", "timestamp")),
        ("/processes?sort=pid", ("processes", "timestamp")),
        ("/processes?sort=time", ("processes", "timestamp")),
        ("/processes?limit=2&sort=memory", ("processes", "timestamp")),
        ("/network/interfaces", ("interfaces", "timestamp")),
        ("/network/interfaces?", ("interfaces", "timestamp")),
        ("/storage/devices", ("devices", "disk_io", "disks", "timestamp")),
        (
            "/sensors",
            (
                *("temperatures", "fans", "trip_points", "voltages", "pmic", "block_clocks"),
                *("supplies", "usb_ports", "timestamp"),
            ),
        ),
        ("/capabilities", ("remedies", "capabilities", "history", "timestamp")),
        ("/sensors?fields=pmic,fans", ("fans", "pmic")),
        ("/health", ("status", "uptime")),
        ("/health?&", ("status", "uptime")),
    ],
)
def test_good(shared: Daemon, target: str, keys: tuple[str, ...]) -> None:
    """A good query gets the keys that it asks for, in the order of the contract whatever its own."""
    answer = shared.get(target)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert tuple(key for key in answer.json() if key != "errors") == keys


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_limit_is_the_number_of_rows(shared: Daemon, limit: int) -> None:
    """No more rows than asked for; here there are more processes than that."""
    assert len(shared.json(f"/processes?limit={limit}&sort=pid")["processes"]) == limit


def test_ten_rows_by_cpu_are_the_default(shared: Daemon) -> None:
    """Without parameters there are at most ten rows, the busiest first."""
    rows = shared.json("/processes")["processes"]

    assert 1 <= len(rows) <= 10
    assert rows == sorted(rows, key=lambda row: (-row["cpu_percent"], row["pid"]))


SERIES = f"known metrics are {', '.join(each.name for each in METRICS)}."

BAD = [
    ("/processes?limit=abc", f'limit is "abc"; {NUMBER}'),
    ("/processes?limit=1e3", f'limit is "1e3"; {NUMBER}'),
    ("/processes?limit=%2B7", f'limit is "+7"; {NUMBER}'),
    ("/processes?limit=+7", f'limit is " 7"; {NUMBER}'),
    ("/processes?limit=7%20", f'limit is "7 "; {NUMBER}'),
    ("/processes?limit=7%0A", f'limit is "7\\n"; {NUMBER}'),
    ("/processes?limit=1_000", f'limit is "1_000"; {NUMBER}'),
    ("/processes?limit=%EF%BC%91%EF%BC%92", f'limit is "１２"; {NUMBER}'),
    ("/processes?limit=%D9%A1", f'limit is "\N{ARABIC-INDIC DIGIT ONE}"; {NUMBER}'),
    ("/processes?limit=-5", f'limit is "-5"; {NUMBER}'),
    ("/processes?limit=-0", f'limit is "-0"; {NUMBER}'),
    ("/processes?limit=0", f'limit is "0"; {NUMBER}'),
    ("/processes?limit=10001", f'limit is "10001"; {NUMBER}'),
    ("/processes?limit=5.0", f'limit is "5.0"; {NUMBER}'),
    ("/processes?limit=0x10", f'limit is "0x10"; {NUMBER}'),
    ("/processes?limit=nan", f'limit is "nan"; {NUMBER}'),
    (f"/processes?limit={'9' * 5000}", f'limit is "{"9" * 63}…"; {NUMBER}'),
    (f"/processes?limit={'9' * 64}", f'limit is "{"9" * 64}"; {NUMBER}'),
    ("/processes?limit=", f'limit is ""; {NUMBER}'),
    ("/processes?limit", f'limit is ""; {NUMBER}'),
    ("/processes?limit=5;sort=cpu", f'limit is "5;sort=cpu"; {NUMBER}'),
    ("/processes?limit=5?", f'limit is "5?"; {NUMBER}'),
    ("/processes?limit=5&limit=5", 'limit is given twice, the second time as "5"; expected once.'),
    ("/processes?limit=5&limit=x", 'limit is given twice, the second time as "x"; expected once.'),
    ("/processes?limit=5&%6Cimit=6", 'limit is given twice, the second time as "6"; expected once.'),
    ("/processes?sort=bogus", f'sort is "bogus"; {ORDER}'),
    ("/processes?sort=", f'sort is ""; {ORDER}'),
    ("/processes?sort=CPU", f'sort is "CPU"; {ORDER}'),
    ("/processes?sort=cpu,name", f'sort is "cpu,name"; {ORDER}'),
    ("/processes?sort=%20cpu", f'sort is " cpu"; {ORDER}'),
    ("/processes?SORT=cpu", f'"SORT" (with the value "cpu") {OF_PROCESSES}'),
    ("/processes?LIMIT=5", f'"LIMIT" (with the value "5") {OF_PROCESSES}'),
    ("/processes?limit%20=5", f'"limit " (with the value "5") {OF_PROCESSES}'),
    ("/processes?fields=uptime", f'"fields" (with the value "uptime") {OF_PROCESSES}'),
    ("/stats?limit=5", f'"limit" (with the value "5") {OF_STATS}'),
    ("/stats?fields=uptme", f'fields has "uptme"; {KNOWN}'),
    ("/stats?fields=uptime,swop,disc", f'fields has "swop"; {KNOWN}'),
    ("/stats?fields=Uptime", f'fields has "Uptime"; {KNOWN}'),
    ("/stats?fields=", f'fields has ""; {KNOWN}'),
    ("/stats?fields", f'fields has ""; {KNOWN}'),
    ("/stats?fields=,", f'fields has ""; {KNOWN}'),
    ("/stats?fields=%20", f'fields has ""; {KNOWN}'),
    ("/stats?fields=cpu_temp,,uptime", f'fields has ""; {KNOWN}'),
    ("/stats?fields=uptime,", f'fields has ""; {KNOWN}'),
    ("/stats?fields=uptime;swap", f'fields has "uptime;swap"; {KNOWN}'),
    ("/stats?fields=%09uptime", f'fields has "\\tuptime"; {KNOWN}'),
    ("/stats?fields=uptime%00", f'fields has "uptime\\x00"; {KNOWN}'),
    ("/stats?fields=memory.total", f'fields has "memory.total"; {KNOWN}'),
    ("/stats?fields=processes", f'fields has "processes"; {KNOWN}'),
    ("/stats?fields=errors", f'fields has "errors"; {KNOWN}'),
    ("/stats?fields=*", f'fields has "*"; {KNOWN}'),
    (f"/stats?fields={'x' * 200}", f'fields has "{"x" * 63}…"; {KNOWN}'),
    ("/stats?fields=uptime&fields=swap", 'fields is given twice, the second time as "swap"; expected once.'),
    ("/stats?block=maybe", f'block is "maybe"; {BOOLEAN}'),
    ("/stats?block=", f'block is ""; {BOOLEAN}'),
    ("/stats?block", f'block is ""; {BOOLEAN}'),
    ("/stats?block=2", f'block is "2"; {BOOLEAN}'),
    ("/stats?block=tru", f'block is "tru"; {BOOLEAN}'),
    ("/stats?block=%EF%BC%91", f'block is "１"; {BOOLEAN}'),
    ("/stats?block=true%20", f'block is "true "; {BOOLEAN}'),
    ("/stats?block=true&block=true", 'block is given twice, the second time as "true"; expected once.'),
    ("/stats?cache=none", f'cache is "none"; {BOOLEAN}'),
    ("/stats?cache=", f'cache is ""; {BOOLEAN}'),
    ("/stats?cache=false&cache=true", 'cache is given twice, the second time as "true"; expected once.'),
    ("/stats?CACHE=false", f'"CACHE" (with the value "false") {OF_STATS}'),
    ("/stats?=", f'"" (with the value "") {OF_STATS}'),
    ("/stats?=uptime", f'"" (with the value "uptime") {OF_STATS}'),
    ("/stats??", f'"?" (with the value "") {OF_STATS}'),
    ("/stats?;", f'";" (with the value "") {OF_STATS}'),
    ("/stats?%26%26", f'"&&" (with the value "") {OF_STATS}'),
    ("/stats?block=false;cache=false", f'block is "false;cache=false"; {BOOLEAN}'),
    ("/stats?%zz", f'"%zz" (with the value "") {OF_STATS}'),
    ("/stats?x=%zz", f'"x" (with the value "%zz") {OF_STATS}'),
    ("/stats?%00", f'"\\x00" (with the value "") {OF_STATS}'),
    ("/stats?x=%1B%5B31m", f'"x" (with the value "\\x1b[31m") {OF_STATS}'),
    ("/stats?x=%22", f'"x" (with the value """) {OF_STATS}'),
    ("/stats?%ff", f'"{BAD_BYTE}" (with the value "") {OF_STATS}'),
    ("/stats?x=%ED%A0%80", f'"x" (with the value "{BAD_BYTE * 3}") {OF_STATS}'),
    (f"/stats?{'n' * 5000}={'v' * 5000}", f'"{"n" * 63}…" (with the value "{"v" * 63}…") {OF_STATS}'),
    ("/history?range=2h", 'range is "2h"; expected one of 10m, 1h, 6h, 24h, 7d, 14d.'),
    ("/history?format=JSON", 'format is "JSON"; expected one of json, csv, text.'),
    ("/history?since=nan", 'since is "nan"; expected a Unix time from 0 to 4102444800.'),
    ("/history?since=-1", 'since is "-1"; expected a Unix time from 0 to 4102444800.'),
    ("/history?format=text&ascii=maybe", f'ascii is "maybe"; {BOOLEAN}'),
    ("/history?metrics=load_1,", f'metrics has ""; {SERIES}'),
    ("/history?metrics=LOAD_1", f'metrics has "LOAD_1"; {SERIES}'),
    *(
        (f"{path}?{query}", f"{said} {OF_NONE}")
        for path in ("/network/interfaces", "/storage/devices", "/health", "/")
        for query, said in {
            "x=1": '"x" (with the value "1")',
            "x": '"x" (with the value "")',
            "=": '"" (with the value "")',
            "limit=5": '"limit" (with the value "5")',
            "cache=false": '"cache" (with the value "false")',
            "%ff=%00": f'"{BAD_BYTE}" (with the value "\\x00")',
        }.items()
    ),
]


@pytest.mark.parametrize(("target", "message"), BAD, ids=[target[:60] for target, _ in BAD])
def test_bad(shared: Daemon, target: str, message: str) -> None:
    """A bad query is a 400 that names the parameter, its value and what is accepted."""
    answer = shared.get(target)

    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"error", "message"}
    assert answer.json()["error"] == "Bad Request"
    assert re.sub(r" Did you mean \S+\?$", "", answer.json()["message"]) == message


@pytest.mark.parametrize(
    ("target", "status", "near"),
    [
        ("/stats?fields=uptme", 400, "uptime"),
        ("/stats?fields=cpu_tmp,memory", 400, "cpu_temp"),
        ("/stats?feilds=uptime", 400, "fields"),
        ("/stat", 404, "/stats"),
        ("/network/interface", 404, "/network/interfaces"),
    ],
)
def test_did_you_mean(shared: Daemon, target: str, status: int, near: str) -> None:
    """A misspelt field, parameter or route is answered with the one that was probably meant."""
    answer = shared.get(target)

    assert answer.status == status
    assert answer.json()["message"].endswith(f" Did you mean {near}?")


@pytest.mark.parametrize("target", ["/stats?fields=qqq", "/zzzzzzzzzz", "/stats?xyzzy=1"])
def test_no_guess_where_nothing_is_near(shared: Daemon, target: str) -> None:
    """What resembles nothing gets the list of what there is, and no guess."""
    assert "Did you mean" not in shared.get(target).json()["message"]


@pytest.mark.parametrize("target", ["/stats?fields=uptme", "/health?x=1", "/?x=1"])
def test_bad_with_head(shared: Daemon, target: str) -> None:
    """HEAD has the status and the headers that GET has, the length among them, and no body."""
    got, head = shared.get(target), shared.get(target, method="HEAD")

    assert (head.status, head.body) == (400, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


@pytest.mark.parametrize(
    "target",
    [b"/stats?\xff=\xfe", b"/stats?fields=\xc3\x28", b"/st\xffats", "/stats?fields=１２".encode()],
)
def test_raw_bytes_are_not_http(shared: Daemon, target: bytes) -> None:
    """A target with bytes that HTTP does not allow in one is a 400, in JSON."""
    received = shared.raw(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = received.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"] == "Bad Request"


def test_a_raw_nul_is_refused(shared: Daemon) -> None:
    """A NUL is no character of a request line: what a proxy makes of it may be another path."""
    received = shared.raw(b"GET /stats?a\0b=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = received.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["message"] == "The request is not HTTP that this server understands."


@pytest.mark.parametrize(("spelling", "shares"), SPELLINGS.items())
def test_boolean_spellings(shared: Daemon, spelling: str, shares: bool) -> None:
    """True and false are spelled in four ways and any case; only with a false `cache` is an answer new."""
    target = f"/stats?fields=timestamp&block={spelling}&cache={spelling}"
    began = time.monotonic()

    first, second, third = (shared.json(target) for _ in range(3))

    if shares:
        # One that others have asked for may have been about to expire.
        assert second in (first, third) or time.monotonic() - began > 2.0
    else:
        assert second not in (first, third)


# The app in this process


class Spy(Machine):
    """A machine that notes everything that is asked of it beyond its clocks."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: list[str] = []

    def read_bytes(self, path: str, limit: int = 1 << 20) -> bytes:
        self.touched.append(path)
        return super().read_bytes(path, limit)

    def read_cached_fd(self, path: str) -> bytes:
        self.touched.append(path)
        return super().read_cached_fd(path)

    def names(self, path: str) -> list[str]:
        self.touched.append(path)
        return super().names(path)

    def exists(self, path: str) -> bool:
        self.touched.append(path)
        return super().exists(path)

    def usage(self, mountpoint: str) -> Usage:
        self.touched.append(f"statvfs {mountpoint}")
        return super().usage(mountpoint)

    def run(self, command: Sequence[str], seconds: float, limit: int = 8192) -> Finished:
        self.touched.append(f"run {' '.join(command)}")
        return super().run(command, seconds, limit)

    def links(self) -> dict[str, Link]:
        self.touched.append("links")
        return super().links()


class Gathering(DeadlineCache):
    """A cache that can tell how many callers wait in it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._callers = threading.Semaphore(0)

    def _refresh(self, tasks: Sequence[Task[Any]], *floors: Any) -> None:
        # The lock is held from here until the caller waits.
        self._callers.release()
        super()._refresh(tasks, *floors)

    def gathered(self, count: int) -> bool:
        """Wait for `count` more callers."""
        return all(self._callers.acquire(timeout=SOON) for _ in range(count))


def an_app(machine: Machine | None = None, cache_seconds: float = 3600.0) -> tuple[Flask, Service]:
    app = create_app(Settings(rate_limit_enabled=False, cache_seconds=cache_seconds), machine or Machine())
    service: Service = app.extensions["pistat"]
    return app, service


def ask(app: Flask, target: str) -> Any:
    answer = app.test_client().get(target)
    assert answer.status_code == 200, answer.text
    return answer.json


def ask_at_once(app: Flask, target: str, count: int) -> tuple[list[threading.Thread], list[Any]]:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(app, target))) for _ in range(count)]
    for each in threads:
        each.start()
    return threads, answers


def join(threads: Sequence[threading.Thread]) -> None:
    for each in threads:
        each.join(SOON)
        assert not each.is_alive()


@pytest.fixture
def replace() -> Iterator[Callable[..., None]]:
    """Set attributes of collectors, which are frozen, until the end of the test."""
    before: list[tuple[Collector, dict[str, Any]]] = [(each, dict(vars(each))) for each in ALL]

    def change(collector: Collector, **attributes: Any) -> None:
        vars(collector).update(attributes)

    yield change
    for each, attributes in before:
        vars(each).clear()
        vars(each).update(attributes)


@pytest.fixture
def ran(replace: Callable[..., None]) -> list[str]:
    """The first key of each collector that has run, in that order."""
    keys: list[str] = []

    def noting(collector: Collector) -> Callable[[Machine], Values | Incomplete]:
        def collect(machine: Machine) -> Values | Incomplete:
            keys.append(collector.keys[0])
            return Collector.collect(collector, machine)

        return collect

    for each in ALL:
        replace(each, collect=noting(each))
    return keys


@pytest.mark.parametrize(
    ("target", "collectors"),
    [
        ("/stats?fields=uptime", ["uptime"]),
        ("/stats?fields=timestamp", ["timestamp"]),
        ("/stats?fields=memory", ["memory"]),
        ("/stats?fields=memory,swap", ["memory"]),
        ("/stats?fields=cpu_usage,per_cpu_usage", ["cpu_usage"]),
        ("/stats?fields=disk", ["disk"]),
        ("/stats?fields=load_avg,uptime,timestamp", ["load_avg", "timestamp", "uptime"]),
        ("/stats?fields=gpu", ["gpu"]),
        ("/stats?fields=network,cpu_temp", ["cpu_temp", "network"]),
        ("/stats?fields=hardware&cache=false", ["hardware"]),
        ("/stats?fields=hardware&block=true", ["hardware"]),
        (f"/stats?fields={','.join(KEYS)}", None),
        ("/stats", None),
        ("/processes", ["processes", "timestamp"]),
        ("/network/interfaces", ["interfaces", "timestamp"]),
        ("/storage/devices", ["devices", "disk_io", "disks", "timestamp"]),
        ("/health", []),
        ("/docs", []),
    ],
)
def test_only_the_owners_run(ran: list[str], target: str, collectors: list[str] | None) -> None:
    """Only the collectors that own a wanted key run, each of them once."""
    app, _ = an_app()

    assert app.test_client().get(target).status_code == 200

    assert sorted(ran) == (sorted(each.keys[0] for each in STATS) if collectors is None else collectors)


@pytest.mark.parametrize(
    "target", ["/stats?fields=uptime", "/stats?fields=timestamp,uptime&cache=false", "/health", "/docs"]
)
def test_uptime_touches_nothing(target: str) -> None:
    """`fields=uptime` reads a clock, and once the kernel's word for it: no firmware, no disk, no socket."""
    machine = Spy()
    app, _ = an_app(machine)

    assert app.test_client().get(target).status_code == 200

    assert machine.touched in ([], ["/proc/uptime"])
    machine.touched.clear()

    assert app.test_client().get(target).status_code == 200

    assert machine.touched == []


def test_memory_reads_two_files() -> None:
    """What is left out of `fields` is not read: memory and swap are two files of the kernel."""
    machine = Spy()
    app, _ = an_app(machine)

    ask(app, "/stats?fields=swap,memory")

    assert machine.touched == (["/proc/meminfo", "/proc/vmstat"] if machine.linux else [])


@pytest.mark.parametrize("target", ["/stats?fields=uptime,uptme", "/stats?cache=maybe", "/processes?limit=0"])
def test_a_bad_query_runs_nothing(ran: list[str], target: str) -> None:
    """What is refused costs nothing: no collector runs for it."""
    app, _ = an_app()

    assert app.test_client().get(target).status_code == 400

    assert ran == []


mixes = pytest.mark.parametrize(
    ("block", "cache", "fields"),
    list(product((None, "true", "off"), (None, "yes", "0"), (None, "uptime", "uptime,cpu_usage"))),
)


def stats(block: str | None, cache: str | None, fields: str | None) -> str:
    given = {"block": block, "cache": cache, "fields": fields}
    return "/stats?" + "&".join(f"{name}={value}" for name, value in given.items() if value is not None)


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch, hasty: Machine) -> list[float]:
    """The seconds over which the CPU of the hasty machine was to be measured; it takes less."""
    seen: list[float] = []
    measure = hasty.cpu.interval_of

    def quickly(seconds: float) -> tuple[Sample[cpu_times.Snapshot], Sample[cpu_times.Snapshot]]:
        seen.append(seconds)
        return measure(0.05)

    monkeypatch.setattr(hasty.cpu, "interval_of", quickly)
    return seen


@pytest.fixture
def hasty() -> Machine:
    return Machine()


@mixes
def test_any_mix_is_valid(
    hasty: Machine, blocked: list[float], block: str | None, cache: str | None, fields: str | None
) -> None:
    """Only `fields` says which keys there are, whatever the others are."""
    app, _ = an_app(hasty)

    first, second = (ask(app, stats(block, cache, fields)) for _ in range(2))

    assert [key for key in first if key != "errors"] == [
        key for key in KEYS if fields is None or key in fields.split(",")
    ]
    assert list(second) == list(first)


@mixes
def test_each_of_a_mix_does_its_part(
    hasty: Machine,
    blocked: list[float],
    ran: list[str],
    block: str | None,
    cache: str | None,
    fields: str | None,
) -> None:
    """Only a true `block` blocks, where the CPU is wanted; only that and a false `cache` read again."""
    app, _ = an_app(hasty)
    measured = block == "true" and fields != "uptime"
    times = 2 if cache == "0" or measured else 1

    for _ in range(2):
        ask(app, stats(block, cache, fields))

    assert blocked == ([1.0, 1.0] if measured else [])
    assert ran.count("uptime") == times
    assert ran.count("cpu_usage") == (0 if blocked or fields == "uptime" else times)


def counting(
    replace: Callable[..., None], collector: Collector, gate: Callable[[], bool] = lambda: True
) -> list[int]:
    """Have `collector` give the number of its reading, once `gate` lets it; the numbers of those begun."""
    begun: list[int] = []

    def collect(machine: Machine) -> Values:
        number = len(begun) + 1
        begun.append(number)
        assert gate()
        return dict.fromkeys(collector.keys, number)

    replace(collector, collect=collect, deadline=2 * SOON)
    return begun


def test_cached_answers_are_shared(replace: Callable[..., None]) -> None:
    """A young answer is for everybody; whoever wants a fresh one gets, and leaves, a newer one."""
    readings = counting(replace, system.uptime)
    app, _ = an_app()

    answers = [ask(app, "/stats?fields=uptime,timestamp") for _ in range(3)]
    fresh = ask(app, "/stats?fields=uptime,timestamp&cache=false")
    again = ask(app, "/stats?fields=timestamp,uptime")

    assert answers == [answers[0]] * 3
    assert answers[0]["timestamp"] != fresh["timestamp"]
    assert again == fresh
    assert readings == [1, 2]


def test_fresh_begins_after_arrival(replace: Callable[..., None]) -> None:
    """`cache=false` is not content with a collection that is under way already: another one follows it."""
    gate = threading.Event()
    counting(replace, system.uptime, lambda: gate.wait(SOON))
    app, service = an_app()
    gathering = service.core.monitor._cache = Gathering()

    early, first = ask_at_once(app, "/stats?fields=uptime", 1)
    assert gathering.gathered(1)
    late, second = ask_at_once(app, "/stats?fields=uptime&cache=false", 1)
    assert gathering.gathered(1)
    gate.set()
    join(early + late)

    assert second == [{"uptime": 2}]
    assert first in ([{"uptime": 1}], [{"uptime": 2}])


def test_without_a_cache_those_at_once_share(
    replace: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With PISTAT_CACHE_SECONDS=0 twenty requests at once are one collection; the next request is another."""
    # However long it takes twenty threads to come: no other thread reads the time before they are there.
    monkeypatch.setattr(cache, "HELP_AFTER_SECONDS", SOON)
    gathering, callers = Gathering(), iter([20])
    readings = counting(replace, system.uptime, lambda: gathering.gathered(next(callers, 0)))
    app, service = an_app(cache_seconds=0.0)
    service.core.monitor._cache = gathering

    threads, answers = ask_at_once(app, "/stats?fields=uptime,timestamp", 20)
    join(threads)

    assert readings == [1]
    assert answers == [{"uptime": 1, "timestamp": answers[0]["timestamp"]}] * 20
    assert [ask(app, "/stats?fields=uptime")["uptime"] for _ in range(2)] == [2, 3]


class Ahead(Machine):
    """A machine whose clock can be put forward."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


def test_at_expiry_one_collects(replace: Callable[..., None]) -> None:
    """When an answer comes of age, fifty who ask then set off exactly one collection."""
    machine = Ahead()
    gathering, callers = Gathering(machine.monotonic), iter([1, 50])
    readings = counting(replace, system.uptime, lambda: gathering.gathered(next(callers)))
    app, service = an_app(machine, cache_seconds=100.0)
    service.core.monitor._cache = gathering

    before = [ask(app, "/stats?fields=uptime")]
    machine.ahead = 50.0
    before.append(ask(app, "/stats?fields=uptime"))
    machine.ahead = 101.0
    threads, after = ask_at_once(app, "/stats?fields=uptime", 50)
    join(threads)

    assert readings == [1, 2]
    assert before == [{"uptime": 1}] * 2
    assert after == [{"uptime": 2}] * 50


def test_block_is_of_its_own_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `block` the CPU figures come from the two samples around the second, not from the shared ones."""
    machine = Machine()
    app, _ = an_app(machine)
    shared_samples = machine.cpu.interval_of(0.2)
    own_samples = machine.cpu.interval_of(0.2)
    monkeypatch.setattr(machine.cpu, "interval_of", lambda seconds: own_samples)
    monkeypatch.setattr(machine.cpu, "interval", lambda: shared_samples)
    fields = "/stats?fields=cpu_usage,per_cpu_usage"

    for target, (older, newer) in {f"{fields}&block=true": own_samples, fields: shared_samples}.items():
        together, *cores = cpu_times.usage(older.value.times, newer.value.times)
        assert ask(app, target) == {"cpu_usage": together, "per_cpu_usage": cores}
