"""The framing of netlink: how a list is asked for, and how its messages are taken apart.

https://docs.kernel.org/userspace-api/netlink/intro.html
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection

REQUEST = 0x301
"""NLM_F_REQUEST and NLM_F_DUMP: the whole list."""

ONE = 0x5
"""NLM_F_REQUEST and NLM_F_ACK: one thing, and then that this was all."""

CHANGED = 0x10
"""NLM_F_DUMP_INTR: the list changed while the kernel was sending it."""

TRIES = 3
ERROR, DONE = 2, 3
CHUNK = 32_768
"""The most bytes that the kernel sends at a time."""

SECONDS = 1.0
"""How long the kernel may take for an answer; it answers at once."""

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
NUMBER = struct.Struct("=I")
ERROR_CODE = struct.Struct("=i")


def ask(kernel: socket.socket, kind: int, body: bytes, flags: int = REQUEST) -> list[bytes]:
    """Return the messages of a list, or of `ONE` thing; it is asked for again when it changed meanwhile.

    Raises:
        TimeoutError: There was no answer. `kernel` may still deliver it: do not use that socket again.
        OSError: The kernel refused the question, or the list broke off.
    """
    for _ in range(TRIES):
        kernel.send(HEADER.pack(HEADER.size + len(body), kind, flags, 0, 0) + body)
        messages, seen = _answer(kernel)
        if not seen & CHANGED:
            break
    return messages


def _answer(kernel: socket.socket) -> tuple[list[bytes], int]:
    """Receive all messages, and the flags of any of them. Raises OSError, also when there is no answer."""
    messages: list[bytes] = []
    seen = 0
    while True:
        chunk = kernel.recv(CHUNK)
        start = 0
        while start < len(chunk):
            length, kind, flags, _, _ = HEADER.unpack_from(chunk, start)
            message = chunk[start + HEADER.size : start + length]
            start += aligned(length)
            seen |= flags
            if kind not in (ERROR, DONE):
                messages.append(message)
                continue
            # A list that broke off ends this way, too, with the reason in its last message.
            [code] = ERROR_CODE.unpack_from(message)
            if code:
                raise OSError(-code, os.strerror(-code))
            return messages, seen


def attributes(message: bytes, start: int, wanted: Collection[int]) -> dict[int, bytes]:
    """Return the wanted attributes of a message by their numbers, as far as it has them."""
    found: dict[int, bytes] = {}
    end = len(message)
    while start + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(message, start)
        if kind in wanted:
            found[kind] = message[start + ATTRIBUTE.size : start + length]
        start += aligned(length)
    return found


def aligned(length: int) -> int:
    """Return the distance from a part of such a length to the next one; never 0, whatever the kernel says."""
    return max(length + 3 & ~3, 4)
