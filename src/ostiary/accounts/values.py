"""More of the things themselves: addresses and their validation, registration tokens, an account in full, a profile.

Frozen values, like those of ``model``; instants and durations are milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ostiary.accounts.messages import Medium, Message
from ostiary.accounts.model import Account, AccountKind, AuditEvent, Instant
from ostiary.api.identifiers import Localpart


@dataclass(frozen=True, slots=True)
class AccountDetails(Account):
    """An account as its administrator sees it. ``state`` follows from the others; ``expires_at`` None: never."""

    is_admin: bool = False
    is_locked: bool = False
    is_suspended: bool = False
    is_expired: bool = False
    awaits_approval: bool = False
    is_erased: bool = False
    has_password: bool = False
    deactivated_at: Instant | None = None
    expires_at: Instant | None = None
    appservice_id: str | None = None


@dataclass(frozen=True, slots=True)
class ThirdPartyId:
    """A mail address or phone number of an account, in canonical form."""

    medium: Medium
    address: str
    validated_at: Instant
    added_at: Instant


@dataclass(frozen=True, slots=True)
class ProvenAddress:
    """An address that a caller has shown to read. ``sid``: by which validation; empty for one of another server."""

    medium: Medium
    address: str
    validated_at: Instant
    sid: str


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made, with the addresses that its owner has proven and the policies agreed to, by version."""

    localpart: Localpart
    kind: AccountKind
    password_hash: str | None = field(repr=False)
    at: Instant = 0
    addresses: Sequence[ProvenAddress] = ()
    policies: Mapping[str, str] = field(default_factory=dict)
    awaits_approval: bool = False
    expires_at: Instant | None = None
    appservice_id: str | None = None
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """That an identity server was told whose address it is."""

    medium: Medium
    address: str
    id_server: str


class Purpose(StrEnum):
    """What an address is validated for. A validation for one purpose is of no use for another."""

    REGISTER = "register"
    ADD = "add"
    RESET_PASSWORD = "reset_password"


@dataclass(frozen=True, slots=True)
class Validation:
    """A person shows to read an address. ``validated_at``: None until then; ``used_at``: None until it served.

    ``is_held``: the message waits until the dialogue that it is for has come far enough.
    """

    sid: str
    purpose: Purpose
    medium: Medium
    address: str
    secret_digest: bytes = field(repr=False)
    next_link: str | None
    language: str
    is_held: bool
    expires_at: Instant
    validated_at: Instant | None
    used_at: Instant | None


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a message asks for: by digest, the secret of its link and its code; and the message itself.

    Without either, nobody can meet it: it stands for an address that is not to be validated, and nobody is to know.
    """

    link_digest: bytes | None = field(default=None, repr=False)
    code_digest: bytes | None = field(default=None, repr=False)
    messages: Sequence[Message] = ()


@dataclass(frozen=True, slots=True)
class NewValidation:
    """A validation asked for, by somebody who may have asked before."""

    validation: Validation
    send_attempt: int
    challenge: Challenge
    at: Instant


class CodeCheck(StrEnum):
    """How a code was found."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RegistrationToken:
    """A token that lets one register. ``uses_allowed`` and ``expires_at`` None: without limit.

    ``pending``: how many dialogues have shown it and are not done. ``proposed_name``: the user name that an invitation
    suggests; ``invited_address``: where it was sent.
    """

    token: str
    uses_allowed: int | None
    pending: int
    completed: int
    expires_at: Instant | None
    created_at: Instant
    proposed_name: str | None = None
    invited_address: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """That a policy was agreed to."""

    policy: str
    version: str
    agreed_at: Instant


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An audit event as it stands in the record; IDs grow with time."""

    event_id: int
    event: AuditEvent


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What is changed of an account; None leaves it. ``expires_at``: 0 for never."""

    is_admin: bool | None = None
    is_locked: bool | None = None
    is_suspended: bool | None = None
    awaits_approval: bool | None = None
    expires_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Expiring:
    """An account and when it ends."""

    localpart: Localpart
    expires_at: Instant


DeviceKey = tuple[Localpart, str]
"""Whose device, and which."""


@dataclass(frozen=True, slots=True)
class IdleDevices:
    """Which of a few devices are idle; ``last``: behind which to go on, None where no more come."""

    found: Sequence[DeviceKey]
    last: DeviceKey | None


@dataclass(frozen=True, slots=True)
class Swept:
    """A step of a clean-up: how many things it dealt with, and the sessions to look at anew."""

    count: int
    session_ids: Sequence[int]


class Perishable(StrEnum):
    """What is deleted some time after its end."""

    SESSIONS = "sessions"
    MESSAGES = "messages"
    INTERACTIVE_AUTHENTICATIONS = "interactive_authentications"
    VALIDATIONS = "validations"
    HOLDS = "holds"
    LOGIN_TOKENS = "login_tokens"
    OPENID_TOKENS = "openid_tokens"


@dataclass(frozen=True, slots=True)
class CountedCall:
    """A call to be counted against a limit, in microseconds. ``digest``: of what is limited.

    Each call fills what it is counted in by ``interval_us``, which empties with time and holds ``most_us``. Where it
    would be empty only after ``beyond_us``, it was no call that has filled it, but a clock that was wrong.
    """

    digest: bytes
    at_us: int
    interval_us: int
    most_us: int
    beyond_us: int


@dataclass(frozen=True, slots=True)
class Counting:
    """Whether a call was left, and when there will be as many as there can be."""

    is_taken: bool
    full_at_us: int


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is at a chore. ``taken_by``: a process, by a name that no other has."""

    chore: str
    taken_by: str


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a device was seen last."""

    device_id: str
    address: str | None
    user_agent: str | None
    last_seen_at: Instant | None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that has not ended. ``device_name`` and ``last_seen_…`` are its device's."""

    session_id: int
    device_id: str
    device_name: str | None
    created_at: Instant
    last_seen_ip: str | None
    last_seen_at: Instant | None


Profile = Mapping[str, Any]
"""The fields of a profile."""

Traces = Mapping[str, Sequence[Mapping[str, Any]]]
"""What is stored about a person apart from what has values of its own: by subject, plain rows without any secret."""
