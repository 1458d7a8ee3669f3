"""What a server lets its users do. Spec: capabilities.yaml."""

from msgspec import field

from ostiary.api.auth import AccessToken
from ostiary.api.endpoint import UNSET, Endpoint, Meta, Struct, UnsetType, client_paths


class Enabled(Struct, frozen=True, kw_only=True):
    """A capability that is on or off."""

    enabled: bool


class RoomVersions(Struct, frozen=True, kw_only=True):
    """``default``: of new rooms; ``available``: by version, ``stable`` or ``unstable``."""

    default: str
    available: dict[str, str]


class ProfileFields(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which profile fields users may change; ``allowed`` beats ``disallowed``."""

    enabled: bool
    allowed: tuple[str, ...] | UnsetType = UNSET
    disallowed: tuple[str, ...] | UnsetType = UNSET


class AccountModeration(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the caller may do to other accounts."""

    suspend: bool | UnsetType = UNSET
    lock: bool | UnsetType = UNSET


class Capabilities(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Each capability that the server speaks of; one that is missing has the default that the spec gives it."""

    change_password: Enabled | UnsetType = field(default=UNSET, name="m.change_password")
    forget_forced_upon_leave: Enabled | UnsetType = field(default=UNSET, name="m.forget_forced_upon_leave")
    room_versions: RoomVersions | UnsetType = field(default=UNSET, name="m.room_versions")
    set_displayname: Enabled | UnsetType = field(default=UNSET, name="m.set_displayname")
    set_avatar_url: Enabled | UnsetType = field(default=UNSET, name="m.set_avatar_url")
    threepid_changes: Enabled | UnsetType = field(default=UNSET, name="m.3pid_changes")
    get_login_token: Enabled | UnsetType = field(default=UNSET, name="m.get_login_token")
    profile_fields: ProfileFields | UnsetType = field(default=UNSET, name="m.profile_fields")
    account_moderation: AccountModeration | UnsetType = field(default=UNSET, name="m.account_moderation")


class CapabilitiesResponse(Struct, frozen=True, kw_only=True):
    """What the server offers to the caller."""

    capabilities: Capabilities


class GetCapabilities(Endpoint[CapabilitiesResponse], frozen=True, kw_only=True):
    """What the server lets the caller do. Spec: capabilities.yaml, getCapabilities (since r0.5.0)."""

    meta = Meta(
        method="GET",
        history=client_paths("capabilities", "r0", "v3"),
        authentication=AccessToken(guests=True),
        operation=("capabilities", "getCapabilities"),
        since="r0.5.0",
    )
