"""Serves ``api.administration.threepids``."""

from ostiary.api.account_deactivation import UnbindResponse
from ostiary.api.administration.threepids import AddThreepid, ListThreepids, RemoveThreepid
from ostiary.api.administrative_contact import ThirdPartyId, ThirdPartyIdsResponse
from ostiary.server.context import RequestContext
from ostiary.server.handlers.administration.accounts import administrator
from ostiary.server.handlers.administration.answers import threepid_response
from ostiary.server.handlers.answers import unbind_response
from ostiary.server.handling import handles


@handles(ListThreepids)
async def list_threepids(request: ListThreepids, ctx: RequestContext) -> ThirdPartyIdsResponse:
    """The addresses of an account."""
    found = await ctx.services.administration.list_threepids(request.name)
    return ThirdPartyIdsResponse(threepids=tuple(threepid_response(one) for one in found))


@handles(AddThreepid)
async def add_threepid(request: AddThreepid, ctx: RequestContext) -> ThirdPartyId:
    """Give an account an address."""
    return threepid_response(
        await ctx.services.administration.add_threepid(
            request.name, request.medium, request.address, administrator(ctx)
        )
    )


@handles(RemoveThreepid)
async def remove_threepid(request: RemoveThreepid, ctx: RequestContext) -> UnbindResponse:
    """Take an address from an account."""
    return unbind_response(
        await ctx.services.administration.remove_threepid(
            request.name, request.medium, request.address, administrator(ctx)
        )
    )
