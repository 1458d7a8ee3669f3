"""Application services, on both faces: their accounts, their users' names, devices, sessions and pings."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ostiary.api.errors import Exclusive, Forbidden, UnknownDevice, UrlNotSet, UserInUse
from tests.client.faced import Faced, Faces
from tests.delivery.doubles import Reply, serving
from tests.server.handlers.test_appservices import BRIDGE, TOKEN, files
from tests.world import World, open_config, open_world

USER = "@bridge_42:localhost"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(open_config(tmp_path, appservices=files(tmp_path, BRIDGE))) as opened:
        yield opened


@pytest.fixture
def bridge(faces: Faces) -> Faced:
    return faces.appservice(TOKEN)


async def test_is_somebody_itself(bridge: Faced) -> None:
    assert (await bridge.whoami()).user_id == "@bridgebot:localhost"
    assert "v1.19" in await bridge.versions()


async def test_makes_accounts_and_opens_sessions(bridge: Faced) -> None:
    made = await bridge.register("bridge_1", device_name="One")
    assert (await made.whoami()).user_id == "@bridge_1:localhost"
    assert await bridge.register_without_login("bridge_42") == USER
    opened = await bridge.login("bridge_42", device_id="TWO")
    assert (opened.user_id, opened.device_id) == (USER, "TWO")
    assert opened.record.access_token.reveal() != TOKEN
    await opened.refresh()
    assert (await opened.whoami()).device_id == "TWO"
    with pytest.raises(UserInUse):
        await bridge.register("bridge_1")
    with pytest.raises(Exclusive):
        await bridge.register("somebody")


async def test_speaks_as_its_users_on_their_devices(bridge: Faced) -> None:
    await bridge.register_without_login("bridge_42")
    user = await bridge.as_user(USER)
    assert user.user_id == USER
    assert (await user.whoami()).user_id == USER
    await user.set_display_name("Forty-two")
    assert (await user.profile()).displayname == "Forty-two"
    await user.rename_device("PHONE", "Phone")
    assert [device.device_id for device in await user.devices()] == ["PHONE"]
    on_device = await bridge.as_user(USER, "PHONE")
    assert (await on_device.whoami()).device_id == "PHONE"
    with pytest.raises(UnknownDevice):
        await (await bridge.as_user(USER, "NONE")).whoami()
    await user.delete_device("PHONE")
    await user.rename_device("A", "a")
    await user.delete_devices(["A"])
    assert list(await user.devices()) == []


async def test_speaks_as_nobody_else(bridge: Faced, world: World) -> None:
    await world.register("alice")
    with pytest.raises(Forbidden):
        await (await bridge.as_user("@alice:localhost")).whoami()


async def test_token_is_in_no_path_nor_shown(bridge: Faced, faces: Faces) -> None:
    await bridge.register_without_login("bridge_42")
    user = await bridge.as_user(USER)
    await user.whoami()
    assert all(TOKEN not in f"{one.path} {one.query} {one!r}" for one in faces.asked)
    assert faces.asked[-1].query == (("user_id", USER),)
    assert TOKEN not in repr(vars(bridge._thing))


async def test_pings(bridge: Faced, tmp_path: Path, faces: Faces) -> None:
    with pytest.raises(UrlNotSet):
        await bridge.ping("bridge")
    with serving(Reply({})) as double:
        config = open_config(tmp_path / "2", appservices=files(tmp_path, BRIDGE.replace("null", double.url)))
        (tmp_path / "2").mkdir()
        async with open_world(config) as world:
            took = await Faces(world, is_sync=faces.is_sync).appservice(TOKEN).ping("bridge", "txn")
    assert took >= 0
    assert [(asked.path, asked.json) for asked in double.asked] == [
        ("/_matrix/app/v1/ping", {"transaction_id": "txn"}),
    ]
