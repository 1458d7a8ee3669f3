"""Looks at a database without changing anything: can it be reached, what schema does it have, does it take writes.

The engines would bring the schema up to date, which a look from beside a running server must not do.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ostiary.storage.migrations import UNFINISHED_COPY, SchemaUnfit, all_migrations, pending
from ostiary.storage.work import DatabaseUnusable

TIMEOUT_S: Final = 10.0
_APPLIED: Final = "SELECT version, checksum FROM schema_migrations"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found. ``version``: of the schema, None where there is none yet; ``newest``: the one of this program.

    ``mismatch``: why this program cannot use the schema. ``unwritable``: why nothing can be written. Both for people,
    empty where all is well. ``pending``: the names of the steps that the schema lacks. ``is_half_copied``: a copy into
    it has not been finished.
    """

    version: int | None
    newest: int
    mismatch: str = ""
    unwritable: str = ""
    pending: tuple[str, ...] = ()
    is_half_copied: bool = False


def inspect_sqlite(path: Path) -> Inspection:
    """Look at a file, which must be there. Raises DatabaseUnusable."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=1.0)) as connection:
            has_schema = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'"
            ).fetchone()[0]
            applied = dict(connection.execute(_APPLIED).fetchall()) if has_schema else {}
            return _judge(applied, _why_unwritable(connection))
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"The database {path} cannot be opened: {error}") from error


def _why_unwritable(connection: sqlite3.Connection) -> str:
    try:
        connection.execute("BEGIN IMMEDIATE")  # which asks for what a write needs, and writes nothing
        connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        return str(error)
    return ""


async def inspect_postgres(dsn: str) -> Inspection:
    """Look at a database. Raises DatabaseUnusable, ImportError where its library is not installed."""
    import asyncpg

    from ostiary.storage.postgres import MALFORMED_URL

    try:
        connection: Any = await asyncpg.connect(dsn, timeout=TIMEOUT_S)
        try:
            has_schema = await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL")
            rows = await connection.fetch(_APPLIED) if has_schema else []
            read_only = await connection.fetchval("SHOW transaction_read_only") == "on"
        finally:
            await connection.close(timeout=TIMEOUT_S)
    except TimeoutError as error:
        raise DatabaseUnusable("The PostgreSQL database does not answer") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        # The error's text names host and database, never the password.
        raise DatabaseUnusable(f"The PostgreSQL database cannot be used: {error}") from error
    except ValueError:
        raise DatabaseUnusable(MALFORMED_URL) from None
    return _judge({row[0]: row[1] for row in rows}, "the server takes only reads" if read_only else "")


def _judge(applied: dict[int, str], unwritable: str) -> Inspection:
    newest = all_migrations()[-1].version
    version = max(applied, default=None)
    try:
        lacking = tuple(step.title for step in pending(applied))
    except SchemaUnfit as error:
        return Inspection(version, newest, str(error), unwritable, is_half_copied=UNFINISHED_COPY in applied)
    return Inspection(version, newest, "", unwritable, lacking)
