"""A real Prometheus, and a real node_exporter, on free ports of the loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, TypeAlias

from support.daemon import HeldPort

PROGRAMS = ("prometheus", "promtool", "prometheus-node-exporter")
INSTALLED = all(map(shutil.which, PROGRAMS))

Sample: TypeAlias = "dict[str, Any]"


class Program:
    """A program that listens on a free port, from its start to `stop`."""

    def __init__(self, name: str, *options: str) -> None:
        self._held = HeldPort()
        self.port = self._held.number
        self.address = f"127.0.0.1:{self.port}"
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [name, f"--web.listen-address={self.address}", *options],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        """Everything that it has written so far."""
        self._log.seek(0)
        return self._log.read()

    def get(self, target: str) -> str:
        with urllib.request.urlopen(f"http://{self.address}{target}", timeout=20) as answer:
            return str(answer.read().decode())

    def wait_until_ready(self, target: str, seconds: float = 60.0) -> None:
        until = time.monotonic() + seconds
        while True:
            try:
                self.get(target)
            except OSError:
                assert self._process.poll() is None, self.log()
                assert time.monotonic() < until, f"it does not answer: {self.log()}"
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait(10)
            self._log.close()
            self._held.release()


class NodeExporter(Program):
    """node_exporter over the files of this machine, or of a recorded one."""

    def __init__(self, folder: Path | None = None) -> None:
        paths = [f"--path.procfs={folder}/proc", f"--path.sysfs={folder}/sys"] if folder else []
        # By netlink it would count for the machine on which it runs, whatever the paths say.
        super().__init__("prometheus-node-exporter", "--no-collector.netdev.netlink", *paths)


class Prometheus(Program):
    """Prometheus with the configuration `prometheus.yml` of a folder, where it keeps its data, too."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        super().__init__(
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            *options,
        )

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its API."""
        answer = json.loads(self.get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))
        assert answer["status"] == "success", answer
        assert not answer.get("warnings"), answer
        return answer["data"]

    def query(self, expression: str, at: float | None = None) -> list[Sample]:
        """The samples of an expression now, or at a time, each with `metric` (its labels) and `value`."""
        when = {} if at is None else {"time": str(at)}
        found: list[Sample] = self.ask("query", query=expression, **when)["result"]
        return found

    def values(self, expression: str, *labels: str, at: float | None = None) -> dict[tuple[str, ...], float]:
        """The values of an expression, now or at a time, by the values of some labels."""
        return {
            tuple(each["metric"].get(label, "") for label in labels): float(each["value"][1])
            for each in self.query(expression, at)
        }

    def wait_for(self, expression: str, seconds: float = 60.0) -> None:
        """Wait until an expression has a sample."""
        until = time.monotonic() + seconds
        while not self.query(expression):
            assert time.monotonic() < until, f"{expression} has no sample; {self.log()}"
            time.sleep(0.2)
