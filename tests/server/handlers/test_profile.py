"""GET, PUT and DELETE /profile."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ostiary.config import ProfileConfig
from tests.world import Account, Answer, World, open_config, open_world


def path_of(account: Account, field: str | None = None, version: str = "v3") -> str:
    path = f"{version}/profile/{quote(account.user_id)}"
    return path if field is None else f"{path}/{quote(field, safe='')}"


async def put(world: World, account: Account, field: str, value: Any) -> Answer:
    return await world.call("PUT", path_of(account, field), {field: value}, token=account.access_token)


class TestReading:
    async def test_anybody_reads_what_is_set(self, world: World, alice: Account) -> None:
        assert (await put(world, alice, "displayname", "Alice")).status == 200
        assert (await put(world, alice, "avatar_url", "mxc://example.org/a")).status == 200
        assert (await put(world, alice, "org.example.pronouns", ["she", {"her": 1}])).status == 200
        for version in ("api/v1", "r0", "v3"):
            answer = await world.call("GET", path_of(alice, version=version))
            assert answer.json == {
                "displayname": "Alice",
                "avatar_url": "mxc://example.org/a",
                "org.example.pronouns": ["she", {"her": 1}],
            }
            field = await world.call("GET", path_of(alice, "displayname", version))
            assert field.json == {"displayname": "Alice"}

    @pytest.mark.parametrize("user_id", ["@nobody:localhost", "@alice:elsewhere.example", "alice", "@", "@alice"])
    async def test_user_who_is_not_here_is_not_found(self, world: World, alice: Account, user_id: str) -> None:
        answer = await world.call("GET", f"v3/profile/{quote(user_id)}")
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")

    async def test_field_that_is_not_set_is_not_found(self, world: World, alice: Account) -> None:
        answer = await world.call("GET", path_of(alice, "displayname"))
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")

    async def test_new_account_has_an_empty_profile(self, world: World, alice: Account) -> None:
        answer = await world.call("GET", path_of(alice))
        assert (answer.status, answer.json) == (200, {})


class TestChanging:
    async def test_deletion_is_idempotent(self, world: World, alice: Account) -> None:
        await put(world, alice, "m.tz", "Europe/Berlin")
        for _ in range(2):
            answer = await world.call("DELETE", path_of(alice, "m.tz"), token=alice.access_token)
            assert (answer.status, answer.json) == (200, {})
        assert (await world.call("GET", path_of(alice))).json == {}

    async def test_null_is_a_value_of_free_fields(self, world: World, alice: Account) -> None:
        assert (await put(world, alice, "org.example.x", None)).status == 200
        assert (await world.call("GET", path_of(alice))).json == {"org.example.x": None}

    async def test_nobody_changes_anothers(self, world: World, alice: Account) -> None:
        bob = await world.register("bob")
        body = {"displayname": "Bob was here"}
        answer = await world.call("PUT", path_of(alice, "displayname"), body, token=bob.access_token)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert (await world.call("GET", path_of(alice))).json == {}

    async def test_field_must_be_in_the_body_under_its_name(self, world: World, alice: Account) -> None:
        answer = await world.call("PUT", path_of(alice, "displayname"), {"name": "x"}, token=alice.access_token)
        assert (answer.status, answer.errcode) == (400, "M_MISSING_PARAM")
        assert "displayname" in answer.json["error"]

    @pytest.mark.parametrize("body", [b"[]", b'"x"', b"1"])
    async def test_body_must_be_an_object(self, world: World, alice: Account, body: bytes) -> None:
        response = await world.raw("PUT", path_of(alice, "displayname"), body, token=alice.access_token)
        assert response.status == 400
        assert b"M_BAD_JSON" in response.body

    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("displayname", 1, "M_INVALID_PARAM"),
            ("displayname", "x" * 257, "M_INVALID_PARAM"),
            ("displayname", "a\0b", "M_INVALID_PARAM"),
            ("avatar_url", "http://example.org/a.png", "M_INVALID_PARAM"),
            ("m.tz", {}, "M_INVALID_PARAM"),
            ("Not.A.Namespaced.Key", "x", "M_INVALID_PARAM"),
            ("nodots", "x", "M_INVALID_PARAM"),
            ("org." + "x" * 252, "x", "M_KEY_TOO_LARGE"),
        ],
    )
    async def test_refusals(self, world: World, alice: Account, field: str, value: Any, code: str) -> None:
        answer = await put(world, alice, field, value)
        assert (answer.status, answer.errcode) == (400, code), answer
        assert (await world.call("GET", path_of(alice))).json == {}

    async def test_the_whole_profile_is_bounded(self, world: World, alice: Account) -> None:
        for number in range(4):
            answer = await put(world, alice, f"org.example.n{number}", "x" * 20_000)
            expected = (200, None) if number < 3 else (400, "M_PROFILE_TOO_LARGE")
            assert (answer.status, answer.errcode) == expected
        assert (await put(world, alice, "org.example.n0", "smaller")).status == 200
        assert (await put(world, alice, "org.example.n3", "x" * 20_000)).status == 200

    async def test_guests_have_a_name_only(self, world: World) -> None:
        answer = await world.call("POST", "v3/register", {}, query={"kind": "guest"})
        guest = Account(answer.json["user_id"], answer.json["access_token"], answer.json["device_id"], None)
        assert (await put(world, guest, "displayname", "Guest")).status == 200
        refused = await put(world, guest, "avatar_url", "mxc://example.org/a")
        assert (refused.status, refused.errcode) == (403, "M_GUEST_ACCESS_FORBIDDEN")
        refused = await world.call("DELETE", path_of(guest, "avatar_url"), token=guest.access_token)
        assert (refused.status, refused.errcode) == (403, "M_GUEST_ACCESS_FORBIDDEN")

    async def test_deactivated_accounts_have_no_profile(self, world: World, alice: Account) -> None:
        await put(world, alice, "displayname", "Alice")
        await world.services.deactivations.deactivate(world.localpart(alice), world.origin, erase=False)
        answer = await world.call("GET", path_of(alice))
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")


class TestConfiguration:
    @pytest.fixture
    async def world(self, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
        async with open_world(open_config(tmp_path, profile=request.param)) as opened:
            yield opened

    @pytest.mark.parametrize("world", [ProfileConfig(changes=False)], indirect=True)
    async def test_changes_can_be_forbidden(self, world: World, alice: Account) -> None:
        answer = await put(world, alice, "displayname", "Alice")
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        told = await capabilities(world, alice)
        assert told["m.profile_fields"] == {"enabled": False}
        assert told["m.set_displayname"] == {"enabled": False}

    @pytest.mark.parametrize("world", [ProfileConfig(allowed=("displayname",))], indirect=True)
    async def test_fields_can_be_listed(self, world: World, alice: Account) -> None:
        assert (await put(world, alice, "displayname", "Alice")).status == 200
        assert (await put(world, alice, "m.tz", "UTC")).errcode == "M_FORBIDDEN"
        told = await capabilities(world, alice)
        assert told["m.profile_fields"] == {"enabled": True, "allowed": ["displayname"]}
        assert told["m.set_avatar_url"] == {"enabled": False}

    @pytest.mark.parametrize("world", [ProfileConfig(disallowed=("avatar_url",))], indirect=True)
    async def test_fields_can_be_excepted(self, world: World, alice: Account) -> None:
        assert (await put(world, alice, "displayname", "Alice")).status == 200
        assert (await put(world, alice, "avatar_url", "mxc://a/b")).errcode == "M_FORBIDDEN"
        told = await capabilities(world, alice)
        assert told["m.profile_fields"] == {"enabled": True, "disallowed": ["avatar_url"]}

    @pytest.mark.parametrize("world", [ProfileConfig(public=False)], indirect=True)
    async def test_profiles_can_be_hidden(self, world: World, alice: Account) -> None:
        for path in (path_of(alice), path_of(alice, "displayname")):
            answer = await world.call("GET", path)
            assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


async def capabilities(world: World, account: Account) -> Any:
    answer = await world.call("GET", "v3/capabilities", token=account.access_token)
    return answer.json["capabilities"]
