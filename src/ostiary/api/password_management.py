"""Changing a password, and asking for the means to do so without it. Spec: password_management.yaml."""

from ostiary.api.auth import NoToken, OptionalToken
from ostiary.api.endpoint import UNSET, Empty, Endpoint, Meta, RateLimit, UnsetType, client_paths
from ostiary.api.errors import (
    UserDeactivated,
    WeakPassword,
)
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthData
from ostiary.api.validation import RESET_ERRORS, EmailRequest, PhoneRequest


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
        errors=(UserDeactivated, WeakPassword),
    )
    new_password: Secret
    logout_devices: bool | UnsetType = UNSET
    auth: AuthData | UnsetType = UNSET


class RequestTokenToResetPasswordEmail(EmailRequest, frozen=True, kw_only=True, omit_defaults=True):
    """Validate a mail address, to set its account's password. Spec: password_management.yaml (since r0.2.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("account/password/email/requestToken", "r0", "v3"),
        authentication=NoToken(),
        operation=("password_management", "requestTokenToResetPasswordEmail"),
        since="r0.2.0",
        rate_limit=RateLimit.MESSAGE,
        errors=RESET_ERRORS,
    )


class RequestTokenToResetPasswordPhone(PhoneRequest, frozen=True, kw_only=True, omit_defaults=True):
    """Validate a phone number, to set its account's password. Spec: password_management.yaml (since r0.4.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("account/password/msisdn/requestToken", "r0", "v3"),
        authentication=NoToken(),
        operation=("password_management", "requestTokenToResetPasswordMSISDN"),
        since="r0.4.0",
        rate_limit=RateLimit.MESSAGE,
        errors=RESET_ERRORS,
    )
