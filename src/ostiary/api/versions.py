"""Which versions of the specification a server speaks. Spec: versions.yaml."""

from typing import Final

from ostiary.api.auth import OptionalToken
from ostiary.api.endpoint import UNSET, Endpoint, Meta, Struct, UnsetType

SUPPORTED_VERSIONS: Final = (
    *("r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1"),
    *(f"v1.{minor}" for minor in range(1, 20)),
)
"""Every released version whose account and session calls are served as it says."""


class VersionsResponse(Struct, frozen=True, kw_only=True):
    """``versions``: as ``v1.19`` or ``r0.6.1``; ``unstable_features``: by name, whether it is on."""

    versions: tuple[str, ...]
    unstable_features: dict[str, bool] | UnsetType = UNSET


class GetVersions(Endpoint[VersionsResponse], frozen=True, kw_only=True):
    """Which versions of the specification the server speaks. Spec: versions.yaml, getVersions."""

    meta = Meta(
        method="GET",
        history=("/_matrix/client/versions",),
        authentication=OptionalToken(lenient=True),
        operation=("versions", "getVersions"),
        since="r0.0.1",
    )
