"""Serves ``api.refresh``."""

from ostiary.api.endpoint import UNSET
from ostiary.api.refresh import Refresh, RefreshResponse, TokenRefresh
from ostiary.api.secret import Secret
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(Refresh)
async def refresh(request: Refresh, ctx: RequestContext) -> RefreshResponse:
    """Change a refresh token for a new pair."""
    return await _refresh(request.refresh_token, ctx)


@handles(TokenRefresh)
async def token_refresh(request: TokenRefresh, ctx: RequestContext) -> RefreshResponse:
    """The same, at the path of the first clients."""
    return await _refresh(request.refresh_token, ctx)


async def _refresh(refresh_token: Secret, ctx: RequestContext) -> RefreshResponse:
    tokens = await ctx.services.sessions.refresh(refresh_token, ctx.origin)
    return RefreshResponse(
        access_token=tokens.access_token,
        refresh_token=UNSET if tokens.refresh_token is None else tokens.refresh_token,
        expires_in_ms=UNSET if tokens.expires_in_ms is None else tokens.expires_in_ms,
    )
