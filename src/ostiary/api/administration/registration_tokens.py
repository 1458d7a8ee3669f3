"""Tokens that let one register, and invitations that carry one. Instants are milliseconds since the epoch."""

from typing import Annotated, Final

from msgspec import Meta as Limits

from ostiary.api.administration.accounts import Instant
from ostiary.api.administration.meta import admin_meta
from ostiary.api.endpoint import UNSET, Empty, Endpoint, InPath, InQuery, Struct, UnsetType, field
from ostiary.api.errors import InvalidParam, NotFound
from ostiary.api.identifiers import Identifier
from ostiary.api.paging import Direction, PageLimit, PageStart

Uses = Annotated[int, Limits(ge=0, le=2**31 - 1)]
"""How many may register with a token."""

Lifetime = Annotated[int, Limits(ge=60_000, le=10 * 365 * 86_400_000)]
"""A minute to ten years, in milliseconds."""

DEFAULT_LIFETIME_MS: Final = 7 * 86_400_000

_ONE: Final = "registration_tokens/{token}"


class TokenResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token. ``uses_allowed`` and ``expires_at`` are missing where there is no limit.

    ``pending``: how many are using it just now; ``completed``: how many have. ``proposed_name``: the user name that an
    invitation suggests; ``invited_address``: where it was sent.
    """

    token: str
    pending: int
    completed: int
    created_at: int
    uses_allowed: int | UnsetType = UNSET
    expires_at: int | UnsetType = UNSET
    proposed_name: str | UnsetType = UNSET
    invited_address: str | UnsetType = UNSET


class TokensResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of tokens."""

    registration_tokens: tuple[TokenResponse, ...]
    next_batch: str | UnsetType = UNSET


class ListTokens(Endpoint[TokensResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Tokens, in their own order."""

    meta = admin_meta("GET", "registration_tokens", InvalidParam)
    start: InQuery[PageStart | UnsetType] = field(name="from", default=UNSET)
    limit: InQuery[PageLimit | UnsetType] = UNSET
    direction: InQuery[Direction | UnsetType] = field(name="dir", default=UNSET)


class GetToken(Endpoint[TokenResponse], frozen=True, kw_only=True):
    """A token."""

    meta = admin_meta("GET", _ONE, NotFound)
    token: InPath[str]


class CreateToken(Endpoint[TokenResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Make a token, of a name made up here unless one is given."""

    meta = admin_meta("POST", "registration_tokens", InvalidParam)
    token: Identifier | UnsetType = UNSET
    uses_allowed: Uses | UnsetType = UNSET
    expires_at: Instant | UnsetType = UNSET


class ChangeToken(Endpoint[TokenResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Give a token other limits; what is left out is without limit from now on."""

    meta = admin_meta("PUT", _ONE, InvalidParam, NotFound)
    token: InPath[str]
    uses_allowed: Uses | UnsetType = UNSET
    expires_at: Instant | UnsetType = UNSET


class DeleteToken(Endpoint[Empty], frozen=True, kw_only=True):
    """End a token."""

    meta = admin_meta("DELETE", _ONE, NotFound)
    token: InPath[str]


class InvitationResponse(Struct, frozen=True, kw_only=True):
    """An invitation: its token, and the page where the person registers."""

    registration_token: TokenResponse
    link: str


class Invite(Endpoint[InvitationResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Make a token for one person; where an ``address`` is given, a mail takes its link there.

    ``username``: the user name to propose. ``lifetime_ms``: how long it is good, a week if left out.
    """

    meta = admin_meta("POST", "invitations", InvalidParam)
    address: Identifier | UnsetType = UNSET
    username: Identifier | UnsetType = UNSET
    lifetime_ms: Lifetime | UnsetType = UNSET
