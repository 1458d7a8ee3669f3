"""Whether an application service can be reached. Spec: appservice_ping.yaml."""

from ostiary.api.auth import AccessToken
from ostiary.api.endpoint import UNSET, Endpoint, InPath, Meta, Struct, UnsetType, client_paths, field
from ostiary.api.errors import BadStatus, ConnectionFailed, ConnectionTimeout, Forbidden, UrlNotSet
from ostiary.api.identifiers import Identifier


class PingResponse(Struct, frozen=True, kw_only=True):
    """How long the application service took to answer, in milliseconds."""

    duration_ms: int


class PingAppservice(Endpoint[PingResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Have the server call the application service. For that service alone. Spec: appservice_ping.yaml (since v1.7)."""

    meta = Meta(
        method="POST",
        history=client_paths("appservice/{appserviceId}/ping", "v1"),
        authentication=AccessToken(),
        operation=("appservice_ping", "pingAppservice"),
        since="v1.7",
        errors=(BadStatus, ConnectionFailed, ConnectionTimeout, Forbidden, UrlNotSet),
    )
    appservice_id: InPath[str] = field(name="appserviceId")
    transaction_id: Identifier | UnsetType = UNSET
