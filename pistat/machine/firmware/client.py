"""What the VideoCore says: one question in, its text out."""

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
from pistat.machine.reasons import DescribedError, DeviceError, FirmwareAccess, Reason, obstructed
from pistat.parsers.vcgencmd import Category, classify

if TYPE_CHECKING:
    from pistat.machine.host import Host


log = logging.getLogger("pistat")

VCGENCMD = ("/usr/bin/vcgencmd", "/opt/vc/bin/vcgencmd")
ANSWER_SECONDS = 1.0
"""The kernel itself gives the firmware one second for an answer."""


REST_SECONDS = (2.0, 4.0, 8.0, 15.0, 30.0)
"""How long the firmware is left alone after its first, second, ... failure to answer in a row."""

REFUSED_SECONDS = 60.0
"""How long a way is left alone that would not even let us ask: that may heal, but not soon."""

REFUSAL = "the firmware refused to answer"


class UnavailableError(Exception):
    """There is no such thing here, or we may not ask for it: the leaf is null, and that is no failure."""


class FirmwareError(DescribedError):
    """The firmware should have answered and did not, or not in a form that can be believed.

    Attributes:
        question: The one question that it is about; empty where all fail alike.
    """

    def __init__(self, clause: str, reason: Reason = Reason.REFUSED, question: str = "") -> None:
        super().__init__(clause, reason)
        self.question = question


class Firmware:
    """Asks the firmware, one question at a time; leaves it alone when it does not answer.

    It is asked through its device, which costs a system call. Where that cannot be opened, or refuses, it is
    asked through vcgencmd, which costs a process.
    """

    def __init__(self, machine: Host) -> None:
        self._machine = machine
        self._mailbox = Mailbox(machine)
        self._lock = threading.Lock()
        self._access: FirmwareAccess | None = None
        self._told: set[FirmwareAccess] = set()
        # Questions that this firmware does not know, and will not before it is another one.
        self._unknown: set[str] = set()
        # Why the device is not asked, until when, and whether it has answered the last question.
        self._device_unavailable = FirmwareAccess(None)
        self._shut_until = float("-inf")
        self._device_has_worked = False
        self._failures = 0
        # Made anew each time: an exception that is raised again keeps its whole past.
        self._last_error: Callable[[], Exception] = UnavailableError
        self._retry_at = float("-inf")

    @property
    def access(self) -> FirmwareAccess:
        """By which way the firmware is asked, or why by none. At first this puts a question to find out."""
        if not self._machine.linux:
            return FirmwareAccess(None, Reason.NO_PLATFORM)
        if self._access is None:
            with contextlib.suppress(UnavailableError, FirmwareError):
                self.ask("version")
        return self._access or self._device_unavailable

    @property
    def absent(self) -> bool:
        """Whether it is known for now that there is no way to ask, so that nobody need try."""
        return self._last_error is UnavailableError and self.now() < self._retry_at

    def now(self) -> float:
        """The time of the clock that `ask` goes by."""
        return self._machine.monotonic()

    def ask(self, question: str, until: float = float("inf")) -> str:
        """The reply to `question`, such as `measure_volts core`, if its turn comes before `until`.

        Raises:
            UnavailableError: No firmware here, it may not be asked, or it does not know the question.
            FirmwareError: No answer, or an answer that cannot be trusted.
        """
        if question in self._unknown:
            raise UnavailableError
        category, text = self._in_turn(question, until)
        self._failures = 0
        if category is Category.OK:
            return text
        if category in (Category.UNSUPPORTED, Category.BAD_ARGS):
            self._unknown.add(question)
            raise UnavailableError
        raise FirmwareError(REFUSAL, question=question)

    def _in_turn(self, question: str, until: float) -> tuple[Category, str]:
        # Whoever has the turn has given it back by then, with news for those who come too late as well.
        seconds = min(until + ANSWER_SECONDS - self.now(), threading.TIMEOUT_MAX)
        taken = self._lock.acquire(timeout=max(0.0, seconds))
        try:
            if self.now() < self._retry_at:
                raise self._last_error()
            if not taken or self.now() >= until:
                raise FirmwareError("the firmware is too slow", Reason.TIMED_OUT)
            return self._put(question)
        except TimeoutError:
            raise self._fail(Reason.TIMED_OUT, f"no answer within {ANSWER_SECONDS:.1f} s") from None
        finally:
            if taken:
                self._lock.release()

    def _put(self, question: str) -> tuple[Category, str]:
        """What came of the question, and what was said; both ways tell the same in the same words."""
        if self.now() >= self._shut_until:
            try:
                reply = self._mailbox.ask(question, ANSWER_SECONDS)
            except TimeoutError:
                raise
            except OSError as error:
                self._shut_out(error)
            else:
                self._device_has_worked = True
                self._settle(FirmwareAccess(self._mailbox.node))
                return classify(reply.status, reply.text), reply.text
        return self._put_by_program(question)

    def _shut_out(self, error: OSError) -> None:
        """The device cannot be asked, for a while; or only this question cannot, which is a FirmwareError."""
        if isinstance(error, ClosedError):
            self._device_unavailable = obstructed(error.obstacles, self._machine.me())
        elif self._device_has_worked:
            # A second refusal in a row tells that it is not for the sake of one question.
            self._device_has_worked = False
            raise FirmwareError(REFUSAL)
        else:
            self._device_unavailable = FirmwareAccess(
                None, Reason.REFUSED, f"{self._mailbox.node} refuses: {error.strerror}."
            )
        self._shut_until = self.now() + REFUSED_SECONDS

    def _put_by_program(self, question: str) -> tuple[Category, str]:
        program = self._program()
        try:
            finished = self._machine.run([program, *question.split()], ANSWER_SECONDS)
        except TimeoutError:
            raise
        except OSError:
            raise self._fail(Reason.REFUSED, "vcgencmd cannot be started") from None
        # The exit status alone says nothing: a refused ioctl ends with 0, too.
        category = classify(finished.status, finished.stdout, finished.stderr)
        if category is Category.NO_ACCESS:
            raise self._leave(self._forbidden())
        if category is Category.FAILED:
            raise self._fail(Reason.REFUSED, "vcgencmd failed")
        if category is Category.TRANSPORT and self._device_unavailable.why is Reason.REFUSED:
            # Neither way helps, so there is no use in a process for each question.
            raise self._fail(Reason.REFUSED, REFUSAL, self._device_unavailable.detail)
        self._settle(
            FirmwareAccess(
                program.removeprefix(self._machine.root),
                self._device_unavailable.why,
                self._device_unavailable.detail,
            )
        )
        return category, finished.stdout

    def _program(self) -> str:
        """The absolute path of vcgencmd. It is looked for again while there is none."""
        try:
            program = self._machine.memo.forever("vcgencmd", lambda: self._machine.executable(VCGENCMD))
        except PermissionError as error:
            raise self._leave(
                FirmwareAccess(None, Reason.NO_PERMISSION, f"{error.filename} is not executable.")
            ) from None
        if program is None and self._device_unavailable.why is Reason.REFUSED:
            # There is nothing else to ask, so the device is asked again, and sooner.
            self._shut_until = float("-inf")
            raise self._fail(Reason.REFUSED, REFUSAL, self._device_unavailable.detail)
        if program is None:
            raise self._leave(self._device_unavailable)
        return program

    def _forbidden(self) -> FirmwareAccess:
        """Why vcgencmd may not ask: as a rule for the reason why we may not."""
        before_2020 = "/dev/vchiq"
        if self._device_unavailable.why is Reason.NO_FILE and self._machine.exists(before_2020):
            obstacle = DeviceError(before_2020, errno.EACCES, self._machine.group(before_2020))
            return obstructed([obstacle], self._machine.me())
        return self._device_unavailable

    def _fail(self, why: Reason, what: str, detail: str = "") -> FirmwareError:
        """Remember a failure: the firmware is left alone for a while, longer each time in a row."""
        rest = REST_SECONDS[min(self._failures, len(REST_SECONDS) - 1)]
        self._failures += 1
        self._rest(rest, partial(FirmwareError, what, why))
        # Whose figures are lost tells the log.
        self._access = FirmwareAccess(None, why, detail or f"{what[0].upper()}{what[1:]}.")
        return FirmwareError(what, why)

    def _leave(self, access: FirmwareAccess) -> UnavailableError:
        """There is no way to ask: the firmware is left alone for long."""
        self._rest(REFUSED_SECONDS, UnavailableError)
        self._settle(access)
        return UnavailableError()

    def _rest(self, seconds: float, trouble: Callable[[], Exception]) -> None:
        # In this order, for it is looked at without a lock.
        self._last_error = trouble
        self._retry_at = self.now() + seconds

    def _settle(self, access: FirmwareAccess) -> None:
        """Remember by which way the firmware is asked, or why by none; a line in the log for what is new."""
        if access == self._access:
            return
        self._access = access
        if access not in self._told:
            self._told.add(access)
            log.log(self._level(access), "%s", f"{_sentence(access)} {access.detail}".rstrip())

    def _level(self, access: FirmwareAccess) -> int:
        if access.why in (None, Reason.NO_FILE) and access.way:
            return logging.INFO
        absent = access.why is Reason.NO_FILE and "Raspberry Pi" not in (model(self._machine) or "")
        # A machine without firmware is nothing to talk about, unless it should have one.
        return logging.DEBUG if absent else logging.WARNING


def _sentence(access: FirmwareAccess) -> str:
    if access.way is None:
        return "The firmware cannot be asked, so what only it knows is null."
    process = ", a process for each question" if access.why else ""
    return f"The firmware is asked through {access.way}{process}."
