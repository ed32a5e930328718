"""Why something cannot be read, how the firmware is asked, and what the owner can do about it."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pistat.cache import NoAnswerError

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO})
"""Errors of opening a file that this machine, or this container, does not have, or no longer has."""


class Reason(StrEnum):
    """Why something cannot be read, in two or three words."""

    NO_FILE = "no such file"
    NO_MODEL = "not this model"
    NO_PERMISSION = "no permission"
    NO_PLATFORM = "not this platform"
    NO_VALUE = "nothing to tell"
    HIDDEN = "not asked for"
    REFUSED = "refused"
    NOT_UNDERSTOOD = "not understood"
    TIMED_OUT = "timed out"
    PARTIAL = "partial"
    """There are values, but not all of them."""


class Unavailable(NamedTuple):
    """Why a machine does not provide a value.

    Attributes:
        why: In two or three words.
        detail: As a sentence for the owner, with the remedy where there is one.
        fixable: Whether the sentence has a remedy.
    """

    why: Reason
    detail: str
    fixable: bool = False


class DescribedError(Exception):
    """A failure whose text is written for clients: one clause, without a path or an exception's own words.

    Attributes:
        reason: The same in two or three words.
    """

    def __init__(self, clause: str, reason: Reason) -> None:
        super().__init__(clause)
        self.reason = reason


def clause(error: BaseException) -> str:
    """Return why a reading failed, for clients: never an exception's own text, which may name paths."""
    if isinstance(error, (NoAnswerError, DescribedError)):
        return str(error)
    if isinstance(error, PermissionError):
        return "not permitted"
    if isinstance(error, OSError):
        return "could not be read"
    if isinstance(error, (ValueError, LookupError)):
        return "what was read was not understood"
    return "failed"


def reason(error: BaseException) -> Reason:
    """Return the same in two or three words."""
    if isinstance(error, DescribedError):
        return error.reason
    if isinstance(error, NoAnswerError):
        return Reason.TIMED_OUT
    return Reason.NOT_UNDERSTOOD if isinstance(error, (ValueError, LookupError)) else Reason.REFUSED


@dataclass(frozen=True, slots=True)
class FirmwareAccess:
    """How the firmware is asked, or why it cannot be.

    Attributes:
        way: The path of the device or of the vcgencmd that is asked; None while neither can be.
        why: Why neither is; with vcgencmd, why it is not the device. None where the device is asked.
        detail: The same as a sentence for the owner, with the remedy where there is one; may be empty.
    """

    way: str | None
    why: Reason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DeviceError:
    """A device that could not be opened.

    Attributes:
        node: Its path.
        code: The errno.
        group: The group that may open it, if there is one besides root.
    """

    node: str
    code: int
    group: str | None = None


def why_no_device(errors: Sequence[DeviceError], user: str) -> FirmwareAccess:
    """Return why `user` could open none of the devices; of several reasons, the easiest to fix."""
    there = [error for error in errors if error.code not in ABSENT]
    if not there:
        nodes = " and no ".join(error.node for error in errors)
        detail = f"There is no {nodes}: not every kernel has them, and a container must be given them."
        return FirmwareAccess(None, Reason.NO_FILE, detail)
    easiest = min(there, key=lambda error: error.group is None)
    if easiest.code not in (errno.EACCES, errno.EPERM):
        return FirmwareAccess(
            None, Reason.REFUSED, f"{easiest.node} cannot be opened: {os.strerror(easiest.code)}."
        )
    return FirmwareAccess(None, Reason.NO_PERMISSION, _remedy(easiest, user))


def _remedy(error: DeviceError, user: str) -> str:
    """Say what to do about a device that exists, but may not be opened."""
    node, group = error.node, error.group
    if error.code == errno.EPERM:
        return (
            f"{node} is blocked by the sandbox of the service or the container: allow it "
            f"(systemd: `DeviceAllow={node} rw`; a container: `--device {node}`), then restart pi-stat."
        )
    if group:
        return f"{node} is for the group {group}: `sudo usermod -aG {group} {user}`, then restart pi-stat."
    if node == "/dev/vcio":
        # The rules of 2026 keep this for root and give the group another, which older kernels do not have.
        return (
            f"{node} is for root only, and this kernel is too old for /dev/vcio_gencmd, which the group "
            "video may open: `sudo apt full-upgrade`, then reboot."
        )
    rule = f'KERNEL=="{node.removeprefix("/dev/")}", GROUP="video", MODE="0660"'
    return f"{node} is for root only: give it to the group video by the udev rule `{rule}`, then reboot."
