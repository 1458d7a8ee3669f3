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
    OpenedSession,
    Origin,
    Rotation,
    SessionRecord,
    TokenPair,
)
from ostiary.accounts.notices import Notices
from ostiary.accounts.pairs import FirstPair, Pairs, same_pair
from ostiary.accounts.ports import Clock, Entropy, Limiter, SessionStore
from ostiary.accounts.session_tokens import SessionToken, SessionTokenKind, parse_session_token
from ostiary.accounts.token_cache import TokenCache
from ostiary.accounts.tokens import digest_of
from ostiary.accounts.transitions import Place, Standing, died_at, place_of, refusal_of, refusal_to_log_in
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import Forbidden, Reason, UnknownToken
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret

ROTATION_ATTEMPTS: Final = 5
"""How often a refresh looks again when others refresh the same session at the same time."""

DEVICE_ID_LENGTH: Final = 10
_DEVICE_ID_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class WishedDevice:
    """The device that a login is for. ``device_id`` None: a new one, with an ID of the server's making."""

    device_id: str | None = None
    name: str | None = None
    refreshes: bool = False


class Sessions:
    """Opens, recognizes, renews and ends sessions.

    ``replay_grace_ms``: for how long after its death a refresh token is refused without further ado. ``cache``: one of
    another kind, empty.
    """

    def __init__(
        self, store: SessionStore, clock: Clock, entropy: Entropy, limiter: Limiter, pairs: Pairs,
        replay_grace_ms: int, notices: Notices, cache: TokenCache | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._limiter = limiter
        self._pairs = pairs
        self._replay_grace_ms = replay_grace_ms
        self._notices = notices
        self._cache = TokenCache() if cache is None else cache
        self._are_current: Callable[[], bool] | None = None

    # --- Opening -----------------------------------------------------------------------------------------------------

    def prepare(self, localpart: Localpart, wished: WishedDevice) -> FirstPair:
        """Make the tokens of a session to be: what to store, and what to hand out once it is stored."""
        device_id = wished.device_id or self._new_device_id()
        return self._pairs.first(
            localpart, device_id, wished.name, self._clock.now(),
            refreshes=wished.refreshes, device_is_new=wished.device_id is None,
        )  # fmt: skip

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
        prepared = self.prepare(account.localpart, wished)
        new = prepared.new
        told = await self._notices.about(
            MessageKind.SIGNED_IN, account.localpart, event.at, event.origin, device=new.device_name or new.device_id
        )
        opened = await self._store.open_session(new, event, if_password_is=if_password_is, rehash=rehash, messages=told)
        self.forget(opened.ended)
        return prepared.opened(opened.session_id)  # fmt: skip

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
        parsed = parse_session_token(SessionTokenKind.ACCESS, token)
        if parsed is None:
            raise UnknownToken("The access token is not one of this server's", reason=Reason.MALFORMED_TOKEN)
        epoch = self._cache.epoch
        session, place, now = await self._find(parsed, "The access token is not known")
        if (refusal := refusal_of(place.standing)) is not None:
            raise refusal
        if place.standing is Standing.OFFERED and session.offer is not None:
            await self._store.use_offered_pair(session.session_id, session.offer.generation, now)
            epoch = self._cache.forget_own(session.session_id, epoch)
        caller = _caller(session, place.expires_at, digest_of(token))
        self._cache.add(caller, epoch)
        return caller

    async def _find(self, token: SessionToken, unless_known: str) -> tuple[SessionRecord, Place, Instant]:
        """The session of a token, where the token stands, and as of when. Raises UnknownToken."""
        session = await self._store.find_session(token.session_id)
        now = self._clock.now()
        if session is None or (place := place_of(token, session, now)) is None:
            raise UnknownToken(unless_known, reason=Reason.UNKNOWN_TOKEN)
        return session, place, now

    # --- Renewing ----------------------------------------------------------------------------------------------------

    async def refresh(self, refresh_token: Secret, origin: Origin) -> TokenPair:
        """Change a refresh token for a new pair.

        "The old refresh token remains valid until the new access token or refresh token is used" (refresh.yaml). Until
        then a repeated refresh is given the very same pair. Raises UnknownToken, UserLocked, LimitExceeded.
        """
        parsed = parse_session_token(SessionTokenKind.REFRESH, refresh_token.reveal())
        if parsed is None:
            raise UnknownToken("The refresh token is not one of this server's", reason=Reason.MALFORMED_TOKEN)
        for attempt in range(ROTATION_ATTEMPTS):
            session, place, now = await self._find(parsed, "The refresh token is not known")
            if attempt == 0:
                await self._limiter.take_for_account(RateLimit.REFRESH, session.localpart)
            await self._refuse_unless_good(parsed, session, place.standing, now, origin)
            pair = await self._rotate(parsed, session, place.standing, now)
            if pair is not None:
                return pair
        raise UnknownToken("The session is being refreshed elsewhere", soft_logout=True, reason=Reason.SUPERSEDED_TOKEN)

    async def _refuse_unless_good(
        self, token: SessionToken, session: SessionRecord, standing: Standing, now: Instant, origin: Origin
    ) -> None:
        if standing is Standing.SUPERSEDED:
            died = died_at(token, session)
            if died is not None and now - died > self._replay_grace_ms:
                await self._end_replayed(session, now, origin)
        if (refusal := refusal_of(standing)) is not None:
            raise refusal
        if (locked := refusal_to_log_in(session.state)) is not None:
            raise locked

    async def _end_replayed(self, session: SessionRecord, now: Instant, origin: Origin) -> None:
        event = AuditEvent(AuditKind.TOKEN_REPLAYED, session.localpart, now, origin, {"device_id": session.device_id})
        self.forget(await self._store.end_session(session.session_id, EndReason.TOKEN_REPLAYED, event))
        raise UnknownToken(
            "The refresh token was used long after its time; the session has ended", reason=Reason.REPLAYED_TOKEN
        )

    async def _rotate(
        self, token: SessionToken, session: SessionRecord, standing: Standing, now: Instant
    ) -> TokenPair | None:
        confirms, offer = standing is Standing.OFFERED, session.offer
        if offer is not None and not confirms and not offer.has_expired(now):
            # A repeat: the answer was lost, or another process of the client asks too. It gets the same pair.
            return same_pair(token, offer, now)
        # An offer that nobody can use any longer keeps its number, so that its tokens count as superseded.
        offered = None if offer is None else offer.generation
        pair = self._pairs.next(token, (offered or session.generation) + 1, now)
        rotation = Rotation(session.session_id, session.generation, offered, confirms, pair.offer, now)
        if not await self._store.offer_pair(rotation):
            return None
        if confirms:
            self.forget((session.session_id,))
        return pair.tokens

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


def _caller(session: SessionRecord, expires_at: Instant | None, digest: bytes) -> Caller:
    return Caller(
        session.session_id, session.localpart, session.device_id, session.kind, session.state, expires_at, digest
    )
