"""Namespaces of our own, for this thread and for the processes that it starts, and what they take.

No other program of this machine sees what happens there, and what others do meanwhile is not seen there.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNS = 0x20000
CLONE_NEWNET = 0x40000000
MS_REC_PRIVATE = 0x44000

libc = ctypes.CDLL(None, use_errno=True)


def call(status: int) -> None:
    """Raise the OSError of a function of the C library that returned `status`, unless that is 0."""
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def possible() -> bool:
    """Whether this process may have mounts and a network of its own: as root, outside of most containers."""
    try:
        with own_network():
            return True
    except (OSError, AttributeError, subprocess.CalledProcessError):
        return False


@contextmanager
def own_mounts() -> Iterator[None]:
    """Mounts of our own: at first those of this machine."""
    folder = Path.cwd()
    outside = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        call(libc.unshare(CLONE_NEWNS))
        try:
            call(libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None))
            yield
        finally:
            _return(outside)
            os.chdir(folder)
    finally:
        os.close(outside)


def _return(namespace: int) -> None:
    """Leave our namespace. The kernel wants no thread begun in it to be left; one may be about to end."""
    for _ in range(100):
        if libc.setns(namespace, CLONE_NEWNS) == 0:
            return
        time.sleep(0.02)
    call(libc.setns(namespace, CLONE_NEWNS))


@contextmanager
def own_network() -> Iterator[None]:
    """A network of our own, in mounts of our own: nothing in it but a loopback."""
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        with own_mounts():
            call(libc.unshare(CLONE_NEWNET))
            try:
                # /sys shows the interfaces of the network in which it was mounted.
                call(libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None))
                subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
                yield
            finally:
                call(libc.setns(outside, CLONE_NEWNET))
    finally:
        os.close(outside)
