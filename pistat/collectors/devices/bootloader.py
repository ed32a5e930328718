"""Whether a newer bootloader lies ready than the one in the EEPROM."""

from __future__ import annotations

from pistat.field import Field, File, Unit
from pistat.machine import board
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers import packages
from pistat.parsers.values import Json

SETTINGS = "/etc/default/rpi-eeprom-update"
FOLDER = "/lib/firmware/raspberrypi/bootloader"
FOLDERS = {"BCM2711": (f"{FOLDER}-2711", FOLDER), "BCM2712": (f"{FOLDER}-2712",)}
"""Where the package rpi-eeprom has its images, by the processor; before 2023 there was one folder for all."""

LARGEST = 4 << 20
"""Bytes of an image: twice the EEPROM of a Pi 5."""

IMAGES = File(f"{FOLDER}*/*/pieeprom-*.bin")


def _no_images(machine: Machine) -> Unavailable | None:
    """Return why no image of the bootloader lies ready."""
    lack = board.no_power_chip(machine)
    if lack or newest(machine):
        return lack
    return Unavailable(
        Reason.NO_FILE,
        f"There is no image in {FOLDER}*: `sudo apt install rpi-eeprom`.",
    )


FIELDS = (
    Field(
        "hardware.bootloader_available",
        Unit.UNIX_TIME,
        "When the newest bootloader that can be installed was built.",
        IMAGES,
        unless=_no_images,
        metric="pistat_hardware_bootloader_available_timestamp",
    ),
    Field(
        "hardware.bootloader_outdated",
        Unit.FLAG,
        "Whether that is newer than the one in the EEPROM.",
        IMAGES,
        unless=_no_images,
    ),
)
FINDS = (File(SETTINGS),)


def read(machine: Machine, built: float | None) -> dict[str, Json]:
    """Return both, given when the bootloader in the EEPROM was built."""
    available = newest(machine)
    return {
        "bootloader_available": None if available is None else float(available),
        "bootloader_outdated": None if available is None or built is None else available > built,
    }


def newest(machine: Machine) -> int | None:
    """Return when the newest image of the chosen channel was built; looked for once a minute."""
    if board.no_power_chip(machine):
        return None
    path = machine.memo.for_a_minute("bootloader images", lambda: _newest(machine))
    # An image never changes, so it is read once.
    return None if path is None else machine.memo.forever(f"image {path}", lambda: _built(machine, path))


def _newest(machine: Machine) -> str | None:
    channel = packages.bootloader_channel(machine.sensor(SETTINGS))
    for folder in FOLDERS.get(board.soc(machine) or "", ()):
        name = packages.newest_image(machine.listing(f"{folder}/{channel}"))
        if name is not None:
            return f"{folder}/{channel}/{name}"
    return None


def _built(machine: Machine, path: str) -> int | None:
    """Return when an image was built: by the time in it, else by the date in its name."""
    try:
        found = packages.image_timestamp(machine.read_bytes(path, LARGEST))
    except OSError:
        return None
    return found or packages.image_date(path.rpartition("/")[2])
