"""Whom an access token belongs to. Spec: whoami.yaml."""

from ostiary.api.auth import AccessToken
from ostiary.api.endpoint import UNSET, Endpoint, Meta, Struct, UnsetType, client_paths
from ostiary.api.errors import Forbidden, UnknownToken
from ostiary.api.identifiers import UserId


class WhoAmIResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The owner of a token. ``device_id`` is UNSET where the token has no device."""

    user_id: UserId
    device_id: str | UnsetType = UNSET
    is_guest: bool | UnsetType = UNSET


class WhoAmI(Endpoint[WhoAmIResponse], frozen=True, kw_only=True):
    """Whom the access token belongs to. Spec: whoami.yaml, getTokenOwner (since r0.3.0)."""

    meta = Meta(
        method="GET",
        history=client_paths("account/whoami", "r0", "v3"),
        authentication=AccessToken(guests=True),
        operation=("whoami", "getTokenOwner"),
        since="r0.3.0",
        errors=(Forbidden, UnknownToken),
    )
