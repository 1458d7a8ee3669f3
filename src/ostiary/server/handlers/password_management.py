"""Serves ``api.password_management``."""

from ostiary.accounts.values import Purpose
from ostiary.api.endpoint import Empty
from ostiary.api.errors import Forbidden
from ostiary.api.password_management import (
    ChangePassword,
    RequestTokenToResetPasswordEmail,
    RequestTokenToResetPasswordPhone,
)
from ostiary.api.validation import RequestTokenResponse
from ostiary.server.context import RequestContext
from ostiary.server.handlers.validation import ask_by_mail, ask_by_text
from ostiary.server.handling import handles


@handles(ChangePassword)
async def change_password(request: ChangePassword, ctx: RequestContext) -> Empty:
    """Give the account a new password: the caller's, or the one that the interactive authentication proves."""
    if "new_password" in ctx.recalled.given:
        ctx.services.passwords.check_policy(request.new_password, () if ctx.sender is None else (ctx.sender.localpart,))
    grant = await ctx.confirm(request.auth)
    if grant.localpart is None:
        raise Forbidden("The interactive authentication does not say whose password is to be changed")
    await ctx.services.passwords.change(
        grant.localpart,
        grant.hashes["new_password"],
        ctx.origin,
        keep=ctx.sender,
        logout_devices=request.logout_devices is not False,
        use=grant.use,
    )
    return Empty()


@handles(RequestTokenToResetPasswordEmail)
async def request_token_to_reset_password_email(
    request: RequestTokenToResetPasswordEmail, ctx: RequestContext
) -> RequestTokenResponse:
    """Send a mail, to prove whose account it is."""
    return await ask_by_mail(Purpose.RESET_PASSWORD, request, ctx)


@handles(RequestTokenToResetPasswordPhone)
async def request_token_to_reset_password_phone(
    request: RequestTokenToResetPasswordPhone, ctx: RequestContext
) -> RequestTokenResponse:
    """Send a text message, to prove whose account it is."""
    return await ask_by_text(Purpose.RESET_PASSWORD, request, ctx)
