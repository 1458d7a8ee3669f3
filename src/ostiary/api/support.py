"""Whom to turn to when something is wrong with a server. Spec: support.yaml."""

from ostiary.api.auth import NoToken
from ostiary.api.endpoint import UNSET, Endpoint, Meta, Struct, UnsetType
from ostiary.api.errors import NotFound


class Contact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A way to reach somebody. ``role``: ``m.role.admin``, ``m.role.security``, or another."""

    role: str
    matrix_id: str | UnsetType = UNSET
    email_address: str | UnsetType = UNSET


class Support(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The server's contacts, or the page that has them."""

    contacts: tuple[Contact, ...] | UnsetType = UNSET
    support_page: str | UnsetType = UNSET


class GetSupport(Endpoint[Support], frozen=True, kw_only=True):
    """Whom to turn to. Spec: support.yaml, getWellknownSupport (since v1.10)."""

    meta = Meta(
        method="GET",
        history=("/.well-known/matrix/support",),
        authentication=NoToken(),
        operation=("support", "getWellknownSupport"),
        since="v1.10",
        errors=(NotFound,),
    )
