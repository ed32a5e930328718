"""Quantities in words. That the script of the page writes them alike is tested in a browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pistat.formats import quantities
from pistat.formats.quantities import NONE


@pytest.mark.parametrize(
    ("write", "value", "expected"),
    [
        (quantities.percent, None, NONE),
        (quantities.percent, 0, "0"),
        (quantities.percent, 0.04, "0.0"),
        (quantities.percent, 9.94, "9.9"),
        (quantities.percent, 9.95, "10"),
        (quantities.percent, 99.6, "100"),
        (quantities.size, None, NONE),
        (quantities.size, 0, "0_B"),
        (quantities.size, 999.4, "999_B"),
        (quantities.size, 435_592_110_080, "436_GB"),
        (quantities.size, 64_000_000_000, "64_GB"),
        (quantities.size, 999_999_999, "1_GB"),
        (quantities.size, 3_936_818_806_784, "3.94_TB"),
        (quantities.memory, 8 * 1024**3, "8_GiB"),
        (quantities.memory, 8_443_215_872, "7.86_GiB"),
        (quantities.hertz, 0, "asleep"),
        (quantities.hertz, 1_600_020_224, "1.60_GHz"),
        (quantities.hertz, 910_009_088, "910_MHz"),
        (quantities.speed, None, NONE),
        (quantities.speed, 12, "12_B/s"),
        (quantities.speed, 9_400, "9.4_kB/s"),
        (quantities.speed, 118_200, "118_kB/s"),
        (quantities.speed, 999_600, "1.00_MB/s"),
        (quantities.lasting, 59.9, "59_s"),
        (quantities.lasting, 60, "1_min"),
        (quantities.lasting, 12_057, "3_h 20_min"),
        (quantities.lasting, 351_747, "4_d 1_h"),
    ],
)
def test_words(write: Callable[[float | None], str], value: float | None, expected: str) -> None:
    """Each is written with its digits, its unit and a blank that does not break between: `_` here."""
    assert write(value) == expected.replace("_", quantities.NO_BREAK)


def test_counted() -> None:
    """One thing has the word for one."""
    assert [quantities.counted(each, "problem") for each in (0, 1, 2)] == [
        "0 problems",
        "1 problem",
        "2 problems",
    ]
    assert [quantities.times(each) for each in (1, 2, 3)] == ["once", "twice", "3 times"]
    assert quantities.joined("a", None, 0, "", False, "b") == "a · b"
