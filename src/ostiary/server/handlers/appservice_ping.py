"""Serves ``api.appservice_ping``."""

from ostiary.api.appservice_ping import PingAppservice, PingResponse
from ostiary.api.endpoint import UNSET
from ostiary.api.errors import Forbidden, UrlNotSet
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(PingAppservice)
async def ping_appservice(request: PingAppservice, ctx: RequestContext) -> PingResponse:
    """Call the application service that asks for it."""
    appservice = ctx.appservice
    if appservice is None or appservice.appservice_id != request.appservice_id:
        raise Forbidden("Only the application service itself may ask for this")
    if appservice.url is None:
        raise UrlNotSet("The application service's registration has no URL")
    transaction_id = None if request.transaction_id is UNSET else request.transaction_id
    duration_ms = await ctx.services.pinger.ping(appservice.url, appservice.hs_token, transaction_id)
    return PingResponse(duration_ms=duration_ms)
