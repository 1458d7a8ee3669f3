"""Fills a SQLite file quickly.

Whatever is not needed until the file is whole is left away: the journal, waiting for the disk, and the indexes that can
be made at the end. The indexes of primary keys cannot: rows whose key is a digest, which would fall anywhere in them,
are sorted before they go in, some millions at a time. At the end some rows come and go again, which leaves pages as
full as they are after some years.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from benchmarks.filling import NOTE, Progress, all_parts, note, noted, rows_in_order
from benchmarks.population import Part, Population, Row
from ostiary.config import Config
from ostiary.server.wiring import open_services

SORTED_AT_ONCE: Final = 3_000_000
"""Rows; about 250 bytes of memory each."""

_INDEXES: Final = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"


def fill(path: Path, people: Population, *, processes: int, cache_mib: int) -> None:
    """Make the file, anew where another run has left it unfinished. Raises FileExistsError for one that is there."""
    if path.exists():
        raise FileExistsError(f"{path} is there already")
    unfinished = path.with_name(f"{path.name}.unfinished")
    for left in (
        unfinished,
        *(of.with_name(f"{of.name}{end}") for of in (path, unfinished) for end in ("-wal", "-shm")),
    ):
        left.unlink(missing_ok=True)  # a journal of another file of this name would be taken for this one's
    asyncio.run(_migrate(unfinished))
    parts = all_parts(people)
    progress = Progress(sum(part.size for part in parts))
    with (
        ProcessPoolExecutor(processes, get_context("fork")) as pool,
        closing(sqlite3.connect(unfinished, isolation_level=None)) as connection,
    ):
        for pragma in (
            "journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", f"cache_size = {-1024 * cache_mib}",
            "foreign_keys = OFF", f"threads = {processes}",
        ):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}")
        indexes = connection.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for index, part in enumerate(parts):
            if not part.passes:
                _insert(connection, part, _batches(part, rows_in_order(pool, people, index)), progress)
        for name, sql in indexes:
            progress.say(f"index {name}")
            connection.execute(sql)
        for index, part in enumerate(parts):
            if part.passes:
                _insert(connection, part, rows_in_order(pool, people, index), progress)
                _delete(connection, part, rows_in_order(pool, people, index))
        connection.execute(f"CREATE TABLE {NOTE} (text TEXT NOT NULL)")
        connection.execute(f"INSERT INTO {NOTE} VALUES (?)", (note(people),))
    asyncio.run(_migrate(unfinished))  # which leaves the journal as the server keeps it
    unfinished.rename(path)
    progress.say(f"{path}: {path.stat().st_size / 1e9:.2f} GB")


def read_note(path: Path) -> Population:
    """What a file was filled with."""
    with closing(sqlite3.connect(path)) as connection:
        return noted(connection.execute(f"SELECT text FROM {NOTE}").fetchone()[0])


async def _migrate(path: Path) -> None:
    async with open_services(Config(database=f"sqlite:///{path}")):
        pass


def _batches(part: Part, made: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """The rows in lots, sorted by their key where that is a digest."""
    if not part.scattered:
        yield from made
        return
    gathered: list[Row] = []
    for rows in made:
        gathered += rows
        if len(gathered) >= SORTED_AT_ONCE:
            gathered.sort(key=_digest)
            yield gathered
            gathered = []
    gathered.sort(key=_digest)
    yield gathered


def _digest(row: Row) -> bytes:
    digest: bytes = row[0]
    return digest


def _insert(connection: sqlite3.Connection, part: Part, batches: Iterator[list[Row]], progress: Progress) -> None:
    sql = f"INSERT INTO {part.table} ({', '.join(part.columns)}) VALUES ({', '.join('?' * len(part.columns))})"
    connection.execute("BEGIN")
    for rows in batches:
        connection.executemany(sql, rows)
        progress.add(part.table, len(rows))
    connection.execute("COMMIT")


def _delete(connection: sqlite3.Connection, part: Part, batches: Iterator[list[Row]]) -> None:
    places = [part.columns.index(column) for column in part.passes]
    sql = f"DELETE FROM {part.table} WHERE {' AND '.join(f'{column} = ?' for column in part.passes)}"
    connection.execute("BEGIN")
    for rows in batches:
        connection.executemany(sql, [[row[place] for place in places] for row in rows])
    connection.execute("COMMIT")
