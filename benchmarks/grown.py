"""A generated database, and a server on it: what is known of either engine, so that nothing else has to be."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg
from tests.process import ServerProcess, serving

from benchmarks import grow_postgres, grow_sqlite
from benchmarks.population import Population
from benchmarks.processes import Process, Processes
from benchmarks.warming import LOOKED_AT, LOOKED_FOR, Kept
from ostiary.config import PostgresDatabase, SqliteDatabase, parse_database_url
from ostiary.storage.postgres_channel import forget_everywhere
from ostiary.storage.sqlite_changes import NOTE_CHANGE

SETTINGS: Final = {
    "OSTIARY_PASSWORDS__ARGON2_MEMORY_KIB": "8",
    "OSTIARY_PASSWORDS__ARGON2_TIME_COST": "1",
    "OSTIARY_REGISTRATION__ENABLED": "true",
    "OSTIARY_RATE_LIMITS__ENABLED": "false",
}
"""Cheap hashes, and nothing that refuses. No mail: what is sent to people is another measurement."""

NOTICED_S: Final = 0.5
"""After so long every server has noticed that something was changed beside it."""

_SIZES: Final = "SELECT name, pageno * page_size FROM dbstat, pragma_page_size WHERE aggregate = TRUE"
"""By the number of pages: what it calls their size is too small from 4 GiB on."""

_FORGETTABLE: Final = """
    SELECT (SELECT count(*) FROM sessions WHERE ended_at < {before})
         + (SELECT count(*) FROM uia_sessions WHERE expires_at < {now})
"""


class Database(Protocol):
    """What the benchmarks ask of a database beside its server."""

    engine: str

    async def forget(self) -> None:
        """Have the server look every token up again."""
        ...

    async def sizes(self) -> Mapping[str, int]:
        """Bytes of each table and each index."""
        ...

    async def warm(self, people: Population) -> None:
        """Have in the machine's memory what requests look at, as far as it goes in."""
        ...

    async def count_forgettable(self, before: int, now: int) -> int:
        """What ought to have been deleted: sessions ended before, dialogues expired by now."""
        ...

    def cpu_us(self) -> float | None:
        """What the database's own processes have used; None where they are the server's, or on another machine."""
        ...

    async def journal_kib(self) -> float | None:
        """What has gone to the journal so far; None where that is for the server's process to tell."""
        ...


class SqliteFile:
    """A SQLite file."""

    engine = "SQLite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: Kept | None = None

    def close(self) -> None:
        """Keep nothing in memory any longer."""
        if self._kept is not None:
            self._kept.close()

    async def forget(self) -> None:
        with closing(sqlite3.connect(self._path, timeout=30)) as connection, connection:
            connection.execute(NOTE_CHANGE)
        await asyncio.sleep(NOTICED_S)

    async def sizes(self) -> Mapping[str, int]:
        with closing(sqlite3.connect(self._path)) as connection:
            return dict(connection.execute(_SIZES).fetchall())

    async def warm(self, people: Population) -> None:
        self._kept = await asyncio.to_thread(Kept, self._path, people)

    async def count_forgettable(self, before: int, now: int) -> int:
        return await asyncio.to_thread(self._count, _FORGETTABLE.format(before=before, now=now))

    def _count(self, sql: str) -> int:
        with closing(sqlite3.connect(self._path, timeout=30)) as connection:
            count: int = connection.execute(sql).fetchone()[0]
            return count

    def cpu_us(self) -> None:
        return None

    async def journal_kib(self) -> None:
        return None


class PostgresServer:
    """A PostgreSQL database. ``processes``: its server's, where that is on this machine."""

    engine = "PostgreSQL"

    def __init__(self, connection: Any, processes: Processes | None) -> None:
        self._connection = connection
        self._processes = processes

    async def forget(self) -> None:
        await forget_everywhere(self._connection)
        await asyncio.sleep(NOTICED_S)

    async def sizes(self) -> Mapping[str, int]:
        rows = await self._connection.fetch(
            """
            SELECT relname, pg_relation_size(oid) FROM pg_class
            WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i')
            """
        )
        return dict(rows)

    async def warm(self, people: Population) -> None:  # noqa: ARG002 - asked for by the other
        """By the extension that is for this."""
        await self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        for relation in (*LOOKED_AT, *(f"{table}_pkey" for table in LOOKED_AT), *LOOKED_FOR):
            await self._connection.execute("SELECT pg_prewarm($1::regclass, 'read')", relation)

    async def count_forgettable(self, before: int, now: int) -> int:
        count: int = await self._connection.fetchval(_FORGETTABLE.format(before=before, now=now))
        return count

    def cpu_us(self) -> float | None:
        return None if self._processes is None else self._processes.cpu_seconds() * 1e6

    async def journal_kib(self) -> float:
        return float(await self._connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")) / 1024


async def _processes_of(connection: Any) -> Processes | None:
    backend = Process(await connection.fetchval("SELECT pg_backend_pid()"))
    is_here = await connection.fetchval("SELECT inet_client_addr() IS NOT DISTINCT FROM inet_server_addr()")
    try:
        return Processes((backend.parent(),)) if is_here else None
    except FileNotFoundError:
        return None


@dataclass
class Grown:
    """A database with a server process. ``chance``: which of its accounts and sessions are asked about.

    ``spent``: the sessions whose refresh tokens have been given away.
    """

    people: Population
    database: Database
    server: ServerProcess
    chance: random.Random = field(default_factory=random.Random)
    spent: set[int] = field(default_factory=set)

    def sessions(self, count: int, *, refreshing: bool, again: bool = False) -> list[int]:
        """So many sessions out of all, none twice. Raises ValueError.

        One that refreshes is given once, for its first token is good once; ``again``: as often as one likes.
        """
        spent = self.spent if refreshing and not again else set[int]()
        if count > self.people.sessions // 2 - len(spent):
            raise ValueError("the database has too few sessions for so many rounds")
        found: set[int] = set()
        while len(found) < count:
            session = self.chance.randrange(self.people.sessions)
            if self.people.refreshes(session) is refreshing and session not in spent:
                found.add(session)
        spent |= found
        return list(found)

    def localparts(self, count: int) -> list[str]:
        """So many accounts out of all, some perhaps twice."""
        return [self.people.localpart(self.chance.randrange(self.people.accounts)) for _ in range(count)]


@asynccontextmanager
async def opened(url: str, directory: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[Grown]:
    """A server on a generated database, until the context ends."""
    async with connected(url) as (people, database):
        settings = {**SETTINGS, **(environment or {})}
        # Anew: the memory of a fork of a process that has more loaded is another.
        with serving(directory, "--database", url, environment=settings, anew=True) as server:
            yield Grown(people, database, server)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[Population, Database]]:
    """What a database was filled with, and the database itself, until the context ends."""
    match parse_database_url(url):
        case SqliteDatabase(path):
            with closing(SqliteFile(path)) as file:
                yield grow_sqlite.read_note(path), file
        case PostgresDatabase(secret):
            people = await grow_postgres.read_note(secret.reveal())
            connection = await asyncpg.connect(secret.reveal())
            try:
                yield people, PostgresServer(connection, await _processes_of(connection))
            finally:
                await connection.close()
