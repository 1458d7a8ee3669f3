"""Sessions and their tokens."""

from collections.abc import Sequence
from typing import Final

from ostiary.accounts.messages import Message
from ostiary.accounts.model import (
    AccountKind,
    AccountState,
    AuditEvent,
    EndReason,
    Instant,
    NewSession,
    Rotation,
    SessionRecord,
    StoredPair,
    StoredToken,
)
from ostiary.accounts.ports import PasswordChanged
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Following, Row, SessionsChanged, Statement, Together, Work, ask
from ostiary.storage.works import audit, outbox, passwords, short_tokens

_FIND_TOKEN: Final = """
    SELECT token.generation, token.expires_at, token.died_at,
           session.session_id, session.localpart, session.device_id, account.kind, account.state,
           session.generation, session.offered, session.nonce, session.offered_expires_at, session.ended_at,
           EXISTS (SELECT 1 FROM sessions AS living WHERE living.localpart = session.localpart
                   AND living.device_id = session.device_id AND living.ended_at IS NULL)
    FROM {table} AS token
    JOIN sessions AS session ON session.session_id = token.session_id
    JOIN accounts AS account ON account.localpart = session.localpart
    WHERE token.digest = :digest
"""
_FIND_ACCESS_TOKEN: Final = _FIND_TOKEN.format(table="access_tokens")
_FIND_REFRESH_TOKEN: Final = _FIND_TOKEN.format(table="refresh_tokens")

_ADD_DEVICE: Final = """
    INSERT INTO devices (localpart, device_id, display_name, created_at)
    VALUES (:localpart, :device_id, :display_name, :at)
    ON CONFLICT (localpart, device_id) DO NOTHING
    RETURNING device_id
"""
_END_DEVICE_SESSIONS: Final = """
    UPDATE sessions SET ended_at = :at, end_reason = :reason, nonce = NULL
    WHERE localpart = :localpart AND device_id = :device_id AND ended_at IS NULL
    RETURNING session_id
"""
_ADD_SESSION: Final = """
    INSERT INTO sessions (localpart, device_id, generation, created_at)
    VALUES (:localpart, :device_id, 0, :at)
    RETURNING session_id
"""
_ADD_TOKEN: Final = """
    INSERT INTO {table} (digest, session_id, generation, expires_at)
    SELECT :digest, {{first}}, :generation, :expires_at {{of_first}}
"""
"""Behind what returns the session's ID."""

_ADD_ACCESS_TOKEN: Final = _ADD_TOKEN.format(table="access_tokens")
_ADD_REFRESH_TOKEN: Final = _ADD_TOKEN.format(table="refresh_tokens")

_USE_OFFERED: Final = """
    UPDATE sessions SET generation = offered, offered = NULL, nonce = NULL, offered_expires_at = NULL
    WHERE session_id = :session_id AND offered = :generation AND ended_at IS NULL
    RETURNING session_id
"""
_BURY: Final = """
    UPDATE {table} SET died_at = :at {{of_first}}
    WHERE session_id = {{first}} AND {table}.generation < :generation AND {table}.died_at IS NULL
"""
"""The same."""

_BURY_ACCESS_TOKENS: Final = _BURY.format(table="access_tokens")
_BURY_REFRESH_TOKENS: Final = _BURY.format(table="refresh_tokens")
_OFFER: Final = """
    UPDATE sessions SET offered = :generation, nonce = :nonce, offered_expires_at = :expires_at
    WHERE session_id = :session_id AND generation = :in_use AND ended_at IS NULL
      AND COALESCE(offered, -1) = :seen_offer
    RETURNING session_id
"""

_USE_AND_OFFER: Final = """
    UPDATE sessions SET generation = offered, offered = :generation, nonce = :nonce, offered_expires_at = :expires_at
    WHERE session_id = :session_id AND generation = :in_use AND ended_at IS NULL
      AND offered = :seen_offer
    RETURNING session_id
"""

_END_SESSION: Final = """
    UPDATE sessions SET ended_at = :at, end_reason = :reason, nonce = NULL
    WHERE session_id = :session_id AND ended_at IS NULL
    RETURNING device_id
"""
_DELETE_DEVICE: Final = "DELETE FROM devices WHERE localpart = :localpart AND device_id = :device_id"
_END_ALL_SESSIONS: Final = """
    UPDATE sessions SET ended_at = :at, end_reason = :reason, nonce = NULL
    WHERE localpart = :localpart AND ended_at IS NULL AND session_id <> :keep
    RETURNING session_id
"""
_DELETE_ALL_DEVICES: Final = """
    DELETE FROM devices WHERE localpart = :localpart
    AND device_id NOT IN (SELECT device_id FROM sessions WHERE session_id = :keep)
"""

NO_OFFER: Final = -1
"""The generation of no offer."""

NO_SESSION: Final = -1
"""The ID of no session."""


def find_access_token(digest: bytes) -> Work[StoredToken | None]:
    """The access token with this digest."""
    rows = yield ask(_FIND_ACCESS_TOKEN, digest=digest)
    return _token(rows[0]) if rows else None


def find_refresh_token(digest: bytes) -> Work[StoredToken | None]:
    """The refresh token with this digest."""
    rows = yield ask(_FIND_REFRESH_TOKEN, digest=digest)
    return _token(rows[0]) if rows else None


def _token(row: Row) -> StoredToken:
    (generation, expires_at, died_at, session_id, localpart, device_id, kind, state,
     in_use, offered, nonce, offered_expires_at, ended_at, device_lives) = row  # fmt: skip
    session = SessionRecord(
        session_id, Localpart(localpart), device_id, AccountKind(kind), AccountState(state),
        in_use, offered, nonce, offered_expires_at, ended_at is not None, bool(device_lives),
    )  # fmt: skip
    return StoredToken(session, generation, expires_at, died_at)


def open_session(
    new: NewSession, event: AuditEvent, if_password_is: str | None, rehash: str | None, messages: Sequence[Message]
) -> Work[Sequence[int]]:
    """Open a session on a device, ending those that the device had."""
    rows = yield passwords.get_and_lock(new.localpart)
    if if_password_is is not None and (not rows or rows[0][0] != if_password_is):
        raise PasswordChanged
    if rehash is not None:
        yield passwords.put(new.localpart, rehash)
    made = yield _add_device(new)
    if made:
        # A device that was not there has no session to end.
        ended: Sequence[int] = ()
        also = [audit.record(event), *outbox.puts(messages, event.at)]
    else:
        ended = yield from end_device_sessions(new.localpart, new.device_id, EndReason.REPLACED, new.at)
        also = [audit.record(event)]
    yield from _add_session(new, also)
    return ended


def add_first_session(new: NewSession, also: Sequence[Statement]) -> Work[None]:
    """Add a session of an account that has none, its tokens and its device. ``also``: what else to write."""
    yield from _add_session(new, [*also, _add_device(new)])


def _add_device(new: NewSession) -> Statement:
    return ask(_ADD_DEVICE, localpart=new.localpart, device_id=new.device_id, display_name=new.device_name, at=new.at)


def _add_session(new: NewSession, also: Sequence[Statement]) -> Work[None]:
    session = ask(_ADD_SESSION, localpart=new.localpart, device_id=new.device_id, at=new.at)
    yield Following(session, [*_pair(0, new.pair), *also])


def _pair(generation: int, pair: StoredPair) -> list[Statement]:
    access = ask(_ADD_ACCESS_TOKEN, digest=pair.access_digest, generation=generation, expires_at=pair.access_expires_at)
    if pair.refresh_digest is None:
        return [access]
    refresh = ask(
        _ADD_REFRESH_TOKEN, digest=pair.refresh_digest, generation=generation, expires_at=pair.refresh_expires_at
    )
    return [access, refresh]


def use_offered_pair(session_id: int, generation: int, at: Instant) -> Work[None]:
    """Make an offered pair the one in use; the one before dies. Stands alone."""
    used = ask(_USE_OFFERED, session_id=session_id, generation=generation)
    rows = yield Following(used, _bury(generation, at))
    if rows:
        yield SessionsChanged([session_id])


def _bury(generation: int, at: Instant) -> list[Statement]:
    """The tokens of a session before this generation die."""
    return [ask(sql, generation=generation, at=at) for sql in (_BURY_ACCESS_TOKENS, _BURY_REFRESH_TOKENS)]


def offer_pair(rotation: Rotation) -> Work[bool]:
    """Offer a new pair, unless the session has moved on; if it confirms another, that one is in use. Stands alone."""
    session_id, offered = rotation.session_id, rotation.offered
    confirmed = offered if rotation.confirms else None
    # An offer that nobody can use any longer keeps its number, so that its tokens count as superseded.
    generation = max(rotation.generation, offered or 0) + 1
    offer = ask(
        _OFFER if confirmed is None else _USE_AND_OFFER, session_id=session_id, in_use=rotation.generation,
        seen_offer=NO_OFFER if offered is None else offered, generation=generation, nonce=rotation.nonce,
        expires_at=rotation.pair.access_expires_at,
    )  # fmt: skip
    buried = [] if confirmed is None else _bury(confirmed, rotation.at)
    rows = yield Following(offer, [*buried, *_pair(generation, rotation.pair)])
    if rows and confirmed is not None:
        yield SessionsChanged([session_id])
    return bool(rows)


def end_session(session_id: int, reason: EndReason, event: AuditEvent) -> Work[Sequence[int]]:
    """End one session and delete its device."""
    yield passwords.get_and_lock(event.localpart)
    rows = yield ask(_END_SESSION, session_id=session_id, reason=reason.value, at=event.at)
    if not rows:
        return ()
    yield SessionsChanged([session_id])
    yield Together([ask(_DELETE_DEVICE, localpart=event.localpart, device_id=rows[0][0]), audit.record(event)])
    return (session_id,)


def end_device_sessions(localpart: Localpart, device_id: str, reason: EndReason, at: Instant) -> Work[Sequence[int]]:
    """End the sessions of a device, which stays. The account is held already."""
    rows = yield ask(_END_DEVICE_SESSIONS, localpart=localpart, device_id=device_id, reason=reason.value, at=at)
    return (yield from _changed(rows))


def _changed(rows: Sequence[Row]) -> Work[Sequence[int]]:
    ended = [session_id for (session_id,) in rows]
    if ended:
        yield SessionsChanged(ended)
    return ended


def end_all_sessions(localpart: Localpart, reason: EndReason, event: AuditEvent) -> Work[Sequence[int]]:
    """End all sessions of an account and delete its devices."""
    yield passwords.get_and_lock(localpart)
    ended = yield from end_sessions_but(localpart, NO_SESSION, reason, event.at)
    yield audit.record(event)
    return ended


def end_sessions_but(localpart: Localpart, keep: int, reason: EndReason, at: Instant) -> Work[Sequence[int]]:
    """End all sessions of an account but one, and delete all devices but its; and what would open or vouch for more."""
    yield from short_tokens.end_all(localpart)
    rows = yield ask(_END_ALL_SESSIONS, localpart=localpart, keep=keep, reason=reason.value, at=at)
    yield ask(_DELETE_ALL_DEVICES, localpart=localpart, keep=keep)
    return (yield from _changed(rows))
