"""Memory and swap, by tables of the kernel, of containers and of older kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pistat.collectors.memory import memory
from pistat.field import Incomplete
from support.file_tree import machine_of

NULLS = (None, None, None, None)


def reading(folder: Path, table: str) -> dict[str, Any]:
    values = memory.read(machine_of(folder, {"proc/meminfo": table}))
    assert not isinstance(values, Incomplete)
    return {key: tuple(part.values())[:4] for key, part in values.items()}


@pytest.mark.parametrize(
    ("table", "memory", "swap"),
    [
        pytest.param(
            "MemTotal: 2097152 kB\nMemAvailable: 2141696 kB\nSwapTotal: 10 kB\nSwapFree: 20 kB\n",
            (2147483648, 2147483648, 0, 0.0),
            (10240, 0, 10240, 0.0),
            id="lxcfs: more is left than there is",
        ),
        pytest.param(
            "MemTotal: 100 kB\nMemFree: 5 kB\nSwapTotal: 10 kB\nSwapFree: 4 kB\n",
            (102400, None, None, None),
            (10240, 6144, 4096, 60.0),
            id="WSL 1 and kernels before 3.14: no MemAvailable",
        ),
        pytest.param(
            "SwapTotal: 10 kB\nSwapFree: 4 kB\n", NULLS, (10240, 6144, 4096, 60.0), id="no MemTotal"
        ),
        pytest.param("MemTotal: 0 kB\nMemAvailable: 0 kB\n", NULLS, NULLS, id="a total of 0"),
        pytest.param(
            "MemTotal: 100 kB\nMemAvailable: 0 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
            (102400, 0, 102400, 100.0),
            NULLS,
            id="a measured 0",
        ),
        pytest.param(
            f"MemTotal: {'9' * 5000} kB\nMemAvailable: 1 kB\nSwapTotal: 7 kB\n",
            NULLS,
            (7168, None, None, None),
            id="a number that cannot be",
        ),
    ],
)
def test_rows(tmp_path: Path, table: str, memory: tuple[Any, ...], swap: tuple[Any, ...]) -> None:
    """A row that is missing takes only what needs it, and no part is less than nothing or more than all."""
    assert reading(tmp_path, table) == {"memory": memory, "swap": swap}


@pytest.mark.parametrize("table", ["MemTotal 12\n", "", None])
def test_a_table_without_any_row(tmp_path: Path, table: str | None) -> None:
    """A table that has none of the rows was not understood; what is read elsewhere is there all the same."""
    files = {"proc/vmstat": "nr_free_pages 1\npswpin 2\npswpout 3\noom_kill 4\n"}
    machine = machine_of(tmp_path, files if table is None else {**files, "proc/meminfo": table})

    found = memory.read(machine)

    assert isinstance(found, Incomplete)
    assert [type(error) for error in found.failures] == [FileNotFoundError if table is None else LookupError]
    assert {*found.values["memory"].values()} == {None, 4}
    assert {*found.values["swap"].values()} == {None, 2 * machine.page_size, 3 * machine.page_size}
