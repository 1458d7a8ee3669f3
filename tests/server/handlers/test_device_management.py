"""The devices of an account."""

from typing import Any

import pytest

from tests.world import Account, World, device_path, password_auth


class TestGetDevices:
    @pytest.mark.parametrize("version", ["r0", "v3"])
    async def test_lists_all_with_every_key(self, world: World, alice: Account, version: str) -> None:
        other = await world.relogin(alice, device_id="ZZ", initial_device_display_name="Zed")
        answer = await world.call("GET", f"{version}/devices", token=alice.access_token)
        mine, zed = answer.json["devices"]
        assert mine == {
            "device_id": alice.device_id,
            "display_name": None,
            "last_seen_ip": "192.0.2.1",
            "last_seen_ts": world.clock.now(),
        }
        assert zed == {
            "device_id": other.device_id, "display_name": "Zed", "last_seen_ip": None, "last_seen_ts": None,
        }  # fmt: skip

    async def test_tells_what_is_not_written_yet_and_does_not_write_it(self, world: World, alice: Account) -> None:
        """What a list costs must not grow with all who have called lately."""
        store = world.services.store
        answers = [
            await world.call("GET", path, token=alice.access_token)
            for path in ("v3/devices", device_path(alice.device_id))
        ]
        for told in (answers[0].json["devices"][0], answers[1].json):
            assert (told["last_seen_ip"], told["last_seen_ts"]) == ("192.0.2.1", world.clock.now())
        stored = await store.find_device(world.localpart(alice), alice.device_id)
        assert stored is not None
        assert stored.last_seen_at is None
        await world.services.last_seen.write()
        stored = await store.find_device(world.localpart(alice), alice.device_id)
        assert stored is not None
        assert stored.last_seen_at == world.clock.now()

    async def test_shows_nothing_of_other_accounts(self, world: World, alice: Account) -> None:
        await world.register("bob")
        answer = await world.call("GET", "v3/devices", token=alice.access_token)
        assert len(answer.json["devices"]) == 1


class TestGetDevice:
    async def test_other_accounts_device_is_not_found(self, world: World, alice: Account) -> None:
        bob = await world.register("bob")
        answer = await world.call("GET", device_path(bob.device_id), token=alice.access_token)
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")

    @pytest.mark.parametrize("device_id", ["a/b", "a:b", "a%2Fb", "ü ✓", "a?b#c", "..", "%"])
    @pytest.mark.parametrize("version", ["r0", "v3"])
    async def test_id_is_one_segment_decoded_once(
        self, world: World, alice: Account, device_id: str, version: str
    ) -> None:
        session = await world.relogin(alice, device_id=device_id)
        answer = await world.call("GET", device_path(device_id, version), token=session.access_token)
        assert answer.json["device_id"] == device_id


class TestUpdateDevice:
    @pytest.mark.parametrize("version", ["r0", "v3"])
    async def test_renames(self, world: World, alice: Account, version: str) -> None:
        path, token = device_path(alice.device_id, version), alice.access_token
        answer = await world.call("PUT", path, {"display_name": "Renamed"}, token=token)
        assert (answer.status, answer.json) == (200, {})
        assert (await world.call("GET", path, token=token)).json["display_name"] == "Renamed"

    @pytest.mark.parametrize("body", [{}, {"display_name": None}])
    async def test_missing_name_changes_nothing(self, world: World, alice: Account, body: Any) -> None:
        path, token = device_path(alice.device_id), alice.access_token
        await world.call("PUT", path, {"display_name": "Kept"}, token=token)
        assert (await world.call("PUT", path, body, token=token)).status == 200
        assert (await world.call("GET", path, token=token)).json["display_name"] == "Kept"

    async def test_unknown_device_is_not_found(self, world: World, alice: Account) -> None:
        answer = await world.call("PUT", device_path("X"), {"display_name": "n"}, token=alice.access_token)
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")

    @pytest.mark.parametrize("name", ["n" * 257, "nul\0"])
    async def test_bad_name_is_refused(self, world: World, alice: Account, name: str) -> None:
        path = device_path(alice.device_id)
        answer = await world.call("PUT", path, {"display_name": name}, token=alice.access_token)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
        assert "display_name" in answer.json["error"]


class TestDeleteDevice:
    @pytest.mark.parametrize("version", ["r0", "v3"])
    async def test_asks_for_the_password_and_ends_the_session(self, world: World, alice: Account, version: str) -> None:
        other = await world.relogin(alice)
        path, token = device_path(other.device_id, version), alice.access_token
        asked = await world.call("DELETE", path, token=token)
        assert asked.status == 401
        assert (await world.whoami(other.access_token)).status == 200
        body = {"auth": password_auth(alice, asked.json["session"])}
        assert (await world.call("DELETE", path, body, token=token)).json == {}
        gone = await world.whoami(other.access_token)
        assert (gone.status, gone.json["soft_logout"]) == (401, False)
        assert (await world.call("GET", path, token=token)).status == 404

    async def test_unknown_device_is_well(self, world: World, alice: Account) -> None:
        body = {"auth": password_auth(alice)}
        assert (await world.call("DELETE", device_path("X"), body, token=alice.access_token)).status == 200

    async def test_other_accounts_device_stays(self, world: World, alice: Account) -> None:
        bob = await world.register("bob")
        body = {"auth": password_auth(alice)}
        assert (await world.call("DELETE", device_path(bob.device_id), body, token=alice.access_token)).status == 200
        assert (await world.whoami(bob.access_token)).status == 200


class TestDeleteDevices:
    @pytest.mark.parametrize("version", ["r0", "v3"])
    async def test_deletes_several(self, world: World, alice: Account, version: str) -> None:
        others = [await world.relogin(alice) for _ in range(3)]
        gone, kept = others[:2], others[2]
        body = {"devices": [other.device_id for other in gone] + ["UNKNOWN"], "auth": password_auth(alice)}
        answer = await world.call("POST", f"{version}/delete_devices", body, token=alice.access_token)
        assert (answer.status, answer.json) == (200, {})
        for other in gone:
            assert (await world.whoami(other.access_token)).status == 401
        assert (await world.whoami(kept.access_token)).status == 200

    async def test_own_device_may_be_among_them(self, world: World, alice: Account) -> None:
        body = {"devices": [alice.device_id], "auth": password_auth(alice)}
        assert (await world.call("POST", "v3/delete_devices", body, token=alice.access_token)).status == 200
        assert (await world.whoami(alice.access_token)).status == 401

    @pytest.mark.parametrize(
        ("body", "errcode"),
        [({}, "M_MISSING_PARAM"), ({"devices": "X"}, "M_BAD_JSON"), ({"devices": [1]}, "M_BAD_JSON")],
    )
    async def test_bad_list_is_refused(self, world: World, alice: Account, body: Any, errcode: str) -> None:
        answer = await world.call("POST", "v3/delete_devices", body, token=alice.access_token)
        assert (answer.status, answer.errcode) == (400, errcode)
        assert "devices" in answer.json["error"]
