"""Gzip, for documents and large JSON answers: each is compressed once, and both forms are kept together."""

from __future__ import annotations

import zlib

WORTHWHILE = 1_400
"""Bytes below which an answer is sent as it is: it fits into one packet either way."""

LEVEL = 6
"""Of zlib; level 9 takes twice as long for 1 % less."""


class Body:
    """The bytes of an answer, and their gzip form, which is made when the first client asks for it.

    Attributes:
        plain: The bytes as they are.
    """

    __slots__ = ("_compressed", "plain")

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._compressed: bytes | None = None

    def worthwhile(self) -> bool:
        """Return whether to compress it at all."""
        return len(self.plain) >= WORTHWHILE

    def compressed(self) -> bytes:
        """Return the gzip form. Two threads that come at once may both make it, and make the same."""
        if self._compressed is None:
            packer = zlib.compressobj(LEVEL, wbits=16 + zlib.MAX_WBITS)
            self._compressed = packer.compress(self.plain) + packer.flush()
        return self._compressed
