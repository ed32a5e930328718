"""Which cgroups are containers: the names that engines give them.

Nothing in here raises.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

HEX = "([0-9a-f]{64})"


class Identity(NamedTuple):
    """What the path of a cgroup says about its container.

    Attributes:
        engine: Which program made it.
        id: The first 12 digits of its ID; None with engines that have names only.
        name: Its name; None where the path does not have it.
    """

    engine: str
    id: str | None
    name: str | None


SCOPES = tuple(
    (re.compile(rf"{prefix}-{HEX}(?:\.scope)?"), engine)
    for prefix, engine in (
        ("docker", "docker"),
        ("libpod", "podman"),
        ("libpod-payload", "podman"),
        ("cri-containerd", "containerd"),
        ("nerdctl", "containerd"),
        ("crio", "cri-o"),
    )
)
"""Cgroups that have the name of the engine."""

FOLDERS = {"docker": "docker", "libpod_parent": "podman"}
"""Engines whose containers are bare IDs in a folder of the engine's name."""

BARE = re.compile(HEX)
LXC = re.compile(r"lxc\.payload\.(.+)")
NSPAWN = re.compile(r"systemd-nspawn@(.+)\.service|machine-(.+)\.scope")
ESCAPE = re.compile(r"\\x([0-9a-f]{2})")


def identify(path: str) -> Identity | None:
    """Return what a cgroup is by its path, such as `system.slice/docker-….scope`; None if no container."""
    *folders, last = path.strip("/").split("/")
    parent = folders[-1] if folders else ""
    return _by_id(folders, parent, last) or _by_name(parent, last)


def _by_id(folders: list[str], parent: str, last: str) -> Identity | None:
    kubernetes = any(folder.startswith("kubepods") for folder in folders)
    for pattern, engine in SCOPES:
        if found := pattern.fullmatch(last):
            unit = parent if last.startswith("libpod-payload") else ""
            name = _unescaped(unit.removesuffix(".service")) if unit.endswith(".service") else None
            return Identity("kubernetes" if kubernetes else engine, found[1][:12], name)
    bare = BARE.fullmatch(last)
    if bare and kubernetes:
        return Identity("kubernetes", bare[1][:12], None)
    return Identity(FOLDERS[parent], bare[1][:12], None) if bare and parent in FOLDERS else None


def _by_name(parent: str, last: str) -> Identity | None:
    if found := LXC.fullmatch(last):
        return Identity("lxc", None, found[1])
    if parent == "lxc":
        return Identity("lxc", None, last)
    found = NSPAWN.fullmatch(last)
    if found is None or parent != "machine.slice":
        return None
    name = _unescaped(found[1] or found[2])
    if name.startswith("qemu-"):
        # A virtual machine of libvirt.
        return None
    return Identity("lxc" if name.startswith("lxc-") else "systemd-nspawn", None, name)


def _unescaped(name: str) -> str:
    r"""Return the name that systemd has written with escapes, such as `\x2d` for a dash."""
    return ESCAPE.sub(lambda found: chr(int(found[1], 16)), name)


def names(text: str) -> dict[str, str]:
    """Return the names of containers by the first 12 digits of their IDs, from `{"ID": "NAME"}`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key[:12]: name for key, name in found.items() if isinstance(name, str) and len(key) >= 12}  # noqa: PLR2004 - as above
