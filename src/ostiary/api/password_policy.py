"""What a server asks of new passwords. Not in the spec: proposed as MSC2000, and announced so by Synapse."""

from msgspec import field

from ostiary.api.auth import NoToken
from ostiary.api.endpoint import UNSET, Endpoint, Meta, Struct, UnsetType, client_paths


class PasswordPolicyResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``minimum_length``: in characters; the others: whether one is needed. A server may say nothing of any of them.

    Letters and digits may be meant as those of ASCII, and symbols as all other characters. A server may refuse a
    password all the same, with M_WEAK_PASSWORD.
    """

    minimum_length: int | UnsetType = field(default=UNSET, name="m.minimum_length")
    require_digit: bool | UnsetType = field(default=UNSET, name="m.require_digit")
    require_symbol: bool | UnsetType = field(default=UNSET, name="m.require_symbol")
    require_lowercase: bool | UnsetType = field(default=UNSET, name="m.require_lowercase")
    require_uppercase: bool | UnsetType = field(default=UNSET, name="m.require_uppercase")


class GetPasswordPolicy(Endpoint[PasswordPolicyResponse], frozen=True, kw_only=True):
    """What a new password must be like. Spec: none; MSC2000."""

    meta = Meta(
        method="GET",
        history=client_paths("password_policy", "r0", "v3"),
        authentication=NoToken(),
        operation=("", ""),
        since="r0.6.0",
    )
