"""Serves ``api.registration``."""

from ostiary.accounts.model import AccountKind
from ostiary.accounts.registration import Registered, Wish
from ostiary.accounts.sessions import WishedDevice
from ostiary.accounts.values import Purpose
from ostiary.api.endpoint import UNSET, RateLimit
from ostiary.api.errors import InvalidParam, MissingParam
from ostiary.api.login import APPSERVICE_LOGIN
from ostiary.api.registration import (
    GUEST,
    USER,
    AvailabilityResponse,
    CheckUsernameAvailability,
    Register,
    RegisterResponse,
    RequestTokenToRegisterEmail,
    RequestTokenToRegisterPhone,
)
from ostiary.api.validation import RequestTokenResponse
from ostiary.server.context import RequestContext
from ostiary.server.handlers.answers import login_response, wished_device
from ostiary.server.handlers.validation import ask_by_mail, ask_by_text
from ostiary.server.handling import handles


@handles(Register)
async def register(request: Register, ctx: RequestContext) -> RegisterResponse:
    """Make an account for a user, a guest, or an application service."""
    registrations = ctx.services.registrations
    wished = None if request.inhibit_login is True else _wished(request)
    if request.type == APPSERVICE_LOGIN:
        appservice = ctx.calling_appservice
        if request.username is UNSET:
            raise MissingParam("'username' is missing", field="username")
        made = await registrations.register_for(appservice, request.username, wished, ctx.origin)
        return _made("appservice", made, ctx)
    if request.kind == GUEST:
        name = request.initial_device_display_name
        guest = await registrations.register_guest(None if name is UNSET else name, ctx.origin)
        return _made("guest", guest, ctx)
    if request.kind != USER:
        raise InvalidParam(f"'kind' must be {USER!r} or {GUEST!r}", field="kind")
    registrations.ensure_open(AccountKind.USER)
    if (outcome := ctx.recalled.outcome) is not None:
        password_hash = ctx.recalled.hashes.get("password")
        return _response(await registrations.repeat(outcome, password_hash, wished, ctx.origin), ctx)
    return _made("user", await _register_user(request, wished, ctx), ctx)


async def _register_user(request: Register, wished: WishedDevice | None, ctx: RequestContext) -> Registered:
    """Make a user's account, or a guest's into one.

    "The server must perform the relevant checks before performing user-interactive authentication"; making the account
    repeats them, since the name may have been taken meanwhile.
    """
    registrations = ctx.services.registrations
    username = None if request.username is UNSET else request.username
    guest = None
    if request.guest_access_token is not UNSET:
        if "guest_access_token" not in ctx.recalled.given:
            raise MissingParam("'guest_access_token' is missing", field="guest_access_token")
        guest = await registrations.find_guest(request.guest_access_token, username)
    elif username is not None:
        await registrations.ensure_available(username, RateLimit.REGISTER)
    if request.password is not UNSET and "password" in ctx.recalled.given:
        ctx.services.passwords.check_policy(request.password, () if username is None else (username,))
    grant = await ctx.confirm(request.auth)
    wish = Wish(username=username, password_hash=grant.hashes.get("password"), device=wished)
    if guest is not None:
        return await registrations.upgrade(guest, wish, ctx.origin, grant.use)
    return await registrations.register(wish, ctx.origin, grant.proven, grant.use)


@handles(CheckUsernameAvailability)
async def check_username_availability(request: CheckUsernameAvailability, ctx: RequestContext) -> AvailabilityResponse:
    """Whether a name is free."""
    ctx.services.registrations.ensure_open(AccountKind.USER)
    await ctx.services.registrations.ensure_available(request.username, RateLimit.CHECK)
    return AvailabilityResponse(available=True)


@handles(RequestTokenToRegisterEmail)
async def request_token_to_register_email(
    request: RequestTokenToRegisterEmail, ctx: RequestContext
) -> RequestTokenResponse:
    """Send a mail, to register with its address."""
    ctx.services.registrations.ensure_open(AccountKind.USER)
    return await ask_by_mail(Purpose.REGISTER, request, ctx)


@handles(RequestTokenToRegisterPhone)
async def request_token_to_register_phone(
    request: RequestTokenToRegisterPhone, ctx: RequestContext
) -> RequestTokenResponse:
    """Send a text message, to register with its number."""
    ctx.services.registrations.ensure_open(AccountKind.USER)
    return await ask_by_text(Purpose.REGISTER, request, ctx)


def _wished(request: Register) -> WishedDevice:
    return wished_device(request.device_id, request.initial_device_display_name, request.refresh_token)


def _made(kind: str, registered: Registered, ctx: RequestContext) -> RegisterResponse:
    if (tally := ctx.services.vitals.tally) is not None:
        tally.registered(kind)
    return _response(registered, ctx)


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
