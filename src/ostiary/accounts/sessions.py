"""Sessions: opening them, telling whose a token is, changing tokens for newer ones, ending them.

Keeps a cache of the access tokens it has found good. Whatever ends a session passes here, so that its tokens leave the
cache in the same breath. Called by every request that carries a token.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ostiary.accounts.messages import MessageKind
from ostiary.accounts.model import (
    AuditEvent,
    AuditKind,
    Caller,
    Credentials,
    EndReason,
    Instant,
    NewSession,
    OpenedSession,
    Origin,
    Rotation,
    SessionRecord,
    StoredPair,
    StoredToken,
    TokenPair,
)
from ostiary.accounts.notices import Notices
from ostiary.accounts.ports import Clock, Entropy, Limiter, SessionStore
from ostiary.accounts.token_cache import TokenCache
from ostiary.accounts.tokens import (
    ENTROPY_BYTES,
    NONCE_BYTES,
    TokenKind,
    derive_token,
    digest_of,
    is_well_formed,
    make_token,
)
from ostiary.accounts.transitions import Standing, refusal_of, refusal_to_log_in, standing_of
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import Forbidden, Reason, UnknownToken
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret

ROTATION_ATTEMPTS: Final = 5
"""How often a refresh looks again when others refresh the same session at the same time."""

DEVICE_ID_LENGTH: Final = 10
_DEVICE_ID_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """How long tokens live, in milliseconds; None is for ever.

    ``replay_grace_ms``: for how long after its death a refresh token is refused without further ado.
    """

    access_token_lifetime_ms: int
    unrefreshable_access_token_lifetime_ms: int | None
    refresh_token_lifetime_ms: int | None
    replay_grace_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WishedDevice:
    """The device that a login is for. ``device_id`` None: a new one, with an ID of the server's making."""

    device_id: str | None = None
    name: str | None = None
    refreshes: bool = False


class Sessions:
    """Opens, recognizes, renews and ends sessions. ``cache``: one of another kind, empty."""

    def __init__(
        self, store: SessionStore, clock: Clock, entropy: Entropy, limiter: Limiter, rules: SessionRules,
        notices: Notices, cache: TokenCache | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._limiter = limiter
        self._rules = rules
        self._notices = notices
        self._cache = TokenCache() if cache is None else cache
        self._are_current: Callable[[], bool] | None = None

    # --- Opening -----------------------------------------------------------------------------------------------------

    def prepare(self, localpart: Localpart, wished: WishedDevice) -> tuple[NewSession, OpenedSession]:
        """Make the tokens of a session to be: what to store, and what to hand out once it is stored."""
        now = self._clock.now()
        access = make_token(TokenKind.ACCESS, self._entropy.token_bytes(ENTROPY_BYTES))
        refresh = make_token(TokenKind.REFRESH, self._entropy.token_bytes(ENTROPY_BYTES)) if wished.refreshes else None
        pair = self._stored(access, refresh, now)
        device_id = wished.device_id or self._new_device_id()
        new = NewSession(localpart, device_id, wished.name, pair, now)
        return new, OpenedSession(localpart, device_id, self._tokens(access, refresh, pair, now))

    async def open(
        self,
        account: Credentials,
        wished: WishedDevice,
        event: AuditEvent,
        *,
        if_password_is: str | None = None,
        rehash: str | None = None,
    ) -> OpenedSession:
        """Open a session on a device; tokens that the device had end. The owner is told of a new device.

        Every grant to an existing account passes here, whatever proved the caller to be its owner, and here alone the
        account's state is looked at. Raises UserLocked, UserDeactivated, PasswordChanged.
        """
        if (refusal := refusal_to_log_in(account.state)) is not None:
            raise refusal
        new, opened = self.prepare(account.localpart, wished)
        told = await self._notices.about(
            MessageKind.SIGNED_IN, account.localpart, event.at, event.origin, device=new.device_name or new.device_id
        )
        replaced = await self._store.open_session(
            new, event, if_password_is=if_password_is, rehash=rehash, messages=told
        )
        self.forget(replaced)
        return opened  # fmt: skip

    def _new_device_id(self) -> str:
        letters = self._entropy.token_bytes(DEVICE_ID_LENGTH)
        return "".join(_DEVICE_ID_LETTERS[byte % len(_DEVICE_ID_LETTERS)] for byte in letters)

    # --- Recognizing -------------------------------------------------------------------------------------------------

    def recall(self, token: str) -> Caller | None:
        """Whose a token is, if it was found good lately. No store visit."""
        if self._are_current is not None and not self._are_current():
            self._cache.clear()
        caller = self._cache.find(digest_of(token))
        if caller is None or (caller.expires_at is not None and caller.expires_at <= self._clock.now()):
            return None
        return caller

    async def authenticate(self, token: str) -> Caller:
        """Whose a token is, as the store says. Raises UnknownToken, which says whether the session lives on.

        The first use of a new pair of tokens ends the pair before it; every later use costs no store visit.
        """
        if not is_well_formed(TokenKind.ACCESS, token):
            raise UnknownToken("The access token is not one of this server's", reason=Reason.MALFORMED_TOKEN)
        digest = digest_of(token)
        epoch = self._cache.epoch
        found = await self._store.find_access_token(digest)
        if found is None:
            raise UnknownToken("The access token is not known", reason=Reason.UNKNOWN_TOKEN)
        now = self._clock.now()
        standing = standing_of(found, now)
        if (refusal := refusal_of(standing)) is not None:
            raise refusal
        session = found.session
        if standing is Standing.OFFERED:
            await self._store.use_offered_pair(session.session_id, found.generation, now)
            epoch = self._cache.forget_own(session.session_id, epoch)
        caller = _caller(session, found.expires_at, digest)
        self._cache.add(caller, epoch)
        return caller

    # --- Renewing ----------------------------------------------------------------------------------------------------

    async def refresh(self, refresh_token: Secret, origin: Origin) -> TokenPair:
        """Change a refresh token for a new pair.

        "The old refresh token remains valid until the new access token or refresh token is used" (refresh.yaml). Until
        then a repeated refresh is given the very same pair. Raises UnknownToken, UserLocked, LimitExceeded.
        """
        if not is_well_formed(TokenKind.REFRESH, refresh_token.reveal()):
            raise UnknownToken("The refresh token is not one of this server's", reason=Reason.MALFORMED_TOKEN)
        digest = digest_of(refresh_token.reveal())
        for attempt in range(ROTATION_ATTEMPTS):
            found = await self._store.find_refresh_token(digest)
            if found is None:
                raise UnknownToken("The refresh token is not known", reason=Reason.UNKNOWN_TOKEN)
            if attempt == 0:
                await self._limiter.take_for_account(RateLimit.REFRESH, found.session.localpart)
            now = self._clock.now()
            await self._refuse_unless_good(found, now, origin)
            pair = await self._rotate(refresh_token, found, now)
            if pair is not None:
                return pair
        raise UnknownToken("The session is being refreshed elsewhere", soft_logout=True, reason=Reason.SUPERSEDED_TOKEN)

    async def _refuse_unless_good(self, found: StoredToken, now: Instant, origin: Origin) -> None:
        standing = standing_of(found, now)
        if standing is Standing.SUPERSEDED and now - (found.died_at or now) > self._rules.replay_grace_ms:
            session = found.session
            event = AuditEvent(
                AuditKind.TOKEN_REPLAYED, session.localpart, now, origin, {"device_id": session.device_id}
            )
            self.forget(await self._store.end_session(session.session_id, EndReason.TOKEN_REPLAYED, event))
            raise UnknownToken(
                "The refresh token was used long after its time; the session has ended", reason=Reason.REPLAYED_TOKEN
            )
        if (refusal := refusal_of(standing)) is not None:
            raise refusal
        if (locked := refusal_to_log_in(found.session.state)) is not None:
            raise locked

    async def _rotate(self, refresh_token: Secret, found: StoredToken, now: Instant) -> TokenPair | None:
        session = found.session
        confirms = found.generation == session.offered
        if session.nonce is not None and not confirms and _is_fresh(session, now):
            # A repeat: the answer was lost, or another process of the client asks too. It gets the same pair.
            access, refresh = _derive_pair(refresh_token, session.nonce)
            return self._tokens(access, refresh, StoredPair(b"", session.offered_expires_at), now)
        nonce = self._entropy.token_bytes(NONCE_BYTES)
        access, refresh = _derive_pair(refresh_token, nonce)
        pair = self._stored(access, refresh, now)
        rotation = Rotation(session.session_id, session.generation, session.offered, confirms, nonce, pair, now)
        if not await self._store.offer_pair(rotation):
            return None
        if confirms:
            self.forget((session.session_id,))
        return self._tokens(access, refresh, pair, now)

    # --- Ending ------------------------------------------------------------------------------------------------------

    async def end(self, caller: Caller, origin: Origin) -> None:
        """End the caller's session and delete its device. Raises Forbidden where the call is of no session."""
        if caller.session_id is None:
            raise Forbidden("An application service has no session to end")
        event = self._event(AuditKind.LOGGED_OUT, caller, origin)
        self.forget(await self._store.end_session(caller.session_id, EndReason.LOGGED_OUT, event))

    async def end_all(self, caller: Caller, origin: Origin) -> None:
        """End all sessions of the caller's account and delete all its devices."""
        event = self._event(AuditKind.LOGGED_OUT_EVERYWHERE, caller, origin)
        self.forget(await self._store.end_all_sessions(caller.localpart, EndReason.LOGGED_OUT, event))

    def forget(self, session_ids: Iterable[int]) -> None:
        """Look at the store again for the tokens of these sessions. For whoever has changed a session in the store."""
        self._cache.forget(session_ids)

    def forget_everything(self) -> None:
        """Look at the store again for every token. For when another process has changed something unknown."""
        self._cache.clear()

    def ask_before_use(self, are_current: Callable[[], bool]) -> None:
        """Have this asked before any remembered token is believed; where it is not so, all are looked up anew."""
        self._are_current = are_current

    def _event(self, kind: AuditKind, caller: Caller, origin: Origin) -> AuditEvent:
        return AuditEvent(kind, caller.localpart, self._clock.now(), origin, {"device_id": caller.device_id})

    # --- Pairs -------------------------------------------------------------------------------------------------------

    def _stored(self, access: Secret, refresh: Secret | None, now: Instant) -> StoredPair:
        rules = self._rules
        lifetime = rules.unrefreshable_access_token_lifetime_ms if refresh is None else rules.access_token_lifetime_ms
        return StoredPair(
            access_digest=digest_of(access.reveal()),
            access_expires_at=_after(now, lifetime),
            refresh_digest=digest_of(refresh.reveal()) if refresh else None,
            refresh_expires_at=_after(now, rules.refresh_token_lifetime_ms) if refresh else None,
        )

    def _tokens(self, access: Secret, refresh: Secret | None, pair: StoredPair, now: Instant) -> TokenPair:
        expires_at = pair.access_expires_at
        return TokenPair(access, refresh, None if expires_at is None else max(0, expires_at - now))


def _after(now: Instant, lifetime_ms: int | None) -> Instant | None:
    return None if lifetime_ms is None else now + lifetime_ms


def _is_fresh(session: SessionRecord, now: Instant) -> bool:
    return session.offered_expires_at is None or session.offered_expires_at > now


def _derive_pair(refresh_token: Secret, nonce: bytes) -> tuple[Secret, Secret]:
    access = derive_token(TokenKind.ACCESS, refresh_token, nonce)
    return access, derive_token(TokenKind.REFRESH, refresh_token, nonce)


def _caller(session: SessionRecord, expires_at: Instant | None, digest: bytes) -> Caller:
    return Caller(
        session.session_id, session.localpart, session.device_id, session.kind, session.state, expires_at, digest
    )
