"""Text that is laid out for a terminal."""

from __future__ import annotations

import pytest

from pistat.formats import terminal


@pytest.mark.parametrize(
    ("cells", "columns", "expected"),
    [
        pytest.param(["a", "b"], (0, 4), "a   b", id="beside each other"),
        pytest.param(["  a  "], (2,), "  a", id="indented"),
        pytest.param(["abcdef", "b"], (0, 4), "abcdef\n    b", id="no room"),
        pytest.param(["ab", "b"], (0, 3), "ab\n   b", id="one blank is no gap"),
        pytest.param(["a", ""], (0, 4), "a", id="nothing there"),
        pytest.param(
            ["a", "x" * 60 + " y"], (0, 18), "a" + " " * 17 + "x" * 60 + "\n" + " " * 18 + "y", id="wraps"
        ),
        pytest.param(["°C"], (0,), "C", id="ASCII"),
        pytest.param(["`df`"], (0,), "df", id="no backticks"),
        pytest.param(["/" + "x" * 40 + "/" + "y" * 40], (0,), f"/{'x' * 40}/\n{'y' * 40}", id="a long path"),
    ],
)
def test_row(cells: list[str], columns: tuple[int, ...], expected: str) -> None:
    """Cells begin at their columns; what finds no room begins a line."""
    assert terminal.row(cells, *columns) == expected
