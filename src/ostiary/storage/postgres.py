"""Works on PostgreSQL: a pool of connections, a transaction for each work that writes.

What a process remembers of sessions is believed only while ``postgres_channel`` hears of the changes that others make;
or, on databases without notifications, for a set time.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol, TypeVar

import asyncpg

from ostiary.accounts.ports import StoreUnavailable
from ostiary.storage.aging import Aging
from ostiary.storage.migrations import SchemaUnfit, migrate, to_cockroach, to_postgres
from ostiary.storage.postgres_channel import CONNECT_TIMEOUT_S, Channel
from ostiary.storage.postgres_errors import BEYOND_US, BROKEN_OFF
from ostiary.storage.work import (
    AT_ONCE,
    GIVEN,
    DatabaseUnusable,
    Row,
    Script,
    SessionsChanged,
    Statement,
    Together,
    Upon,
    Watcher,
    Work,
    Writing,
    begun,
)

T = TypeVar("T")

MALFORMED_URL: Final = (
    "The PostgreSQL database cannot be used: its URL is malformed; a password's signs are written like %2F in it"
)
"""Said without what the parser says: where a password has a slash, that is a part of it."""

DEADLINE_S: Final = 30.0
"""How long a statement may take, and a work wait for a connection: a database that hangs must not hang its callers."""

ATTEMPTS: Final = 5
"""How often a work is begun that the database breaks off because of another: at a deadlock, or where it cannot tell in
which order the two came."""

PAUSE_S: Final = 0.005
"""Before the second, and doubled each time."""

MIGRATION_LOCK: Final = 7_240_141_152
"""Of the processes that start at once, one brings the schema up to date; the number means nothing."""

_PARAMETER: Final = re.compile(r"(?<!:):([a-z_]+)")
_AT_ONCE: Final = re.compile(re.escape(AT_ONCE).replace(re.escape("{text}"), "(.+?)"), re.DOTALL)

Places = tuple[tuple[int, str], ...]
"""Of each parameter of a joined statement: which statement's it is, and its name."""


class _Connection(asyncpg.Connection):
    """A connection on which nothing has to be reset: works leave nothing behind, and the reset costs a round trip."""

    def get_reset_query(self) -> str:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresRules:
    """How a database is used. ``connections``: at most, besides the one that listens.

    ``lease_s``: for how long one that is not heard of may hold up what ends a session. ``remember_s``: None where the
    database notifies; else for how long what is remembered of sessions is believed.
    """

    connections: int = 10
    lease_s: float = 2.0
    remember_s: float | None = None


class _Coherence(Protocol):
    """Keeps what processes remember in step: see ``Channel``."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    def are_current(self) -> bool: ...
    def notice(self, session_ids: Iterable[int], /) -> tuple[str, str] | None: ...
    async def tell(self, session_ids: Sequence[int], /) -> None: ...


class PostgresEngine:
    """Carries works out on one PostgreSQL database.

    ``dsn``: its URL. ``ticks``: seconds of a clock that nobody sets, and that goes on while the machine sleeps.
    """

    def __init__(self, dsn: str, ticks: Callable[[], float], rules: PostgresRules | None = None) -> None:
        self._dsn = dsn
        self._ticks = ticks
        self._rules = rules or PostgresRules()
        self._pool: asyncpg.Pool[Any] | None = None
        self._watcher: Watcher | None = None
        self._coherence: _Coherence = Aging(0, ticks)
        self._under_way = 0

    async def start(self, watcher: Watcher) -> None:
        """Connect, bring the schema up to date, listen. Raises DatabaseUnusable."""
        self._watcher = watcher
        try:
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                max_size=self._rules.connections,
                connection_class=_Connection,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=DEADLINE_S,
            )
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
                translate = to_cockroach if await is_cockroach(connection) else to_postgres
                await carry_out(connection, migrate(translate), deadline_s=DEADLINE_S)
        except (asyncpg.PostgresError, *BEYOND_US, SchemaUnfit) as error:
            # The error's text names host and database, never the password.
            raise DatabaseUnusable(f"The PostgreSQL database cannot be used: {error}") from error
        except ValueError:
            raise DatabaseUnusable(MALFORMED_URL) from None
        if self._rules.remember_s is None:
            self._coherence = Channel(self._dsn, watcher, self._ticks, lease_s=self._rules.lease_s)
        else:
            self._coherence = Aging(self._rules.remember_s, self._ticks)
        await self._coherence.open()
        watcher.ask_before_use(self._coherence.are_current)

    async def stop(self) -> None:
        """Carry out what was asked for, then close the connections."""
        await self._coherence.close()
        if self._pool is not None:
            await self._pool.close()

    async def read(self, work: Work[T]) -> T:
        """Carry out a work that changes nothing."""
        async with self._acquired() as connection:
            return await self._carry_out(connection, work, [])

    async def write(self, work: Writing[T]) -> T:
        """Carry out a work as one transaction, whether whoever asked still waits or not."""
        return await self._shielded(self._write(work, singly=False))

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        writing = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            writing.add_done_callback(self._forget_everything)  # nobody is left to say what has changed
            raise

    async def write_singly(self, work: Writing[T]) -> T:
        """Carry out a work whose statements may stand alone, without a transaction around them."""
        return await self._shielded(self._write(work, singly=True))

    def waiting(self) -> int:
        """How many works wait for a connection."""
        return max(0, self._under_way - self._rules.connections)

    async def _write(self, work: Writing[T], *, singly: bool) -> T:
        attempt = 1
        while True:
            changed: list[int] = []
            alone = singly and self._coherence.notice(()) is None  # else that has to go with what has changed
            try:
                async with self._acquired() as connection, nullcontext() if alone else connection.transaction():
                    result = await self._carry_out(connection, begun(work), changed)
                break
            except StoreUnavailable as error:
                if not callable(work) or not isinstance(error.__cause__, BROKEN_OFF) or attempt == ATTEMPTS:
                    raise
            await asyncio.sleep(PAUSE_S * 2**attempt)
            attempt += 1
        if changed:
            await self._tell(changed)
        return result

    async def _tell(self, changed: Sequence[int]) -> None:
        try:
            await self._coherence.tell(changed)
        except StoreUnavailable:
            if self._watcher is not None:
                self._watcher.forget(changed)  # it is done, though nobody is told so
            raise

    def _forget_everything(self, writing: "asyncio.Future[Any]") -> None:
        if not writing.cancelled():
            writing.exception()  # which nobody asks for any more
        if self._watcher is not None:
            self._watcher.forget_everything()

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Any]:
        """A connection. One that breaks is closed at once, and what broke it told as StoreUnavailable."""
        self._under_way += 1
        try:
            async with self._ready().acquire(timeout=DEADLINE_S) as connection:
                try:
                    yield connection
                except BROKEN_OFF:  # the connection is as good as before
                    raise
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

    async def _carry_out(self, connection: Any, work: Work[T], changed: list[int]) -> T:
        """``changed``: filled with the sessions that the work has changed."""

        async def tell(step: SessionsChanged) -> None:
            changed.extend(step.session_ids)
            if notice := self._coherence.notice(step.session_ids):
                await connection.execute("SELECT pg_notify($1, $2)", *notice)

        return await carry_out(connection, work, tell)


async def is_cockroach(connection: Any) -> bool:
    """Whether it is CockroachDB that speaks as PostgreSQL does."""
    return "CockroachDB" in await connection.fetchval("SELECT version()")


async def _tell_nobody(_changed: SessionsChanged) -> None:
    """For works that do not change sessions, or where nobody listens."""


async def carry_out(
    connection: Any,
    work: Work[T],
    tell: Callable[[SessionsChanged], Awaitable[None]] = _tell_nobody,
    *,
    deadline_s: float | None = None,
) -> T:
    """Carry a work out. ``tell``: tells the other processes which sessions have changed.

    ``deadline_s``: for a script, how long each of its statements may take; None for as long as any statement.
    """
    rows: Sequence[Row] = ()
    try:
        step = next(work)
        while True:
            if isinstance(step, SessionsChanged):
                await tell(step)
                rows = ()
            elif isinstance(step, Script):
                in_all_s = None if deadline_s is None else deadline_s * len(step.statements)
                await connection.execute(";\n".join(step.statements), timeout=in_all_s)
                rows = ()
            else:
                rows = await _fetch(connection, step)
            step = work.send(rows)
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        work.close()


async def _fetch(connection: Any, step: Statement | Together | Upon) -> Sequence[Row]:
    if isinstance(step, Statement):
        sql, names = compiled(step.sql)
        values = [step.parameters[name] for name in names]
    else:
        statements = (step.first, *step.then) if isinstance(step, Upon) else step.statements
        compile_all = compiled_upon if isinstance(step, Upon) else compiled_together
        sql, places = compile_all(tuple(statement.sql for statement in statements))
        values = [statements[which].parameters[name] for which, name in places]
    return [tuple(record) for record in await connection.fetch(sql, *values)]


@cache
def compiled(sql: str, before: int = 0) -> tuple[str, tuple[str, ...]]:
    """A statement with numbered parameters in place of named ones, and the names in the order of their numbers.

    ``before``: how many numbers other statements have taken that it is to be one with.
    """
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in names:
            names.append(name)
        return f"${before + names.index(name) + 1}"

    return _PARAMETER.sub(number, _AT_ONCE.sub(r"\1", sql)), tuple(names)


@cache
def compiled_together(statements: tuple[str, ...]) -> tuple[str, Places]:
    """Several statements as one, and its parameters: of which statement, by which name."""
    texts, places = _numbered(statements)
    *others, last = texts
    steps = ", ".join(f"step_{which} AS ({text})" for which, text in enumerate(others))
    return f"WITH {steps} {last}" if steps else last, places


@cache
def compiled_upon(statements: tuple[str, ...]) -> tuple[str, Places]:
    """The same for statements of which all but the first are given what the first gives, which is the answer."""
    first, *then = statements
    if any(GIVEN not in text for text in then):
        raise ValueError(f"what depends on another statement has {GIVEN!r} in its condition")
    then = [text.replace(GIVEN, "EXISTS (SELECT 1 FROM step_0)") for text in then]
    return compiled_together((first, *then, "SELECT * FROM step_0"))


def _numbered(statements: Sequence[str]) -> tuple[list[str], Places]:
    """Statements whose parameters are numbered throughout."""
    texts: list[str] = []
    places: list[tuple[int, str]] = []
    for which, statement in enumerate(statements):
        sql, names = compiled(statement, len(places))
        texts.append(sql)
        places += [(which, name) for name in names]
    return texts, tuple(places)
