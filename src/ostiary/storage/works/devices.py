"""Devices."""

from collections.abc import Mapping, Sequence
from typing import Final

from ostiary.accounts.model import AuditEvent, AuditKind, Device, EndReason, Instant, Origin, UiaUse
from ostiary.accounts.values import Connection, Swept
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Work, ask
from ostiary.storage.works import audit, passwords, uia
from ostiary.storage.works.sessions import end_device_sessions

_COLUMNS: Final = "device_id, display_name, last_seen_ip, last_seen_at, last_seen_user_agent"
_LIST: Final = f"SELECT {_COLUMNS} FROM devices WHERE localpart = :localpart ORDER BY device_id"
_FIND: Final = f"SELECT {_COLUMNS} FROM devices WHERE localpart = :localpart AND device_id = :device_id"
_RENAME: Final = """
    UPDATE devices SET display_name = COALESCE(:display_name, display_name)
    WHERE localpart = :localpart AND device_id = :device_id
    RETURNING device_id
"""
_DELETE: Final = "DELETE FROM devices WHERE localpart = :localpart AND device_id = :device_id"
_PUT: Final = """
    INSERT INTO devices (localpart, device_id, display_name, created_at)
    VALUES (:localpart, :device_id, :display_name, :at)
    ON CONFLICT (localpart, device_id) DO NOTHING
    RETURNING device_id
"""
_CONNECTIONS: Final = """
    SELECT device_id, last_seen_ip, last_seen_user_agent, last_seen_at FROM devices WHERE localpart = :localpart
    ORDER BY device_id
"""
_IDLE: Final = """
    SELECT localpart, device_id FROM devices WHERE COALESCE(last_seen_at, created_at) < :before
        AND NOT EXISTS (
            SELECT 1 FROM accounts WHERE accounts.localpart = devices.localpart AND accounts.kind = 'appservice'
        )
    ORDER BY COALESCE(last_seen_at, created_at) LIMIT :limit
"""
_NOTE_SEEN: Final = """
    UPDATE devices SET last_seen_at = :at, last_seen_ip = :address, last_seen_user_agent = :user_agent
    WHERE localpart = :localpart AND device_id = :device_id
"""


def list_devices(localpart: Localpart) -> Work[Sequence[Device]]:
    """All devices of an account."""
    rows = yield ask(_LIST, localpart=localpart)
    return [Device(*row) for row in rows]


def find_device(localpart: Localpart, device_id: str) -> Work[Device | None]:
    """One device."""
    rows = yield ask(_FIND, localpart=localpart, device_id=device_id)
    return Device(*rows[0]) if rows else None


def rename_device(localpart: Localpart, device_id: str, display_name: str | None) -> Work[bool]:
    """Rename a device."""
    rows = yield ask(_RENAME, localpart=localpart, device_id=device_id, display_name=display_name)
    return bool(rows)


def delete_devices(
    localpart: Localpart, device_ids: Sequence[str], event: AuditEvent, use: UiaUse | None
) -> Work[Sequence[int]]:
    """Delete devices and end their sessions."""
    if use is not None:
        yield from uia.use_up(use)
    yield passwords.get_and_lock(localpart)
    ended: list[int] = []
    for device_id in device_ids:
        ended += yield from end_device_sessions(localpart, device_id, EndReason.DEVICE_DELETED, event.at)
        yield ask(_DELETE, localpart=localpart, device_id=device_id)
    yield audit.record(event)
    return ended


def note_last_seen(seen: Mapping[tuple[Localpart, str], tuple[Instant, Origin]]) -> Work[None]:
    """Write when and whence devices were last seen.

    In the same order whoever does so, so that of two processes that have seen the same devices one waits for the other.
    """
    for (localpart, device_id), (at, origin) in sorted(seen.items()):
        yield ask(
            _NOTE_SEEN, localpart=localpart, device_id=device_id, at=at,
            address=origin.address, user_agent=origin.user_agent,
        )  # fmt: skip


def put_device(localpart: Localpart, device_id: str, display_name: str | None, at: Instant) -> Work[bool]:
    """Rename a device, or make it without any session; True when it was made."""
    rows = yield ask(_PUT, localpart=localpart, device_id=device_id, display_name=display_name, at=at)
    if not rows:
        yield from rename_device(localpart, device_id, display_name)
    return bool(rows)


def list_connections(localpart: Localpart) -> Work[Sequence[Connection]]:
    """Where the devices of an account were seen last."""
    rows = yield ask(_CONNECTIONS, localpart=localpart)
    return [Connection(*row) for row in rows]


def end_idle(before: Instant, at: Instant, limit: int) -> Work[Swept]:
    """Log devices out that were not seen since then, a few at once."""
    rows = yield ask(_IDLE, before=before, limit=limit)
    ended: list[int] = []
    for name, device_id in rows:
        localpart = Localpart(name)
        yield passwords.get_and_lock(localpart)
        ended += yield from end_device_sessions(localpart, device_id, EndReason.IDLE, at)
        yield ask(_DELETE, localpart=localpart, device_id=device_id)
        yield audit.record(AuditEvent(AuditKind.SESSIONS_IDLE, localpart, at, detail={"device_id": device_id}))
    return Swept(len(rows), ended)
