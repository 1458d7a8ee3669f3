"""PostgreSQL's schemas go from one test to the next: making all the tables takes longer than most tests.

Each is emptied before it is given again, and given no more where it is not as it was made, or somebody still uses it.
"""

import uuid
from collections import deque
from pathlib import Path
from typing import Any, Final

from ostiary.storage.migrations import migrate, to_postgres
from ostiary.storage.schema import all_tables
from tests.databases import ON_POSTGRES, file_url, there, url_of

_LOOK: Final = """
    SELECT md5(string_agg(line, chr(10) ORDER BY line)) FROM (
        SELECT concat_ws(' ', relname, relkind, relpersistence, attname, atttypid, attnotnull) AS line
        FROM pg_class LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0
        WHERE relnamespace = current_schema()::regnamespace
        UNION ALL SELECT concat_ws(' ', version, checksum) FROM schema_migrations
    ) AS lines
"""
_USERS: Final = """
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND objid = (hashtext(current_schema())::bigint & 4294967295)::oid
"""


def empty_url(directory: Path) -> str:
    """The URL of a database for this directory, in which nobody has written yet; the same for the same."""
    return url_of(_SCHEMAS.give(directory)) if ON_POSTGRES else file_url(directory)


def take_back(directory: Path) -> None:
    """Nobody uses the databases any more of this directory, and of those below it."""
    _SCHEMAS.take_back(directory)


class _Schemas:
    """All of this process."""

    def __init__(self) -> None:
        self._given: dict[Path, str] = {}
        self._idle: deque[str] = deque()
        self._look = self._emptying = ""

    def give(self, directory: Path) -> str:
        if directory not in self._given:
            self._given[directory] = there().do(self._found())
        return self._given[directory]

    def take_back(self, directory: Path) -> None:
        for one in [one for one in self._given if one.is_relative_to(directory)]:
            self._idle.append(self._given.pop(one))

    async def _found(self) -> str:
        connection = await there().connection()
        while self._idle:
            schema = self._idle.popleft()
            if await self._is_emptied(connection, schema):
                return schema
        return await self._new(connection)

    async def _is_emptied(self, connection: Any, schema: str) -> bool:
        import asyncpg

        try:
            await connection.execute(f"SET search_path TO {schema}; SET lock_timeout TO '2s'")
            if await connection.fetchval(_LOOK) != self._look or await connection.fetchval(_USERS):
                return False
            await connection.execute(self._emptying)
        except asyncpg.PostgresError:
            return False
        return True

    async def _new(self, connection: Any) -> str:
        from ostiary.storage.postgres import carry_out

        schema = f"s_{uuid.uuid4().hex}"
        await connection.execute(f"CREATE SCHEMA {schema}; SET search_path TO {schema}")
        async with connection.transaction():
            await carry_out(connection, migrate(to_postgres))
        self._look = await connection.fetchval(_LOOK)
        self._emptying = self._emptying or await _emptying(connection)
        return schema


async def _emptying(connection: Any) -> str:
    """What deletes all rows but those of the schema's steps, and has numbers begin at one again."""
    statements = []
    for table in reversed(all_tables()):
        if not await connection.fetchval(f"SELECT count(*) FROM {table.name}"):
            statements.append(f"DELETE FROM {table.name}")
        if table.numbered:
            statements.append(f"SELECT setval(pg_get_serial_sequence('{table.name}', '{table.numbered}'), 1, false)")
    return "; ".join(statements)


_SCHEMAS: Final = _Schemas()
