"""Making accounts: whether a name may be had, and the account with its first session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ostiary.accounts.model import (
    Account,
    AccountKind,
    AuditEvent,
    AuditKind,
    NewAccount,
    OpenedSession,
    Origin,
    UiaUse,
)
from ostiary.accounts.passwords import Passwords
from ostiary.accounts.ports import AccountStore, Clock, Entropy, Limiter, NameTaken
from ostiary.accounts.sessions import Sessions, WishedDevice
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import Forbidden, InvalidUsername, UserInUse
from ostiary.api.identifiers import Localpart, ServerName, UserId, make_user_id, parse_new_localpart
from ostiary.api.secret import Secret

GENERATED_NAME_LENGTH: Final = 12
_NAME_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without those that are taken for one another. 32 of them, so that a random byte picks evenly."""

GENERATED_NAME_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRules:
    """Who may make an account."""

    server_name: ServerName
    users: bool
    guests: bool


@dataclass(frozen=True, slots=True)
class Registered:
    """A new account. ``session`` is None where none was wished."""

    localpart: Localpart
    session: OpenedSession | None


class Registrations:
    """Makes accounts."""

    def __init__(
        self, store: AccountStore, sessions: Sessions, passwords: Passwords,
        clock: Clock, entropy: Entropy, limiter: Limiter, rules: RegistrationRules,
    ) -> None:  # fmt: skip
        self._store = store
        self._sessions = sessions
        self._passwords = passwords
        self._clock = clock
        self._entropy = entropy
        self._limiter = limiter
        self._rules = rules

    def ensure_open(self, kind: AccountKind) -> None:
        """Raise Forbidden unless accounts of this kind can be made here."""
        if not (self._rules.guests if kind is AccountKind.GUEST else self._rules.users):
            what = "Guest access" if kind is AccountKind.GUEST else "Registration"
            raise Forbidden(f"{what} is not open on this server")

    async def ensure_available(self, username: str, limit: RateLimit) -> Localpart:
        """The localpart that a wished-for name comes to. Raises InvalidUsername, UserInUse, LimitExceeded.

        The name is not reserved: the same errors can come again when the account is made.
        """
        localpart = self._parse(username)
        self._limiter.take_for_account(limit, localpart)
        if await self._store.is_taken(localpart):
            raise UserInUse("The user name is taken")
        return localpart

    async def register(
        self,
        username: str | None,
        password_hash: str | None,
        wished: WishedDevice | None,
        origin: Origin,
        use: UiaUse | None,
    ) -> Registered:
        """Make a user's account. ``username`` None: of a name made up here. ``wished`` None: without a session.

        Raises UserInUse, InvalidUsername, UiaAlreadyUsed. One store visit.
        """  # fmt: skip
        if username is not None:
            return await self._create(self._parse(username), AccountKind.USER, password_hash, wished, origin, use)
        return await self._create_unnamed(AccountKind.USER, password_hash, wished, origin, use)

    async def register_guest(self, device_name: str | None, origin: Origin) -> Registered:
        """Make a guest's account with a session. Raises Forbidden."""
        self.ensure_open(AccountKind.GUEST)
        return await self._create_unnamed(AccountKind.GUEST, None, WishedDevice(name=device_name), origin, None)

    async def repeat(self, outcome: Mapping[str, Any], wished: WishedDevice | None, origin: Origin) -> Registered:
        """Answer a registration again whose answer was lost: the same account and device, with new tokens."""
        account = await self._store.find_credentials(outcome["localpart"])
        if account is None:
            raise Forbidden("The account is gone")
        if wished is None or outcome["device_id"] is None:
            return Registered(account.localpart, None)
        again = WishedDevice(device_id=outcome["device_id"], name=wished.name, refreshes=wished.refreshes)
        event = AuditEvent(AuditKind.LOGGED_IN, account.localpart, self._clock.now(), origin, {"by": "registration"})
        return Registered(account.localpart, await self._sessions.open(account, again, event))

    async def create(self, username: str, password: Secret | None) -> UserId:
        """Make an account as the server's administrator. Raises InvalidUsername, UserInUse, WeakPassword."""
        password_hash = None
        localpart = self._parse(username)
        if password is not None:
            self._passwords.check_policy(password)
            password_hash = await self._passwords.hash(password)
        await self._create(localpart, AccountKind.USER, password_hash, None, Origin(), None)
        return make_user_id(localpart, self._rules.server_name)

    def _parse(self, username: str) -> Localpart:
        try:
            return parse_new_localpart(username, self._rules.server_name)
        except ValueError as error:
            raise InvalidUsername(f"'username': {error}", field="username") from None

    async def _create_unnamed(
        self, kind: AccountKind, password_hash: str | None, wished: WishedDevice | None, origin: Origin,
        use: UiaUse | None,
    ) -> Registered:  # fmt: skip
        for _ in range(GENERATED_NAME_ATTEMPTS):
            try:
                return await self._create(self._made_up_name(), kind, password_hash, wished, origin, use)
            except UserInUse:
                continue
        raise UserInUse("No free user name was found; try again")

    def _made_up_name(self) -> Localpart:
        picks = self._entropy.token_bytes(GENERATED_NAME_LENGTH)
        return Localpart("".join(_NAME_LETTERS[byte % len(_NAME_LETTERS)] for byte in picks))

    async def _create(
        self, localpart: Localpart, kind: AccountKind, password_hash: str | None, wished: WishedDevice | None,
        origin: Origin, use: UiaUse | None,
    ) -> Registered:  # fmt: skip
        now = self._clock.now()
        new, opened = self._sessions.prepare(localpart, wished) if wished else (None, None)
        outcome = {"localpart": localpart, "device_id": opened.device_id if opened else None}
        try:
            await self._store.create_account(
                NewAccount(localpart, kind, password_hash, now),
                AuditEvent(AuditKind.REGISTERED, localpart, now, origin, {"kind": kind.value}),
                session=new,
                use=replace(use, outcome=outcome) if use else None,
            )
        except NameTaken:
            raise UserInUse("The user name is taken") from None
        return Registered(localpart, opened)


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Some accounts. ``next``: what to ask for the following page with; None on the last."""

    accounts: Sequence[Account]
    next: str | None


class Accounts:
    """Looks accounts up, for their administrator."""

    def __init__(self, store: AccountStore) -> None:
        self._store = store

    async def list(self, after: str | None, limit: int) -> AccountPage:
        """Accounts in the order of their localparts."""
        found = await self._store.list_accounts(after, limit + 1)
        page = found[:limit]
        return AccountPage(page, page[-1].localpart if len(found) > limit else None)
