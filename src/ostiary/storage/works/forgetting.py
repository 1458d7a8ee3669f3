"""Deletes what no answer depends on any longer, a few rows in a transaction, so that nothing has to wait long.

What is here forever by intent: accounts, since their names must not be given to others; the last tokens of a session
that has not ended, since whoever comes with them has to be told that the device lives; the audit.
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
    Perishable.ACCESS_TOKENS: _forget("access_tokens", "died_at", "digest"),
    Perishable.REFRESH_TOKENS: _forget("refresh_tokens", "died_at", "digest"),
    Perishable.INTERACTIVE_AUTHENTICATIONS: _forget("uia_sessions", "expires_at", "digest"),
    Perishable.VALIDATIONS: _forget("validations", "expires_at", "sid"),
    Perishable.HOLDS: _forget("registration_token_holds", "expires_at", "token", "uia_digest"),
    Perishable.LOGIN_TOKENS: _forget("login_tokens", "expires_at", "digest"),
    Perishable.OPENID_TOKENS: _forget("openid_tokens", "expires_at", "digest"),
    Perishable.MESSAGES: _forget("outbox", "given_up_at", "outbox_id"),
}
"""One statement each; sessions need several."""

SESSIONS_PER_STEP: Final = 100
_LONG_ENDED: Final = f"""
    SELECT session_id FROM sessions WHERE ended_at < :before ORDER BY ended_at LIMIT {SESSIONS_PER_STEP}
"""
OF_SESSIONS: Final = (
    *(
        f"""
        DELETE FROM {table} WHERE digest IN (
            SELECT digest FROM {table} WHERE session_id IN ({_LONG_ENDED}) LIMIT :limit
        )
        RETURNING 1
        """
        for table in ("access_tokens", "refresh_tokens")
    ),
    f"""
    DELETE FROM sessions WHERE session_id IN ({_LONG_ENDED})
        AND NOT EXISTS (SELECT 1 FROM access_tokens WHERE access_tokens.session_id = sessions.session_id)
        AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE refresh_tokens.session_id = sessions.session_id)
    RETURNING 1
    """,
)
"""The tokens of the sessions that ended first, then those of these sessions that have none left."""


def forget(what: Perishable, before: Instant, limit: int) -> Work[int]:
    """Delete a few of those that ended before then; returns how many rows, 0 when none is left."""
    deleted = 0
    for sql in OF_SESSIONS if what is Perishable.SESSIONS else (STATEMENTS[what],):
        rows = yield ask(sql, before=before, limit=limit)
        deleted += len(rows)
    return deleted
