"""Which database is meant, and how it is opened: the one of the configuration, or one that an argument names."""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ostiary.cli.options import configure
from ostiary.cli.output import MISUSED, fail
from ostiary.config import PostgresDatabase, SqliteDatabase, parse_database_url
from ostiary.config.database import without_password

if TYPE_CHECKING:
    from ostiary.storage.inspecting import Inspection
    from ostiary.storage.moving.ends import End

T = TypeVar("T")

FROM_VARIABLE: Final = "env:"
FROM_FILE: Final = "file:"
INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Place:
    """A database. ``shown``: its URL as it may be printed."""

    shown: str
    database: SqliteDatabase | PostgresDatabase


def given_place(given: str) -> Place:
    """The database of a URL, or where that is to be read: ``env:VARIABLE``, ``file:PATH``."""
    try:
        return place_of(_url(given))
    except (OSError, KeyError, ValueError) as error:
        fail(f"{_called(given)}: {_reason(error)}", MISUSED)


def place_of(url: str) -> Place:
    """The database of a URL. Raises ValueError."""
    return Place(without_password(url), parse_database_url(url))


def configured_place(options: dict[str, Any]) -> Place:
    """The database of the configuration."""
    return place_of(configure(options).config.database)


def _url(given: str) -> str:
    if given.startswith(FROM_VARIABLE):
        return os.environ[given.removeprefix(FROM_VARIABLE)]
    if given.startswith(FROM_FILE):
        return Path(given.removeprefix(FROM_FILE)).read_text(encoding="utf-8").strip()
    return given


def _called(given: str) -> str:
    return given if given.startswith((FROM_VARIABLE, FROM_FILE)) else without_password(given)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return str(error.strerror)
    return "is not set" if isinstance(error, KeyError) else f"must be {error}"


async def inspect(place: Place) -> "Inspection":
    """Look at a database. Raises DatabaseUnusable, ImportError."""
    from ostiary.storage.inspecting import inspect_postgres, inspect_sqlite

    if isinstance(place.database, SqliteDatabase):
        return await asyncio.to_thread(inspect_sqlite, place.database.path)
    return await inspect_postgres(place.database.url.reveal())


@asynccontextmanager
async def opened(place: Place, *, writes: bool) -> "AsyncIterator[End]":
    """A database, open. ``writes``: whether anything may be written. Raises DatabaseUnusable, ImportError."""
    end = await _open(place, writes=writes)
    try:
        yield end
    finally:
        await end.close()


async def _open(place: Place, *, writes: bool) -> "End":
    if isinstance(place.database, SqliteDatabase):
        from ostiary.storage.moving.sqlite import SqliteEnd

        return SqliteEnd(place.database.path, writes=writes)
    from ostiary.storage.moving.postgres import open_postgres

    return await open_postgres(place.database.url.reveal())


def run(work: Coroutine[Any, Any, T], *, if_interrupted: str = "interrupted") -> T:
    """Run to the end. What is in the way is told in a line."""
    from ostiary.storage.migrations import SchemaUnfit
    from ostiary.storage.moving.ends import CannotCopy
    from ostiary.storage.work import DatabaseUnusable

    try:
        return asyncio.run(work)
    except (CannotCopy, DatabaseUnusable) as error:
        fail(str(error))
    except SchemaUnfit as error:
        fail(f"The database cannot be used: {error}")
    except ImportError as error:
        if error.name != "asyncpg":
            raise
        fail("PostgreSQL needs: pip install 'ostiary[postgres]'", MISUSED)
    except KeyboardInterrupt:
        fail(if_interrupted, INTERRUPTED)
