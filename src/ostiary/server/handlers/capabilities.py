"""Serves ``api.capabilities``."""

from ostiary.api.capabilities import Capabilities, CapabilitiesResponse, Enabled, GetCapabilities, ProfileFields
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(GetCapabilities)
async def get_capabilities(request: GetCapabilities, ctx: RequestContext) -> CapabilitiesResponse:
    """What the caller may do here. What this server does not have is said to be off."""
    off = Enabled(enabled=False)
    return CapabilitiesResponse(
        capabilities=Capabilities(
            change_password=Enabled(enabled=not ctx.caller.is_guest),
            threepid_changes=off,
            get_login_token=off,
            set_displayname=off,
            set_avatar_url=off,
            profile_fields=ProfileFields(enabled=False),
        )
    )
