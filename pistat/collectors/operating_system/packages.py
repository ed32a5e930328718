"""What waits to be installed, and what waits for a restart."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pistat.field import Call, Field, File, Unit, first_of
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers import packages
from pistat.parsers.values import Json

UPDATES = "/run/pi-stat/updates.json"
"""What the helper of the package has counted, which runs as root."""

LISTS = ("/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists")
"""What changes with `apt update`."""

REBOOT = "/run/reboot-required"
BOOT = "/boot"
INFO = "/var/lib/dpkg/info"
"""Where kernels are found: the images themselves, else the packages that brought them."""

KERNEL = re.compile(r"vmlinuz-(.+)|linux-image-([0-9].*)\.list")
MOST_NAMES = 5
"""How many packages are named as the reason for a restart."""


def _no_updates(machine: Machine) -> Unavailable | None:
    """Return why updates are not counted."""
    if not machine.exists("/var/lib/dpkg"):
        return Unavailable(Reason.NO_PLATFORM, "Only systems with apt have it.")
    if machine.exists(UPDATES):
        return None
    return Unavailable(
        Reason.NO_FILE,
        f"There is no {UPDATES}: counting updates needs root, and the Debian package of pi-stat has a helper "
        "for it, which runs after each `apt update`.",
    )


def _no_lists(machine: Machine) -> Unavailable | None:
    """Return why there are no package lists."""
    if not machine.exists("/var/lib/dpkg"):
        return Unavailable(Reason.NO_PLATFORM, "Only systems with apt have it.")
    return None


def _no_kernels(machine: Machine) -> Unavailable | None:
    """Return why it is not known whether a restart is needed."""
    running = machine.names_of_system().kernel
    if machine.exists(REBOOT) or packages.newest_kernel(_installed(machine), running):
        return None
    return Unavailable(
        Reason.NO_VALUE,
        f"There is no {REBOOT}, and no kernel of the same kind as the running {running} in {BOOT}.",
    )


def _no_reason(machine: Machine) -> Unavailable | None:
    """Return why there is no reason for a restart."""
    required = read(machine)["reboot_required"]
    none = Unavailable(Reason.NO_VALUE, "No restart is needed.")
    return _no_kernels(machine) or (None if required else none)


KERNELS = first_of(File(REBOOT), File(BOOT), File(INFO))
FIELDS = (
    Field(
        "system.updates.pending",
        Unit.COUNT,
        "Packages that can be updated.",
        File(UPDATES, "pending"),
        unless=_no_updates,
        metric="pistat_system_updates_pending",
    ),
    Field(
        "system.updates.security",
        Unit.COUNT,
        "How many of them are security updates.",
        File(UPDATES, "security"),
        unless=_no_updates,
        metric="pistat_system_updates_security",
    ),
    Field(
        "system.updates.lists_age",
        Unit.SECONDS,
        "Time since `apt update` last found something new.",
        first_of(*(File(path) for path in LISTS)),
        unless=_no_lists,
    ),
    Field(
        "system.reboot_required",
        Unit.FLAG,
        "Whether an update takes effect only after a restart.",
        KERNELS,
        unless=_no_kernels,
    ),
    Field(
        "system.reboot_reason",
        Unit.TEXT,
        "Why a restart is needed: the packages that want it, or the newer kernel.",
        first_of(File(f"{REBOOT}.pkgs"), KERNELS, Call("uname")),
        unless=_no_reason,
    ),
)


NOTHING: dict[str, Json] = {
    "updates": dict.fromkeys(("pending", "security", "lists_age")),
    "reboot_required": None,
    "reboot_reason": None,
}


def read(machine: Machine) -> dict[str, Json]:
    """Return all of these but the first part of their paths; looked at once a minute."""
    if not machine.linux:
        return NOTHING
    updates, lists, required, why = machine.memo.for_a_minute("packages", lambda: _read(machine))
    age = None if lists is None else round(machine.time() - lists, 1)
    return {
        "updates": {
            "pending": updates.pending if updates else None,
            "security": updates.security if updates else None,
            # While the clock is not set yet, the lists seem to be of the future.
            "lists_age": age if age is not None and age >= 0 else None,
        },
        "reboot_required": required,
        "reboot_reason": why,
    }


def _read(machine: Machine) -> tuple[packages.Updates | None, float | None, bool | None, str | None]:
    times = [machine.modified(path) for path in LISTS]
    updates = packages.updates(machine.sensor(UPDATES, 1 << 16))
    return updates, max((time for time in times if time), default=None), *_reboot(machine)


def _reboot(machine: Machine) -> tuple[bool | None, str | None]:
    """Return whether a restart is needed, None if nothing tells, and why."""
    if machine.exists(REBOOT):
        names = packages.package_names(machine.sensor(f"{REBOOT}.pkgs"))
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        return True, f"updated: {', '.join(names[:MOST_NAMES])}{more}" if names else None
    running = machine.names_of_system().kernel
    newest = packages.newest_kernel(_installed(machine), running)
    if newest is None:
        return None, None
    newer = packages.is_newer(newest, running)
    return newer, f"kernel {newest} is installed, {running} runs" if newer else None


def _installed(machine: Machine) -> Iterable[str]:
    """Return the releases of the kernels that are installed."""
    found = _releases(machine, BOOT)
    return found or _releases(machine, INFO)


def _releases(machine: Machine, folder: str) -> list[str]:
    """Return those named by files in a folder; it may hold thousands, so it is listed only when changed."""

    def look() -> list[str]:
        return [match[1] or match[2] for name in machine.names(folder) if (match := KERNEL.fullmatch(name))]

    if not machine.exists(folder):
        return []
    try:
        return machine.memo.while_same(folder, machine.modified(folder), look)
    except OSError:
        return []
