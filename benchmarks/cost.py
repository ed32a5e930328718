"""What pi-stat costs, beside other programs that tell the same, in one run: `python benchmarks/cost.py`."""

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

import report
import scenes
from plan import SCENES, Stage
from subjects import HERE


def main() -> int:
    """Measure; 1 when a scene has failed."""
    parser = argparse.ArgumentParser(
        description="What pi-stat costs, beside node_exporter, Glances, Netdata and ps if they are there. "
        "As root, to make crowds of processes, sockets, interfaces and mounts in namespaces of their own.",
    )
    parser.add_argument("--only", action="append", choices=list(SCENES), help="a scene; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: a look, not a result")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--compare", type=Path, help="the figures of an earlier run")
    parser.add_argument("--scene", choices=list(SCENES), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.scene:
        _act(wanted.scene, wanted.json, quick=wanted.quick)
        return 0
    if not scenes.possible():
        parser.error("it needs root, unshare and ip")
    run = {"about": about(), "scenes": _all(wanted.only or list(SCENES), quick=wanted.quick)}
    earlier = json.loads(wanted.compare.read_text())["scenes"] if wanted.compare else None
    print("\n".join(f"{name}: {value}" for name, value in run["about"].items()), end="\n\n")
    print(report.markdown(run["scenes"], earlier))
    if wanted.json:
        wanted.json.write_text(json.dumps(run, indent=1) + "\n")
    return 0 if len(run["scenes"]) == len(wanted.only or SCENES) else 1


def _all(names: list[str], *, quick: bool) -> dict[str, Any]:
    """The results of each scene, from a process in namespaces of its own."""
    found = {}
    before = scenes.loops()
    for name in names:
        print(f"{name} ...", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "results.json"
            arguments = [sys.executable, __file__, "--scene", name, "--json", str(out)]
            command = scenes.in_namespaces([*arguments, *(["--quick"] if quick else [])])
            # Not root's limits on what may be left behind in the folder of the sources.
            environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
            if subprocess.run(command, cwd=HERE.parent, env=environment, check=False).returncode == 0:
                found[name] = json.loads(out.read_text())
        scenes.remove_loops(scenes.loops() - before)
    return found


def _act(name: str, out: Path, *, quick: bool) -> None:
    """Make the scene around this process, measure in it, write what was found."""
    measure, furniture = SCENES[name]
    scenes.make(**furniture)
    stage = Stage(quick=quick)
    try:
        out.write_text(json.dumps(measure(stage)))
    finally:
        stage.end()


def about() -> dict[str, str]:
    """When, where and with which versions."""
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
