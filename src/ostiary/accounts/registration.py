"""Making accounts: whether a name may be had, and the account with its first session."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Final

from ostiary.accounts.appservices import Appservice, Appservices
from ostiary.accounts.model import (
    AccountKind,
    AccountState,
    AuditEvent,
    AuditKind,
    Caller,
    OpenedSession,
    Origin,
    UiaUse,
)
from ostiary.accounts.passwords import Passwords
from ostiary.accounts.ports import AddressTaken, Clock, Entropy, Limiter, NameTaken, Store
from ostiary.accounts.proofs import Proven
from ostiary.accounts.sessions import Sessions, WishedDevice
from ostiary.accounts.transitions import refusal_to_log_in
from ostiary.accounts.values import NewAccount
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import Exclusive, Forbidden, InvalidUsername, ThreepidInUse, UserInUse
from ostiary.api.identifiers import (
    Localpart,
    ServerName,
    UserId,
    make_user_id,
    parse_new_localpart,
    parse_user_id,
)
from ostiary.api.secret import Secret

GENERATED_NAME_LENGTH: Final = 12
_NAME_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without those that are taken for one another. 32 of them, so that a random byte picks evenly."""

GENERATED_NAME_ATTEMPTS: Final = 5

REPEATED_WITHIN_MS: Final = 600_000
"""For how long a registration is answered again. The dialogue's ID stands in addresses of pages and is remembered for
longer: it must not become a key to the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRules:
    """Who may make an account, and what it is then.

    ``approval``: whether an administrator has to agree. ``reserved``: patterns of names that only administrators can
    give. ``lifetime_ms``: after which an account expires, None for never.
    """

    server_name: ServerName
    users: bool
    guests: bool
    approval: bool = False
    reserved: tuple[str, ...] = ()
    lifetime_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """A new account. ``session`` is None where none was wished."""

    localpart: Localpart
    session: OpenedSession | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wished for. ``username`` None: a name made up here. ``device`` None: without a session."""

    username: str | None
    password_hash: str | None
    device: WishedDevice | None


class Registrations:
    """Makes accounts."""

    def __init__(
        self, store: Store, sessions: Sessions, passwords: Passwords, appservices: Appservices,
        clock: Clock, entropy: Entropy, limiter: Limiter, rules: RegistrationRules,
    ) -> None:  # fmt: skip
        self._store = store
        self._sessions = sessions
        self._passwords = passwords
        self._appservices = appservices
        self._clock = clock
        self._entropy = entropy
        self._limiter = limiter
        self._rules = rules

    # --- Whether -----------------------------------------------------------------------------------------------------

    def ensure_open(self, kind: AccountKind) -> None:
        """Raise Forbidden unless accounts of this kind can be made here."""
        if not (self._rules.guests if kind is AccountKind.GUEST else self._rules.users):
            what = "Guest access" if kind is AccountKind.GUEST else "Registration"
            raise Forbidden(f"{what} is not open on this server")

    async def ensure_available(self, username: str, limit: RateLimit) -> Localpart:
        """The localpart that a wished-for name comes to.

        Raises InvalidUsername, Exclusive, UserInUse, LimitExceeded. The name is not reserved: the same errors can come
        again when the account is made.
        """
        localpart = self._parse_free(username)
        await self._limiter.take_for_account(limit, localpart)
        if await self._store.is_taken(localpart):
            raise UserInUse("The user name is taken")
        return localpart

    def _parse(self, username: str) -> Localpart:
        try:
            localpart = parse_new_localpart(username, self._rules.server_name)
        except ValueError as error:
            raise InvalidUsername(f"'username': {error}", field="username") from None
        if self._appservices.claiming(localpart) is not None:
            raise Exclusive("The user name is reserved by an application service")
        return localpart

    def _parse_free(self, username: str) -> Localpart:
        localpart = self._parse(username)
        if any(fnmatchcase(localpart, pattern) for pattern in self._rules.reserved):
            raise Exclusive("The user name is reserved")
        return localpart

    # --- Users -------------------------------------------------------------------------------------------------------

    async def register(self, wish: Wish, origin: Origin, proven: Proven, use: UiaUse) -> Registered:
        """Make a user's account, with what interactive authentication has proven.

        Raises UserInUse, InvalidUsername, Exclusive, ThreepidInUse, UiaAlreadyUsed; Forbidden once the account is made
        where it has to be approved first and a session was wished. One store visit.
        """
        new = self._new(AccountKind.USER, wish.password_hash)
        new = replace(new, addresses=proven.addresses, policies=proven.policies, awaits_approval=self._rules.approval)
        device = None if self._rules.approval else wish.device
        if wish.username is not None:
            new = replace(new, localpart=self._parse_free(wish.username))
            registered = await self._create(new, device, origin, use)
        else:
            registered = await self._create_unnamed(new, device, origin, use)
        if self._rules.approval and wish.device is not None:
            self._ensure_may_log_in(AccountState.AWAITING_APPROVAL)
        return registered

    async def repeat(
        self, outcome: Mapping[str, Any], password_hash: str | None, wished: WishedDevice | None, origin: Origin
    ) -> Registered:
        """Answer a registration again whose answer was lost: the same account and device, with new tokens.

        Raises Forbidden when no answer can be on its way any longer, or where the owner has already logged out again
        or changed the password, which was ``password_hash``.
        """
        account = await self._store.find_credentials(outcome["localpart"])
        if account is None:
            raise Forbidden("The account is gone")
        if wished is not None:
            self._ensure_may_log_in(account.state)
        if wished is None or outcome["device_id"] is None:
            return Registered(account.localpart, None)
        is_late = self._clock.now() - outcome["at"] > REPEATED_WITHIN_MS
        device = await self._store.find_device(account.localpart, outcome["device_id"])
        if is_late or device is None or account.password_hash != password_hash:
            raise Forbidden("The account was made already: log in to it")
        again = WishedDevice(device_id=outcome["device_id"], name=wished.name, refreshes=wished.refreshes)
        event = AuditEvent(AuditKind.LOGGED_IN, account.localpart, self._clock.now(), origin, {"by": "registration"})
        return Registered(account.localpart, await self._sessions.open(account, again, event))

    async def create(
        self, username: str, password: Secret | None, *, is_admin: bool = False, by: str | None = None,
        origin: Origin | None = None,
    ) -> UserId:  # fmt: skip
        """Make an account as the server's administrator. Raises InvalidUsername, Exclusive, UserInUse, WeakPassword."""
        password_hash = None
        localpart = self._parse(username)
        if password is not None:
            self._passwords.check_policy(password, (localpart,))
            password_hash = await self._passwords.hash(password)
        new = replace(self._new(AccountKind.USER, password_hash), localpart=localpart, is_admin=is_admin)
        await self._create(new, None, origin or Origin(), None, by=by)
        return make_user_id(localpart, self._rules.server_name)

    # --- Guests ------------------------------------------------------------------------------------------------------

    async def register_guest(self, device_name: str | None, origin: Origin) -> Registered:
        """Make a guest's account with a session. Raises Forbidden."""
        self.ensure_open(AccountKind.GUEST)
        new = self._new(AccountKind.GUEST, None)
        return await self._create_unnamed(new, WishedDevice(name=device_name), origin, None)

    async def find_guest(self, access_token: Secret, username: str | None) -> Caller:
        """The guest who is to become a user, keeping the name. Raises UnknownToken, UserLocked, Forbidden."""
        token = access_token.reveal()
        caller = self._sessions.recall(token) or await self._sessions.authenticate(token)
        self._ensure_may_log_in(caller.state)
        if not caller.is_guest:
            raise Forbidden("'guest_access_token' is not of a guest", field="guest_access_token")
        if username is not None and username != caller.localpart:
            raise Forbidden("'username' must be the guest's, who keeps it", field="username")
        return caller

    async def upgrade(self, guest: Caller, wish: Wish, origin: Origin, use: UiaUse) -> Registered:
        """Make a guest a user. The guest's sessions end. Raises Forbidden, UiaAlreadyUsed."""
        localpart = guest.localpart
        prepared = self._sessions.prepare(localpart, wish.device) if wish.device else None
        session = prepared.new if prepared else None
        event = AuditEvent(AuditKind.GUEST_UPGRADED, localpart, self._clock.now(), origin)
        outcome = {"localpart": localpart, "device_id": session.device_id if session else None, "at": event.at}
        try:
            opened = await self._store.upgrade_guest(
                localpart, wish.password_hash, session, event, replace(use, outcome=outcome)
            )
        except NameTaken:
            raise Forbidden("The account is no guest's any longer") from None
        self._sessions.forget(opened.ended)
        return Registered(localpart, prepared.opened(opened.session_id) if prepared else None)

    # --- Application services ----------------------------------------------------------------------------------------

    async def register_for(
        self, appservice: Appservice, username: str, wished: WishedDevice | None, origin: Origin
    ) -> Registered:
        """Make an account of an application service's. Raises InvalidUsername, Exclusive, UserInUse.

        Its names need not be as strict as people's: bridges carry over what the other network allows.
        """
        user_id = make_user_id(username, self._rules.server_name)
        try:
            localpart = parse_user_id(user_id).localpart
        except ValueError as error:
            raise InvalidUsername(f"'username': {error}", field="username") from None
        claiming = self._appservices.claiming(localpart)
        if localpart != username or not appservice.speaks_for(user_id, localpart) or claiming not in (None, appservice):
            raise Exclusive("The user name is not of this application service's name space")
        new = self._new(AccountKind.APPSERVICE, None)
        new = replace(new, localpart=localpart, appservice_id=appservice.appservice_id, expires_at=None)
        return await self._create(new, wished, origin, None)

    async def ensure_senders(self) -> None:
        """Make the accounts that application services speak as where they name nobody."""
        for one in self._appservices.all:
            if not await self._store.is_taken(one.sender):
                new = self._new(AccountKind.APPSERVICE, None)
                new = replace(new, localpart=one.sender, appservice_id=one.appservice_id, expires_at=None)
                await self._create(new, None, Origin(), None)

    # --- Making ------------------------------------------------------------------------------------------------------

    def _new(self, kind: AccountKind, password_hash: str | None) -> NewAccount:
        now, lifetime_ms = self._clock.now(), self._rules.lifetime_ms
        expires_at = None if lifetime_ms is None else now + lifetime_ms
        return NewAccount(Localpart(""), kind, password_hash, now, expires_at=expires_at)

    async def _create_unnamed(
        self, new: NewAccount, wished: WishedDevice | None, origin: Origin, use: UiaUse | None
    ) -> Registered:
        for _ in range(GENERATED_NAME_ATTEMPTS):
            try:
                return await self._create(replace(new, localpart=self._made_up_name()), wished, origin, use)
            except UserInUse:
                continue
        raise UserInUse("No free user name was found; try again")

    def _made_up_name(self) -> Localpart:
        picks = self._entropy.token_bytes(GENERATED_NAME_LENGTH)
        return Localpart("".join(_NAME_LETTERS[byte % len(_NAME_LETTERS)] for byte in picks))

    async def _create(
        self, new: NewAccount, wished: WishedDevice | None, origin: Origin, use: UiaUse | None, *, by: str | None = None
    ) -> Registered:
        prepared = self._sessions.prepare(new.localpart, wished) if wished else None
        session = prepared.new if prepared else None
        outcome = {"localpart": new.localpart, "device_id": session.device_id if session else None, "at": new.at}
        detail = {"kind": new.kind.value} if by is None else {"kind": new.kind.value, "by": by}
        event = AuditEvent(AuditKind.REGISTERED, new.localpart, new.at, origin, detail)
        try:
            opened = await self._store.create_account(
                new, event, session=session, use=replace(use, outcome=outcome) if use else None
            )
        except NameTaken:
            raise UserInUse("The user name is taken") from None
        except AddressTaken:
            raise ThreepidInUse("An account has this address already") from None
        return Registered(new.localpart, prepared.opened(opened.session_id) if prepared else None)

    def _ensure_may_log_in(self, state: AccountState) -> None:
        if (refusal := refusal_to_log_in(state)) is not None:
            raise refusal
