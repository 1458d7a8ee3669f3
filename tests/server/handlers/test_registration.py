"""POST /register and GET /register/available."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.config import RegistrationConfig
from tests.world import PASSWORD, Account, World, open_config, open_world

DUMMY = {"type": "m.login.dummy"}


class TestRegister:
    @pytest.mark.parametrize("version", ["api/v1", "v2_alpha", "r0", "v3"])
    async def test_dummy_flow_makes_an_account_on_every_path(self, world: World, version: str) -> None:
        body = {"username": "bob", "password": PASSWORD}
        asked = await world.call("POST", f"{version}/register", body)
        assert asked.status == 401
        assert asked.json["flows"] == [{"stages": ["m.login.dummy"]}]
        assert asked.json["params"] == {}
        assert asked.json["completed"] == []
        auth = {**DUMMY, "session": asked.json["session"]}
        made = await world.call("POST", f"{version}/register", {**body, "auth": auth})
        assert made.status == 200
        assert made.json.keys() == {"user_id", "access_token", "device_id", "home_server"}
        assert (await world.whoami(made.json["access_token"])).json == {
            "user_id": "@bob:localhost",
            "device_id": made.json["device_id"],
        }
        assert (await world.login("bob")).status == 200

    async def test_inhibit_login_makes_no_session(self, world: World) -> None:
        answer = await world.call(
            "POST", "v3/register",
            {"username": "bob", "password": PASSWORD, "inhibit_login": True, "refresh_token": True, "auth": DUMMY},
        )  # fmt: skip
        assert answer.json == {"user_id": "@bob:localhost", "home_server": "localhost"}
        bob = await world.login("bob")
        devices = await world.call("GET", "v3/devices", token=bob.json["access_token"])
        assert [device["device_id"] for device in devices.json["devices"]] == [bob.json["device_id"]]

    async def test_refresh_token_device_and_name_are_taken(self, world: World) -> None:
        answer = await world.call(
            "POST", "v3/register",
            {
                "username": "bob", "password": PASSWORD, "refresh_token": True, "device_id": "LAPTOP",
                "initial_device_display_name": "Bob's laptop", "auth": DUMMY,
            },
        )  # fmt: skip
        assert answer.json["refresh_token"]
        assert answer.json["expires_in_ms"] == 300_000
        assert answer.json["device_id"] == "LAPTOP"
        device = await world.call("GET", "v3/devices/LAPTOP", token=answer.json["access_token"])
        assert device.json["display_name"] == "Bob's laptop"

    async def test_missing_username_and_device_are_made_up(self, world: World) -> None:
        answers = [await world.call("POST", "v3/register", {"password": PASSWORD, "auth": DUMMY}) for _ in range(3)]
        assert len({answer.json["user_id"] for answer in answers}) == 3
        assert len({answer.json["device_id"] for answer in answers}) == 3
        assert (await world.login(answers[0].json["user_id"])).status == 200

    async def test_capitals_are_lowered(self, world: World) -> None:
        answer = await world.call("POST", "v3/register", {"username": "BOB", "password": PASSWORD, "auth": DUMMY})
        assert answer.json["user_id"] == "@bob:localhost"

    @pytest.mark.parametrize(
        "username", ["", "bob:here", "@bob", "bób", "bob bob", "bob\0", "b" * 245, "bob#", "bob\n", "\u212b"]
    )
    async def test_name_outside_the_grammar_is_refused_before_authentication(self, world: World, username: str) -> None:
        answer = await world.call("POST", "v3/register", {"username": username, "password": PASSWORD})
        assert (answer.status, answer.errcode) == (400, "M_INVALID_USERNAME")
        checked = await world.call("GET", "v3/register/available", query={"username": username})
        assert (checked.status, checked.errcode) == (400, "M_INVALID_USERNAME")

    async def test_longest_name_fits(self, world: World) -> None:
        username = "b" * (255 - len("@:localhost"))
        answer = await world.call("POST", "v3/register", {"username": username, "password": PASSWORD, "auth": DUMMY})
        assert answer.status == 200

    async def test_taken_name_is_refused_before_authentication(self, world: World, alice: Account) -> None:
        answer = await world.call("POST", "v3/register", {"username": "Alice", "password": PASSWORD})
        assert (answer.status, answer.errcode) == (400, "M_USER_IN_USE")

    async def test_name_taken_meanwhile_is_refused_after_authentication(self, world: World) -> None:
        body = {"username": "bob", "password": PASSWORD}
        asked = await world.call("POST", "v3/register", body)
        await world.register("bob")
        answer = await world.call("POST", "v3/register", {**body, "auth": {**DUMMY, "session": asked.json["session"]}})
        assert (answer.status, answer.errcode) == (400, "M_USER_IN_USE")

    async def test_of_many_registering_one_name_at_once_one_wins(self, world: World) -> None:
        body = {"username": "bob", "password": PASSWORD, "auth": DUMMY}
        answers = await asyncio.gather(*(world.call("POST", "v3/register", body) for _ in range(20)))
        assert sorted(answer.status for answer in answers) == [200] + [400] * 19
        assert {answer.errcode for answer in answers if answer.status == 400} == {"M_USER_IN_USE"}
        (won,) = (answer for answer in answers if answer.status == 200)
        assert (await world.whoami(won.json["access_token"])).status == 200

    @pytest.mark.parametrize("password", ["", "short", "x" * 513])
    async def test_weak_password_is_refused_before_authentication(self, world: World, password: str) -> None:
        answer = await world.call("POST", "v3/register", {"username": "bob", "password": password, "auth": DUMMY})
        assert (answer.status, answer.errcode) == (400, "M_WEAK_PASSWORD")

    async def test_without_password_no_password_ever_logs_in(self, world: World) -> None:
        answer = await world.call("POST", "v3/register", {"username": "bob", "auth": DUMMY})
        assert answer.status == 200
        for password in ("", "None", "null", PASSWORD):
            assert (await world.login("bob", password)).status == 403

    async def test_repeating_a_completed_registration_gives_the_same_account(self, world: World) -> None:
        body = {"username": "bob", "password": PASSWORD}
        asked = await world.call("POST", "v3/register", body)
        auth = {**DUMMY, "session": asked.json["session"]}
        first = await world.call("POST", "v3/register", {**body, "auth": auth})
        again = await world.call("POST", "v3/register", {**body, "auth": auth})
        assert again.status == 200
        assert (again.json["user_id"], again.json["device_id"]) == (first.json["user_id"], first.json["device_id"])
        assert (await world.whoami(again.json["access_token"])).status == 200
        # With another name it is no repetition.
        other = await world.call("POST", "v3/register", {**body, "username": "eve", "auth": auth})
        assert other.status == 403

    async def test_closed_registration_is_refused(self, tmp_path: Path) -> None:
        config = open_config(tmp_path, registration=RegistrationConfig())
        async with open_world(config) as world:
            for query in ({}, {"kind": "guest"}):
                body = {"username": "bob", "password": PASSWORD, "auth": DUMMY}
                answer = await world.call("POST", "v3/register", body, query=query)
                assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
            checked = await world.call("GET", "v3/register/available", query={"username": "bob"})
            assert (checked.status, checked.errcode) == (403, "M_FORBIDDEN")

    async def test_unknown_kind_is_refused(self, world: World) -> None:
        answer = await world.call("POST", "v3/register", {"auth": DUMMY}, query={"kind": "admin"})
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
        assert "kind" in answer.json["error"]


class TestGuests:
    async def test_guest_is_made_without_authentication_and_ignores_all_but_the_device_name(self, world: World) -> None:
        body = {
            "username": "bob", "password": PASSWORD, "device_id": "MINE", "refresh_token": True, "inhibit_login": True,
            "initial_device_display_name": "Visitor",
        }  # fmt: skip
        answer = await world.call("POST", "v3/register", body, query={"kind": "guest"})
        assert answer.status == 200
        assert answer.json.keys() == {"user_id", "access_token", "device_id", "home_server"}
        assert answer.json["user_id"] != "@bob:localhost"
        assert answer.json["device_id"] != "MINE"
        token = answer.json["access_token"]
        assert (await world.whoami(token)).json["is_guest"] is True
        device = await world.call("GET", f"v3/devices/{answer.json['device_id']}", token=token)
        assert device.json["display_name"] == "Visitor"

    async def test_kind_in_the_body_is_understood(self, world: World) -> None:
        answer = await world.call("POST", "r0/register", {"kind": "guest"})
        assert (await world.whoami(answer.json["access_token"])).json["is_guest"] is True

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "v3/account/password", {"new_password": PASSWORD}),
            ("POST", "v3/delete_devices", {"devices": ["X"]}),
            ("DELETE", "v3/devices/X", None),
        ],
    )
    async def test_guest_is_kept_from_what_is_not_for_guests(
        self, world: World, method: str, path: str, body: Any
    ) -> None:
        guest = await world.call("POST", "v3/register", {}, query={"kind": "guest"})
        answer = await world.call(method, path, body, token=guest.json["access_token"])
        assert (answer.status, answer.errcode) == (403, "M_GUEST_ACCESS_FORBIDDEN")

    async def test_guest_may_log_out(self, world: World) -> None:
        guest = await world.call("POST", "v3/register", {}, query={"kind": "guest"})
        token = guest.json["access_token"]
        assert (await world.call("POST", "v3/logout", {}, token=token)).status == 200
        assert (await world.whoami(token)).status == 401


class TestAvailable:
    @pytest.mark.parametrize("version", ["r0", "v3"])
    async def test_free_name_is_available(self, world: World, version: str) -> None:
        answer = await world.call("GET", f"{version}/register/available", query={"username": "bob"})
        assert (answer.status, answer.json) == (200, {"available": True})

    async def test_taken_name_is_an_error(self, world: World, alice: Account) -> None:
        answer = await world.call("GET", "v3/register/available", query={"username": "ALICE"})
        assert (answer.status, answer.errcode) == (400, "M_USER_IN_USE")

    async def test_missing_name_is_named(self, world: World) -> None:
        answer = await world.call("GET", "v3/register/available")
        assert (answer.status, answer.errcode) == (400, "M_MISSING_PARAM")
        assert "username" in answer.json["error"]


class TestReservedNames:
    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        registration = RegistrationConfig(enabled=True, reserved_names=("admin*", "root"))
        async with open_world(open_config(tmp_path, registration=registration)) as opened:
            yield opened

    @pytest.mark.parametrize("name", ["admin", "Administrator", "root"])
    async def test_are_given_by_administrators_only(self, world: World, name: str) -> None:
        body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        answer = await world.call("POST", "v3/register", body)
        assert (answer.status, answer.errcode) == (400, "M_EXCLUSIVE")
        free = await world.call("GET", "v3/register/available", query={"username": name})
        assert (free.status, free.errcode) == (400, "M_EXCLUSIVE")
        assert await world.services.registrations.create(name, None) == f"@{name.lower()}:localhost"

    async def test_others_are_free(self, world: World) -> None:
        assert (await world.register("roots")).user_id == "@roots:localhost"
