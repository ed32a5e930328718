"""The machine as a whole: what it calls its system, and since when it runs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pistat.collectors.operating_system import packages
from pistat.collectors.system import boot_time, system, uptime
from pistat.machine.machine import Machine
from support.file_tree import machine_of

DEBIAN, OTHER = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', "NAME=Other\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"etc/os-release": DEBIAN}, "Debian GNU/Linux 12 (bookworm)"),
        ({"usr/lib/os-release": DEBIAN}, "Debian GNU/Linux 12 (bookworm)"),
        ({"etc/os-release": OTHER, "usr/lib/os-release": DEBIAN}, "Other"),
        ({"etc/os-release": "", "usr/lib/os-release": DEBIAN}, "Debian GNU/Linux 12 (bookworm)"),
        ({"etc/os-release": "ID=x\n", "usr/lib/os-release": DEBIAN}, None),
        ({}, None),
    ],
)
def test_name_of_the_system(files: dict[str, str], expected: str | None, tmp_path: Path) -> None:
    """It is that of the first file that can be read and has text; without one, the kernel's."""
    machine = machine_of(tmp_path, files)

    found = system.collect(machine)["system"]["os"]  # type: ignore[index]

    assert found == (expected or f"Linux {machine.names_of_system().kernel}")


def test_file_that_leads_nowhere(tmp_path: Path) -> None:
    """A link to what is not there, or a folder in place of the file, is passed over."""
    machine = machine_of(tmp_path, {"usr/lib/os-release": DEBIAN, "etc/os-release/x": ""})
    link = machine_of(tmp_path / "2", {"usr/lib/os-release": DEBIAN, "etc/x": ""})
    (tmp_path / "2/etc/os-release").symlink_to("nowhere")

    for each in (machine, link):
        assert system.collect(each)["system"]["os"].startswith("Debian")  # type: ignore[index]


def test_a_folder_of_packages_is_listed_again_when_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of thousands of names those of kernels are looked for once; a kernel that is added is seen."""
    machine = machine_of(tmp_path, {"var/lib/dpkg/info/linux-image-1.2.3-4-amd64.list": ""})
    folder = tmp_path / "var/lib/dpkg/info"
    os.utime(folder, (1, 1))
    listed: list[str] = []
    names = machine.names

    def counted(path: str) -> list[str]:
        listed.append(path)
        return names(path)

    monkeypatch.setattr(machine, "names", counted)

    assert [packages._installed(machine) for _ in range(3)] == 3 * [["1.2.3-4-amd64"]]
    assert listed == [packages.INFO]
    (folder / "linux-image-1.2.4-1-amd64.list").touch()
    assert packages._installed(machine) == ["1.2.3-4-amd64", "1.2.4-1-amd64"]


class Clocked(Machine):
    """A machine whose kernel has run for a day, and whose files may not be readable for a while."""

    now, broken = 86_400.37, False

    def uptime(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000.0 + self.now

    def open(self, path: str) -> int:
        if self.broken:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected", path)
        return super().open(path)


def clocked(root: Path, text: str) -> Clocked:
    machine_of(root, {"proc/uptime": text})
    return Clocked(str(root), platform="linux")


def times(machine: Machine) -> tuple[float, float]:
    found = [each.collect(machine) for each in (uptime, boot_time)]
    return found[0]["uptime"], found[1]["boot_time"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("86400.36 172000.00\n", 86_400.37),
        ("86400.37 172000.00\n", 86_400.37),
        ("86401.02 172000.00\n", 86_400.37),
        ("86400 172000\n", 86_400.37),
        ("86399 172000\n", 86_400.37),
        ("1425.33 2801.10\n", 1425.33),
        ("1425 0\n", 1425.0),
        ("12.00 0.00", 12.0),
        ("", 86_400.37),
        ("-5.0 1\n", 86_400.37),
        ("nan inf\n", 86_400.37),
        ("9" * 300, 86_400.37),
    ],
)
def test_uptime_of_a_container(text: str, expected: float, tmp_path: Path) -> None:
    """It is what /proc/uptime says if that is behind the clock; the clock goes on, whoever reads when."""
    machine = clocked(tmp_path, text)

    first = times(machine)
    machine.now += 90.5

    assert first == (expected, round(1_700_000_000.0 + 86_400.37 - expected, 1))
    assert times(machine) == (round(expected + 90.5, 2), first[1])


def test_lxcfs_that_is_restarted(tmp_path: Path) -> None:
    """While lxcfs does not answer, what it said before holds; if it did not yet, the clock does."""
    machine = clocked(tmp_path, "1425.33 2801.10\n")
    machine.broken = True
    before = times(machine)
    machine.broken = False
    during = times(machine)
    machine.broken = True

    assert before[0] == 86_400.37
    assert during == times(machine) == (1425.33, 1_700_084_975.0)
