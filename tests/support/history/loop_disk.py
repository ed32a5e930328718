"""A small ext4 in a file, mounted where only this process and what it starts sees it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.require import Require

SIZE = 24 << 20
"""Bytes of the filesystem."""


@contextmanager
def ext4(require: Require, folder: Path, *options: str) -> Iterator[Path]:
    """A fresh one, made with these options, at `disk` in `folder`; needs mounts of our own."""
    image, place = folder / "image", folder / "disk"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(SIZE)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-m", "0", *options, str(image)], check=True)
    mounted = subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=False)
    require(mounted.returncode == 0, "loop devices", installed=False)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def fill(place: Path) -> Path:
    """Fill a filesystem to the last byte, with one file."""
    file = place / "large"
    for size in (1 << 16, 1):
        with suppress(OSError), file.open("ab", buffering=0) as large:
            while True:
                large.write(bytes(size))
    return file
