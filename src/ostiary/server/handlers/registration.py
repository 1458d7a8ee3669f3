"""Serves ``api.registration``."""

from ostiary.accounts.model import AccountKind
from ostiary.accounts.registration import Registered
from ostiary.accounts.sessions import WishedDevice
from ostiary.api.endpoint import UNSET, RateLimit
from ostiary.api.errors import InvalidParam
from ostiary.api.registration import (
    GUEST,
    USER,
    AvailabilityResponse,
    CheckUsernameAvailability,
    Register,
    RegisterResponse,
)
from ostiary.server.context import RequestContext
from ostiary.server.handlers.answers import login_response, wished_device
from ostiary.server.handling import handles


@handles(Register)
async def register(request: Register, ctx: RequestContext) -> RegisterResponse:
    """Make an account for a user or a guest."""
    registrations = ctx.services.registrations
    if request.kind == GUEST:
        name = request.initial_device_display_name
        guest = await registrations.register_guest(None if name is UNSET else name, ctx.origin)
        return _response(guest, ctx)
    if request.kind != USER:
        raise InvalidParam(f"'kind' must be {USER!r} or {GUEST!r}", field="kind")
    registrations.ensure_open(AccountKind.USER)
    wished = None if request.inhibit_login is True else _wished(request)
    if (outcome := ctx.recalled.outcome) is not None:
        return _response(await registrations.repeat(outcome, wished, ctx.origin), ctx)
    # "The server must perform the relevant checks before performing user-interactive authentication"; making the
    # account repeats them, since the name may have been taken meanwhile.
    if request.username is not UNSET:
        await registrations.ensure_available(request.username, RateLimit.REGISTER)
    if request.password is not UNSET and "password" in ctx.recalled.given:
        ctx.services.passwords.check_policy(request.password)
    grant = await ctx.confirm(request.auth)
    username = None if request.username is UNSET else request.username
    registered = await registrations.register(username, grant.hashes.get("password"), wished, ctx.origin, grant.use)
    return _response(registered, ctx)


@handles(CheckUsernameAvailability)
async def check_username_availability(request: CheckUsernameAvailability, ctx: RequestContext) -> AvailabilityResponse:
    """Whether a name is free."""
    ctx.services.registrations.ensure_open(AccountKind.USER)
    await ctx.services.registrations.ensure_available(request.username, RateLimit.CHECK)
    return AvailabilityResponse(available=True)


def _wished(request: Register) -> WishedDevice:
    return wished_device(request.device_id, request.initial_device_display_name, request.refresh_token)


def _response(registered: Registered, ctx: RequestContext) -> RegisterResponse:
    if registered.session is None:
        return RegisterResponse(
            user_id=ctx.services.user_id(registered.localpart), home_server=ctx.services.server_name
        )
    session = login_response(registered.session, ctx.services)
    return RegisterResponse(
        user_id=session.user_id,
        access_token=session.access_token,
        refresh_token=session.refresh_token,
        expires_in_ms=session.expires_in_ms,
        home_server=session.home_server,
        device_id=session.device_id,
    )
