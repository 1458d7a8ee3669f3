"""Logging in: which ways there are, and going one of them. Spec: login.yaml."""

from typing import Final

from ostiary.api.auth import NoToken
from ostiary.api.endpoint import UNSET, Endpoint, Meta, RateLimit, Struct, UnsetType, client_paths
from ostiary.api.errors import (
    AppserviceLoginUnsupported,
    Exclusive,
    Forbidden,
    InvalidUsername,
    Unknown,
    UserDeactivated,
    UserLocked,
)
from ostiary.api.identifiers import DeviceId, DisplayName, Identifier, UserId
from ostiary.api.secret import Secret
from ostiary.api.users import UserIdentifier
from ostiary.api.wellknown import Discovery

PASSWORD_LOGIN: Final = "m.login.password"
TOKEN_LOGIN: Final = "m.login.token"
APPSERVICE_LOGIN: Final = "m.login.application_service"
JWT_LOGIN: Final = "org.matrix.login.jwt"
"""What Synapse calls it; the specification has none."""

_PATHS = client_paths("login", "api/v1", "v2_alpha", "r0", "v3")


class LoginFlow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A way to log in. ``get_login_token``: on ``m.login.token``, whether a session can make such tokens."""

    type: str
    get_login_token: bool | UnsetType = UNSET


class LoginFlowsResponse(Struct, frozen=True, kw_only=True):
    """The ways to log in that the server offers."""

    flows: tuple[LoginFlow, ...] = ()


class GetLoginFlows(Endpoint[LoginFlowsResponse], frozen=True, kw_only=True):
    """Which ways there are to log in. Spec: login.yaml, getLoginFlows (since r0.4.0)."""

    meta = Meta(
        method="GET",
        history=_PATHS,
        authentication=NoToken(),
        operation=("login", "getLoginFlows"),
        since="r0.4.0",
    )


class LoginResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new session on a device.

    ``expires_in_ms``: how long the access token lives, in milliseconds; UNSET where it does not expire.
    ``refresh_token``: only where the request asked for one.
    """

    user_id: UserId
    access_token: Secret
    device_id: str
    refresh_token: Secret | UnsetType = UNSET
    expires_in_ms: int | UnsetType = UNSET
    home_server: str | UnsetType = UNSET
    well_known: Discovery | UnsetType = UNSET


class Login(Endpoint[LoginResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Log in and get an access token for a device. Spec: login.yaml, login (since r0.0.0).

    ``type``: which way (see ``GetLoginFlows``). ``identifier`` says who; ``user``, or ``medium`` and ``address``, are
    its deprecated spellings. ``device_id``: a device to log in on again, which ends its earlier tokens, or a new one;
    generated when missing. ``refresh_token``: whether the client can refresh.
    """

    meta = Meta(
        method="POST",
        history=_PATHS,
        authentication=NoToken(appservices=True),
        operation=("login", "login"),
        since="r0.0.0",
        rate_limit=RateLimit.LOGIN,
        errors=(
            AppserviceLoginUnsupported,
            Exclusive,
            Forbidden,
            InvalidUsername,
            Unknown,
            UserDeactivated,
            UserLocked,
        ),  # fmt: skip,
    )
    type: Identifier
    identifier: UserIdentifier | UnsetType = UNSET
    user: str | UnsetType = UNSET
    medium: Identifier | UnsetType = UNSET
    address: Identifier | UnsetType = UNSET
    password: Secret | UnsetType = UNSET
    token: Secret | UnsetType = UNSET
    device_id: DeviceId | UnsetType = UNSET
    initial_device_display_name: DisplayName | UnsetType = UNSET
    refresh_token: bool | UnsetType = UNSET
