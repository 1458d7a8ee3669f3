"""Lists of breached passwords in local files: Pwned Passwords' hashes, and plain lists of words.

The hashes are tens of gigabytes: they are searched where they lie, by a few dozen short reads for a password, and
nothing is kept of them. Words are kept as digests. Must not know what is done about a password that is found.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from ostiary.accounts.ports_outside import BreachedPasswords
from ostiary.api.secret import Secret

MOST_WORD_BYTES: Final = 4 * 1024 * 1024
"""The longest plain list: some 500,000 words, which take ten times that much memory in every process."""

MOST_LINE_BYTES: Final = 64
"""The longest line of hashes: 40 digits, a colon, a count of up to 20 digits, and the line's end."""

SAMPLES: Final = 256
"""Lines that are looked at to see whether hashes are in order."""

_HASH_LINE: Final = re.compile(rb"([0-9A-F]{40}):\d{1,20}\r?")
_LIKE_HASH_LINE: Final = re.compile(rb"[0-9A-Fa-f]{32,128}(:\d*)?\r?")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class BreachedListUnusable(Exception):
    """A list of breached passwords cannot be used. The text names the file and says what is wrong with it."""


def open_breached(path: Path) -> BreachedPasswords:
    """The list in this file, in whichever of the two forms it is. Raises BreachedListUnusable."""
    with _opened(path) as file:
        first = file.read(256).removeprefix(_BYTE_ORDER_MARK).split(b"\n")[0]
    return PwnedHashes(path) if _LIKE_HASH_LINE.fullmatch(first) else BreachedWords(path)


class PwnedHashes:
    """A file of lines ``HASH:count``, SHA-1 in uppercase hexadecimal digits, in order. Raises BreachedListUnusable.

    It is opened for each password: a new list that is renamed over it holds from then on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _opened(path) as file:
            _Lines(path, file).ensure_sorted()

    def contains(self, password: Secret) -> bool:
        """Whether it is listed. Raises BreachedListUnusable when the file is gone, or broken where it would stand."""
        with _opened(self._path) as file:
            return _Lines(self._path, file).find(_sha1(_bytes(password)).hex().upper().encode())


class BreachedWords:
    """A file of passwords, one a line, in UTF-8. Raises BreachedListUnusable."""

    def __init__(self, path: Path) -> None:
        with _opened(path) as file:
            data = file.read(MOST_WORD_BYTES + 1).removeprefix(_BYTE_ORDER_MARK)
        if len(data) > MOST_WORD_BYTES:
            raise BreachedListUnusable(
                f"{path} has more than {MOST_WORD_BYTES} bytes: a list of that many passwords is kept as SHA-1 hashes"
            )
        if b"\0" in data:
            raise BreachedListUnusable(f"{path} is not a text file")
        self._digests = frozenset(_sha1(word) for line in data.split(b"\n") if (word := line.removesuffix(b"\r")))
        if not self._digests:
            raise BreachedListUnusable(f"{path} has no passwords in it")

    def contains(self, password: Secret) -> bool:
        return _sha1(_bytes(password)) in self._digests


class _Lines:
    """An open file of hashes, as lines that are found by any byte of theirs."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._size = file.seek(0, os.SEEK_END)

    def find(self, digest: bytes) -> bool:
        """Whether there is a line with this hash."""
        low, high = 0, self._size  # the line is one that starts from low on and before high
        while low < high:
            start, end, here = self._line_at((low + high) // 2)
            if here == digest:
                return True
            low, high = (end, high) if here < digest else (low, start)
        return False

    def ensure_sorted(self) -> None:
        """Raise unless lines from everywhere are hashes, each greater than the one before; all of them where few."""
        if not self._size:
            raise BreachedListUnusable(f"{self._path} is empty")
        before, next_start = b"", 0
        for sample in range(SAMPLES):
            offset = max(next_start, self._size * sample // SAMPLES)
            if offset >= self._size:
                return
            _, next_start, here = self._line_at(offset)
            if here <= before:
                raise BreachedListUnusable(
                    f"{self._path} is not in the order of its hashes: take the list that is ordered by hash, "
                    "not by prevalence"
                )
            before = here

    def _line_at(self, offset: int) -> tuple[int, int, bytes]:
        """The line with the byte at this offset: where it starts, where the next one does, and its hash."""
        window_start = max(0, offset - MOST_LINE_BYTES)
        self._file.seek(window_start)
        window = self._file.read(2 * MOST_LINE_BYTES)
        start = window.rfind(b"\n", 0, offset - window_start) + 1
        end = window.find(b"\n", offset - window_start)
        line = window[start : end if end >= 0 else len(window)]
        match = _HASH_LINE.fullmatch(line)
        if match is None:
            raise BreachedListUnusable(
                f"{self._path} has at byte {window_start + start} a line that is not 40 uppercase hexadecimal digits "
                "(a SHA-1 hash), a colon and a count"
            )
        return window_start + start, window_start + start + len(line) + 1, match[1]


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        # Unbuffered, since a search reads a few bytes each from places far apart.
        with path.open("rb", buffering=0) as file:
            yield file
    except OSError as error:
        raise BreachedListUnusable(f"{path} cannot be read: {error.strerror}") from error


def _bytes(password: Secret) -> bytes:
    return password.reveal().encode("utf-8", "surrogatepass")


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
