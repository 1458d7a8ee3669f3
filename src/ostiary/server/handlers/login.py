"""Serves ``api.login``."""

from ostiary.api.endpoint import UNSET
from ostiary.api.errors import MissingParam, Unknown
from ostiary.api.login import (
    PASSWORD_LOGIN,
    GetLoginFlows,
    Login,
    LoginFlow,
    LoginFlowsResponse,
    LoginResponse,
)
from ostiary.server.context import RequestContext
from ostiary.server.handlers.answers import login_response, wished_device
from ostiary.server.handling import handles

_FLOWS = LoginFlowsResponse(flows=(LoginFlow(type=PASSWORD_LOGIN),))


@handles(GetLoginFlows)
async def get_login_flows(request: GetLoginFlows, ctx: RequestContext) -> LoginFlowsResponse:
    """Which ways there are to log in."""
    return _FLOWS


@handles(Login)
async def login(request: Login, ctx: RequestContext) -> LoginResponse:
    """Log in, by the way that the type says."""
    if request.type != PASSWORD_LOGIN:
        raise Unknown("'type' is not a login type of this server", field="type", status=400)
    named = ctx.services.who.named(request.identifier, request.user, request.medium, request.address)
    if named is None:
        raise MissingParam("'identifier' is missing", field="identifier")
    if request.password is UNSET:
        raise MissingParam("'password' is missing", field="password")
    wished = wished_device(request.device_id, request.initial_device_display_name, request.refresh_token)
    opened = await ctx.services.logins.with_password(named.localpart, request.password, wished, ctx.origin)
    return login_response(opened, ctx.services)
