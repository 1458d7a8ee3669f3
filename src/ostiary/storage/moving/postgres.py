"""A PostgreSQL database at one end of a copy: filled by binary COPY, read in one repeatable transaction."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, TypeVar

import asyncpg

from ostiary.storage.migrations import to_cockroach, to_postgres
from ostiary.storage.moving.ends import CannotCopy, RowRefused, told_key
from ostiary.storage.postgres import MALFORMED_URL, MIGRATION_LOCK, carry_out, is_cockroach
from ostiary.storage.postgres_channel import CONNECT_TIMEOUT_S, USE_LOCK
from ostiary.storage.postgres_errors import BEYOND_US
from ostiary.storage.schema import Table
from ostiary.storage.work import DatabaseUnusable, Row, Work
from ostiary.storage.works.copying import cut_at_nul, numbering

T = TypeVar("T")

PATIENCE_S: Final = 2
"""How long a claim waits: the connection of a copy that was killed may live on for a moment."""

_CLAIM: Final = "SELECT pg_advisory_lock($1, hashtext(current_schema()))"

_BYTES: Final = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
"""


class PostgresEnd:
    """A database, open. ``identity``: its name and its schema's, and which server's, as the server itself says it."""

    def __init__(self, connection: Any, identity: str, *, is_cockroach: bool) -> None:
        self._connection = connection
        self._is_cockroach = is_cockroach
        self.identity = identity

    @property
    def translate(self) -> Callable[[str], str]:
        return to_cockroach if self._is_cockroach else to_postgres

    async def claim(self) -> bool:
        if self._is_cockroach:
            raise CannotCopy(
                "CockroachDB has no locks by which one could tell that no server uses it: it is not copied"
            )
        with _told():
            try:
                async with self._connection.transaction():
                    await self._connection.execute(f"SET LOCAL lock_timeout = '{PATIENCE_S}s'")
                    await self._connection.execute(_CLAIM, USE_LOCK)
            except asyncpg.LockNotAvailableError:
                return False
        return True

    async def read(self, work: Work[T]) -> T:
        with _told():
            return await carry_out(self._connection, work)

    async def write(self, work: Work[T]) -> T:
        with _told():
            async with self._connection.transaction():
                await self._connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
                return await carry_out(self._connection, work)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        transaction = self._connection.transaction(isolation="repeatable_read", readonly=True)
        with _told():
            await transaction.start()
        try:
            yield
        finally:
            with _told():
                await transaction.rollback()

    async def insert(self, table: Table, rows: Sequence[Row]) -> None:
        with _told():
            try:
                await self._connection.copy_records_to_table(table.name, records=rows, columns=list(table.columns))
            except asyncpg.IntegrityConstraintViolationError as error:
                raise RowRefused(table, str(error)) from error
            except (asyncpg.CharacterNotInRepertoireError, TypeError, ValueError) as error:
                raise CannotCopy(_why_unfit(table, rows)) from error

    async def empty(self, tables: Sequence[Table]) -> None:
        with _told():
            await self._connection.execute(f"TRUNCATE {', '.join(table.name for table in tables)}")

    async def bytes_of_tables(self) -> Mapping[str, int | None]:
        with _told():
            return dict(await self._connection.fetch(_BYTES))

    async def settle(self, tables: Sequence[Table]) -> None:
        with _told():
            for table in tables:
                if table.numbered:
                    await self._connection.execute(numbering(table))
                await self._connection.execute(f"ANALYZE {table.name}")

    async def close(self) -> None:
        with suppress(asyncpg.PostgresError, *BEYOND_US, TimeoutError):
            await self._connection.close(timeout=CONNECT_TIMEOUT_S)


async def open_postgres(dsn: str) -> PostgresEnd:
    """The database of a URL. Raises DatabaseUnusable."""
    with _told():
        try:
            connection: Any = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
        except ValueError:
            raise DatabaseUnusable(MALFORMED_URL) from None
        database, schema = await connection.fetchrow("SELECT current_database(), current_schema()")
        server: Any = "that does not say which it is"
        with suppress(asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError):
            server = await connection.fetchval("SELECT system_identifier FROM pg_control_system()")
        cockroach = await is_cockroach(connection)
    identity = f"the PostgreSQL database {database}, schema {schema}, server {server}"
    return PostgresEnd(connection, identity, is_cockroach=cockroach)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, *BEYOND_US) as error:
        # The error's text names host and database, never the password.
        raise DatabaseUnusable(f"The PostgreSQL database cannot be used: {error}") from error


_FITS: Final = {"TEXT": str, "BLOB": bytes, "BIGINT": int, "INTEGER": int}
"""What the columns hold, by their type. SQLite takes anything everywhere."""


def _why_unfit(table: Table, rows: Sequence[Row]) -> str:
    """The first row that holds what PostgreSQL cannot, and how to mend it where it comes from."""
    for row in rows:
        for (column, kind), value in zip(table.columns.items(), row, strict=True):
            place = f"In the table {table.name}, the row with {told_key(table, row)}"
            if isinstance(value, str) and "\0" in value:
                return (
                    f"{place} has a NUL character in {column}, which PostgreSQL cannot hold. Cut such texts off before "
                    f"it in the source, then run the same command again: {cut_at_nul(table, column)}"
                )
            if value is not None and type(value) is not _FITS[kind]:
                return f"{place} has a {type(value).__name__} in {column}, which is of the type {kind}: mend it first"
    return f"PostgreSQL does not take some row of the table {table.name}"
