"""Accounts, as administrators see and change them.

``name`` in a path is a localpart or a whole user ID. Instants are milliseconds since the epoch.
"""

from typing import Annotated, Final

from msgspec import Meta as Limits

from ostiary.api.administration.meta import ACCOUNT, admin_meta
from ostiary.api.endpoint import UNSET, Empty, Endpoint, InPath, InQuery, Object, Struct, UnsetType, field
from ostiary.api.errors import (
    BadState,
    Exclusive,
    InvalidParam,
    InvalidUsername,
    NotFound,
    UserInUse,
    WeakPassword,
)
from ostiary.api.identifiers import Identifier, UserId
from ostiary.api.paging import Direction, PageLimit, PageStart
from ostiary.api.secret import Secret

Instant = Annotated[int, Limits(ge=1, le=2**53)]
"""Milliseconds since the epoch."""

_UNKNOWN: Final = (InvalidParam, NotFound)


class AccountResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account.

    ``kind``: ``user``, ``guest`` or ``appservice``. ``state`` follows from the rest: ``active``, ``locked``,
    ``expired``, ``suspended``, ``awaiting_approval`` or ``deactivated``.
    """

    user_id: UserId
    kind: str
    state: str
    admin: bool
    locked: bool
    suspended: bool
    expired: bool
    awaits_approval: bool
    erased: bool
    has_password: bool
    created_at: int
    deactivated_at: int | UnsetType = UNSET
    expires_at: int | UnsetType = UNSET
    appservice_id: str | UnsetType = UNSET


class AccountsResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of accounts."""

    accounts: tuple[AccountResponse, ...]
    next_batch: str | UnsetType = UNSET


class ListAccounts(Endpoint[AccountsResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Accounts in the order of their names. ``waiting``: only those that wait for approval."""

    meta = admin_meta("GET", "accounts", InvalidParam)
    start: InQuery[PageStart | UnsetType] = field(name="from", default=UNSET)
    limit: InQuery[PageLimit | UnsetType] = UNSET
    direction: InQuery[Direction | UnsetType] = field(name="dir", default=UNSET)
    waiting: InQuery[bool | UnsetType] = UNSET


class GetAccount(Endpoint[AccountResponse], frozen=True, kw_only=True):
    """An account."""

    meta = admin_meta("GET", ACCOUNT, *_UNKNOWN)
    name: InPath[str]


class CreateAccount(Endpoint[AccountResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Make an account; without ``password``, one that no password logs in to."""

    meta = admin_meta("POST", "accounts", Exclusive, InvalidUsername, UserInUse, WeakPassword)
    username: Identifier
    password: Secret | UnsetType = UNSET
    admin: bool | UnsetType = UNSET


class SetAdmin(Endpoint[AccountResponse], frozen=True, kw_only=True):
    """Make an account an administrator's, or one like others again. Not one's own."""

    meta = admin_meta("PUT", f"{ACCOUNT}/admin", *_UNKNOWN)
    name: InPath[str]
    admin: bool


class SetLocked(Endpoint[AccountResponse], frozen=True, kw_only=True):
    """Lock an account, or unlock it. Not one's own."""

    meta = admin_meta("PUT", f"{ACCOUNT}/locked", *_UNKNOWN)
    name: InPath[str]
    locked: bool


class SetSuspended(Endpoint[AccountResponse], frozen=True, kw_only=True):
    """Suspend an account, or let it go on. Not one's own."""

    meta = admin_meta("PUT", f"{ACCOUNT}/suspended", *_UNKNOWN)
    name: InPath[str]
    suspended: bool


class SetExpiry(Endpoint[AccountResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Say when an account expires; without ``expires_at``, never. Not one's own."""

    meta = admin_meta("PUT", f"{ACCOUNT}/expiry", *_UNKNOWN)
    name: InPath[str]
    expires_at: Instant | UnsetType = UNSET


class Approve(Endpoint[AccountResponse], frozen=True, kw_only=True):
    """Let an account be used that waits for approval; its owner is told by mail."""

    meta = admin_meta("POST", f"{ACCOUNT}/approve", BadState, *_UNKNOWN, bodyless=True)
    name: InPath[str]


class Reject(Endpoint[Empty], frozen=True, kw_only=True):
    """Delete an account that waits for approval; its owner is told by mail, its name is free again."""

    meta = admin_meta("POST", f"{ACCOUNT}/reject", BadState, *_UNKNOWN, bodyless=True)
    name: InPath[str]


class Deactivate(Endpoint[AccountResponse], frozen=True, kw_only=True, omit_defaults=True):
    """End an account; its name stays taken. Not one's own.

    ``erase``: delete its profile, too, and what tells where it was used. One that has ended can be erased later.
    """

    meta = admin_meta("POST", f"{ACCOUNT}/deactivate", BadState, *_UNKNOWN)
    name: InPath[str]
    erase: bool | UnsetType = UNSET


class Reactivate(Endpoint[AccountResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Let a deactivated account be used again, with a password or without one."""

    meta = admin_meta("POST", f"{ACCOUNT}/reactivate", BadState, *_UNKNOWN, WeakPassword)
    name: InPath[str]
    password: Secret | UnsetType = UNSET


class SetPassword(Endpoint[Empty], frozen=True, kw_only=True, omit_defaults=True):
    """Give an account a password. Its sessions end unless ``logout_devices`` is false."""

    meta = admin_meta("PUT", f"{ACCOUNT}/password", BadState, *_UNKNOWN, WeakPassword)
    name: InPath[str]
    password: Secret
    logout_devices: bool | UnsetType = UNSET


class ExportAccount(Endpoint[Object], frozen=True, kw_only=True):
    """All that is stored about the person of an account, without secrets. That it was asked for is recorded."""

    meta = admin_meta("GET", f"{ACCOUNT}/export", *_UNKNOWN)
    name: InPath[str]
