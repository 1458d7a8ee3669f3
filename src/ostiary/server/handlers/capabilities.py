"""Serves ``api.capabilities``."""

from ostiary.accounts.profiles import ProfileRules
from ostiary.api.capabilities import (
    AccountModeration,
    Capabilities,
    CapabilitiesResponse,
    Enabled,
    GetCapabilities,
    ProfileFields,
)
from ostiary.api.endpoint import UNSET
from ostiary.api.profile import AVATAR_URL, DISPLAYNAME
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(GetCapabilities)
async def get_capabilities(request: GetCapabilities, ctx: RequestContext) -> CapabilitiesResponse:
    """What the caller may do here. What this server does not have is said to be off."""
    services, is_user = ctx.services, not ctx.caller.is_guest
    rules = services.profiles.rules
    is_admin = is_user and await services.moderation.is_admin(ctx.caller)
    return CapabilitiesResponse(
        capabilities=Capabilities(
            change_password=Enabled(enabled=is_user),
            threepid_changes=Enabled(enabled=is_user and services.announcements.threepid_changes),
            get_login_token=Enabled(enabled=is_user and services.announcements.tokens_by_login),
            set_displayname=Enabled(enabled=rules.may_set(DISPLAYNAME)),
            set_avatar_url=Enabled(enabled=is_user and rules.may_set(AVATAR_URL)),
            profile_fields=_profile_fields(rules) if is_user else ProfileFields(enabled=False),
            account_moderation=AccountModeration(suspend=True, lock=True) if is_admin else UNSET,
        )
    )


def _profile_fields(rules: ProfileRules) -> ProfileFields:
    return ProfileFields(
        enabled=rules.changeable,
        allowed=UNSET if rules.allowed is None else rules.allowed,
        disallowed=rules.disallowed or UNSET,
    )
