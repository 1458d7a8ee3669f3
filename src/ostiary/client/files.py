"""Files up and down, in pieces: one that is sent, and an answer that is saved. For transports of any HTTP library.

Must not know any of them, nor what is sent and why.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from types import TracebackType
from typing import Final, Self

from ostiary.api.http import FileBody, HttpRequest, HttpResponse
from ostiary.client.errors import CannotSave, CannotSend
from ostiary.client.inflating import Body
from ostiary.client.private_files import UnfinishedFile

PIECE_BYTES: Final = 256 * 1024


class SentFile:
    """A file while it is sent: exactly ``size`` bytes, in pieces, once. Raises CannotSend where it cannot be read.

    One that changes meanwhile is CannotSend before its last piece is out, so that no server takes it for whole.
    """

    def __init__(self, body: FileBody) -> None:
        self._path = body.path
        try:
            if not body.path.is_file():  # a pipe would be waited for
                raise CannotSend(f"{body.path} is no file")
            self._file = body.path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from error
        self._was = self._stamp()
        self.size, _ = self._was
        self._left = self.size
        if body.max_bytes is not None and self.size > body.max_bytes:
            self._file.close()
            raise CannotSend(f"{body.path} has over {body.max_bytes} bytes")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self) -> bytes:
        """The next piece; empty after the last."""
        try:
            piece = self._file.read(min(PIECE_BYTES, self._left))
            has_changed = not piece if self._left else False
            self._left -= len(piece)
            if has_changed or (self._left == 0 and self._stamp() != self._was):
                raise CannotSend(f"{self._path} has changed while it was sent")
        except OSError as error:
            raise self._unreadable(error) from error
        return piece

    def pieces(self) -> Iterator[bytes]:
        """All of it."""
        while piece := self.read():
            yield piece

    async def pieces_later(self) -> AsyncIterator[bytes]:
        """The same, with nothing else held up by a disk."""
        while piece := await asyncio.to_thread(self.read):
            yield piece

    def _stamp(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def _unreadable(self, error: OSError) -> CannotSend:
        return CannotSend(f"{self._path} cannot be read: {error.strerror}")


class Receiving:
    """An answer while its parts come: kept within a bound, or saved where its request says. Left by ``with``.

    ``headers``: by lower-case name. Only a good answer (2xx) is saved; what is refused is there to be read.
    """

    def __init__(self, request: HttpRequest, status: int, headers: Mapping[str, str]) -> None:
        self._status = status
        self._headers = headers
        self._file: UnfinishedFile | None = None
        encoding = headers.get("content-encoding", "")
        if request.save_to is None or not 200 <= status < 300:
            self._body = Body(encoding)
            return
        self._body = Body(encoding, max_bytes=request.save_to.max_bytes, write=self._write)
        try:
            self._file = UnfinishedFile(request.save_to.path)
        except OSError as error:
            raise _unwritable(error) from error

    @property
    def is_saved(self) -> bool:
        """Whether it goes to a file: then each of these functions may take a moment."""
        return self._file is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.discard()

    def add(self, part: bytes) -> None:
        """Take the next part of the body, as it came. Raises ConnectionFailed, AnswerTooLong, CannotSave."""
        self._body.add(part)

    def whole(self) -> HttpResponse:
        """The answer, now that all of it has come; saved, where it was to be. Raises ConnectionFailed, CannotSave."""
        content = self._body.whole()
        if self._file is not None:
            try:
                self._file.put_in_place()
            except OSError as error:
                raise _unwritable(error) from error
        saved = None if self._file is None else self._body.length
        return HttpResponse(status=self._status, headers=self._headers, body=content, saved_bytes=saved)

    async def add_later(self, part: bytes) -> None:
        """The same as ``add``, with nothing else held up by a disk."""
        await asyncio.to_thread(self.add, part) if self.is_saved else self.add(part)

    async def whole_later(self) -> HttpResponse:
        """The same as ``whole``, likewise."""
        return await asyncio.to_thread(self.whole) if self.is_saved else self.whole()

    def _write(self, piece: bytes) -> None:
        assert self._file is not None  # noqa: S101 - nothing comes before there is one
        try:
            self._file.write(piece)
        except OSError as error:
            raise _unwritable(error) from error


def _unwritable(error: OSError) -> CannotSave:
    return CannotSave(f"the answer cannot be saved: {error.strerror}")
