"""More of what the domain needs of its store, by subject. The rest, and the whole, stands in ``ports``."""

from collections.abc import Sequence
from typing import Any, Protocol

from ostiary.accounts.messages import Medium, Message
from ostiary.accounts.model import AccountState, AuditEvent, Instant, NewSession, Opened, UiaUse
from ostiary.accounts.values import (
    AccountChange,
    AccountDetails,
    Binding,
    Challenge,
    CodeCheck,
    Connection,
    Consent,
    CountedCall,
    Counting,
    Expiring,
    LoggedEvent,
    NewValidation,
    OpenSession,
    Perishable,
    Profile,
    ProvenAddress,
    RegistrationToken,
    Swept,
    ThirdPartyId,
    Traces,
    Turn,
    Validation,
)
from ostiary.api.identifiers import Localpart


class StateStore(Protocol):
    """What accounts are allowed. What changes it returns the IDs of the sessions to look at anew."""

    async def find_details(self, localpart: str) -> AccountDetails | None:
        """An account in full."""
        ...

    async def list_details(
        self, after: str | None, limit: int, *, backward: bool = False, waiting: bool = False
    ) -> Sequence[AccountDetails]:
        """Accounts behind ``after`` in the order of their localparts, or before it, backward.

        ``waiting``: only those that wait for approval.
        """
        ...

    async def change_account(
        self, localpart: Localpart, change: AccountChange, event: AuditEvent, messages: Sequence[Message] = ()
    ) -> Sequence[int]:
        """Change what an account is allowed."""
        ...

    async def deactivate(
        self, localpart: Localpart, event: AuditEvent, *, erase: bool, use: UiaUse | None, messages: Sequence[Message]
    ) -> Sequence[int]:
        """End an account, its sessions, password and addresses; or erase one that has ended. Raises UiaAlreadyUsed."""
        ...

    async def reactivate(self, localpart: Localpart, password_hash: str | None, event: AuditEvent) -> bool:
        """Let a deactivated account be used again; False when it was not deactivated."""
        ...

    async def reject(self, localpart: Localpart, event: AuditEvent, messages: Sequence[Message]) -> bool:
        """Delete an account that waits for approval; False when it does not."""
        ...

    async def expire_accounts(self, at: Instant, limit: int) -> Swept:
        """Note a few of the accounts whose time is over."""
        ...

    async def find_expiring(self, after: Instant, before: Instant, limit: int) -> Sequence[Expiring]:
        """A few of the accounts that end in this time and whose owners have not been told."""
        ...

    async def note_expiry_told(self, told: Expiring, at: Instant, messages: Sequence[Message]) -> None:
        """Note that the owner is told, by these messages, unless that is noted already or the end is another now."""
        ...

    async def upgrade_guest(
        self,
        localpart: Localpart,
        password_hash: str | None,
        session: NewSession | None,
        event: AuditEvent,
        use: UiaUse | None,
    ) -> Opened:
        """Make a guest a user of the same ID. Raises NameTaken (it is no guest), UiaAlreadyUsed."""
        ...

    async def list_consents(self, localpart: Localpart) -> Sequence[Consent]:
        """What an account has agreed to."""
        ...


class AddressStore(Protocol):
    """The addresses of accounts, and validations of addresses."""

    async def find_owner(self, medium: Medium, address: str) -> Localpart | None:
        """Whose address it is."""
        ...

    async def list_threepids(self, localpart: Localpart) -> Sequence[ThirdPartyId]:
        """The addresses of an account."""
        ...

    async def add_threepid(
        self,
        localpart: Localpart,
        address: ProvenAddress,
        event: AuditEvent,
        use: UiaUse | None,
        messages: Sequence[Message] = (),
    ) -> None:
        """Give an account an address. Raises AddressTaken, UiaAlreadyUsed."""
        ...

    async def remove_threepid(
        self, localpart: Localpart, medium: Medium, address: str, event: AuditEvent, messages: Sequence[Message] = ()
    ) -> bool:
        """Take an address from an account; False where it was not there."""
        ...

    async def note_binding(self, localpart: Localpart, binding: Binding, event: AuditEvent) -> None:
        """Remember that an identity server was told of an address."""
        ...

    async def list_bindings(self, localpart: Localpart) -> Sequence[Binding]:
        """What identity servers were told of an account."""
        ...

    async def forget_binding(self, localpart: Localpart, binding: Binding, event: AuditEvent) -> None:
        """Remember that an identity server has forgotten."""
        ...

    async def request_validation(self, new: NewValidation) -> str:
        """Open a validation, or go on with its client's earlier one; returns its ID.

        The challenge's messages are sent unless it is held, or this ``send_attempt`` was asked for before.
        """
        ...

    async def find_validation(self, sid: str) -> Validation | None:
        """The validation of this ID."""
        ...

    async def find_validation_by_link(self, digest: bytes) -> Validation | None:
        """The validation whose message has this link."""
        ...

    async def release_validation(self, sid: str, challenge: Challenge, at: Instant) -> None:
        """Send the message that was held, once."""
        ...

    async def check_code(
        self, sid: str, medium: Medium, secret_digest: bytes, code_digest: bytes, at: Instant, most_wrong: int
    ) -> CodeCheck:
        """Hold a code against the one sent; after so many wrong ones none is right."""
        ...

    async def validate_by_link(self, digest: bytes, at: Instant) -> bool:
        """Note that the link was followed; False where there is none, or no longer."""
        ...


class RegistrationTokenStore(Protocol):
    """Tokens that let one register."""

    async def find_registration_token(self, token: str, at: Instant) -> RegistrationToken | None:
        """The token, with how it stands."""
        ...

    async def list_registration_tokens(
        self, after: str | None, limit: int, at: Instant, *, backward: bool = False
    ) -> Sequence[RegistrationToken]:
        """Tokens in their own order, those behind ``after``, or before it, backward."""
        ...

    async def add_registration_token(self, new: RegistrationToken, messages: Sequence[Message] = ()) -> bool:
        """Make a token; False where there is one of this name."""
        ...

    async def change_registration_token(self, token: str, uses_allowed: int | None, expires_at: Instant | None) -> bool:
        """Change a token's limits; False where there is none."""
        ...

    async def delete_registration_token(self, token: str) -> bool:
        """Delete a token; False where there is none."""
        ...

    async def hold_registration_token(self, token: str, digest: bytes, expires_at: Instant, at: Instant) -> bool:
        """Count a use as pending for the dialogue of this digest; False when none is left."""
        ...


class ShortTokenStore(Protocol):
    """Tokens of a short life."""

    async def add_login_token(
        self, digest: bytes, localpart: Localpart, expires_at: Instant, event: AuditEvent, use: UiaUse | None
    ) -> None:
        """Remember a token for one login. Raises UiaAlreadyUsed."""
        ...

    async def use_login_token(self, digest: bytes, at: Instant) -> Localpart | None:
        """Whose token it is, which it never is again."""
        ...

    async def add_openid_token(self, digest: bytes, localpart: Localpart, expires_at: Instant) -> None:
        """Remember a token that tells who its bearer is."""
        ...

    async def find_openid_token(self, digest: bytes, at: Instant) -> tuple[Localpart, AccountState] | None:
        """Whose token it is, and what that account may do now."""
        ...


class ProfileStore(Protocol):
    """Profiles."""

    async def get_profile(self, localpart: str) -> Profile | None:
        """A profile; None where there is no such account, or no longer."""
        ...

    async def set_profile_field(self, localpart: Localpart, name: str, value: Any, most_bytes: int) -> None:
        """Set a field. Raises ProfileFull."""
        ...

    async def delete_profile_field(self, localpart: Localpart, name: str) -> None:
        """Remove a field, if it is there."""
        ...


class RecordStore(Protocol):
    """What happened, and where devices were seen."""

    async def list_events(
        self, localpart: Localpart | None, start: int | None, limit: int, *, newest_first: bool, since: Instant = 0
    ) -> Sequence[LoggedEvent]:
        """Events of one account, or of all, from behind the one of the ID ``start``.

        ``since``: of one account, none from before it.
        """
        ...

    async def record(self, event: AuditEvent) -> None:
        """Record what has changed nothing else that is stored."""
        ...

    async def list_connections(self, localpart: Localpart) -> Sequence[Connection]:
        """Where the devices of an account were seen last."""
        ...

    async def list_open_sessions(self, localpart: Localpart) -> Sequence[OpenSession]:
        """The sessions of an account that have not ended, oldest first."""
        ...

    async def find_traces(self, localpart: Localpart) -> Traces:
        """What else is stored about a person."""
        ...


class CountStore(Protocol):
    """What is counted by all processes together."""

    async def count_call(self, call: CountedCall) -> Counting:
        """Count a call, if its limit leaves one."""
        ...

    async def forget_counts(self, after: bytes, limit: int, *, before_us: int, beyond_us: int) -> bytes | None:
        """Look at a few counts behind ``after``, and delete those that are full or that a wrong clock has written.

        Those are the ones full before ``before_us``, and after ``beyond_us``. Returns the last; None at the end.
        """
        ...


class ChoreStore(Protocol):
    """What is done once, however many processes there are; and the deletion of what is over."""

    async def take_turn(self, turn: Turn, at: Instant, *, until: Instant, beyond: Instant) -> Instant | None:
        """Take a chore if it is due; else, when it is. Nobody else is given it before ``until``.

        One that is due after ``beyond`` only can be taken too: a clock was wrong.
        """
        ...

    async def put_off(self, turn: Turn, due_at: Instant) -> bool:
        """Let a chore be due at another time; False, with nothing done, where somebody else has taken it."""
        ...

    async def forget(self, what: Perishable, before: Instant, limit: int) -> int:
        """Delete a few of those that ended before then; returns how many rows that were, 0 when none is left."""
        ...
