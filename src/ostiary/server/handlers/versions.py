"""Serves ``api.versions``."""

from ostiary.api.versions import SUPPORTED_VERSIONS, GetVersions, VersionsResponse
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(GetVersions)
async def get_versions(request: GetVersions, ctx: RequestContext) -> VersionsResponse:
    """Which versions of the specification are spoken."""
    return VersionsResponse(versions=SUPPORTED_VERSIONS, unstable_features={})
