"""Serves ``api.registration_tokens``."""

from ostiary.accounts.model import AccountKind
from ostiary.api.registration_tokens import IsRegistrationTokenValid, ValidityResponse
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(IsRegistrationTokenValid)
async def is_registration_token_valid(request: IsRegistrationTokenValid, ctx: RequestContext) -> ValidityResponse:
    """Whether a registration token could be used just now."""
    ctx.services.registrations.ensure_open(AccountKind.USER)
    return ValidityResponse(valid=await ctx.services.invitations.is_valid(request.token))
