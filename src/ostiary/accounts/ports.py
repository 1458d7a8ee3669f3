"""What the domain needs of the world, as protocols: a store, a clock, randomness, a hasher, a limiter.

Implemented in ``storage`` and ``server``, chosen in ``server.wiring``.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ostiary.accounts.messages import Message
from ostiary.accounts.model import (
    AuditEvent,
    Credentials,
    Device,
    EndReason,
    Instant,
    NewSession,
    Opened,
    Origin,
    Rotation,
    SessionRecord,
    UiaRecord,
    UiaUse,
)
from ostiary.accounts.outbox import OutboxStore
from ostiary.accounts.stores import (
    AddressStore,
    ChoreStore,
    CountStore,
    ProfileStore,
    RecordStore,
    RegistrationTokenStore,
    ShortTokenStore,
    StateStore,
)
from ostiary.accounts.values import (
    DeviceKey,
    IdleDevices,
    NewAccount,
)
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import Forbidden, Unknown
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret


class NameTaken(Exception):
    """There is an account of this name, or there was one."""


class PasswordChanged(Exception):
    """The password that was checked is no longer the account's."""


class StoreUnavailable(Unknown):
    """The store cannot be reached just now. Nothing was done; or, if the connection broke at the end, all of it."""

    status = 503
    default_message = "The server cannot reach its database; try again"


class AddressTaken(Exception):
    """Another account has this address."""


class ProfileFull(Exception):
    """The profile would be larger than one may be."""


class UiaAlreadyUsed(Forbidden):
    """The interactive authentication has allowed something already."""

    default_message = "The session has been used already"


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> Instant:
        """Milliseconds since the epoch, UTC."""
        ...


class Entropy(Protocol):
    """Gives randomness fit for secrets."""

    def token_bytes(self, count: int) -> bytes:
        """So many random bytes."""
        ...


class Hasher(Protocol):
    """Hashes passwords, slowly, on a pool of its own. Raises LimitExceeded when the pool has no room."""

    async def hash(self, password: Secret) -> str:
        """A hash with its parameters and salt inside."""
        ...

    async def verify(self, password: Secret, password_hash: str | None) -> bool:
        """Whether the password is the one hashed. None is never right, and takes as long as a real hash."""
        ...

    def ensure_room(self) -> None:
        """Do nothing where the pool has room. To be asked before anything is done for a hash that cannot be made."""
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than are configured now."""
        ...


class Limiter(Protocol):
    """Counts calls. Raises LimitExceeded with the time to wait."""

    def take_for_address(self, limit: RateLimit, address: str) -> None:
        """Count a call of a client's address."""
        ...

    async def take_for_account(self, limit: RateLimit, account: str) -> None:
        """Count a call that is about an account, or about an address, whether there is one of this name or not.

        Holds over all processes; where there are several, a store visit.
        """
        ...


class SessionStore(Protocol):
    """Sessions and their tokens. What ends sessions returns the IDs of those that it ended."""

    async def find_session(self, session_id: int) -> SessionRecord | None:
        """The session of this number, whether it has ended or not."""
        ...

    async def open_session(
        self,
        new: NewSession,
        event: AuditEvent,
        *,
        if_password_is: str | None = None,
        rehash: str | None = None,
        messages: Sequence[Message] = (),
    ) -> Opened:
        """Open a session, ending those that its device had; make the device if need be.

        ``messages`` are sent where the device is new.

        ``if_password_is``: raise PasswordChanged unless this is the account's hash still; ``rehash`` replaces it.
        """
        ...

    async def use_offered_pair(self, session_id: int, generation: int, at: Instant) -> None:
        """Make an offered pair the one in use, which ends the one before."""
        ...

    async def offer_pair(self, rotation: Rotation) -> bool:
        """Offer a new pair. False, with nothing done, when the session is not as the rotation saw it."""
        ...

    async def end_session(self, session_id: int, reason: EndReason, event: AuditEvent) -> Sequence[int]:
        """End one session and delete its device."""
        ...

    async def end_all_sessions(self, localpart: Localpart, reason: EndReason, event: AuditEvent) -> Sequence[int]:
        """End all sessions of an account and delete its devices."""
        ...


class AccountStore(Protocol):
    """Accounts and their passwords."""

    async def find_credentials(self, localpart: str) -> Credentials | None:
        """The account of this name; failing that, the one of the name in lower case."""
        ...

    async def is_taken(self, localpart: Localpart) -> bool:
        """Whether an account of this name exists or did once."""
        ...

    async def create_account(
        self, new: NewAccount, event: AuditEvent, *, session: NewSession | None = None, use: UiaUse | None = None
    ) -> Opened:
        """Make an account and, if wished, a first session. Raises NameTaken, UiaAlreadyUsed."""
        ...

    async def set_password(
        self,
        localpart: Localpart,
        password_hash: str,
        event: AuditEvent,
        *,
        end_other_sessions: bool,
        keep_session: int | None,
        use: UiaUse | None = None,
        messages: Sequence[Message] = (),
    ) -> Sequence[int]:
        """Replace a password. ``end_other_sessions``: end all sessions but ``keep_session``, devices included.

        Raises UiaAlreadyUsed.
        """  # fmt: skip
        ...


class DeviceStore(Protocol):
    """Devices."""

    async def list_devices(self, localpart: Localpart) -> Sequence[Device]:
        """All devices of an account, in the order of their IDs."""
        ...

    async def find_device(self, localpart: Localpart, device_id: str) -> Device | None:
        """One device."""
        ...

    async def rename_device(self, localpart: Localpart, device_id: str, display_name: str | None) -> bool:
        """Rename a device, None leaving its name alone; False when there is none."""
        ...

    async def delete_devices(
        self, localpart: Localpart, device_ids: Sequence[str], event: AuditEvent, use: UiaUse | None
    ) -> Sequence[int]:
        """Delete devices and end their sessions. Raises UiaAlreadyUsed."""
        ...

    async def note_last_seen(self, seen: Mapping[DeviceKey, tuple[Instant, Origin]]) -> None:
        """Write when and from where devices were last seen."""
        ...

    async def put_device(self, localpart: Localpart, device_id: str, display_name: str | None, at: Instant) -> bool:
        """Rename a device, or make it, without a session; True when it was made."""
        ...

    async def look_for_idle_devices(self, after: DeviceKey | None, before: Instant, limit: int) -> IdleDevices:
        """Which of the next few devices were not seen since ``before``. ``after``: where the last look ended."""
        ...

    async def end_idle_devices(self, idle: Sequence[DeviceKey], before: Instant, at: Instant) -> Sequence[int]:
        """Log those of the devices out that still were not seen since ``before``; returns their sessions."""
        ...


class UiaStore(Protocol):
    """Interactive authentications under way."""

    async def find_uia(self, digest: bytes) -> UiaRecord | None:
        """The one with this digest, whether expired or not."""
        ...

    async def add_uia(self, record: UiaRecord) -> None:
        """Remember a new one."""
        ...

    async def update_uia(self, before: UiaRecord, after: UiaRecord) -> bool:
        """Write progress. False, with nothing done, when it is not as ``before`` any longer."""
        ...


class Store(
    SessionStore, AccountStore, DeviceStore, UiaStore, StateStore, AddressStore, RegistrationTokenStore,
    ShortTokenStore, ProfileStore, RecordStore, OutboxStore, CountStore, ChoreStore, Protocol,
):  # fmt: skip
    """All of it."""
