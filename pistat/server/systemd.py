"""Notifications to systemd: sd_notify(3), without a library."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Send `state`, such as `READY=1`, if systemd has asked for it."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # Whether anybody listens there is not our business: a service serves all the same.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        # The loop calls this, and must go on where systemd does not.
        notifier.settimeout(0.1)
        # A leading @ means Linux's abstract namespace.
        notifier.connect("\0" + address[1:] if address.startswith("@") else address)
        notifier.sendall(state.encode())


def listens() -> bool:
    """Return whether systemd listens to `notify`."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def watchdog_seconds() -> float | None:
    """Return the seconds that systemd waits for `WATCHDOG=1`, or None: sd_watchdog_enabled(3)."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 1e6 or None
