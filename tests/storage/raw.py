"""Asks a database itself, beside whatever else works on it, by its URL."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from ostiary.config import SqliteDatabase, parse_database_url

Rows = list[tuple[Any, ...]]


async def rows_of(url: str, sql: str) -> Rows:
    """What a statement answers; what it changes is committed."""
    return (await rows_of_each(url, [sql]))[0]


async def rows_of_each(url: str, statements: Sequence[str]) -> list[Rows]:
    """The same, for several."""
    database = parse_database_url(url)
    if isinstance(database, SqliteDatabase):
        with closing(sqlite3.connect(database.path)) as opened, opened:
            return [opened.execute(sql).fetchall() for sql in statements]
    import asyncpg

    connection = await asyncpg.connect(database.url.reveal())
    try:
        return [[tuple(row) for row in await connection.fetch(sql)] for sql in statements]
    finally:
        await connection.close()


def change_now(url: str, sql: str) -> None:
    """Carry a statement out while the event loop stands still."""
    thread = threading.Thread(target=lambda: asyncio.run(rows_of(url, sql)))
    thread.start()
    thread.join()
