"""The firmware's mailbox: a question put through the kernel's device, without a process.

This is what vcgencmd does, https://github.com/raspberrypi/utils/blob/master/vcgencmd/vcgencmd.c. A
message is words of 32 bits: its size, a status, then a tag, which is its number, room, length and content,
then 0.
"""

from __future__ import annotations

import errno
import os
import queue
import struct
import threading
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pistat.cache import Outcome, attempt
from pistat.machine.reasons import DeviceError

if TYPE_CHECKING:
    from pistat.machine.host import Host

NODES = ("/dev/vcio_gencmd", "/dev/vcio")
"""The first lets through nothing but questions; kernels before 2026 have only the second, which lets all."""

GENCMD = 0x0003_0080
"""The tag whose content is a return code, then a question in text, and in the answer the reply."""

DONE = 0x8000_0000
"""The status of a message that was understood; the bit in the length of a tag that was."""

ROOM, ROOM_BEFORE_2026 = 4096, 1024
"""Bytes for the content of the tag. A question is refused if the reply does not fit into the room it has."""

TEXT = 24
"""Where the text begins: behind size, status, number, room, length and return code."""


class Reply(NamedTuple):
    """What the firmware says: its return code, 0 when it knows the question, and its text."""

    status: int
    text: str


class ClosedError(OSError):
    """No device could be opened.

    Attributes:
        obstacles: Each that was tried, and why it could not be.
    """

    def __init__(self, obstacles: tuple[DeviceError, ...]) -> None:
        super().__init__(obstacles[0].code, "cannot be opened", obstacles[0].node)
        self.obstacles = obstacles


def request_number(pointer: int = struct.calcsize("P")) -> int:
    """The number of the call, _IOWR(100, 0, char *), for programs with pointers of that many bytes."""
    return 3 << 30 | pointer << 16 | 100 << 8 | 0


def message(question: str, room: int) -> bytearray:
    """The message that puts `question`, with `room` bytes for the content of its tag."""
    # Like vcgencmd: as many bytes for the text as for the whole content, of which the return code takes four.
    buffer = bytearray(TEXT + room + 4)
    text = question.encode("ascii")
    struct.pack_into(f"=6I{room - 4}s", buffer, 0, len(buffer), 0, GENCMD, room, 0, 0, text)
    return buffer


def reply(buffer: bytearray) -> Reply:
    """What the message came back with.

    Raises:
        OSError: The firmware did not understand it.
    """
    _, done, _, _, length, status = struct.unpack_from("=6I", buffer)
    if done != DONE or not length & DONE:
        raise OSError(errno.EPROTO, "the firmware did not understand the message")
    # The length is wrong on a Pi 5: https://github.com/raspberrypi/firmware/issues/1968. A text without its
    # NUL was cut short, and is none.
    end = max(TEXT, buffer.find(b"\0", TEXT, len(buffer) - 8))
    return Reply(status, buffer[TEXT:end].decode("ascii", "replace"))


class Errand:
    """Runs one call at a time in a thread that nobody joins: what hangs in the kernel cannot be stopped."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], Reply]] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome[Reply]] = queue.SimpleQueue()
        self._begun = False
        self._late = False

    def check(self) -> None:
        """Raise TimeoutError if a call that was late has not ended yet."""
        if self._late:
            # What it brings now is too old for anybody.
            self._next(0.0)

    def run(self, call: Callable[[], Reply], seconds: float) -> Reply:
        """What `call` returns or raises; TimeoutError if it does not end within `seconds`. After `check`."""
        if not self._begun:
            threading.Thread(target=self._work, name="firmware", daemon=True).start()
            self._begun = True
        self._calls.put(call)
        outcome = self._next(seconds)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.value is not None
        return outcome.value

    def _next(self, seconds: float) -> Outcome[Reply]:
        self._late = True
        try:
            outcome = self._outcomes.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        self._late = False
        return outcome

    def _work(self) -> None:
        while True:
            self._outcomes.put(attempt(self._calls.get(), 0.0))


class Mailbox:
    """The device, kept open; opened anew when it goes bad. One question at a time: see `Firmware`.

    Attributes:
        node: The path of the device that is open; None while none is.
    """

    def __init__(self, machine: Host) -> None:
        self.node: str | None = None
        self._machine = machine
        self._descriptor = -1
        self._room = ROOM
        self._errand = Errand()

    def ask(self, question: str, seconds: float) -> Reply:
        """The reply to `question`.

        Raises:
            TimeoutError: None within `seconds`, or an earlier question is still waiting for its own.
            ClosedError: No device could be opened.
            OSError: The kernel or the firmware refused the question.
        """
        self._errand.check()
        if self.node is None:
            self._open()
        return self._errand.run(partial(self._ask, question), seconds)

    def _ask(self, question: str) -> Reply:
        try:
            return self._put(question, self._room)
        except TimeoutError:
            raise
        except OSError:
            return self._ask_anew(question)

    def _ask_anew(self, question: str) -> Reply:
        """Ask once more through a new descriptor, and with the room that older programs give."""
        self._close()
        self._open()
        other = ROOM + ROOM_BEFORE_2026 - self._room
        try:
            return self._put(question, self._room)
        except TimeoutError:
            raise
        except OSError:
            found = self._put(question, other)
            self._room = other
            return found

    def _put(self, question: str, room: int) -> Reply:
        buffer = message(question, room)
        _call(self._descriptor, buffer)
        return reply(buffer)

    def _open(self) -> None:
        obstacles = []
        for node in NODES:
            try:
                self._descriptor = self._machine.open(node)
            except OSError as error:
                obstacles.append(DeviceError(node, error.errno or 0, self._machine.group(node)))
            else:
                self.node = node
                return
        raise ClosedError(tuple(obstacles))

    def _close(self) -> None:
        self.node = None
        os.close(self._descriptor)


@cache
def _libc() -> Any:
    """The C library."""
    # fcntl.ioctl() is not enough: with more than 1,024 bytes it holds the lock of the interpreter while the
    # kernel waits, so that a firmware that hangs would stop all threads.
    import ctypes  # noqa: PLC0415 - a quarter of a MiB that only a Raspberry Pi needs

    return ctypes.CDLL(None, use_errno=True)


def _call(descriptor: int, buffer: bytearray) -> None:
    """Put a message to the device, which answers in its place. Raises OSError."""
    import ctypes  # noqa: PLC0415 - see above

    content = (ctypes.c_char * len(buffer)).from_buffer(buffer)
    if _libc().ioctl(descriptor, ctypes.c_ulong(request_number()), content) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
