"""From a board to its folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath

from boards.build.parts import TICKS, Board, Interface, Size, Tree
from boards.build.proc import proc, times
from boards.build.sysfs import sys
from boards.build.transcript import transcript

ORIGIN = "built from the fact sheet, not recorded"
STUB = "vcgencmd"
"""Beside the folders: the script that answers in place of the firmware."""


def write(board: Board, folder: Path) -> None:
    """Write a board into its folder; what is expected of it, beside its files, stays as it is."""
    for name in ("proc", "sys", "before", "boot", "etc", "lib", "run", "usr", "opt", "var"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path, content in build(board).items():
        target = folder / PurePosixPath(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if board.firmware:
        tool = PurePosixPath(board.firmware.tool)
        link = folder / tool
        link.parent.mkdir(parents=True)
        link.symlink_to("../" * len(tool.parts) + STUB)


def build(board: Board) -> Tree:
    """The content of each file of a board, by its path."""
    tree = {
        **proc(board),
        **{f"before/{path}": content for path, content in times(board, seconds_ago=1).items()},
        **{f"sys/{path}": f"{value}\n".encode() for path, value in sys(board).items()},
        "etc/fstab": fstab(board),
        "etc/os-release": f'PRETTY_NAME="{board.system.name}"\n'.encode(),
        **{path: text.encode() for path, text in board.files.items()},
        "host.json": host(board),
    }
    if board.firmware:
        tree["vcgencmd.txt"] = transcript(board.firmware).encode()
    return {path.replace(":", "%3A"): content for path, content in tree.items()}


def fstab(board: Board) -> bytes:
    """Return /etc/fstab as the images have it; in a container it names nothing."""
    usual = [
        each
        for each in board.mounts
        if (each.point == "/" or each.point.startswith("/boot")) and each.source.startswith("/dev/")
    ]
    rows = [
        f"{each.source} {each.point} {each.kind} defaults 0 {1 if each.point == '/' else 2}\n"
        for each in usual
    ]
    return "".join(rows or ["# UNCONFIGURED FSTAB FOR BASE SYSTEM\n"]).encode()


def host(board: Board) -> bytes:
    """What has no file behind it."""
    facts = {
        "origin": ORIGIN,
        "note": board.note,
        "uname": [board.hostname, board.system.kernel, board.system.architecture],
        "bits": board.system.bits,
        "time": board.time,
        "uptime": board.uptime,
        "cores": len(board.cores),
        "page_size": board.page_size,
        "clock_ticks": TICKS,
        "statvfs": {each.point: statvfs(each.size) for each in board.mounts if each.size},
        "addresses": {each.name: each.addresses for each in board.interfaces if each.addresses},
        "links": {each.name: (each.driver, each.master) for each in board.interfaces if each.driver},
        "stations": {
            each.name: ["network", each.link[0], each.signal, each.link[1]] for each in stations(board)
        },
        "power_saving": {each.name: each.power_save for each in stations(board)},
        "users": {str(uid): name for uid, name in board.users.items()},
        "owners": {str(each.pid): each.uid for each in board.processes},
        "unreadable": unreadable(board),
        "groups": dict(board.groups),
        "modified": dict(board.modified),
        "services": board.services,
        "fails": board.fails,
    }
    return json.dumps(facts, indent=1).encode() + b"\n"


def statvfs(size: Size | str) -> dict[str, int | str]:
    """The size of a filesystem, or why it has none."""
    if isinstance(size, str):
        return {"error": size}
    return dict(zip(("total", "used", "free"), size, strict=True))


def stations(board: Board) -> list[Interface]:
    """The wireless interfaces that are associated; a container is told of none."""
    return [each for each in board.interfaces if each.wireless and each.signal and board.sysfs]


def unreadable(board: Board) -> dict[str, str]:
    """The files that cannot be read: among them the speed of every interface that has none to tell."""
    silent = [each.name for each in board.interfaces if each.speed is None and board.sysfs]
    return {f"/sys/class/net/{name}/speed": "EINVAL" for name in silent} | dict(board.unreadable)
