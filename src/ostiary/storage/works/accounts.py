"""Accounts and their passwords."""

from collections.abc import Sequence
from typing import Final

from ostiary.accounts.messages import Message
from ostiary.accounts.model import (
    AccountKind,
    AccountState,
    AuditEvent,
    Credentials,
    EndReason,
    NewSession,
    Opened,
    UiaUse,
)
from ostiary.accounts.ports import NameTaken
from ostiary.accounts.values import (
    Consent,
    NewAccount,
)
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Together, Work, ask
from ostiary.storage.works import audit, outbox, passwords, short_tokens, threepids, uia
from ostiary.storage.works.sessions import NO_SESSION, add_first_session, end_sessions_but

_FIND_CREDENTIALS: Final = """
    SELECT localpart, kind, state, password_hash FROM accounts WHERE localpart IN (:localpart, :lowered)
    ORDER BY CASE WHEN localpart = :localpart THEN 0 ELSE 1 END
    LIMIT 1
"""
_IS_TAKEN: Final = "SELECT 1 FROM accounts WHERE localpart = :localpart"
_ADD_ACCOUNT: Final = """
    INSERT INTO accounts (localpart, kind, state, password_hash, created_at, awaits_approval, expires_at,
        appservice_id, is_admin)
    VALUES (:localpart, :kind, :state, :password_hash, :at, :awaits_approval, :expires_at, :appservice_id, :is_admin)
    ON CONFLICT (localpart) DO NOTHING
    RETURNING localpart
"""
_ADD_CONSENT: Final = """
    INSERT INTO consents (localpart, policy, version, agreed_at) VALUES (:localpart, :policy, :version, :at)
    ON CONFLICT (localpart, policy, version) DO NOTHING
"""
_CONSENTS: Final = "SELECT policy, version, agreed_at FROM consents WHERE localpart = :localpart ORDER BY agreed_at"
_UPGRADE_GUEST: Final = """
    UPDATE accounts SET kind = 'user', password_hash = :password_hash WHERE localpart = :localpart AND kind = 'guest'
    RETURNING localpart
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


def create_account(new: NewAccount, event: AuditEvent, session: NewSession | None, use: UiaUse | None) -> Work[Opened]:
    """Make an account and, if wished, its first session."""
    if use is not None:
        yield from uia.use_up(use)
    state = AccountState.AWAITING_APPROVAL if new.awaits_approval else AccountState.ACTIVE
    rows = yield ask(
        _ADD_ACCOUNT, localpart=new.localpart, kind=new.kind.value, state=state.value,
        password_hash=new.password_hash, at=new.at, awaits_approval=int(new.awaits_approval),
        expires_at=new.expires_at, appservice_id=new.appservice_id, is_admin=int(new.is_admin),
    )  # fmt: skip
    if not rows:
        raise NameTaken
    for address in new.addresses:
        yield from threepids.add(new.localpart, address, new.at)
    also = [
        *(
            ask(_ADD_CONSENT, localpart=new.localpart, policy=policy, version=version, at=new.at)
            for policy, version in new.policies.items()
        ),
        audit.record(event),
    ]
    if session is not None:
        return Opened((yield from add_first_session(session, also)))
    yield Together(also)
    return Opened(None)


def list_consents(localpart: Localpart) -> Work[Sequence[Consent]]:
    """What an account has agreed to."""
    rows = yield ask(_CONSENTS, localpart=localpart)
    return [Consent(*row) for row in rows]


def upgrade_guest(
    localpart: Localpart, password_hash: str | None, session: NewSession | None, event: AuditEvent, use: UiaUse | None
) -> Work[Opened]:
    """Make a guest a user, who keeps the account and its ID; the guest's sessions end. Raises NameTaken."""
    if use is not None:
        yield from uia.use_up(use)
    yield passwords.hold(localpart)
    rows = yield ask(_UPGRADE_GUEST, localpart=localpart, password_hash=password_hash)
    if not rows:
        raise NameTaken
    ended = yield from end_sessions_but(localpart, NO_SESSION, EndReason.REPLACED, event.at)
    if session is not None:
        return Opened((yield from add_first_session(session, [audit.record(event)])), ended)
    yield audit.record(event)
    return Opened(None, ended)


def set_password(
    localpart: Localpart,
    password_hash: str,
    event: AuditEvent,
    *,
    end_other_sessions: bool,
    keep_session: int | None,
    use: UiaUse | None,
    messages: Sequence[Message],
) -> Work[Sequence[int]]:
    """Replace a password and, if wished, end all sessions but one. What was to open another ends in any case."""
    if use is not None:
        yield from uia.use_up(use)
    yield passwords.put(localpart, password_hash)
    yield from short_tokens.end_all(localpart)
    yield audit.record(event)
    yield from outbox.put(messages, event.at)
    if not end_other_sessions:
        return ()
    keep = NO_SESSION if keep_session is None else keep_session
    return (yield from end_sessions_but(localpart, keep, EndReason.PASSWORD_CHANGED, event.at))  # fmt: skip
