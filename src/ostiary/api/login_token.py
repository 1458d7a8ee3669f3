"""A token by which another device logs in to the same account. Spec: login_token.yaml."""

from ostiary.api.auth import AccessToken
from ostiary.api.endpoint import UNSET, Endpoint, Meta, RateLimit, Struct, UnsetType, client_paths
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthData


class LoginTokenResponse(Struct, frozen=True, kw_only=True):
    """A token for one login by ``m.login.token``. ``expires_in_ms``: until when, in milliseconds from now."""

    login_token: Secret
    expires_in_ms: int


class GetLoginToken(Endpoint[LoginTokenResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Get such a token; always asks for interactive authentication. Spec: login_token.yaml (since v1.7)."""

    meta = Meta(
        method="POST",
        history=client_paths("login/get_token", "v1"),
        authentication=AccessToken(),
        operation=("login_token", "generateLoginToken"),
        since="v1.7",
        rate_limit=RateLimit.LOGIN,
        interactive=True,
    )
    auth: AuthData | UnsetType = UNSET
