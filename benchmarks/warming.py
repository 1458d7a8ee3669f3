"""Has a SQLite file's pages in the machine's memory as a server that has run for long has them: each on its own.

A system that reads ahead keeps what it has read at once in one piece, of up to hundreds of pages; and ext4, of Linux
6.16 and later, goes through all the pages of such a piece whenever one of them is written, which costs several times
what the writing does. Look-ups here and there make no such pieces, but a look through a whole table does. So whatever
is in memory is let go first, and what requests look at is read again a page at a time, by several threads, since the
disk would have them wait otherwise.
"""

import os
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

LAST_NAME: Final = "v"
"""Behind the names of all who are in a generated database."""


def read_singly(path: Path, people: Population) -> None:
    """Have in memory what requests look at, as far as it goes in."""
    _let_go(path)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda part: _read(path, *part), _parts(people)))


def _parts(people: Population) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Statements that read all of a part, each with where that begins and ends."""
    names = ["", *(f"user{people.accounts * part // PARTS:08d}" for part in range(1, PARTS)), LAST_NAME]
    numbers = [people.sessions * part // PARTS for part in range(PARTS + 1)]
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
