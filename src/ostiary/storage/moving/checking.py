"""Whether two databases hold the same: by the number of rows and a hash of all of them, table by table.

The hash is of the values themselves, by the order of keys, so it is the same for the same rows on every engine.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ostiary.storage.moving.ends import End, batches, key_of, told_key
from ostiary.storage.schema import Table
from ostiary.storage.work import Row

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds: how many rows, and the SHA-256 of them."""

    rows: int
    sha256: str


async def contents(source: End, target: End, table: Table, size: int, advance: Advance) -> tuple[Content, Content]:
    """What a table holds on both sides, which are read at the same time."""
    return await asyncio.gather(_content(source, table, size, advance), _content(target, table, size, advance))


async def _content(end: End, table: Table, size: int, advance: Advance) -> Content:
    digest, count = hashlib.sha256(), 0
    async with aclosing(batches(end, table, None, size)) as reading:
        async for rows in reading:
            # A row's repr says of each value which type it has, and where it ends.
            digest.update("".join([f"{row!r}\n" for row in rows]).encode())
            count += len(rows)
            advance(len(rows))
    return Content(count, digest.hexdigest())


@dataclass(slots=True)
class Difference:
    """In what a table differs. ``first``: the key of the first row that does."""

    table: Table
    missing: int = 0
    unknown: int = 0
    changed: int = 0
    first: str = ""

    def __str__(self) -> str:
        counts = [
            (self.missing, "missing in the target"),
            (self.unknown, "not in the source"),
            (self.changed, "not the same"),
        ]
        told = ", ".join(f"{count} {what}" for count, what in counts if count)
        return f"{self.table.name}: {told} (first: {self.first})"


async def difference(source: End, target: End, table: Table, size: int) -> Difference:
    """Walk both tables by the order of their keys, and count what is not the same."""
    found = Difference(table)
    ours, theirs = _rows(source, table, size), _rows(target, table, size)
    one, other = await anext(ours, None), await anext(theirs, None)
    while one is not None or other is not None:
        place = _compare(table, one, other)
        if place or one != other:
            found.missing += place < 0
            found.unknown += place > 0
            found.changed += place == 0
            found.first = found.first or told_key(table, (one if place <= 0 else other) or ())
        if place <= 0:
            one = await anext(ours, None)
        if place >= 0:
            other = await anext(theirs, None)
    return found


async def _rows(end: End, table: Table, size: int) -> AsyncGenerator[Row, None]:
    async with aclosing(batches(end, table, None, size)) as reading:
        async for rows in reading:
            for row in rows:
                yield row


def _compare(table: Table, one: Row | None, other: Row | None) -> int:
    """Which of two rows comes first by its key: -1 the one, 1 the other, 0 where it is the same key."""
    if one is None or other is None:
        return 1 if one is None else -1
    mine, its = _sortable(table, one), _sortable(table, other)
    return (mine > its) - (mine < its)


def _sortable(table: Table, row: Row) -> tuple[Any, ...]:
    """A row's key in the order of databases: texts by their bytes."""
    return tuple(value.encode() if isinstance(value, str) else value for value in key_of(table, row).values())
