"""Logging in: from whom and a proof to a session on a device."""

from dataclasses import dataclass
from typing import Final

from ostiary.accounts.appservices import Appservice
from ostiary.accounts.model import AuditEvent, AuditKind, Caller, Credentials, OpenedSession, Origin, UiaUse
from ostiary.accounts.passwords import Passwords
from ostiary.accounts.ports import AccountStore, Clock, Entropy, PasswordChanged
from ostiary.accounts.ports_outside import JwtVerifier
from ostiary.accounts.registration import Registrations
from ostiary.accounts.sessions import Sessions, WishedDevice
from ostiary.accounts.stores import ShortTokenStore
from ostiary.accounts.tokens import ENTROPY_BYTES, TokenKind, digest_of, is_well_formed, make_token
from ostiary.accounts.who import Named
from ostiary.api.errors import Exclusive, Forbidden, Reason
from ostiary.api.identifiers import ServerName, make_user_id
from ostiary.api.secret import Secret

LOGIN_TOKEN_LIFETIME_MS: Final = 120_000
"""What the specification recommends."""


@dataclass(frozen=True, slots=True)
class LoginToken:
    """A token for one login from another device."""

    token: Secret
    expires_in_ms: int


class Logins:
    """Grants sessions to those who prove who they are."""

    def __init__(
        self, sessions: Sessions, passwords: Passwords, registrations: Registrations, accounts: AccountStore,
        tokens: ShortTokenStore, jwts: JwtVerifier | None, clock: Clock, entropy: Entropy, server_name: ServerName,
    ) -> None:  # fmt: skip
        self._sessions = sessions
        self._passwords = passwords
        self._registrations = registrations
        self._accounts = accounts
        self._tokens = tokens
        self._jwts = jwts
        self._clock = clock
        self._entropy = entropy
        self._server_name = server_name

    @property
    def takes_jwts(self) -> bool:
        """Whether one can log in with a JSON web token."""
        return self._jwts is not None

    async def with_password(
        self, named: Named, password: Secret, wished: WishedDevice, origin: Origin
    ) -> OpenedSession:
        """Log in with a password.

        Raises Forbidden (all that is wrong with user or password), UserLocked, UserDeactivated, LimitExceeded.
        Nothing is held in the store while the password is hashed.
        """
        proven = await self._passwords.prove(named, password)
        account = proven.credentials
        try:
            return await self._sessions.open(
                account,
                wished,
                self._event(account, "password", origin),
                if_password_is=account.password_hash,
                rehash=proven.rehash,
            )
        except PasswordChanged:
            raise Forbidden("Invalid user name or password", reason=Reason.PASSWORD_CHANGED) from None

    # --- A token from another device ---------------------------------------------------------------------------------

    async def make_token(self, caller: Caller, origin: Origin, use: UiaUse | None) -> LoginToken:
        """Make a token by which another device logs in to the caller's account, once. Raises UiaAlreadyUsed."""
        token = make_token(TokenKind.LOGIN, self._entropy.token_bytes(ENTROPY_BYTES))
        now = self._clock.now()
        event = AuditEvent(AuditKind.LOGIN_TOKEN_MADE, caller.localpart, now, origin, {"device_id": caller.device_id})
        await self._tokens.add_login_token(
            digest_of(token.reveal()), caller.localpart, now + LOGIN_TOKEN_LIFETIME_MS, event, use
        )
        return LoginToken(token, LOGIN_TOKEN_LIFETIME_MS)

    async def with_token(self, token: Secret, wished: WishedDevice, origin: Origin) -> OpenedSession:
        """Log in with such a token. Raises Forbidden, UserLocked, UserDeactivated."""
        localpart = None
        if is_well_formed(TokenKind.LOGIN, token.reveal()):
            localpart = await self._tokens.use_login_token(digest_of(token.reveal()), self._clock.now())
        account = None if localpart is None else await self._accounts.find_credentials(localpart)
        if account is None:
            raise Forbidden("The token is not known, has expired, or was used already", reason=Reason.SPENT_TOKEN)
        return await self._sessions.open(account, wished, self._event(account, "token", origin))

    # --- Vouched for by others ---------------------------------------------------------------------------------------

    async def with_jwt(self, token: Secret, wished: WishedDevice, origin: Origin) -> OpenedSession:
        """Log in with a JSON web token that names the account, which is made if need be. Raises Forbidden and the like.

        Makes it only where the configuration says so, and never one that was deactivated.
        """
        if self._jwts is None:
            raise Forbidden("This server takes no JSON web tokens")
        try:
            named = self._jwts.verify(token, self._clock.now())
        except ValueError as error:
            raise Forbidden(f"The token is not good: {error}") from None
        account = await self._accounts.find_credentials(named.localpart)
        if account is None and self._jwts.creates_accounts:
            await self._registrations.create(named.localpart, None)
            account = await self._accounts.find_credentials(named.localpart)
        if account is None:
            raise Forbidden("The token names no account of this server", reason=Reason.UNKNOWN_USER)
        return await self._sessions.open(account, wished, self._event(account, "jwt", origin))

    async def as_appservice(
        self, appservice: Appservice, localpart: str | None, wished: WishedDevice, origin: Origin
    ) -> OpenedSession:
        """Log a user of an application service in. Raises Exclusive for another's, Forbidden for none."""
        if localpart is None or not appservice.speaks_for(make_user_id(localpart, self._server_name), localpart):
            raise Exclusive("The user is not of this application service's name space")
        account = await self._accounts.find_credentials(localpart)
        if account is None:
            raise Forbidden("The user is not registered", reason=Reason.UNKNOWN_USER)
        return await self._sessions.open(account, wished, self._event(account, "appservice", origin))

    def _event(self, account: Credentials, by: str, origin: Origin) -> AuditEvent:
        return AuditEvent(AuditKind.LOGGED_IN, account.localpart, self._clock.now(), origin, {"by": by})
