"""What reads the machine, records it and judges it: one of each, for as long as the process lives."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pistat.diagnosis.report import Diagnosis
from pistat.formats.glances import Glances
from pistat.history.archive import Archive
from pistat.history.history import KEYS, History
from pistat.history.recorder import Recorder
from pistat.history.storage import StateDirectory
from pistat.machine.machine import Machine
from pistat.monitor.monitor import Monitor
from pistat.monitor.self_metrics import SelfMetrics
from pistat.settings import Settings

if TYPE_CHECKING:
    from pistat.formats.top import Screens


class Core:
    """The parts that go on when the settings are read again, so that no source is ever read by two.

    Attributes:
        machine: What they all read.
        self_metrics: What this process costs.
        monitor: Answers with readings, and keeps them for a moment.
        recorder: Takes a sample of the machine at each interval, once it is started.
        state: The files that outlast a restart.
        history: The curves of the samples.
        diagnosis: What is wrong, by the samples.
        glances: The readings in the form of Glances.
    """

    def __init__(self, settings: Settings, machine: Machine) -> None:
        seconds = settings.history_seconds
        self.machine = machine
        self.self_metrics = SelfMetrics(linux=machine.linux)
        self.monitor = Monitor(machine, settings.cache_seconds, self.self_metrics)
        self.recorder = Recorder(self.monitor, machine, seconds)
        self.state = StateDirectory.chosen(machine, seconds=seconds, save=settings.history_save)
        self.history = History(machine, seconds)
        # In this order: what was saved is there before the first sample is added to it.
        Archive(self.history, self.state, machine).listen(self.recorder)
        self.recorder.listen(KEYS, self.history.record)
        machine.set_longest_interval(1.5 * seconds)
        self.diagnosis = Diagnosis(self.monitor, machine, recording=seconds > 0, state=self.state)
        self.diagnosis.listen(self.recorder)
        self.glances = Glances(machine, self.monitor, self.diagnosis, self.history if seconds else None)

    def apply(self, settings: Settings) -> None:
        """Apply the settings that can change at a reload; the others count only at the start."""
        self.machine.show_ssid = settings.show_ssid
        self.monitor.renew(settings.cache_seconds)
        self.diagnosis.set_limits(settings.limits)

    @cached_property
    def screens(self) -> Screens:
        """Return the screens for terminals; until somebody asks for one, they are not even imported."""
        from pistat.formats.top import Screens  # noqa: PLC0415 - a sixth of a MiB that not everybody needs

        return Screens(self.monitor, self.diagnosis, self.history if self.recorder.seconds else None)
