"""The fixtures of the plugin, whether or not this installation has it as an entry point."""

import shutil
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    from ostiary.testing import plugin

    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, "ostiary")


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A project of somebody else's, in a place of its own."""
    return Path(shutil.copytree(Path(__file__).with_name("sample"), tmp_path / "sample"))
