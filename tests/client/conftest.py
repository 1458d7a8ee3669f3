"""The client's faces, for tests that run on both."""

import pytest

from tests.client.faced import Faces
from tests.world import World


@pytest.fixture(params=["sync", "async"])
async def faces(request: pytest.FixtureRequest, world: World) -> Faces:
    """One face after the other, at the server of the test."""
    return Faces(world, is_sync=request.param == "sync")
