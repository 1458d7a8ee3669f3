"""Serves ``api.login_token``."""

from ostiary.api.errors import Forbidden
from ostiary.api.login_token import GetLoginToken, LoginTokenResponse
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(GetLoginToken)
async def get_login_token(request: GetLoginToken, ctx: RequestContext) -> LoginTokenResponse:
    """Make a token by which another device logs in. The owner is always asked, however lately that was."""
    if not ctx.services.announcements.tokens_by_login:
        raise Forbidden("Sessions cannot make login tokens on this server")
    grant = await ctx.confirm(request.auth)
    made = await ctx.services.logins.make_token(ctx.caller, ctx.origin, grant.use)
    return LoginTokenResponse(login_token=made.token, expires_in_ms=made.expires_in_ms)
