"""Strict JSON always: whatever a machine holds and whatever its things are called, an answer is JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pistat import routes
from support import dead_mount as deadmount
from support import namespaces as apart
from support.daemon import Daemon
from support.daemons import faulty
from support.dead_mount import DeadMount
from support.hostile_input import POISONS, strict
from support.recorded_machine import BOARDS

if TYPE_CHECKING:
    from support.require import Require

TARGETS = [each.path for each in routes.ROUTES if each.fields] + ["/processes?sort=name&limit=10000"]

FORMATS = [
    *TARGETS,
    *(
        "/",
        "/docs",
        "/openapi.json",
        "/metrics",
        "/capabilities",
        "/events",
        "/diagnosis?format=text",
        "/top",
    ),
    *(f"/history?format={each}" for each in ("json", "csv", "text")),
    *("/monitor.json", "/api/4/all", "/api/4/network", "/api/4/fs"),
]
"""Every route, in each format that it has."""

NAMES = [
    *(b"<img src=x", b") R 1 1 (", b"\x1b[2J\x07", b"\xff\xfe\xed\xa0\x80"),
    *(b'a"b\\c\nd', b"\xe2\x80\xa8\xc2\x9bx", b" ", b"NaN"),
]
"""What a process may call itself: up to 15 bytes, any but NUL."""

LINKS = [b"<b>&'\"\\", b"\xc2\x9b2J\x07", b"{interface}"]
"""What an interface may be called: up to 15 bytes, no blank, slash or colon."""

FOLDERS = [
    b"<script>&",
    b"new\nline\ttab \\040",
    b"\xff\xfe",
    b"\xe2\x80\xa8\xc2\x85 - ext4 x rw",
    b"\x1b[2J",
]
"""What a folder may be called: anything but NUL and a slash."""

CALL_MYSELF = """
import ctypes, sys
PR_SET_NAME = 15
assert ctypes.CDLL(None).prctl(PR_SET_NAME, bytes.fromhex(sys.argv[1]), 0, 0, 0) == 0
print("named", flush=True)
sys.stdin.read()
"""
"""A program that goes by the name in its argument until its input ends."""


def all_answers(daemon: Daemon) -> dict[str, Any]:
    """What every route answers; each must be a 200 in strict JSON."""
    answers = {}
    for target in TARGETS:
        answer = daemon.get(target)
        assert answer.status == 200, (target, answer)
        answers[target] = strict(answer.body)
    screen = daemon.get(routes.TOP.path + "?color=never")
    assert screen.status == 200
    assert screen.body.decode().replace("\n", "").isprintable()
    return answers


@pytest.mark.parametrize("poison", POISONS)
def test_every_file_is_poisoned(tmp_path: Path, poison: str) -> None:
    """Whatever stands in all files of a board at once, every route answers with JSON, and ends well."""
    board = tmp_path / "board"
    shutil.copytree(BOARDS / "pi5-8gb-nvme", board, symlinks=True)
    for path in [*board.glob("proc/**/*"), *board.glob("sys/**/*"), board / "vcgencmd.txt"]:
        if path.is_file() and not path.is_symlink():
            path.write_bytes(POISONS[poison])
    settings = {"FAULTS": str(tmp_path), "BOARD": str(board), "PISTAT_RATE_LIMIT_ENABLED": "no"}
    daemon = Daemon(settings, [sys.executable, faulty.__file__])
    try:
        daemon.wait_until_ready()
        all_answers(daemon)
        assert daemon.stop() == 0
        assert daemon.faults() == []
    finally:
        daemon.kill()


COMMANDS = "\x1b[2J\x9b2J\x7f\xad\u200b\u200f\u2028\u202e\u2066\ufeff"
"""What a terminal obeys, or a reader does not see."""


def obeyed(answer: bytes) -> set[str]:
    """The characters of an answer, line ends apart, that a terminal obeys or nobody sees."""
    return {each for each in answer.decode() if not each.isprintable()} - set("\r\n\N{NO-BREAK SPACE}")


def test_what_a_terminal_obeys(tmp_path: Path) -> None:
    """No route hands it on in any format, whoever is called by it: the host, a disk, a link or a process."""
    board = tmp_path / "board"
    shutil.copytree(BOARDS / "pi4b-8gb", board, symlinks=True)
    host = json.loads((board / "host.json").read_text())
    host["uname"][0] += COMMANDS
    (board / "host.json").write_text(
        json.dumps(host).replace("/mnt/media", json.dumps("/mnt/media" + COMMANDS)[1:-1])
    )
    for path, name in [
        ("proc/device-tree/model", "Raspberry Pi 4"),
        ("proc/net/dev", "wlan0"),
        ("proc/self/mountinfo", "/mnt/media"),
        ("etc/os-release", "Debian GNU"),
    ]:
        content = (board / path).read_text()
        assert name in content
        (board / path).write_text(content.replace(name, name + COMMANDS))
    settings = {"FAULTS": str(tmp_path), "BOARD": str(board), "PISTAT_RATE_LIMIT_ENABLED": "no"}
    daemon = Daemon(settings, [sys.executable, faulty.__file__])
    try:
        daemon.wait_until_ready()
        found = {}
        for target in FORMATS:
            for accept in ("*/*", "text/plain", "application/openmetrics-text"):
                answer = daemon.get(target, headers={"Accept": accept})
                found[target, accept] = (answer.status, obeyed(answer.body))
    finally:
        daemon.kill()

    assert {key: value for key, value in found.items() if value != (200, set())} == {}


@contextmanager
def named(names: list[bytes]) -> Iterator[dict[int, bytes]]:
    """Processes that call themselves so, by PID."""
    command = [sys.executable, "-c", CALL_MYSELF]
    children = [
        subprocess.Popen([*command, name.hex()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for name in names
    ]
    try:
        for each in children:
            assert each.stdout is not None
            assert each.stdout.readline() == b"named\n"
        yield {child.pid: name for child, name in zip(children, names, strict=True)}
    finally:
        for each in children:
            each.communicate()


def test_processes_with_hostile_names(start: Callable[..., Daemon], require: Require) -> None:
    """A process keeps its row and its name, bad bytes as U+FFFD, whatever it calls itself."""
    require(sys.platform == "linux", "Linux")
    daemon = start(PISTAT_CACHE_SECONDS="0")
    with named(NAMES) as children:
        rows = {
            row["pid"]: row for row in all_answers(daemon)["/processes?sort=name&limit=10000"]["processes"]
        }
        for pid, name in children.items():
            assert rows[pid]["name"] == name.decode("utf-8", "replace")
            assert rows[pid]["user"] == rows[daemon.pid]["user"]
            assert rows[pid]["memory_percent"] > 0


def test_interfaces_with_hostile_names(require: Require, start: Callable[..., Daemon]) -> None:
    """An interface keeps its row, with all its figures, whatever it is called."""
    require(shutil.which("ip") is not None, "iproute2")
    require(apart.possible(), "root", installed=False)
    with apart.own_network():
        for number, name in enumerate(LINKS):
            peer = f"peer{number}".encode()
            subprocess.run([*b"ip link add".split(), name, *b"type veth peer name".split(), peer], check=True)
        answers = all_answers(start(PISTAT_CACHE_SECONDS="0"))
        for name in LINKS:
            shown = name.decode("utf-8", "replace")
            assert answers["/stats"]["network"][shown]["bytes_sent"] == 0
            assert answers["/network/interfaces"]["interfaces"][shown]["mtu"] == 1500
        assert not any("errors" in each for each in answers.values())


def test_filesystems_with_hostile_names(
    require: Require, tmp_path: Path, start: Callable[..., Daemon]
) -> None:
    """A filesystem keeps its row and its sizes, whatever it is called, and with a path of 4 kB."""
    require(deadmount.possible(), "root and /dev/fuse")
    folders = [tmp_path / os.fsdecode(name) for name in FOLDERS]
    folders.append(tmp_path.joinpath(*["d" * 250] * ((4000 - len(str(tmp_path))) // 251)))
    folders[-1].parent.mkdir(parents=True)
    with apart.own_mounts():
        mounts = [DeadMount(each, source="<b>:/\x1b[2J\n\udcff") for each in folders]
        try:
            for each in mounts:
                each.revive()
            answers = all_answers(start(PISTAT_CACHE_SECONDS="0"))
        finally:
            for each in mounts:
                each.unmount()
    rows = {row["mountpoint"]: row for row in answers["/storage/devices"]["devices"]}
    for each in mounts:
        row = rows[os.fsencode(each.path).decode("utf-8", "replace")]
        assert row["total"] == deadmount.BLOCKS * deadmount.BLOCK
        assert row["device"] == "<b>:/\x1b[2J\n\N{REPLACEMENT CHARACTER}"
    assert not any("errors" in each for each in answers.values())
