"""What a copy needs of the database at either end of it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Protocol, TypeVar

from ostiary.storage.schema import Table
from ostiary.storage.work import Row, Work
from ostiary.storage.works.copying import Key, rows_after

T = TypeVar("T")


class CannotCopy(Exception):
    """There is something in the way; the message says what, and what to do, for people."""


class RowRefused(Exception):
    """Rows of a table contradict others that are there already: something has changed since those were copied."""

    def __init__(self, table: Table, cause: str) -> None:
        self.table = table
        super().__init__(f"{table.name}: {cause}")


class End(Protocol):
    """A database, at one end of a copy, or looked at. All it does raises DatabaseUnusable where the database fails.

    ``identity``: which database it is, however it is spelled; for people as well, so without a password.
    """

    identity: str

    @property
    def translate(self) -> Callable[[str], str]:
        """From the words of the schema's steps to the engine's."""
        ...

    async def claim(self) -> bool:
        """Keep every other program out until this end is closed; False where one is in that does not leave."""
        ...

    async def read(self, work: Work[T]) -> T:
        """Carry out a work that changes nothing."""
        ...

    async def write(self, work: Work[T]) -> T:
        """Carry out a work as one transaction."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """All that is read within is as it was at one moment, whatever others write."""
        ...

    async def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows: all of them, or none. Raises RowRefused, CannotCopy."""
        ...

    async def empty(self, tables: Sequence[Table]) -> None:
        """Remove all rows of these tables, which are in the order in which they can be filled."""
        ...

    async def bytes_of_tables(self) -> Mapping[str, int | None]:
        """The tables that there are, each with what it takes on disk, its indexes included; None where unknown."""
        ...

    async def settle(self, tables: Sequence[Table]) -> None:
        """See to what else a database has that was filled: the next numbers, statistics. All that was done lasts."""
        ...

    async def close(self) -> None:
        """Let go of the database."""
        ...


async def batches(end: End, table: Table, after: Key | None, size: int) -> AsyncGenerator[Sequence[Row], None]:
    """The rows of a table by the order of their keys, so many at a time, from after one on. To be closed.

    The next are being read while whoever asked is busy with those before.
    """
    reading = asyncio.ensure_future(end.read(rows_after(table, after, size)))
    try:
        while rows := await reading:
            if len(rows) < size:
                yield rows
                return
            reading = asyncio.ensure_future(end.read(rows_after(table, tuple(key_of(table, rows[-1]).values()), size)))
            yield rows
    finally:
        with suppress(Exception):  # nobody waits for them any longer; the connection has to be free
            await reading


def key_of(table: Table, row: Row) -> dict[str, Any]:
    """The columns of a row's key."""
    whole = dict(zip(table.columns, row, strict=True))
    return {column: whole[column] for column in table.key}


SECRET_KEYS = frozenset({"token"})
"""Columns of keys that are good for something as they are: what lets one register. All others may be told."""


def told_key(table: Table, row: Row) -> str:
    """Which row it is, for people. Digests are cut short, and what is secret is not told."""

    def told(column: str, value: Any) -> str:
        if column in SECRET_KEYS:
            return "***"
        return f"{value[:8].hex()}…" if isinstance(value, bytes) else repr(value)

    return ", ".join(f"{column} {told(column, value)}" for column, value in key_of(table, row).items())
