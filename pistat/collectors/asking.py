"""The questions of one collector to the firmware."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pistat.field import Incomplete, Reading, Values
from pistat.machine.firmware.client import MISUNDERSTOOD, Firmware, FirmwareError, UnavailableError

T = TypeVar("T")

BEGIN_SECONDS = 0.75
"""For how long a collector may begin questions: with the last of them it is still within its deadline."""


class Asking:
    """The questions of one collector: a failure nulls its own leaf and is told at the end, in one clause."""

    def __init__(self, firmware: Firmware) -> None:
        self._firmware = firmware
        self._until = firmware.now() + BEGIN_SECONDS
        self._failures: list[str] = []

    def __call__(self, question: str, parse: Callable[[str], T | None]) -> T | None:
        """The parsed reply to `question`; None where it is unknown here, or has failed."""
        if self._firmware.absent:
            return None
        try:
            value = parse(self._firmware.ask(question, self._until))
        except UnavailableError:
            return None
        except FirmwareError as error:
            self._failures.append(str(error))
            return None
        if value is None:
            self.misunderstood(question)
        return value

    def misunderstood(self, question: str) -> None:
        """The reply to `question` makes no sense, or no more than a part of it does."""
        self._failures.append(f"the firmware's reply to {question} {MISUNDERSTOOD}")

    def settle(self, values: Values) -> Reading:
        """`values`, or as much of them as there is."""
        if not self._failures:
            return values
        return Incomplete(values, "; ".join(dict.fromkeys(self._failures)))
