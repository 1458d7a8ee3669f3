"""Where the servers of a domain are. Spec: wellknown.yaml."""

from msgspec import field

from ostiary.api.auth import NoToken
from ostiary.api.endpoint import UNSET, Endpoint, Meta, Struct, UnsetType
from ostiary.api.errors import NotFound
from ostiary.api.identifiers import Url


class ServerLocation(Struct, frozen=True, kw_only=True):
    """``base_url``: where a server's API is, without the path of a call."""

    base_url: Url


class Discovery(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the homeserver and, perhaps, the identity server are; also told at login."""

    homeserver: ServerLocation = field(name="m.homeserver")
    identity_server: ServerLocation | UnsetType = field(default=UNSET, name="m.identity_server")


class GetWellKnownClient(Endpoint[Discovery], frozen=True, kw_only=True):
    """Where the servers of this domain are. Spec: wellknown.yaml, getWellknown (since r0.4.0)."""

    meta = Meta(
        method="GET",
        history=("/.well-known/matrix/client",),
        authentication=NoToken(),
        operation=("wellknown", "getWellknown"),
        since="r0.4.0",
        errors=(NotFound,),
    )
