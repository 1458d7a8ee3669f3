"""Serves ``api.wellknown``."""

from ostiary.api.errors import NotFound
from ostiary.api.wellknown import Discovery, GetWellKnownClient
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(GetWellKnownClient)
async def get_well_known_client(request: GetWellKnownClient, ctx: RequestContext) -> Discovery:
    """Where clients find this server, if the configuration says."""
    if ctx.services.announcements.discovery is None:
        raise NotFound("This server does not say where it is found: its configuration has no public URL")
    return ctx.services.announcements.discovery
