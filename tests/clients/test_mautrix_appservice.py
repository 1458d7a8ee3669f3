"""mautrix as an application service: the way bridges make and use their accounts."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process import ServerProcess, serving

pytest.importorskip("mautrix")

from mautrix.appservice import AppServiceAPI
from mautrix.client import Client
from mautrix.client.state_store import MemoryStateStore
from mautrix.errors import MExclusive, MForbidden
from mautrix.types import LoginType, MatrixUserIdentifier, UserID

REGISTRATION = """
id: mautrix
url: http://localhost:29317
as_token: the as_token
hs_token: the hs_token
sender_localpart: mautrixbot
rate_limited: false
namespaces:
  users:
  - exclusive: true
    regex: '^@mautrix_.+:localhost$'
  - exclusive: true
    regex: '^@mautrixbot:localhost$'
org.matrix.msc3202: true
de.sorunome.msc2409.push_ephemeral: true
push_ephemeral: true
"""


class Registered(MemoryStateStore):
    """What a bridge remembers of its accounts."""

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()

    async def is_registered(self, user_id: str) -> bool:
        return user_id in self.known

    async def registered(self, user_id: str) -> None:
        self.known.add(user_id)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("appservice")
    (folder / "mautrix.yaml").write_text(REGISTRATION, encoding="utf-8")
    files = {"OSTIARY_APPSERVICES__FILES": '["mautrix.yaml"]'}
    with serving(folder, "--dev", environment=files) as process:
        yield process


@pytest.fixture
async def bridge(server: ServerProcess) -> AsyncIterator[Any]:
    api = AppServiceAPI(
        base_url=server.address,
        bot_mxid=UserID("@mautrixbot:localhost"),
        token="the as_token",
        state_store=Registered(),  # type: ignore[arg-type]
        bridge_name="test",
        log=logging.getLogger("bridge"),  # type: ignore[arg-type]
    )
    yield api
    await api.session.close()


async def test_its_own_account_is_there(bridge: Any) -> None:
    bot = bridge.bot_intent()
    await bot.ensure_registered()
    assert (await bot.whoami()).user_id == "@mautrixbot:localhost"


async def test_puppets_are_registered_named_and_spoken_for(bridge: Any) -> None:
    puppet = bridge.intent(UserID("@mautrix_42:localhost"))
    await puppet.ensure_registered()
    bridge.state_store.known.clear()
    await puppet.ensure_registered()
    assert (await puppet.whoami()).user_id == "@mautrix_42:localhost"
    await puppet.set_displayname("Forty-two (bridged)")
    await puppet.set_avatar_url("mxc://localhost/abc")
    profile = await bridge.bot_intent().get_profile(UserID("@mautrix_42:localhost"))
    assert (profile.displayname, profile.avatar_url) == ("Forty-two (bridged)", "mxc://localhost/abc")


async def test_others_are_not_its_own(bridge: Any) -> None:
    with pytest.raises(MExclusive):
        await bridge.intent(UserID("@somebody:localhost"))._register()
    with pytest.raises(MForbidden):
        await bridge.intent(UserID("@mautrix_nobody:localhost")).whoami()


async def test_logs_its_puppet_in_for_encryption(server: ServerProcess, bridge: Any) -> None:
    puppet = bridge.intent(UserID("@mautrix_e2ee:localhost"))
    await puppet.ensure_registered()
    client = Client(base_url=server.address, mxid=UserID("@mautrix_e2ee:localhost"))
    client.api.token = "the as_token"
    login = await client.login(
        identifier=MatrixUserIdentifier(user="mautrix_e2ee"),  # type: ignore[arg-type]
        login_type=LoginType.APPSERVICE,
        device_name="Bridge",
        store_access_token=True,
        update_hs_url=False,
    )
    assert login.user_id == "@mautrix_e2ee:localhost"
    assert (await client.whoami()).device_id == login.device_id
    await client.api.session.close()
