"""The pytest plugin: the fixtures ``ostiary`` and ``ostiary_app``, and the marker that says how they are to be.

Loaded by pytest wherever Ostiary is installed, so it loads nothing of it before a test asks for a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ostiary.config import Config
    from ostiary.testing.server import Server
    from ostiary.testing.settings import Options

MARKER = "ostiary"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{MARKER}(**options): how the server of this test is to be, as keyword arguments of serve()"
    )


@pytest.fixture
def ostiary_config() -> Config:
    """The configuration of the servers. Override it for others."""
    from ostiary.testing.settings import default_config

    return default_config()


@pytest.fixture
def ostiary(request: pytest.FixtureRequest, ostiary_config: Config) -> Iterator[Server]:
    """A server of this test's own on 127.0.0.1."""
    from ostiary.testing.serving import serve

    with serve(**_options(request, ostiary_config)) as server:
        yield server


@pytest.fixture
def ostiary_app(request: pytest.FixtureRequest, ostiary_config: Config) -> Iterator[Server]:
    """A server of this test's own without a socket."""
    from ostiary.testing.serving import serve

    with serve(socket=False, **_options(request, ostiary_config)) as server:
        yield server


def _options(request: pytest.FixtureRequest, config: Config) -> Options:
    """What the markers say: that of the test before its class's and its module's."""
    options: dict[str, Any] = {}
    for marker in request.node.iter_markers(MARKER):  # the closest first
        options = {**marker.kwargs, **options}
    return cast("Options", {"config": config, **options})
