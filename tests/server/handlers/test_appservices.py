"""Application services: their registration files, accounts, masquerading, logins and devices."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.config import AppservicesConfig, ConfigError, RateLimitsConfig
from tests.delivery.doubles import Reply, closed_port, serving, silent_server
from tests.world import PASSWORD, Answer, World, account_of, open_config, open_world

TOKEN = "as_token_of_the_bridge"
OTHER = "as_token_of_the_other"

BRIDGE = f"""
id: bridge
url: null
as_token: {TOKEN}
hs_token: hs_token_of_the_bridge
sender_localpart: bridgebot
rate_limited: false
namespaces:
  users:
    - regex: "@bridge_.*:localhost"
      exclusive: true
    - regex: "@shared_.*:localhost"
      exclusive: false
  rooms: []
  aliases: []
"""

SECOND = f"""
id: second
url: http://localhost:1
as_token: {OTHER}
hs_token: hs
sender_localpart: secondbot
namespaces:
  users: [{{regex: "@second_.*:localhost", exclusive: true}}]
"""


def files(folder: Path, *contents: str) -> AppservicesConfig:
    paths = []
    for number, content in enumerate(contents):
        path = folder / f"appservice{number}.yaml"
        path.write_text(content, encoding="utf-8")
        paths.append(str(path))
    return AppservicesConfig(files=tuple(paths))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    config = open_config(tmp_path, appservices=files(tmp_path, BRIDGE, SECOND))
    async with open_world(config) as opened:
        yield opened


async def register(world: World, username: str | None, token: str | None = TOKEN, **fields: Any) -> Answer:
    body = {"type": "m.login.application_service", "username": username, **fields}
    return await world.call("POST", "v3/register", body, token=token)


class TestRegistering:
    async def test_makes_an_account_of_its_own_without_questions(self, world: World) -> None:
        answer = await register(world, "bridge_42")
        assert answer.status == 200
        assert answer.json["user_id"] == "@bridge_42:localhost"
        assert (await world.whoami(answer.json["access_token"])).status == 200

    async def test_without_a_session_if_it_wishes(self, world: World) -> None:
        answer = await register(world, "bridge_42", inhibit_login=True)
        assert answer.json == {"user_id": "@bridge_42:localhost", "home_server": "localhost"}

    async def test_names_that_people_cannot_have(self, world: World) -> None:
        assert (await register(world, "bridge_Ünïcode")).status == 200

    async def test_name_may_stand_in_user_as_it_did_once(self, world: World) -> None:
        body = {"type": "m.login.application_service", "user": "bridge_old"}
        answer = await world.call("POST", "api/v1/register", body, token=TOKEN)
        assert answer.json["user_id"] == "@bridge_old:localhost"

    @pytest.mark.parametrize("name", ["somebody", "second_1", "xbridge_1"])
    async def test_names_of_others_are_refused(self, world: World, name: str) -> None:
        answer = await register(world, name)
        assert (answer.status, answer.errcode) == (400, "M_EXCLUSIVE")

    async def test_name_must_be_given(self, world: World) -> None:
        answer = await register(world, None)
        assert (answer.status, answer.errcode) == (400, "M_MISSING_PARAM")

    async def test_taken_name(self, world: World) -> None:
        await register(world, "bridge_42")
        answer = await register(world, "bridge_42")
        assert (answer.status, answer.errcode) == (400, "M_USER_IN_USE")

    async def test_token_is_needed_and_must_be_of_one(self, world: World) -> None:
        missing = await register(world, "bridge_42", token=None)
        assert (missing.status, missing.errcode) == (401, "M_MISSING_TOKEN")
        alice = await world.register("alice")
        for token in ("nonsense", alice.access_token):
            answer = await register(world, "bridge_42", token=token)
            assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")

    @pytest.mark.parametrize("name", ["bridge_1", "bridgebot", "second_x"])
    async def test_people_cannot_have_its_names(self, world: World, name: str) -> None:
        body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        answer = await world.call("POST", "v3/register", body)
        assert (answer.status, answer.errcode) == (400, "M_EXCLUSIVE")
        free = await world.call("GET", "v3/register/available", query={"username": name})
        assert (free.status, free.errcode) == (400, "M_EXCLUSIVE")

    async def test_names_that_it_shares_are_for_all(self, world: World) -> None:
        assert (await world.register("shared_alice")).user_id == "@shared_alice:localhost"
        assert (await register(world, "shared_bridge")).status == 200


class TestMasquerading:
    async def test_speaks_as_itself_where_it_names_nobody(self, world: World) -> None:
        answer = await world.whoami(TOKEN)
        assert (answer.status, answer.json) == (200, {"user_id": "@bridgebot:localhost"})

    async def test_token_in_the_query_as_in_the_first_versions(self, world: World) -> None:
        answer = await world.call("GET", "r0/account/whoami", query={"access_token": TOKEN})
        assert answer.json == {"user_id": "@bridgebot:localhost"}

    async def test_speaks_as_its_users(self, world: World) -> None:
        await register(world, "bridge_42", inhibit_login=True)
        query = {"user_id": "@bridge_42:localhost"}
        answer = await world.call("GET", "v3/account/whoami", token=TOKEN, query=query)
        assert answer.json == {"user_id": "@bridge_42:localhost"}
        path = "v3/profile/@bridge_42:localhost/displayname"
        put = await world.call("PUT", path, {"displayname": "Forty-two"}, token=TOKEN, query=query)
        assert put.status == 200

    @pytest.mark.parametrize(
        "user_id", ["@alice:localhost", "@bridge_nobody:localhost", "@bridge_42:elsewhere.example", "nonsense", ""]
    )
    async def test_speaks_as_nobody_else(self, world: World, user_id: str) -> None:
        await world.register("alice")
        answer = await world.call("GET", "v3/account/whoami", token=TOKEN, query={"user_id": user_id})
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")

    async def test_peoples_tokens_do_not_masquerade(self, world: World) -> None:
        alice = await world.register("alice")
        query = {"user_id": "@bridgebot:localhost"}
        answer = await world.call("GET", "v3/account/whoami", token=alice.access_token, query=query)
        assert answer.json["user_id"] == alice.user_id

    @pytest.mark.parametrize("name", ["device_id", "org.matrix.msc3202.device_id"])
    async def test_on_a_device(self, world: World, name: str) -> None:
        await register(world, "bridge_42", inhibit_login=True)
        query = {"user_id": "@bridge_42:localhost"}
        await world.call("PUT", "v3/devices/PHONE", {"display_name": "Phone"}, token=TOKEN, query=query)
        answer = await world.call("GET", "v3/account/whoami", token=TOKEN, query={**query, name: "PHONE"})
        assert answer.json == {"user_id": "@bridge_42:localhost", "device_id": "PHONE"}
        answer = await world.call("GET", "v3/account/whoami", token=TOKEN, query={**query, name: "NONE"})
        assert (answer.status, answer.errcode) == (400, "M_UNKNOWN_DEVICE")

    async def test_its_locked_user_stays_locked(self, world: World) -> None:
        answer = await register(world, "bridge_42")
        await world.call("GET", "v3/account/whoami", token=answer.json["access_token"])
        await world.change(account_of(answer), is_locked=True)
        query = {"user_id": "@bridge_42:localhost"}
        refused = await world.call("GET", "v3/account/whoami", token=TOKEN, query=query)
        assert refused.errcode == "M_USER_LOCKED"

    async def test_has_no_session_to_end(self, world: World) -> None:
        answer = await world.call("POST", "v3/logout", {}, token=TOKEN)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


class TestLoggingIn:
    async def log_in(self, world: World, user: str, token: str | None = TOKEN) -> Answer:
        body = {"type": "m.login.application_service", "identifier": {"type": "m.id.user", "user": user}}
        return await world.call("POST", "v3/login", body, token=token)

    async def test_opens_a_session_for_its_user(self, world: World) -> None:
        await register(world, "bridge_42", inhibit_login=True)
        for user in ("bridge_42", "@bridge_42:localhost"):
            answer = await self.log_in(world, user)
            assert answer.json["user_id"] == "@bridge_42:localhost"
            assert (await world.whoami(answer.json["access_token"])).status == 200

    async def test_for_nobody_else(self, world: World) -> None:
        await world.register("alice")
        answer = await self.log_in(world, "alice")
        assert (answer.status, answer.errcode) == (400, "M_EXCLUSIVE")
        unknown = await self.log_in(world, "bridge_nobody")
        assert (unknown.status, unknown.errcode) == (403, "M_FORBIDDEN")

    async def test_needs_its_token(self, world: World) -> None:
        assert (await self.log_in(world, "bridge_42", None)).errcode == "M_MISSING_TOKEN"
        assert (await self.log_in(world, "bridge_42", "x")).errcode == "M_UNKNOWN_TOKEN"

    async def test_way_is_told(self, world: World) -> None:
        flows = (await world.call("GET", "v3/login")).json["flows"]
        assert {"type": "m.login.application_service"} in flows

    async def test_no_password_opens_its_accounts(self, world: World) -> None:
        await register(world, "bridge_42")
        assert (await world.login("bridge_42", "")).errcode == "M_FORBIDDEN"


AS_42 = {"user_id": "@bridge_42:localhost"}


class TestDevices:
    async def test_made_by_put_and_deleted_without_questions(self, world: World) -> None:
        await register(world, "bridge_42", inhibit_login=True)
        made = await world.call("PUT", "v3/devices/NEW", {"display_name": "One"}, token=TOKEN, query=AS_42)
        assert (made.status, made.json) == (201, {})
        renamed = await world.call("PUT", "v3/devices/NEW", {"display_name": "Two"}, token=TOKEN, query=AS_42)
        assert (renamed.status, renamed.json) == (200, {})
        listed = await world.call("GET", "v3/devices", token=TOKEN, query=AS_42)
        assert [(one["device_id"], one["display_name"]) for one in listed.json["devices"]] == [("NEW", "Two")]
        gone = await world.call("DELETE", "v3/devices/NEW", {}, token=TOKEN, query=AS_42)
        assert (gone.status, gone.json) == (200, {})
        await world.call("PUT", "v3/devices/A", {}, token=TOKEN, query=AS_42)
        gone = await world.call("POST", "v3/delete_devices", {"devices": ["A"]}, token=TOKEN, query=AS_42)
        assert gone.status == 200
        assert (await world.call("GET", "v3/devices", token=TOKEN, query=AS_42)).json == {"devices": []}

    async def test_people_make_no_devices_so(self, world: World) -> None:
        alice = await world.register("alice")
        answer = await world.call("PUT", "v3/devices/NEW", {}, token=alice.access_token)
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")


class TestRateLimits:
    async def test_exempt_where_its_file_says_so(self, tmp_path: Path) -> None:
        config = open_config(
            tmp_path, appservices=files(tmp_path, BRIDGE, SECOND), rate_limits=RateLimitsConfig(enabled=True)
        )
        async with open_world(config) as world:
            for number in range(40):
                assert (await register(world, f"bridge_{number}", inhibit_login=True)).status == 200
            answers = [await register(world, f"second_{n}", OTHER, inhibit_login=True) for n in range(40)]
            assert answers[-1].errcode == "M_LIMIT_EXCEEDED"


class TestPing:
    async def test_only_for_itself(self, world: World) -> None:
        for path, token in (("v1/appservice/second/ping", TOKEN), ("v1/appservice/nobody/ping", TOKEN)):
            answer = await world.call("POST", path, {}, token=token)
            assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")

    async def test_one_without_a_url(self, world: World) -> None:
        answer = await world.call("POST", "v1/appservice/bridge/ping", {}, token=TOKEN)
        assert (answer.status, answer.errcode) == (400, "M_URL_NOT_SET")

    async def test_what_came_of_it(self, tmp_path: Path) -> None:
        bodies = {"transaction_id": "t1"}
        with serving(Reply({})) as right, serving(Reply({}, status=418)) as wrong, silent_server() as silent:
            for url, told in (
                (right.url, (200, None)),
                (wrong.url, (502, "M_BAD_STATUS")),
                (f"http://127.0.0.1:{closed_port()}", (502, "M_CONNECTION_FAILED")),
                (silent, (504, "M_CONNECTION_TIMEOUT")),
            ):
                listed = files(tmp_path, SECOND.replace("http://localhost:1", url))
                patient = replace(listed, timeout_ms=100 if url == silent else 10_000)
                config = open_config(tmp_path, appservices=patient)
                async with open_world(config, seed=url) as world:
                    answer = await world.call("POST", "v1/appservice/second/ping", bodies, token=OTHER)
                    assert (answer.status, answer.errcode) == told
                    assert told != (502, "M_BAD_STATUS") or answer.json["status"] == 418


class TestFiles:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (("as_token: as_token_of_the_bridge", ""), "as_token: must be a text"),
            (("hs_token: hs_token_of_the_bridge", "hs_token: 1"), "hs_token: must be a text"),
            (("sender_localpart: bridgebot", "sender_localpart: 'a:b'"), "sender_localpart: "),
            (("@bridge_.*:localhost", "@bridge_(:localhost"), "is no regular expression"),
            (("exclusive: true", "exclusive: maybe"), "exclusive must be true or false"),
            (("url: null", "url: ftp://x"), "url: must be an http or https URL, or null"),
            (("id: bridge", "id: [bridge"), "is not YAML"),
            (("id: bridge", "id: second"), "another file has the same"),
            ((f"as_token: {TOKEN}", f"as_token: {OTHER}"), "as_token: another file has the same"),
            (("sender_localpart: bridgebot", "sender_localpart: secondbot"), "another file has the same"),
        ],
    )
    async def test_what_is_wrong_is_told_without_the_token(
        self, tmp_path: Path, change: tuple[str, str], told: str
    ) -> None:
        config = open_config(tmp_path, appservices=files(tmp_path, SECOND, BRIDGE.replace(*change)))
        with pytest.raises(ConfigError) as caught:
            async with open_world(config):
                pass
        assert told in str(caught.value)
        assert "appservices.files" in str(caught.value)
        assert TOKEN not in str(caught.value)
        assert OTHER not in str(caught.value)

    async def test_missing_file(self, tmp_path: Path) -> None:
        config = open_config(tmp_path, appservices=AppservicesConfig(files=(str(tmp_path / "none.yaml"),)))
        with pytest.raises(ConfigError, match="cannot be read"):
            async with open_world(config):
                pass

    async def test_tokens_are_stored_nowhere(self, world: World) -> None:
        await register(world, "bridge_42")
        assert TOKEN not in await world.everything_stored()
        assert TOKEN not in repr(world.services.appservices.all)
