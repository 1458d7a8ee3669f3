"""Serves ``api.whoami``."""

from ostiary.api.endpoint import UNSET
from ostiary.api.whoami import WhoAmI, WhoAmIResponse
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(WhoAmI)
async def whoami(request: WhoAmI, ctx: RequestContext) -> WhoAmIResponse:
    """Whom the access token belongs to."""
    caller = ctx.caller
    return WhoAmIResponse(
        user_id=ctx.services.user_id(caller.localpart),
        device_id=UNSET if caller.device_id is None else caller.device_id,
        is_guest=True if caller.is_guest else UNSET,
    )
