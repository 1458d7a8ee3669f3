"""POST /account/password."""

import pytest

from tests.world import PASSWORD, Account, World, password_auth

NEW = "another good password"


async def change(world: World, account: Account, *, token: str | None, **fields: object) -> int:
    """Change the password to NEW through the password stage, in one request."""
    body = {"new_password": NEW, "auth": password_auth(account), **fields}
    return (await world.call("POST", "v3/account/password", body, token=token)).status


class TestChangePassword:
    @pytest.mark.parametrize("version", ["v2_alpha", "r0", "v3"])
    async def test_asks_for_the_password_and_then_changes_it(self, world: World, alice: Account, version: str) -> None:
        path, token = f"{version}/account/password", alice.access_token
        asked = await world.call("POST", path, {"new_password": NEW}, token=token)
        assert asked.status == 401
        assert asked.json["flows"] == [{"stages": ["m.login.password"]}]
        body = {"new_password": NEW, "auth": password_auth(alice, asked.json["session"])}
        assert (await world.call("POST", path, body, token=token)).json == {}
        assert (await world.login("alice", PASSWORD)).status == 403
        assert (await world.login("alice", NEW)).status == 200
        assert (await world.whoami(token)).status == 200

    async def test_ends_the_other_sessions_unless_told_not_to(self, world: World, alice: Account) -> None:
        other = await world.relogin(alice)
        assert await change(world, alice, token=alice.access_token, logout_devices=False) == 200
        assert (await world.whoami(other.access_token)).status == 200
        renewed = Account(alice.user_id, alice.access_token, alice.device_id, alice.refresh_token, NEW)
        assert await change(world, renewed, token=alice.access_token) == 200
        gone = await world.whoami(other.access_token)
        assert (gone.status, gone.json["soft_logout"]) == (401, False)
        devices = await world.call("GET", "v3/devices", token=alice.access_token)
        assert [device["device_id"] for device in devices.json["devices"]] == [alice.device_id]

    async def test_without_a_token_the_stage_says_whose_password_it_is(self, world: World, alice: Account) -> None:
        assert await change(world, alice, token=None) == 200
        assert (await world.login("alice", NEW)).status == 200
        assert (await world.whoami(alice.access_token)).status == 401

    async def test_without_a_token_somebody_must_be_named(self, world: World, alice: Account) -> None:
        auth = {"type": "m.login.password", "password": PASSWORD}
        answer = await world.call("POST", "v3/account/password", {"new_password": NEW, "auth": auth})
        assert (answer.status, answer.errcode) == (400, "M_MISSING_PARAM")

    async def test_dead_token_is_refused_and_not_taken_for_none(self, world: World, alice: Account) -> None:
        assert await change(world, alice, token="dead") == 401
        assert (await world.login("alice", PASSWORD)).status == 200

    @pytest.mark.parametrize("password", ["", "short", "x" * 513])
    async def test_weak_password_is_refused(self, world: World, alice: Account, password: str) -> None:
        body = {"new_password": password, "auth": password_auth(alice)}
        answer = await world.call("POST", "v3/account/password", body, token=alice.access_token)
        assert (answer.status, answer.errcode) == (400, "M_WEAK_PASSWORD")

    async def test_missing_password_is_named(self, world: World, alice: Account) -> None:
        answer = await world.call("POST", "v3/account/password", {}, token=alice.access_token)
        assert (answer.status, answer.errcode) == (400, "M_MISSING_PARAM")
        assert "new_password" in answer.json["error"]

    async def test_completing_request_may_leave_the_password_out(self, world: World, alice: Account) -> None:
        token = alice.access_token
        asked = await world.call("POST", "v3/account/password", {"new_password": NEW}, token=token)
        auth = password_auth(alice, asked.json["session"])
        assert (await world.call("POST", "v3/account/password", {"auth": auth}, token=token)).status == 200
        assert (await world.login("alice", NEW)).status == 200
