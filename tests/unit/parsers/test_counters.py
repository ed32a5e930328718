"""Rows of names and numbers: pressure, vmstat, queues of the GPU."""

from __future__ import annotations

import pytest

from pistat.parsers import counters

PRESSURE = (
    "some avg10=9.05 avg60=21.15 avg300=9.44 total=51028082\nfull avg10=0.00 avg60=0.50 avg300=0.00 total=0\n"
)


def test_pressure() -> None:
    assert counters.pressure(PRESSURE) == {
        "some_avg10": 9.05,
        "some_avg60": 21.15,
        "full_avg10": 0.0,
        "full_avg60": 0.5,
    }


def test_pressure_of_the_cpu_before_linux_5_13() -> None:
    """Older kernels have no row for `full`: it is left out, and not 0."""
    assert counters.pressure(PRESSURE.partition("\n")[0] + "\n") == {"some_avg10": 9.05, "some_avg60": 21.15}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "some",
        "some avg10=nan avg60=inf",
        "some avg10=-1.00 avg60=x",
        "some avg10=\N{ARABIC-INDIC DIGIT TWO}.00 avg60=0.00",
        "some avg10=900.00 avg60=100.01 avg300=0.00 total=0",
        "\0" * 10_000,
    ],
)
def test_no_pressure(text: str) -> None:
    assert counters.pressure(text) == {}


def test_numbers() -> None:
    """Rows of something else are left out."""
    assert counters.numbers("pswpin 3\noom_kill 0\nx\ny z\nz -1\n") == {"pswpin": 3, "oom_kill": 0}


def test_the_busiest_queue() -> None:
    older = counters.queues("queue\ttimestamp\tjobs\truntime\nbin\t1000\t3\t100\nrender\t1000\t3\t200\n")
    newer = counters.queues("queue\ttimestamp\tjobs\truntime\nbin\t2000\t4\t350\nrender\t2000\t9\t300\n")

    assert counters.busiest(older, newer) == 25.0


@pytest.mark.parametrize(
    ("older", "newer", "share"),
    [
        ({}, {"bin": (5, 5)}, None),
        ({"bin": (5, 5)}, {"bin": (5, 5)}, None),
        ({"bin": (9, 9)}, {"bin": (5, 5)}, None),
        ({"bin": (0, 9)}, {"bin": (9, 5)}, 0.0),
        ({"bin": (0, 0)}, {"bin": (9, 50)}, 100.0),
    ],
)
def test_queues_that_stand_or_jump(
    older: dict[str, tuple[int, int]], newer: dict[str, tuple[int, int]], share: float | None
) -> None:
    """Without an interval there is no share; what runs long is counted at its end, and cut at all of it."""
    assert counters.busiest(older, newer) == share
