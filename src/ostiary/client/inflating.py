"""The body of an answer, put together of its parts and inflated where it is compressed, with a bound on both.

A few kilobytes of gzip can stand for gigabytes: nothing here grows over the bound, not even for a moment. For
transports of any HTTP library that hands out the parts as they came.
"""

import zlib
from typing import Final

from ostiary.client.errors import ConnectionFailed

MAX_RESPONSE_BYTES: Final = 16 * 1024 * 1024

ACCEPTED_ENCODINGS: Final = "gzip"
"""What may be asked for by ``Accept-Encoding``."""

_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32


class Body:
    """Takes the parts of a body. ``encoding``: the answer's Content-Encoding."""

    def __init__(self, encoding: str = "", *, max_bytes: int = MAX_RESPONSE_BYTES) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise ConnectionFailed("the answer is compressed in a way that was not asked for", sent=True)
        self._inflater = None if encoding in ("", "identity") else zlib.decompressobj(_GZIP_OR_ZLIB)
        self._content = bytearray()
        self._max_bytes = max_bytes
        self._is_empty = True

    def add(self, part: bytes) -> None:
        """Take the next part. Raises ConnectionFailed where the whole gets too long, or cannot be inflated."""
        self._is_empty = self._is_empty and not part
        if self._inflater is not None:
            try:
                part = self._inflater.decompress(part, self._max_bytes + 1 - len(self._content))
            except zlib.error as error:
                raise ConnectionFailed(f"the answer cannot be inflated: {error}", sent=True) from None
        self._content += part
        if len(self._content) > self._max_bytes:
            raise ConnectionFailed(f"the answer has over {self._max_bytes} bytes", sent=True)

    def whole(self) -> bytes:
        """All of it. Raises ConnectionFailed where the end is missing."""
        if self._inflater is not None and not self._is_empty and not self._inflater.eof:
            raise ConnectionFailed("the answer ends before it is whole", sent=True)
        return bytes(self._content)
