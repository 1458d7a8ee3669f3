"""Tokens by which another service learns who somebody is. Spec: openid.yaml, and the federation API's openid.yaml."""

from ostiary.api.auth import AccessToken, NoToken
from ostiary.api.endpoint import (
    UNSET,
    Endpoint,
    InPath,
    InQuery,
    Meta,
    RateLimit,
    Struct,
    UnsetType,
    client_paths,
    field,
)
from ostiary.api.errors import MissingToken, UnknownToken
from ostiary.api.identifiers import UserId
from ostiary.api.secret import Secret


class OpenIdToken(Struct, frozen=True, kw_only=True):
    """A token that tells who its bearer is, and opens nothing. ``expires_in``: seconds."""

    access_token: Secret
    token_type: str
    matrix_server_name: str
    expires_in: int


class RequestOpenIdToken(Endpoint[OpenIdToken], frozen=True, kw_only=True):
    """Get such a token for oneself. Spec: openid.yaml, requestOpenIdToken (since r0.4.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("user/{userId}/openid/request_token", "r0", "v3"),
        authentication=AccessToken(),
        operation=("openid", "requestOpenIdToken"),
        since="r0.4.0",
        rate_limit=RateLimit.CHANGE,
    )
    user_id: InPath[str] = field(name="userId")


class OpenIdUserInfo(Struct, frozen=True, kw_only=True):
    """Whose token it is."""

    sub: UserId


class GetOpenIdUserInfo(Endpoint[OpenIdUserInfo], frozen=True, kw_only=True, omit_defaults=True):
    """Tell a service whose token it was given. The token travels in the query.

    Spec: server-server API, openid.yaml, exchangeOpenIdToken.
    """

    meta = Meta(
        method="GET",
        history=("/_matrix/federation/v1/openid/userinfo",),
        authentication=NoToken(),
        operation=("", ""),
        since="r0.1.0",
        rate_limit=RateLimit.CHECK,
        errors=(MissingToken, UnknownToken),
    )
    access_token: InQuery[Secret | UnsetType] = UNSET
