"""What the VideoCore says: one question in, its text out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pistat.field import Incomplete, Reading, Values
from pistat.replies import Category, classify

if TYPE_CHECKING:
    from pistat.machine import Finished, Machine

T = TypeVar("T")

log = logging.getLogger("pistat")

VCGENCMD = ("/usr/bin/vcgencmd", "/opt/vc/bin/vcgencmd")
ANSWER_SECONDS = 1.0
"""The kernel itself gives the firmware one second for an answer."""

REST_SECONDS = (2.0, 4.0, 8.0, 15.0, 30.0)
"""How long the firmware is left alone after its first, second, ... failure to answer in a row."""

REFUSED_SECONDS = 60.0
"""How long it is left alone after it would not even let us ask: that may heal, but not soon."""


class UnavailableError(Exception):
    """There is no such thing here, or we may not ask for it: the leaf is null, and that is no failure."""


class FirmwareError(Exception):
    """The firmware should have answered and did not, or not in a form that can be believed."""


class Firmware:
    """Asks the firmware through vcgencmd, one question at a time; leaves it alone when it does not answer."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._lock = threading.Lock()
        self._program: str | None = None
        self._looked = False
        self._told = False
        self._failures = 0
        # Made anew each time: an exception that is raised again keeps its whole past.
        self._trouble: Callable[[], Exception] = UnavailableError
        self._rests_until = float("-inf")

    def ask(self, question: str) -> str:
        """The reply to `question`, such as `measure_volts core`.

        Raises:
            UnavailableError: No firmware here, it may not be asked, or it does not know the question.
            FirmwareError: No answer, or an answer that cannot be trusted.
        """
        with self._lock:
            program = self._find()
            if program is None:
                raise UnavailableError
            if self._machine.monotonic() < self._rests_until:
                raise self._trouble()
            try:
                finished = self._machine.run([program, *question.split()], ANSWER_SECONDS)
            except TimeoutError:
                raise self._fail(f"no answer within {ANSWER_SECONDS:.1f} s") from None
            except OSError:
                raise self._fail("vcgencmd cannot be started") from None
            return self._judge(finished)

    def _find(self) -> str | None:
        """The absolute path of vcgencmd; None where there is none. Looked up once."""
        if not self._looked:
            self._looked = True
            try:
                self._program = self._machine.executable(VCGENCMD)
            except PermissionError as error:
                log.warning("%s may not be executed; what only the firmware knows is null", error.filename)
        return self._program

    def _judge(self, finished: Finished) -> str:
        # The exit status alone says nothing: a refused ioctl ends with 0, too.
        category = classify(finished.status, finished.stdout, finished.stderr)
        if category is Category.NO_ACCESS:
            raise self._refused()
        if category is Category.FAILED:
            raise self._fail("vcgencmd failed")
        self._failures = 0
        if category is Category.OK:
            return finished.stdout
        if category in (Category.TRANSPORT, Category.EMPTY):
            raise FirmwareError("the firmware refused to answer")
        raise UnavailableError

    def _fail(self, why: str) -> FirmwareError:
        """Remember a failure: the firmware is left alone for a while, longer each time in a row."""
        rest = REST_SECONDS[min(self._failures, len(REST_SECONDS) - 1)]
        self._failures += 1
        self._rests_until = self._machine.monotonic() + rest
        self._trouble = partial(FirmwareError, why)
        return FirmwareError(why)

    def _refused(self) -> UnavailableError:
        if not self._told:
            self._told = True
            log.warning(
                "The firmware may not be asked, so what only it knows is null. If this is a Raspberry Pi, "
                "the user of this program must be in the group video."
            )
        self._rests_until = self._machine.monotonic() + REFUSED_SECONDS
        self._trouble = UnavailableError
        return UnavailableError()


class Asking:
    """The questions of one collector: a failure nulls its own leaf and is told at the end, in one clause."""

    def __init__(self, firmware: Firmware) -> None:
        self._firmware = firmware
        self._failures: list[str] = []

    def __call__(self, question: str, parse: Callable[[str], T | None]) -> T | None:
        """The parsed reply to `question`; None where it is unknown here, or has failed."""
        try:
            value = parse(self._firmware.ask(question))
        except UnavailableError:
            return None
        except FirmwareError as error:
            self._failures.append(str(error))
            return None
        if value is None:
            self._failures.append(f"the firmware's reply to {question} was not understood")
        return value

    def settle(self, values: Values) -> Reading:
        """`values`, or as much of them as there is."""
        if not self._failures:
            return values
        return Incomplete(values, "; ".join(dict.fromkeys(self._failures)))
