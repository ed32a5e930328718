"""Which of the kernel's block devices are disks, what they count, and what stands on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pistat.collectors.drives import disks as drives
from pistat.collectors.root_filesystem import disk_io
from pistat.machine import disks
from support.file_tree import machine_of

BLOCK = "sys/block"
ROW = "1000 0 800000 5 2000 0 900000 7 0 9 12"
Files = dict[str, "str | bytes | int"]


def block(name: str, size: int = 4096, **files: str) -> Files:
    return {
        f"{BLOCK}/{name}/size": f"{size}\n",
        **{f"{BLOCK}/{name}/{file}": text for file, text in files.items()},
    }


def stats(*names: str) -> Files:
    return {"proc/diskstats": "".join(f" 8 {at} {name} {ROW}\n" for at, name in enumerate(names))}


SDA = block("sda") | {f"{BLOCK}/sda/sda1/dev": "8:1\n"}
MD = block("md_home") | {f"{BLOCK}/md_home/slaves/sda1/dev": "", f"{BLOCK}/md_home/dev": "9:127\n"}


@pytest.mark.parametrize(
    ("files", "names"),
    [
        pytest.param(SDA | MD, ["sda"], id="an md array with a name"),
        pytest.param(SDA | block("md127"), ["sda"], id="an array that says not on what it stands"),
        pytest.param(
            SDA | block("anything") | {f"{BLOCK}/anything/slaves/sda/dev": ""}, ["sda"], id="by slaves/"
        ),
        pytest.param(block("cciss!c0d0"), ["cciss/c0d0"], id="a slash in a name"),
        pytest.param(block("nbd0", 0) | block("nbd1", 0) | SDA, ["sda"], id="modprobe nbd"),
        pytest.param(block("nbd0", 8), ["nbd0"], id="a network disk that is connected"),
        pytest.param(block("sda", 0, removable="1\n"), ["sda"], id="a card reader"),
        pytest.param(block("sda", 0, removable="0\n", stat=ROW), ["sda"], id="no medium, but counters"),
        pytest.param(block("sda", 0, stat="0 0 0 0 0 0 0 0"), [], id="no medium, no counters"),
        # Where the kind ends: a size that cannot be read is not a size of 0.
        pytest.param({f"{BLOCK}/sda/ro": "0\n"}, ["sda"], id="unknown size"),
    ],
)
def test_what_is_a_disk(tmp_path: Path, files: Files, names: list[str]) -> None:
    """A disk stands on no other, and has a medium or a place for one."""
    machine = machine_of(tmp_path, files)

    assert [disk.name for disk in disks.disks(machine)] == names
    assert list(drives.collect(machine)["disks"]) == names  # type: ignore[index]


@pytest.mark.parametrize(
    ("files", "reads"),
    [
        pytest.param(SDA | MD | stats("sda", "sda1", "md_home"), 1000, id="an array is counted once"),
        pytest.param(block("cciss!c0d0") | stats("cciss/c0d0"), 1000, id="a slash in a name"),
        pytest.param(SDA | block("sdb") | stats("sda", "sdb"), 2000, id="two disks"),
        pytest.param(block("sda", stat=ROW), 1000, id="no diskstats: by its own file"),
        pytest.param(SDA | stats("sda") | block("sdb"), 1000, id="one that has gone"),
        pytest.param(SDA | {"proc/diskstats": "8 0 sda 1000 0 8\n"}, None, id="cut off"),
        pytest.param(SDA | {"proc/diskstats": f"8 0 sda {'9' * 5000} 0 8 1 1 1 1 1\n"}, None, id="endless"),
        pytest.param({}, None, id="no disk"),
    ],
)
def test_sums(tmp_path: Path, files: Files, reads: int | None) -> None:
    """Each disk is counted once; a sum of which a part is not understood is unknown."""
    values: Any = disk_io.collect(machine_of(tmp_path, files))

    assert values["disk_io"]["read_count"] == reads


def test_without_a_table_the_disks_stay(tmp_path: Path) -> None:
    """Without /proc/diskstats a disk keeps its model and its size, and has the counters of its own file."""
    card = block("mmcblk0", stat=ROW) | block("sda") | {f"{BLOCK}/mmcblk0/device/name": "SC32G\n"}
    card[f"{BLOCK}/mmcblk0/device/type"] = "SD\n"
    rows: Any = drives.collect(machine_of(tmp_path, card))["disks"]  # type: ignore[index]

    assert (rows["mmcblk0"]["model"], rows["mmcblk0"]["size"]) == ("SC32G", 4096 * 512)
    assert (rows["mmcblk0"]["bytes_read"], rows["sda"]["bytes_read"]) == (800_000 * 512, None)


@pytest.mark.parametrize(
    ("number", "device", "names"),
    [
        ("8:1", "/dev/sda1", ["sda"]),
        ("9:127", "/dev/md/home", ["sda", "sdb"]),
        ("0:45", "/dev/mapper/root", ["sda", "sdb"]),
        ("0:45", "/dev/sda1", ["sda"]),
        ("0:45", "nas:/export", []),
        ("7:0", "/dev/loop0", []),
    ],
)
def test_what_a_filesystem_lies_on(tmp_path: Path, number: str, device: str, names: list[str]) -> None:
    """It is found by the device's number, else by its name, through all layers down to the disks."""
    mapped = block("dm-0") | {f"{BLOCK}/dm-0/dm/name": "root\n", f"{BLOCK}/dm-0/slaves/md_home/dev": ""}
    machine = machine_of(
        tmp_path,
        SDA
        | MD
        | mapped
        | block("sdb")
        | {f"{BLOCK}/md_home/slaves/sdb/dev": ""}
        | block("loop0", dev="7:0\n"),
    )

    assert disks.beneath(disks.owners(machine), number, device) == names


def test_devices_that_stand_on_each_other(tmp_path: Path) -> None:
    """A table that leads in circles comes to an end."""
    files = {f"{BLOCK}/{name}/slaves/{other}/dev": "" for name, other in (("dm-0", "dm-1"), ("dm-1", "dm-0"))}

    assert disks.beneath(disks.owners(machine_of(tmp_path, files)), "253:0", "/dev/dm-0") == []
