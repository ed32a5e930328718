"""A recorded board whose sources say what no machine should, each time something else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from pistat.machine.machine import Usage
from pistat.machine.network.links import Link
from pistat.machine.network.nl80211 import Station
from support.hostile_input import POISONS
from support.machines.damaged_machine import Change, DamagedMachine, Source

NUMBER = re.compile(rb"(?<![A-Za-z0-9_.])[0-9]+(?:\.[0-9]+)?")

NUMBERS = (
    *(b"0", b"1", b"-0", b"-1", b"00", b"007", b"-273151", b"127000", b"150001", b"101", b"255", b"65536"),
    *(b"2147483647", b"2147483648", b"-2147483648", b"4294967295", b"4294967296", b"999999999999"),
    *(b"9223372036854775807", b"9223372036854775808", b"18446744073709551615", b"18446744073709551616"),
    *(b"1" + b"0" * 30, b"9" * 400, b"9" * 5000, b"0.0", b"0.001", b"-1.5", b"1.5", b"1e999", b"1e3"),
    *(b"nan", b"-inf", b"0x7f", b"\xef\xbc\x91\xef\xbc\x92", b"", b" ", b"+5", b"1_000", b"99.99", b"100.01"),
)
"""What may stand where a number is: the ends of the kernel's types, and what is none."""

BYTES = (0, 1, -1, 4096, 1 << 31, 1 << 40, 1 << 53, (1 << 63) - 1, 1 << 64, -(1 << 40), 1 << 80)
COUNTS = (0, 1, 1500, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, (1 << 64) - 1)
POWERS = (0, -1, 1, -47, -110, -128, 127)


def _numbers(random: Random, data: bytes) -> bytes:
    """Replace all numbers, some or one, by a few others: a table of nothing but the same is one, too."""
    count = len(NUMBER.findall(data))
    share = random.choice((1.0, 0.3, 1.0 / (count + 1)))
    others = random.sample(NUMBERS, random.choice((1, 1, 2, 5)))
    return NUMBER.sub(lambda found: random.choice(others) if random.random() < share else found[0], data)


def _lines(random: Random, data: bytes) -> bytes:
    """Leave out a line, repeat one, or shuffle all."""
    lines = data.splitlines(keepends=True) or [b""]
    place = random.randrange(len(lines))
    shuffled = random.sample(lines, len(lines))
    return b"".join(random.choice((lines[:place] + lines[place + 1 :], [*lines, lines[place]], shuffled)))


def _bytes(random: Random, data: bytes) -> bytes:
    """Cut it, or put anything in."""
    where = random.randrange(len(data) + 1)
    return data[:where] + random.choice((b"", random.randbytes(random.randrange(1, 9)) + data[where:]))


def _poison(random: Random, data: bytes) -> bytes:
    return random.choice(list(POISONS.values()))


def _same(random: Random, data: bytes) -> bytes:
    return data


def altered(random: Random, data: bytes) -> bytes:
    """Return the bytes of a source with something wrong in them, now and then with nothing."""
    return random.choice((_numbers, _numbers, _numbers, _lines, _bytes, _poison, _same))(random, data)


def changes(seed: str, sources: Sequence[Source], share: float) -> dict[Source, Change]:
    """Return what is done to a share of some sources: each has a sequence of its own, whoever reads when."""

    def change(source: Source) -> Change:
        random = Random(f"{seed} {source}")
        return lambda data: altered(random, data)

    chosen = Random(seed)
    return {source: change(source) for source in sources if chosen.random() < share}


class HostileMachine(DamagedMachine):
    """A board with changed sources; a call that is one gives anything that the kernel has a type for."""

    def __init__(self, folder: Path, changes: Mapping[Source, Change], seed: str) -> None:
        super().__init__(folder, changes)
        self._random = Random(seed)

    def _is_hostile(self, call: str) -> bool:
        return Source("call", call) in self._changes

    def usage(self, mountpoint: str) -> Usage:
        found = super().usage(mountpoint)
        if not self._is_hostile(f"statvfs {mountpoint}"):
            return found
        return Usage(
            *(self._random.choice((*BYTES, each)) for each in (found.total, found.used, found.free, 9, 9))
        )

    def owner(self, path: str) -> int:
        return self._random.choice(COUNTS) if self._is_hostile(f"stat {path}") else super().owner(path)

    def links(self) -> dict[str, Link]:
        found = super().links()
        return (
            {name: self._any_link(link) for name, link in found.items()}
            if self._is_hostile("netlink")
            else found
        )

    def _any_link(self, link: Link) -> Link:
        choice = self._random.choice
        return link._replace(
            counters={name: choice((*COUNTS, None)) for name in link.counters},
            mtu=choice((*COUNTS[:4], None)),
            speed=choice((-1, 0, 1000, (1 << 32) - 1, None)),
            hardware=choice((0, 1, 65534, 65535, None)),
            is_up=choice((True, False, None)),
            driver=choice((link.driver, "", "x" * 15, None)),
            master=choice((link.master, "\udcff", None)),
        )

    def stations(self) -> dict[str, Station]:
        found = super().stations()
        choice = self._random.choice
        if not self._is_hostile("nl80211"):
            return found
        return {
            name: station._replace(
                signal=choice((*POWERS, None)),
                frequency=choice((*COUNTS, None)),
                bit_rate=choice((*COUNTS, None)),
            )
            for name, station in found.items()
        }
