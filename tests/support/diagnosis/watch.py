"""One finding, judged by true readings of a machine; only the time runs ahead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pistat.diagnosis import BY_ID
from pistat.diagnosis.report import Diagnosis
from pistat.machine.machine import Machine
from pistat.monitor.monitor import Monitor


class Watch:
    """Judge one finding.

    Each sample is a true reading. The boot clock that is given with it goes on by half a minute a sample.

    Args:
        finding: Its ID.
        subject: The filesystem, disk or interface; empty where there is none.
        read: Returns the readings; those of this machine if absent.
    """

    def __init__(
        self, finding: str, subject: str = "", read: Callable[[], Mapping[str, Any]] | None = None
    ) -> None:
        self.finding, self.subject = finding, subject
        self._machine = Machine()
        self._monitor = Monitor(self._machine, 0.0)
        self._keys = tuple(sorted(BY_ID[finding].keys))
        self._read = read or self._read_here
        self._diagnosis = Diagnosis(self._monitor, self._machine, recording=True)
        self._now = self._machine.uptime()

    def _read_here(self) -> Mapping[str, Any]:
        return self._monitor.answer(self._keys, fresh=True).values

    def sample(self, seconds: float = 0.0) -> str | None:
        """Take samples for some time; how severe the finding is then, None if there is none."""
        end = self._now + seconds
        while self._now <= end:
            wall = self._machine.time() + self._now - self._machine.uptime()
            self._diagnosis.update(self._now, wall, self._read())
            self._now += max(30.0, seconds / 100)
        return row["severity"] if (row := self.row()) else None

    def row(self) -> dict[str, Any] | None:
        """Return the finding as /diagnosis shows it; None if there is none."""
        return next(
            (
                row
                for row in self._diagnosis.document()["findings"]
                if row["id"] == self.finding and (row["subject"] or "") == self.subject
            ),
            None,
        )
