"""What pi-stat costs, beside other programs that report the same, in one run: `python benchmarks/cost.py`."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import environments
import report
from programs import HERE
from scenarios import SCENARIOS, Servers


def main() -> int:
    """Measure; 1 when a scenario has failed."""
    parser = argparse.ArgumentParser(
        description="What pi-stat costs, beside node_exporter, Glances, Netdata and ps if they are there. "
        "As root, to make crowds of processes, sockets, interfaces and mounts in namespaces of their own.",
    )
    parser.add_argument(
        "--only", action="append", choices=list(SCENARIOS), help="a scenario; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: a look, not a result")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--compare", type=Path, help="the figures of an earlier run")
    parser.add_argument("--scenario", choices=list(SCENARIOS), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.scenario:
        _measure_here(wanted.scenario, wanted.json, quick=wanted.quick)
        return 0
    if not environments.possible():
        parser.error("it needs root, unshare and ip")
    run = {"about": about(), "scenarios": _all(wanted.only or list(SCENARIOS), quick=wanted.quick)}
    earlier = json.loads(wanted.compare.read_text())["scenarios"] if wanted.compare else None
    print("\n".join(f"{name}: {value}" for name, value in run["about"].items()), end="\n\n")
    print(report.markdown(run["scenarios"], earlier))
    if wanted.json:
        wanted.json.write_text(json.dumps(run, indent=1) + "\n")
    return 0 if len(run["scenarios"]) == len(wanted.only or SCENARIOS) else 1


def _all(names: list[str], *, quick: bool) -> dict[str, Any]:
    """Return the results of each scenario, from a process in namespaces of its own."""
    found = {}
    before = environments.loops()
    for name in names:
        print(f"{name} ...", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "results.json"
            arguments = [sys.executable, __file__, "--scenario", name, "--json", str(out)]
            command = environments.in_namespaces([*arguments, *(["--quick"] if quick else [])])
            # Not root's limits on what may be left behind in the folder of the sources.
            environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
            if subprocess.run(command, cwd=HERE.parent, env=environment, check=False).returncode == 0:
                found[name] = json.loads(out.read_text())
        environments.remove_loops(environments.loops() - before)
    return found


def _measure_here(name: str, out: Path, *, quick: bool) -> None:
    """Make the scenario around this process, measure in it, write what was found."""
    measure, extras = SCENARIOS[name]
    environments.make(**extras)
    servers = Servers(quick=quick)
    try:
        out.write_text(json.dumps(measure(servers)))
    finally:
        servers.end()


def about() -> dict[str, str]:
    """Return when, where and with which versions."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = cpuinfo.partition("model name")[2].partition("\n")[0].strip(" \t:") or platform.machine()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    libraries = ("flask", "flask-limiter", "psutil", "waitress")
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="minutes"),
        "commit": commit.stdout.strip(),
        "machine": f"{os.cpu_count()} x {model}, Linux {platform.release()}",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{each} {version(each)}" for each in libraries)]
        ),
    }


if __name__ == "__main__":
    sys.exit(main())
