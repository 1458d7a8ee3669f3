"""Making an account, and asking beforehand whether its name is free. Spec: registration.yaml."""

from typing import Final

from ostiary.api.auth import NoToken
from ostiary.api.endpoint import UNSET, Endpoint, InQuery, Meta, RateLimit, Struct, UnsetType, client_paths
from ostiary.api.errors import (
    AppserviceLoginUnsupported,
    Exclusive,
    Forbidden,
    InvalidUsername,
    ThreepidInUse,
    UserDeactivated,
    UserInUse,
    UserLocked,
    WeakPassword,
)
from ostiary.api.identifiers import DeviceId, DisplayName, Identifier, UserId
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthData
from ostiary.api.validation import REGISTER_ERRORS, EmailRequest, PhoneRequest

USER: Final = "user"
GUEST: Final = "guest"


class RegisterResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The new account and, unless ``inhibit_login`` was asked for, a session on a device of it.

    ``expires_in_ms``: how long the access token lives, in milliseconds; UNSET where it does not expire.
    """

    user_id: UserId
    access_token: Secret | UnsetType = UNSET
    refresh_token: Secret | UnsetType = UNSET
    expires_in_ms: int | UnsetType = UNSET
    home_server: str | UnsetType = UNSET
    device_id: str | UnsetType = UNSET


class Register(Endpoint[RegisterResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Make an account. Spec: registration.yaml, register (since r0.0.0).

    ``kind``: ``user`` or ``guest``; of a guest's request only ``initial_device_display_name`` counts.
    ``username``: the wished-for localpart, generated when missing; the account's user ID is in the answer.
    ``guest_access_token``: of a guest who becomes a user and keeps the account; ``username`` is then the guest's.
    ``type``: ``m.login.application_service``, where an application service makes an account; in the first versions the
    name stood in ``user``.
    """

    meta = Meta(
        method="POST",
        history=client_paths("register", "api/v1", "v2_alpha", "r0", "v3"),
        authentication=NoToken(appservices=True),
        operation=("registration", "register"),
        since="r0.0.0",
        rate_limit=RateLimit.REGISTER,
        interactive=True,
        errors=(
            AppserviceLoginUnsupported,
            Exclusive,
            Forbidden,
            InvalidUsername,
            ThreepidInUse,
            UserDeactivated,
            UserInUse,
            UserLocked,
            WeakPassword,
        ),
        aliases={"user": "username"},
        loose=("device_id", "initial_device_display_name", "inhibit_login", "refresh_token"),
    )
    kind: InQuery[str] = USER
    auth: AuthData | UnsetType = UNSET
    username: str | UnsetType = UNSET
    password: Secret | UnsetType = UNSET
    device_id: DeviceId | UnsetType = UNSET
    initial_device_display_name: DisplayName | UnsetType = UNSET
    inhibit_login: bool | UnsetType = UNSET
    refresh_token: bool | UnsetType = UNSET
    guest_access_token: Secret | UnsetType = UNSET
    type: Identifier | UnsetType = UNSET


class AvailabilityResponse(Struct, frozen=True, kw_only=True):
    """``available`` is always true: a name that is not available is answered by an error."""

    available: bool | UnsetType = UNSET


class CheckUsernameAvailability(Endpoint[AvailabilityResponse], frozen=True, kw_only=True):
    """Whether a name is free for a new account. It is not reserved. Spec: registration.yaml (since r0.4.0)."""

    meta = Meta(
        method="GET",
        history=client_paths("register/available", "r0", "v3"),
        authentication=NoToken(),
        operation=("registration", "checkUsernameAvailability"),
        since="r0.4.0",
        rate_limit=RateLimit.CHECK,
        errors=(Exclusive, Forbidden, InvalidUsername, UserInUse),
    )
    username: InQuery[str]


class RequestTokenToRegisterEmail(EmailRequest, frozen=True, kw_only=True, omit_defaults=True):
    """Validate a mail address, to register with it. Spec: registration.yaml (since r0.2.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("register/email/requestToken", "r0", "v3"),
        authentication=NoToken(),
        operation=("registration", "requestTokenToRegisterEmail"),
        since="r0.2.0",
        rate_limit=RateLimit.MESSAGE,
        errors=REGISTER_ERRORS,
    )


class RequestTokenToRegisterPhone(PhoneRequest, frozen=True, kw_only=True, omit_defaults=True):
    """Validate a phone number, to register with it. Spec: registration.yaml (since r0.4.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("register/msisdn/requestToken", "r0", "v3"),
        authentication=NoToken(),
        operation=("registration", "requestTokenToRegisterMSISDN"),
        since="r0.4.0",
        rate_limit=RateLimit.MESSAGE,
        errors=REGISTER_ERRORS,
    )
