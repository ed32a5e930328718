"""How long each queue of the 3D block has been busy. Linux tells it from 6.8 on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pistat.parsers import counters

if TYPE_CHECKING:
    from pistat.machine.host import Host

CARDS = "/sys/class/drm"
FILE = f"{CARDS}/card*/device/gpu_stats"
"""Where the driver v3d says it; no other driver has a file of that name."""

Queues: TypeAlias = "dict[str, tuple[int, int]]"
"""When a queue was read, and how long it was busy since boot, both in ns."""


def has_queues(machine: Host) -> bool:
    """Return whether this machine tells of them; looked for once a minute."""
    return _file(machine) is not None


def read(machine: Host) -> Queues:
    """Return the queues now; none where the driver does not tell of them. Raises OSError."""
    path = _file(machine)
    return counters.queues(machine.read_cached_text(path)) if path else {}


def _file(machine: Host) -> str | None:
    return machine.memo.for_a_minute("gpu_stats", lambda: _look(machine))


def _look(machine: Host) -> str | None:
    cards = (f"{CARDS}/{name}/device/gpu_stats" for name in machine.listing(CARDS) if name.startswith("card"))
    return next((path for path in cards if machine.exists(path)), None)
