"""A deadline per collector: what hangs or fails costs its own figures, and nobody else's."""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pistat.collectors import ALL, STATS, memory
from pistat.field import Collector
from pistat.machine.machine import Machine
from support import dead_mount as deadmount
from support import namespaces as apart
from support.answer_shape import leaves
from support.daemon import Answer, Daemon
from support.daemons import faulty
from support.dead_mount import AVAILABLE, BLOCK, BLOCKS, FREE, STATFS, DeadMount
from support.failures import SENTENCES, route_of
from support.waiting import answer_without_errors, eventually, false_claims, lasting_faults

if TYPE_CHECKING:
    from support.require import Require

PROMISED = 2.5
"""Seconds within which there is an answer, whatever hangs."""

AT_ONCE = 0.9
"""Seconds that an answer may take on a busy machine that does not wait for what is known to hang."""

Mount = Callable[[], AbstractContextManager[DeadMount]]
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
def mount(require: Require, tmp_path: Path) -> Iterator[Mount]:
    """Mount dead filesystems, each for a while, in a namespace of our own."""
    require(deadmount.possible(), "root and /dev/fuse")
    numbers = count()

    @contextmanager
    def run() -> Iterator[DeadMount]:
        made = DeadMount(tmp_path / f"dead{next(numbers)}")
        try:
            yield made
        finally:
            made.unmount()

    with apart.own_mounts():
        yield run


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
        "inodes_percent": None,
        "read_only": False,
        "read_only_wanted": None,
        "remote": True,
        "disks": [],
        "error": "no answer within 1.0 s",
    }


def test_a_dead_filesystem(daemon: Daemon, mount: Mount) -> None:
    """It keeps its row, with nulls and the reason; the other rows are as they were."""

    def look() -> list[str]:
        before = rows(daemon)
        with mount() as dead:
            seconds, after = timed(rows, daemon)
        return false_claims(
            in_time=0.9 < seconds < PROMISED,
            its_row=after.pop(dead.path) == dead_row(dead),
            the_same=after.keys() == before.keys(),
            whole=all(row["total"] and "error" not in row for row in after.values()),
        )

    assert lasting_faults(look) == []


def not_shared(
    daemon: Daemon, dead: DeadMount, answers: list[tuple[float, Any]], seconds: float, before: int
) -> list[str]:
    """What is wrong with the answers to ten who share one wait and, beside `before`, one thread."""
    return false_claims(
        in_time=all(taken < seconds for taken, _ in answers),
        its_row=all(found[dead.path] == dead_row(dead) for _, found in answers),
        one_thread=eventually(lambda: threads(daemon) <= before + 1),
    )


def test_it_is_waited_for_once(daemon: Daemon, mount: Mount) -> None:
    """Only the first to ask waits; ten more are answered at once, and one thread is lost in all."""

    def look() -> list[str]:
        before = threads(daemon)
        with mount() as dead:
            rows(daemon)
            answers = [timed(rows, daemon) for _ in range(10)]
            return not_shared(daemon, dead, answers, AT_ONCE, before)

    assert lasting_faults(look) == []


def test_it_is_waited_for_once_by_all(daemon: Daemon, mount: Mount) -> None:
    """Ten that ask at the same moment wait the same second, and one thread is lost in all."""

    def look() -> list[str]:
        before = threads(daemon)
        with mount() as dead, ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(timed, [rows] * 10, [daemon] * 10))
            return not_shared(daemon, dead, answers, PROMISED, before)

    assert lasting_faults(look) == []


def test_it_concerns_nobody_else(daemon: Daemon, mount: Mount) -> None:
    """While somebody waits for it, and afterwards, the other routes are answered at once and in full."""
    targets = ("/stats", "/health", "/processes", "/network/interfaces", "/stats?cache=false") * 2

    def look() -> list[Any]:
        with mount(), ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(rows, daemon)
            answers = [timed(daemon.json, each) for each in targets]
            waiting.result()
        return [
            (target, seconds, answer.get("errors"))
            for target, (seconds, answer) in zip(targets, answers, strict=True)
            if seconds >= AT_ONCE or not is_whole(answer)
        ]

    assert lasting_faults(look) == []


def is_whole(answer: dict[str, Any]) -> bool:
    """Whether nothing has failed, and the root filesystem has told its size if it was asked for."""
    return "errors" not in answer and ("disk" not in answer or bool(answer["disk"]["total"]))


def test_fifty_requests_beside_it(daemon: Daemon, mount: Mount) -> None:
    """Of fifty at the same moment, each is answered in time, in full, and one thread is lost in all."""
    targets = ("/storage/devices", "/stats", "/processes", "/network/interfaces", "/stats?fields=disk") * 10

    def look() -> list[Any]:
        before = threads(daemon)
        with mount() as dead, ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(timed, [daemon.json] * 50, targets))
            one = eventually(lambda: threads(daemon) <= before + 1)
        late = [
            (each, seconds)
            for each, (seconds, _) in zip(targets, answers, strict=True)
            if seconds >= PROMISED
        ]
        lists = [
            {row["mountpoint"]: row for row in answer["devices"]}
            for _, answer in answers
            if "devices" in answer
        ]
        return late + false_claims(
            whole=all(is_whole(answer) for _, answer in answers),
            its_row=all(each.pop(dead.path) == dead_row(dead) for each in lists),
            other_rows=len(lists) == 10 and all(row["total"] for each in lists for row in each.values()),
            one_thread=one,
        )

    assert lasting_faults(look) == []


def test_two_dead_filesystems(daemon: Daemon, mount: Mount) -> None:
    """Two are waited for together, and cost a thread each."""

    def look() -> list[str]:
        before = threads(daemon)
        with mount() as one, mount() as other:
            seconds, found = timed(rows, daemon)
            again, _ = timed(rows, daemon)
            two = eventually(lambda: threads(daemon) <= before + 2)
        return false_claims(
            in_time=seconds < PROMISED,
            at_once=again < AT_ONCE,
            their_rows=[found[each.path] for each in (one, other)] == [dead_row(one), dead_row(other)],
            root=bool(found["/"]["total"]),
            two_threads=two,
        )

    assert lasting_faults(look) == []


def test_it_comes_back(daemon: Daemon, mount: Mount) -> None:
    """Once it answers, its row has its sizes again, without a restart and without a thread more."""
    before = threads(daemon)
    with mount() as dead:
        assert rows(daemon)[dead.path] == dead_row(dead)
        dead.revive()

        assert eventually(lambda: "error" not in rows(daemon)[dead.path])
        row = rows(daemon)[dead.path]
        used = (BLOCKS - FREE) * BLOCK
        assert (row["total"], row["used"], row["free"]) == (BLOCKS * BLOCK, used, AVAILABLE * BLOCK)
        assert row["percent"] == round(100 * (BLOCKS - FREE) / (BLOCKS - FREE + AVAILABLE), 2)
        assert eventually(lambda: threads(daemon) <= before)


def test_it_is_unmounted(daemon: Daemon, mount: Mount) -> None:
    """Once it is unmounted, its row is gone, and so is the thread that was stuck in it."""
    before = threads(daemon)
    with mount() as dead:
        assert dead.path in rows(daemon)

    assert eventually(lambda: dead.path not in rows(daemon))
    assert eventually(lambda: bool(rows(daemon)["/"]["total"]))
    assert eventually(lambda: threads(daemon) <= before)


def test_it_was_dead_before(mount: Mount, start: Start) -> None:
    """The daemon starts beside a dead filesystem as without one, and knows it from the first request on."""

    def look() -> list[str]:
        with mount() as dead:
            seconds, found = timed(rows, start())
        return false_claims(
            in_time=seconds < PROMISED,
            its_row=found[dead.path] == dead_row(dead),
            root=bool(found["/"]["total"]),
        )

    assert lasting_faults(look) == []


def test_it_does_not_hold_the_end_up(mount: Mount, start: Start) -> None:
    """With a thread stuck in it, the daemon still ends within two seconds."""

    def look() -> list[float]:
        daemon = start()
        with mount():
            rows(daemon)
            seconds, status = timed(daemon.stop)
        assert status == 0
        assert daemon.faults() == []
        return [] if seconds < 2.0 else [seconds]

    assert lasting_faults(look) == []


def test_it_holds_up_nobody_else(daemon: Daemon, mount: Mount) -> None:
    """With a thread stuck where no signal ends it, the daemon gives back what its process cannot."""
    with mount() as dead:
        dead.revive(keeping=[STATFS])
        assert rows(daemon)[dead.path]["error"]
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as kept:
            kept.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert kept.recv(65536).startswith(b"HTTP/1.1 200 OK")
            daemon.process.terminate()
            assert kept.recv(65536) == b"", "its connections"
        with pytest.raises(ConnectionRefusedError):
            daemon.get("/health")

    assert daemon.process.wait(10) == 0


# A collector that hangs or fails


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


def wrong(broken: dict[str, Any], whole: dict[str, Any], collector: Collector, sentence: str) -> list[str]:
    """Why `broken` is not `whole` but for the keys of `collector`, null, with the reason in `errors`."""
    return false_claims(
        keys=list(broken) == [*whole, "errors"],
        reason=broken.get("errors") == dict.fromkeys(collector.keys, sentence),
        nulled={key: broken[key] for key in collector.keys} == nothing([collector]),
        the_rest=nulls(broken, collector.keys) == nulls(whole, collector.keys),
    )


def log_since(daemon: Daemon, known: str, name: str) -> list[str]:
    """What the log tells of a collector; another may have been late meanwhile."""
    lines = daemon.log().removeprefix(known).splitlines()
    return [line for line in lines if line.split()[1] == name]


@pytest.mark.parametrize("collector", STATS, ids=lambda each: each.keys[0])
def test_a_collector_hangs(
    broken: Daemon, fault: Callable[[Collector, str], Path], collector: Collector
) -> None:
    """It is given up at its deadline, once; all else is there; two lines in the log; then it works again."""
    whole = answer_without_errors(broken, "/stats?cache=false").json()
    known, running = broken.log(), threads(broken)
    sentence = f"no answer within {collector.deadline:.1f} s"

    def look() -> list[str]:
        repair = fault(collector, "hang")
        (first, answer), *others = [timed(broken.json, "/stats?cache=false") for _ in range(5)]
        # Others may have helped while the machine had more to do.
        one = eventually(lambda: threads(broken) <= running + 1)
        repair.unlink()
        answer_without_errors(broken, "/stats?cache=false")
        return false_claims(
            waits=collector.deadline - 0.1 < first,
            in_time=first < PROMISED,
            at_once=all(seconds < AT_ONCE for seconds, _ in others),
            all_else=not any(
                wrong(each, whole, collector, sentence) for each in (answer, *(each for _, each in others))
            ),
            one_thread=one,
        )

    assert lasting_faults(look) == []
    assert nulls(answer_without_errors(broken, "/stats").json(), ()) == nulls(whole, ())
    assert log_since(broken, known, collector.name) == [
        f"WARNING {collector.name} failed: {sentence}",
        f"INFO {collector.name} works again.",
    ]
    assert eventually(lambda: threads(broken) <= running)


CASES = [*((each, "EIO") for each in ALL), *((memory.memory, kind) for kind in SENTENCES if kind != "EIO")]
"""test_isolation.py tries every kind of error on every collector."""


@pytest.mark.parametrize(("collector", "kind"), CASES, ids=lambda each: getattr(each, "name", each))
def test_a_collector_fails(
    broken: Daemon, fault: Callable[[Collector, str], Path], collector: Collector, kind: str
) -> None:
    """Its figures are null, the reason gives nothing away; the log tells it once, and its end."""
    route = route_of(collector)
    whole = answer_without_errors(broken, route).json()
    known = broken.log()
    repair = fault(collector, kind)
    bodies: list[Answer] = []

    def look() -> list[str]:
        bodies[:] = [broken.get(route) for _ in range(5)]
        return [each for body in bodies for each in wrong(body.json(), whole, collector, SENTENCES[kind])]

    assert lasting_faults(look) == []
    said = log_since(broken, known, collector.name)
    repair.unlink()

    for each in bodies:
        assert each.status == 200
        assert faulty.SECRET.encode() not in each.body
        assert kind.encode() not in each.body
    assert [line.split()[0] for line in said] == ["WARNING"]
    assert nulls(answer_without_errors(broken, route).json(), ()) == nulls(whole, ())
    assert [line.split()[0] for line in log_since(broken, known, collector.name)] == ["WARNING", "INFO"]


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
        changes = log_since(daemon, known, "memory")
        for _ in range(10):
            fault.write_text("EIO")
            assert "memory" in daemon.json("/stats")["errors"]
            fault.unlink()
            daemon.json("/stats")
        flapping = log_since(daemon, known, "memory")[len(changes) :]
    finally:
        daemon.kill()

    assert [line.split()[0] for line in changes] == ["WARNING"] * 3 + ["INFO"]
    assert flapping == []


def test_everything_fails(broken: Daemon, fault: Callable[[Collector, str], Path]) -> None:
    """With all collectors broken there is an answer in the full shape, and /health is healthy."""
    whole = answer_without_errors(broken, "/stats").json()
    repairs = [fault(each, "RuntimeError") for each in STATS]

    def look() -> list[str]:
        answer = broken.json("/stats")
        return false_claims(
            reasons=answer["errors"] == dict.fromkeys(whole, "failed"),
            nulled={key: answer[key] for key in whole} == nothing(STATS),
        )

    assert lasting_faults(look) == []
    assert broken.json("/health")["status"] == "healthy"
    for each in repairs:
        each.unlink()
    answer_without_errors(broken, "/stats")


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
        return false_claims(answer=seconds < 1.0 + PROMISED, others=max(others) < AT_ONCE, end=end < 2.0)

    assert lasting_faults(look) == []


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

    assert lasting_faults(look) == []
