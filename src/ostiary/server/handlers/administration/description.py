"""Serves ``api.administration.description``."""

from functools import cache
from typing import Any

from ostiary import __version__
from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.administration.description import GetOpenApi, OpenApiDocument
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(GetOpenApi)
async def get_open_api(request: GetOpenApi, ctx: RequestContext) -> OpenApiDocument:
    """The document."""
    return OpenApiDocument(fields=_document(ctx.services.links.base_url or None))


@cache
def _document(server_url: str | None) -> dict[str, Any]:
    from ostiary.api.openapi import document  # only for whoever asks: it is made of every endpoint there is

    return document(ADMIN_ENDPOINTS, title="Ostiary admin API", version=__version__, server_url=server_url)
