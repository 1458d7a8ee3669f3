"""The schema, as numbered SQL files that are carried out once each, in their order, and never changed afterwards."""

import hashlib
import sqlite3
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

_LEDGER: Final = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL
    )
"""


class SchemaTooNew(Exception):
    """The database was written by a newer version, or by one whose migrations differ."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema. ``checksum`` tells whether the file is still the one that was carried out."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def all_migrations() -> list[Migration]:
    """Every step, in order."""
    steps = []
    for file in files("ostiary.storage.migrations").iterdir():
        if file.name.endswith(".sql"):
            version, _, name = file.name.removesuffix(".sql").partition("_")
            steps.append(Migration(int(version), name, file.read_text(encoding="utf-8")))
    return sorted(steps, key=lambda step: step.version)


def migrate_sqlite(connection: sqlite3.Connection) -> None:
    """Bring a database up to date, in one transaction. Raises SchemaTooNew."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_LEDGER)
        applied = dict(connection.execute("SELECT version, checksum FROM schema_migrations").fetchall())
        for step in pending(applied):
            for statement in split_statements(step.sql):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)",
                (step.version, step.name, step.checksum),
            )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def pending(applied: dict[int, str]) -> list[Migration]:
    """The steps that a database lacks. Raises SchemaTooNew when it has others than these."""
    steps = all_migrations()
    if unknown := applied.keys() - {step.version for step in steps}:
        raise SchemaTooNew(f"its schema has step {max(unknown)}, which this version of Ostiary does not know")
    for step in steps:
        if step.version in applied and applied[step.version] != step.checksum:
            raise SchemaTooNew(f"its schema step {step.version} ({step.name}) is not the one of this version")
    return [step for step in steps if step.version not in applied]


def split_statements(sql: str) -> list[str]:
    """The statements of a file. A semicolon ends a statement; comments stand on lines of their own."""
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";") if statement.strip()]
