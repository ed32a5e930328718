"""One Prometheus scraping many simulated Pis: the time of a scrape, its series, their bytes on disk.

`python benchmarks/studies/many_pis.py [--pis N] [--interval SECONDS] [--samples N]`

Each Pi is a recorded board, served by the real application, on which time passes: faster than here, so that
from one scrape to the next it goes on by SCRAPE_SECONDS. The bytes on disk are those of the block that
Prometheus writes of SAMPLES scrapes, which is what it would write of as many scrapes at that pace.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import yaml

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "tests")]

from moving_boards import MovingMachine

from support.daemons.fleet import Fleet
from support.programs.prometheus_server import Prometheus
from support.recorded_machine import BOARDS, board_names

SCRAPE_SECONDS = 30.0
"""The interval of the configuration in `deploy/`."""


PART = 50
"""How many Pis a process serves. Each takes a listener and a connection of what waitress keeps open."""


def serve(first: int, pis: int, speed: float) -> None:
    """Be some of the Pis, until standard input ends."""
    boards = board_names()
    numbers = range(first, first + pis)
    machines = [MovingMachine(BOARDS / boards[each % len(boards)], each, speed) for each in numbers]
    Fleet(machines).run(numbers)


@contextmanager
def simulated(pis: int, speed: float) -> Iterator[list[int]]:
    """Yield the ports of that many Pis."""
    parts = [(first, min(PART, pis - first)) for first in range(0, pis, PART)]
    command = [sys.executable, __file__, "--speed", str(speed), "--serve"]
    processes = [
        subprocess.Popen([*command, str(first), str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for first, size in parts
    ]
    try:
        yield [
            port for each in processes if each.stdout for port in json.loads(each.stdout.readline()).values()
        ]
    finally:
        for each in processes:
            each.communicate(timeout=60)


@contextmanager
def scraping(ports: Sequence[int], interval: float) -> Iterator[Prometheus]:
    """Yield a Prometheus that scrapes them and keeps its data in a folder that goes with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pace = f"{round(interval * 1000)}ms"
        targets = [{"targets": [f"127.0.0.1:{port}" for port in ports]}]
        configuration = {
            "global": {"scrape_interval": pace, "scrape_timeout": pace},
            "scrape_configs": [{"job_name": "pi-stat", "static_configs": targets}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
        prometheus = Prometheus(folder, "--web.enable-admin-api")
        try:
            prometheus.wait_until_ready("/-/ready")
            yield prometheus
        finally:
            prometheus.stop()


def cpu(process: psutil.Process) -> float:
    """Return the CPU seconds that it has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def one(prometheus: Prometheus, expression: str) -> float:
    """Return the value of an expression that has one."""
    [value] = prometheus.values(expression).values()
    return value


def snapshot(prometheus: Prometheus) -> tuple[int, int]:
    """Return the samples and bytes of the blocks that it writes of all that it has."""
    request = urllib.request.Request(
        f"http://{prometheus.address}/api/v1/admin/tsdb/snapshot", method="POST", data=b""
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        folder = prometheus.folder / "data" / "snapshots" / json.load(answer)["data"]["name"]
    metas = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*/meta.json")]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return sum(each["stats"]["numSamples"] for each in metas), size


def measure(pis: int, interval: float, samples: int) -> Iterator[tuple[str, str]]:
    """Yield what is found, with its name."""
    speed = SCRAPE_SECONDS / interval
    with simulated(pis, speed) as ports, scraping(ports, interval) as prometheus:
        watched = psutil.Process(prometheus.pid)
        prometheus.wait_for(f"count(up == 1) == {pis}")
        before = cpu(watched)
        time.sleep(interval * samples)
        spent = cpu(watched) - before
        window = f"{round(interval * samples)}s"
        scrapes = one(prometheus, f"sum(count_over_time(up[{window}]))")
        stored = one(prometheus, f"sum(sum_over_time(scrape_samples_scraped[{window}]))")
        took = sorted(
            prometheus.values("quantile_over_time(0.5, scrape_duration_seconds[1h])", "instance").values()
        )
        worst = one(prometheus, "max(max_over_time(scrape_duration_seconds[1h]))")
        samples_in_block, size = snapshot(prometheus)
        each = stored / scrapes
        bytes_a_sample = size / samples_in_block
        # Prometheus adds five series of its own to each target, such as `up`.
        day = 86_400 / SCRAPE_SECONDS * (each + 5)
        yield "Pis", f"{pis}, of {len(board_names())} boards"
        yield "interval of the scrapes", f"{interval:g} s, standing for {SCRAPE_SECONDS:g} s"
        failed = one(prometheus, f"sum(count_over_time(up[{window}]) - sum_over_time(up[{window}]))")
        yield "scrapes that failed", f"{failed:.0f} of {scrapes:.0f}"
        yield "series of a Pi", f"{each:.0f}"
        yield "bytes of a scrape", f"{length(ports):.0f}"
        yield "duration of a scrape, median", f"{statistics.median(took) * 1000:.1f} ms"
        yield "duration of a scrape, longest", f"{worst * 1000:.0f} ms"
        yield "CPU of Prometheus for a scrape", f"{spent / scrapes * 1000:.2f} ms"
        yield "CPU of Prometheus for 1,000 samples", f"{spent / stored * 1e6:.2f} ms"
        yield "memory of Prometheus", f"{watched.memory_info().rss / 2**20:.0f} MiB"
        yield (
            "memory of Prometheus for a series",
            f"{watched.memory_info().rss / (stored / scrapes + 5) / pis / 1024:.1f} KiB",
        )
        yield "bytes of a sample in a block", f"{bytes_a_sample:.2f}"
        yield (
            f"bytes on disk for a Pi and day, at {SCRAPE_SECONDS:g} s",
            f"{bytes_a_sample * day / 1e6:.2f} MB",
        )


def length(ports: Sequence[int]) -> float:
    """Return the bytes of an answer, on average over the boards."""
    answers = []
    for port in ports[: len(board_names())]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            answers.append(len(answer.read()))
    return statistics.mean(answers)


def main() -> None:
    """Read the command line, measure, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pis", type=int, default=200)
    parser.add_argument("--interval", type=float, default=2.0, help="seconds from scrape to scrape")
    parser.add_argument(
        "--samples", type=int, default=240, help="scrapes of each Pi; 240 are two hours at 30 s"
    )
    parser.add_argument("--serve", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--speed", type=float, default=1.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        first, size = options.serve
        serve(first, size, options.speed)
        return
    print("| | |\n| --- | --- |")
    for name, value in measure(options.pis, options.interval, options.samples):
        print(f"| {name} | {value} |", flush=True)


if __name__ == "__main__":
    main()
