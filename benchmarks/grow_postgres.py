"""Fills a PostgreSQL database quickly: no index and no key while the rows come in, over several connections at once.

What was taken away is noted in the database before it is, so that a run that was stopped can be started again.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, Final

import asyncpg

from benchmarks.filling import NOTE, Progress, chunks, make_rows, note, noted
from benchmarks.population import Population
from ostiary.config import Config
from ostiary.server.wiring import open_services

CHUNKS_AT_ONCE: Final = 10
"""In one COPY."""

_CONSTRAINTS: Final = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace AND contype IN ('p', 'u', 'f')
    ORDER BY contype = 'f', conrelid::regclass::text
"""
"""Foreign keys last: they lean on the others."""

_INDEXES: Final = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace = current_schema()::regnamespace AND indexrelid NOT IN (SELECT conindid FROM pg_constraint)
"""
_IDENTITIES: Final = (("sessions", "session_id"), ("audit_events", "event_id"))


def fill(url: str, people: Population, *, processes: int) -> None:
    """Fill an empty database, or one that another run has left unfinished. Raises ValueError for any other."""
    asyncio.run(_fill(url, people, processes))


async def _fill(url: str, people: Population, processes: int) -> None:
    connection: Any = await asyncpg.connect(url)
    taken = await _take_away(connection, url, people)
    parts = list(people.parts())
    await connection.execute(f"TRUNCATE {', '.join(sorted({part.table for part in parts}))} RESTART IDENTITY CASCADE")
    progress = Progress(sum(part.size for part in parts))
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for index, part in enumerate(parts):
            pieces = list(chunks(part))
            lots = [pieces[start : start + CHUNKS_AT_ONCE] for start in range(0, len(pieces), CHUNKS_AT_ONCE)]
            for done in as_completed([pool.submit(_copy, url, people, index, lot) for lot in lots]):
                progress.add(part.table, done.result())
    await connection.execute("SET maintenance_work_mem = '512MB'")
    for statement in taken:
        progress.say(statement)
        await connection.execute(statement)
    for table, column in _IDENTITIES:
        sequence = f"pg_get_serial_sequence('{table}', '{column}')"
        await connection.execute(f"SELECT setval({sequence}, (SELECT max({column}) FROM {table}))")
    progress.say("vacuum analyze")
    for table in sorted({part.table for part in parts}):
        await connection.execute(f"VACUUM ANALYZE {table}")
    await connection.execute(f"UPDATE {NOTE} SET taken = '[]'")
    size = await connection.fetchval("SELECT pg_database_size(current_database())")
    progress.say(f"{size / 1e9:.2f} GB")
    await connection.close()


async def read_note(url: str) -> Population:
    """What a database was filled with. Raises ValueError for one that is not finished."""
    connection: Any = await asyncpg.connect(url)
    text, taken = await connection.fetchrow(f"SELECT text, taken FROM {NOTE}")
    await connection.close()
    if taken != "[]":
        raise ValueError("the database was not filled to the end: start that again")
    return noted(text)


async def _take_away(connection: Any, url: str, people: Population) -> Sequence[str]:
    """Drop keys and indexes; returns the statements that make them again."""
    if await connection.fetchval(f"SELECT to_regclass('{NOTE}') IS NOT NULL"):
        statements: list[str] = json.loads(await connection.fetchval(f"SELECT taken FROM {NOTE}"))
        if not statements:
            raise ValueError("the database is filled already")
        await connection.execute(f"UPDATE {NOTE} SET text = $1", note(people))
        return statements
    async with open_services(Config(database=url)):
        pass
    if await connection.fetchval("SELECT EXISTS (SELECT 1 FROM accounts)"):
        raise ValueError("the database has accounts that were not made here")
    constraints = await connection.fetch(_CONSTRAINTS)
    indexes = await connection.fetch(_INDEXES)
    statements = [
        *(f"ALTER TABLE {table} ADD CONSTRAINT {name} {words}" for table, name, words in _keys(constraints)),
        *(words for _, words in indexes),
        *(f"ALTER TABLE {table} ADD CONSTRAINT {name} {words}" for table, name, words in _foreign(constraints)),
    ]
    async with connection.transaction():
        await connection.execute(f"CREATE TABLE {NOTE} (text TEXT NOT NULL, taken TEXT NOT NULL)")
        await connection.execute(f"INSERT INTO {NOTE} VALUES ($1, $2)", note(people), json.dumps(statements))
        for name, _ in indexes:
            await connection.execute(f"DROP INDEX {name}")
        for table, name, _ in (*_foreign(constraints), *_keys(constraints)):
            await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    return statements


def _foreign(constraints: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    return [one for one in constraints if one[2].startswith("FOREIGN KEY")]


def _keys(constraints: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    return [one for one in constraints if not one[2].startswith("FOREIGN KEY")]


def _copy(url: str, people: Population, index: int, lot: Sequence[tuple[int, int]]) -> int:
    """Make rows of a part and put them in, in a process and over a connection of its own."""
    return asyncio.run(_copy_over(url, people, index, lot))


async def _copy_over(url: str, people: Population, index: int, lot: Sequence[tuple[int, int]]) -> int:
    part = list(people.parts())[index]
    connection: Any = await asyncpg.connect(url)
    count = 0
    for start, end in lot:
        rows = make_rows(people, index, start, end)
        await connection.copy_records_to_table(part.table, records=rows, columns=part.columns)
        count += len(rows)
    await connection.close()
    return count
