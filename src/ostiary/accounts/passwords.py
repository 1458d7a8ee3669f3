"""Passwords: setting and changing them, checking one against an account.

Must not know how they are hashed (``ports.Hasher``), nor what a new one must be like (``password_policy``).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ostiary.accounts.messages import MessageKind
from ostiary.accounts.model import AccountState, AuditEvent, AuditKind, Caller, Credentials, Origin, UiaUse
from ostiary.accounts.notices import Notices
from ostiary.accounts.password_policy import PasswordPolicy, PasswordRules
from ostiary.accounts.ports import AccountStore, Clock, Hasher, Limiter
from ostiary.accounts.who import Named
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import Forbidden, NotFound, Reason, UserDeactivated
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret


@dataclass(frozen=True, slots=True)
class CheckedPassword:
    """Credentials that were proven. ``rehash``: a hash to store in place of the old, where that is outdated."""

    credentials: Credentials
    rehash: str | None


class Passwords:
    """Checks and sets passwords."""

    def __init__(
        self, store: AccountStore, hasher: Hasher, clock: Clock, limiter: Limiter, policy: PasswordPolicy,
        notices: Notices, forget_sessions: Callable[[Iterable[int]], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._hasher = hasher
        self._clock = clock
        self._limiter = limiter
        self._policy = policy
        self._notices = notices
        self._forget_sessions = forget_sessions

    @property
    def rules(self) -> PasswordRules:
        """What a new password must be like."""
        return self._policy.rules

    def check_policy(self, password: Secret, words: Sequence[str] = ()) -> None:
        """Raise WeakPassword unless a new password may be like this. ``words``: see ``PasswordPolicy.check``."""
        self._policy.check(password, words)

    async def prove(self, named: Named, password: Secret) -> CheckedPassword:
        """Check a password of whom the caller named.

        Raises Forbidden, the same and after the same work whatever is wrong, and LimitExceeded, counted the same for
        accounts that do not exist. Says nothing of the account's state: that is for the caller to ask afterwards.
        """
        self._hasher.ensure_room()
        await self._limiter.take_for_account(RateLimit.LOGIN, named.counted_as)
        localpart = named.localpart
        credentials = await self._store.find_credentials(localpart) if localpart is not None else None
        too_long = len(password) > self.rules.max_length  # never stored, and not worth hashing
        known_hash = None if credentials is None or too_long else credentials.password_hash
        right = await self._hasher.verify(Secret("") if too_long else password, known_hash)
        if credentials is None or known_hash is None or not right:
            raise Forbidden("Invalid user name or password", reason=_why_wrong(credentials))
        rehash = await self._hasher.hash(password) if self._hasher.is_outdated(known_hash) else None
        return CheckedPassword(credentials, rehash)

    async def change(
        self,
        localpart: Localpart,
        password_hash: str,
        origin: Origin,
        *,
        keep: Caller | None,
        logout_devices: bool,
        use: UiaUse | None,
    ) -> None:
        """Replace a password by one already hashed. ``keep``: whose own session stays. Raises UiaAlreadyUsed."""
        event = AuditEvent(
            AuditKind.PASSWORD_CHANGED, localpart, self._clock.now(), origin, {"logout_devices": logout_devices}
        )
        ended = await self._store.set_password(
            localpart,
            password_hash,
            event,
            end_other_sessions=logout_devices,
            keep_session=keep.session_id if keep else None,
            use=use,
            messages=await self._notices.about(MessageKind.PASSWORD_CHANGED, localpart, event.at, origin),
        )
        self._forget_sessions(ended)  # fmt: skip

    async def set(
        self, localpart: str, password: Secret, *, logout_devices: bool, by: str = "administrator",
        origin: Origin | None = None,
    ) -> None:  # fmt: skip
        """Give an account a password, as its administrator. Raises NotFound, UserDeactivated, WeakPassword."""
        self.check_policy(password, (localpart,))
        credentials = await self._store.find_credentials(localpart)
        if credentials is None:
            raise NotFound(f"There is no account {localpart!r}")
        if credentials.state is AccountState.DEACTIVATED:
            raise UserDeactivated("The account has been deactivated: it gets a password when it is reactivated")
        event = AuditEvent(
            AuditKind.PASSWORD_CHANGED,
            credentials.localpart,
            self._clock.now(),
            origin or Origin(),
            detail={"logout_devices": logout_devices, "by": by},
        )
        password_hash = await self._hasher.hash(password)
        ended = await self._store.set_password(
            credentials.localpart,
            password_hash,
            event,
            end_other_sessions=logout_devices,
            keep_session=None,
            messages=await self._notices.about(MessageKind.PASSWORD_CHANGED, credentials.localpart, event.at),
        )
        self._forget_sessions(ended)  # fmt: skip

    async def hash(self, password: Secret) -> str:
        """Hash a new password that has passed the policy."""
        return await self._hasher.hash(password)


def _why_wrong(credentials: Credentials | None) -> Reason:
    if credentials is None:
        return Reason.UNKNOWN_USER
    return Reason.WRONG_PASSWORD if credentials.password_hash else Reason.NO_PASSWORD
