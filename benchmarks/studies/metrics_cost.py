"""What a scrape costs the machine: `/metrics` beside `/stats`, and beside node_exporter, in one run.

`python benchmarks/studies/metrics_cost.py [--rounds N] [--requests N]`

CPU time of the process that answers, for fresh answers, in rounds that take turns; the median round counts.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "tests")]

from support.daemon import Daemon
from support.programs.prometheus_server import NodeExporter

ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
"""What Prometheus asks for."""


def requests(port: int, target: str, count: int) -> Callable[[], int]:
    """Return a function that asks `count` times on one connection and returns the bytes of an answer."""

    def run() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        size = 0
        for _ in range(count):
            connection.request("GET", target, headers={"Accept": ACCEPT})
            answer = connection.getresponse()
            size = len(answer.read())
            if answer.status != 200:
                raise RuntimeError(f"{target}: {answer.status}")
        connection.close()
        return size

    return run


def cpu(process: psutil.Process) -> float:
    """Return the CPU seconds that it has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Read the command line, measure, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=100, help="in a round")
    options = parser.parse_args()
    daemon = Daemon({"PISTAT_CACHE_SECONDS": "0", "PISTAT_RATE_LIMIT_ENABLED": "false"})
    exporter = NodeExporter()
    try:
        daemon.wait_until_ready()
        exporter.wait_until_ready("/metrics")
        ours, theirs = psutil.Process(daemon.pid), psutil.Process(exporter.pid)
        cases = {
            "/metrics": (ours, requests(daemon.port, "/metrics", options.requests)),
            "/stats": (ours, requests(daemon.port, "/stats", options.requests)),
            "node_exporter": (theirs, requests(exporter.port, "/metrics", options.requests)),
        }
        spent: dict[str, list[float]] = {name: [] for name in cases}
        sizes = {}
        for _ in range(options.rounds + 1):
            for name, (process, run) in cases.items():
                before = cpu(process)
                sizes[name] = run()
                spent[name].append((cpu(process) - before) / options.requests)
        # The first round warms up.
        costs = {name: statistics.median(rounds[1:]) for name, rounds in spent.items()}
        print("| fresh answer | CPU | of node_exporter's | bytes |\n| --- | --- | --- | --- |")
        for name, cost in costs.items():
            print(f"| {name} | {cost * 1000:.2f} ms | {cost / costs['node_exporter']:.2f} | {sizes[name]} |")
    finally:
        daemon.kill()
        exporter.stop()


if __name__ == "__main__":
    main()
