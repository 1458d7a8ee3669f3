"""What an account is allowed: locked, suspended, expired, waiting, deactivated; and who is an administrator."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from ostiary.accounts.messages import Message
from ostiary.accounts.model import AccountKind, AccountState, AuditEvent, AuditKind, EndReason, Instant, UiaUse
from ostiary.accounts.values import AccountChange, AccountDetails, Expiring, Swept
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Row, SessionsChanged, Work, ask
from ostiary.storage.works import audit, outbox, passwords, uia
from ostiary.storage.works.sessions import NO_SESSION, end_sessions_but

_COLUMNS: Final = """
    localpart, kind, state, created_at, is_admin, is_locked, is_suspended, is_expired, awaits_approval, is_erased,
    password_hash IS NOT NULL, deactivated_at, expires_at, appservice_id
"""
_FIND: Final = f"SELECT {_COLUMNS} FROM accounts WHERE localpart = :localpart"
_LIST: Final = f"SELECT {_COLUMNS} FROM accounts WHERE {{which}} ORDER BY localpart {{order}} LIMIT :limit"
_FORWARD: Final = ("localpart > :edge", "ASC")
_BACKWARD: Final = ("localpart < :edge", "DESC")
_WAITING: Final = " AND awaits_approval = 1"
_LAST: Final = "\U0010ffff"
"""Behind every localpart."""

_SETTLE: Final = """
    UPDATE accounts SET state = CASE
        WHEN deactivated_at IS NOT NULL THEN 'deactivated'
        WHEN awaits_approval = 1 THEN 'awaiting_approval'
        WHEN is_locked = 1 THEN 'locked'
        WHEN is_expired = 1 THEN 'expired'
        WHEN is_suspended = 1 THEN 'suspended'
        ELSE 'active' END
    WHERE localpart = :localpart
"""
"""The one place where an account's state follows from what is known of it."""

_SETTLE_SESSIONS: Final = """
    UPDATE sessions SET state = (SELECT state FROM accounts WHERE localpart = :localpart)
    WHERE localpart = :localpart AND ended_at IS NULL
    RETURNING session_id
"""
_DEACTIVATE: Final = """
    UPDATE accounts SET deactivated_at = COALESCE(deactivated_at, :at), is_erased = :erase, password_hash = NULL,
        awaits_approval = 0
    WHERE localpart = :localpart AND (deactivated_at IS NULL OR is_erased < :erase)
    RETURNING localpart
"""
"""One that was deactivated before can still be erased."""

_REACTIVATE: Final = """
    UPDATE accounts SET deactivated_at = NULL, is_erased = 0, password_hash = :password_hash
    WHERE localpart = :localpart AND deactivated_at IS NOT NULL
    RETURNING localpart
"""
_FORGET: Final = tuple(
    f"DELETE FROM {table} WHERE localpart = :localpart" for table in ("threepids", "threepid_bindings")
)
"""What goes with every account that is deactivated, besides what ends with its sessions."""

_ERASE_ADDRESSES: Final = tuple(
    statement.format("(SELECT address FROM threepids WHERE localpart = :localpart)")
    for statement in (
        "DELETE FROM outbox WHERE address IN {}",
        "DELETE FROM validations WHERE address IN {}",
        "UPDATE registration_tokens SET invited_address = NULL WHERE invited_address IN {}",
    )
)
"""Before the addresses of one that is erased go: wherever else they stand."""

_ERASE: Final = (
    "DELETE FROM profile_fields WHERE localpart = :localpart",
    "DELETE FROM consents WHERE localpart = :localpart",
    "UPDATE audit_events SET address = '', user_agent = '', detail = '{}' WHERE localpart = :localpart",
)
"""What goes besides with one that is erased: whatever tells of the person."""

_EXPIRED: Final = """
    SELECT localpart FROM accounts WHERE expires_at IS NOT NULL AND is_expired = 0 AND expires_at <= :at
    ORDER BY expires_at LIMIT :limit
"""
_EXPIRING: Final = """
    SELECT localpart, expires_at FROM accounts
    WHERE expires_at IS NOT NULL AND is_expired = 0 AND expiry_told_at IS NULL
        AND expires_at > :after AND expires_at <= :before
    ORDER BY expires_at LIMIT :limit
"""
_NOTE_TOLD: Final = """
    UPDATE accounts SET expiry_told_at = :at
    WHERE localpart = :localpart AND expires_at = :expires_at AND expiry_told_at IS NULL
    RETURNING localpart
"""
_EXPIRE: Final = """
    UPDATE accounts SET is_expired = 1 WHERE localpart = :localpart AND is_expired = 0 AND expires_at <= :at
    RETURNING localpart
"""
_WAITS: Final = "SELECT 1 FROM accounts WHERE localpart = :localpart AND awaits_approval = 1"
_REJECT: Final = "DELETE FROM accounts WHERE localpart = :localpart"


def find_details(localpart: str) -> Work[AccountDetails | None]:
    """An account in full."""
    rows = yield ask(_FIND, localpart=localpart)
    return _details(rows[0]) if rows else None


def list_details(
    after: str | None, limit: int, *, backward: bool = False, waiting: bool = False
) -> Work[Sequence[AccountDetails]]:
    """Accounts in the order of their localparts, those behind ``after``, or before it."""
    which, order = _BACKWARD if backward else _FORWARD
    edge = after if after is not None else _LAST if backward else ""
    rows = yield ask(
        _LIST.format(which=which + _WAITING if waiting else which, order=order), edge=edge, limit=limit
    )  # fmt: skip
    return [_details(row) for row in rows]


def _details(row: Row) -> AccountDetails:
    name, kind, state, created_at, *flags, has_password, deactivated_at, expires_at, appservice_id = row
    is_admin, is_locked, is_suspended, is_expired, awaits_approval, is_erased = map(bool, flags)
    return AccountDetails(
        Localpart(name), AccountKind(kind), AccountState(state), created_at, is_admin, is_locked, is_suspended,
        is_expired, awaits_approval, is_erased, bool(has_password), deactivated_at, expires_at, appservice_id,
    )  # fmt: skip


def change_account(
    localpart: Localpart, change: AccountChange, event: AuditEvent, messages: Sequence[Message]
) -> Work[Sequence[int]]:
    """Change what an account is allowed; returns the sessions that have to be looked at anew."""
    columns: dict[str, Any] = {name: value for name, value in asdict(change).items() if value is not None}
    if "expires_at" in columns:
        columns["expires_at"] = columns["expires_at"] or None
        columns["expiry_told_at"] = None
        columns["is_expired"] = columns["expires_at"] is not None and columns["expires_at"] <= event.at
    columns = {name: int(value) if isinstance(value, bool) else value for name, value in columns.items()}
    yield passwords.hold(localpart)
    yield ask(
        f"UPDATE accounts SET {', '.join(f'{name} = :{name}' for name in columns)} WHERE localpart = :localpart",
        localpart=localpart,
        **columns,
    )
    yield from outbox.put(messages, event.at)
    return (yield from _settled(localpart, event))


def _settled(localpart: Localpart, event: AuditEvent) -> Work[Sequence[int]]:
    yield ask(_SETTLE, localpart=localpart)
    yield audit.record(event)
    rows = yield ask(_SETTLE_SESSIONS, localpart=localpart)
    changed = [session_id for (session_id,) in rows]
    if changed:
        yield SessionsChanged(changed)
    return changed


def deactivate(
    localpart: Localpart, event: AuditEvent, *, erase: bool, use: UiaUse | None, messages: Sequence[Message]
) -> Work[Sequence[int]]:
    """End an account: its sessions, its password, its addresses."""
    if use is not None:
        yield from uia.use_up(use)
    yield passwords.hold(localpart)
    rows = yield ask(_DEACTIVATE, localpart=localpart, at=event.at, erase=int(erase))
    if not rows:
        return ()
    ended = yield from end_sessions_but(localpart, NO_SESSION, EndReason.DEACTIVATED, event.at)
    for sql in (*_ERASE_ADDRESSES, *_FORGET, *_ERASE) if erase else _FORGET:
        yield ask(sql, localpart=localpart)
    yield from outbox.put(messages, event.at)
    yield from _settled(localpart, event)
    return ended


def reactivate(localpart: Localpart, password_hash: str | None, event: AuditEvent) -> Work[bool]:
    """Let a deactivated account be used again; False when it was not deactivated."""
    rows = yield ask(_REACTIVATE, localpart=localpart, password_hash=password_hash)
    if rows:
        yield from _settled(localpart, event)
    return bool(rows)


def reject(localpart: Localpart, event: AuditEvent, messages: Sequence[Message]) -> Work[bool]:
    """Delete an account that was never approved, as if it had not been asked for; its name is free again."""
    yield passwords.hold(localpart)
    rows = yield ask(_WAITS, localpart=localpart)
    if not rows:
        return False
    yield from end_sessions_but(localpart, NO_SESSION, EndReason.ENDED_BY_ADMIN, event.at)
    yield ask("DELETE FROM sessions WHERE localpart = :localpart", localpart=localpart)
    for sql in (*_FORGET, *_ERASE[:2]):
        yield ask(sql, localpart=localpart)
    yield ask(_REJECT, localpart=localpart)
    yield audit.record(event)
    yield from outbox.put(messages, event.at)
    return True


def find_expiring(after: Instant, before: Instant, limit: int) -> Work[Sequence[Expiring]]:
    """A few of the accounts that end in this time and whose owners have not been told."""
    rows = yield ask(_EXPIRING, after=after, before=before, limit=limit)
    return [Expiring(Localpart(name), expires_at) for name, expires_at in rows]


def note_expiry_told(told: Expiring, at: Instant, messages: Sequence[Message]) -> Work[None]:
    """Note that an owner is told, and tell; whoever comes second does neither."""
    rows = yield ask(_NOTE_TOLD, localpart=told.localpart, expires_at=told.expires_at, at=at)
    if rows:
        yield from outbox.put(messages, at)


def expire_accounts(at: Instant, limit: int) -> Work[Swept]:
    """Lock accounts whose time is over, a few at once; returns the sessions that have to be looked at anew."""
    rows = yield ask(_EXPIRED, at=at, limit=limit)
    changed: list[int] = []
    for (name,) in sorted(rows):
        localpart = Localpart(name)
        yield passwords.hold(localpart)
        expired = yield ask(_EXPIRE, localpart=localpart, at=at)
        if expired:  # and neither by another, nor was it given more time, just now
            changed += yield from _settled(localpart, AuditEvent(AuditKind.EXPIRED, localpart, at))
    return Swept(len(rows), changed)
