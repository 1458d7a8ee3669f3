"""Works on PostgreSQL: a pool of connections, a transaction for each that writes, and a channel between processes.

Each process listens for the sessions that others change. While it cannot hear, it tells its watcher not to trust what
it has copied, and looks everything up.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any, Final, TypeVar

import asyncpg

from ostiary.accounts.ports import StoreUnavailable
from ostiary.storage.migrations import SchemaUnfit, migrate, to_postgres
from ostiary.storage.work import DatabaseUnusable, Row, SessionsChanged, Statement, Watcher, Work

T = TypeVar("T")

CHANNEL: Final = "ostiary_sessions"
EVERYTHING: Final = "*"
MAX_PAYLOAD: Final = 7_000
"""Bytes of one notification; PostgreSQL takes under 8,000."""

MALFORMED_URL: Final = (
    "The PostgreSQL database cannot be used: its URL is malformed; a password's signs are written like %2F in it"
)
"""Said without what the parser says: where a password has a slash, that is a part of it."""

RECONNECT_S: Final = 1.0
CONNECT_TIMEOUT_S: Final = 10.0
MIGRATION_LOCK: Final = 7_240_141_152
"""Of the processes that start at once, one brings the schema up to date; the number means nothing."""

USE_LOCK: Final = 1_869_833_577
"""Held by each process that works on a schema, so that a copy can tell whether any does; the number means nothing."""

_PARAMETER: Final = re.compile(r"(?<!:):([a-z_]+)")
BEYOND_US: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what it says of a connection that broke in the middle
    OSError,
)
"""Errors of the network, of the database's machine, or of others' transactions, which may pass; any other is a bug."""


class _Connection(asyncpg.Connection):
    """A connection on which nothing has to be reset: works leave nothing behind, and the reset costs a round trip."""

    def get_reset_query(self) -> str:
        return ""


class PostgresEngine:
    """Carries works out on one PostgreSQL database. ``dsn``: its URL; ``connections``: at most, besides the channel."""

    def __init__(self, dsn: str, *, connections: int = 10) -> None:
        self._dsn = dsn
        self._connections = connections
        self._pool: asyncpg.Pool[Any] | None = None
        self._channel: asyncio.Task[None] | None = None
        self._self = ""
        self._under_way = 0

    async def start(self, watcher: Watcher) -> None:
        """Connect, bring the schema up to date, listen. Raises DatabaseUnusable."""
        watcher.trust_copies(False)
        try:
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                max_size=self._connections,
                connection_class=_Connection,
                timeout=CONNECT_TIMEOUT_S,
            )
            self._self = str(await self._pool.fetchval("SELECT pg_backend_pid() || '-' || clock_timestamp()"))
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
                await carry_out(connection, migrate(to_postgres))
        except (asyncpg.PostgresError, *BEYOND_US, SchemaUnfit) as error:
            # The error's text names host and database, never the password.
            raise DatabaseUnusable(f"The PostgreSQL database cannot be used: {error}") from error
        except ValueError:
            raise DatabaseUnusable(MALFORMED_URL) from None
        listening = asyncio.Event()
        self._channel = asyncio.create_task(self._listen(watcher, listening))
        await listening.wait()

    async def stop(self) -> None:
        """Carry out what was asked for, then close the connections."""
        if self._channel is not None:
            self._channel.cancel()
            with suppress(asyncio.CancelledError):
                await self._channel
        if self._pool is not None:
            await self._pool.close()

    async def read(self, work: Work[T]) -> T:
        """Carry out a work that changes nothing."""
        async with self._acquired() as connection:
            return await self._carry_out(connection, work)

    async def write(self, work: Work[T]) -> T:
        """Carry out a work as one transaction, whether whoever asked still waits or not."""
        return await asyncio.shield(self._write(work))

    def waiting(self) -> int:
        """How many works wait for a connection."""
        return max(0, self._under_way - self._connections)

    async def _write(self, work: Work[T]) -> T:
        async with self._acquired() as connection, connection.transaction():
            return await self._carry_out(connection, work)

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Any]:
        """A connection. One that breaks is closed at once, and what broke it told as StoreUnavailable."""
        self._under_way += 1
        try:
            async with self._ready().acquire() as connection:
                try:
                    yield connection
                except BEYOND_US:
                    connection.terminate()
                    raise
        except BEYOND_US as error:
            raise StoreUnavailable from error
        finally:
            self._under_way -= 1

    def _ready(self) -> "asyncpg.Pool[Any]":
        if self._pool is None:
            raise DatabaseUnusable("The database has not been opened")
        return self._pool

    async def _carry_out(self, connection: Any, work: Work[T]) -> T:
        async def tell(changed: SessionsChanged) -> None:
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._payload(changed))

        return await carry_out(connection, work, tell)

    # --- The channel -------------------------------------------------------------------------------------------------

    def _payload(self, changed: SessionsChanged) -> str:
        ids = ",".join(map(str, changed.session_ids))
        return f"{self._self} {ids if len(ids) < MAX_PAYLOAD else EVERYTHING}"

    async def _listen(self, watcher: Watcher, listening: asyncio.Event) -> None:
        """Hear what other processes change, for ever; connect again whenever the connection is lost."""

        def hear(_connection: Any, _pid: int, _channel: str, payload: Any) -> None:
            sender, _, ids = str(payload).rpartition(" ")
            if ids == EVERYTHING:
                watcher.forget_everything()
            elif sender != self._self:  # what this process has changed it knows already
                watcher.forget([int(session_id) for session_id in ids.split(",")])

        while True:
            lost = asyncio.Event()
            with suppress(asyncpg.PostgresError, *BEYOND_US):
                connection = await asyncpg.connect(self._dsn, timeout=CONNECT_TIMEOUT_S)
                try:
                    connection.add_termination_listener(lambda _, lost=lost: lost.set())
                    await connection.execute("SELECT pg_advisory_lock_shared($1, hashtext(current_schema()))", USE_LOCK)
                    await connection.add_listener(CHANNEL, hear)
                    watcher.forget_everything()
                    watcher.trust_copies(True)
                    listening.set()
                    await lost.wait()
                finally:
                    watcher.trust_copies(False)
                    connection.terminate()
            await asyncio.sleep(RECONNECT_S)


async def _tell_nobody(_changed: SessionsChanged) -> None:
    """For works that do not change sessions, or where nobody listens."""


async def carry_out(
    connection: Any, work: Work[T], tell: Callable[[SessionsChanged], Awaitable[None]] = _tell_nobody
) -> T:
    """Carry a work out. ``tell``: tells the other processes which sessions have changed."""
    rows: Sequence[Row] = ()
    try:
        step = next(work)
        while True:
            if isinstance(step, SessionsChanged):
                await tell(step)
                rows = ()
            else:
                rows = await _fetch(connection, step)
            step = work.send(rows)
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        work.close()


async def _fetch(connection: Any, statement: Statement) -> Sequence[Row]:
    sql, names = compiled(statement.sql)
    if statement.locks:
        sql += " FOR UPDATE"
    records = await connection.fetch(sql, *(statement.parameters[name] for name in names))
    return [tuple(record) for record in records]


@cache
def compiled(sql: str) -> tuple[str, tuple[str, ...]]:
    """A statement with numbered parameters in place of named ones, and the names in the order of their numbers."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _PARAMETER.sub(number, sql), tuple(names)
