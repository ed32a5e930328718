"""Questions to the VideoCore: two transports, the device and vcgencmd, behind one circuit breaker."""

from __future__ import annotations

import contextlib
import errno
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pistat.machine.board import model
from pistat.machine.firmware.mailbox import ClosedError, Mailbox
from pistat.machine.firmware.program import Program
from pistat.machine.reasons import DescribedError, DeviceError, FirmwareAccess, Reason, why_no_device
from pistat.parsers.vcgencmd import Category

if TYPE_CHECKING:
    from pistat.machine.host import Host


log = logging.getLogger("pistat")

ANSWER_SECONDS = 1.0
"""How long an answer may take; the kernel gives the firmware one second, too."""

BACKOFF_SECONDS = (2.0, 4.0, 8.0, 15.0, 30.0)
"""How long the firmware is left alone after its first, second, ... failure to answer in a row."""

REFUSED_SECONDS = 60.0
"""How long a transport is left alone that cannot be used: that may change, but not soon."""

REFUSAL = "the firmware refused to answer"


class UnavailableError(Exception):
    """The board has no such thing, or pi-stat may not ask for it: the leaf is null, which is no failure."""


class FirmwareError(DescribedError):
    """The firmware should have answered and did not, or not in a form that can be trusted.

    Attributes:
        question: The question that failed; "" if every question fails alike.
    """

    def __init__(self, clause: str, reason: Reason = Reason.REFUSED, question: str = "") -> None:
        super().__init__(clause, reason)
        self.question = question


class Firmware:
    """Asks the firmware, one question at a time, and leaves it alone for a while when it does not answer.

    Questions go to its device, which costs a system call. Where that cannot be opened, or refuses, they go to
    vcgencmd, which costs a process.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._mailbox = Mailbox(host)
        self._program = Program(host)
        self._lock = threading.Lock()
        self._access: FirmwareAccess | None = None
        self._logged: set[FirmwareAccess] = set()
        # Questions that this firmware does not know.
        self._unknown: set[str] = set()
        # Why the device cannot be used, when to try it again, and whether it answered the last question.
        self._device_unavailable = FirmwareAccess(None)
        self._device_retry_at = float("-inf")
        self._device_has_worked = False
        self._failures = 0
        # Makes a new exception each time: one that is raised again would keep its whole traceback.
        self._last_error: Callable[[], Exception] = UnavailableError
        self._retry_at = float("-inf")

    @property
    def access(self) -> FirmwareAccess:
        """How the firmware is asked, or why it cannot be. The first time, a question is put to find out."""
        if not self._host.linux:
            return FirmwareAccess(None, Reason.NO_PLATFORM)
        if self._access is None:
            with contextlib.suppress(UnavailableError, FirmwareError):
                self.ask("version")
        return self._access or self._device_unavailable

    @property
    def absent(self) -> bool:
        """Whether it is known for now that there is no way to ask."""
        return self._last_error is UnavailableError and self.now() < self._retry_at

    def now(self) -> float:
        """Return the time of the clock that `ask` uses."""
        return self._host.monotonic()

    def ask(self, question: str, until: float = float("inf")) -> str:
        """Return the reply to `question`, such as `measure_volts core`, if its turn comes before `until`.

        Raises:
            UnavailableError: There is no firmware, it may not be asked, or it does not know the question.
            FirmwareError: There was no answer, or none that can be trusted.
        """
        if question in self._unknown:
            raise UnavailableError
        category, text = self._ask_in_turn(question, until)
        self._failures = 0
        if category is Category.OK:
            return text
        if category in (Category.UNSUPPORTED, Category.BAD_ARGS):
            self._unknown.add(question)
            raise UnavailableError
        raise FirmwareError(REFUSAL, question=question)

    def _ask_in_turn(self, question: str, until: float) -> tuple[Category, str]:
        """Put a question when the others before it are done."""
        # A question under way is done by then, and its outcome is news for those who came too late, too.
        seconds = min(until + ANSWER_SECONDS - self.now(), threading.TIMEOUT_MAX)
        taken = self._lock.acquire(timeout=max(0.0, seconds))
        try:
            if self.now() < self._retry_at:
                raise self._last_error()
            if not taken or self.now() >= until:
                raise FirmwareError("the firmware is too slow", Reason.TIMED_OUT)
            return self._ask_either(question)
        except TimeoutError:
            raise self._fail(Reason.TIMED_OUT, f"no answer within {ANSWER_SECONDS:.1f} s") from None
        finally:
            if taken:
                self._lock.release()

    def _ask_either(self, question: str) -> tuple[Category, str]:
        """Put a question to the device, or else to the program; both give the same text."""
        if self.now() >= self._device_retry_at:
            try:
                answer = self._mailbox.ask(question, ANSWER_SECONDS)
            except TimeoutError:
                raise
            except OSError as error:
                self._give_up_device(error)
            else:
                self._device_has_worked = True
                self._set_access(FirmwareAccess(self._mailbox.node))
                return answer
        return self._ask_program(question)

    def _give_up_device(self, error: OSError) -> None:
        """Leave the device alone for a while. Raises FirmwareError if it may refuse this question only."""
        if isinstance(error, ClosedError):
            self._device_unavailable = why_no_device(error.errors, self._host.own_user())
        elif self._device_has_worked:
            # Only a second refusal in a row shows that the question is not the cause.
            self._device_has_worked = False
            raise FirmwareError(REFUSAL)
        else:
            self._device_unavailable = FirmwareAccess(
                None, Reason.REFUSED, f"{self._mailbox.node} refuses: {error.strerror}."
            )
        self._device_retry_at = self.now() + REFUSED_SECONDS

    def _ask_program(self, question: str) -> tuple[Category, str]:
        """Put a question to vcgencmd, because the device is unavailable."""
        path, device = self._find_program(), self._device_unavailable
        try:
            category, text = self._program.ask(path, question, ANSWER_SECONDS)
        except TimeoutError:
            raise
        except OSError:
            raise self._fail(Reason.REFUSED, "vcgencmd cannot be started") from None
        if category is Category.NO_ACCESS:
            raise self._fail_without_access(self._forbidden())
        if category is Category.FAILED:
            raise self._fail(Reason.REFUSED, "vcgencmd failed")
        if category is Category.TRANSPORT and device.why is Reason.REFUSED:
            # Neither transport works, so there is no use in a process for each question.
            raise self._fail(Reason.REFUSED, REFUSAL, device.detail)
        self._set_access(FirmwareAccess(path.removeprefix(self._host.root), device.why, device.detail))
        return category, text

    def _find_program(self) -> str:
        """Return the absolute path of vcgencmd. Raises UnavailableError or FirmwareError."""
        try:
            path = self._program.find()
        except PermissionError as error:
            detail = f"{error.filename} is not executable."
            raise self._fail_without_access(FirmwareAccess(None, Reason.NO_PERMISSION, detail)) from None
        if path is None and self._device_unavailable.why is Reason.REFUSED:
            # There is nothing else to ask, so the device is asked again, and sooner.
            self._device_retry_at = float("-inf")
            raise self._fail(Reason.REFUSED, REFUSAL, self._device_unavailable.detail)
        if path is None:
            raise self._fail_without_access(self._device_unavailable)
        return path

    def _forbidden(self) -> FirmwareAccess:
        """Return why vcgencmd may not ask: as a rule for the same reason as pi-stat itself."""
        before_2020 = "/dev/vchiq"
        if self._device_unavailable.why is Reason.NO_FILE and self._host.exists(before_2020):
            device_error = DeviceError(before_2020, errno.EACCES, self._host.group(before_2020))
            return why_no_device([device_error], self._host.own_user())
        return self._device_unavailable

    def _fail(self, why: Reason, what: str, detail: str = "") -> FirmwareError:
        """Leave the firmware alone for a while, longer after each failure in a row; return the error."""
        rest = BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)]
        self._failures += 1
        self._back_off(rest, partial(FirmwareError, what, why))
        # This is not logged: the log names the collectors that fail.
        self._access = FirmwareAccess(None, why, detail or f"{what[0].upper()}{what[1:]}.")
        return FirmwareError(what, why)

    def _fail_without_access(self, access: FirmwareAccess) -> UnavailableError:
        """Leave the firmware alone for long, as there is no way to ask; return the error."""
        self._back_off(REFUSED_SECONDS, UnavailableError)
        self._set_access(access)
        return UnavailableError()

    def _back_off(self, seconds: float, error: Callable[[], Exception]) -> None:
        """Answer every question within the next `seconds` with this error."""
        # In this order, for `absent` reads both without a lock.
        self._last_error = error
        self._retry_at = self.now() + seconds

    def _set_access(self, access: FirmwareAccess) -> None:
        """Remember how the firmware is asked, or why it cannot be; log what is new."""
        if access == self._access:
            return
        self._access = access
        if access not in self._logged:
            self._logged.add(access)
            log.log(self._level(access), "%s", f"{_sentence(access)} {access.detail}".rstrip())

    def _level(self, access: FirmwareAccess) -> int:
        """Return the level at which to log it."""
        if access.why in (None, Reason.NO_FILE) and access.way:
            return logging.INFO
        absent = access.why is Reason.NO_FILE and "Raspberry Pi" not in (model(self._host) or "")
        # That a PC has no firmware is not worth a line.
        return logging.DEBUG if absent else logging.WARNING


def _sentence(access: FirmwareAccess) -> str:
    """Describe the access for the log."""
    if access.way is None:
        return "The firmware cannot be asked, so what only it knows is null."
    process = ", a process for each question" if access.why else ""
    return f"The firmware is asked through {access.way}{process}."
