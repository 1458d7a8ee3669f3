"""Fixtures that most tests use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from ostiary.config import Config
from tests.world import Account, World, open_config, open_world

settings.register_profile("suite", max_examples=50, deadline=None)
settings.load_profile("suite")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A server open to all."""
    return open_config(tmp_path)


@pytest.fixture
async def world(config: Config) -> AsyncIterator[World]:
    """A server on that configuration."""
    async with open_world(config) as opened:
        yield opened


@pytest.fixture
async def alice(world: World) -> Account:
    """An account with a session that can refresh."""
    return await world.register("alice")
