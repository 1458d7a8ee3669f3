"""Registration tokens, and invitations that carry one."""

import re
from collections.abc import Callable
from typing import Final

from ostiary.accounts.addresses import canonical_email
from ostiary.accounts.messages import Medium, Message, MessageKind
from ostiary.accounts.model import Instant
from ostiary.accounts.paging import Page, page_of
from ostiary.accounts.ports import Clock, Entropy
from ostiary.accounts.stores import RegistrationTokenStore
from ostiary.accounts.values import RegistrationToken
from ostiary.api.errors import InvalidParam, NotFound
from ostiary.api.identifiers import ServerName, parse_new_localpart
from ostiary.api.secret import Secret

TOKEN_LENGTH: Final = 20
MS_PER_DAY: Final = 86_400_000
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 that are not taken for one another: a token has 100 bits."""

_TOKEN: Final = re.compile(r"[0-9A-Za-z._~\-]{1,64}")


class Invitations:
    """Makes, lists and ends tokens that let one register. ``link``: where an invitation leads, from its token."""

    def __init__(
        self, store: RegistrationTokenStore, clock: Clock, entropy: Entropy, server_name: ServerName,
        link: Callable[[str], str],
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._server_name = server_name
        self._link = link

    async def is_valid(self, token: Secret) -> bool:
        """Whether a token could be used just now."""
        now = self._clock.now()
        found = await self._store.find_registration_token(token.reveal(), now)
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            return False
        return found.uses_allowed is None or found.pending + found.completed < found.uses_allowed

    async def create(
        self, *, token: str | None = None, uses_allowed: int | None = None, expires_at: Instant | None = None
    ) -> RegistrationToken:
        """Make a token, with a name of its own unless one is given. Raises InvalidParam."""
        return await self._create(token, uses_allowed, expires_at, None, None)

    async def invite(self, address: str | None, name: str | None, *, lifetime_ms: int) -> tuple[RegistrationToken, str]:
        """Make a token for one person, and a link with it, which is sent to an address where one is given.

        ``name``: the user name to propose. Raises InvalidParam.
        """
        try:
            canonical = canonical_email(address) if address is not None else None
            proposed = parse_new_localpart(name, self._server_name) if name else None
        except ValueError as error:
            raise InvalidParam(str(error)) from None
        expires_at = self._clock.now() + lifetime_ms
        made = await self._create(None, 1, expires_at, proposed, canonical)
        return made, self._link(made.token)

    async def list(self, after: str | None, limit: int, *, backward: bool = False) -> Page[RegistrationToken]:
        """Tokens in their own order, those behind ``after``, or before it, backward."""
        found = await self._store.list_registration_tokens(after, limit + 1, self._clock.now(), backward=backward)
        return page_of(found, limit, lambda token: token.token)

    async def get(self, token: str) -> RegistrationToken:
        """A token. Raises NotFound."""
        found = await self._store.find_registration_token(token, self._clock.now())
        if found is None:
            raise NotFound("There is no such registration token")
        return found

    async def change(self, token: str, uses_allowed: int | None, expires_at: Instant | None) -> RegistrationToken:
        """Give a token other limits. Raises NotFound, InvalidParam."""
        self._check_limits(uses_allowed, expires_at)
        if not await self._store.change_registration_token(token, uses_allowed, expires_at):
            raise NotFound("There is no such registration token")
        return await self.get(token)

    async def delete(self, token: str) -> None:
        """End a token. Raises NotFound."""
        if not await self._store.delete_registration_token(token):
            raise NotFound("There is no such registration token")

    async def _create(
        self, token: str | None, uses_allowed: int | None, expires_at: Instant | None, name: str | None,
        address: str | None,
    ) -> RegistrationToken:  # fmt: skip
        if token is not None and not _TOKEN.fullmatch(token):
            raise InvalidParam("A registration token has 1 to 64 letters, digits, and . _ ~ -", field="token")
        self._check_limits(uses_allowed, expires_at)
        made_up = "".join(_LETTERS[byte % len(_LETTERS)] for byte in self._entropy.token_bytes(TOKEN_LENGTH))
        now = self._clock.now()
        new = RegistrationToken(token or made_up, uses_allowed, 0, 0, expires_at, now, name, address)
        messages = self._messages(new, now) if address is not None else ()
        if not await self._store.add_registration_token(new, messages):
            raise InvalidParam("There is a registration token of this name", field="token")
        return new

    def _check_limits(self, uses_allowed: int | None, expires_at: Instant | None) -> None:
        if uses_allowed is not None and uses_allowed < 0:
            raise InvalidParam("'uses_allowed' is 0 or more", field="uses_allowed")
        if expires_at is not None and expires_at <= self._clock.now():
            raise InvalidParam("'expiry_time' is in the past", field="expiry_time")

    def _messages(self, token: RegistrationToken, now: Instant) -> tuple[Message, ...]:
        days = max(1, ((token.expires_at or now) - now) // MS_PER_DAY)
        values: dict[str, str | int] = {
            "server_name": self._server_name, "link": self._link(token.token), "token": token.token,
            "name": token.proposed_name or "", "days": days,
        }  # fmt: skip
        return (Message(MessageKind.INVITATION, Medium.EMAIL, token.invited_address or "", values),)
