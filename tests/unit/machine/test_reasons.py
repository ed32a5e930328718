"""Why the firmware cannot be asked, and what its owner is told to do about it."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat.machine.machine import Machine
from pistat.machine.reasons import DeviceError, FirmwareAccess, Reason, why_no_device

if TYPE_CHECKING:
    from support.require import Require

GENCMD, VCIO = "/dev/vcio_gencmd", "/dev/vcio"


@pytest.mark.parametrize(
    ("gencmd", "vcio", "why", "detail"),
    [
        pytest.param(
            DeviceError(GENCMD, errno.ENOENT),
            DeviceError(VCIO, errno.ENOENT),
            Reason.NO_FILE,
            "There is no /dev/vcio_gencmd and no /dev/vcio: "
            "not every kernel has them, and a container must be given them.",
            id="mainline kernel, container",
        ),
        pytest.param(
            DeviceError(GENCMD, errno.EACCES, "video"),
            DeviceError(VCIO, errno.EACCES),
            Reason.NO_PERMISSION,
            "/dev/vcio_gencmd is for the group video: "
            "`sudo usermod -aG video pi-stat`, then restart pi-stat.",
            id="new rules, new kernel, not in the group",
        ),
        pytest.param(
            DeviceError(GENCMD, errno.ENOENT),
            DeviceError(VCIO, errno.EACCES, "video"),
            Reason.NO_PERMISSION,
            "/dev/vcio is for the group video: `sudo usermod -aG video pi-stat`, then restart pi-stat.",
            id="old rules, old kernel, not in the group",
        ),
        pytest.param(
            DeviceError(GENCMD, errno.EACCES),
            DeviceError(VCIO, errno.EACCES, "video"),
            Reason.NO_PERMISSION,
            "/dev/vcio is for the group video: `sudo usermod -aG video pi-stat`, then restart pi-stat.",
            id="old rules, new kernel, not in the group",
        ),
        pytest.param(
            DeviceError(GENCMD, errno.ENOENT),
            DeviceError(VCIO, errno.EACCES),
            Reason.NO_PERMISSION,
            "/dev/vcio is for root only, and this kernel is too old for /dev/vcio_gencmd, which the group "
            "video may open: `sudo apt full-upgrade`, then reboot.",
            id="new rules, old kernel",
        ),
        pytest.param(
            DeviceError(GENCMD, errno.EACCES),
            DeviceError(VCIO, errno.EACCES),
            Reason.NO_PERMISSION,
            "/dev/vcio_gencmd is for root only: give it to the group video by the udev rule "
            '`KERNEL=="vcio_gencmd", GROUP="video", MODE="0660"`, then reboot.',
            id="no rules",
        ),
        pytest.param(
            DeviceError(GENCMD, errno.EPERM, "video"),
            DeviceError(VCIO, errno.ENOENT),
            Reason.NO_PERMISSION,
            "/dev/vcio_gencmd is blocked by the sandbox of the service or the container: allow it "
            "(systemd: `DeviceAllow=/dev/vcio_gencmd rw`; a container: `--device /dev/vcio_gencmd`), "
            "then restart pi-stat.",
            id="sandbox",
        ),
        pytest.param(
            DeviceError(GENCMD, errno.ENXIO),
            DeviceError(VCIO, errno.EIO),
            Reason.REFUSED,
            "/dev/vcio cannot be opened: Input/output error.",
            id="broken",
        ),
    ],
)
def test_each_reason_names_its_remedy(
    gencmd: DeviceError, vcio: DeviceError, why: Reason, detail: str
) -> None:
    """Which device, which group, and the command that mends it."""
    assert why_no_device([gencmd, vcio], "pi-stat") == FirmwareAccess(None, why, detail)


@pytest.mark.parametrize(
    ("mode", "roots", "named"),
    [
        (0o640, False, True),
        (0o660, False, True),
        (0o620, False, False),
        (0o600, False, False),
        (0o640, True, False),
    ],
)
def test_the_group_that_may_read(
    tmp_path: Path, require: Require, mode: int, roots: bool, named: bool
) -> None:
    """A group is named only if to join it opens the file; root's own is nobody's to join."""
    require(sys.platform == "linux" and os.geteuid() == 0, "root", installed=False)
    import grp  # noqa: PLC0415 - Windows has none

    group = next(each for each in grp.getgrall() if (each.gr_gid == 0) is roots)
    node = tmp_path / "node"
    node.touch()
    os.chown(node, -1, group.gr_gid)
    node.chmod(mode)

    assert Machine(str(tmp_path), platform="linux").group("/node") == (group.gr_name if named else None)


def test_elsewhere_there_is_nothing_to_ask() -> None:
    """A system without /dev is not asked for it."""
    assert Machine(platform="darwin").firmware.access == FirmwareAccess(None, Reason.NO_PLATFORM)


def test_a_machine_without_firmware(tmp_path: Path) -> None:
    """With neither device nor vcgencmd there is no way, because there is no such file."""
    access = Machine(str(tmp_path), platform="linux").firmware.access

    assert (access.way, access.why) == (None, Reason.NO_FILE)
