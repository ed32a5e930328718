"""The API of Glances 4: which answer a path has, out of what the monitor has cached."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from pistat.compression import Body
from pistat.diagnosis.events import MOST
from pistat.diagnosis.report import Diagnosis
from pistat.formats import glances_history
from pistat.formats.glances_history import UnknownError
from pistat.formats.glances_plugins import PLUGINS, VERSION, Readings, Row, processor
from pistat.history.history import History
from pistat.machine import cpu_times
from pistat.machine.machine import Machine
from pistat.monitor.monitor import Answer, Monitor, encode

ALL = "all"
STATUS: Row = {"version": VERSION}


class Glances:
    """Answers what clients of Glances ask of one machine, out of what the monitor has cached.

    Args:
        machine: Which one.
        monitor: Who is asked for the readings.
        diagnosis: What is wrong and was wrong.
        history: The curves; None where there are none.
    """

    def __init__(
        self, machine: Machine, monitor: Monitor, diagnosis: Diagnosis, history: History | None
    ) -> None:
        self._machine = machine
        self._monitor = monitor
        self._diagnosis = diagnosis
        self._history = history
        self._bodies: dict[str, tuple[Answer, Body]] = {}

    def body(self, path: str) -> Body:
        """Return the JSON of `all`, `pluginslist`, a plugin, an item, or a history. Raises UnknownError."""
        name, _, item = path.partition("/")
        if name == "pluginslist" and not item:
            return Body(encode(list(PLUGINS)))
        if name not in PLUGINS and (name != ALL or item):
            raise UnknownError(f"Unknown plugin {name} (available plugins: {list(PLUGINS)})")
        if curves := glances_history.Wanted.of(path):
            return Body(encode(glances_history.document(self._history, curves)))
        answer = self._monitor.answer(_keys(name))
        if item:
            return Body(encode(_item(self._plugin(name, answer), name, item)))
        made = self._bodies.get(name)
        # The monitor gives the same answer again as long as it may be shared.
        if made is None or made[0] is not answer:
            made = self._bodies[name] = answer, Body(encode(self._plugin(name, answer)))
        return made[1]

    def _plugin(self, name: str, answer: Answer) -> Any:
        readings = self._readings(answer, name)
        if name == ALL:
            return {plugin_name: plugin.answer(readings) for plugin_name, plugin in PLUGINS.items()}
        return PLUGINS[name].answer(readings)

    def _readings(self, answer: Answer, name: str) -> Readings:
        modes = self._modes() if name in {ALL, "cpu", "percpu", "quicklook"} else []
        readings = Readings(answer.values, modes, processor(self._machine))
        if name not in {ALL, "alert"}:
            return readings
        findings = self._diagnosis.document()["findings"]
        return replace(readings, findings=findings, events=self._diagnosis.events(0.0, MOST))

    def _modes(self) -> list[dict[str, float]]:
        """Return the CPU time by mode; none where /proc/stat is not there or cannot be read."""
        with contextlib.suppress(OSError):
            if self._machine.linux:
                older, newer = self._machine.cpu.interval()
                return cpu_times.by_mode(older.value.times, newer.value.times)
        return []


def _keys(name: str) -> tuple[str, ...]:
    if name != ALL:
        return PLUGINS[name].keys
    return tuple(dict.fromkeys(key for plugin in PLUGINS.values() for key in plugin.keys))


def _item(answer: Any, name: str, item: str) -> Row:
    """Return one item of a plugin; of a list of rows, that of each."""
    if isinstance(answer, dict) and item in answer:
        return {item: answer[item]}
    if isinstance(answer, list) and any(item in row for row in answer):
        return {item: [row.get(item) for row in answer]}
    raise UnknownError(f"Cannot get item {item} in plugin {name}")
