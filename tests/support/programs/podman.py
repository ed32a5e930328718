"""A container of a real Podman, without a registry: its root is a folder with one program."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1] / "native" / "busy.c"
INSTALLED = all(shutil.which(program) for program in ("podman", "runc", "conmon"))


class Podman:
    """An engine of our own in `folder`, and the one container that it runs.

    It takes version 2 of cgroups at /sys/fs/cgroup. Raises CalledProcessError where Podman cannot run.
    """

    def __init__(self, folder: Path) -> None:
        # Sockets lie below it, whose paths may not be long.
        self._runtime = Path(tempfile.mkdtemp(prefix="pod-"))
        self._folder = folder
        root = folder / "root"
        for name in ("dev", "proc", "sys", "etc", "run", "tmp"):
            (root / name).mkdir(parents=True)
        command = [
            "cc",
            "-O1",
            "-static",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-o",
            str(root / "busy"),
            str(SOURCE),
        ]
        subprocess.run(command, check=True, timeout=60)
        options = ["--detach", "--net=none", "--pids-limit=-1", "--ulimit=nofile=1024:1024"]
        # In a cgroup of its own, for others may run an engine, too.
        self._group = f"pi-stat-test-{os.getpid()}"
        options += ["--ulimit=nproc=1000:1000", f"--cgroup-parent=/{self._group}"]
        try:
            self.id = self._run("run", *options, "--rootfs", str(root), "/busy").strip()
        except BaseException:
            shutil.rmtree(self._runtime, ignore_errors=True)
            raise

    def _run(self, *command: str) -> str:
        where = [
            f"--root={self._folder}/store",
            f"--runroot={self._runtime}",
            f"--tmpdir={self._runtime}/tmp",
        ]
        how = ["--cgroup-manager=cgroupfs", "--runtime=runc", "--storage-driver=vfs", "--events-backend=none"]
        ran = subprocess.run(
            ["podman", *where, *how, *command],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "XDG_RUNTIME_DIR": str(self._runtime)},
        )
        return ran.stdout

    def stats(self) -> dict[str, Any]:
        """Return what `podman stats` says of the container: `cpu_time` in words, and its IDs."""
        [row] = json.loads(self._run("stats", "--no-stream", "--format=json"))
        return dict(row)

    def processes(self) -> list[int]:
        """Return the process IDs, as `podman top` lists them."""
        return [int(each) for each in self._run("top", self.id, "hpid").split()[1:]]

    def remove(self) -> None:
        """End the container, and leave nothing of it."""
        self._run("rm", "--force", "--ignore", "--time=0", self.id)
        for name in (f"{self._group}/conmon", self._group):
            with contextlib.suppress(OSError):
                Path(f"/sys/fs/cgroup/{name}").rmdir()
        shutil.rmtree(self._runtime, ignore_errors=True)


def seconds(duration: str) -> float:
    """Return the seconds of a time as Go writes it, such as `1m2.5s` or `934.752ms`."""
    units = {"h": 3600.0, "ms": 1e-3, "µs": 1e-6, "m": 60.0, "s": 1.0}
    total, number = 0.0, ""
    while duration:
        if duration[0] in "0123456789.":
            number, duration = number + duration[0], duration[1:]
            continue
        unit = next(each for each in units if duration.startswith(each))
        total, number, duration = total + float(number) * units[unit], "", duration.removeprefix(unit)
    return total
