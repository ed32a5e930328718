"""Words for messages."""

from __future__ import annotations

import time

import pytest

from pistat import text


@pytest.mark.parametrize(
    ("seconds", "date"),
    [
        (0, "1970-01-01T00:00:00"),
        (1_700_000_000.9, "2023-11-14T22:13:20"),
        (2**31 - 1, "2038-01-19T03:14:07"),
        (2**31, "2038-01-19T03:14:08"),
        (4_102_444_800, "2100-01-01T00:00:00"),
        (-1, "1970-01-01T00:00:00"),
        (-(2.0**70), "1970-01-01T00:00:00"),
        (1 << 60, "9999-12-31T23:59:59"),
        (1e300, "9999-12-31T23:59:59"),
        (float("inf"), "9999-12-31T23:59:59"),
    ],
)
def test_utc(seconds: float, date: str) -> None:
    """A Unix time has a date after 2038, too, on every platform, and none is too large."""
    found = text.utc(seconds)

    assert f"{found:%Y-%m-%dT%H:%M:%S}" == found.replace(microsecond=0, tzinfo=None).isoformat() == date


def test_utc_is_that_of_the_c_library() -> None:
    """Up to 2038, it is what the C library says."""
    for seconds in range(0, 2**31, 86_400 * 97 + 12_345):
        assert text.utc(seconds).timetuple()[:6] == time.gmtime(seconds)[:6]
