"""Works on SQLite: one thread writes, one reads, and neither ever makes the event loop wait.

The writer gathers what is waiting into one commit (each work in a savepoint of its own), so that ``synchronous=FULL``
costs a fraction of a commit each: what was acknowledged survives a kill and a power loss. The reader answers what is
waiting in one go. Other processes may write the same file; the writer notices and says so.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from ostiary.accounts.ports import StoreUnavailable
from ostiary.storage.migrations import SchemaUnfit, migrate
from ostiary.storage.sqlite_changes import NOTE_CHANGE, SessionChanges, data_version
from ostiary.storage.work import (
    DatabaseUnusable,
    Row,
    Script,
    SessionsChanged,
    Statement,
    Step,
    Together,
    Upon,
    Watcher,
    Work,
    Writing,
    begun,
)

T = TypeVar("T")

OLDEST_SQLITE: Final = (3, 35, 0)
"""The first with RETURNING."""

MAX_BATCH: Final = 200
"""Works in one commit. More would make the first wait for the last without saving much."""

BUSY_TIMEOUT_S: Final = 5.0
"""How long to wait for another process that is writing."""

MODE_PAUSE_S: Final = 0.01
"""How long to wait for another process that is making the file, before looking again."""

FOREIGN_CHECK_S: Final = 0.2
"""How often an idle writer looks whether another process has written."""

ANALYSIS_LIMIT: Final = 400
"""Rows of each index that are looked at to know how it is: what SQLite's documentation recommends. Without a limit all
are, and it takes minutes to stop a server with millions of accounts.
"""

PRIMARY_CODE: Final = 0xFF
BEYOND_US: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
    }
)
"""Errors of the machine or of other processes, which may pass; any other is a bug."""


class _Job(NamedTuple):
    work: Work[Any]
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop


class _Done(NamedTuple):
    future: "asyncio.Future[Any]"
    result: Any
    error: BaseException | None


class SqliteEngine:
    """Carries works out on one SQLite file. ``path`` None: on a database in memory, which ends with the engine.

    ``shared``: with other processes that serve the same accounts.
    """

    def __init__(self, path: Path | None, *, shared: bool = False) -> None:
        self._path = path
        self._shared = shared
        self._changes: SessionChanges | None = None
        self._writes: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        # A database in memory is one connection's alone, so the thread that writes answers what reads as well.
        self._reads: queue.SimpleQueue[_Job | None] = self._writes if path is None else queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watcher: Watcher | None = None

    async def start(self, watcher: Watcher) -> None:
        """Open the file, bring its schema up to date, start the threads. Raises DatabaseUnusable."""
        self._loop = asyncio.get_running_loop()
        self._watcher = watcher
        for name, run in self._threads_to_run():
            opened: Future[None] = Future()
            thread = threading.Thread(target=run, args=(opened,), name=f"ostiary-sqlite-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)
            await asyncio.wrap_future(opened)
        if self._shared:
            self._changes = SessionChanges(connect(self._path))
            watcher.ask_before_use(self._changes.are_none)

    async def stop(self) -> None:
        """Carry out what was asked for, then close the file."""
        for jobs in self._queues():
            jobs.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._threads.clear()
        if self._changes is not None:
            self._changes.close()

    async def read(self, work: Work[T]) -> T:
        """Carry out a work that changes nothing."""
        return await self._ask(self._reads, work)

    async def write(self, work: Writing[T]) -> T:
        """Carry out a work as one transaction. None is broken off for another's sake: they come one after the other."""
        return await self._ask(self._writes, begun(work))

    async def write_singly(self, work: Writing[T]) -> T:
        """Carry out a work whose statements may stand alone; together they cost no more here."""
        return await self.write(work)

    def waiting(self) -> int:
        """How many works wait for either thread."""
        return sum(jobs.qsize() for jobs in self._queues())

    def _queues(self) -> "list[queue.SimpleQueue[_Job | None]]":
        return [self._writes] if self._path is None else [self._writes, self._reads]

    def _threads_to_run(self) -> Iterator[tuple[str, Callable[[Future[None]], None]]]:
        yield "writer", self._run_writer
        if self._path is not None:
            yield "reader", partial(self._run_reader, self._path)

    def _ask(self, jobs: "queue.SimpleQueue[_Job | None]", work: Work[T]) -> "asyncio.Future[T]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        jobs.put(_Job(work, future, loop))
        return future

    # --- In the threads ----------------------------------------------------------------------------------------------

    def _run_writer(self, opened: "Future[None]") -> None:
        try:
            connection = _open_for_writing(self._path)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits in start()
            opened.set_exception(error)
            return
        opened.set_result(None)
        version = data_version(connection)
        wait_s = None if self._path is None else FOREIGN_CHECK_S
        open_still = True
        while open_still:
            batch, open_still = _next_batch(self._writes, wait_s)
            if batch:
                _deliver(_write_batch(connection, batch), batch, self._forget_everything)
            if not self._shared and (now := data_version(connection)) != version:
                version = now
                if self._loop is not None and not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(self._forget_everything)
        with suppress(sqlite3.Error):
            connection.execute(f"PRAGMA analysis_limit = {ANALYSIS_LIMIT}")
            connection.execute("PRAGMA optimize")
        connection.close()

    def _run_reader(self, path: Path, opened: "Future[None]") -> None:
        connection = connect(path)
        connection.execute("PRAGMA query_only = ON")
        opened.set_result(None)
        open_still = True
        while open_still:
            batch, open_still = _next_batch(self._reads, None)
            _deliver([_carry_out(connection, job) for job in batch], batch, None)
        connection.close()

    def _forget_everything(self) -> None:
        if self._watcher is not None:
            self._watcher.forget_everything()


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection on which transactions begin where they are told to."""
    return sqlite3.connect(path or ":memory:", timeout=BUSY_TIMEOUT_S, isolation_level=None, cached_statements=256)


def _open_for_writing(path: Path | None) -> sqlite3.Connection:
    connection = open_durable(path)
    try:
        write_alone(connection, migrate())
    except (sqlite3.Error, SchemaUnfit) as error:
        connection.close()
        raise DatabaseUnusable(f"The database {path or 'in memory'} cannot be opened: {error}") from error
    return connection


def open_durable(path: Path | None) -> sqlite3.Connection:
    """A connection whose commits survive a power loss, to a file that is made if there is none.

    Raises DatabaseUnusable.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise DatabaseUnusable(
            f"SQLite {sqlite3.sqlite_version} is too old: {'.'.join(map(str, OLDEST_SQLITE))} or newer is needed"
        )
    try:
        if path is not None:
            make_private(path)
        connection = connect(path)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(f"The database {path or 'in memory'} cannot be opened: {error}") from error
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have the file use a write-ahead log; where several make it at once SQLite does not wait, so this does."""
    connection.execute("PRAGMA busy_timeout = 0")
    for _ in range(int(BUSY_TIMEOUT_S / MODE_PAUSE_S)):
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
            break
        threading.Event().wait(MODE_PAUSE_S)
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    connection.execute("PRAGMA journal_mode = WAL")


def make_private(path: Path) -> None:
    """Create the file readable by its owner alone; it holds password hashes."""
    if not path.exists():
        path.touch(mode=0o600)


def _next_batch(jobs: "queue.SimpleQueue[_Job | None]", wait_s: float | None) -> tuple[list[_Job], bool]:
    """What is waiting, at most MAX_BATCH; and whether more may come."""
    batch: list[_Job] = []
    try:
        job = jobs.get(timeout=wait_s)
        while job is not None:
            batch.append(job)
            if len(batch) >= MAX_BATCH:
                return batch, True
            job = jobs.get_nowait()
    except queue.Empty:
        return batch, True
    return batch, False


def _write_batch(connection: sqlite3.Connection, batch: Sequence[_Job]) -> list[_Done]:
    try:
        connection.execute("BEGIN IMMEDIATE")
        done = [_carry_out_in_savepoint(connection, job) for job in batch]
        connection.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it, and the thread go on
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")  # SQLite may have done so by itself
        return [_Done(job.future, None, _unavailable(error)) for job in batch]
    return done


def _unavailable(cause: BaseException) -> StoreUnavailable:
    """What those are told whose work could not be done: another process holds the file, the disk is full."""
    error = StoreUnavailable()
    error.__cause__ = cause
    return error


def _carry_out_in_savepoint(connection: sqlite3.Connection, job: _Job) -> _Done:
    """One work: what it wrote is undone when it fails, without harm to its neighbors."""
    connection.execute("SAVEPOINT work")
    done = _carry_out(connection, job)
    if done.error is not None:
        connection.execute("ROLLBACK TO work")
    connection.execute("RELEASE work")
    return done


def _carry_out(connection: sqlite3.Connection, job: _Job) -> _Done:
    try:
        return _Done(job.future, carry_out(connection, job.work), None)
    except sqlite3.OperationalError as error:
        is_no_fault_of_ours = error.sqlite_errorcode & PRIMARY_CODE in BEYOND_US
        return _Done(job.future, None, _unavailable(error) if is_no_fault_of_ours else error)
    except BaseException as error:  # noqa: BLE001 - told to whoever asked for the work
        return _Done(job.future, None, error)


def carry_out(connection: sqlite3.Connection, work: Work[T]) -> T:
    """Carry a work out. What it holds needs no lock here."""
    try:
        step = next(work)
        while True:
            step = work.send(_rows_of(connection, step))
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        work.close()


def _rows_of(connection: sqlite3.Connection, step: Step) -> Sequence[Row]:
    if isinstance(step, Statement):
        return connection.execute(step.sql, step.parameters).fetchall()
    rows: Sequence[Row] = ()
    if isinstance(step, Together):
        for statement in step.statements:
            rows = connection.execute(statement.sql, statement.parameters).fetchall()
    elif isinstance(step, Upon):
        rows = connection.execute(step.first.sql, step.first.parameters).fetchall()
        for statement in step.then if rows else ():
            connection.execute(statement.sql, statement.parameters).fetchall()
    elif isinstance(step, Script):
        for sql in step.statements:  # executescript() would commit first
            connection.execute(sql)
    elif isinstance(step, SessionsChanged):
        connection.execute(NOTE_CHANGE)
    return rows


def write_alone(connection: sqlite3.Connection, work: Work[T]) -> T:
    """Carry a work out as a transaction of its own."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = carry_out(connection, work)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return result


def _deliver(done: Sequence[_Done], batch: Sequence[_Job], abandoned: Callable[[], None] | None) -> None:
    """Hand results to the event loops that wait for them, one call for all of a loop's.

    ``abandoned``: called there for a work that was carried out while nobody waited for it any more.
    """
    for loop in {job.loop for job in batch}:
        mine = [one for one, job in zip(done, batch, strict=True) if job.loop is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, mine, abandoned)


def _resolve(done: Sequence[_Done], abandoned: Callable[[], None] | None) -> None:
    for future, result, error in done:
        if future.done():  # whoever asked was cancelled meanwhile; the work is done all the same
            if abandoned is not None:
                abandoned()
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
