"""Tokens of a short life: to log in from another device, and to be known to another service."""

from typing import Final

from ostiary.accounts.model import AccountState, AuditEvent, Instant, UiaUse
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Work, ask
from ostiary.storage.works import audit, uia

_ADD: Final = "INSERT INTO {table} (digest, localpart, expires_at) VALUES (:digest, :localpart, :expires_at)"
_ADD_LOGIN: Final = _ADD.format(table="login_tokens")
_ADD_OPENID: Final = _ADD.format(table="openid_tokens")
_USE_LOGIN: Final = "DELETE FROM login_tokens WHERE digest = :digest RETURNING localpart, expires_at"
_FIND_OPENID: Final = """
    SELECT account.localpart, account.state FROM openid_tokens AS one
    JOIN accounts AS account ON account.localpart = one.localpart
    WHERE one.digest = :digest AND one.expires_at > :at
"""
_END: Final = tuple(f"DELETE FROM {table} WHERE localpart = :localpart" for table in ("login_tokens", "openid_tokens"))


def add_login_token(
    digest: bytes, localpart: Localpart, expires_at: Instant, event: AuditEvent, use: UiaUse | None
) -> Work[None]:
    """Remember a token for one login."""
    if use is not None:
        yield from uia.use_up(use)
    yield ask(_ADD_LOGIN, digest=digest, localpart=localpart, expires_at=expires_at)
    yield audit.record(event)


def use_login_token(digest: bytes, at: Instant) -> Work[Localpart | None]:
    """Whose token it is, which it never is again."""
    rows = yield ask(_USE_LOGIN, digest=digest)
    return Localpart(rows[0][0]) if rows and rows[0][1] > at else None


def add_openid_token(digest: bytes, localpart: Localpart, expires_at: Instant) -> Work[None]:
    """Remember a token that tells who its bearer is."""
    yield ask(_ADD_OPENID, digest=digest, localpart=localpart, expires_at=expires_at)


def find_openid_token(digest: bytes, at: Instant) -> Work[tuple[Localpart, AccountState] | None]:
    """Whose token it is, and what that account may do now."""
    rows = yield ask(_FIND_OPENID, digest=digest, at=at)
    return (Localpart(rows[0][0]), AccountState(rows[0][1])) if rows else None


def end_all(localpart: Localpart) -> Work[None]:
    """Delete those of an account: whoever had made one to come back by does not."""
    for sql in _END:
        yield ask(sql, localpart=localpart)
