"""What tells of packages: installed kernels, pending updates, images of the bootloader.

Nothing in here raises: what is not understood is None, or left out.
"""

from __future__ import annotations

import calendar
import json
import re
from collections.abc import Iterable
from typing import NamedTuple

RELEASE = re.compile(
    r"([0-9]+\.[0-9]+\.[0-9]+(?:[-+~.](?:[0-9]+|rpt|rpi[0-9]+|deb[0-9]\w*|bpo\w*))*)-([\w.+-]+)"
)
"""A release of a kernel as Debian, Raspberry Pi and Ubuntu name it: its version, and its flavour."""

PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.:-]{0,127}")
IMAGE = re.compile(r"pieeprom-([0-9]{4})-([0-9]{2})-([0-9]{2})\.bin")
CHANNEL = re.compile(r"""^[ \t]*FIRMWARE_RELEASE_STATUS=["']?(\w+)["']?[ \t]*$""", re.MULTILINE)
BUILT = re.compile(rb"BUILD_TIMESTAMP=([0-9]{9,10})")

MOST = 100_000
"""More packages than any system has."""


class Updates(NamedTuple):
    """The updates that wait.

    Attributes:
        pending: How many packages can be updated.
        security: How many of them are security updates; None where that was not found out.
    """

    pending: int
    security: int | None


def updates(text: str) -> Updates | None:
    """Return the updates that wait, from the JSON that pi-stat's own helper has written."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    pending = _count(found.get("pending"))
    return None if pending is None else Updates(pending, _count(found.get("security")))


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= MOST else None


def newest_kernel(installed: Iterable[str], running: str) -> str | None:
    """Return the newest of the `installed` releases that has the flavour of the running one, or None."""
    flavour = _flavour(running)
    same = [release for release in installed if flavour and _flavour(release) == flavour]
    return max(same, key=_version, default=None)


def is_newer(release: str, than: str) -> bool:
    """Return whether the version of a kernel is higher than that of another."""
    return _version(release) > _version(than)


def _flavour(release: str) -> str | None:
    found = RELEASE.fullmatch(release) if len(release) <= 128 else None  # noqa: PLR2004 - longer than any
    return found[2] if found else None


def _version(release: str) -> list[int]:
    found = RELEASE.fullmatch(release)
    return [int(digits) for digits in re.findall(r"[0-9]+", found[1] if found else "")]


def package_names(text: str) -> list[str]:
    """Return the names of packages in a list of them, each once, in the order in which they stand there."""
    return list(dict.fromkeys(line for line in text[:65536].split("\n") if PACKAGE.fullmatch(line)))


def bootloader_channel(text: str) -> str:
    """Return the folder of the channel that rpi-eeprom-update takes images from; the text is its settings."""
    found = CHANNEL.findall(text[:8192])
    return "latest" if found and found[-1] in {"latest", "stable", "beta"} else "default"


def newest_image(names: Iterable[str]) -> str | None:
    """Return the name of the newest image of the bootloader, by the dates in the names."""
    return max((name for name in names if image_date(name) is not None), default=None)


def image_date(name: str) -> int | None:
    """Return the first second of the day, in UTC, on which an image of the bootloader was built."""
    found = IMAGE.fullmatch(name)
    if found is None:
        return None
    year, month, day = map(int, found.groups())
    if not (2018 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31):  # noqa: PLR2004 - a calendar
        return None
    return calendar.timegm((year, month, day, 0, 0, 0))


def image_timestamp(image: bytes) -> int | None:
    """Return when an image of the bootloader was built, by what stands in it."""
    found = BUILT.search(image)
    return int(found[1]) if found else None
