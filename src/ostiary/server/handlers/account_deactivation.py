"""Serves ``api.account_deactivation``."""

from ostiary.api.account_deactivation import DeactivateAccount, UnbindResponse
from ostiary.api.endpoint import UNSET
from ostiary.api.errors import Forbidden
from ostiary.server.context import RequestContext
from ostiary.server.handlers.answers import unbind_response
from ostiary.server.handling import handles


@handles(DeactivateAccount)
async def deactivate_account(request: DeactivateAccount, ctx: RequestContext) -> UnbindResponse:
    """End the account: the caller's, or the one that the interactive authentication proves.

    An application service ends the accounts of its own without it.
    """
    if ctx.appservice is not None:
        localpart, use = ctx.caller.localpart, None
    else:
        grant = await ctx.confirm(request.auth)
        if grant.localpart is None:
            raise Forbidden("The interactive authentication does not say whose account is to be deactivated")
        localpart, use = grant.localpart, grant.use
    forgotten = await ctx.services.deactivations.deactivate(
        localpart,
        ctx.origin,
        erase=request.erase is True,
        id_server=None if request.id_server is UNSET else request.id_server,
        use=use,
    )
    return unbind_response(forgotten)
