"""Containers and services: true beside a real engine, bounded, and answered whatever is found or said."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families as families

import pi_system_monitor
from pistat.formats.prometheus import MOST_SERIES
from pistat.machine import cgroups
from pistat.machine.machine import Machine
from pistat.settings import Settings
from support import namespaces
from support.diagnosis.watch import Watch
from support.file_tree import machine_of
from support.hostile_input import strict
from support.message_bus import MessageBus
from support.programs import podman
from support.programs.podman import Podman
from support.waiting import lasting_faults

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from support.require import Require

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

ROOT = "sys/fs/cgroup"
MIB = 1 << 20
ROUNDED = 1e-5
"""Seconds by which the words of Podman may be off."""


# A real engine


@pytest.fixture
def engine(require: Require, tmp_path: Path) -> Iterator[Podman]:
    """A container of Podman's, where only this process sees version 2 of cgroups."""
    require(podman.INSTALLED, "podman and runc")
    require(namespaces.possible(), "root", installed=False)
    # One at a time, whoever else runs these tests: the finding ends with the last container of all.
    with (Path(tempfile.gettempdir()) / "pi-stat-test-engine").open("w") as lock, namespaces.own_mounts():
        fcntl.flock(lock, fcntl.LOCK_EX)
        mounted = namespaces.libc.mount(b"none", b"/sys/fs/cgroup", b"cgroup2", 0, None) == 0
        require(mounted, "version 2 of cgroups", installed=False)
        try:
            found = Podman(tmp_path)
        except subprocess.CalledProcessError as error:
            require(False, f"a Podman that may make containers: {error.stderr}", installed=False)
        try:
            yield found
        finally:
            found.remove()
            # Threads that were begun in a namespace hold it.
            gc.collect()
            namespaces.libc.umount2(b"/sys/fs/cgroup", ctypes.c_int(2))


def test_what_podman_says(engine: Podman) -> None:
    """ID, engine, processes; the CPU time is within 2 % of that of `podman stats`, over some seconds.

    Without the controllers `podman stats` has no memory, and ours is that of its processes, which is a
    finding as long as the container runs.
    """
    machine = Machine()
    watch = Watch("memory.cgroup_off")
    assert watch.sample() == "info"

    def cpu() -> tuple[float, float, float]:
        """Our CPU time, and that of Podman just before and after."""
        before = podman.seconds(engine.stats()["cpu_time"])
        [(_, container)] = cgroups.read(machine).containers.items()
        assert container.cpu is not None
        return container.cpu / 1e6, before, podman.seconds(engine.stats()["cpu_time"])

    def off() -> list[str]:
        first = cpu()
        time.sleep(4)
        second = cpu()
        for ours, before, after in (first, second):
            assert before - ROUNDED <= ours <= after + ROUNDED
        mine, theirs = second[0] - first[0], (second[1] + second[2] - first[1] - first[2]) / 2
        return [] if abs(mine - theirs) <= 0.02 * theirs else [f"{mine} and {theirs} s of CPU time"]

    assert lasting_faults(off, 60) == []
    client = client_of(machine)
    client.get("/containers")
    [row] = strict(client.get("/containers").data)["containers"]
    processes = engine.processes()
    assert row["id"] == engine.id[:12] == engine.stats()["id"]
    assert (row["engine"], row["name"]) == ("podman", f"busy ({engine.id[:12]})")
    assert row["processes"] == len(processes) == 2
    assert row["memory_source"] == "rss"
    resident = sum(psutil.Process(pid).memory_info().rss for pid in processes)
    assert abs(row["memory"] - resident) < MIB
    assert resident > 24 * MIB
    assert 0 < row["cpu_percent"] <= 101
    started = min(psutil.Process(pid).create_time() for pid in processes)
    assert abs(row["started"] - started) < 2
    engine.remove()
    assert watch.sample(120) is None


# Bounds


def client_of(machine: Machine) -> FlaskClient:
    return pi_system_monitor.create_app(Settings(rate_limit_enabled=False), machine).test_client()


def cgroup(path: str, cpu: int = 1, processes: str = "") -> dict[str, str | bytes | int]:
    """Return the files of a container."""
    return {f"{ROOT}/{path}/cpu.stat": f"usage_usec {cpu}\n", f"{ROOT}/{path}/cgroup.procs": processes}


def machine_with(root: Path, **more: str) -> Machine:
    return machine_of(root, {f"{ROOT}/cgroup.controllers": "cpu\n", **more})


def docker(number: int) -> str:
    return f"system.slice/docker-{number + 1:012x}{'0' * 52}.scope"


def stat(pid: int, start: int) -> str:
    rest = ["0"] * 30
    rest[0], rest[19], rest[21] = "S", str(start), "1000"
    return f"{pid} (sleep) {' '.join(rest)}\n"


def test_of_500_containers_64_have_series(tmp_path: Path) -> None:
    """/containers has all. Of a metric the oldest 63 have series, and `other` is the sum of the rest."""
    files: dict[str, Any] = {f"{ROOT}/cgroup.controllers": "cpu\n", "proc/uptime": "9000.0 1.0\n"}
    for number in range(500):
        files |= cgroup(docker(number), processes=f"{1000 + number}\n")
        files[f"proc/{1000 + number}/stat"] = stat(1000 + number, 100 * number)
    client = client_of(machine_of(tmp_path, files))

    rows = strict(client.get("/containers").data)["containers"]
    found = [family for family in families(client.get("/metrics").text) if "container" in family.name]

    assert len(rows) == 500
    assert {len(family.samples) for family in found if len(family.samples) > 1} <= {
        MOST_SERIES - 1,
        MOST_SERIES,
    }
    [processes] = [family for family in found if family.name == "pistat_container_processes"]
    values = {sample.labels.get("id", sample.labels["name"]): sample.value for sample in processes.samples}
    assert values.pop("other") == 500 - (MOST_SERIES - 1)
    oldest = sorted(rows, key=lambda row: row["started"])[: MOST_SERIES - 1]
    assert values == {row["id"]: 1 for row in oldest}


NAMES = [
    *("<img src=x>", 'a"b\\c', "\x1b[2J\x07", "\udcff\udcfe", "{container}", "\u202e\u2028x", " ", "x" * 230),
    *("%s%n", "$(reboot)", "NaN"),
]


def test_names_of_containers_are_data(tmp_path: Path) -> None:
    """Whatever a container is called, answers are strict JSON, and Prometheus accepts the metrics."""
    files: dict[str, Any] = {f"{ROOT}/cgroup.controllers": "cpu\n"}
    for name in NAMES:
        files |= cgroup(f"lxc.payload.{name}")
    client = client_of(machine_of(tmp_path, files))

    rows = strict(client.get("/containers").data)["containers"]
    names = {
        sample.labels["name"]
        for family in families(client.get("/metrics").text)
        for sample in family.samples
        if family.name == "pistat_container_processes"
    }

    assert len(rows) == len(NAMES)
    assert all(len(row["name"]) <= 128 for row in rows)
    # Two that look alike are one series.
    assert {"<img src=x>", 'a"b\\c', "$(reboot)"} <= names


def test_a_tree_that_is_taken_down_meanwhile(tmp_path: Path) -> None:
    """Containers that come and go while others ask are there or not, and never an error."""
    here = machine_with(tmp_path, **{f"{ROOT}/system.slice/keep": ""})
    client = client_of(here)
    stop = threading.Event()

    def restless() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            machine_of(tmp_path, cgroup(docker(number % 7)))
            folder = tmp_path / ROOT / docker(number % 7)
            for file in ("cgroup.procs", "cpu.stat"):
                (folder / file).unlink()
            folder.rmdir()

    thread = threading.Thread(target=restless)
    thread.start()
    try:
        for _ in range(100):
            document = strict(client.get("/containers").data)
            assert "errors" not in document
            assert len(document["containers"]) <= 7
    finally:
        stop.set()
        thread.join()


def test_version_1_of_cgroups(tmp_path: Path) -> None:
    """An old system has no list, and says what would help."""
    here = machine_of(tmp_path, {f"{ROOT}/cpu/docker/{'a' * 64}/tasks": "1\n"})
    client = client_of(here)

    assert strict(client.get("/containers").data)["containers"] == []
    rows = {row["field"]: row for row in strict(client.get("/capabilities").data)["capabilities"]}
    assert "version 1 of cgroups" in rows["containers[row].cpu_percent"]["detail"]


# Old kernels


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        ("some avg10=1.50 avg60=2.50 avg300=0.00 total=9\n", (1.5, None)),
        (
            (
                "some avg10=1.50 avg60=2.50 avg300=0.00 total=9\n"
                "full avg10=0.25 avg60=0.00 avg300=0.00 total=0\n"
            ),
            (1.5, 0.25),
        ),
        ("", (None, None)),
        ("some avg10=nan avg60=-1\n", (None, None)),
        ("some avg10=900.00 avg60=2.00 avg300=0.00 total=9\n", (None, None)),
    ],
)
def test_pressure_of_older_kernels(tmp_path: Path, cpu: str, expected: tuple[float | None, ...]) -> None:
    """Before Linux 5.13 there is no `full` of the CPU; what is not understood is null."""
    client = client_of(machine_of(tmp_path, {"proc/pressure/cpu": cpu}))

    pressure = strict(client.get("/stats?fields=pressure").data)["pressure"]

    assert (pressure["cpu"]["some_avg10"], pressure["cpu"]["full_avg10"]) == expected
    assert set(pressure["memory"].values()) == {None}


# A bus that is none


@contextlib.contextmanager
def listening(path: Path, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    """A socket at `path`, each of whose connections is given to `serve`."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        held: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    held.append(connection)
                    serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield
        for each in held:
            each.close()


@pytest.fixture
def bus(tmp_path: Path) -> Path:
    """Where the bus of a machine made of files is looked for."""
    path = tmp_path / "run/dbus/system_bus_socket"
    path.parent.mkdir(parents=True)
    return path


NULL = {"failed_count": None, "state": None}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, "systemd did not answer within 1.0 s over D-Bus"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what came over D-Bus was not understood"),
        (b"\xff\0\r\n" * 5000, "what came over D-Bus was not understood"),
    ],
)
def test_a_bus_that_hangs_or_talks_nonsense(
    tmp_path: Path, bus: Path, said: bytes | None, expected: str
) -> None:
    """The route answers in time, with null and a reason, and asks again after a minute only."""
    asked: list[None] = []

    def serve(connection: socket.socket) -> None:
        asked.append(None)
        if said:
            connection.sendall(said)

    with listening(bus, serve):
        client = client_of(machine_of(tmp_path, {"proc/uptime": "9000.0 1.0\n"}))
        documents = [strict(client.get("/services").data) for _ in range(3)]

    for document in documents:
        assert {**document, **NULL} == document
        assert expected in str(document["errors"])
    assert len(asked) == 1


def test_names_of_units_are_data(tmp_path: Path, bus: Path) -> None:
    """A unit may be called and described as somebody likes; it stays data in every answer."""
    failed = [
        ("<script>.service", "\x1b[2J \N{RIGHT-TO-LEFT OVERRIDE}", 1_796_000_000_000_000),
        ('"\\.mount', "", 0),
    ]
    talk = MessageBus(bus, "degraded", failed)
    client = client_of(machine_of(tmp_path, {"proc/uptime": "9000.0 1.0\n"}))

    document = strict(client.get("/services").data)
    text = client.get("/diagnosis?format=text").text
    families(client.get("/metrics").text)
    talk.close()

    assert document["failed_count"] == 2
    assert document["state"] == "degraded"
    assert {row["name"] for row in document["failed"]} == {'"\\.mount', "<script>.service"}
    assert "\x1b" not in text
