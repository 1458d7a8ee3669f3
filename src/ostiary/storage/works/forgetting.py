"""Deletes what no answer depends on any longer, a few rows in a transaction, so that nothing has to wait long.

What is here forever by intent: accounts, since their names must not be given to others; sessions that have not ended,
since whoever comes with a token of one has to be told that the device lives; the audit.
"""

from collections.abc import Mapping
from typing import Final

from ostiary.accounts.model import Instant
from ostiary.accounts.values import Perishable
from ostiary.storage.work import Work, ask

_FORGET: Final = """
    DELETE FROM {table} WHERE {key} IN (SELECT {columns} FROM {table} WHERE {ended} < :before LIMIT :limit)
    RETURNING 1
"""


def _forget(table: str, ended: str, *key: str) -> str:
    columns = ", ".join(key)
    return _FORGET.format(table=table, ended=ended, columns=columns, key=f"({columns})" if len(key) > 1 else columns)


STATEMENTS: Final[Mapping[Perishable, str]] = {
    Perishable.SESSIONS: _forget("sessions", "ended_at", "session_id"),
    Perishable.INTERACTIVE_AUTHENTICATIONS: _forget("uia_sessions", "expires_at", "digest"),
    Perishable.VALIDATIONS: _forget("validations", "expires_at", "sid"),
    Perishable.HOLDS: _forget("registration_token_holds", "expires_at", "token", "uia_digest"),
    Perishable.LOGIN_TOKENS: _forget("login_tokens", "expires_at", "digest"),
    Perishable.OPENID_TOKENS: _forget("openid_tokens", "expires_at", "digest"),
    Perishable.MESSAGES: _forget("outbox", "given_up_at", "outbox_id"),
}


def forget(what: Perishable, before: Instant, limit: int) -> Work[int]:
    """Delete a few of those that ended before then; returns how many rows, 0 when none is left."""
    rows = yield ask(STATEMENTS[what], before=before, limit=limit)
    return len(rows)
