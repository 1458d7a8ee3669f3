"""Changing a refresh token for a new pair of tokens. Spec: refresh.yaml."""

from ostiary.api.auth import NoToken
from ostiary.api.endpoint import UNSET, Endpoint, Meta, RateLimit, Struct, UnsetType, client_paths
from ostiary.api.errors import (
    UnknownToken,
    UserDeactivated,
    UserLocked,
)
from ostiary.api.secret import Secret


class RefreshResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new pair of tokens. Without ``refresh_token`` the old one stays good.

    ``expires_in_ms``: how long the access token lives, in milliseconds; UNSET where it does not expire.
    """

    access_token: Secret
    refresh_token: Secret | UnsetType = UNSET
    expires_in_ms: int | UnsetType = UNSET


class Refresh(Endpoint[RefreshResponse], frozen=True, kw_only=True):
    """Get a new access token. The old pair stays good until the new one is first used.

    Spec: refresh.yaml, refresh (since v1.3).
    """

    meta = Meta(
        method="POST",
        history=client_paths("refresh", "v3"),
        authentication=NoToken(),
        operation=("refresh", "refresh"),
        since="v1.3",
        rate_limit=RateLimit.REFRESH,
        errors=(UnknownToken, UserDeactivated, UserLocked),
    )
    refresh_token: Secret


class TokenRefresh(Endpoint[RefreshResponse], frozen=True, kw_only=True):
    """The call of the first clients for the same thing. Spec: none today (r0.0.0 to r0.2.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("tokenrefresh", "v2_alpha", "r0"),
        authentication=NoToken(),
        operation=("", ""),
        since="r0.0.0",
        rate_limit=RateLimit.REFRESH,
        deprecated=True,
        errors=(UnknownToken, UserDeactivated, UserLocked),
    )
    refresh_token: Secret
