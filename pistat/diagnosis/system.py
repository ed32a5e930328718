"""Findings about the operating system: its services, its updates, what waits for a restart."""

from __future__ import annotations

from pistat.diagnosis.finding import DAY, Finding, Measured, Moment, Severity, Stage, flag, name
from pistat.machine import board
from pistat.text import utc

INFO, WARNING = Severity.INFO, Severity.WARNING
STALE_SECONDS = 14 * DAY
SHOWN = 3
"""How many names a text has."""


def _names(moment: Moment, _: str, number: float) -> dict[str, str]:
    rows = moment.values.get("failed") or []
    names = [name(row["name"]) for row in rows[:SHOWN]]
    more = int(number) - len(names)
    listed = ", ".join(names) + (f" and {more} more" if more > 0 else "")
    return {
        "what": f"{int(number)} service{' has' if int(number) == 1 else 's have'}",
        "names": listed or "Their names are not known",
        "first": names[0] if names else "NAME",
    }


def _waiting(moment: Moment) -> Measured:
    """Return how many updates wait; at least 1 if nobody has looked for any for two weeks."""
    pending, age = moment.get("system", "updates", "pending"), moment.get("system", "updates", "lists_age")
    if age is not None and age > STALE_SECONDS:
        return max(pending or 0, 1)
    return pending  # type: ignore[no-any-return] # a number, or null


def _updates(moment: Moment, _: str, number: float) -> dict[str, str]:
    security, age = moment.get("system", "updates", "security"), moment.get("system", "updates", "lists_age")
    if age is not None and age > STALE_SECONDS:
        return {"state": f"are overdue: the last check was {age / DAY:.0f} days ago", "urgent": ""}
    safety = f"; {security} of them fix security problems" if security else ""
    return {"state": f"can be installed: {number:.0f}", "urgent": safety}


def _month(seconds: object) -> str:
    return f"{utc(seconds):%B %Y}" if isinstance(seconds, (int, float)) else "an unknown date"


units_failed = Finding(
    id="system.units_failed",
    reads=("failed_count", "failed[row].name"),
    measure=lambda moment: moment.get("failed_count"),
    stages=(Stage(WARNING, 0.0, 0.0, hold=60.0),),
    title="{what} failed",
    text="Something that should run on your Pi does not: {names}.",
    advice="Try `sudo systemctl restart {first}`; if it fails again, `systemctl status {first}` shows why. "
    "`sudo systemctl reset-failed` clears this message.",
    source="https://github.com/netdata/netdata/blob/master/src/health/health.d/systemdunits.conf",
    basis="netdata: any unit that failed",
    condition="systemd has failed units",
    words=_names,
    accepts=(0.0, 1000.0),
)

reboot_required = Finding(
    id="system.reboot_required",
    reads=("system.reboot_required", "system.reboot_reason"),
    measure=lambda moment: moment.get("system", "reboot_required"),
    stages=(flag(INFO, hold=DAY),),
    title="A restart is needed to finish an update",
    text="What was updated takes effect only after a restart{reason}.",
    advice="Run `sudo reboot` when it suits you.",
    source="https://github.com/netdata/netdata/blob/master/src/health/health.d/reboot.conf",
    basis="netdata; with a day of grace",
    condition="an update takes effect only after a restart",
    words=lambda moment, _, __: {
        "reason": f": {name(why)}" if (why := moment.get("system", "reboot_reason")) else ""
    },
)

updates = Finding(
    id="system.updates",
    reads=("system.updates.pending", "system.updates.security", "system.updates.lists_age"),
    measure=_waiting,
    stages=(Stage(INFO, 0.0, 0.0),),
    title="Updates {state}",
    text="Updates fix errors and keep your Pi safe{urgent}.",
    advice="Run `sudo apt update && sudo apt full-upgrade`.",
    source="https://www.raspberrypi.com/documentation/computers/os.html#update-software",
    basis="any update; a list older than two weeks",
    condition="updates can be installed, or the list of them is older than 14 days",
    words=_updates,
    accepts=(0.0, 1000.0),
)

eeprom = Finding(
    id="system.eeprom",
    reads=("hardware.bootloader_outdated", "hardware.bootloader", "hardware.bootloader_available"),
    measure=lambda moment: moment.get("hardware", "bootloader_outdated"),
    stages=(flag(INFO),),
    title="A newer bootloader can be installed",
    text="The bootloader of your Pi is from {running}, and one from {available} came with the updates; newer ones fix "
    "errors when starting from USB, NVMe or the network.",
    advice="Run `sudo rpi-eeprom-update -a`, then restart. Do not cut the power in between.",
    source="https://github.com/raspberrypi/rpi-eeprom/blob/master/rpi-eeprom-update",
    basis="the same comparison as rpi-eeprom-update",
    condition="the newest installed image of the bootloader is newer than the one that runs",
    words=lambda moment, _, __: {
        "running": _month(moment.get("hardware", "bootloader")),
        "available": _month(moment.get("hardware", "bootloader_available")),
    },
    not_for=board.no_power_chip,
)

FINDINGS = (units_failed, reboot_required, updates, eeprom)
