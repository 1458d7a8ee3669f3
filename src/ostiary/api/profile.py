"""What others see of a user: display name, avatar, and whatever else is set. Spec: profile.yaml."""

from typing import Any, Final

from ostiary.api.auth import AccessToken, NoToken
from ostiary.api.endpoint import AsBody, Empty, Endpoint, InPath, Meta, Object, RateLimit, client_paths, field
from ostiary.api.errors import (
    BadJson,
    Forbidden,
    GuestAccessForbidden,
    InvalidParam,
    KeyTooLarge,
    MissingParam,
    NotFound,
    ProfileTooLarge,
)

DISPLAYNAME: Final = "displayname"
AVATAR_URL: Final = "avatar_url"
TIME_ZONE: Final = "m.tz"

_FIELD = client_paths("profile/{userId}/{keyName}", "api/v1", "r0", "v3")
_READ_ERRORS: Final = (Forbidden, NotFound)


class ProfileField(Object, frozen=True):
    """One field of a profile, under its name."""


class GetProfileField(Endpoint[ProfileField], frozen=True, kw_only=True):
    """One field of a user's profile. Spec: profile.yaml, getProfileField (since r0.0.0)."""

    meta = Meta(
        method="GET",
        history=_FIELD,
        authentication=NoToken(),
        operation=("profile", "getProfileField"),
        since="r0.0.0",
        errors=_READ_ERRORS,
    )
    user_id: InPath[str] = field(name="userId")
    key_name: InPath[str] = field(name="keyName")


class SetProfileField(Endpoint[Empty], frozen=True, kw_only=True):
    """Set a field of one's own profile. Spec: profile.yaml, setProfileField (since r0.0.0).

    ``content``: the field's value under the field's name, and nothing else.
    """

    meta = Meta(
        method="PUT",
        history=_FIELD,
        authentication=AccessToken(guests=True, suspended=False),
        operation=("profile", "setProfileField"),
        since="r0.0.0",
        rate_limit=RateLimit.CHANGE,
        errors=(
            BadJson,
            Forbidden,
            GuestAccessForbidden,
            InvalidParam,
            KeyTooLarge,
            MissingParam,
            ProfileTooLarge,
        ),  # fmt: skip,
    )
    user_id: InPath[str] = field(name="userId")
    key_name: InPath[str] = field(name="keyName")
    content: AsBody[dict[str, Any]]


class DeleteProfileField(Endpoint[Empty], frozen=True, kw_only=True):
    """Remove a field of one's own profile. Spec: profile.yaml, deleteProfileField (since v1.16)."""

    meta = Meta(
        method="DELETE",
        history=client_paths("profile/{userId}/{keyName}", "v3"),
        authentication=AccessToken(guests=True, suspended=False),
        operation=("profile", "deleteProfileField"),
        since="v1.16",
        rate_limit=RateLimit.CHANGE,
        bodyless=True,
        errors=(BadJson, Forbidden, GuestAccessForbidden, InvalidParam),
    )
    user_id: InPath[str] = field(name="userId")
    key_name: InPath[str] = field(name="keyName")


class Profile(Object, frozen=True):
    """All fields of a profile. The three that the spec gives a meaning have names of their own here."""

    @property
    def displayname(self) -> str | None:
        """The name to show; None where none is set."""
        return _text(self.fields.get(DISPLAYNAME))

    @property
    def avatar_url(self) -> str | None:
        """The picture to show, an ``mxc`` URI; None where none is set."""
        return _text(self.fields.get(AVATAR_URL))

    @property
    def time_zone(self) -> str | None:
        """The user's time zone by its IANA name, on the wire ``m.tz``; None where none is set."""
        return _text(self.fields.get(TIME_ZONE))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


class GetProfile(Endpoint[Profile], frozen=True, kw_only=True):
    """A user's whole profile. Spec: profile.yaml, getUserProfile (since r0.0.0)."""

    meta = Meta(
        method="GET",
        history=client_paths("profile/{userId}", "api/v1", "r0", "v3"),
        authentication=NoToken(),
        operation=("profile", "getUserProfile"),
        since="r0.0.0",
        errors=_READ_ERRORS,
    )
    user_id: InPath[str] = field(name="userId")
