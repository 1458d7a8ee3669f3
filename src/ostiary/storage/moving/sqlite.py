"""A SQLite file at one end of a copy. All it does happens in one thread, which is not the event loop's."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from ostiary.storage.moving.ends import RowRefused
from ostiary.storage.schema import Table
from ostiary.storage.sqlite import PRIMARY_CODE, carry_out, connect, make_private, open_durable, write_alone
from ostiary.storage.work import DatabaseUnusable, Row, Work
from ostiary.storage.works.copying import deletion, insertion

T = TypeVar("T")

PATIENCE_MS: Final = 500
"""How long a claim waits for another program to leave."""

CACHE_KIB: Final = 64 * 1024
"""Of pages, in memory: what is inserted by the order of one key is scattered over the other indexes."""

_BYTES: Final = """
    SELECT master.tbl_name, sum(pages.pgsize) FROM sqlite_master AS master
    JOIN dbstat AS pages ON pages.name = master.name AND pages.aggregate = TRUE GROUP BY master.tbl_name
"""


class SqliteEnd:
    """A file. ``identity``: its absolute path. ``writes``: whether it is to be written, and made if it is not there."""

    def __init__(self, path: Path, *, writes: bool) -> None:
        self._path = path
        self._writes = writes
        self.identity = f"sqlite:///{path.resolve()}"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ostiary-copy")
        self._opened: sqlite3.Connection | None = None

    @property
    def translate(self) -> Callable[[str], str]:
        return str

    async def claim(self) -> bool:
        return await self._do(self._claim)

    async def read(self, work: Work[T]) -> T:
        return await self._do(lambda: carry_out(self._connection(), work))

    async def write(self, work: Work[T]) -> T:
        return await self._do(lambda: write_alone(self._connection(), work))

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        await self._do(self._begin_reading)
        try:
            yield
        finally:
            await self._do(lambda: self._connection().execute("COMMIT"))

    async def insert(self, table: Table, rows: Sequence[Row]) -> None:
        await self._do(lambda: self._insert(table, rows))

    async def empty(self, tables: Sequence[Table]) -> None:
        await self._do(lambda: self._empty(tables))

    async def bytes_of_tables(self) -> Mapping[str, int | None]:
        return await self._do(self._bytes_of_tables)

    async def settle(self, tables: Sequence[Table]) -> None:  # noqa: ARG002 - SQLite numbers by what is there
        await self._do(self._settle)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _do(self, what: Callable[[], T]) -> T:
        def carefully() -> T:
            with self._told():
                return what()

        return await asyncio.get_running_loop().run_in_executor(self._thread, carefully)

    # --- In the thread -----------------------------------------------------------------------------------------------

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "decode" in str(error):  # goes on with the text itself
                raise DatabaseUnusable(f"The database {self._path} holds a text that is not UTF-8") from error
            raise DatabaseUnusable(f"The database {self._path} cannot be used: {error}") from error
        except (sqlite3.Error, OSError) as error:
            raise DatabaseUnusable(f"The database {self._path} cannot be used: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        """Opened on the first use, beside others who have the file open."""
        if self._opened is None:
            self._opened = open_durable(self._path) if self._writes else connect(self._path)
            self._opened.execute(f"PRAGMA query_only = {int(not self._writes)}")
        return self._opened

    def _claim(self) -> bool:
        """Open the file anew, in the mode that leaves no room for others."""
        self._close()
        if self._writes:
            make_private(self._path)
        self._opened = connection = connect(self._path)
        try:
            connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")  # in that mode the lock stays
        except sqlite3.OperationalError as error:
            self._close()
            if error.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_BUSY:
                return False
            raise
        if self._writes:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA foreign_keys = ON")
            # Until all is there, a power loss may take the last transactions back; the copy would go on from there.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        else:
            connection.execute("PRAGMA query_only = ON")
        return True

    def _begin_reading(self) -> None:
        self._connection().execute("BEGIN")
        self._connection().execute("SELECT 1 FROM sqlite_master").fetchall()  # the moment is that of the first read

    def _insert(self, table: Table, rows: Sequence[Row]) -> None:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(insertion(table), rows)
            connection.execute("COMMIT")
        except BaseException as error:
            connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.IntegrityError):
                raise RowRefused(table, str(error)) from error
            raise

    def _empty(self, tables: Sequence[Table]) -> None:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            for table in reversed(tables):
                connection.execute(deletion(table))
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _bytes_of_tables(self) -> Mapping[str, int | None]:
        connection = self._connection()
        try:
            return dict(connection.execute(_BYTES).fetchall())
        except sqlite3.OperationalError:  # not every build of SQLite can tell
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {name: None for (name,) in names}

    def _settle(self) -> None:
        connection = self._connection()
        connection.execute("PRAGMA optimize")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _close(self) -> None:
        if self._opened is not None:
            with suppress(sqlite3.Error):
                self._opened.close()
            self._opened = None
