"""The questions of one collector to the firmware."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pistat.field import Reading, Values, incomplete
from pistat.machine.firmware.client import Firmware, FirmwareError, UnavailableError
from pistat.machine.reasons import Reason

T = TypeVar("T")

BEGIN_SECONDS = 0.75
"""For how long a collector may begin questions: with the last of them it is still within its deadline."""


class FirmwareQueries:
    """The questions of one collector: a failure nulls its own leaf and is handed over at the end."""

    def __init__(self, firmware: Firmware) -> None:
        self._firmware = firmware
        self._until = firmware.now() + BEGIN_SECONDS
        self._failures: list[FirmwareError] = []

    def ask(self, question: str, parse: Callable[[str], T | None]) -> T | None:
        """Return the parsed reply to `question`; None where it is unknown here, or has failed."""
        if self._firmware.absent:
            return None
        try:
            value = parse(self._firmware.ask(question, self._until))
        except UnavailableError:
            return None
        except FirmwareError as error:
            self._failures.append(error.with_traceback(None))
            return None
        if value is None:
            self.add_not_understood(question)
        return value

    def add_not_understood(self, question: str) -> None:
        """Note that the reply to `question` makes no sense, or only a part of it does."""
        text = f"the firmware's reply to {question} was not understood"
        self._failures.append(FirmwareError(text, Reason.NOT_UNDERSTOOD, question))

    def finish(self, values: Values) -> Reading:
        """Return `values`; as `Incomplete` if a question has failed."""
        return incomplete(values, tuple(self._failures))
