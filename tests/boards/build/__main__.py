"""Writes the board folders: `python -m boards.build`, in `tests`."""

from __future__ import annotations

import argparse
from pathlib import Path

from boards.build.folder import write
from boards.build.table import BOARDS


def main() -> None:
    """Write all boards."""
    parser = argparse.ArgumentParser(prog="python -m boards.build", description="Write the board folders.")
    beside = Path(__file__).resolve().parents[1]
    parser.add_argument("--into", type=Path, default=beside, help="where, other than in tests/boards")
    into = parser.parse_args().into
    for board in BOARDS:
        write(board, into / board.name)


if __name__ == "__main__":
    main()
