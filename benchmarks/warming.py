"""Has a SQLite file's pages in the machine's memory as a server that has run for long has them: each on its own.

A system that reads ahead keeps what it has read at once in one piece, of up to hundreds of pages; and ext4, of Linux
6.16 and later, goes through all the pages of such a piece whenever one of them is written, which costs several times
what the writing does. Look-ups here and there make no such pieces, but a look through a whole table does. So whatever
is in memory is let go first, and what requests look at is read again a page at a time, by several threads, since the
disk would have them wait otherwise.

Systems take back what nobody has looked at for a while, some virtual machines within minutes, though not what a process
has mapped: so it stays mapped for as long as is measured.
"""

import ctypes
import mmap
import os
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from benchmarks.population import Population

PARTS: Final = 64
"""Of each table, or index, read one after the other by whichever thread is free."""

THREADS: Final = 16

LOOKED_AT: Final = ("sessions", "accounts", "devices")
"""The tables of which requests of sessions read rows, not only add some; on either engine."""

LOOKED_FOR: Final = {"sessions_by_device": "sessions", "audit_events_by_account": "audit_events"}
"""The indexes, each with its table, beside those of keys, that they change or look into."""

MADV_POPULATE_READ: Final = 22
"""Linux's: look at each page, so that it is mapped."""

FAILED: Final = ctypes.c_void_p(-1).value

_C: Final = ctypes.CDLL(None, use_errno=True)
_C.mmap.restype = ctypes.c_void_p
_C.mmap.argtypes = (
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
)  # fmt: skip
_C.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_C.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_C.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)


class Kept:
    """What requests look at is in memory, as far as it goes in, and stays there until ``close``."""

    def __init__(self, path: Path, people: Population) -> None:
        _let_go(path)
        self._size = path.stat().st_size
        with path.open("rb") as file:
            self._address = _C.mmap(None, self._size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
        if self._address == FAILED:
            raise OSError(ctypes.get_errno(), "cannot map the file", str(path))
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in range(2):  # for the system has taken back some of what was read first
                list(pool.map(lambda part: _read(path, *part), _parts(people)))
                self._hold()

    def _hold(self) -> None:
        """Map what is in memory."""
        for start, end in self._runs_in_memory():
            begins, length = self._address + start * mmap.PAGESIZE, (end - start) * mmap.PAGESIZE
            _C.madvise(begins, length, MADV_POPULATE_READ)  # older kernels do not know it, and keep less

    def _runs_in_memory(self) -> Iterator[tuple[int, int]]:
        """Between which pages of the file all are in memory."""
        found = ctypes.create_string_buffer(-(-self._size // mmap.PAGESIZE))
        if _C.mincore(self._address, self._size, found) != 0:
            raise OSError(ctypes.get_errno(), "cannot ask which pages are in memory")
        for run in re.finditer(b"[^\x00]+", found.raw):
            yield run.span()

    def close(self) -> None:
        """Let the system do as it likes."""
        _C.munmap(self._address, self._size)


def _parts(people: Population) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Statements that read all of a part, each with where that begins and ends."""
    names = people.bounds_of_names(PARTS)
    numbers = [people.session_id(people.sessions * part // PARTS) for part in range(PARTS + 1)]
    for table in LOOKED_AT:
        key, bounds = ("session_id", numbers) if table == "sessions" else ("localpart", names)
        for between in pairwise(bounds):
            yield f"SELECT max(created_at) FROM {table} WHERE {key} >= ? AND {key} < ?", between
    for index, table in LOOKED_FOR.items():
        sql = f"SELECT max(length(localpart)) FROM {table} INDEXED BY {index} WHERE localpart >= ? AND localpart < ?"
        for between in pairwise(names):
            yield sql, between


def _let_go(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)  # what is not on the disk yet is not let go
        os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(opened)


def _read(path: Path, sql: str, between: tuple[Any, Any]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT 1 FROM accounts LIMIT 1").fetchone()  # which opens the file
        for opened in _opened(path):
            os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_RANDOM)
        connection.execute(sql, between).fetchone()


def _opened(path: Path) -> Iterator[int]:
    """This process's descriptors of the file: SQLite does not tell its own."""
    whole = path.resolve()
    for opened in Path("/proc/self/fd").iterdir():
        try:
            if opened.readlink() == whole:
                yield int(opened.name)
        except OSError:  # closed by another thread meanwhile
            continue
