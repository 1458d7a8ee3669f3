"""Profiles: what others see of a user."""

from typing import Any

from ostiary.api.profile import (
    AVATAR_URL,
    DISPLAYNAME,
    TIME_ZONE,
    DeleteProfileField,
    GetProfile,
    GetProfileField,
    Profile,
    SetProfileField,
)
from ostiary.client.speaker import Speaker
from ostiary.client.steps import Flow


def profile(core: Speaker, user_id: str | None = None) -> Flow[Profile]:
    """A user's whole profile, one's own unless another is named. Raises NotFound, Forbidden."""
    return core.send(GetProfile(user_id=user_id or core.user_id))


def profile_field(core: Speaker, name: str, user_id: str | None = None) -> Flow[Any]:
    """One field of a user's profile; None where it is there without a value. Raises NotFound, Forbidden."""
    answer = yield from core.send(GetProfileField(user_id=user_id or core.user_id, key_name=name))
    return answer.fields.get(name)


def set_profile_field(core: Speaker, name: str, value: Any) -> Flow[None]:
    """Set a field of one's own profile. ``value``: whatever JSON can hold.

    Raises Forbidden, InvalidParam, KeyTooLarge, ProfileTooLarge.
    """
    yield from core.send(SetProfileField(user_id=core.user_id, key_name=name, content={name: value}))


def delete_profile_field(core: Speaker, name: str) -> Flow[None]:
    """Remove a field of one's own profile; well if it is not there. Raises Forbidden."""
    yield from core.send(DeleteProfileField(user_id=core.user_id, key_name=name))


def set_display_name(core: Speaker, name: str) -> Flow[None]:
    """Set the name that others see. Raises Forbidden."""
    return set_profile_field(core, DISPLAYNAME, name)


def set_avatar_url(core: Speaker, url: str) -> Flow[None]:
    """Set the picture that others see, an ``mxc`` URI. Raises Forbidden, InvalidParam."""
    return set_profile_field(core, AVATAR_URL, url)


def set_time_zone(core: Speaker, name: str) -> Flow[None]:
    """Set one's time zone, by its IANA name. Raises Forbidden, InvalidParam."""
    return set_profile_field(core, TIME_ZONE, name)
