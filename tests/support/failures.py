"""What a client is told when a collector fails, and where."""

from __future__ import annotations

from pistat import routes
from pistat.field import Collector

SENTENCES = {
    "EIO": "could not be read",
    "PermissionError": "not permitted",
    "ValueError": "what was read was not understood",
    "KeyError": "what was read was not understood",
    "AccessDenied": "failed",
    "RuntimeError": "failed",
}
"""What a client is told of each kind of error."""


def route_of(collector: Collector) -> str:
    """Return the route that shows what a collector reads."""
    return next(
        each.path
        for each in (
            routes.STATS,
            routes.PROCESSES,
            routes.INTERFACES,
            routes.DEVICES,
            routes.SENSORS,
            routes.CONTAINERS,
            routes.SERVICES,
        )
        if collector.keys[0] in each.keys
    )
