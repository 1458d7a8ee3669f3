"""POST /logout and /logout/all."""

import pytest

from tests.world import Account, World


@pytest.mark.parametrize("version", ["r0", "v3"])
class TestLogout:
    async def test_ends_the_session_and_deletes_its_device(self, world: World, alice: Account, version: str) -> None:
        other = await world.relogin(alice)
        answer = await world.call("POST", f"{version}/logout", {}, token=alice.access_token)
        assert (answer.status, answer.json) == (200, {})
        gone = await world.whoami(alice.access_token)
        assert (gone.status, gone.errcode, gone.json["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", False)
        devices = await world.call("GET", "v3/devices", token=other.access_token)
        assert [device["device_id"] for device in devices.json["devices"]] == [other.device_id]

    @pytest.mark.parametrize("body", [None, b"", b"{}", b"not json"])
    async def test_needs_no_body(self, world: World, alice: Account, version: str, body: bytes | None) -> None:
        response = await world.raw("POST", f"{version}/logout", body, token=alice.access_token)
        assert (response.status, response.body) == (200, b"{}")

    async def test_needs_a_token(self, world: World, version: str) -> None:
        answer = await world.call("POST", f"{version}/logout", {})
        assert (answer.status, answer.errcode) == (401, "M_MISSING_TOKEN")


@pytest.mark.parametrize("version", ["r0", "v3"])
class TestLogoutAll:
    async def test_ends_all_sessions_of_this_account_only(self, world: World, alice: Account, version: str) -> None:
        other, bob = await world.relogin(alice), await world.register("bob")
        for account in (alice, other, bob):
            assert (await world.whoami(account.access_token)).status == 200
        assert (await world.call("POST", f"{version}/logout/all", token=alice.access_token)).json == {}
        for account in (alice, other):
            gone = await world.whoami(account.access_token)
            assert (gone.status, gone.json["soft_logout"]) == (401, False)
            assert (await world.refresh(account.refresh_token)).json.get("soft_logout", False) is False
        assert (await world.whoami(bob.access_token)).status == 200
        again = await world.relogin(alice)
        devices = await world.call("GET", "v3/devices", token=again.access_token)
        assert [device["device_id"] for device in devices.json["devices"]] == [again.device_id]
