"""The history routes of Glances 4, as its clients need them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pistat.formats.glances_history import ITEMS, UnknownError, Wanted, document
from pistat.formats.glances_plugins import PLUGINS
from pistat.history.history import History
from pistat.history.metrics import METRICS, RECENT
from pistat.history.recorder import Sample
from pistat.history.series import HOUR
from pistat.machine.cpu_times import Spent
from support.history.simulated_machine import WALL, SimulatedMachine


def at(second: float, *, known: bool = True) -> Sample:
    """A sample of a machine of which the load grows; of each second a quarter is user, and half is system."""
    values: dict[str, Any] = {"load_avg": [second, second / 2, second / 4], "memory": {"percent": 25.0}}
    user, system = int(second * 25), int(second * 50)
    modes = (user, 0, system, int(second * 100) - user - system, 0, 0, 0, 0, 0)
    return Sample(second, 0.0, values if known else {}, cpu=Spent(user + system, second * 100, modes))


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Two hours of samples, of which one is without readings, ten seconds before the last."""
    machine = SimulatedMachine(tmp_path / "root")
    found = History(machine, 10.0)
    for second in range(10, 2 * HOUR + 10, 10):
        machine.now = float(second)
        found.record(at(second, known=second != 2 * HOUR - 10))
    return found


def ask(history: History | None, path: str) -> Any:
    wanted = Wanted.of(path)
    assert wanted is not None
    return document(history, wanted)


def test_the_items_are_series_of_plugins() -> None:
    assert ITEMS.keys() <= PLUGINS.keys()
    series = {metric.name for metric in (*METRICS, *RECENT)}
    assert {name for items in ITEMS.values() for name in items.values()} <= series
    assert len(series) == len(METRICS) + len(RECENT)


def test_the_points_of_an_hour(history: History) -> None:
    """Each with the moment at which it ends, and as much as was read; what is not known is left out."""
    found = ask(history, "load/history")
    assert list(found) == ["min1", "min5", "min15"]
    assert len(found["min1"]) == HOUR // 10 - 1
    times = [datetime.fromisoformat(time).timestamp() - WALL for time, _ in found["min1"]]
    assert times == [second for second in range(HOUR + 10, 2 * HOUR + 10, 10) if second != 2 * HOUR - 10]
    assert [value for _, value in found["min5"]] == [time / 2 for time in times]
    assert (
        found["min15"][-1] == ["2026-11-30T02:53:20.000000+00:00", 1800.0] or found["min15"][-1][1] == 1800.0
    )


def test_where_the_time_of_the_processor_went(history: History) -> None:
    found = ask(history, "cpu/history/3")
    assert {name: [value for _, value in points] for name, points in found.items()} == {
        "user": [25.0] * 3,
        "system": [50.0] * 3,
    }


@pytest.mark.parametrize(
    ("number", "points"), [("", 359), ("/", 359), ("/0", 359), ("/7", 7), ("/99999", 359)]
)
def test_the_last_points_of_one_item(history: History, number: str, points: int) -> None:
    """As many as are wanted, the newest last; none or 0 is for all."""
    found = ask(history, f"mem/percent/history{number}")
    assert found == ask(history, "mem/history")["percent"][-points:]


def test_a_series_without_points_is_empty(history: History) -> None:
    """As swap where there is none: the item is there, and nothing that a client could misunderstand."""
    assert ask(history, "memswap/history") == {"percent": []}
    assert ask(history, "network/history/5") == {
        "all_bytes_recv_rate_per_sec": [],
        "all_bytes_sent_rate_per_sec": [],
    }


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("sensors/history", "Cannot get plugin history sensors (those with a history are quicklook, cpu"),
        (
            "cpu/total/history/9",
            'Cannot get history for plugin cpu (read "total"; expected one of user, system)',
        ),
        ("cpu/history/x", 'Cannot get plugin history cpu (read "x" points; expected a whole number)'),
        ("cpu/history/-1", 'read "-1" points'),
        ("cpu/user/history/²", 'read "²" points'),
        ("cpu/history/1e3", 'read "1e3" points'),
        ("cpu/history/" + "9" * 5000, "expected a whole number"),
    ],
)
def test_what_there_is_not(history: History, path: str, text: str) -> None:
    with pytest.raises(UnknownError) as refused:
        ask(history, path)
    assert text in str(refused.value)
    assert len(str(refused.value)) < 300


def test_without_a_history_that_is_said() -> None:
    with pytest.raises(UnknownError, match=r"\(the history is off: PISTAT_HISTORY_SECONDS=0\)"):
        ask(None, "cpu/history/100")


@pytest.mark.parametrize(
    "path", ["cpu", "cpu/user", "cpu/history/3/4", "history", "cpu/historyx", "cpu/xhistory"]
)
def test_other_paths(path: str) -> None:
    assert Wanted.of(path) is None
