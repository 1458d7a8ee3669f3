"""Serves ``api.logout``."""

from ostiary.api.endpoint import Empty
from ostiary.api.logout import Logout, LogoutAll
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(Logout)
async def logout(request: Logout, ctx: RequestContext) -> Empty:
    """End the session and delete its device."""
    await ctx.services.sessions.end(ctx.caller, ctx.origin)
    return Empty()


@handles(LogoutAll)
async def logout_all(request: LogoutAll, ctx: RequestContext) -> Empty:
    """End all sessions of the account and delete all its devices."""
    await ctx.services.sessions.end_all(ctx.caller, ctx.origin)
    return Empty()
