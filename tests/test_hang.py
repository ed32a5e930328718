"""A deadline per collector: what hangs or fails costs its own figures, and nobody else's."""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apart
import deadmount
import faulty
import pytest
from daemon import Daemon
from deadmount import AVAILABLE, BLOCK, BLOCKS, FREE, DeadMount
from patience import at_best, eventually, untrue
from shape import leaves

from pistat import routes
from pistat.collectors import ALL, STATS, memory
from pistat.field import Collector
from pistat.machine import Machine

if TYPE_CHECKING:
    from needs import Need

PROMISED = 2.5
"""Seconds within which there is an answer, whatever hangs."""

AT_ONCE = 0.9
"""Seconds that an answer may take on a busy machine that does not wait for what is known to hang."""

Mount = Callable[[str], DeadMount]
Start = Callable[..., Daemon]


def timed(ask: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    began = time.monotonic()
    found = ask(*arguments)
    return time.monotonic() - began, found


def threads(daemon: Daemon) -> int:
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    found = re.search(r"^Threads:\t(\d+)$", status, re.MULTILINE)
    assert found
    return int(found[1])


# A filesystem that does not answer


@pytest.fixture
def mount(need: Need, tmp_path: Path) -> Iterator[Mount]:
    """Mount dead filesystems, in a namespace of our own."""
    need(deadmount.possible(), "root and /dev/fuse")
    made: list[DeadMount] = []

    def run(name: str) -> DeadMount:
        made.append(DeadMount(tmp_path / name))
        return made[-1]

    with apart.own_mounts():
        yield run
        for each in made:
            each.unmount()


@pytest.fixture
def daemon(mount: Mount, start: Start) -> Daemon:
    """A daemon in that namespace that has answered everything once, and keeps nothing."""
    running = start(PISTAT_CACHE_SECONDS="0", PISTAT_RATE_LIMIT_ENABLED="no")
    running.make_threads()
    for target in ("/stats", "/storage/devices", "/storage/devices", "/stats"):
        running.json(target)
    return running


def rows(daemon: Daemon) -> dict[str, dict[str, Any]]:
    return {row["mountpoint"]: row for row in daemon.json("/storage/devices")["devices"]}


def dead_row(mount: DeadMount) -> dict[str, Any]:
    return {
        "device": "dead:/export",
        "mountpoint": mount.path,
        "filesystem": "fuse.deadfs",
        "total": None,
        "used": None,
        "free": None,
        "percent": None,
        "read_only": False,
        "remote": False,
        "error": "no answer within 1.0 s",
    }


def test_a_dead_filesystem(daemon: Daemon, mount: Mount) -> None:
    """It keeps its row, with nulls and the reason; the other rows are as they were."""
    before = rows(daemon)
    dead = mount("dead")
    seconds, after = timed(rows, daemon)

    assert 0.9 < seconds < PROMISED
    assert after.pop(dead.path) == dead_row(dead)
    assert after.keys() == before.keys()
    assert all(row["total"] and "error" not in row for row in after.values())


def test_it_is_waited_for_once(daemon: Daemon, mount: Mount) -> None:
    """Only the first to ask waits; ten more are answered at once, and one thread is lost in all."""
    before = threads(daemon)
    dead = mount("dead")
    rows(daemon)
    for _ in range(10):
        seconds, found = timed(rows, daemon)
        assert seconds < AT_ONCE
        assert found[dead.path] == dead_row(dead)

    assert eventually(lambda: threads(daemon) <= before + 1)


def test_it_is_waited_for_once_by_all(daemon: Daemon, mount: Mount) -> None:
    """Ten that ask at the same moment wait the same second, and one thread is lost in all."""
    before = threads(daemon)
    dead = mount("dead")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(timed, [rows] * 10, [daemon] * 10))

    assert all(seconds < PROMISED for seconds, _ in answers)
    assert all(found[dead.path] == dead_row(dead) for _, found in answers)
    assert eventually(lambda: threads(daemon) <= before + 1)


def test_it_concerns_nobody_else(daemon: Daemon, mount: Mount) -> None:
    """While somebody waits for it, and afterwards, the other routes are answered at once and in full."""
    mount("dead")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(rows, daemon)
        for target in ("/stats", "/health", "/processes", "/network/interfaces", "/stats?cache=false") * 2:
            seconds, answer = timed(daemon.json, target)
            assert seconds < AT_ONCE, target
            assert "errors" not in answer
            assert "disk" not in answer or answer["disk"]["total"]
        waiting.result()


def test_fifty_requests_beside_it(daemon: Daemon, mount: Mount) -> None:
    """Of fifty at the same moment, each is answered in time, in full, and one thread is lost in all."""
    before = threads(daemon)
    dead = mount("dead")
    targets = ("/storage/devices", "/stats", "/processes", "/network/interfaces", "/stats?fields=disk") * 10
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(timed, [daemon.json] * 50, targets))

    for target, (seconds, answer) in zip(targets, answers, strict=True):
        assert seconds < PROMISED, target
        assert "errors" not in answer, target
        if target == "/storage/devices":
            found = {row["mountpoint"]: row for row in answer["devices"]}
            assert found.pop(dead.path) == dead_row(dead)
            assert all(row["total"] for row in found.values())
        assert "disk" not in answer or answer["disk"]["total"]
    assert eventually(lambda: threads(daemon) <= before + 1)


def test_two_dead_filesystems(daemon: Daemon, mount: Mount) -> None:
    """Two are waited for together, and cost a thread each."""
    before = threads(daemon)
    dead = [mount("one"), mount("two")]
    seconds, found = timed(rows, daemon)
    again, _ = timed(rows, daemon)

    assert seconds < PROMISED
    assert again < AT_ONCE
    assert [found[each.path] for each in dead] == [dead_row(each) for each in dead]
    assert found["/"]["total"]
    assert eventually(lambda: threads(daemon) <= before + 2)


def test_it_comes_back(daemon: Daemon, mount: Mount) -> None:
    """Once it answers, its row has its sizes again, without a restart and without a thread more."""
    before = threads(daemon)
    dead = mount("dead")
    assert rows(daemon)[dead.path] == dead_row(dead)
    dead.revive()

    assert eventually(lambda: "error" not in rows(daemon)[dead.path])
    row = rows(daemon)[dead.path]
    used = (BLOCKS - FREE) * BLOCK
    assert (row["total"], row["used"], row["free"]) == (BLOCKS * BLOCK, used, AVAILABLE * BLOCK)
    assert row["percent"] == round(100 * (BLOCKS - FREE) / (BLOCKS - FREE + AVAILABLE), 2)
    assert eventually(lambda: threads(daemon) <= before)


def test_it_is_unmounted(daemon: Daemon, mount: Mount, tmp_path: Path) -> None:
    """Once it is unmounted, its row is gone, and so is the thread that was stuck in it."""
    before = threads(daemon)
    dead = DeadMount(tmp_path / "dead")
    assert dead.path in rows(daemon)
    dead.unmount()

    assert eventually(lambda: dead.path not in rows(daemon))
    assert rows(daemon)["/"]["total"]
    assert eventually(lambda: threads(daemon) <= before)


def test_it_was_dead_before(mount: Mount, start: Start) -> None:
    """The daemon starts beside a dead filesystem as without one, and knows it from the first request on."""
    dead = mount("dead")
    daemon = start()
    seconds, found = timed(rows, daemon)

    assert seconds < PROMISED
    assert found[dead.path] == dead_row(dead)
    assert found["/"]["total"]


def test_it_does_not_hold_the_end_up(daemon: Daemon, mount: Mount) -> None:
    """With a thread stuck in it, the daemon still ends within two seconds."""
    mount("dead")
    rows(daemon)
    seconds, status = timed(daemon.stop)

    assert status == 0
    assert seconds < 2.0
    assert daemon.faults() == []


# A collector that hangs or fails


SENTENCES = {
    "EIO": "could not be read",
    "PermissionError": "not permitted",
    "ValueError": "what was read was not understood",
    "KeyError": "what was read was not understood",
    "AccessDenied": "failed",
    "RuntimeError": "failed",
}
"""What a client is told of each kind of error."""


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def broken(faults: Path) -> Iterator[Daemon]:
    """A daemon whose collectors can be broken by files in `faults`."""
    daemon = Daemon(
        {"FAULTS": str(faults), "PISTAT_RATE_LIMIT_ENABLED": "no", "PISTAT_CACHE_SECONDS": "0"},
        [sys.executable, faulty.__file__],
    )
    daemon.wait_until_ready()
    daemon.make_threads()
    yield daemon
    daemon.kill()


@pytest.fixture
def fault(faults: Path) -> Iterator[Callable[[Collector, str], Path]]:
    """Break a collector; the file that is returned repairs it when it is deleted."""
    written: list[Path] = []

    def run(collector: Collector, kind: str) -> Path:
        path = faults / collector.keys[0]
        written.append(path)
        path.with_suffix(".new").write_text(kind)
        path.with_suffix(".new").rename(path)
        return path

    yield run
    for each in written:
        each.unlink(missing_ok=True)


def nulls(document: dict[str, Any], without: tuple[str, ...]) -> set[str]:
    """The leaves that are null, but for those of some keys."""
    rest = {key: each for key, each in document.items() if key not in (*without, "errors", "processes")}
    return {path for path, value in leaves(rest) if value is None}


def nothing(collectors: Sequence[Collector]) -> dict[str, Any]:
    """What is left of some collectors when they have failed."""
    return {key: value for each in collectors for key, value in each.nulls(Machine()).items()}


def check(broken: dict[str, Any], whole: dict[str, Any], collector: Collector, sentence: str) -> None:
    """`broken` is `whole`, but for the keys of `collector`: they are null, and `errors` has the reason."""
    assert broken.keys() == whole.keys() | {"errors"}
    assert broken["errors"] == dict.fromkeys(collector.keys, sentence)
    assert {key: broken[key] for key in collector.keys} == nothing([collector])
    assert nulls(broken, collector.keys) == nulls(whole, collector.keys)
    assert list(broken)[: len(whole)] == list(whole)


def log_since(daemon: Daemon, known: str) -> list[str]:
    return daemon.log().removeprefix(known).splitlines()


@pytest.mark.parametrize("collector", STATS, ids=lambda each: each.keys[0])
def test_a_collector_hangs(
    broken: Daemon, fault: Callable[[Collector, str], Path], collector: Collector
) -> None:
    """It is given up at its deadline, once; all else is there; two lines in the log; then it works again."""
    whole = broken.json("/stats?cache=false")
    known, running = broken.log(), threads(broken)
    repair = fault(collector, "hang")
    answers = [timed(broken.json, "/stats?cache=false") for _ in range(5)]
    said = log_since(broken, known)
    # Others may have helped while the machine had more to do.
    assert eventually(lambda: threads(broken) <= running + 1)
    repair.unlink()

    sentence = f"no answer within {collector.deadline:.1f} s"
    for _, answer in answers:
        check(answer, whole, collector, sentence)
    first, *others = [seconds for seconds, _ in answers]
    assert collector.deadline - 0.1 < first < PROMISED
    assert all(seconds < AT_ONCE for seconds in others)
    assert eventually(lambda: "errors" not in broken.json("/stats?cache=false"))
    assert nulls(broken.json("/stats"), ()) == nulls(whole, ())
    assert [line.split()[0] for line in said] == ["WARNING"]
    assert sentence in said[0]
    assert [line.split()[0] for line in log_since(broken, known)] == ["WARNING", "INFO"]
    assert eventually(lambda: threads(broken) <= running)


def route_of(collector: Collector) -> str:
    """The route that shows what a collector reads."""
    return next(
        each.path
        for each in (routes.STATS, routes.PROCESSES, routes.INTERFACES, routes.DEVICES, routes.SENSORS)
        if collector.keys[0] in each.keys
    )


CASES = [*((each, "EIO") for each in ALL), *((memory.memory, kind) for kind in SENTENCES if kind != "EIO")]
"""test_isolation.py tries every kind of error on every collector."""


@pytest.mark.parametrize(("collector", "kind"), CASES, ids=lambda each: getattr(each, "name", each))
def test_a_collector_fails(
    broken: Daemon, fault: Callable[[Collector, str], Path], collector: Collector, kind: str
) -> None:
    """Its figures are null, the reason gives nothing away; the log tells it once, and its end."""
    route = route_of(collector)
    whole = broken.json(route)
    known = broken.log()
    repair = fault(collector, kind)
    bodies = [broken.get(route) for _ in range(5)]
    said = log_since(broken, known)
    repair.unlink()

    for each in bodies:
        assert each.status == 200
        check(each.json(), whole, collector, SENTENCES[kind])
        assert faulty.SECRET.encode() not in each.body
        assert kind.encode() not in each.body
    assert [line.split()[0] for line in said] == ["WARNING"]
    assert "errors" not in broken.json(route)
    assert nulls(broken.json(route), ()) == nulls(whole, ())
    assert [line.split()[0] for line in log_since(broken, known)] == ["WARNING", "INFO"]


def test_a_change_of_reason_is_told(tmp_path: Path) -> None:
    """The log has a line for each change of state, none for staying in one, and one a minute for flapping."""
    given = {"FAULTS": str(tmp_path), "PISTAT_RATE_LIMIT_ENABLED": "no", "PISTAT_CACHE_SECONDS": "0"}
    daemon = Daemon(given, [sys.executable, faulty.__file__])
    fault = tmp_path / "memory"
    try:
        daemon.wait_until_ready()
        known = daemon.log()
        for kind in ("EIO", "EIO", "ValueError", "PermissionError", "PermissionError"):
            fault.write_text(kind)
            daemon.json("/stats")
        fault.unlink()
        daemon.json("/stats")
        daemon.json("/stats")
        changes = log_since(daemon, known)
        for _ in range(10):
            fault.write_text("EIO")
            assert "memory" in daemon.json("/stats")["errors"]
            fault.unlink()
            daemon.json("/stats")
        flapping = log_since(daemon, known)[len(changes) :]
    finally:
        daemon.kill()

    assert [line.split()[0] for line in changes] == ["WARNING"] * 3 + ["INFO"]
    assert flapping == []


def test_everything_fails(broken: Daemon, fault: Callable[[Collector, str], Path]) -> None:
    """With all collectors broken there is an answer in the full shape, and /health is healthy."""
    whole = broken.json("/stats")
    repairs = [fault(each, "RuntimeError") for each in STATS]
    answer = broken.json("/stats")
    for each in repairs:
        each.unlink()

    assert answer["errors"] == dict.fromkeys(whole, "failed")
    assert {key: answer[key] for key in whole} == nothing(STATS)
    assert broken.json("/health")["status"] == "healthy"
    assert "errors" not in broken.json("/stats")


def all_hang(folder: Path) -> None:
    for each in STATS:
        (folder / each.keys[0]).write_text("hang")


@contextmanager
def breakable(folder: Path) -> Iterator[Daemon]:
    """A daemon whose collectors can be broken by files in `folder`; they work at first."""
    for each in STATS:
        (folder / each.keys[0]).unlink(missing_ok=True)
    given = {"FAULTS": str(folder), "PISTAT_RATE_LIMIT_ENABLED": "no"}
    daemon = Daemon(given, [sys.executable, faulty.__file__])
    try:
        daemon.wait_until_ready()
        yield daemon
    finally:
        daemon.kill()


def test_everything_hangs(tmp_path: Path) -> None:
    """With all collectors hanging there is an answer at the last deadline or soon after, and then an end."""

    def look() -> list[str]:
        with breakable(tmp_path) as daemon:
            whole = daemon.json("/stats")
            all_hang(tmp_path)
            seconds, answer = timed(daemon.json, "/stats?cache=false")
            assert answer["errors"].keys() == whole.keys()
            assert {key: answer[key] for key in whole} == nothing(STATS)
            others = [timed(daemon.json, each)[0] for each in ("/health", "/stats?cache=false")]
            end, status = timed(daemon.stop)
            assert status == 0
        # Helpers come after 0.25 s without progress, then 2, 4 and 8 of them: a second until all are asked.
        return untrue(answer=seconds < 1.0 + PROMISED, others=max(others) < AT_ONCE, end=end < 2.0)

    assert at_best(look) == []


def test_the_end_does_not_wait_for_what_hangs(tmp_path: Path) -> None:
    """A request that waits for hanging collectors is given up at the end: two seconds are two seconds."""

    def look() -> list[float]:
        with breakable(tmp_path) as daemon, socket.create_connection((daemon.host, daemon.port)) as client:
            all_hang(tmp_path)
            client.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
            daemon.get("/health")  # that one came before it
            seconds, status = timed(daemon.stop)
            assert status == 0
            assert daemon.faults() == []
        return [] if seconds < 2.0 else [seconds]

    assert at_best(look) == []
