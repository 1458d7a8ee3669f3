"""Serves ``api.password_policy``."""

from ostiary.api.password_policy import GetPasswordPolicy, PasswordPolicyResponse
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(GetPasswordPolicy)
async def get_password_policy(request: GetPasswordPolicy, ctx: RequestContext) -> PasswordPolicyResponse:
    """What a new password must be like, as far as that can be told in these terms."""
    rules = ctx.services.passwords.rules
    return PasswordPolicyResponse(
        minimum_length=rules.min_length,
        require_digit=rules.require_digit,
        require_symbol=rules.require_symbol,
        require_lowercase=rules.require_lowercase,
        require_uppercase=rules.require_uppercase,
    )
