"""Serves ``api.administration.registration_tokens``."""

from ostiary.api.administration.registration_tokens import (
    DEFAULT_LIFETIME_MS,
    ChangeToken,
    CreateToken,
    DeleteToken,
    GetToken,
    InvitationResponse,
    Invite,
    ListTokens,
    TokenResponse,
    TokensResponse,
)
from ostiary.api.endpoint import UNSET, Empty, UnsetType
from ostiary.api.paging import BACKWARD, limit_of
from ostiary.server.context import RequestContext
from ostiary.server.handlers.administration.answers import token_response
from ostiary.server.handlers.paging import next_batch, start_of
from ostiary.server.handling import handles


@handles(ListTokens)
async def list_tokens(request: ListTokens, ctx: RequestContext) -> TokensResponse:
    """A page of tokens."""
    page = await ctx.services.invitations.list(
        start_of(request.start), limit_of(request.limit), backward=request.direction == BACKWARD
    )
    tokens = tuple(token_response(token) for token in page.items)
    return TokensResponse(registration_tokens=tokens, next_batch=next_batch(page))


@handles(GetToken)
async def get_token(request: GetToken, ctx: RequestContext) -> TokenResponse:
    """A token."""
    return token_response(await ctx.services.invitations.get(request.token))


@handles(CreateToken)
async def create_token(request: CreateToken, ctx: RequestContext) -> TokenResponse:
    """Make a token."""
    made = await ctx.services.invitations.create(
        token=_text(request.token),
        uses_allowed=_limit(request.uses_allowed),
        expires_at=_limit(request.expires_at),
    )
    return token_response(made)


@handles(ChangeToken)
async def change_token(request: ChangeToken, ctx: RequestContext) -> TokenResponse:
    """Give a token other limits."""
    changed = await ctx.services.invitations.change(
        request.token, _limit(request.uses_allowed), _limit(request.expires_at)
    )
    return token_response(changed)


@handles(DeleteToken)
async def delete_token(request: DeleteToken, ctx: RequestContext) -> Empty:
    """End a token."""
    await ctx.services.invitations.delete(request.token)
    return Empty()


@handles(Invite)
async def invite(request: Invite, ctx: RequestContext) -> InvitationResponse:
    """Invite a person."""
    lifetime_ms = DEFAULT_LIFETIME_MS if request.lifetime_ms is UNSET else request.lifetime_ms
    token, link = await ctx.services.invitations.invite(
        _text(request.address), _text(request.username), lifetime_ms=lifetime_ms
    )
    return InvitationResponse(registration_token=token_response(token), link=link)


def _text(value: str | UnsetType) -> str | None:
    return None if value is UNSET else value


def _limit(value: int | UnsetType) -> int | None:
    return None if value is UNSET else value
