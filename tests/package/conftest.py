"""The packages that the tests in here are about."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat import __version__
from support.programs.debian_package import NEXT, TOOLS, build, commit

if TYPE_CHECKING:
    from support.require import Require


@pytest.fixture(scope="session")
def folder(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two packages: `now/` as the tree stands, and `next/` of the version after it."""
    for tool in TOOLS:
        require(shutil.which(tool) is not None, tool)
    folder = tmp_path_factory.mktemp("packages")
    for name, version in (("now", __version__), ("next", NEXT)):
        build(commit(folder / f"tree-{name}", version), folder / name)
    folder.chmod(0o755)
    return folder
