"""The devices and sessions of any account. ``last_seen_…`` lag by some seconds; missing where nothing was seen yet."""

from ostiary.api.administration.meta import ACCOUNT, admin_meta
from ostiary.api.endpoint import UNSET, Empty, Endpoint, InPath, Struct, UnsetType
from ostiary.api.errors import InvalidParam, NotFound


class AdminDevice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device. ``last_seen_at``: milliseconds since the epoch."""

    device_id: str
    display_name: str | UnsetType = UNSET
    last_seen_ip: str | UnsetType = UNSET
    last_seen_at: int | UnsetType = UNSET
    last_seen_user_agent: str | UnsetType = UNSET


class AdminDevicesResponse(Struct, frozen=True, kw_only=True):
    """All devices of an account."""

    devices: tuple[AdminDevice, ...]


class ListDevices(Endpoint[AdminDevicesResponse], frozen=True, kw_only=True):
    """The devices of an account, in the order of their IDs."""

    meta = admin_meta("GET", f"{ACCOUNT}/devices", InvalidParam, NotFound)
    name: InPath[str]


class DeleteAnyDevice(Endpoint[Empty], frozen=True, kw_only=True):
    """Delete a device of an account, and end its session."""

    meta = admin_meta("DELETE", f"{ACCOUNT}/devices/{{device_id}}", InvalidParam, NotFound)
    name: InPath[str]
    device_id: InPath[str]


class AdminSession(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session that has not ended. ``device_name`` and ``last_seen_…`` are its device's."""

    session_id: int
    device_id: str
    created_at: int
    device_name: str | UnsetType = UNSET
    last_seen_ip: str | UnsetType = UNSET
    last_seen_at: int | UnsetType = UNSET


class AdminSessionsResponse(Struct, frozen=True, kw_only=True):
    """All sessions of an account that have not ended."""

    sessions: tuple[AdminSession, ...]


class ListSessions(Endpoint[AdminSessionsResponse], frozen=True, kw_only=True):
    """The sessions of an account that have not ended, oldest first."""

    meta = admin_meta("GET", f"{ACCOUNT}/sessions", InvalidParam, NotFound)
    name: InPath[str]


class SessionsEnded(Struct, frozen=True, kw_only=True):
    """How many sessions have been ended."""

    ended: int


class EndSessions(Endpoint[SessionsEnded], frozen=True, kw_only=True):
    """End all sessions of an account, and delete its devices."""

    meta = admin_meta("DELETE", f"{ACCOUNT}/sessions", InvalidParam, NotFound)
    name: InPath[str]
