"""Logging in: from whom and a proof to a session on a device."""

from ostiary.accounts.model import AuditEvent, AuditKind, OpenedSession, Origin
from ostiary.accounts.passwords import Passwords
from ostiary.accounts.ports import Clock, PasswordChanged
from ostiary.accounts.sessions import Sessions, WishedDevice
from ostiary.api.errors import Forbidden, Reason
from ostiary.api.secret import Secret


class Logins:
    """Grants sessions to those who prove who they are."""

    def __init__(self, sessions: Sessions, passwords: Passwords, clock: Clock) -> None:
        self._sessions = sessions
        self._passwords = passwords
        self._clock = clock

    async def with_password(
        self, localpart: str | None, password: Secret, wished: WishedDevice, origin: Origin
    ) -> OpenedSession:
        """Log in with a password. ``localpart`` None: the user named is of another server, or none at all.

        Raises Forbidden (all that is wrong with user or password), UserLocked, UserDeactivated, LimitExceeded.
        Two store visits; nothing is held in the store while the password is hashed.
        """
        proven = await self._passwords.prove(localpart, password)
        account = proven.credentials
        event = AuditEvent(AuditKind.LOGGED_IN, account.localpart, self._clock.now(), origin, {"by": "password"})
        try:
            return await self._sessions.open(
                account, wished, event, if_password_is=account.password_hash, rehash=proven.rehash
            )
        except PasswordChanged:
            raise Forbidden("Invalid user name or password", reason=Reason.PASSWORD_CHANGED) from None
