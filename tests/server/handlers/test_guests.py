"""Guests: what they may call, and how they become users."""

from typing import Any

import pytest

from tests.world import PASSWORD, Account, Answer, World

MAY = [
    ("GET", "v3/account/whoami"),
    ("GET", "v3/devices"),
    ("GET", "v3/capabilities"),
    ("POST", "v3/logout"),
]
MAY_NOT = [
    ("POST", "v3/account/password"),
    ("POST", "v3/account/deactivate"),
    ("GET", "v3/account/3pid"),
    ("POST", "v3/account/3pid"),
    ("POST", "v3/account/3pid/add"),
    ("POST", "v3/account/3pid/bind"),
    ("POST", "v3/account/3pid/delete"),
    ("POST", "v3/account/3pid/unbind"),
    ("POST", "v3/delete_devices"),
    ("DELETE", "v3/devices/X"),
    ("POST", "v1/login/get_token"),
    ("POST", "v3/user/@x:localhost/openid/request_token"),
    ("GET", "v3/admin/whois/@x:localhost"),
    ("PUT", "v1/admin/lock/@x:localhost"),
]


@pytest.fixture
async def guest(world: World) -> Account:
    answer = await world.call("POST", "v3/register", {}, query={"kind": "guest"})
    return Account(answer.json["user_id"], answer.json["access_token"], answer.json["device_id"], None)


@pytest.mark.parametrize(("method", "path"), MAY)
async def test_may(world: World, guest: Account, method: str, path: str) -> None:
    assert (await world.call(method, path, {}, token=guest.access_token)).status == 200


@pytest.mark.parametrize(("method", "path"), MAY_NOT)
async def test_may_not(world: World, guest: Account, method: str, path: str) -> None:
    answer = await world.call(method, path, {}, token=guest.access_token)
    assert (answer.status, answer.errcode) == (403, "M_GUEST_ACCESS_FORBIDDEN")


async def upgrade(world: World, guest: Account, **fields: Any) -> Answer:
    body = {
        "username": guest.localpart, "password": PASSWORD, "guest_access_token": guest.access_token,
        "auth": {"type": "m.login.dummy"}, **fields,
    }  # fmt: skip
    return await world.call("POST", "v3/register", {k: v for k, v in body.items() if v is not None})


class TestUpgrade:
    @pytest.mark.parametrize("named", [True, False])
    async def test_keeps_the_account(self, world: World, guest: Account, named: bool) -> None:
        await world.call(
            "PUT", f"v3/profile/{guest.user_id}/displayname", {"displayname": "G"}, token=guest.access_token
        )
        answer = await upgrade(world, guest, **({} if named else {"username": None}))
        assert answer.status == 200, answer
        assert answer.json["user_id"] == guest.user_id
        me = await world.whoami(answer.json["access_token"])
        assert me.json.get("is_guest", False) is False
        assert (await world.whoami(guest.access_token)).errcode == "M_UNKNOWN_TOKEN"
        assert (await world.login(guest.localpart)).status == 200
        assert (await world.call("GET", f"v3/profile/{guest.user_id}")).json == {"displayname": "G"}

    async def test_through_a_dialogue(self, world: World, guest: Account) -> None:
        asked = await upgrade(world, guest, auth=None)
        assert asked.status == 401
        auth = {"type": "m.login.dummy", "session": asked.json["session"]}
        assert (await upgrade(world, guest, auth=auth)).json["user_id"] == guest.user_id

    async def test_another_name_is_refused(self, world: World, guest: Account) -> None:
        answer = await upgrade(world, guest, username="alice")
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")

    async def test_token_must_be_a_living_guests(self, world: World, guest: Account, alice: Account) -> None:
        answer = await upgrade(world, guest, guest_access_token="nonsense")
        assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")
        answer = await upgrade(world, guest, username=None, guest_access_token=alice.access_token)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")

    async def test_once(self, world: World, guest: Account) -> None:
        assert (await upgrade(world, guest)).status == 200
        assert (await upgrade(world, guest)).status in (401, 403)
