"""A mounted filesystem whose server is dead, as that of an NFS share may be, and may come back.

It speaks the kernel's FUSE protocol on /dev/fuse, without a library. All of it happens in a mount namespace
of our own: no other program of this machine can run into such a mount.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from collections.abc import Collection
from pathlib import Path

from support.namespaces import call, libc, own_mounts

MS_NOSUID_NODEV = 0x6
MNT_FORCE_DETACH = 0x3

FORGET, GETATTR, STATFS, INIT, INTERRUPT, BATCH_FORGET = 2, 3, 17, 26, 36, 42
UNANSWERED = (FORGET, INTERRUPT, BATCH_FORGET)

BLOCK = 4096
BLOCKS, FREE, AVAILABLE = 262_144, 131_072, 100_000
"""What it says of itself when it is alive."""


def possible() -> bool:
    """Whether this process may have mounts of its own, and FUSE is there."""
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return False
    try:
        with own_mounts():
            return True
    except OSError:
        return False


class DeadMount:
    """A mount that answers nothing until `revive`. Whoever asks it waits, and can only be killed."""

    def __init__(self, path: Path, filesystem: str = "fuse.deadfs", source: str = "dead:/export") -> None:
        path.mkdir(exist_ok=True)
        self.path = str(path)
        self._server: threading.Thread | None = None
        self._kept: Collection[int] = ()
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0,allow_other"
        words = [os.fsencode(each) for each in (source, self.path, filesystem)]
        call(libc.mount(*words, MS_NOSUID_NODEV, options.encode()))

    def revive(self, *, keeping: Collection[int] = ()) -> None:
        """Answer from now on, those first who have been waiting.

        Whoever asks for an operation of `keeping` waits still, and can no longer be killed, for its question
        is with the server.
        """
        self._kept = keeping
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()

    def unmount(self) -> None:
        """Take it away; those who wait get an error."""
        call(libc.umount2(os.fsencode(self.path), MNT_FORCE_DETACH))
        if self._server is not None:
            self._server.join(10)
        os.close(self._device)

    def _serve(self) -> None:
        while True:
            try:
                message = os.read(self._device, 1 << 17)
            except OSError as error:
                if error.errno in (errno.ENODEV, errno.ECONNABORTED):
                    return  # it was unmounted
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue  # whoever asked was killed
                raise
            _, operation, unique = struct.unpack_from("<IIQ", message)
            if operation not in UNANSWERED and operation not in self._kept:
                self._answer(unique, operation)

    def _answer(self, unique: int, operation: int) -> None:
        body = ANSWERS.get(operation)
        status = 0 if body is not None else -errno.ENOSYS
        body = body or b""
        try:
            os.write(self._device, struct.pack("<IiQ", 16 + len(body), status, unique) + body)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODEV):
                raise


ANSWERS = {
    # protocol 7.31, read-ahead, no flags, requests in the background, largest write, granularity of time
    INIT: struct.pack("<IIIIHHIIHHI28x", 7, 31, 65536, 0, 12, 9, 65536, 1, 0, 0, 0),
    # a folder that may be cached for a second
    GETATTR: struct.pack("<QII6Q10I", 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o40755, 2, 0, 0, 0, BLOCK, 0),
    STATFS: struct.pack("<5Q4I24x", BLOCKS, FREE, AVAILABLE, 1000, 900, BLOCK, 255, BLOCK, 0),
}
