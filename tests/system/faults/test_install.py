"""What others on the machine can do to who runs install.sh: its folder, its environment, its lock."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import namespaces
from support.daemon import PROGRAM

if TYPE_CHECKING:
    from support.require import Require

INSTALL = PROGRAM.with_name("install.sh")

STAGE = """
mount -t tmpfs none /run/systemd && mkdir -p /run/systemd/system || exit 90
mount -t tmpfs -o size=100m none /opt && mount -o remount,ro /opt || exit 90
for program in groupadd useradd usermod; do mount --bind /bin/false "/usr/sbin/$program" || exit 90; done
cd "$1" && exec env "PATH=$1:$PATH" "BASH_FUNC_id%%=() { : >$3; }" "$2"
"""
"""A machine that looks as if it ran systemd, and on which an installation fails when it begins to write."""

SPRINGS = "import os; open(os.environ.get('MARK', {mark!r}), 'w').close()\n"
"""A module or program that leaves a mark wherever it is run."""


@pytest.fixture
def trap(tmp_path: Path, require: Require) -> Iterator[Path]:
    """A folder full of what root must not run, by all the names that Python, bash and apt look for."""
    require(sys.platform == "linux", "Linux", installed=False)
    require(namespaces.possible(), "root", installed=False)
    folder = tmp_path / "trap"
    folder.mkdir()
    mark = tmp_path / "sprung"
    names = (
        "ensurepip",
        "venv",
        "psutil",
        "sys",
        "os",
        "site",
        "sitecustomize",
        "usercustomize",
        "encodings",
    )
    for each in names:
        (folder / f"{each}.py").write_text(SPRINGS.format(mark=str(mark)))
    for each in ("python3", "id", "flock", "df", "tail", "getent", "mktemp", "dirname", "cp", "find", "bash"):
        (folder / each).write_text(f"#!/bin/sh\n: >{mark}\nexit 1\n")
        (folder / each).chmod(0o755)
    (folder / "bash.rc").write_text(f": >{mark}\n")
    yield folder
    assert not mark.exists()


def install(trap: Path) -> subprocess.CompletedProcess[str]:
    """Run install.sh as root in the folder, with an environment that leads there."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(trap),
        "PYTHONSTARTUP": str(trap / "site.py"),
        "PYTHONUSERBASE": str(trap),
        "PYTHONPYCACHEPREFIX": str(trap),
        "HOME": str(trap),
        "ENV": str(trap / "bash.rc"),
        "BASH_ENV": str(trap / "bash.rc"),
        "CDPATH": str(trap),
        "TMPDIR": str(trap),
    }
    return subprocess.run(
        [
            "unshare",
            "--mount",
            "sh",
            "-c",
            STAGE,
            "sh",
            str(trap),
            str(INSTALL),
            str(trap.with_name("sprung")),
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_folder_has_no_influence(trap: Path) -> None:
    """What lies in the folder in which it is called, or where the environment leads to, is not run."""
    found = install(trap)

    assert found.returncode not in {0, 90}, found
    assert "nothing was installed" in found.stderr, found
    assert "Traceback" not in found.stderr


def test_nobody_else_can_hold_its_lock(trap: Path) -> None:
    """Whoever locks what others may open does not hold it up; another installation does, at once."""
    held = [os.open(each, os.O_RDONLY) for each in ("/", "/opt", "/run", "/tmp", str(PROGRAM.parent))]
    try:
        for each in held:
            fcntl.flock(each, fcntl.LOCK_EX)
        free = install(trap)
    finally:
        for each in held:
            os.close(each)
    own = os.open("/root", os.O_RDONLY)
    try:
        fcntl.flock(own, fcntl.LOCK_EX)
        busy = install(trap)
    finally:
        os.close(own)

    assert "nothing was installed" in free.stderr, free
    assert busy.stderr == "install.sh: another install.sh is running\n"
    assert not os.stat("/root").st_mode & 0o077
