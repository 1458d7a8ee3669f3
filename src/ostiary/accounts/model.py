"""The things themselves: accounts, devices, sessions, tokens. Frozen values; nothing here does anything.

Instants (``…_at``) are integer milliseconds since the epoch, UTC; durations (``…_ms``) are milliseconds.
Must not know how any of it is stored or asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret

Instant = int
"""Milliseconds since the epoch, UTC."""


class AccountKind(StrEnum):
    """What an account is: a person's or bot's own, a visitor's, or one that an application service speaks for."""

    USER = "user"
    GUEST = "guest"
    APPSERVICE = "appservice"


class AccountState(StrEnum):
    """What an account may do; see ``transitions`` for who may log in."""

    ACTIVE = "active"
    LOCKED = "locked"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    AWAITING_APPROVAL = "awaiting_approval"
    DEACTIVATED = "deactivated"


class EndReason(StrEnum):
    """Why a session ended."""

    LOGGED_OUT = "logged_out"
    REPLACED = "replaced"
    DEVICE_DELETED = "device_deleted"
    PASSWORD_CHANGED = "password_changed"
    TOKEN_REPLAYED = "token_replayed"
    DEACTIVATED = "deactivated"
    IDLE = "idle"
    ENDED_BY_ADMIN = "ended_by_admin"


class AuditKind(StrEnum):
    """What may happen to an account that its owner would want to know of."""

    REGISTERED = "registered"
    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    LOGGED_OUT_EVERYWHERE = "logged_out_everywhere"
    DEVICES_DELETED = "devices_deleted"
    PASSWORD_CHANGED = "password_changed"
    TOKEN_REPLAYED = "token_replayed"
    ADDRESS_ADDED = "address_added"
    ADDRESS_REMOVED = "address_removed"
    ADDRESS_BOUND = "address_bound"
    ADDRESS_UNBOUND = "address_unbound"
    DEACTIVATED = "deactivated"
    REACTIVATED = "reactivated"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    SUSPENDED = "suspended"
    UNSUSPENDED = "unsuspended"
    MADE_ADMIN = "made_admin"
    NO_LONGER_ADMIN = "no_longer_admin"
    EXPIRY_SET = "expiry_set"
    EXPIRED = "expired"
    APPROVED = "approved"
    REJECTED = "rejected"
    SESSIONS_IDLE = "sessions_idle"
    LOGIN_TOKEN_MADE = "login_token_made"
    GUEST_UPGRADED = "guest_upgraded"
    EXPORTED = "exported"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from. Both are empty for what is done at the server itself."""

    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that happened to an account. ``detail`` holds names and numbers, never a secret."""

    kind: AuditKind
    localpart: Localpart
    at: Instant
    origin: Origin = Origin()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as a list shows it."""

    localpart: Localpart
    kind: AccountKind
    state: AccountState
    created_at: Instant


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login needs to know of an account. ``password_hash`` is None where it has no password."""

    localpart: Localpart
    kind: AccountKind
    state: AccountState
    password_hash: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """A device. ``last_seen_…`` are None until it has been seen, and lag by some seconds."""

    device_id: str
    display_name: str | None
    last_seen_ip: str | None
    last_seen_at: Instant | None
    last_seen_user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Tokens in the clear, on their way to the client. ``expires_in_ms`` is None where they do not expire."""

    access_token: Secret
    refresh_token: Secret | None
    expires_in_ms: int | None


@dataclass(frozen=True, slots=True)
class StoredPair:
    """The same as it is stored: digests, and when each dies of age (None: never)."""

    access_digest: bytes = field(repr=False)
    access_expires_at: Instant | None
    refresh_digest: bytes | None = field(default=None, repr=False)
    refresh_expires_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be opened on a device, which is made if it does not exist yet.

    ``device_name`` counts for a new device only; ``device_is_new``: whether it is known to be one, its ID having been
    made up for it. ``root``: what all its tokens will be told by.
    """

    localpart: Localpart
    device_id: str
    device_name: str | None
    device_is_new: bool
    root: bytes = field(repr=False)
    pair: StoredPair
    at: Instant


@dataclass(frozen=True, slots=True)
class Opened:
    """That a session was opened, by the number the store gave it, and which ended for it. None: none was asked for."""

    session_id: int | None
    ended: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session just opened, with its tokens in the clear."""

    localpart: Localpart
    device_id: str
    tokens: TokenPair


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, as its access token says; ``token_digest`` names that token.

    ``expires_at``: when the token dies of age, None for never. An application service calls without a session, and on
    a device only where it names one; ``appservice_id`` says which it is.
    """

    session_id: int | None
    localpart: Localpart
    device_id: str | None
    kind: AccountKind
    state: AccountState
    expires_at: Instant | None
    token_digest: bytes = field(repr=False)
    appservice_id: str | None = None

    @property
    def is_guest(self) -> bool:
        """Whether a guest's account calls."""
        return self.kind is AccountKind.GUEST


@dataclass(frozen=True, slots=True)
class Offer:
    """A pair that nobody has used yet: its number, the pair, and what it was derived with."""

    generation: int
    pair: StoredPair
    nonce: bytes = field(repr=False)

    def has_expired(self, now: Instant) -> bool:
        """Whether its access token has."""
        expires_at = self.pair.access_expires_at
        return expires_at is not None and expires_at <= now


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session as its tokens are judged by. Pairs are numbered by *generation*.

    ``pair``: the one in use, ``since`` when; ``former`` and ``former_since``: the number of the one before, and since
    when that was in use; None where there was none. ``offer``: of a newer pair; None where there is none, or no longer,
    the session having ended. ``device_lives``: whether some session of the same device is open.
    """

    session_id: int
    localpart: Localpart
    device_id: str
    kind: AccountKind
    state: AccountState
    root: bytes = field(repr=False)
    generation: int
    pair: StoredPair
    since: Instant
    former: int | None
    former_since: Instant | None
    offer: Offer | None
    ended: bool
    device_lives: bool


@dataclass(frozen=True, slots=True)
class Rotation:
    """A new pair to be offered beside the one in use.

    ``generation`` and ``offered`` are what the session was seen to have: when it has moved on, nothing is done.
    ``confirms``: whether the pair so far only offered is the one in use from now on, its refresh token being used.
    """

    session_id: int
    generation: int
    offered: int | None
    confirms: bool
    offer: Offer
    at: Instant


@dataclass(frozen=True, slots=True)
class UiaRecord:
    """An interactive authentication that is under way.

    Bound to ``operation`` and its ``target`` (what path and query name), to the account that opened it (``owner``; None
    where no token was sent) and to ``parameters``. ``completed``: the stages done, each with what it proves.
    ``outcome``: what came of it, once it has been used.
    """

    digest: bytes = field(repr=False)
    operation: str
    target: str
    owner: Localpart | None
    parameters: Mapping[str, Any] = field(repr=False)
    completed: Mapping[str, Mapping[str, Any]]
    expires_at: Instant
    outcome: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class UiaUse:
    """An interactive authentication being used up, with all that it took, in the transaction of what it allowed.

    ``is_stored``: whether there is a record of it; a dialogue that ends with its first request has none. ``sids``: of
    the validations of addresses that it took; ``registration_tokens``: those that it took one use of.
    """

    digest: bytes = field(repr=False)
    is_stored: bool
    at: Instant
    sids: Sequence[str] = ()
    registration_tokens: Sequence[str] = field(default=(), repr=False)
    outcome: Mapping[str, Any] = field(default_factory=dict)
