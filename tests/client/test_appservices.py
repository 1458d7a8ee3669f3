"""Application services, on both faces: their accounts, their users' names, devices, sessions and pings."""

from pathlib import Path

import pytest

from ostiary.api.errors import Exclusive, Forbidden, UnknownDevice, UrlNotSet, UserInUse
from ostiary.config import Config
from tests.client.faced import AnyFaces, Faced, Faces
from tests.client.homeservers import on_any_server
from tests.delivery.doubles import Reply, serving
from tests.server.handlers.test_appservices import BRIDGE, TOKEN, files
from tests.world import Account, open_config, open_world


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return open_config(tmp_path, appservices=files(tmp_path, BRIDGE))


@pytest.fixture
def bridge(faces: AnyFaces) -> Faced:
    return faces.appservice(TOKEN)


@pytest.fixture
async def user_id(faces: AnyFaces, bridge: Faced) -> str:
    """A user of the bridge."""
    made: str = await bridge.register_without_login(faces.world.name("bridge_42"))
    return made


@on_any_server
async def test_is_somebody_itself(bridge: Faced) -> None:
    assert (await bridge.whoami()).user_id == "@bridgebot:localhost"
    assert "v1.15" in await bridge.versions()


@on_any_server
async def test_makes_accounts_and_opens_sessions(faces: AnyFaces, bridge: Faced) -> None:
    first, second = faces.world.name("bridge_1"), faces.world.name("bridge_42")
    made = await bridge.register(first, device_name="One")
    assert (await made.whoami()).user_id == f"@{first}:localhost"
    assert (await made.device(made.device_id)).display_name == "One"
    assert await bridge.register_without_login(second) == f"@{second}:localhost"
    opened = await bridge.login(second, device_id="TWO")
    assert (opened.user_id, opened.device_id) == (f"@{second}:localhost", "TWO")
    assert opened.record.access_token.reveal() != TOKEN
    await opened.refresh()
    assert (await opened.whoami()).device_id == "TWO"
    with pytest.raises(UserInUse):
        await bridge.register(first)
    with pytest.raises(Exclusive):
        await bridge.register("somebody")


@on_any_server
async def test_speaks_as_its_users_on_their_devices(bridge: Faced, user_id: str) -> None:
    user = await bridge.as_user(user_id)
    assert user.user_id == user_id
    assert (await user.whoami()).user_id == user_id
    await user.set_display_name("Forty-two")
    assert (await user.profile()).displayname == "Forty-two"
    await user.rename_device("PHONE", "Phone")
    assert [device.device_id for device in await user.devices()] == ["PHONE"]
    on_device = await bridge.as_user(user_id, "PHONE")
    assert (await on_device.whoami()).device_id == "PHONE"
    with pytest.raises(UnknownDevice):
        await (await bridge.as_user(user_id, "NONE")).whoami()


async def test_deletes_devices_of_its_users_unasked(bridge: Faced, user_id: str) -> None:
    """Synapse wants a flag in the registration for that, with which it lets nobody log in."""
    user = await bridge.as_user(user_id)
    for device in ("PHONE", "A", "B"):
        await user.rename_device(device, device)
    await user.delete_device("PHONE")
    await user.delete_devices(["A", "B"])
    assert list(await user.devices()) == []


@on_any_server
async def test_speaks_as_nobody_else(bridge: Faced, alice: Account) -> None:
    with pytest.raises(Forbidden):
        await (await bridge.as_user(alice.user_id)).whoami()


@on_any_server
async def test_token_is_in_no_path_nor_shown(bridge: Faced, faces: AnyFaces, user_id: str) -> None:
    user = await bridge.as_user(user_id)
    await user.whoami()
    assert all(TOKEN not in f"{one.path} {one.query} {one!r}" for one in faces.asked)
    assert faces.asked[-1].query == (("user_id", user_id),)
    assert TOKEN not in repr(vars(bridge._thing))


@on_any_server
async def test_pings_where_it_has_no_url(bridge: Faced) -> None:
    with pytest.raises(UrlNotSet):
        await bridge.ping("bridge")


async def test_pings(tmp_path: Path, faces: Faces) -> None:
    with serving(Reply({})) as double:
        config = open_config(tmp_path / "2", appservices=files(tmp_path, BRIDGE.replace("null", double.url)))
        (tmp_path / "2").mkdir()
        async with open_world(config) as world:
            took = await Faces(world, is_sync=faces.is_sync).appservice(TOKEN).ping("bridge", "txn")
    assert took >= 0
    assert [(asked.path, asked.json) for asked in double.asked] == [
        ("/_matrix/app/v1/ping", {"transaction_id": "txn"}),
    ]
