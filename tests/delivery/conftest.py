"""What the tests of this folder share."""

from collections.abc import AsyncIterator

import pytest

from ostiary.delivery.http import Outgoing
from tests.delivery.doubles import make_outgoing


@pytest.fixture
async def outgoing() -> AsyncIterator[Outgoing]:
    one = make_outgoing()
    yield one
    await one.aclose()


@pytest.fixture
async def hasty() -> AsyncIterator[Outgoing]:
    """One that does not wait for long."""
    one = make_outgoing(timeout_ms=50)
    yield one
    await one.aclose()
