"""The server's public signing key, by which identity servers check who asks them to forget.

Spec: server-server API, keys_server.yaml.
"""

from ostiary.api.auth import NoToken
from ostiary.api.endpoint import Endpoint, Meta, RateLimit, Struct
from ostiary.api.errors import NotFound


class VerifyKey(Struct, frozen=True, kw_only=True):
    """A public key, unpadded base64."""

    key: str


class OldVerifyKey(Struct, frozen=True, kw_only=True):
    """A public key that is in use no longer. ``expired_ts``: milliseconds since the epoch."""

    key: str
    expired_ts: int


class ServerKeys(Struct, frozen=True, kw_only=True):
    """The server's public keys, by key ID, signed by themselves.

    ``valid_until_ts``: until when they may be kept, in milliseconds since the epoch.
    """

    server_name: str
    verify_keys: dict[str, VerifyKey]
    old_verify_keys: dict[str, OldVerifyKey]
    valid_until_ts: int
    signatures: dict[str, dict[str, str]]


class GetServerKeys(Endpoint[ServerKeys], frozen=True, kw_only=True):
    """The server's public keys. Spec: server-server API, keys_server.yaml, getServerKey."""

    meta = Meta(
        method="GET",
        history=("/_matrix/key/v2/server",),
        authentication=NoToken(),
        operation=("", ""),
        since="r0.1.0",
        rate_limit=RateLimit.CHECK,
        errors=(NotFound,),
    )
