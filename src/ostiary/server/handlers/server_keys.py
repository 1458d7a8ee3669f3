"""Serves ``api.server_keys``."""

from typing import Final

from ostiary.api.errors import NotFound
from ostiary.api.server_keys import GetServerKeys, ServerKeys, VerifyKey
from ostiary.delivery.signing import canonical_json
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles

VALID_MS: Final = 86_400_000
"""A day: how long others may go on believing a key that has been taken out of use."""


@handles(GetServerKeys)
async def get_server_keys(request: GetServerKeys, ctx: RequestContext) -> ServerKeys:
    """The server's public key, if it has one."""
    key = ctx.services.signing_key
    if key is None:
        raise NotFound("This server has no signing key: its configuration names none")
    name = ctx.services.server_name
    valid_until = ctx.services.clock.now() + VALID_MS
    told = {
        "server_name": name,
        "verify_keys": {key.key_id: {"key": key.public_key}},
        "old_verify_keys": {},
        "valid_until_ts": valid_until,
    }
    key_id, signature = key(canonical_json(told))
    return ServerKeys(
        server_name=name,
        verify_keys={key.key_id: VerifyKey(key=key.public_key)},
        old_verify_keys={},
        valid_until_ts=valid_until,
        signatures={name: {key_id: signature}},
    )
