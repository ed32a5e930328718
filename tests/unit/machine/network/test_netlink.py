"""The framing of netlink: lists that break off, change meanwhile, or cannot be asked for."""

from __future__ import annotations

import errno
import os
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pistat.machine.network import netlink

if TYPE_CHECKING:
    from support.require import Require

LIST = 18
"""The number of any list."""


def test_a_question_that_the_kernel_refuses(require: Require) -> None:
    """A refusal is an OSError with the kernel's own number."""
    require(hasattr(socket, "AF_NETLINK"), "netlink", installed=False)
    with (
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as kernel,
        pytest.raises(OSError, match=os.strerror(errno.EOPNOTSUPP)),
    ):
        netlink.ask(kernel, 9999, b"")


def end(code: int = 0, flags: int = 0) -> bytes:
    """The end of a list, with the reason why it breaks off, if it does."""
    size = netlink.HEADER.size + netlink.ERROR_CODE.size
    return netlink.HEADER.pack(size, netlink.DONE, flags, 0, 0) + netlink.ERROR_CODE.pack(-code)


def test_a_list_that_breaks_off() -> None:
    """It is no shorter list: its end tells why it could not be told."""
    kernel: Any = SimpleNamespace(send=len, recv=lambda _: end(errno.EOPNOTSUPP))

    with pytest.raises(OSError, match=os.strerror(errno.EOPNOTSUPP)):
        netlink.ask(kernel, LIST, b"")


class Restless:
    """A kernel whose list changes while it is told, the first times."""

    def __init__(self, changes: int) -> None:
        self.changes = changes
        self.asked = 0

    def send(self, question: bytes) -> None:
        self.asked += 1

    def recv(self, size: int) -> bytes:
        flags = netlink.CHANGED if self.asked <= self.changes else 0
        message = netlink.HEADER.pack(netlink.HEADER.size + 4, 16, flags, 0, 0) + b"%4d" % self.asked
        return message + end(flags=flags)


@pytest.mark.parametrize(("changes", "answer"), [(0, b"   1"), (1, b"   2"), (9, b"   3")])
def test_a_list_that_changes_is_asked_for_again(changes: int, answer: bytes) -> None:
    """What was told while the list changed is not used, unless it changes all the time."""
    kernel: Any = Restless(changes)

    assert netlink.ask(kernel, LIST, b"") == [answer]


def test_a_part_without_length_is_passed_over() -> None:
    """A message whose attributes say that they have no length comes to its end all the same."""
    assert netlink.attributes(bytes(8), 0, {0}) == {0: b""}
