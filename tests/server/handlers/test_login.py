"""POST and GET /login."""

from typing import Any

import pytest

from tests.world import PASSWORD, Account, World, open_config, open_world


class TestGetLoginFlows:
    @pytest.mark.parametrize("version", ["api/v1", "v2_alpha", "r0", "v3"])
    async def test_offers_the_password_on_every_path(self, world: World, version: str) -> None:
        answer = await world.call("GET", f"{version}/login")
        assert answer.status == 200
        assert answer.json == {
            "flows": [{"type": "m.login.password"}, {"type": "m.login.token", "get_login_token": True}]
        }


class TestLogin:
    @pytest.mark.parametrize("version", ["api/v1", "v2_alpha", "r0", "v3"])
    async def test_right_password_gives_a_session_on_every_path(
        self, world: World, alice: Account, version: str
    ) -> None:
        body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "alice"}, "password": PASSWORD}
        answer = await world.call("POST", f"{version}/login", body)
        assert answer.status == 200
        assert answer.json.keys() == {"user_id", "access_token", "device_id", "home_server"}
        assert answer.json["user_id"] == "@alice:localhost"
        assert answer.json["home_server"] == "localhost"
        assert (await world.whoami(answer.json["access_token"])).json["device_id"] == answer.json["device_id"]

    @pytest.mark.parametrize("user", ["alice", "@alice:localhost", "ALICE", "@Alice:localhost"])
    async def test_user_may_be_localpart_or_id_in_any_case(self, world: World, alice: Account, user: str) -> None:
        assert (await world.login(user)).json["user_id"] == "@alice:localhost"

    async def test_legacy_user_field_logs_in(self, world: World, alice: Account) -> None:
        body = {"type": "m.login.password", "user": "alice", "password": PASSWORD}
        assert (await world.call("POST", "r0/login", body)).status == 200

    @pytest.mark.parametrize(
        "who",
        [
            {"identifier": {"type": "m.id.user", "user": "nobody"}},
            {"identifier": {"type": "m.id.user", "user": "@alice:elsewhere.example"}},
            {"identifier": {"type": "m.id.user", "user": "@alice"}},
            {"identifier": {"type": "m.id.user", "user": ""}},
            {"identifier": {"type": "m.id.user", "user": "al\0ice"}},
            {"identifier": {"type": "m.id.user", "user": "x" * 5000}},
            {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "alice@example.org"}},
            {"identifier": {"type": "m.id.phone", "country": "GB", "phone": "07700900001"}},
            {"medium": "email", "address": "alice@example.org"},
        ],
    )
    async def test_whoever_is_not_here_is_answered_as_a_wrong_password_is(
        self, world: World, alice: Account, who: dict[str, Any]
    ) -> None:
        wrong = await world.login("alice", "not the password")
        answer = await world.call("POST", "v3/login", {"type": "m.login.password", "password": PASSWORD, **who})
        assert wrong.status == answer.status == 403
        assert wrong.json == answer.json == {"errcode": "M_FORBIDDEN", "error": "Invalid user name or password"}

    @pytest.mark.parametrize(
        ("body", "status", "errcode", "names"),
        [
            ({}, 400, "M_MISSING_PARAM", "type"),
            ({"type": "m.login.nope"}, 400, "M_UNKNOWN", "type"),
            ({"type": "m.login.password"}, 400, "M_MISSING_PARAM", "identifier"),
            ({"type": "m.login.password", "user": "alice"}, 400, "M_MISSING_PARAM", "password"),
            ({"type": "m.login.password", "user": "alice", "password": 1}, 400, "M_BAD_JSON", "password"),
            ({"type": "m.login.password", "user": ["alice"]}, 400, "M_BAD_JSON", "user"),
            ({"type": "m.login.password", "identifier": "alice"}, 400, "M_BAD_JSON", "identifier"),
            ({"type": "m.login.password", "identifier": {"type": "m.id.user"}}, 400, "M_MISSING_PARAM", "user"),
            ({"type": "m.login.password", "identifier": {"type": "x"}}, 400, "M_UNRECOGNIZED", "identifier"),
            ({"type": "m.login.password", "user": "a", "device_id": "d" * 256}, 400, "M_INVALID_PARAM", "device_id"),
            ({"type": "m.login.password", "user": "a", "device_id": ""}, 400, "M_INVALID_PARAM", "device_id"),
            (
                {"type": "m.login.password", "user": "a", "initial_device_display_name": "n" * 257},
                400, "M_INVALID_PARAM", "initial_device_display_name",
            ),
        ],
    )  # fmt: skip
    async def test_what_is_wrong_is_named(
        self, world: World, body: dict[str, Any], status: int, errcode: str, names: str
    ) -> None:
        answer = await world.call("POST", "v3/login", body)
        assert (answer.status, answer.errcode) == (status, errcode)
        assert names in answer.json["error"]

    async def test_null_counts_as_missing(self, world: World, alice: Account) -> None:
        answer = await world.login("alice", device_id=None, initial_device_display_name=None, refresh_token=None)
        assert answer.status == 200

    async def test_refresh_token_only_when_asked_for(self, world: World, alice: Account) -> None:
        assert "refresh_token" not in (await world.login("alice")).json
        asked = await world.login("alice", refresh_token=True)
        assert asked.json["refresh_token"]
        assert asked.json["expires_in_ms"] == world.config.sessions.access_token_lifetime_ms

    async def test_new_device_gets_the_name_and_a_known_one_keeps_its_own(self, world: World, alice: Account) -> None:
        first = await world.relogin(alice, device_id="PHONE", initial_device_display_name="My phone")
        again = await world.relogin(alice, device_id="PHONE", initial_device_display_name="Another name")
        assert first.device_id == again.device_id == "PHONE"
        device = await world.call("GET", "v3/devices/PHONE", token=again.access_token)
        assert device.json["display_name"] == "My phone"

    async def test_logging_in_again_on_a_device_ends_its_tokens_but_not_the_device(
        self, world: World, alice: Account
    ) -> None:
        assert (await world.whoami(alice.access_token)).status == 200
        again = await world.relogin(alice, device_id=alice.device_id)
        old = await world.whoami(alice.access_token)
        assert (old.status, old.errcode) == (401, "M_UNKNOWN_TOKEN")
        # False would make the client throw away the keys of a device that lives on.
        assert old.json["soft_logout"] is True
        assert (await world.refresh(alice.refresh_token)).json["soft_logout"] is True
        assert (await world.whoami(again.access_token)).status == 200

    async def test_public_url_is_told_as_well_known(self, tmp_path: Any) -> None:
        config = open_config(tmp_path)
        server = type(config.server)(public_url="https://matrix.example.org")
        async with open_world(open_config(tmp_path, server=server)) as world:
            account = await world.register("alice")
            answer = await world.login(account.user_id)
            assert answer.json["well_known"] == {"m.homeserver": {"base_url": "https://matrix.example.org"}}
            assert (await world.call("GET", "/.well-known/matrix/client")).json == answer.json["well_known"]

    async def test_outdated_hash_is_replaced_at_login(self, tmp_path: Any) -> None:
        config = open_config(tmp_path)
        async with open_world(config) as world:
            await world.register("alice")
            before = await world.services.store.find_credentials("alice")
        slower = type(config.passwords)(argon2_memory_kib=128, argon2_time_cost=1)
        async with open_world(open_config(tmp_path, passwords=slower), seed="other") as world:
            assert (await world.login("alice")).status == 200
            after = await world.services.store.find_credentials("alice")
            assert before is not None
            assert after is not None
            assert after.password_hash is not None
            assert before.password_hash != after.password_hash
            assert "m=128,t=1" in after.password_hash
            assert (await world.login("alice")).status == 200
