"""Findings about filesystems and the disks below them."""

from __future__ import annotations

import math
import shlex

from pistat.diagnosis import past
from pistat.diagnosis.finding import (
    DAY,
    HOUR,
    Finding,
    Measured,
    Moment,
    Severity,
    Stage,
    Unknown,
    flag,
    gigabytes,
    graded,
    name,
)
from pistat.text import utc

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL
DISKS = {"SD": "the SD card", "MMC": "the built-in storage"}
"""What an owner calls a disk, by its type."""

NETDATA = "https://github.com/netdata/netdata/blob/master/src/health/health.d"

ALMOST_FULL = 98.0
ROOM = 5e9
"""Bytes with which a filesystem is not in danger, however large it is."""

FILLING_HOURS = 6
HALF_FULL = 60.0
SAMPLE_SECONDS = 600.0
LEAST_PACE = 1.0 / FILLING_HOURS
"""Per cent an hour below which nothing fills up: a card that is full to the brim has logs that grow, too."""

READ_ONLY_KINDS = frozenset({"iso9660", "udf", "squashfs"})
"""Filesystems that nobody can write to."""


def _used(moment: Moment) -> Measured:
    """Return how full each filesystem is that can be written to, in per cent."""
    return {
        place: row["percent"]
        if row["percent"] is None or row["percent"] <= ALMOST_FULL or row["free"] < ROOM
        # Some per cent of a very large disk are room enough.
        else ALMOST_FULL
        for place, row in moment.filesystems()
        if not row["read_only"]
    }


def _hours_left(moment: Moment) -> Measured:
    """Return in how many hours each filesystem is full at its pace; infinity if it is not growing."""
    assert moment.past is not None
    rows = {
        place: row["percent"]
        for place, row in moment.filesystems()
        if not row["read_only"] and row["percent"] is not None
    }
    moment.past.keep_only("used ", rows)
    hours = {place: _until_full(moment, moment.past, place, used) for place, used in rows.items()}
    if hours and all(hours_left is None for hours_left in hours.values()):
        return Unknown("It takes 6 hours of readings, which there are not yet.")
    return hours


def _until_full(moment: Moment, earlier: past.Past, place: str, used: float) -> float | None:
    window = earlier.window(
        f"used {place}", used, moment.boot, seconds=(FILLING_HOURS + 0.5) * HOUR, step=SAMPLE_SECONDS
    )
    pace = past.hourly_growth(window, FILLING_HOURS)
    if pace is None:
        return None
    return (100.0 - used) / pace if pace >= LEAST_PACE and used > HALF_FULL else math.inf


def _inodes(moment: Moment) -> Measured:
    """Return how many of the files that it can hold each filesystem holds, in per cent."""
    return {
        place: row["inodes_percent"]
        for place, row in moment.filesystems()
        if not row["read_only"] and (row["inodes_percent"] is not None or row["percent"] is None)
    }


def _read_only(moment: Moment) -> Measured:
    """Return of each filesystem of /etc/fstab 1 if it is read-only against that, 2 if it is the root."""
    return {
        place: 0 if not row["read_only"] or row["read_only_wanted"] else 2 if place == "/" else 1
        for place, row in moment.filesystems()
        if row["read_only_wanted"] is not None and row["filesystem"] not in READ_ONLY_KINDS
    } or Unknown("/etc/fstab names no filesystem that could become read-only, as in a container.")


def _worn(moment: Moment) -> Measured:
    """Return for each disk that reports it: 0 for well, 1 for worn, 2 for hardly any spare blocks."""
    if not any(moment.rows("disks")):
        return None
    grades: dict[str, float | bool | None] = {}
    for disk, row in moment.rows("disks"):
        used = max(row["life_used_a"] or 0.0, row["life_used_b"] or 0.0)
        spare = row["spare_blocks"]
        if spare is None and not used:
            continue
        grades[disk] = 2 if spare == "urgent" else 1 if used >= 90.0 or spare == "warning" else 0
    return grades or Unknown("No disk here says how worn it is; only built-in storage (eMMC) does.")


def _place(_: Moment, place: str, __: float) -> dict[str, str]:
    """Return what an owner calls a filesystem, and its mount point as a word of a command."""
    called = {
        "/": "The system disk",
        "/boot": "The boot partition",
        "/boot/firmware": "The boot partition",
    }.get(place)
    return {
        "place": f"{called} ({place})" if called else name(place),
        "path": shlex.quote(name(place)),
    }


def _disk(moment: Moment, disk: str, _: float) -> dict[str, str]:
    """Return what an owner calls a disk, as it stands within a sentence and at its beginning."""
    kind = DISKS.get(str(moment.get("disks", disk, "type")), "the disk")
    called = f"{kind} ({name(disk)})"
    return {"disk": called, "Disk": called[0].upper() + called[1:]}


def _wear(moment: Moment, disk: str, _: float) -> dict[str, str]:
    row = moment.get("disks", disk) or {}
    used = max(row.get("life_used_a") or 0.0, row.get("life_used_b") or 0.0)
    told = (
        [
            "has used more than all of its rated life"
            if used > 100
            else f"has used about {used:.0f} % of its rated life"
        ]
        if used
        else []
    )
    spare = row.get("spare_blocks")
    if spare in {"warning", "urgent"}:
        told.append(
            "has used most of its spare blocks" if spare == "warning" else "has almost no spare blocks left"
        )
    return {**_disk(moment, disk, 0.0), "wear": " and ".join(told) or "is worn"}


def _errors(moment: Moment) -> Measured:
    """Return of each disk 1 if its filesystem has noted errors, 2 if there was one since boot."""
    grades: dict[str, float | bool | None] = {}
    started = moment.wall - moment.boot
    for disk, row in moment.rows("disks"):
        if row["errors"] is None:
            continue
        # One in the future was noted before the clock was wrong; nobody knows when.
        recent = started < (row["last_error"] or 0.0) <= moment.wall
        grades[disk] = 0 if not row["errors"] else 2 if recent else 1
    return grades or None


def _error_words(moment: Moment, disk: str, _: float) -> dict[str, str]:
    row = moment.get("disks", disk) or {}
    count, last = row.get("errors") or 0, row.get("last_error")
    when = f", the last on {utc(last).day} {utc(last):%B %Y}" if last else ""
    return {**_disk(moment, disk, 0.0), "count": f"{count} error{'' if count == 1 else 's'}{when}"}


def _written(moment: Moment) -> Measured:
    """Return how many GB each card or eMMC is written in a day, as of the time since boot."""
    cards = {disk: row for disk, row in moment.rows("disks") if row["type"] in {"SD", "MMC"}}
    if not cards:
        return {}
    if moment.boot < DAY:
        return Unknown("It takes a day since the last start to say it.")
    written = {
        disk: row["written_session"] / 1e9 / (moment.boot / DAY)
        for disk, row in cards.items()
        if row["written_session"] is not None
    }
    return written or None


def _silent(moment: Moment) -> Measured:
    """Return of each filesystem whether it does not answer."""
    return {place: "no answer" in row.get("error", "") for place, row in moment.filesystems()}


def _left(moment: Moment, place: str, _: float) -> dict[str, str]:
    row = next((row for mountpoint, row in moment.filesystems() if mountpoint == place), {})
    free = row.get("free")
    system = place == "/"
    return {
        **_place(moment, place, 0.0),
        "free": "an unknown amount" if free is None else gigabytes(free),
        "start": ", and your Pi may no longer start" if system else "",
        "clean": " `sudo apt clean` and `sudo journalctl --vacuum-size=100M` often free some space."
        if system
        else "",
    }


def _remaining(moment: Moment, place: str, hours: float) -> dict[str, str]:
    return {**_place(moment, place, 0.0), "left": "an hour" if hours < 1.5 else f"{hours:.0f} hours"}


full = Finding(
    id="disk.full",
    reads=("devices[row].percent", "devices[row].free", "devices[row].read_only"),
    measure=_used,
    stages=(Stage(WARNING, 90.0, 80.0, hold=900.0), Stage(CRITICAL, ALMOST_FULL, 90.0, hold=60.0)),
    title="{place} is {value:.0f} % full",
    text="Only {free} is left; when that is used up, programs fail{start}.",
    advice="Delete or move what you do not need.{clean}",
    source=f"{NETDATA}/disks.conf",
    second_source="https://github.com/prometheus/node_exporter/blob/master/docs/node-mixin/config.libsonnet",
    basis="netdata: warns at 90 %, until 80 %; critical at 98 % with less than 5 GB; so do the alerts of node_exporter, "
    "at 97 %",
    condition="more than 90 % used; critical above 98 % with less than 5 GB free, after 1 minute",
    words=_left,
    accepts=(50.0, 99.9),
    alert="PiDiskFull",
)

filling = Finding(
    id="disk.filling",
    reads=("devices[row].percent", "devices[row].read_only"),
    measure=_hours_left,
    stages=(Stage(WARNING, 24.0, 48.0, hold=3600.0),),
    below=True,
    title="{place} will be full in about {left}",
    text="It has been filling up for hours; if that goes on, programs will soon fail for lack of space.",
    advice="Look for a file that grows, such as a log or a recording: `sudo du -axh {path} | sort -h | tail -20`.",
    source=f"{NETDATA}/disks.conf",
    basis="the alert of this project; the median of six hours, so that a backup is no trend",
    condition="at the pace of the last 6 hours it is full in less than 24 hours, and more than 60 % is used; a pace of "
    "less than 1 % in 6 hours does not count",
    words=_remaining,
    accepts=(1.0, 240.0),
    alert="PiDiskFilling",
    now=False,
)

inodes = Finding(
    id="disk.inodes",
    reads=("devices[row].inodes_percent", "devices[row].read_only"),
    measure=_inodes,
    stages=(Stage(WARNING, 90.0, 80.0, hold=900.0),),
    title="{place} can hold hardly any more files",
    text="It already holds {value:.0f} % of the files and folders that it can; at 100 %, programs fail as if there "
    "were no space left.",
    advice="Look for a folder with very many small files, such as a cache or old mails: `sudo du --inodes -xS {path} | sort -n | tail -20`.",
    source=f"{NETDATA}/disks.conf",
    basis="netdata: warns at 90 %, until 80 %",
    condition="more than 90 % of the inodes are used",
    words=_place,
    accepts=(50.0, 99.9),
)

read_only = Finding(
    id="disk.read_only",
    reads=("devices[row].read_only", "devices[row].read_only_wanted"),
    measure=_read_only,
    stages=graded(WARNING, CRITICAL),
    title="{place} can no longer be written to",
    text="The system has stopped writing there, most likely because the card or disk has an error; new files and "
    "changes are lost{restart}.",
    advice="Copy your files to another computer now, before you restart. Then shut the Pi down and check the card or "
    "disk in another computer (`sudo fsck -f`), and replace it if this happens again.",
    source="https://docs.kernel.org/admin-guide/ext4.html",
    basis="kernel documentation: `errors=remount-ro`, what ext4 does after an error",
    condition="a filesystem is read-only although /etc/fstab says that it is writable; critical for the root filesystem",
    words=lambda moment, place, value: {
        **_place(moment, place, value),
        "restart": ", and a restart may fail" if place == "/" else "",
    },
    alert="PiReadOnly",
)

worn = Finding(
    id="disk.worn",
    reads=("disks.{disk}.life_used_a", "disks.{disk}.life_used_b", "disks.{disk}.spare_blocks"),
    measure=_worn,
    stages=graded(WARNING, CRITICAL),
    title="{Disk} is nearly worn out",
    text="By its own count, this storage {wear}, so it may fail at any time and take your files with it.",
    advice="Make a backup now. Replace the disk soon; if it is the built-in storage of a Compute Module, replace the "
    "module or start from another disk.",
    source="https://www.jedec.org/standards-documents/docs/jesd84-b51",
    basis="JEDEC eMMC standard: life time estimate of 90 %; state of the spare blocks",
    condition="90 % or more of the rated life is used, or spare blocks run short; critical if they are nearly used up",
    words=_wear,
    alert="PiFlashWorn",
)

errors = Finding(
    id="disk.errors",
    reads=("disks.{disk}.errors", "disks.{disk}.last_error"),
    measure=_errors,
    stages=graded(WARNING, CRITICAL),
    title="The filesystem on {disk} has errors",
    text="The filesystem has recorded {count}: some files may be damaged, and the card or disk may be failing.",
    advice="Make a backup now. Then have it repaired: add `fsck.mode=force fsck.repair=yes` to the line in "
    "/boot/firmware/cmdline.txt, restart, and take it out again; if this message stays or comes back, replace the card or "
    "disk.",
    source="https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-fs-ext4",
    basis="the filesystem's own count",
    condition="ext4 has recorded errors that no check has repaired; critical with one since boot",
    words=_error_words,
)

writes = Finding(
    id="disk.writes",
    reads=("disks.{disk}.written_session", "uptime"),
    measure=_written,
    stages=(Stage(INFO, 20.0, 10.0),),
    title="About {value:.0f} GB a day is written to {disk}",
    text="That is a lot for a card, and wears it out sooner; this limit is an estimate, and good cards can take more.",
    advice="See what writes so much: `sudo apt install iotop`, then `sudo iotop -ao`. It helps to keep logs in memory (`Storage=volatile` in "
    "/etc/systemd/journald.conf), or to use a disk instead of the card.",
    source="https://www.raspberrypi.com/documentation/accessories/sd-cards.html",
    basis="an estimate of this project",
    words=_disk,
    condition="more than 20 GB a day since boot, after a day at the earliest",
    accepts=(1.0, 10000.0),
)

silent = Finding(
    id="disk.silent",
    reads=("devices[row].error",),
    measure=_silent,
    stages=(flag(WARNING, hold=300.0),),
    title="{place} does not answer",
    text="The server or disk behind this folder does not respond, so programs that open it wait, and may hang forever.",
    advice="Switch it on or plug it in again. Or detach it: `sudo umount -l {path}`.",
    source="https://man7.org/linux/man-pages/man8/umount.8.html",
    basis="the alert of this project: 5 minutes",
    condition="a filesystem does not say how full it is",
    words=_place,
    alert="PiFilesystemSilent",
)

FINDINGS = (full, filling, inodes, read_only, errors, worn, writes, silent)
