"""No statement of the store looks through a whole table: what it costs does not grow with the number of accounts."""

import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from ostiary.accounts.model import AuditEvent, AuditKind, NewSession, StoredPair
from ostiary.api.identifiers import Localpart
from ostiary.storage import works
from ostiary.storage.migrations import migrate
from ostiary.storage.sqlite import carry_out
from ostiary.storage.work import Statement, Work
from ostiary.storage.works import audit, sessions, states, traces

STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE)\b")
PARAMETER = re.compile(r":([a-z_]+)")

SMALL = {
    "outbox": "holds what has not been sent yet",
    "registration_tokens": "holds what administrators have made",
    "schema_migrations": "has a row for each step of the schema",
    "session_changes": "has one row",
}
"""Tables that do not grow with the number of accounts, and why looking through them is borne."""

RARE = ("states._ERASE_ADDRESSES.", "traces.validations")
"""What is done once for a person: their data are erased, or exported. ``validations`` holds those of a day."""

ALICE = Localpart("alice")
MADE_WHEN_ASKED: list[Work[Any]] = [
    *(
        audit.list_events(name, None, 10, newest_first=newest_first, since=0)
        for name in (None, ALICE)
        for newest_first in (True, False)
    ),
    *(
        states.list_details("bob", 10, backward=backward, waiting=waiting)
        for backward in (True, False)
        for waiting in (True, False)
    ),
]
"""Works whose first statement is put together when they are called."""


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from texts_in(one)
    elif isinstance(value, dict):
        yield from texts_in(tuple(value.values()))


def statements() -> dict[str, str]:
    """Every statement of the works, by where it stands. One with gaps is there once more, with the gaps filled."""
    found = {}
    for module in pkgutil.iter_modules(works.__path__):
        constants = vars(importlib.import_module(f"{works.__name__}.{module.name}"))
        for name, value in constants.items():
            for number, text in enumerate(texts_in(value) if name.isupper() else ()):
                if STATEMENT.match(text) and not re.search(r"\{[a-z]", text):
                    found[f"{module.name}.{name}.{number}"] = text
    for number, work in enumerate(MADE_WHEN_ASKED):
        step = next(work)
        assert isinstance(step, Statement)
        found[f"made.{number}"] = step.sql
    for subject, (columns, source) in traces._TRACES.items():
        found[f"traces.{subject}"] = f"SELECT {', '.join(f'one.{column}' for column in columns)} FROM {source}"
    return found


STATEMENTS = statements()


@pytest.fixture(scope="module")
def schema() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        carry_out(connection, migrate())
        yield connection


def plan(schema: sqlite3.Connection, sql: str) -> list[str]:
    parameters = dict.fromkeys(PARAMETER.findall(sql))
    return [row[3] for row in schema.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]


def looked_through(steps: list[str]) -> set[str]:
    """The tables of which a plan looks through every row; of one alone in the order of an index, only the first few."""
    scans = [step.split() for step in steps if step.startswith("SCAN")]
    return {words[1] for words in scans if "INDEX" not in words and words[1:] != ["CONSTANT", "ROW"]}


def test_the_statements_are_found() -> None:
    assert len(STATEMENTS) > 100
    assert {"sessions._FIND.0", "devices._LIST.0", "states._FORGET.0"} <= STATEMENTS.keys()


@pytest.mark.parametrize("where", STATEMENTS)
def test_nothing_looks_through_a_table_that_grows(schema: sqlite3.Connection, where: str) -> None:
    sql = STATEMENTS[where]
    aliases = dict(re.findall(r"(?:FROM|JOIN)\s+(\w+) AS (\w+)", sql))
    small = {*SMALL, "validations"} if where.startswith(RARE) else SMALL.keys()
    small |= {aliases[table] for table in small if table in aliases}
    assert looked_through(plan(schema, sql)) <= small


def test_whether_a_device_lives_is_looked_up_for_ended_sessions_alone() -> None:
    """SQLite reads another tree for it, whenever a token is looked up, where the statement lets it."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    def steps_of(session_id: int) -> int:
        nonlocal steps
        steps = 0
        assert carry_out(connection, sessions.find_session(session_id)) is not None
        return steps

    with closing(sqlite3.connect(":memory:")) as connection:
        carry_out(connection, migrate())
        connection.execute(
            "INSERT INTO accounts (localpart, kind, state, created_at) VALUES ('alice', 'user', 'active', 0)"
        )
        first = NewSession(ALICE, "PHONE", None, True, b"root", StoredPair(b"digest", None, None, None), at=0)
        for new in (first, replace(first, device_is_new=False)):
            event = AuditEvent(AuditKind.LOGGED_IN, ALICE, at=0)
            carry_out(connection, sessions.open_session(new, event, None, None, ()))
        connection.set_progress_handler(count, 1)
        ended, living = steps_of(1), steps_of(2)
    assert 0 < living < ended - 5  # opening, seeking and comparing, at least


def test_deleting_an_account_does_not_look_through_what_refers_to_it(schema: sqlite3.Connection) -> None:
    """SQLite says nothing of this in its plan; it looks by these columns, and needs an index that begins with one."""
    tables = [name for (name,) in schema.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    referring = [(table, row[3]) for table in tables for row in schema.execute(f"PRAGMA foreign_key_list({table})")]
    assert ("sessions", "localpart") in referring
    for table, column in referring:
        (step, *_) = plan(schema, f"SELECT 1 FROM {table} WHERE {column} = :value")
        assert step.startswith("SEARCH"), (table, column)
