"""Gzip, for documents and large JSON answers: each is compressed once, and both forms are kept together."""

from __future__ import annotations

import struct
import zlib
from typing import Self

MIN_COMPRESSED_BYTES = 1_400
"""Bytes below which an answer is sent as it is: it fits into one packet either way."""

GZIP = 16 + zlib.MAX_WBITS

LEVEL = 6
"""Of zlib; level 9 takes twice as long for 1 % less."""


class Body:
    """The bytes of an answer, and their gzip form, which is made when the first client asks for it."""

    __slots__ = ("_compressed", "_plain")

    def __init__(self, plain: bytes) -> None:
        self._plain: bytes | None = plain
        self._compressed: bytes | None = None

    @property
    def plain(self) -> bytes:
        """Return the bytes as they are."""
        if self._plain is None:
            return zlib.decompress(self._compressed or b"", wbits=GZIP)
        return self._plain

    def worth_compressing(self) -> bool:
        """Return whether to compress it at all."""
        return self._plain is None or len(self._plain) >= MIN_COMPRESSED_BYTES

    def compressed(self) -> bytes:
        """Return the gzip form. Two threads that come at once may both make it, and make the same."""
        if self._compressed is None:
            packer = zlib.compressobj(LEVEL, wbits=GZIP)
            self._compressed = packer.compress(self.plain) + packer.flush()
        return self._compressed

    def pack(self) -> Self:
        """Hold the gzip form alone, at most a third of the bytes; for what is kept for long."""
        self.compressed()
        self._plain = None
        return self


class PrecompressedTemplate:
    """What stands around the changing part of a document, compressed once; the part is compressed each time.

    Deflate allows to put pieces one behind the other that were compressed by themselves (RFC 1951): each
    begins at a byte, since the one before was flushed, and looks back at nothing before itself.
    """

    HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    LAST_BLOCK = b"\x03\0"

    __slots__ = ("_after", "_before", "_pieces")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before, self._after = before, after
        self._pieces: tuple[bytes, bytes] | None = None

    def render(self, middle: bytes) -> Body:
        """Return the document with this in the middle."""
        body = Body(self._before + middle + self._after)
        if self._pieces is None:
            self._pieces = _piece(self._before), _piece(self._after)
        before, after = self._pieces
        end = struct.pack("<II", zlib.crc32(body.plain), len(body.plain))
        body._compressed = b"".join(  # noqa: SLF001 - the same module
            (self.HEADER, before, _piece(middle), after, self.LAST_BLOCK, end)
        )
        return body


def _piece(plain: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)
