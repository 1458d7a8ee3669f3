"""Serves ``api.login``."""

from ostiary.accounts.model import OpenedSession
from ostiary.accounts.sessions import WishedDevice
from ostiary.accounts.who import Named
from ostiary.api.endpoint import UNSET, UnsetType
from ostiary.api.errors import MatrixError, MissingParam, Unknown
from ostiary.api.login import (
    APPSERVICE_LOGIN,
    JWT_LOGIN,
    TOKEN_LOGIN,
    GetLoginFlows,
    Login,
    LoginFlowsResponse,
    LoginResponse,
)
from ostiary.api.secret import Secret
from ostiary.server.context import RequestContext
from ostiary.server.handlers.answers import login_response, wished_device
from ostiary.server.handling import handles


@handles(GetLoginFlows)
async def get_login_flows(request: GetLoginFlows, ctx: RequestContext) -> LoginFlowsResponse:
    """Which ways there are to log in."""
    return ctx.services.announcements.login_flows


@handles(Login)
async def login(request: Login, ctx: RequestContext) -> LoginResponse:
    """Log in, by the way that the type says."""
    offered = ctx.services.announcements.login_flows.flows
    if not any(flow.type == request.type for flow in offered) and request.type != APPSERVICE_LOGIN:
        raise Unknown("'type' is not a login type of this server", field="type", status=400)
    wished = wished_device(request.device_id, request.initial_device_display_name, request.refresh_token)
    tally = ctx.services.vitals.tally
    try:
        opened = await _open(request, wished, ctx)
    except MatrixError as error:
        if tally is not None:
            tally.logged_in(request.type, error.errcode)
        raise
    if tally is not None:
        tally.logged_in(request.type, "ok")
    return login_response(opened, ctx.services)


async def _open(request: Login, wished: WishedDevice, ctx: RequestContext) -> OpenedSession:
    logins = ctx.services.logins
    match request.type:
        case _ if request.type == TOKEN_LOGIN:
            return await logins.with_token(_given(request.token, "token"), wished, ctx.origin)
        case _ if request.type == JWT_LOGIN:
            return await logins.with_jwt(_given(request.token, "token"), wished, ctx.origin)
        case _ if request.type == APPSERVICE_LOGIN:
            appservice = ctx.calling_appservice
            localpart = (await _named(request, ctx)).localpart
            return await logins.as_appservice(appservice, localpart, wished, ctx.origin)
        case _:
            named = await _named(request, ctx)
            return await logins.with_password(named, _given(request.password, "password"), wished, ctx.origin)


async def _named(request: Login, ctx: RequestContext) -> Named:
    """Whom the request names."""
    named = await ctx.services.who.named(request.identifier, request.user, request.medium, request.address)
    if named is None:
        raise MissingParam("'identifier' is missing", field="identifier")
    return named


def _given(value: Secret | UnsetType, name: str) -> Secret:
    if value is UNSET:
        raise MissingParam(f"'{name}' is missing", field=name)
    return value
