"""The history routes of Glances 4, out of our own: what Dashy draws its graphs of.

They give the last hour, each point at the moment that it ends; one without a reading is left out, since
clients compute with what they get.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TypeAlias

from pistat.history.history import Curves, History
from pistat.text import quoted, utc

ITEMS: dict[str, dict[str, str]] = {
    "quicklook": {"cpu": "cpu_usage", "mem": "memory.percent", "swap": "swap.percent"},
    "cpu": {"user": "cpu_user", "system": "cpu_system"},
    "load": {"min1": "load_1", "min5": "load_5", "min15": "load_15"},
    "mem": {"percent": "memory.percent"},
    "memswap": {"percent": "swap.percent"},
    "fs": {"/_percent": "disk.percent"},
    "diskio": {
        "all_read_bytes_rate_per_sec": "disk_io.read_rate",
        "all_write_bytes_rate_per_sec": "disk_io.write_rate",
    },
    "network": {
        "all_bytes_recv_rate_per_sec": "network.recv_rate",
        "all_bytes_sent_rate_per_sec": "network.sent_rate",
    },
}
"""The series of each item, by plugin. What Glances has of each interface and disk is here of all together."""

Points: TypeAlias = "list[tuple[str, float]]"
"""Moments, as Glances writes them, and values."""


class UnknownError(Exception):
    """There is no such plugin, item or history; the text is for the client."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a path asks for: the curves of a plugin or of one item, the last points or all."""

    plugin: str
    item: str
    number: str

    @classmethod
    def of(cls, path: str) -> Wanted | None:
        """Return what `PLUGIN[/ITEM]/history[/NUMBER]` asks for; None for a path of another kind."""
        found = PATH.fullmatch(path)
        return cls(found["plugin"], found["item"] or "", found["number"] or "0") if found else None


PATH = re.compile(r"(?P<plugin>[^/]+)(?:/(?P<item>(?!history(?:/|$)).+))?/history(?:/(?P<number>[^/]*))?")


def document(history: History | None, wanted: Wanted) -> dict[str, Points] | Points:
    """Return the curves of each item of a plugin, or that of one. Raises UnknownError.

    Args:
        history: Where they are; None where it is off.
        wanted: Which.
    """
    if history is None:
        raise _refused(wanted, "the history is off: PISTAT_HISTORY_SECONDS=0")
    series = ITEMS.get(wanted.plugin)
    if series is None:
        raise _refused(wanted, f"those with a history are {', '.join(ITEMS)}")
    if wanted.item not in {"", *series}:
        raise _refused(wanted, f"read {quoted(wanted.item)}; expected one of {', '.join(series)}")
    if not re.fullmatch(r"[0-9]{1,9}", wanted.number):
        raise _refused(wanted, f"read {quoted(wanted.number)} points; expected a whole number")
    items = {wanted.item: series[wanted.item]} if wanted.item else series
    found = _last(history.curves(items.values(), "1h", 0.0), int(wanted.number))
    return found[series[wanted.item]] if wanted.item else {item: found[name] for item, name in items.items()}


def _refused(wanted: Wanted, why: str) -> UnknownError:
    """Return a refusal in the words of Glances."""
    what = "history for plugin" if wanted.item else "plugin history"
    return UnknownError(f"Cannot get {what} {wanted.plugin} ({why})")


def _last(curves: Curves, number: int) -> dict[str, Points]:
    """Return the last points by series; 0 is for all of them."""
    ends = [
        utc(curves.start + (place + 1) * curves.step).isoformat(timespec="microseconds")
        for place in range(curves.points)
    ]
    return {
        metric.name: [
            (end, float(f"{value:.4g}"))
            for end, value in zip(ends, rings[0], strict=True)
            if not math.isnan(value)
        ][-number:]
        for metric, rings in curves.series.items()
    }
