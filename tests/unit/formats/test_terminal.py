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


@pytest.mark.parametrize(
    ("number", "step", "units", "expected"),
    [
        (0, 1000, terminal.RATES, "0 B/s"),
        (999, 1000, terminal.RATES, "999 B/s"),
        (999.6, 1000, terminal.RATES, "1 kB/s"),
        (54_321, 1000, terminal.RATES, "54.3 kB/s"),
        (999_700, 1000, terminal.RATES, "1 MB/s"),
        (40_200_000_000, 1000, terminal.DISK, "40.2 GB"),
        (1_180_000_000_000, 1000, terminal.DISK, "1.18 TB"),
        (8 << 30, 1024, terminal.MEMORY, "8 GiB"),
    ],
)
def test_scaled(number: float, step: int, units: tuple[str, ...], expected: str) -> None:
    """Three digits, the unit that fits, no zeros at the end."""
    assert terminal.scaled(number, step, units) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h 0 min"),
        (12_720, "3 h 32 min"),
        (351_000, "4 d 1 h"),
    ],
)
def test_lasting(seconds: float, expected: str) -> None:
    """Two units at most."""
    assert terminal.lasting(seconds) == expected
