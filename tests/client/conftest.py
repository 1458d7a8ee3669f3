"""The client's faces, for tests that run on both, and the servers that these run against."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ostiary.config import Config
from ostiary.testing.loops import LoopThread
from tests.client.faced import AnyFaces, Faces
from tests.client.homeservers import OSTIARY, STRICT_SYNAPSE, SYNAPSE, Homeserver, SynapseWorld
from tests.delivery.smtpd import Mailbox, open_smtp_server
from tests.peers.neighbors import Neighbors, neighbors
from tests.peers.synapse import OPEN, STRICT, Synapse
from tests.server.handlers.test_appservices import BRIDGE
from tests.world import World, open_world


@pytest.fixture(params=["sync", "async"])
async def faces(request: pytest.FixtureRequest, world: Homeserver) -> AsyncIterator[AnyFaces]:
    """One face after the other, at the server of the test."""
    kind = Faces if isinstance(world, World) else AnyFaces
    made = kind(world, is_sync=request.param == "sync")
    yield made
    await made.close()


@pytest.fixture
async def world(request: pytest.FixtureRequest, config: Config) -> AsyncIterator[Homeserver]:
    """Our server on that configuration; or the Synapse that the test is marked with, whatever the configuration."""
    name = getattr(request, "param", OSTIARY)
    if name == OSTIARY:
        async with open_world(config) as opened:
            yield opened
    else:
        synapse = request.getfixturevalue({SYNAPSE: "open_synapse", STRICT_SYNAPSE: "strict_synapse"}[name])
        yield SynapseWorld(synapse, request.getfixturevalue("post"))


@pytest.fixture(scope="session")
def post() -> Iterator[Mailbox]:
    """Where Synapse sends its mails."""
    thread = LoopThread(open_smtp_server())
    yield thread.start()
    thread.stop()


@pytest.fixture(scope="session")
def around() -> Iterator[Neighbors]:
    """Whom the strict Synapse talks to."""
    with neighbors() as them:
        yield them


@pytest.fixture(scope="session")
def open_synapse(tmp_path_factory: pytest.TempPathFactory, post: Mailbox) -> Iterator[Synapse]:
    """A Synapse that everybody may register at. One for all tests of a process: it takes a second or two to start."""
    with _started(tmp_path_factory.mktemp("synapse"), BRIDGE, OPEN, post) as synapse:
        yield synapse


@pytest.fixture(scope="session")
def strict_synapse(tmp_path_factory: pytest.TempPathFactory, post: Mailbox, around: Neighbors) -> Iterator[Synapse]:
    """Another, which asks for much and soon forgets."""
    bridge = BRIDGE.replace("null", around.url)
    sso = {"cas_config": {"server_url": around.url}, "sso": {"client_whitelist": ["http://127.0.0.1:"]}}
    with _started(tmp_path_factory.mktemp("synapse"), bridge, {**STRICT, **sso}, post) as synapse:
        yield synapse


@contextmanager
def _started(folder: Path, bridge: str, settings: Mapping[str, Any], post: Mailbox) -> Iterator[Synapse]:
    file = folder / "bridge.yaml"
    file.write_text(bridge, encoding="utf-8")
    synapse = Synapse(folder, settings, smtp_port=post.port, appservices=(file,))
    try:
        yield synapse
    finally:
        synapse.close()
