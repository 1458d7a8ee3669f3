"""Ending an account for good. Spec: account_deactivation.yaml."""

from ostiary.api.auth import OptionalToken
from ostiary.api.endpoint import UNSET, Endpoint, Meta, RateLimit, Struct, UnsetType, client_paths
from ostiary.api.identifiers import Identifier
from ostiary.api.uia import AuthData


class UnbindResponse(Struct, frozen=True, kw_only=True):
    """Whether an identity server has forgotten what it knew: ``success`` or ``no-support``."""

    id_server_unbind_result: str


class DeactivateAccount(Endpoint[UnbindResponse], frozen=True, kw_only=True, omit_defaults=True):
    """End the account: nobody logs in to it again, and nobody else gets its name.

    Spec: account_deactivation.yaml, deactivateAccount (since r0.2.0).

    Without a token, the interactive authentication says whose account it is. ``erase``: whether what the account has
    left behind is to be forgotten as well. ``id_server``: where its addresses are to be unbound; else where they are.
    """

    meta = Meta(
        method="POST",
        history=client_paths("account/deactivate", "r0", "v3"),
        authentication=OptionalToken(),
        operation=("account_deactivation", "deactivateAccount"),
        since="r0.2.0",
        rate_limit=RateLimit.LOGIN,
        interactive=True,
    )
    auth: AuthData | UnsetType = UNSET
    id_server: Identifier | UnsetType = UNSET
    erase: bool | UnsetType = UNSET
