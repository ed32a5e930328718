"""Where files lie: small folders, unit tests beside what they test, and no test that leans on another."""

from __future__ import annotations

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.require import Require

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
BOARDS = TESTS / "boards"
MOST = 16
"""Files in a folder: as many as one takes in at a glance."""

PYTHON = sorted(
    path
    for path in TESTS.rglob("*.py")
    if BOARDS not in path.parents or path.parent in (BOARDS, BOARDS / "build")
)

TEST_MODULES = {path.stem for path in PYTHON if path.name.startswith(("test_", "conftest"))}


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, and what it takes from them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(TESTS)))
def test_nothing_is_imported_from_a_test(path: Path) -> None:
    """What two tests need is in support/ or in a module of boards/, never in a test or a conftest."""
    parts = {part for name in imported(path) for part in name.split(".")}

    assert parts & TEST_MODULES == set()


def test_a_unit_test_has_the_name_of_its_module() -> None:
    """The test of pistat/a/b.py is tests/unit/a/test_b.py; that of a whole folder has the folder's name."""
    unit = TESTS / "unit"
    for path in unit.rglob("*.py"):
        module = ROOT / "pistat" / path.relative_to(unit).with_name(path.name.removeprefix("test_"))

        assert path.name.startswith("test_"), path
        assert module.exists() or module.with_suffix("").is_dir(), (
            f"{path} tests no module: there is no {module}"
        )


def test_no_folder_is_crowded(require: Require) -> None:
    """A folder has at most 16 files of ours; those of the boards are as many as a board has."""
    require((ROOT / ".git").exists(), "a clone, for what git knows of", installed=False)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    recorded = {path.parent for path in BOARDS.glob("*/host.json")}
    folders = Counter(path.parent for path in paths if path.exists() and recorded.isdisjoint(path.parents))

    assert {str(folder): count for folder, count in folders.items() if count > MOST} == {}
