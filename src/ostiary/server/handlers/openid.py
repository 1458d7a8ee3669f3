"""Serves ``api.openid``."""

from ostiary.api.endpoint import UNSET
from ostiary.api.errors import MissingToken
from ostiary.api.openid import GetOpenIdUserInfo, OpenIdToken, OpenIdUserInfo, RequestOpenIdToken
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(RequestOpenIdToken)
async def request_open_id_token(request: RequestOpenIdToken, ctx: RequestContext) -> OpenIdToken:
    """Make a token that tells who its bearer is."""
    made = await ctx.services.openids.make(ctx.caller, request.user_id)
    return OpenIdToken(
        access_token=made.token,
        token_type="Bearer",
        matrix_server_name=ctx.services.server_name,
        expires_in=made.expires_in_s,
    )


@handles(GetOpenIdUserInfo)
async def get_open_id_user_info(request: GetOpenIdUserInfo, ctx: RequestContext) -> OpenIdUserInfo:
    """Whose token it is."""
    if request.access_token is UNSET:
        raise MissingToken("'access_token' is missing", field="access_token")
    return OpenIdUserInfo(sub=await ctx.services.openids.redeem(request.access_token))
