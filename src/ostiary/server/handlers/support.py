"""Serves ``api.support``."""

from ostiary.api.errors import NotFound
from ostiary.api.support import GetSupport, Support
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(GetSupport)
async def get_support(request: GetSupport, ctx: RequestContext) -> Support:
    """Whom to turn to, if the configuration says."""
    if ctx.services.announcements.support is None:
        raise NotFound("This server does not say whom to turn to: its configuration has no support contacts")
    return ctx.services.announcements.support
