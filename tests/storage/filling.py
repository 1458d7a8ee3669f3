"""Fills a SQLite database with rows that mean nothing: so many in each table, whichever tables the schema has."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from ostiary.storage.migrations import migrate
from ostiary.storage.moving.sqlite import SqliteEnd
from ostiary.storage.schema import Table, carried_tables

LETTERS: Final = "aÄZ_€z😀-"
"""What texts begin with: languages, and characters, would sort them otherwise than their bytes do."""


class Column(NamedTuple):
    """``parent``: the table and the column that it refers to."""

    name: str
    kind: str
    may_be_null: bool
    parent: tuple[str, str] | None


async def make(path: Path) -> None:
    """A database with the schema, and nothing in it."""
    end = SqliteEnd(path, writes=True)
    await end.write(migrate())
    await end.close()


def fill(path: Path, rows: int, *, first: int = 0) -> None:
    """Put so many rows into each table that is carried over. ``first``: the number of the first of them."""
    with closing(sqlite3.connect(path)) as database:
        columns = {table.name: columns_of(database, table) for table in carried_tables()}
        for table, its in columns.items():
            marks = ", ".join("?" for _ in its)
            names = ", ".join(column.name for column in its.values())
            database.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", _rows(columns, table, first, rows))
        database.commit()


def columns_of(database: sqlite3.Connection, table: Table) -> dict[str, Column]:
    """What a table's columns are, by the database itself."""
    parents = {
        column: (parent, its)
        for parent, column, its in database.execute(
            'SELECT "table", "from", "to" FROM pragma_foreign_key_list(?)', (table.name,)
        )
    }
    infos = database.execute('SELECT name, type, "notnull" FROM pragma_table_info(?)', (table.name,))
    return {name: Column(name, kind, not required, parents.get(name)) for name, kind, required in infos}


def _rows(columns: dict[str, dict[str, Column]], table: str, first: int, count: int) -> Iterator[tuple[Any, ...]]:
    its = list(columns[table].values())
    for number in range(first, first + count):
        yield tuple(_value(columns, column, number, place) for place, column in enumerate(its))


def _value(columns: dict[str, dict[str, Column]], column: Column, number: int, place: int = 1) -> Any:
    if column.parent is not None:
        table, name = column.parent
        return _value(columns, columns[table][name], number)
    if column.may_be_null and (number + place) % 3 == 0:
        return None
    if column.kind == "TEXT":
        return f"{LETTERS[number % len(LETTERS)]}{column.name}{number}"
    if column.kind == "BLOB":
        return hashlib.sha256(b"%d" % number).digest()
    return number * 3 + 1 if column.kind == "INTEGER" else _integer(columns, column, number)


def _integer(columns: dict[str, dict[str, Column]], column: Column, number: int) -> int:
    """Small ones, large ones, and one below zero now and then."""
    return (number * 2_654_435_761) % 2**62 - number % 2
