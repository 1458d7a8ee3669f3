"""Pairs of tokens: of a session to be, and the next of one that there is; as handed out and as stored.

Must not know when a session deserves which.
"""

from dataclasses import dataclass, replace

from ostiary.accounts.model import Instant, NewSession, Offer, OpenedSession, StoredPair, TokenPair
from ostiary.accounts.ports import Entropy
from ostiary.accounts.session_tokens import (
    LINEAGE_BYTES,
    NONCE_BYTES,
    SECRET_BYTES,
    SessionToken,
    SessionTokenKind,
    derive_pair,
    lineage_of_access,
    make_lineage,
    make_secret,
    root_of,
)
from ostiary.api.identifiers import Localpart


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long tokens live, in milliseconds; None is for ever."""

    access_token_ms: int
    unrefreshable_access_token_ms: int | None
    refresh_token_ms: int | None


@dataclass(frozen=True, slots=True)
class FirstPair:
    """The tokens of a session to be, which want its number; ``opened`` gives them once the store has given that."""

    new: NewSession
    access: SessionToken
    refresh: SessionToken | None

    def opened(self, session_id: int | None) -> OpenedSession:
        """What to hand out. Raises ValueError where the store made no session."""
        if session_id is None:
            raise ValueError("the store was asked for a session and has made none")
        new = self.new
        access = replace(self.access, session_id=session_id)
        refresh = None if self.refresh is None else replace(self.refresh, session_id=session_id)
        return OpenedSession(
            new.localpart, new.device_id, _handed_out(access, refresh, new.pair.access_expires_at, new.at)
        )


@dataclass(frozen=True, slots=True)
class NextPair:
    """A pair that follows from a refresh token and a nonce: what to store, and what to hand out."""

    offer: Offer
    tokens: TokenPair


class Pairs:
    """Makes them."""

    def __init__(self, entropy: Entropy, lifetimes: Lifetimes) -> None:
        self._entropy = entropy
        self._lifetimes = lifetimes

    def first(
        self, localpart: Localpart, device_id: str, device_name: str | None, now: Instant, *, refreshes: bool,
        device_is_new: bool,
    ) -> FirstPair:  # fmt: skip
        """Of a session to be."""
        lineage = make_lineage(self._entropy.token_bytes(LINEAGE_BYTES))
        of_access = lineage_of_access(lineage)
        access = SessionToken(SessionTokenKind.ACCESS, 0, 0, of_access, self._new_secret())
        refresh = SessionToken(SessionTokenKind.REFRESH, 0, 0, lineage, self._new_secret()) if refreshes else None
        pair = self._stored(access, refresh, now)
        root = root_of(of_access)
        new = NewSession(localpart, device_id, device_name, device_is_new, root, pair, now)
        return FirstPair(new, access, refresh)

    def next(self, refresh_token: SessionToken, generation: int, now: Instant) -> NextPair:
        """The pair of this number, out of the refresh token of one before."""
        nonce = self._entropy.token_bytes(NONCE_BYTES)
        access, refresh = derive_pair(refresh_token, generation, nonce)
        pair = self._stored(access, refresh, now)
        return NextPair(Offer(generation, pair, nonce), _handed_out(access, refresh, pair.access_expires_at, now))

    def _new_secret(self) -> str:
        return make_secret(self._entropy.token_bytes(SECRET_BYTES))

    def _stored(self, access: SessionToken, refresh: SessionToken | None, now: Instant) -> StoredPair:
        lives = self._lifetimes
        lifetime_ms = lives.unrefreshable_access_token_ms if refresh is None else lives.access_token_ms
        return StoredPair(
            access_digest=access.digest,
            access_expires_at=_after(now, lifetime_ms),
            refresh_digest=refresh.digest if refresh else None,
            refresh_expires_at=_after(now, lives.refresh_token_ms) if refresh else None,
        )


def same_pair(refresh_token: SessionToken, offer: Offer, now: Instant) -> TokenPair:
    """A pair that was handed out before, made again out of the same refresh token."""
    pair = derive_pair(refresh_token, offer.generation, offer.nonce)
    return _handed_out(*pair, offer.pair.access_expires_at, now)


def _handed_out(
    access: SessionToken, refresh: SessionToken | None, expires_at: Instant | None, now: Instant
) -> TokenPair:
    expires_in_ms = None if expires_at is None else max(0, expires_at - now)
    return TokenPair(access.text, refresh.text if refresh else None, expires_in_ms)


def _after(now: Instant, lifetime_ms: int | None) -> Instant | None:
    return None if lifetime_ms is None else now + lifetime_ms
