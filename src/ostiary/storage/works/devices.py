"""Devices."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final

from ostiary.accounts.model import AuditEvent, AuditKind, Device, EndReason, Instant, Origin, UiaUse
from ostiary.accounts.values import Connection, DeviceKey, IdleDevices
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
_DELETE_IDLE: Final = """
    DELETE FROM devices
    WHERE localpart = :localpart AND device_id = :device_id AND COALESCE(last_seen_at, created_at) < :before
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
_LOOK_FOR_IDLE: Final = """
    SELECT device.localpart, device.device_id,
        COALESCE(device.last_seen_at, device.created_at) < :before AND account.kind <> 'appservice'
    FROM devices AS device JOIN accounts AS account ON account.localpart = device.localpart
    WHERE (device.localpart, device.device_id) > (:localpart, :device_id)
    ORDER BY device.localpart, device.device_id LIMIT :limit
"""
_NOTE_SEEN: Final = """
    UPDATE devices SET last_seen_at = :at, last_seen_ip = :address, last_seen_user_agent = :user_agent
    WHERE localpart = :localpart AND device_id = :device_id
        AND (last_seen_at IS NULL OR last_seen_at <= :at OR last_seen_at > :beyond)
"""
MOST_BEHIND_MS: Final = 3_600_000
"""What another process has seen later than this one wins, unless no process can be so far behind: a clock was wrong."""


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
    yield passwords.hold(localpart)
    ended: list[int] = []
    for device_id in device_ids:
        ended += yield from end_device_sessions(localpart, device_id, EndReason.DEVICE_DELETED, event.at)
        yield ask(_DELETE, localpart=localpart, device_id=device_id)
    yield audit.record(event)
    return ended


def note_last_seen(seen: Mapping[DeviceKey, tuple[Instant, Origin]]) -> Work[None]:
    """Write when and whence devices were last seen, in an order of their own, so that no two works wait in a circle."""
    for (localpart, device_id), (at, origin) in sorted(seen.items(), key=itemgetter(0)):
        yield ask(
            _NOTE_SEEN, localpart=localpart, device_id=device_id, at=at, beyond=at + MOST_BEHIND_MS,
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


def look_for_idle(after: DeviceKey | None, before: Instant, limit: int) -> Work[IdleDevices]:
    """Which of the next few devices were not seen since then, in the order of their keys, those behind ``after``.

    No index has them by when they were seen: it would have to be told of each time that one is.
    """
    localpart, device_id = after or ("", "")
    rows = yield ask(_LOOK_FOR_IDLE, localpart=localpart, device_id=device_id, before=before, limit=limit)
    keys = [(Localpart(name), device) for name, device, _ in rows]
    idle = [key for key, (_, _, is_idle) in zip(keys, rows, strict=True) if is_idle]
    return IdleDevices(idle, keys[-1] if len(keys) == limit else None)


def end_idle(devices: Sequence[DeviceKey], before: Instant, at: Instant) -> Work[Sequence[int]]:
    """Log those of the devices out that still were not seen since then."""
    ended: list[int] = []
    for localpart, device_id in devices:
        yield passwords.hold(localpart)
        deleted = yield ask(_DELETE_IDLE, localpart=localpart, device_id=device_id, before=before)
        if not deleted:  # it was used, or logged out by another, just now
            continue
        ended += yield from end_device_sessions(localpart, device_id, EndReason.IDLE, at)
        yield audit.record(AuditEvent(AuditKind.SESSIONS_IDLE, localpart, at, detail={"device_id": device_id}))
    return ended
