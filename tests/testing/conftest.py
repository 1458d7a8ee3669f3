"""The fixtures of the plugin, whether or not this installation has it as an entry point."""

from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    if not config.pluginmanager.has_plugin("ostiary"):
        from ostiary.testing import plugin

        config.pluginmanager.register(plugin, "ostiary")


@pytest.fixture(scope="session")
def sample() -> Path:
    """A project of somebody else's."""
    return Path(__file__).with_name("sample")
