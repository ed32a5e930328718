"""The Debian package, built of this tree as if it was committed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from pistat import __version__
from support.systemd_container import ROOT, run

TOOLS = ("dpkg-buildpackage", "dh", "dh_python3", "lintian", "apt-ftparchive", "gpg", "git")
NEXT = f"{__version__}+next"
"""The version of the package that an upgrade brings."""


def commit(folder: Path, version: str) -> Path:
    """Return a repository in `folder` with one commit: this tree, as that version."""
    ignored = shutil.ignore_patterns(
        ".git", ".venv", ".env", ".*_cache", ".hypothesis", "__pycache__", "dist"
    )
    shutil.copytree(ROOT, folder, ignore=ignored, symlinks=True)
    init = folder / "pistat/__init__.py"
    init.write_text(init.read_text().replace(f'"{__version__}"', f'"{version}"'))
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a"}
    environment = {**os.environ, **who, "GIT_COMMITTER_EMAIL": "a@example.org"}
    environment |= {f"GIT_{each}_DATE": "2026-01-02T03:04:05Z" for each in ("AUTHOR", "COMMITTER")}
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", version]):
        subprocess.run(["git", *command], cwd=folder, env=environment, check=True)
    return folder


def build(tree: Path, into: Path) -> Path:
    """Return the package that packaging/build makes."""
    said = run(str(tree / "packaging/build"), str(into)).stdout.strip()
    return Path(said.splitlines()[-1])


def package(folder: Path, name: str = "now") -> Path:
    return next((folder / name).glob("*.deb"))
