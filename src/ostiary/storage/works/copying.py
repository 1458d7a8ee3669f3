"""What a copy of one database into another asks of both, table by table, in the order of their keys."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from ostiary.storage.migrations import UNFINISHED_COPY, enter, migrate, pending, read_ledger
from ostiary.storage.schema import Table
from ostiary.storage.work import Row, Work, ask

Key = tuple[Any, ...]

_FINISH: Final = "DELETE FROM schema_migrations WHERE version = :version"


class TargetTaken(Exception):
    """The database to copy into holds something else; the message says what, in words that follow its name."""


def begin(source: str, tables: Sequence[Table], translate: Callable[[str], str]) -> Work[bool]:
    """Make the schema, and write down that a copy of the source has begun. True where one had begun before.

    Raises TargetTaken where there is anything but that; SchemaUnfit.
    """
    applied = yield from read_ledger()
    begun_from = applied.pop(UNFINISHED_COPY, None)
    if begun_from is not None:
        if begun_from != source:
            raise TargetTaken(f"holds an unfinished copy of {begun_from}: start over with an empty database")
        if pending(applied):
            raise TargetTaken("holds a copy that another version has begun: start over with an empty database")
        return True
    yield from migrate(translate)
    for table in tables:
        if (yield from count_rows(table, at_most=1)):
            raise TargetTaken(f"is not empty: there are rows in {table.name}; nothing is overwritten")
    yield from enter(UNFINISHED_COPY, "copy", source)
    return False


def finish() -> Work[None]:
    """Write down that everything is there: from now on the database is one like others."""
    yield ask(_FINISH, version=UNFINISHED_COPY)


def count_rows(table: Table, *, at_most: int | None = None) -> Work[int]:
    """How many rows a table has, counted no further than told."""
    if at_most is None:
        ((count,),) = yield ask(f"SELECT count(*) FROM {table.name}")
    else:
        ((count,),) = yield ask(f"SELECT count(*) FROM (SELECT 1 FROM {table.name} LIMIT {at_most}) AS found")
    return int(count)


def last_key(table: Table) -> Work[Key | None]:
    """The key of the last row by the order of keys; None for an empty table."""
    backward = ", ".join(f"{column} DESC" for column in table.key)
    rows = yield ask(f"SELECT {', '.join(table.key)} FROM {table.name} ORDER BY {backward} LIMIT 1")
    return tuple(rows[0]) if rows else None


def rows_after(table: Table, after: Key | None, limit: int) -> Work[Sequence[Row]]:
    """Whole rows by the order of keys: the first so many whose keys come after one."""
    key = ", ".join(table.key)
    names = [f"key_{chr(ord('a') + place)}" for place in range(len(table.key))]
    where = "" if after is None else f"WHERE ({key}) > ({', '.join(f':{name}' for name in names)})"
    sql = f"SELECT {', '.join(table.columns)} FROM {table.name} {where} ORDER BY {key} LIMIT :row_limit"
    parameters = {} if after is None else dict(zip(names, after, strict=True))
    return (yield ask(sql, row_limit=limit, **parameters))


def insertion(table: Table) -> str:
    """The statement that puts a row into a table, in SQLite's words, with a question mark for each value."""
    marks = ", ".join("?" for _ in table.columns)
    return f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"


def deletion(table: Table) -> str:
    """The statement that empties a table."""
    return f"DELETE FROM {table.name}"


def cut_at_nul(table: Table, column: str) -> str:
    """The statement, in SQLite's words, that shortens all texts of a column so that no NUL is left in them."""
    nul = f"instr({column}, char(0))"
    return f"UPDATE {table.name} SET {column} = substr({column}, 1, {nul} - 1) WHERE {nul} > 0"


def numbering(table: Table) -> str:
    """The statement, in PostgreSQL's words, after which the next row gets a number above those that are there."""
    name, column = table.name, table.numbered
    highest = f"SELECT max({column}) AS number FROM {name}"
    return (
        f"SELECT setval(pg_get_serial_sequence('{name}', '{column}'), number) FROM ({highest}) AS highest "
        "WHERE number IS NOT NULL"
    )
