"""How the calls of the admin API are reached and by whom; the same for all of them."""

from typing import Any, Final

from ostiary.api.auth import AccessToken
from ostiary.api.endpoint import Meta
from ostiary.api.errors import Forbidden, MatrixError

ADMIN_PREFIX: Final = "/_ostiary/admin/v1"

ADMINISTRATORS: Final = AccessToken(admin=True, suspended=False)
"""Needed by every call: the token of an administrator whose account may be used."""

ACCOUNT: Final = "accounts/{name}"
"""Where an account is found: by its localpart or its user ID."""


def admin_meta(method: str, path: str, *errors: type[MatrixError], **more: Any) -> Meta:
    """What an endpoint says of itself. ``path``: below the prefix; ``errors``: its own."""
    return Meta(
        method=method,
        history=(f"{ADMIN_PREFIX}/{path}",),
        authentication=ADMINISTRATORS,
        operation=("", ""),
        since="",
        errors=(Forbidden, *errors),
        **more,
    )
