"""Accounts and their passwords."""

from collections.abc import Sequence
from typing import Final

from ostiary.accounts.model import (
    Account,
    AccountKind,
    AccountState,
    AuditEvent,
    Credentials,
    EndReason,
    NewAccount,
    NewSession,
    UiaUse,
)
from ostiary.accounts.ports import NameTaken
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Work, ask
from ostiary.storage.works import audit, passwords, uia
from ostiary.storage.works.sessions import NO_SESSION, add_session, end_sessions_but

_FIND_CREDENTIALS: Final = """
    SELECT localpart, kind, state, password_hash FROM accounts WHERE localpart IN (:localpart, :lowered)
    ORDER BY CASE WHEN localpart = :localpart THEN 0 ELSE 1 END
    LIMIT 1
"""
_IS_TAKEN: Final = "SELECT 1 FROM accounts WHERE localpart = :localpart"
_ADD_ACCOUNT: Final = """
    INSERT INTO accounts (localpart, kind, state, password_hash, created_at)
    VALUES (:localpart, :kind, :state, :password_hash, :at)
    ON CONFLICT (localpart) DO NOTHING
    RETURNING localpart
"""
_LIST_ACCOUNTS: Final = """
    SELECT localpart, kind, state, created_at FROM accounts WHERE localpart > :after ORDER BY localpart LIMIT :limit
"""


def find_credentials(localpart: str) -> Work[Credentials | None]:
    """The account of this name; failing that, the one of the name in lower case."""
    rows = yield ask(_FIND_CREDENTIALS, localpart=localpart, lowered=localpart.lower())
    if not rows:
        return None
    name, kind, state, password_hash = rows[0]
    return Credentials(Localpart(name), AccountKind(kind), AccountState(state), password_hash)


def is_taken(localpart: Localpart) -> Work[bool]:
    """Whether an account of this name exists."""
    rows = yield ask(_IS_TAKEN, localpart=localpart)
    return bool(rows)


def create_account(new: NewAccount, event: AuditEvent, session: NewSession | None, use: UiaUse | None) -> Work[None]:
    """Make an account and, if wished, its first session."""
    if use is not None:
        yield from uia.use_up(use)
    rows = yield ask(
        _ADD_ACCOUNT, localpart=new.localpart, kind=new.kind.value, state=AccountState.ACTIVE.value,
        password_hash=new.password_hash, at=new.at,
    )  # fmt: skip
    if not rows:
        raise NameTaken
    if session is not None:
        yield from add_session(session)
    yield audit.record(event)


def list_accounts(after: str | None, limit: int) -> Work[Sequence[Account]]:
    """Accounts in the order of their localparts."""
    rows = yield ask(_LIST_ACCOUNTS, after=after or "", limit=limit)
    return [Account(Localpart(name), AccountKind(kind), AccountState(state), at) for name, kind, state, at in rows]


def set_password(
    localpart: Localpart,
    password_hash: str,
    event: AuditEvent,
    *,
    end_other_sessions: bool,
    keep_session: int | None,
    use: UiaUse | None,
) -> Work[Sequence[int]]:
    """Replace a password and, if wished, end all sessions but one."""
    if use is not None:
        yield from uia.use_up(use)
    yield passwords.put(localpart, password_hash)
    yield audit.record(event)
    if not end_other_sessions:
        return ()
    keep = NO_SESSION if keep_session is None else keep_session
    return (yield from end_sessions_but(localpart, keep, EndReason.PASSWORD_CHANGED, event.at))  # fmt: skip
