"""Changing a password. Spec: password_management.yaml."""

from ostiary.api.auth import OptionalToken
from ostiary.api.endpoint import UNSET, Empty, Endpoint, Meta, RateLimit, UnsetType, client_paths
from ostiary.api.errors import WeakPassword
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthData


class ChangePassword(Endpoint[Empty], frozen=True, kw_only=True, omit_defaults=True):
    """Give the account a new password. Spec: password_management.yaml, changePassword (since r0.0.0).

    Without a token, the interactive authentication says whose password it is. ``logout_devices``: whether to end all
    other sessions of the account and delete their devices; true when missing.
    """

    meta = Meta(
        method="POST",
        history=client_paths("account/password", "v2_alpha", "r0", "v3"),
        authentication=OptionalToken(),
        operation=("password_management", "changePassword"),
        since="r0.0.0",
        rate_limit=RateLimit.LOGIN,
        interactive=True,
        errors=(WeakPassword,),
    )
    new_password: Secret
    logout_devices: bool | UnsetType = UNSET
    auth: AuthData | UnsetType = UNSET
