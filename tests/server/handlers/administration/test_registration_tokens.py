"""Registration tokens and invitations over the admin API."""

from pathlib import Path
from typing import Any

import pytest

from ostiary.config import MailConfig, RegistrationConfig, ServerConfig
from tests.server.handlers.administration.conftest import Admin, make_admin
from tests.world import PASSWORD, World, open_config, open_world


class TestTokens:
    async def test_are_made_changed_and_ended(self, world: World, admin: Admin) -> None:
        now = world.clock.now()
        made = await admin.call("POST", "registration_tokens", {"token": "party", "uses_allowed": 2})
        wanted = {"token": "party", "pending": 0, "completed": 0, "created_at": now, "uses_allowed": 2}
        assert (made.status, made.json) == (200, wanted)
        assert (await admin.call("GET", "registration_tokens/party")).json == wanted
        changed = await admin.call("PUT", "registration_tokens/party", {"expires_at": now + 1000})
        assert changed.json == {
            "token": "party",
            "pending": 0,
            "completed": 0,
            "created_at": now,
            "expires_at": now + 1000,
        }
        assert (await admin.call("DELETE", "registration_tokens/party")).json == {}
        for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
            answer = await admin.call(method, "registration_tokens/party", body)
            assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")

    async def test_one_without_a_name_is_given_one(self, admin: Admin) -> None:
        assert len((await admin.call("POST", "registration_tokens", {})).json["token"]) == 20

    @pytest.mark.parametrize(
        "body",
        [{"token": "a b"}, {"token": "x" * 65}, {"uses_allowed": -1}, {"expires_at": 1}, {"token": "there"}],
    )
    async def test_what_cannot_be_is_refused(self, admin: Admin, body: dict[str, Any]) -> None:
        await admin.call("POST", "registration_tokens", {"token": "there"})
        answer = await admin.call("POST", "registration_tokens", body)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")

    async def test_pages_lead_through_all_both_ways(self, admin: Admin) -> None:
        for token in "abcde":
            await admin.call("POST", "registration_tokens", {"token": token})
        for direction, wanted in (("f", "abcde"), ("b", "edcba")):
            found, query = "", {"limit": "2", "dir": direction}
            while True:
                page = (await admin.call("GET", "registration_tokens", **query)).json
                found += "".join(token["token"] for token in page["registration_tokens"])
                if "next_batch" not in page:
                    break
                query["start"] = page["next_batch"]
            assert found == wanted

    async def test_use_is_counted(self, tmp_path: Path) -> None:
        stages = (("m.login.registration_token",),)
        config = open_config(tmp_path, registration=RegistrationConfig(enabled=True, flows=stages))
        async with open_world(config) as world:
            await world.services.invitations.create(token="party")
            auth = {"type": "m.login.registration_token", "token": "party"}
            body = {"username": "bob", "password": PASSWORD, "auth": auth}
            assert (await world.call("POST", "v3/register", body)).status == 200
            assert (await world.services.invitations.get("party")).completed == 1


class TestInvitations:
    async def test_mail_takes_the_link_there(self, tmp_path: Path) -> None:
        config = open_config(
            tmp_path,
            server=ServerConfig(public_url="https://matrix.example.org"),
            mail=MailConfig(folder=str(tmp_path), sender="a@b.example"),
        )
        async with open_world(config) as world:
            admin = await make_admin(world)
            body = {"address": "Bob@Example.org", "username": "bob", "lifetime_ms": 86_400_000}
            answer = await admin.call("POST", "invitations", body)
            token = answer.json["registration_token"]
            assert token["expires_at"] == world.clock.now() + 86_400_000
            assert (token["uses_allowed"], token["proposed_name"]) == (1, "bob")
            assert token["invited_address"] == "bob@example.org"
            assert answer.json["link"].startswith("https://matrix.example.org/")
            assert answer.json["link"].endswith(f"?token={token['token']}")
            assert await world.sql("SELECT kind, address FROM outbox") == [("invitation", "bob@example.org")]

    async def test_needs_no_address_and_is_good_for_a_week(self, world: World, admin: Admin) -> None:
        token = (await admin.call("POST", "invitations", {})).json["registration_token"]
        assert token["expires_at"] == world.clock.now() + 7 * 86_400_000
        assert await world.sql("SELECT * FROM outbox") == []

    @pytest.mark.parametrize("body", [{"address": "nobody"}, {"username": "a b"}, {"lifetime_ms": 1}])
    async def test_what_cannot_be_is_refused(self, admin: Admin, body: dict[str, Any]) -> None:
        answer = await admin.call("POST", "invitations", body)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
