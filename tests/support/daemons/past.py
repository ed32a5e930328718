"""A history as a machine might have it: a fortnight of days and nights, with gaps and two starts."""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Callable

from pistat.history.history import History
from pistat.machine.machine import Machine

HOUR, DAY = 3600, 86_400
PLAIN = "PAST_PLAIN" in os.environ
"""Whether nothing is missing: neither gaps nor starts."""

GAPS = ((2.0 * DAY, 2.4 * DAY), (9 * HOUR, 11 * HOUR), (31 * 60, 35 * 60))
"""From when until when, before now, nothing was recorded: one that is seen in each range."""

WEAK = tuple(each * HOUR for each in (1.5, 4.2, 4.9, 5.4, 13.1, 16.8, 21.3))
"""How long before now the supply was too weak, where PAST_WEAK is set."""

BOOTS = (2.0 * DAY, 31 * 60)
"""How long before now the machine came up."""


def _noise(time: float) -> float:
    return math.sin(time * 12.9898) * 43758.5453 % 1


def _bursts(time: float, period: float) -> float:
    """Something that comes and goes: from 0 to 1, mostly little."""
    return max(0.0, math.sin(time / period * 2 * math.pi)) ** 4 * (0.7 + 0.3 * _noise(time))


WITHOUT = os.environ.get("PAST_WITHOUT", "").split()
"""How the names of series begin that the machine never had."""


def curves(heat: float, memory: float) -> dict[str, Callable[[float], float]]:
    """What each series was, by how long ago."""
    day = 2 * math.pi / DAY
    weak = WEAK if os.environ.get("PAST_WEAK") else ()

    def flag(length: float) -> Callable[[float], float]:
        return lambda ago: float(any(0 <= begun - ago < length for begun in weak))

    return {
        "cpu_temp": lambda ago: heat + 3 * math.sin(ago * day) + 5 * _bursts(ago, 4000) + _noise(ago),
        "cpu_usage": lambda ago: 4 + 46 * _bursts(ago, 4000) + 3 * _noise(ago),
        "memory.percent": lambda ago: memory + 2 * math.sin(ago * day / 3) + _noise(ago) / 4,
        "disk_io.read_rate": lambda ago: 4e3 + 8e5 * _bursts(ago, 5300),
        "disk_io.write_rate": lambda ago: 3e4 + 3e5 * _bursts(ago, 2100) + 2e4 * _noise(ago),
        "network.recv_rate": lambda ago: 2e4 + 9e5 * _bursts(ago, 3100) + 1e4 * _noise(ago),
        "network.sent_rate": lambda ago: 6e3 + 9e4 * _bursts(ago, 3100) + 3e3 * _noise(ago),
        "power.under_voltage": flag(300),
        "power.throttled": flag(120),
        "power.freq_capped": lambda ago: 0.0,
    }


def fill(history: History, heat: float, memory: float) -> None:
    """Put it into all tiers of a history that is empty."""
    now = history.machine.uptime()
    for tier in history.tiers.values():
        first = tier.next - tier.size
        for name, at in curves(heat, memory).items():
            if name.startswith(tuple(WITHOUT)):
                continue
            agos = [now - (slot + 0.5) * tier.step for slot in range(first, tier.next)]
            points = [_there(ago) * at(ago) for ago in agos]
            kinds = [array("f", points)]
            if tier.reach > HOUR:
                kinds += [array("f", [each * share for each in points]) for share in (0.93, 1.08)]
            tier.place(name, first, kinds, join=False)
    history.boots = {history.machine.time() - ago for ago in BOOTS if not PLAIN}


def _there(ago: float) -> float:
    """1 where something was recorded, and what is no number where nothing was."""
    return math.nan if not PLAIN and any(since > ago > until for until, since in GAPS) else 1.0


class FilledHistory(History):
    """A history that is filled at once. PAST is the temperature and the share of memory, such as `47,17`."""

    def __init__(self, machine: Machine, seconds: float) -> None:
        super().__init__(machine, seconds)
        heat, memory = map(float, os.environ["PAST"].split(","))
        fill(self, heat, memory)
