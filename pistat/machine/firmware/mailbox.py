"""The firmware's mailbox: a question put through the kernel's device, without a process.

This is what vcgencmd does, https://github.com/raspberrypi/utils/blob/master/vcgencmd/vcgencmd.c. A
message consists of words of 32 bits: its size, a status, then a tag (number, room, length, content), then 0.
"""

from __future__ import annotations

import errno
import os
import struct
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pistat.cache import DeadlineCache, NoAnswerError, Task
from pistat.machine.reasons import DeviceError
from pistat.parsers.vcgencmd import Category, classify

if TYPE_CHECKING:
    from pistat.machine.host import Host

NODES = ("/dev/vcio_gencmd", "/dev/vcio")
"""The first allows questions only; kernels before 2026 have only the second, which allows everything."""

GENCMD = 0x0003_0080
"""The tag for questions in text. Its content is a return code and the text, of question or reply."""

DONE = 0x8000_0000
"""The status of a message that was understood, and the bit in the length of a tag that was."""

ROOM, ROOM_BEFORE_2026 = 4096, 1024
"""Bytes for the content of the tag. The firmware refuses a question if its reply does not fit."""

TEXT = 24
"""Offset of the text: behind size, status, number, room, length and return code."""


class Reply(NamedTuple):
    """A reply of the firmware: its return code, 0 when it knows the question, and its text."""

    status: int
    text: str


class ClosedError(OSError):
    """No device could be opened.

    Attributes:
        errors: Each device, and why it could not be opened.
    """

    def __init__(self, errors: tuple[DeviceError, ...]) -> None:
        super().__init__(errors[0].code, "cannot be opened", errors[0].node)
        self.errors = errors


def request_number(pointer: int = struct.calcsize("P")) -> int:
    """Return the number of the call, _IOWR(100, 0, char *), for programs with pointers of so many bytes."""
    return 3 << 30 | pointer << 16 | 100 << 8 | 0


def message(question: str, room: int) -> bytearray:
    """Return the message that puts `question`, with `room` bytes for the content of its tag."""
    # Like vcgencmd: as many bytes for the text as for the whole content, though four are the return code's.
    buffer = bytearray(TEXT + room + 4)
    text = question.encode("ascii")
    struct.pack_into(f"=6I{room - 4}s", buffer, 0, len(buffer), 0, GENCMD, room, 0, 0, text)
    return buffer


def reply(buffer: bytearray) -> Reply:
    """Read the reply from a message that has come back.

    Raises:
        OSError: The firmware did not understand it.
    """
    _, done, _, _, length, status = struct.unpack_from("=6I", buffer)
    if done != DONE or not length & DONE:
        raise OSError(errno.EPROTO, "the firmware did not understand the message")
    # The length is wrong on a Pi 5: https://github.com/raspberrypi/firmware/issues/1968. A text without its
    # NUL was cut short and counts as empty.
    end = max(TEXT, buffer.find(b"\0", TEXT, len(buffer) - 8))
    return Reply(status, buffer[TEXT:end].decode("ascii", "replace"))


class Mailbox:
    """The device, kept open, and reopened when it goes bad. For one question at a time: see `Firmware`.

    Attributes:
        node: The path of the device that is open; None while none is.
    """

    def __init__(self, host: Host) -> None:
        self.node: str | None = None
        self._host = host
        self._descriptor = -1
        self._room = ROOM
        # A call that hangs in the kernel cannot be stopped; the cache leaves its thread behind. The time of
        # the host is not used, for a recorded one stands still.
        self._calls = DeadlineCache()

    def ask(self, question: str, seconds: float) -> tuple[Category, str]:
        """Return what came of the question, and the text of the reply.

        Raises:
            TimeoutError: There was no reply in time, or an earlier question still waits for its own.
            ClosedError: No device could be opened.
            OSError: The kernel or the firmware refused the question.
        """
        if self.node is None:
            self._open()
        try:
            found = self._calls.run(Task("firmware", partial(self._ask, question), seconds))
        except NoAnswerError:
            raise TimeoutError from None
        return classify(found.status, found.text), found.text

    def _ask(self, question: str) -> Reply:
        """Ask, and if that is refused, ask again."""
        try:
            return self._ask_once(question, self._room)
        except TimeoutError:
            raise
        except OSError:
            return self._ask_again(question)

    def _ask_again(self, question: str) -> Reply:
        """Ask once more through a new descriptor, and with the room that older programs give."""
        os.close(self._descriptor)
        self._open()
        other = ROOM + ROOM_BEFORE_2026 - self._room
        try:
            return self._ask_once(question, self._room)
        except TimeoutError:
            raise
        except OSError:
            found = self._ask_once(question, other)
            self._room = other
            return found

    def _ask_once(self, question: str, room: int) -> Reply:
        """Put the question to the device that is open."""
        buffer = message(question, room)
        _call(self._descriptor, buffer)
        return reply(buffer)

    def _open(self) -> None:
        """Open the first device that can be opened. Raises ClosedError."""
        errors = []
        for node in NODES:
            try:
                self._descriptor = self._host.open(node)
            except OSError as error:
                errors.append(DeviceError(node, error.errno or 0, self._host.group(node)))
            else:
                self.node = node
                return
        self.node = None
        raise ClosedError(tuple(errors))


@cache
def _libc() -> Any:
    """Load the C library."""
    # fcntl.ioctl() will not do: with more than 1,024 bytes it holds the interpreter's lock during the call,
    # so that a firmware that hangs would stop all threads.
    import ctypes  # noqa: PLC0415 - a quarter of a MiB that only a Raspberry Pi needs

    return ctypes.CDLL(None, use_errno=True)


def _call(descriptor: int, buffer: bytearray) -> None:
    """Send a message to the device, which overwrites it with its answer. Raises OSError."""
    import ctypes  # noqa: PLC0415 - see above

    content = (ctypes.c_char * len(buffer)).from_buffer(buffer)
    if _libc().ioctl(descriptor, ctypes.c_ulong(request_number()), content) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
