"""The files in which the curves outlast a restart.

They are a row of records. Each holds the points since the one before, is appended once an hour and at the
end, and is good or not by itself: what a power cut has torn is skipped, what is appended behind it counts.
When a file has grown long, the next one is begun, and the oldest is removed: nothing is ever written twice.

A record says by which boot clock its points are placed, and when that clock was started by the wall clock as
it was known then. Of one boot the last record knows that best, for the clock of a Pi is often set late.
"""

from __future__ import annotations

import json
import math
import re
import struct
import sys
import zlib
from array import array
from collections.abc import Container, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from pistat.history.history import History
from pistat.history.metrics import METRICS
from pistat.history.recorder import Recorder, Sample
from pistat.history.series import FORTNIGHT, HOUR, KINDS, PartialPoint
from pistat.history.storage import StateDirectory
from pistat.machine.machine import Machine

FILE = "history.bin"

LONGEST = 1 << 18
"""Bytes of a file, after which the next one is begun: those of a day or more."""

KEPT = 15
"""How many files are kept besides the one that grows: more than a fortnight fills, whatever is sampled."""

RETRY_SECONDS = 60.0
"""After how long a disk that did not answer is asked again, and then after twice as long, up to an hour."""

MOST_RECORDS = 10_000
"""So many places of a file are looked at; one that is full of something else must not take minutes."""

MOST_CONTENT = 16 * LONGEST
"""Bytes of a record when it is unpacked: six times what all curves take. A made one may claim any number."""

LONGEST_HEAD = 1 << 20
"""Bytes of its first line, of which JSON may make twenty times as many."""

WRONG = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What JSON of another shape than ours comes to."""

MAGIC = b"\x93pi-stat\x01"
START = struct.Struct("<9sI")
"""How a record starts: what it is, in which version, and the CRC-32 of the rest."""

REST = struct.Struct("<I36sdd")
"""How it goes on: the length of what follows, the boot, when that began, and the boot clock at the end."""

PLANES = (1, 2, 3) if sys.byteorder == "little" else (0, 1, 2)
"""Which bytes of a number are kept: without the least one it has 4.8 digits, of which answers show 4."""

NAMES = frozenset(metric.name for metric in METRICS)


class Record(NamedTuple):
    """What was saved at once.

    Attributes:
        boot: The ID of the boot by whose clock the points are placed.
        boot_time: When that was, Unix time.
        end: The boot clock when it was saved.
        content: A line of JSON, and the points, compressed.
    """

    boot: bytes
    boot_time: float
    end: float
    content: bytes | memoryview

    @property
    def ended_at(self) -> float:
        """When it was saved, Unix time."""
        return self.boot_time + self.end

    def packed(self, seed: int) -> bytes:
        """Return it as it stands in the file of the machine with this `seed`."""
        rest = REST.pack(len(self.content), self.boot, self.boot_time, self.end) + self.content
        return START.pack(MAGIC, zlib.crc32(rest, seed)) + rest


def records(data: bytes, seed: int) -> Iterator[Record]:
    """Yield what is whole of a file, in order; nothing of another machine or version."""
    view, end = memoryview(data), 0
    for found in islice(re.finditer(re.escape(MAGIC), data), MOST_RECORDS):
        start, head = found.start(), found.start() + START.size + REST.size
        if start < end or head > len(data):
            continue
        _, crc = START.unpack_from(data, start)
        length, boot, boot_time, at = REST.unpack_from(data, start + START.size)
        if zlib.crc32(view[start + START.size : head + length], seed) == crc:
            end = head + length
            yield Record(boot.rstrip(b"\0"), boot_time, at, view[head:end])


class Archive:
    """Saves the curves of a history in a state directory, and brings them back.

    Args:
        history: Whose curves these are.
        state: Where they are saved.
        machine: Which one that is, and which boot.
    """

    def __init__(self, history: History, state: StateDirectory, machine: Machine) -> None:
        self._history = history
        self._state = state
        self._machine = machine
        self._seed, self._boot = 0, b""
        self._tiers = [tier for tier in history.tiers.values() if tier.reach > HOUR]
        self._saved = {tier.step: tier.next for tier in self._tiers}
        self._taken: set[bytes] = set()
        self._next_load = -math.inf
        self._next_try, self._pause = -math.inf, RETRY_SECONDS
        self._next_save = math.inf

    def listen(self, recorder: Recorder) -> None:
        """Read and save what is due as the samples come; the history must listen later."""
        recorder.listen((), self.take)
        recorder.at_stop(self.close)

    def take(self, sample: Sample) -> None:
        """Read or save what is due at a sample, which the history has not taken in yet."""
        if not self._state.available:
            return
        if not self._boot:
            self._identify()
            self._next_save = sample.boot + HOUR
        if sample.wall >= self._next_load and sample.boot >= self._next_try:
            self._load(sample)
        if sample.boot >= self._next_save:
            self._next_save = sample.boot + HOUR
            self.save(sample.boot)

    def _identify(self) -> None:
        machine = self._machine
        # What was saved on another machine has another sum, and is not taken for what happened here.
        self._seed = zlib.crc32((machine.word("/etc/machine-id") or "").encode())
        boot = machine.word("/proc/sys/kernel/random/boot_id") if machine.linux else None
        self._boot = (boot or f"{machine.boot_time():.0f}").encode()[:36]

    # Saving

    def close(self) -> None:
        """Save the points since the last time, and the samples of those that are not complete."""
        if self._boot:
            self.save(self._machine.uptime(), closing=True)

    def save(self, boot: float, *, closing: bool = False) -> None:
        """Append the points since the last time."""
        upto = {tier.step: tier.next for tier in self._tiers}
        data = self._record(boot, closing=closing).packed(self._seed)
        if self._state.append(FILE, data, longest=LONGEST, keep=KEPT):
            self._saved = upto

    def _record(self, end: float, *, closing: bool) -> Record:
        """Return a record of the points that are complete and not saved yet.

        Args:
            end: The boot clock now.
            closing: Whether the samples of those that are not complete are added.
        """
        tiers = []
        points = []
        with self._history.lock:
            placed_at = self._history.placed_at
            boots = sorted(boot for boot in self._history.boots if boot > placed_at + end - FORTNIGHT)
            for tier in self._tiers:
                slots = range(max(tier.next - tier.size, self._saved[tier.step]), tier.next)
                names = [*tier.columns]
                opened = {
                    name: [
                        column.partial.count,
                        column.partial.total,
                        column.partial.least,
                        column.partial.most,
                    ]
                    for name, column in tier.columns.items()
                    if closing and column.partial.count
                }
                tiers.append([tier.step, slots.start, len(slots), names, tier.next, opened])
                points += [_packed(ring) for name in names for ring in tier.points(name, slots)]
        head = json.dumps({"boots": boots, "tiers": tiers}).encode()
        return Record(self._boot, placed_at, end, zlib.compress(b"".join([head, b"\n", *points])))

    # Loading

    def _load(self, sample: Sample) -> None:
        """Take in what was saved, but for boots that ended in the future: the clock is not set yet."""
        last: dict[bytes, Record] = {}
        foreign = []
        for name, data in self._state.read_log(FILE):
            if data is None:
                self._next_try, self._pause = sample.boot + self._pause, min(2 * self._pause, HOUR)
                return
            found = {record.boot: record._replace(content=b"") for record in records(data, self._seed)}
            last.update(found)
            if data and not found:
                foreign.append(name)
        self._state.set_aside(foreign, "holds no curves that this version has saved on this machine")
        waiting = {record.boot: record.ended_at for record in last.values() if record.ended_at > sample.wall}
        waiting.pop(self._boot, None)
        self._next_load = min(waiting.values(), default=math.inf)
        self._place_all(last, self._taken.union(waiting))
        self._taken.update(last.keys() - waiting)

    def _place_all(self, last: Mapping[bytes, Record], but: Container[bytes]) -> None:
        """Place the points of all boots but some; `last` is the last record of each.

        The files are read a second time for that: together they may be larger than all the curves.
        """
        placed: set[bytes] = set()
        damaged: dict[str, bytes] = {}
        for name, data in self._state.read_log(FILE):
            found = list(records(data or b"", self._seed))
            good = []
            for record in found:
                with suppress(*WRONG, zlib.error):
                    if record.boot not in but:
                        self._place(record, last.get(record.boot, record), join=record.boot not in placed)
                        placed.add(record.boot)
                    good.append(record)
            if len(good) < len(found):
                damaged[name] = b"".join(record.packed(self._seed) for record in good)
        self._state.set_aside([*damaged], "holds what pi-stat has not written")
        for name, data in damaged.items():
            self._state.write(name, data)

    def _place(self, record: Record, last: Record, *, join: bool) -> None:
        """Put the points of a record where they belong by our boot clock.

        Args:
            record: Where they are.
            last: The last record of the same boot, which knows best when that was.
            join: Whether the first of them may belong to the last slot of the boot before.
        """
        head, points = zlib.decompressobj().decompress(record.content, MOST_CONTENT).split(b"\n", 1)
        content = _content(head)
        rest = memoryview(points)
        tiers = {tier.step: tier for tier in self._tiers}
        with self._history.lock:
            self._history.follow_clock()
            self._history.boots.update(filter(math.isfinite, content["boots"]))
            if record.boot != self._boot:
                self._history.boots.add(last.boot_time)
            for step, first, count, names, open_slot, opened in content["tiers"]:
                tier = tiers.get(step)
                shift = 0 if record.boot == self._boot else self._shift(last, step)
                for name in names:
                    curves = []
                    for _ in range(KINDS):
                        curves.append(_unpacked(rest[: count * len(PLANES)], count))
                        rest = rest[count * len(PLANES) :]
                    if tier and name in NAMES:
                        tier.place(name, first + shift, curves, join=join)
                for name, samples in opened.items():
                    if tier and name in NAMES:
                        tier.resume(name, open_slot + shift, PartialPoint(*samples))

    def _shift(self, last: Record, step: int) -> int:
        """Return by how many slots another boot was before ours; it ended before slot 0 of ours."""
        slots = round((last.boot_time - self._history.placed_at) / step)
        return min(slots, -math.floor(last.end / step) - 1)


def _content(head: bytes) -> dict[str, Any]:
    """Return what the first line of a record says. Raise ValueError if it is longer than any of ours."""
    if len(head) > LONGEST_HEAD:
        raise ValueError(len(head))
    found: dict[str, Any] = json.loads(head)
    return found


def _packed(points: array[float]) -> bytes:
    """Return numbers byte by byte, which is compressed better: first the most significant ones of all."""
    raw = points.tobytes()
    return b"".join(raw[plane::4] for plane in PLANES)


def _unpacked(planes: memoryview, count: int) -> array[float]:
    """Return the numbers that `_packed` has made bytes of. Raise ValueError unless there are `count`."""
    if len(planes) != len(PLANES) * count:
        raise ValueError(count)
    raw = bytearray(4 * count)
    for number, plane in enumerate(PLANES):
        raw[plane::4] = planes[number * count : (number + 1) * count]
    return array("f", bytes(raw))
