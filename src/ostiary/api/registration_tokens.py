"""Asking whether an invitation to register still holds. Spec: registration_tokens.yaml."""

from ostiary.api.auth import NoToken
from ostiary.api.endpoint import Endpoint, InQuery, Meta, RateLimit, Struct, client_paths
from ostiary.api.errors import Forbidden
from ostiary.api.secret import Secret


class ValidityResponse(Struct, frozen=True, kw_only=True):
    """Whether the token could be used just now."""

    valid: bool


class IsRegistrationTokenValid(Endpoint[ValidityResponse], frozen=True, kw_only=True):
    """Whether a registration token is good. Spec: registration_tokens.yaml (since v1.2)."""

    meta = Meta(
        method="GET",
        history=client_paths("register/m.login.registration_token/validity", "v1"),
        authentication=NoToken(),
        operation=("registration_tokens", "registrationTokenValidity"),
        since="v1.2",
        rate_limit=RateLimit.CHECK,
        errors=(Forbidden,),
    )
    token: InQuery[Secret]
