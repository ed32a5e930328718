"""The disks: what they are, how warm and how worn, and a filesystem that has given up."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pistat.collectors import drives, filesystems
from support import namespaces as apart
from support.file_tree import machine_of

if TYPE_CHECKING:
    from support.daemon import Daemon
    from support.require import Require

BLOCK = "sys/block"
CARD, DRIVE = f"{BLOCK}/mmcblk0", f"{BLOCK}/nvme0n1"


def of(root: Path, files: dict[str, str | bytes | int]) -> dict[str, dict[str, Any]]:
    """The rows of a machine with these files."""
    machine = machine_of(root, {"proc/diskstats": "", **files})
    found: Any = drives.disks.collect(machine)
    rows: dict[str, dict[str, Any]] = found["disks"]
    return rows


def test_a_card(tmp_path: Path) -> None:
    """An SD card says who made it, when, and how large it is; it has no wear to tell."""
    files: dict[str, str | bytes | int] = {
        f"{CARD}/size": "62333952\n",
        f"{CARD}/ro": "0\n",
        f"{CARD}/device/type": "SD\n",
        f"{CARD}/device/name": "SN32G\n",
        f"{CARD}/device/manfid": "0x000003\n",
        f"{CARD}/device/date": "01/2023\n",
        "proc/diskstats": " 179 0 mmcblk0 10 0 2048 5 20 0 4096 7 0 9 12 0 0 0 0 0 0\n",
    }

    expected = {
        "type": "SD",
        "model": "SN32G",
        "maker": "SanDisk",
        "made": "01/2023",
        "size": 62333952 * 512,
        "temperature": None,
        "bytes_read": 2048 * 512,
        "bytes_written": 4096 * 512,
        "read_rate": None,
        "write_rate": None,
        "busy": None,
        "life_used_a": None,
        "life_used_b": None,
        "spare_blocks": None,
        "read_only": False,
    }
    [found] = of(tmp_path, files).values()

    assert found == {**dict.fromkeys(found), **expected}


def test_a_reader_without_a_card(tmp_path: Path) -> None:
    """It is there, but has no size, which is not a size of 0."""
    assert of(tmp_path, {f"{BLOCK}/sda/size": "0\n", f"{BLOCK}/sda/removable": "1\n"})["sda"]["size"] is None


@pytest.mark.parametrize(
    ("life", "spare", "expected"),
    [
        ("0x01 0x02\n", "0x01\n", (10.0, 20.0, "normal")),
        ("0x0a 0x0b\n", "02\n", (100.0, 110.0, "warning")),
        ("0x00 0x03\n", "0x03\n", (None, 30.0, "urgent")),
        ("0x00 0x00\n", "0x00\n", (None, None, None)),
        ("", "", (None, None, None)),
    ],
)
def test_wear(tmp_path: Path, life: str, spare: str, expected: tuple[Any, ...]) -> None:
    """The wear of an eMMC is an upper bound in percent; one that does not say is null, not new."""
    folder = f"{CARD}/device"
    [row] = of(tmp_path, {f"{folder}/life_time": life, f"{folder}/pre_eol_info": spare}).values()

    assert (row["life_used_a"], row["life_used_b"], row["spare_blocks"]) == expected


@pytest.mark.parametrize(
    ("kind", "number", "maker"),
    [
        ("SD", "0x000002", "0x000002"),
        ("MMC", "0x000002", "SanDisk"),
        ("MMC", "0x000045", "SanDisk"),
        ("SD", "0x000003", "SanDisk"),
        ("SD", "0x000009", "ATP"),
        ("MMC", "0x000011", "Toshiba"),
        ("SD", "0x000012", "Gigastone"),
        ("MMC", "0x000013", "Micron"),
        ("MMC", "0x000015", "Samsung"),
        ("SD", "0x00005d", "Swissbit"),
        ("MMC", "0x000070", "Kingston"),
        ("SD", "0x00009f", "Kingston"),
        ("MMC", "0x000090", "Hynix"),
        ("SD", "0x0000ff", "0x0000ff"),
        ("SD", "garbage", None),
    ],
)
def test_makers(tmp_path: Path, kind: str, number: str, maker: str | None) -> None:
    """A number means one maker on an SD card and another on an eMMC; one that is not known stays a number."""
    [row] = of(tmp_path, {f"{CARD}/device/type": kind, f"{CARD}/device/manfid": number}).values()

    assert row["maker"] == maker


@pytest.mark.parametrize("folder", ["hwmon1", "hwmon/hwmon3"])
def test_the_temperature_of_a_drive(tmp_path: Path, folder: str) -> None:
    """The sensor is found below the drive, wherever the kernel hangs it."""
    files: dict[str, str | bytes | int] = {
        f"{DRIVE}/device/{folder}/temp1_input": "38850\n",
        f"{DRIVE}/device/model": "EXAMPLE NVME 512GB   \n",
        f"{BLOCK}/sda/device/model": "Example SSD\n",
        f"{BLOCK}/sda/device/vendor": "ATA     \n",
    }
    rows = of(tmp_path, files)

    assert (rows["nvme0n1"]["type"], rows["nvme0n1"]["model"]) == ("NVMe", "EXAMPLE NVME 512GB")
    assert (rows["nvme0n1"]["temperature"], rows["sda"]["temperature"]) == (38.85, None)
    assert (rows["sda"]["type"], rows["sda"]["maker"]) == (None, None)


def test_only_whole_disks(tmp_path: Path) -> None:
    """Areas of an eMMC, and devices made of memory or of other disks, have no row."""
    others = (
        "mmcblk0boot0",
        "mmcblk0boot1",
        "mmcblk0rpmb",
        "mmcblk0gp0",
        "loop0",
        "ram0",
        "zram0",
        "dm-0",
        "md0",
    )

    assert list(of(tmp_path, {f"{BLOCK}/{name}/size": "8" for name in ("mmcblk0", *others)})) == ["mmcblk0"]


def test_a_name_may_hold_anything(tmp_path: Path) -> None:
    """What a maker has written into a card is shown as far as it can be printed."""
    name = b"S\x1b[2JN\xff \n"
    [row] = of(tmp_path, {f"{CARD}/device/type": "SD", f"{CARD}/device/name": name}).values()

    assert row["model"] == "S[2JN\ufffd"


def test_the_disks_of_this_machine(shared: Daemon, require: Require) -> None:
    """Every disk of this machine has its row, with its size and with what was written to it since boot."""
    require(Path("/sys/block").exists(), "/sys", installed=False)
    rows = shared.json("/storage/devices")["disks"]

    assert set(rows) <= set(os.listdir("/sys/block"))
    for name, row in rows.items():
        assert row["size"] == (int(Path(f"/sys/block/{name}/size").read_text()) * 512 or None)
        assert row["bytes_written"] % 512 == 0


# A filesystem that has given up


@pytest.fixture
def broken(tmp_path: Path, require: Require) -> Iterator[Path]:
    """A mounted ext4 in which the kernel has found an error, among mounts that no other program sees."""
    image, folder = tmp_path / "image", tmp_path / "mounted"
    folder.mkdir()
    require(shutil.which("mkfs.ext4") is not None, "mkfs.ext4", installed=False)
    require(apart.possible(), "root", installed=False)
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    with apart.own_mounts():
        mounted = subprocess.run(["mount", "-o", "loop,errors=remount-ro", image, folder], check=False)
        require(mounted.returncode == 0, "loop devices", installed=False)
        try:
            device = subprocess.run(
                ["findmnt", "-no", "SOURCE", folder], check=True, capture_output=True, text=True
            ).stdout.strip()
            trigger = Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error")
            require(trigger.exists(), "a kernel whose ext4 can be told to find an error", installed=False)
            trigger.write_text("1")
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)


def test_a_filesystem_that_has_given_up(broken: Path, start: Callable[..., Daemon]) -> None:
    """An ext4 that the kernel has stopped writing to is read-only, though it was mounted to be written."""
    with pytest.raises(OSError, match="Read-only"):
        (broken / "file").touch()
    rows = start().json("/storage/devices")["devices"]
    [row] = [each for each in rows if each["mountpoint"] == str(broken)]

    assert row["read_only"] is True


@pytest.mark.parametrize(
    ("options", "expected"), [("rw,emergency_ro", True), ("ro", True), ("rw,errors=remount-ro", False)]
)
def test_read_only(tmp_path: Path, options: str, expected: bool) -> None:
    """Both ways of Linux to say it are understood; what would happen after an error is not one."""
    row = f"21 1 179:2 / / rw,noatime - ext4 /dev/mmcblk0p2 {options}\n"
    found: Any = filesystems.devices.collect(machine_of(tmp_path, {"proc/self/mountinfo": row}))

    assert [each["read_only"] for each in found["devices"]] == [expected]
