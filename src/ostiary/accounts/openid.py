"""Tokens by which another service learns who somebody is. They open nothing."""

from dataclasses import dataclass
from typing import Final

from ostiary.accounts.model import Caller
from ostiary.accounts.ports import Clock, Entropy
from ostiary.accounts.stores import ShortTokenStore
from ostiary.accounts.tokens import ENTROPY_BYTES, TokenKind, digest_of, is_well_formed, make_token
from ostiary.accounts.transitions import refusal_to_log_in
from ostiary.api.errors import Forbidden, UnknownToken
from ostiary.api.identifiers import ServerName, UserId, make_user_id
from ostiary.api.secret import Secret

LIFETIME_MS: Final = 3_600_000
UNKNOWN: Final = "The token is not known, or has expired"


@dataclass(frozen=True, slots=True)
class OpenIdGrant:
    """A token just made, with its lifetime in seconds."""

    token: Secret
    expires_in_s: int


class OpenIds:
    """Makes and redeems them."""

    def __init__(self, store: ShortTokenStore, clock: Clock, entropy: Entropy, server_name: ServerName) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._server_name = server_name

    async def make(self, caller: Caller, user_id: str) -> OpenIdGrant:
        """Make a token for oneself. Raises Forbidden for another user."""
        if user_id != make_user_id(caller.localpart, self._server_name):
            raise Forbidden("A token can be had for oneself only")
        token = make_token(TokenKind.OPENID, self._entropy.token_bytes(ENTROPY_BYTES))
        expires_at = self._clock.now() + LIFETIME_MS
        await self._store.add_openid_token(digest_of(token.reveal()), caller.localpart, expires_at)
        return OpenIdGrant(token, LIFETIME_MS // 1000)

    async def redeem(self, token: Secret) -> UserId:
        """Whose token it is. Raises UnknownToken, also while its account may not log in: others need not know why."""
        known = is_well_formed(TokenKind.OPENID, token.reveal())
        digest = digest_of(token.reveal())
        found = await self._store.find_openid_token(digest, self._clock.now()) if known else None
        if found is None:
            raise UnknownToken(UNKNOWN)
        localpart, state = found
        if (refusal := refusal_to_log_in(state)) is not None:
            raise UnknownToken(UNKNOWN, reason=refusal.reason)
        return make_user_id(localpart, self._server_name)
