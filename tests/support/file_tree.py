"""Machines made of a few files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pistat.machine.machine import Machine


def machine_of(root: Path, files: Mapping[str, str | bytes | int]) -> Machine:
    """Return a Linux machine whose root is `root`, with these files; a number is one of the device tree."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.to_bytes(4, "big") if isinstance(content, int) else content
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return Machine(str(root), platform="linux")


def pi(model: str, revision: int) -> dict[str, str | bytes | int]:
    """Return the files that make a machine a Raspberry Pi."""
    tree = "proc/device-tree"
    return {f"{tree}/model": f"Raspberry Pi {model}\0", f"{tree}/system/linux,revision": revision}
