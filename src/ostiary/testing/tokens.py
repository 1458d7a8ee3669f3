"""Makes tokens die before their time, behind the server's back, as time or an administrator would.

The one place here that knows the schema. Must not know who asks.
"""

from collections.abc import Sequence
from typing import Final

from ostiary.accounts.model import Instant
from ostiary.storage.work import Row, Work, ask

_SESSIONS: Final = (
    "SELECT session_id FROM sessions WHERE localpart = :localpart AND device_id = :device_id AND ended_at IS NULL"
)
_ACCESS: Final = """
    UPDATE sessions SET access_expires_at = :at,
        offered_access_expires_at = CASE WHEN offered IS NULL THEN NULL ELSE :at END
    WHERE session_id = :session_id
"""
_REFRESH: Final = """
    UPDATE sessions SET refresh_expires_at = CASE WHEN refresh_digest IS NULL THEN NULL ELSE :at END,
        offered_refresh_expires_at = CASE WHEN offered IS NULL THEN NULL ELSE :at END
    WHERE session_id = :session_id
"""


def expire(localpart: str, device_id: str, at: Instant, *, refresh_tokens: bool) -> Work[Sequence[int]]:
    """Let the access tokens of a device expire, and its refresh tokens too if wished; returns its sessions' IDs."""
    rows: Sequence[Row] = yield ask(_SESSIONS, localpart=localpart, device_id=device_id)
    sessions = [session_id for (session_id,) in rows]
    for session_id in sessions:
        for statement in (_ACCESS, *((_REFRESH,) if refresh_tokens else ())):
            yield ask(statement, at=at, session_id=session_id)
    return sessions
