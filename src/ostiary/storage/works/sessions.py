"""Sessions and their tokens."""

from collections.abc import Sequence
from typing import Any, Final

from ostiary.accounts.messages import Message
from ostiary.accounts.model import (
    AccountKind,
    AccountState,
    AuditEvent,
    EndReason,
    Instant,
    NewSession,
    Offer,
    Opened,
    Rotation,
    SessionRecord,
    StoredPair,
)
from ostiary.accounts.ports import PasswordChanged
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import AT_ONCE, GIVEN, HOLDING, Row, SessionsChanged, Statement, Together, Upon, Work, ask
from ostiary.storage.works import audit, outbox, passwords, short_tokens

_FIND: Final = """
    SELECT session.session_id, session.localpart, session.device_id, session.kind, session.state, session.root,
           session.generation, session.access_digest, session.access_expires_at, session.refresh_digest,
           session.refresh_expires_at, session.since, session.former, session.former_since, session.offered,
           session.offered_access_digest, session.offered_access_expires_at, session.offered_refresh_digest,
           session.offered_refresh_expires_at, session.nonce, session.ended_at,
           CASE WHEN session.ended_at IS NULL THEN TRUE ELSE EXISTS (
               SELECT 1 FROM sessions AS living WHERE living.localpart = session.localpart
               AND living.device_id = session.device_id AND living.ended_at IS NULL) END
    FROM sessions AS session WHERE session.session_id = :session_id
"""
"""By CASE, for SQLite answers both sides of an OR, whatever the first says."""

_ADD_DEVICE: Final = f"""
    INSERT INTO devices (localpart, device_id, display_name, created_at)
    SELECT :localpart, :device_id, :display_name, :at WHERE {GIVEN}
    ON CONFLICT (localpart, device_id) DO NOTHING
    RETURNING device_id
"""
_END_DEVICE_SESSIONS: Final = """
    UPDATE sessions SET ended_at = :at, end_reason = :reason, nonce = NULL
    WHERE localpart = :localpart AND device_id = :device_id AND ended_at IS NULL
    RETURNING session_id
"""
_ADD_SESSION: Final = """
    INSERT INTO sessions (localpart, device_id, kind, state, root, generation, access_digest, access_expires_at,
        refresh_digest, refresh_expires_at, since, created_at)
    SELECT localpart, :device_id, kind, state, :root, 0, :access_digest, :access_expires_at, :refresh_digest,
        :refresh_expires_at, :at, :at
    FROM accounts WHERE localpart = :localpart{condition}
    RETURNING session_id
"""
_ADD_FIRST_SESSION: Final = _ADD_SESSION.format(condition="")
_ADD_SESSION_OF_NEW_DEVICE: Final = _ADD_SESSION.format(
    condition=f"""
        AND (CAST(:if_password_is AS TEXT) IS NULL OR password_hash = :if_password_is)
        AND NOT EXISTS (
            SELECT 1 FROM devices WHERE devices.localpart = accounts.localpart AND devices.device_id = :device_id)
        {HOLDING}
    """
)
"""With the account held where others could change it at the same time: its row is the newest then."""

_MOVE_UP: Final = """
    former = generation, former_since = since, generation = offered, since = :at,
    access_digest = offered_access_digest, access_expires_at = offered_access_expires_at,
    refresh_digest = offered_refresh_digest, refresh_expires_at = offered_refresh_expires_at
"""
_USE_OFFERED: Final = f"""
    UPDATE sessions SET {_MOVE_UP}, offered = NULL, nonce = NULL, offered_access_digest = NULL,
        offered_access_expires_at = NULL, offered_refresh_digest = NULL, offered_refresh_expires_at = NULL
    WHERE session_id = :session_id AND offered = :generation AND ended_at IS NULL
    RETURNING session_id
"""
_PUT_OFFER: Final = """
    offered = :offers, nonce = :nonce, offered_access_digest = :access_digest,
    offered_access_expires_at = :access_expires_at, offered_refresh_digest = :refresh_digest,
    offered_refresh_expires_at = :refresh_expires_at
    WHERE session_id = :session_id AND generation = :in_use AND ended_at IS NULL
"""
_OFFER: Final = f"""
    UPDATE sessions SET {_PUT_OFFER} AND COALESCE(offered, -1) = :seen_offer
    RETURNING session_id
"""
_USE_AND_OFFER: Final = f"""
    UPDATE sessions SET {_MOVE_UP}, {_PUT_OFFER} AND offered = :seen_offer
    RETURNING session_id
"""

_ACCOUNT_IS_HELD: Final = AT_ONCE.format(
    text="AND localpart = (SELECT localpart FROM accounts WHERE localpart = :localpart FOR UPDATE)"
)
_END_SESSION: Final = f"""
    UPDATE sessions SET ended_at = :at, end_reason = :reason, nonce = NULL
    WHERE session_id = :session_id AND ended_at IS NULL {_ACCOUNT_IS_HELD}
    RETURNING session_id
"""
"""With the account held before the session is."""

_DELETE_DEVICE_OF_SESSION: Final = f"""
    DELETE FROM devices
    WHERE localpart = :localpart AND device_id = (SELECT device_id FROM sessions WHERE session_id = :session_id)
        AND {GIVEN}
"""
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


def find_session(session_id: int) -> Work[SessionRecord | None]:
    """The session of this number."""
    rows = yield ask(_FIND, session_id=session_id)
    return _session(rows[0]) if rows else None


def _session(row: Row) -> SessionRecord:
    (session_id, localpart, device_id, kind, state, root, generation, access_digest, access_expires_at, refresh_digest,
     refresh_expires_at, since, former, former_since, offered, offered_access_digest, offered_access_expires_at,
     offered_refresh_digest, offered_refresh_expires_at, nonce, ended_at, device_lives) = row  # fmt: skip
    pair = StoredPair(access_digest, access_expires_at, refresh_digest, refresh_expires_at)
    offer = None
    if nonce is not None:
        offered_pair = StoredPair(
            offered_access_digest, offered_access_expires_at, offered_refresh_digest, offered_refresh_expires_at
        )
        offer = Offer(offered, offered_pair, nonce)
    return SessionRecord(
        session_id, Localpart(localpart), device_id, AccountKind(kind), AccountState(state), root, generation, pair,
        since, former, former_since, offer, ended_at is not None, bool(device_lives),
    )  # fmt: skip


def open_session(
    new: NewSession, event: AuditEvent, if_password_is: str | None, rehash: str | None, messages: Sequence[Message]
) -> Work[Opened]:
    """Open a session on a device, ending those that the device had. Raises PasswordChanged."""
    rows = yield passwords.hold(new.localpart)
    if not rows or (if_password_is is not None and rows[0][0] != if_password_is):
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
    return Opened((yield from _add_session(new, also)), ended)


def open_session_of_new_device(
    new: NewSession, event: AuditEvent, if_password_is: str | None, messages: Sequence[Message]
) -> Work[Opened | None]:
    """The same on a device that is not there yet, so that there is none to end. Stands alone.

    None, and nothing is done, where the device is there after all, or the password has changed.
    """
    session = ask(_ADD_SESSION_OF_NEW_DEVICE, if_password_is=if_password_is, **_of(new))
    rows = yield Upon(session, [_add_device(new), audit.record(event), *outbox.puts(messages, event.at)])
    return Opened(int(rows[0][0])) if rows else None


def add_first_session(new: NewSession, also: Sequence[Statement]) -> Work[int]:
    """Add a session of an account that has none, and its device. ``also``: what else to write."""
    return (yield from _add_session(new, [*also, _add_device(new)]))


def _add_device(new: NewSession) -> Statement:
    return ask(_ADD_DEVICE, localpart=new.localpart, device_id=new.device_id, display_name=new.device_name, at=new.at)


def _add_session(new: NewSession, also: Sequence[Statement]) -> Work[int]:
    ((session_id,),) = yield Together([*also, ask(_ADD_FIRST_SESSION, **_of(new))])
    return int(session_id)


def _of(new: NewSession) -> dict[str, Any]:
    return {
        "localpart": new.localpart, "device_id": new.device_id, "root": new.root, "at": new.at, **_columns(new.pair)
    }  # fmt: skip


def _columns(pair: StoredPair) -> dict[str, Any]:
    return {
        "access_digest": pair.access_digest, "access_expires_at": pair.access_expires_at,
        "refresh_digest": pair.refresh_digest, "refresh_expires_at": pair.refresh_expires_at,
    }  # fmt: skip


def use_offered_pair(session_id: int, generation: int, at: Instant) -> Work[None]:
    """Make an offered pair the one in use. Stands alone."""
    rows = yield ask(_USE_OFFERED, session_id=session_id, generation=generation, at=at)
    if rows:
        yield SessionsChanged([session_id])


def offer_pair(rotation: Rotation) -> Work[bool]:
    """Offer a new pair, unless the session has moved on; if it confirms another, that one is in use. Stands alone."""
    session_id, offered, offer = rotation.session_id, rotation.offered, rotation.offer
    named = {"at": rotation.at} if rotation.confirms else {}
    rows = yield ask(
        _USE_AND_OFFER if rotation.confirms else _OFFER, session_id=session_id, in_use=rotation.generation,
        seen_offer=NO_OFFER if offered is None else offered, offers=offer.generation, nonce=offer.nonce,
        **_columns(offer.pair), **named,
    )  # fmt: skip
    if rows and rotation.confirms:
        yield SessionsChanged([session_id])
    return bool(rows)


def end_session(session_id: int, reason: EndReason, event: AuditEvent) -> Work[Sequence[int]]:
    """End one session and delete its device. Stands alone."""
    of = {"localpart": event.localpart, "session_id": session_id}
    end = ask(_END_SESSION, reason=reason.value, at=event.at, **of)
    rows = yield Upon(end, [ask(_DELETE_DEVICE_OF_SESSION, **of), audit.record(event)])
    return (yield from _changed(rows))


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
    yield passwords.hold(localpart)
    ended = yield from end_sessions_but(localpart, NO_SESSION, reason, event.at)
    yield audit.record(event)
    return ended


def end_sessions_but(localpart: Localpart, keep: int, reason: EndReason, at: Instant) -> Work[Sequence[int]]:
    """End all sessions of an account but one, and delete all devices but its; and what would open or vouch for more."""
    yield from short_tokens.end_all(localpart)
    rows = yield ask(_END_ALL_SESSIONS, localpart=localpart, keep=keep, reason=reason.value, at=at)
    yield ask(_DELETE_ALL_DEVICES, localpart=localpart, keep=keep)
    return (yield from _changed(rows))
