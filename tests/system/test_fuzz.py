"""Fuzzed: whatever /proc, /sys and the firmware say, a collector gives its shape or a declared error.

The boards are the corpus. One of their files, or the firmware, says something else; who reads it is run.
"""

from __future__ import annotations

import contextlib
import gc
import re
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_system_monitor import create_app
from pistat.collectors import ALL, processes
from pistat.field import Collector, Incomplete
from pistat.machine.firmware.client import Firmware
from pistat.machine.machine import Finished, Machine
from pistat.monitor.monitor import encode
from pistat.routes import ROUTES, STATS, Route
from pistat.settings import BadSettingError, Settings, read_env_file
from pistat.web import parameters
from pistat.web.parameters import BadQueryError
from support.answer_shape import mismatches
from support.hostile_input import POISONS, strict
from support.recorded_machine import BOARDS, RecordedMachine

BOARD_NAMES = ("pi5-8gb-nvme", "zero2w-wifi")

FIRMWARE = "the firmware"
"""What stands for vcgencmd where paths stand for files."""

DECLARED = (OSError, ValueError, LookupError)
"""What a collector may raise; monitor.py has a sentence for each, and calls all else a failure."""


class Fuzzed(RecordedMachine):
    """A board on which some files, and the firmware, say something else."""

    def __init__(self, board: str) -> None:
        self.replaced: dict[str, bytes] = {}
        self.reply = b""
        self.read_paths: set[str] = set()
        super().__init__(BOARDS / board)

    def read_bytes(self, path: str, limit: int = 1 << 20) -> bytes:
        self.read_paths.add(path)
        replaced = self.replaced.get(path)
        return super().read_bytes(path, limit) if replaced is None else replaced[:limit]

    def run(self, command: Sequence[str], seconds: float, limit: int = 8192) -> Finished:
        self.read_paths.add(FIRMWARE)
        return Finished(0, self.reply[:limit].decode("utf-8", "replace"), "")

    def forget(self) -> None:
        """Know nothing of what is read once, and nothing of how the firmware behaved."""
        self.memo.clear()
        self.firmware = Firmware(self)


@cache
def machine(board: str) -> Fuzzed:
    return Fuzzed(board)


@cache
def readers(board: str) -> dict[str, list[Collector]]:
    """Who reads what: the collectors by path."""
    found: dict[str, list[Collector]] = {}
    for each in ALL:
        fuzzed = machine(board)
        fuzzed.forget()
        fuzzed.read_paths.clear()
        with contextlib.suppress(*DECLARED):
            each.collect(fuzzed)
        for path in sorted(fuzzed.read_paths):
            found.setdefault(path, []).append(each)
    return found


def files(board: str) -> list[str]:
    """The files of a board that are there and are read; one process stands for all."""
    several = re.compile(r"/proc/[0-9]{2,}/")
    return [each for each in readers(board) if machine(board).exists(each) and not several.match(each)]


def collect(board: str, path: str, content: bytes) -> None:
    """Let `path` say something else. Who reads it gives its shape, which is JSON, or raises what it may."""
    fuzzed = machine(board)
    fuzzed.replaced = {path: content}
    fuzzed.reply = content if path == FIRMWARE else b""
    for each in readers(board)[path]:
        run(fuzzed, each)


def run(fuzzed: Fuzzed, collector: Collector) -> None:
    """Run a collector that knows nothing yet."""
    fuzzed.forget()
    try:
        reading = collector.collect(fuzzed)
    except DECLARED:
        return
    values = reading.values if isinstance(reading, Incomplete) else reading
    if collector is processes.processes:
        values = {"processes": processes.top(values["processes"], "name", 10_000)}
    assert mismatches(strict(encode(values)), collector.fields) == []


@pytest.mark.parametrize("board", BOARD_NAMES)
@pytest.mark.parametrize("poison", POISONS)
def test_every_file_of_the_corpus(board: str, poison: str) -> None:
    """Each file of a board, one after the other, holds each of the poisons."""
    for path in (*files(board), FIRMWARE):
        collect(board, path, POISONS[poison])


@st.composite
def damaged(draw: st.DrawFn, board: str) -> tuple[str, bytes]:
    """A file of a board, and its content with a part of it lost, doubled, or exchanged for something else."""
    path = draw(st.sampled_from(files(board)))
    content = RecordedMachine.read_bytes(machine(board), path)
    begin = draw(st.integers(0, len(content)))
    end = draw(st.integers(begin, len(content)))
    pieces = st.one_of(st.just(content[begin:end] * 2), st.binary(max_size=64), st.sampled_from(SYNTAX))
    return path, content[:begin] + draw(pieces) + content[end:]


SYNTAX = [b"", b"\n", b" ", b"\t", b":", b"-", b"(", b")", b"\\040", b"0", b"-1", b"4294967295", b"9" * 30]
"""What the kernel's tables are made of."""


@pytest.mark.parametrize("board", BOARD_NAMES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_file(board: str, data: st.DataObject) -> None:
    """A file of the kernel that is cut off, garbled or hostile costs its own figures at the most."""
    path, content = data.draw(damaged(board))
    collect(board, path, content)


@settings(max_examples=100, deadline=None)
@given(
    reply=st.one_of(
        st.binary(max_size=200), st.from_regex(rb"[a-z_]+(\([0-9]*\))?=[ -~]*\n?", fullmatch=True)
    )
)
def test_any_reply_of_the_firmware(reply: bytes) -> None:
    """Whatever the firmware says to every question, each collector that asks gives its shape."""
    collect("pi5-8gb-nvme", FIRMWARE, reply)


# What people write


def outcome(read: Callable[[], dict[str, Any]]) -> dict[str, Any] | str:
    """What was read, or why it was refused."""
    try:
        return read()
    except (BadSettingError, BadQueryError) as error:
        return str(error)


@settings(max_examples=200, deadline=None)
@given(content=st.one_of(st.binary(max_size=100), st.text(max_size=100).map(lambda text: text.encode())))
def test_any_env_file(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """A `.env` file gives our settings as text, or is refused in one line that names it."""
    path = tmp_path_factory.getbasetemp() / "fuzzed.env"
    path.write_bytes(content)
    found = outcome(lambda: read_env_file(path))
    if isinstance(found, str):
        assert found.startswith(str(path))
        assert "\n" not in found
    else:
        assert all(name.startswith("PISTAT_") and isinstance(value, str) for name, value in found.items())


QUERIES = st.one_of(
    st.binary(max_size=100),
    st.from_regex(rb"(fields|limit|sort|block)=[ -~]{0,20}(&.*)?", fullmatch=True),
)


@settings(max_examples=200, deadline=None)
@given(sent=QUERIES, route=st.sampled_from(ROUTES))
def test_any_query(sent: bytes, route: Route) -> None:
    """A query gives a value for each parameter, or is refused in one line of bounded length."""
    found = outcome(lambda: dict(parameters.parse(sent, route.parameters)))
    if isinstance(found, str):
        assert "\n" not in found
        assert len(found) < 1500
    else:
        assert found.keys() == {each.name for each in route.parameters}


# Time

SMALL, FACTOR = 1 << 16, 8
"""Bytes of an overlong text, and by how much the longer one is longer."""

MOMENT = 0.05
"""Seconds of CPU time below which a ratio would be noise."""

REPEATED = [
    *(b" ", b"\n", b"(", b") ", b"9", b"\\040", b"a:", b"a b c d e f g h i j k l m n\n", b"\xff", b"0.1 "),
    *(b"eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", b"36 35 8:1 / /a rw - ext4 /dev/a rw\n"),
    *(b"cpu 1 2 3 4 5 6 7 8\n", b"   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n", b"Tcp: CurrEstab\n"),
]
"""Pieces of which an overlong text is made: what a table would have, and what misleads a pattern."""


def linear(work: Callable[[bytes], object], piece: bytes) -> bool:
    """Whether `work` takes at most about eight times as long for a text that is eight times as long."""

    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        # The search for garbage goes through all that this process holds, now and then.
        gc.disable()
        began = time.process_time()
        work(text)
        took = time.process_time() - began
        gc.enable()
        return took

    # CPU time, too, is longer beside others; what takes more than linear time does so in each of three tries.
    return any(seconds(SMALL * FACTOR) <= 2 * FACTOR * seconds(SMALL) + MOMENT for _ in range(3))


@pytest.mark.parametrize("piece", REPEATED, ids=repr)
def test_the_kernel_takes_linear_time(piece: bytes) -> None:
    """An overlong text in all files at once is read, or refused, in time linear to its length."""
    fuzzed = machine("pi5-8gb-nvme")

    def work(text: bytes) -> None:
        fuzzed.replaced = dict.fromkeys(files("pi5-8gb-nvme"), text)
        fuzzed.reply = text
        for each in ALL:
            run(fuzzed, each)

    assert linear(work, piece)


@pytest.mark.parametrize(
    "piece", [b"=", b"&", b"%", b"a=1&", b"fields=cpu_temp,", b"%00", b"+", b";", b"\xff"]
)
def test_a_query_takes_linear_time(piece: bytes) -> None:
    """So is an overlong query."""

    def work(text: bytes) -> None:
        with contextlib.suppress(BadQueryError):
            parameters.parse(text, STATS.parameters)

    assert linear(work, piece)


@pytest.mark.parametrize("piece", [b" ", b"\t", b",", b";", b'"', b"a,", b"*/*;q=.", b"a;b=c; "])
def test_preferences_take_linear_time(piece: bytes) -> None:
    """So is an overlong Accept header."""
    client = create_app(Settings(rate_limit_enabled=False), Machine()).test_client()

    def work(text: bytes) -> None:
        assert client.get("/", headers={"Accept": f"a{text.decode()}b"}).status_code == 200

    assert linear(work, piece)


@pytest.mark.parametrize(
    "piece", [b"A", b"'", b'"', b"\\", b"=", b"#", b"$", b" ", b"\n", b"A=${B}\n", b"export "]
)
def test_an_env_file_takes_linear_time(tmp_path: Path, piece: bytes) -> None:
    """So is an overlong `.env` file."""

    def work(text: bytes) -> None:
        (tmp_path / ".env").write_bytes(text)
        with contextlib.suppress(BadSettingError):
            read_env_file(tmp_path / ".env")

    assert linear(work, piece)
