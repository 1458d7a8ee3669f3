"""What server administrators do to accounts, as the specification has it. Spec: admin.yaml."""

from ostiary.api.auth import AccessToken
from ostiary.api.endpoint import UNSET, Endpoint, InPath, Meta, Struct, UnsetType, client_paths, field
from ostiary.api.errors import Forbidden, InvalidParam, NotFound
from ostiary.api.identifiers import UserId


class Connection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a session was seen last. ``last_seen``: milliseconds since the epoch."""

    ip: str | UnsetType = UNSET
    last_seen: int | UnsetType = UNSET
    user_agent: str | UnsetType = UNSET


class SessionInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session."""

    connections: tuple[Connection, ...] | UnsetType = UNSET


class DeviceInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The sessions of a device."""

    sessions: tuple[SessionInfo, ...] | UnsetType = UNSET


class WhoIsResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user's sessions, by device."""

    user_id: UserId | UnsetType = UNSET
    devices: dict[str, DeviceInfo] | UnsetType = UNSET


class WhoIs(Endpoint[WhoIsResponse], frozen=True, kw_only=True):
    """From where a user has called: one's own account, or as an administrator any. Spec: admin.yaml (since r0.0.0)."""

    meta = Meta(
        method="GET",
        history=client_paths("admin/whois/{userId}", "api/v1", "r0", "v3"),
        authentication=AccessToken(),
        operation=("admin", "getWhoIs"),
        since="r0.0.0",
        errors=(Forbidden, InvalidParam, NotFound),
    )
    user_id: InPath[str] = field(name="userId")


class SuspendedResponse(Struct, frozen=True, kw_only=True):
    """Whether an account is suspended."""

    suspended: bool


class LockedResponse(Struct, frozen=True, kw_only=True):
    """Whether an account is locked."""

    locked: bool


_ERRORS = (Forbidden, InvalidParam, NotFound)


class IsSuspended(Endpoint[SuspendedResponse], frozen=True, kw_only=True):
    """Whether an account is suspended. For administrators. Spec: admin.yaml, getAdminSuspendUser (since v1.18)."""

    meta = Meta(
        method="GET",
        history=client_paths("admin/suspend/{userId}", "v1"),
        authentication=AccessToken(),
        operation=("admin", "getAdminSuspendUser"),
        since="v1.18",
        errors=_ERRORS,
    )
    user_id: InPath[str] = field(name="userId")


class Suspend(Endpoint[SuspendedResponse], frozen=True, kw_only=True):
    """Suspend an account, or let it go on. For administrators. Spec: admin.yaml, setAdminSuspendUser (since v1.18)."""

    meta = Meta(
        method="PUT",
        history=client_paths("admin/suspend/{userId}", "v1"),
        authentication=AccessToken(),
        operation=("admin", "setAdminSuspendUser"),
        since="v1.18",
        errors=_ERRORS,
    )
    user_id: InPath[str] = field(name="userId")
    suspended: bool


class IsLocked(Endpoint[LockedResponse], frozen=True, kw_only=True):
    """Whether an account is locked. For administrators. Spec: admin.yaml, getAdminLockUser (since v1.18)."""

    meta = Meta(
        method="GET",
        history=client_paths("admin/lock/{userId}", "v1"),
        authentication=AccessToken(),
        operation=("admin", "getAdminLockUser"),
        since="v1.18",
        errors=_ERRORS,
    )
    user_id: InPath[str] = field(name="userId")


class Lock(Endpoint[LockedResponse], frozen=True, kw_only=True):
    """Lock an account, or unlock it. For administrators. Spec: admin.yaml, setAdminLockUser (since v1.18)."""

    meta = Meta(
        method="PUT",
        history=client_paths("admin/lock/{userId}", "v1"),
        authentication=AccessToken(),
        operation=("admin", "setAdminLockUser"),
        since="v1.18",
        errors=_ERRORS,
    )
    user_id: InPath[str] = field(name="userId")
    locked: bool
