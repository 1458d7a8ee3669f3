"""Tokens that let one register."""

from collections.abc import Sequence
from typing import Final

from ostiary.accounts.messages import Message
from ostiary.accounts.model import Instant
from ostiary.accounts.values import RegistrationToken
from ostiary.storage.work import HOLDING, Row, Work, ask
from ostiary.storage.works import outbox

_SELECT: Final = """
    SELECT token, uses_allowed,
           (SELECT COUNT(*) FROM registration_token_holds AS hold
            WHERE hold.token = registration_tokens.token AND hold.expires_at > :at),
           completed, expires_at, created_at, proposed_name, invited_address
    FROM registration_tokens
"""
_FIND: Final = f"{_SELECT} WHERE token = :token"
_LIST: Final = f"{_SELECT} WHERE token > :edge ORDER BY token LIMIT :limit"
_LIST_BACK: Final = f"{_SELECT} WHERE token < :edge ORDER BY token DESC LIMIT :limit"
_LAST: Final = "\U0010ffff"
_KEEP: Final = f"SELECT 1 FROM registration_tokens WHERE token = :token {HOLDING}"
_ADD: Final = """
    INSERT INTO registration_tokens (token, uses_allowed, completed, expires_at, created_at, proposed_name,
        invited_address)
    VALUES (:token, :uses_allowed, 0, :expires_at, :at, :proposed_name, :invited_address)
    ON CONFLICT (token) DO NOTHING
    RETURNING token
"""
_CHANGE: Final = """
    UPDATE registration_tokens SET uses_allowed = :uses_allowed, expires_at = :expires_at WHERE token = :token
    RETURNING token
"""
_DELETE: Final = "DELETE FROM registration_tokens WHERE token = :token RETURNING token"
_HELD_BY: Final = "SELECT 1 FROM registration_token_holds WHERE token = :token AND uia_digest = :digest"
_HOLD: Final = """
    INSERT INTO registration_token_holds (token, uia_digest, expires_at) VALUES (:token, :digest, :expires_at)
    ON CONFLICT (token, uia_digest) DO NOTHING
"""


def find(token: str, at: Instant) -> Work[RegistrationToken | None]:
    """The token, with how it stands."""
    rows = yield ask(_FIND, token=token, at=at)
    return _token(rows[0]) if rows else None


def list_tokens(after: str | None, limit: int, at: Instant, *, backward: bool) -> Work[Sequence[RegistrationToken]]:
    """Tokens in their own order, those behind ``after``, or before it, backward."""
    edge = after if after is not None else _LAST if backward else ""
    rows = yield ask(_LIST_BACK if backward else _LIST, edge=edge, limit=limit, at=at)
    return [_token(row) for row in rows]


def _token(row: Row) -> RegistrationToken:
    return RegistrationToken(*row)


def add(new: RegistrationToken, messages: Sequence[Message]) -> Work[bool]:
    """Make a token; False where there is one of this name."""
    rows = yield ask(
        _ADD, token=new.token, uses_allowed=new.uses_allowed, expires_at=new.expires_at, at=new.created_at,
        proposed_name=new.proposed_name, invited_address=new.invited_address,
    )  # fmt: skip
    if rows:
        yield from outbox.put(messages, new.created_at)
    return bool(rows)


def change(token: str, uses_allowed: int | None, expires_at: Instant | None) -> Work[bool]:
    """Change a token's limits; False where there is none."""
    rows = yield ask(_CHANGE, token=token, uses_allowed=uses_allowed, expires_at=expires_at)
    return bool(rows)


def delete(token: str) -> Work[bool]:
    """Delete a token; False where there is none."""
    rows = yield ask(_DELETE, token=token)
    return bool(rows)


def hold(token: str, digest: bytes, expires_at: Instant, at: Instant) -> Work[bool]:
    """Count one use of a token as pending for a dialogue, once; False when none is left."""
    yield ask(_KEEP, token=token)
    rows = yield ask(_HELD_BY, token=token, digest=digest)
    if rows:
        return True
    found = yield from find(token, at)
    if found is None or not is_usable(found, at):
        return False
    yield ask(_HOLD, token=token, digest=digest, expires_at=expires_at)
    return True


def is_usable(token: RegistrationToken, at: Instant) -> bool:
    """Whether one more may use the token."""
    if token.expires_at is not None and token.expires_at <= at:
        return False
    return token.uses_allowed is None or token.pending + token.completed < token.uses_allowed
