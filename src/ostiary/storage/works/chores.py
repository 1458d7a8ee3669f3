"""Whose turn it is to do what is to be done once, however many processes there are."""

from typing import Final

from ostiary.accounts.model import Instant
from ostiary.accounts.values import Turn
from ostiary.storage.work import Work, ask

_TAKE: Final = """
    INSERT INTO chores (name, taken_by, due_at) VALUES (:name, :taken_by, :until)
    ON CONFLICT (name) DO UPDATE SET taken_by = excluded.taken_by, due_at = excluded.due_at
    WHERE chores.due_at <= :now OR chores.due_at > :beyond
    RETURNING name
"""
_DUE: Final = "SELECT due_at FROM chores WHERE name = :name"
_PUT_OFF: Final = "UPDATE chores SET due_at = :due_at WHERE name = :name AND taken_by = :taken_by RETURNING name"


def take(turn: Turn, at: Instant, until: Instant, beyond: Instant) -> Work[Instant | None]:
    """Take a chore that is due, or that a wrong clock has put off beyond reason; else, when it is due."""
    rows = yield ask(_DUE, name=turn.chore)
    if rows and at < rows[0][0] <= beyond:  # asked first, as most who ask come too early and are not to write
        return Instant(rows[0][0])
    rows = yield ask(_TAKE, name=turn.chore, taken_by=turn.taken_by, until=until, now=at, beyond=beyond)
    if rows:
        return None
    rows = yield ask(_DUE, name=turn.chore)
    return Instant(rows[0][0])


def put_off(turn: Turn, due_at: Instant) -> Work[bool]:
    """Let a chore be due later; False where it is no longer this one's turn."""
    rows = yield ask(_PUT_OFF, name=turn.chore, taken_by=turn.taken_by, due_at=due_at)
    return bool(rows)
