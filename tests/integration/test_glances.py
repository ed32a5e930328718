"""Clients of Glances ask us, and a real Glances runs beside us."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from glances_api import Glances

from pistat.formats.glances_history import ITEMS
from support.daemon import Daemon, HeldPort
from support.recorded_machine import board_names
from support.waiting import eventually, lasting_faults

if TYPE_CHECKING:
    from support.require import Require

FLEET = Path(__file__).parents[1] / "support" / "daemons" / "fleet.py"
FAST = FLEET.with_name("fast_clock.py")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pi-stat-tests"
VERSION = "4.5.8"
"""Of the Glances that runs beside us, as tests/integration/test_glances.py installs it."""


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """The port on which each recorded board is served."""
    with subprocess.Popen(
        [sys.executable, str(FLEET)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as fleet:
        assert fleet.stdout is not None
        assert fleet.stdin is not None
        yield json.loads(fleet.stdout.readline())
        fleet.stdin.close()


@pytest.mark.parametrize("board", board_names())
def test_the_library_of_home_assistant(ports: dict[str, int], board: str) -> None:
    """glances-api reads every board without an exception, and finds what makes the entities."""

    async def ask() -> tuple[dict[str, Any], list[str]]:
        api = Glances(host="127.0.0.1", port=ports[board], version=4)
        found = await api.get_ha_sensor_data()
        await api.get_data("pluginslist")
        return found, api.plugins

    found, plugins = asyncio.run(ask())

    assert len(plugins) == 21
    assert {"mem", "memswap", "load", "processcount", "uptime"} <= set(found)
    assert found["processcount"]["process_total"] > 0
    assert found["uptime"]


# A real Glances


def answer(port: int, path: str) -> Any:
    """What a server on `port` answers to Glances' clients."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", f"/api/4/{path}")
        response = connection.getresponse()
        assert response.status == 200
        return json.loads(response.read())


def program() -> Path | None:
    """The program, in an environment of its own that is made once; None where none can be made."""
    folder = CACHE / f"glances-{VERSION}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="glances-", dir=CACHE))
        try:
            subprocess.run([sys.executable, "-m", "venv", unfinished], check=True, capture_output=True)
            packages = [f"glances[web]=={VERSION}"]
            pip = [str(unfinished / "bin/python"), "-m", "pip", "install", "--quiet", *packages]
            subprocess.run(pip, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError):
            shutil.rmtree(unfinished)
            return None
        # Its scripts name the folder in which they were made, so it is run as a module.
        unfinished.rename(folder)
    return folder / "bin/python"


@pytest.fixture(scope="module")
def glances(require: Require) -> Iterator[int]:
    """The port of a real Glances on this machine."""
    python = program()
    require(python is not None, f"glances {VERSION} from PyPI")
    held = HeldPort()
    options = ["-w", "--disable-webui", "-B", "127.0.0.1", "-p", str(held.number)]
    with subprocess.Popen(
        [str(python), "-m", "glances", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        until = time.monotonic() + 90
        while True:
            try:
                answer(held.number, "status")
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.2)
        yield held.number
        process.kill()
    held.release()


ABSENT = {
    "quicklook": {"cpu_hz": "not on each machine", "gpu": "there is no GPU that both know"},
    "cpu": {
        **dict.fromkeys(
            ("ctx_switches", "interrupts", "soft_interrupts", "syscalls"), "no client reads these counts"
        ),
        "time_since_update": "for those counts",
    },
    "percpu": {
        "guest_nice": "no client reads it",
        "dpc": "of Windows",
        "interrupt": "of Windows",
        "softirq": "where a kernel does not count it",
    },
    "mem": dict.fromkeys(
        (
            *("active", "inactive", "buffers", "cached", "shared"),
            *("percent_min", "percent_max", "percent_mean"),
        ),
        "no client reads it",
    ),
    "memswap": {"sin": "no client reads it", "sout": "likewise", "time_since_update": "for those counts"},
    "fs": {},
    "ip": {
        "gateway": "not on each machine",
        "public": "nobody outside is asked",
    },
    "load": {},
    "core": {},
    "system": {},
    "now": {},
    "processcount": {"pid_max": "no client reads it"},
    "processlist": {
        "cmdline": "may hold secrets",
        **dict.fromkeys(
            ("io_counters", "nice", "cpu_times", "gids", "time_since_update"), "no client reads it"
        ),
    },
}
"""By plugin, the keys of Glances that we do not have, and why."""


def keys(value: Any) -> set[str]:
    """The keys of an answer, or of its first row."""
    row = value[0] if isinstance(value, list) and value else value
    return set(row) if isinstance(row, dict) else set()


@pytest.mark.parametrize("plugin", ABSENT)
def test_the_keys_are_those_of_glances(shared: Daemon, glances: int, plugin: str) -> None:
    """Each key of Glances is there, or there is a reason why not."""
    theirs, ours = keys(answer(glances, plugin)), keys(answer(shared.port, plugin))

    missing = {key for key in theirs - ours if not any(key.startswith(name) for name in ABSENT[plugin])}
    assert missing == set()


SUMS = {"network", "diskio"}
"""Of these, Glances has a curve of each item for each interface or disk; ours is of all of them."""

NOT_DRAWN = {
    "percpu": "no client draws it",
    "load": "likewise",
    "gpu_mem": "likewise",
    "gpu_proc": "likewise",
}
"""Items of `quicklook` of which Glances has a history, and why we have none."""


def names(plugin: str, found: dict[str, Any]) -> set[str]:
    """The names of the curves of a plugin, without those of interfaces and disks."""
    return {name.partition("_")[2] for name in found} if plugin in SUMS else set(found)


@pytest.fixture
def fast() -> Iterator[int]:
    """The port of a daemon in whose history a point of ten seconds takes a half."""
    daemon = Daemon({"FACTOR": "20", "PISTAT_RATE_LIMIT_ENABLED": "no"}, [sys.executable, str(FAST)])
    daemon.wait_until_ready()
    yield daemon.port
    daemon.kill()


def test_the_history_is_as_that_of_glances(fast: int, glances: int) -> None:
    """The same curves, each a list of times and values, the last ones as many as wanted."""
    assert eventually(lambda: len(answer(fast, "cpu/user/history")) >= 3, 60.0)
    for plugin in ITEMS:
        # A Glances reads when it is asked, and then there is a point.
        answer(glances, plugin)
        theirs, ours = (answer(port, f"{plugin}/history/2") for port in (glances, fast))
        missing = names(plugin, theirs) - names(plugin, ours) - NOT_DRAWN.keys()
        assert missing <= (set(theirs) - {"/_percent"} if plugin == "fs" else set())
        for curve in (*theirs.values(), *ours.values()):
            assert len(curve) <= 2
            times = [datetime.fromisoformat(time) for time, _ in curve]
            assert times == sorted(times)
            assert all(abs(time.timestamp() - datetime.now(UTC).timestamp()) < 3600 for time in times)
    theirs, ours = (answer(port, "mem/percent/history/2") for port in (glances, fast))
    assert [len(point) for point in theirs] == [len(point) for point in ours] == [2, 2]
    assert ours[-1][1] == pytest.approx(theirs[-1][1], abs=20.0)


def test_the_values_are_those_of_glances(shared: Daemon, glances: int) -> None:
    """What both read of one machine agrees."""

    def differences() -> list[str]:
        theirs, ours = answer(glances, "all"), answer(shared.port, "all")
        root = [next(row for row in each["fs"] if row["mnt_point"] == "/") for each in (theirs, ours)]
        wrong = [
            name
            for name, left, right, share in (
                ("mem.total", theirs["mem"]["total"], ours["mem"]["total"], 0),
                ("mem.used", theirs["mem"]["used"], ours["mem"]["used"], 0.2),
                ("core.log", theirs["core"]["log"], ours["core"]["log"], 0),
                ("fs.size", root[0]["size"], root[1]["size"], 0),
                ("fs.used", root[0]["used"], root[1]["used"], 0.02),
                ("fs.free", root[0]["free"], root[1]["free"], 0.02),
                ("processcount.total", theirs["processcount"]["total"], ours["processcount"]["total"], 0.2),
                ("load.min15", theirs["load"]["min15"], ours["load"]["min15"], 0.3),
            )
            if abs(left - right) > share * max(left, right)
        ]
        same = ("hostname", "os_name", "os_version", "platform")
        return wrong + [name for name in same if theirs["system"][name] != ours["system"][name]]

    assert lasting_faults(differences) == []
