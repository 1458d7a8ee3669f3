"""What is known of the schema is what the databases have, so that no table can be forgotten."""

from pathlib import Path

from ostiary.storage.migrations import to_postgres
from ostiary.storage.schema import NOT_CARRIED, Table, all_tables, carried_tables, with_dependents
from tests.databases import ON_POSTGRES, fresh_url
from tests.storage.raw import rows_of, rows_of_each
from tests.storage.test_engines import Deaf, engine_at

_ON_SQLITE = """
    SELECT tables.name, columns.name, columns.type FROM sqlite_master AS tables
    JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'
"""
_ON_POSTGRESQL = """
    SELECT table_name, column_name, upper(data_type) FROM information_schema.columns
    WHERE table_schema = current_schema()
"""
_REFERENCES_ON_SQLITE = """
    SELECT tables.name, keys."table" FROM sqlite_master AS tables
    JOIN pragma_foreign_key_list(tables.name) AS keys WHERE tables.type = 'table'
"""
_REFERENCES_ON_POSTGRESQL = """
    SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
"""
_OTHER_NAMES = {"INTEGER": "BIGINT", to_postgres("BLOB"): "BLOB"}


async def test_tables_columns_and_references_are_those_of_a_database(tmp_path: Path) -> None:
    url = fresh_url(tmp_path)
    engine = engine_at(url)
    await engine.start(Deaf())
    await engine.stop()
    found = await rows_of(url, _ON_POSTGRESQL if ON_POSTGRES else _ON_SQLITE)
    known = {
        (table.name, column, _OTHER_NAMES.get(kind, kind))
        for table in all_tables()
        for column, kind in table.columns.items()
    }
    assert known == {(table, column, _OTHER_NAMES.get(kind, kind)) for table, column, kind in found}
    references = await rows_of(url, _REFERENCES_ON_POSTGRESQL if ON_POSTGRES else _REFERENCES_ON_SQLITE)
    assert {(table.name, parent) for table in all_tables() for parent in table.refers_to} == set(references)


def test_every_table_is_carried_over_but_those_with_a_reason() -> None:
    names = {table.name for table in all_tables()}
    assert NOT_CARRIED.keys() <= names
    assert all(NOT_CARRIED.values())
    assert {table.name for table in carried_tables()} == names - NOT_CARRIED.keys()


async def test_tables_that_are_carried_over_can_be(tmp_path: Path) -> None:
    """Each has a key to go on by, types that both engines have, and no rows that the schema's steps put there."""
    url = fresh_url(tmp_path)
    engine = engine_at(url)
    await engine.start(Deaf())
    await engine.stop()
    tables = carried_tables()
    counts = await rows_of_each(url, [f"SELECT count(*) FROM {table.name}" for table in tables])
    for table, count in zip(tables, counts, strict=True):
        assert table.key, table.name
        assert set(table.columns.values()) <= {"TEXT", "BLOB", "BIGINT", "INTEGER"}, table.name
        assert count == [(0,)], table.name


def test_what_is_referred_to_comes_first() -> None:
    there: set[str] = set()
    for table in carried_tables():
        assert table.refers_to <= there
        there.add(table.name)


def test_dependents_are_found_at_any_distance() -> None:
    names = [table.name for table in with_dependents(frozenset({"accounts"}))]
    assert names[0] == "accounts"
    assert {"sessions", "consents", "devices"} <= set(names)
    assert "outbox" not in names


def test_numbered_columns_are_known() -> None:
    by_name: dict[str, Table] = {table.name: table for table in all_tables()}
    assert by_name["sessions"].numbered == "session_id"
    assert by_name["accounts"].numbered is None
    assert by_name["devices"].key == ("localpart", "device_id")
