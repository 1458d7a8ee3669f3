"""Serves ``api.profile``."""

from ostiary.api.endpoint import Empty
from ostiary.api.profile import (
    DeleteProfileField,
    GetProfile,
    GetProfileField,
    Profile,
    ProfileField,
    SetProfileField,
)
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(GetProfile)
async def get_profile(request: GetProfile, ctx: RequestContext) -> Profile:
    """A user's whole profile."""
    return Profile(fields=dict(await ctx.services.profiles.get(request.user_id)))


@handles(GetProfileField)
async def get_profile_field(request: GetProfileField, ctx: RequestContext) -> ProfileField:
    """One field of a user's profile."""
    return ProfileField(fields=dict(await ctx.services.profiles.get_field(request.user_id, request.key_name)))


@handles(SetProfileField)
async def set_profile_field(request: SetProfileField, ctx: RequestContext) -> Empty:
    """Set a field of the caller's profile."""
    await ctx.services.profiles.set_field(ctx.caller, request.user_id, request.key_name, request.content)
    return Empty()


@handles(DeleteProfileField)
async def delete_profile_field(request: DeleteProfileField, ctx: RequestContext) -> Empty:
    """Remove a field of the caller's profile."""
    await ctx.services.profiles.delete_field(ctx.caller, request.user_id, request.key_name)
    return Empty()
