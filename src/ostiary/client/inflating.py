"""The body of an answer, put together of its parts and inflated where it is compressed, with a bound on both.

A few kilobytes of gzip can stand for gigabytes: nothing here grows over the bound, not even for a moment. For
transports of any HTTP library that hands out the parts as they came.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Final

from ostiary.client.errors import AnswerTooLong, ConnectionFailed

MAX_RESPONSE_BYTES: Final = 16 * 1024 * 1024

ACCEPTED_ENCODINGS: Final = "gzip"
"""What may be asked for by ``Accept-Encoding``."""

INFLATED_AT_ONCE: Final = 256 * 1024
"""How many bytes an answer is inflated by at a time: of one that is saved, no more is ever in memory."""

_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32


class Body:
    """Takes the parts of a body. ``encoding``: the answer's Content-Encoding.

    ``write``: takes what comes, inflated, piece by piece; where nothing is given, it is kept for ``whole``.
    """

    def __init__(
        self, encoding: str = "", *, max_bytes: int = MAX_RESPONSE_BYTES, write: Callable[[bytes], object] | None = None
    ) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise ConnectionFailed("the answer is compressed in a way that was not asked for", sent=True)
        self._inflater = None if encoding in ("", "identity") else zlib.decompressobj(_GZIP_OR_ZLIB)
        self._content = bytearray()
        self._write = write or self._content.extend
        self._length = 0
        self._max_bytes = max_bytes
        self._is_empty = True

    def add(self, part: bytes) -> None:
        """Take the next part. Raises AnswerTooLong, or ConnectionFailed where it cannot be inflated."""
        self._is_empty = self._is_empty and not part
        for piece in self._inflated(part):
            self._length += len(piece)
            if self._length > self._max_bytes:
                raise AnswerTooLong(self._max_bytes)
            self._write(piece)

    def _inflated(self, part: bytes) -> Iterator[bytes]:
        if self._inflater is None:
            yield part
            return
        is_more = True
        while is_more:
            try:
                piece = self._inflater.decompress(part, INFLATED_AT_ONCE)
            except zlib.error as error:
                raise ConnectionFailed(f"the answer cannot be inflated: {error}", sent=True) from None
            part = self._inflater.unconsumed_tail
            is_more = bool(part) or len(piece) == INFLATED_AT_ONCE
            yield piece

    @property
    def length(self) -> int:
        """How many bytes have come, inflated."""
        return self._length

    def whole(self) -> bytes:
        """All that was kept. Raises ConnectionFailed where the end is missing."""
        if self._inflater is not None and not self._is_empty and not self._inflater.eof:
            raise ConnectionFailed("the answer ends before it is whole", sent=True)
        return bytes(self._content)
