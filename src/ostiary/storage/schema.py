"""What the schema consists of, read from the schema itself: its tables, their columns, keys and references.

The steps of the schema are carried out on a database in memory, which is then asked what it has. So a new table is
known to whoever walks over the tables as soon as a step makes it.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from typing import Final

from ostiary.storage.migrations import migrate
from ostiary.storage.sqlite import connect, write_alone

NOT_CARRIED: Final[Mapping[str, str]] = {
    "schema_migrations": "each database has its own; only databases with the same steps are copied",
    "buckets": "how many calls are left to whom, which is over in minutes",
    "chores": "whose turn it is among the processes that run",
    "listeners": "the processes that run",
    "session_changes": "counts for the processes that share one SQLite file, and means nothing anywhere else",
}
"""The tables that are not taken along to another database, each with the reason. Every other one is."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``columns``: the type of each, as the steps have it; ``key``: the columns of its primary key, in order.

    ``refers_to``: the tables whose rows must be there first. ``numbered``: the column whose values the database gives
    out, where there is one.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    refers_to: frozenset[str]
    numbered: str | None


@cache
def all_tables() -> tuple[Table, ...]:
    """Every table that the steps make, those that are referred to before those that refer to them."""
    with closing(connect(None)) as database:
        write_alone(database, migrate())
        names = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
        tables = {name: _table(database, name) for (name,) in names.fetchall()}
    order = TopologicalSorter({table.name: table.refers_to for table in tables.values()})
    return tuple(tables[name] for name in order.static_order())


def carried_tables() -> tuple[Table, ...]:
    """The tables whose rows are taken along to another database, in the order in which they can be filled."""
    return tuple(table for table in all_tables() if table.name not in NOT_CARRIED)


def with_dependents(names: frozenset[str]) -> tuple[Table, ...]:
    """Those of the carried tables, and all that refer to them, directly or not, in the order of ``carried_tables``."""
    found: list[Table] = []
    for table in carried_tables():
        if table.name in names or table.refers_to & {one.name for one in found}:
            found.append(table)
    return tuple(found)


def _table(database: sqlite3.Connection, name: str) -> Table:
    columns = database.execute("SELECT name, type, pk FROM pragma_table_info(?)", (name,)).fetchall()
    references = database.execute('SELECT "table" FROM pragma_foreign_key_list(?)', (name,)).fetchall()
    key = [column for column, _, place in sorted(columns, key=lambda one: one[2]) if place]
    types = {column: kind for column, kind, _ in columns}
    return Table(
        name,
        types,
        tuple(key),
        frozenset(parent for (parent,) in references),
        # What the steps write as INTEGER NOT NULL PRIMARY KEY: SQLite numbers such rows, and PostgreSQL is told to.
        key[0] if len(key) == 1 and types[key[0]] == "INTEGER" else None,
    )
