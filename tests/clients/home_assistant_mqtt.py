#!/usr/bin/env python3
"""Let Home Assistant find pi-stat by MQTT and hear its messages: `home_assistant_mqtt.py [VERSION...]`.

Each version is installed from PyPI; the first time that takes a few minutes, and Python 3.13 or newer, which
`PYTHON` may name. It needs Debian's mosquitto. A recorded Pi 5 and this machine are published; the
daemon is killed, the broker and Home Assistant are started again, and this machine is forgotten.
It prints what Home Assistant showed, and ends with status 1 if that was not as it should be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

sys.path[:0] = [str(Path(__file__).resolve().parents[each]) for each in (1, 2)]

from support.daemon import PROGRAM, Daemon, HeldPort, clean_environment  # noqa: E402 - found by the line above
from support.programs import home_assistant  # noqa: E402
from support.programs.mosquitto import Mosquitto, Subscriber  # noqa: E402

HERE = Path(__file__).resolve().parent
REPLAY = [sys.executable, str(HERE.parent / "support/replay.py")]
BOARDS = HERE.parent / "boards"
PI = "pistat_5ca1ab1e0ddba11f_"
"""How the unique IDs of the recorded Pi 5 begin."""

SECONDS = "10"
PATIENCE = 90.0
Entities = dict[str, dict[str, Any]]


class Home:
    """A Home Assistant in a process of its own."""

    def __init__(self, version: str, broker: int) -> None:
        self._held = HeldPort()
        self.port = self._held.number
        self._process = subprocess.Popen(
            [
                str(home_assistant.python(version)),
                str(HERE / "home_assistant_core.py"),
                str(broker),
                str(self.port),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        assert self._line() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._held.release()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def ask(self, what: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return json.loads(self._line())

    def entities(self) -> Entities:
        return {each["unique_id"]: each for each in self.ask("entities")}

    def states(self, *, pi: bool = True) -> set[str]:
        """The different states of the entities that are shown, of the recorded Pi or of this machine."""
        return {
            each["state"]
            for name, each in self.entities().items()
            if each["state"] and name.startswith(PI) is pi
        }


class Report:
    """Prints what was seen, and remembers whether all of it was right."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.well = True

    def until(self, what: str, check: Callable[[], Any], seconds: float = PATIENCE) -> None:
        """Wait until `check` holds, and say how long that took."""
        began = time.monotonic()
        while not (held := check()) and time.monotonic() - began < seconds:
            time.sleep(0.2)
        took = f"after {time.monotonic() - began:.1f} s" if held else f"NOT within {seconds:g} s"
        print(f"{self.version}  {what}: {took}", flush=True)
        self.well = self.well and bool(held)

    def show(self, entities: Entities) -> None:
        for name, each in entities.items():
            unit = each["attributes"].get("unit_of_measurement", "")
            state = "(off until somebody wants it)" if each["disabled"] else f"{each['state']} {unit}"
            print(f"{self.version}    {each['entity_id']}  {state}  {name}")


def daemon(port: int, command: list[str] | None = None, **settings: str) -> Daemon:
    given = {"PISTAT_MQTT_URL": f"mqtt://127.0.0.1:{port}", "PISTAT_MQTT_SECONDS": SECONDS, **settings}
    os.environ["REPLAY"] = "alive"
    started = Daemon(given, command)
    started.wait_until_ready()
    return started


def entities_and_deaths(report: Report, home: Home, broker: Mosquitto, started: list[Daemon]) -> None:
    """Look at all entities; then kill and start again what publishes, and what passes it on."""
    board = [*REPLAY, str(BOARDS / "pi5-8gb-nvme")]
    started.append(daemon(broker.port, board))
    started.append(daemon(broker.port))
    report.until("two devices", lambda: len(home.ask("devices")) == 2)
    report.until("all entities have states", lambda: home.states() & {"unknown", "unavailable"} == set())
    report.until("and those that need two readings", lambda: f"{PI}received" in home.entities())
    print(f"{report.version}  {home.ask('devices')}")
    report.show(home.entities())

    started[0].process.kill()
    report.until("killed: all unavailable", lambda: home.states() == {"unavailable"}, 90)
    report.until("this machine still is not", lambda: "unavailable" not in home.states(pi=False))
    started[0] = daemon(broker.port, board)
    report.until("started again: all back", lambda: "unavailable" not in home.states())

    broker.end()
    report.until("broker killed: all unavailable", lambda: home.states() == {"unavailable"})
    broker.start()
    report.until(
        "broker started again, without memory: all back", lambda: "unavailable" not in home.states(), 120
    )


def forgotten(report: Report, home: Home, port: int) -> None:
    """Take this machine out again."""
    environment = clean_environment({"PISTAT_MQTT_URL": f"mqtt://127.0.0.1:{port}"})
    subprocess.run([sys.executable, str(PROGRAM), "--mqtt-forget"], env=environment, check=True, timeout=60)
    report.until("forgotten: one device less", lambda: len(home.ask("devices")) == 1)
    report.until("and its entities, too", lambda: all(name.startswith(PI) for name in home.entities()))


def messages(report: Report, home: Home) -> None:
    """Have a board whose supply is too weak send its messages to the webhook."""
    url = f"http://127.0.0.1:{home.port}/api/webhook/a-secret-id"
    weak = Daemon({"PISTAT_NOTIFY": url}, [*REPLAY, str(BOARDS / "pi3b-undervoltage")])
    try:
        report.until("a message by the webhook", lambda: len(home.ask("heard")) >= 2)
        for each in home.ask("heard"):
            print(f"{report.version}    {each}")
    finally:
        weak.kill()


def devices_announced(seen: Subscriber) -> int:
    """How many times a device was announced while somebody looked."""
    return sum(not kept for _, topic, _, kept in list(seen.messages) if topic.endswith("config"))


def check(version: str) -> bool:
    """Go through it with one version; return whether all was as it should be."""
    report = Report(version)
    started: list[Daemon] = []
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder)) as broker:
        try:
            with Home(version, broker.port) as home:
                entities_and_deaths(report, home, broker, started)
                messages(report, home)
            with Subscriber(broker.port) as seen, Home(version, broker.port) as home:
                report.until(
                    "Home Assistant started again: all there", lambda: home.states() - {"unavailable"}
                )
                report.until("and was told again", lambda: devices_announced(seen) >= 2)
                started[1].stop()
                forgotten(report, home, broker.port)
        finally:
            for each in started:
                each.kill()
    return report.well


if __name__ == "__main__":
    well = [check(version) for version in sys.argv[1:] or home_assistant.VERSIONS]
    sys.exit(0 if all(well) else 1)
