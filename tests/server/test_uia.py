"""Interactive authentication, as clients meet it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.config import RegistrationConfig
from tests.world import PASSWORD, Account, World, device_path, open_config, open_world, password_auth

DUMMY = {"type": "m.login.dummy"}
DAY_MS = 86_400_000


async def delete(world: World, device_id: str, token: str, auth: Any = None) -> Any:
    body = None if auth is None else {"auth": auth}
    return await world.call("DELETE", device_path(device_id), body, token=token)


class TestOpening:
    @pytest.mark.parametrize("auth", [None, {}, {"type": None}, {"initial_device_display_name": "x"}])
    async def test_auth_without_type_asks_for_the_flows(self, world: World, auth: Any) -> None:
        answer = await world.call("POST", "v3/register", {"username": "bob", "password": PASSWORD, "auth": auth})
        assert answer.status == 401
        assert answer.json.keys() == {"flows", "params", "session", "completed"}

    async def test_stage_without_a_session_opens_one_and_is_attempted(self, world: World) -> None:
        body = {"username": "bob", "password": PASSWORD, "auth": DUMMY}
        assert (await world.call("POST", "v3/register", body)).status == 200

    @pytest.mark.parametrize("auth", ["x", 3, [], True])
    async def test_auth_of_another_shape_is_refused(self, world: World, auth: Any) -> None:
        answer = await world.call("POST", "v3/register", {"auth": auth})
        assert (answer.status, answer.errcode) == (400, "M_BAD_JSON")
        assert "auth" in answer.json["error"]

    @pytest.mark.parametrize("kind", ["m.login.unknown", "m.login.password", "m.login.recaptcha"])
    async def test_stage_of_no_flow_is_an_error_with_the_flows(self, world: World, kind: str) -> None:
        auth = {"type": kind, "password": PASSWORD, "response": "r", "session": "x"}
        answer = await world.call("POST", "v3/register", {"username": "bob", "password": PASSWORD, "auth": auth})
        assert answer.status == 401
        assert answer.json["flows"]
        assert answer.json["errcode"]

    async def test_missing_part_of_a_stage_is_named(self, world: World, alice: Account) -> None:
        answer = await delete(world, "X", alice.access_token, {"type": "m.login.password"})
        assert (answer.status, answer.errcode) == (400, "M_MISSING_PARAM")
        assert "auth.password" in answer.json["error"]


class TestPasswordStage:
    async def test_wrong_password_may_be_tried_again_in_the_same_session(self, world: World, alice: Account) -> None:
        asked = await delete(world, "X", alice.access_token)
        session = asked.json["session"]
        wrong = await delete(world, "X", alice.access_token, password_auth(alice, session, "wrong"))
        assert wrong.status == 401
        assert wrong.json["errcode"] == "M_FORBIDDEN"
        assert wrong.json["error"]
        assert wrong.json["session"] == session
        assert wrong.json["completed"] == []
        assert wrong.json["flows"] == asked.json["flows"]
        right = await delete(world, "X", alice.access_token, password_auth(alice, session))
        assert right.status == 200

    @pytest.mark.parametrize(
        "who",
        [{"user": "alice"}, {"user": "@alice:localhost"}, {}, {"identifier": {"type": "m.id.user", "user": "ALICE"}}],
    )
    async def test_user_may_be_named_as_older_clients_do_or_not_at_all(
        self, world: World, alice: Account, who: dict[str, Any]
    ) -> None:
        auth = {"type": "m.login.password", "password": PASSWORD, **who}
        assert (await delete(world, "X", alice.access_token, auth)).status == 200

    async def test_account_without_a_password_never_passes(self, world: World) -> None:
        bob = await world.register("bob", password=None)
        for password in ("", "None", PASSWORD):
            answer = await delete(world, "X", bob.access_token, password_auth(bob, password=password or " "))
            assert answer.status == 401


class TestBinding:
    async def test_other_path_is_refused(self, world: World, alice: Account) -> None:
        asked = await delete(world, "ONE", alice.access_token)
        answer = await delete(world, "TWO", alice.access_token, password_auth(alice, asked.json["session"]))
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")

    async def test_other_operation_is_refused(self, world: World, alice: Account) -> None:
        asked = await delete(world, "ONE", alice.access_token)
        body = {"devices": ["ONE"], "auth": password_auth(alice, asked.json["session"])}
        answer = await world.call("POST", "v3/delete_devices", body, token=alice.access_token)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")

    async def test_older_path_of_the_same_operation_is_the_same(self, world: World, alice: Account) -> None:
        asked = await world.call("DELETE", "r0/devices/ONE", token=alice.access_token)
        answer = await delete(world, "ONE", alice.access_token, password_auth(alice, asked.json["session"]))
        assert answer.status == 200

    @pytest.mark.parametrize("devices", [["TWO"], ["ONE", "TWO"], []])
    async def test_other_parameter_is_refused_and_named(self, world: World, alice: Account, devices: list[str]) -> None:
        token = alice.access_token
        asked = await world.call("POST", "v3/delete_devices", {"devices": ["ONE"]}, token=token)
        body = {"devices": devices, "auth": password_auth(alice, asked.json["session"])}
        answer = await world.call("POST", "v3/delete_devices", body, token=token)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert "devices" in answer.json["error"]

    async def test_other_password_is_refused_though_only_its_hash_is_kept(self, world: World, alice: Account) -> None:
        token = alice.access_token
        asked = await world.call("POST", "v3/account/password", {"new_password": "the first one"}, token=token)
        auth = password_auth(alice, asked.json["session"])
        other = await world.call(
            "POST", "v3/account/password", {"new_password": "another one", "auth": auth}, token=token
        )
        assert (other.status, other.errcode) == (403, "M_FORBIDDEN")
        same = await world.call(
            "POST", "v3/account/password", {"new_password": "the first one", "auth": auth}, token=token
        )
        assert same.status == 200

    async def test_other_owner_is_refused(self, world: World, alice: Account) -> None:
        bob = await world.register("bob")
        asked = await delete(world, "ONE", alice.access_token)
        answer = await delete(world, "ONE", bob.access_token, password_auth(bob, asked.json["session"]))
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")

    async def test_session_is_used_up_by_what_it_allowed(self, world: World, alice: Account) -> None:
        asked = await delete(world, "ONE", alice.access_token)
        session = asked.json["session"]
        assert (await delete(world, "ONE", alice.access_token, password_auth(alice, session))).status == 200
        answer = await delete(world, "ONE", alice.access_token, {"session": session})
        assert answer.status == 401
        assert answer.json["session"] != session

    async def test_expired_session_is_told_and_a_new_one_opened(self, world: World, alice: Account) -> None:
        account = await world.register("bob", refresh_token=False)
        asked = await delete(world, "ONE", account.access_token)
        world.clock.advance(DAY_MS)
        answer = await delete(world, "ONE", account.access_token, password_auth(account, asked.json["session"]))
        assert answer.status == 401
        assert answer.json["errcode"] == "M_UNKNOWN"
        assert answer.json["session"] != asked.json["session"]
        again = await delete(world, "ONE", account.access_token, password_auth(account, answer.json["session"]))
        assert again.status == 200

    async def test_dialogue_survives_a_restart(self, world: World, alice: Account) -> None:
        asked = await delete(world, "ONE", alice.access_token)
        async with open_world(world.config, clock=world.clock, seed="restarted") as restarted:
            auth = password_auth(alice, asked.json["session"])
            assert (await delete(restarted, "ONE", alice.access_token, auth)).status == 200


class TestRemembering:
    async def test_completing_request_may_hold_the_session_alone(self, world: World) -> None:
        """As a client does after a stage that was done on a page."""
        body = {"username": "bob", "password": PASSWORD, "device_id": "LAPTOP", "initial_device_display_name": "Bob's"}
        asked = await world.call("POST", "v3/register", body)
        done = await world.call("POST", "v3/register", {"auth": {**DUMMY, "session": asked.json["session"]}})
        assert done.status == 200
        assert (done.json["user_id"], done.json["device_id"]) == ("@bob:localhost", "LAPTOP")
        assert (await world.login("bob")).status == 200

    async def test_parameters_may_be_added_while_nothing_is_completed(self, world: World) -> None:
        """As a client does that asks for the flows first."""
        asked = await world.call("POST", "v3/register", {})
        auth = {**DUMMY, "session": asked.json["session"]}
        made = await world.call("POST", "v3/register", {"username": "bob", "password": PASSWORD, "auth": auth})
        assert made.json["user_id"] == "@bob:localhost"
        assert (await world.login("bob")).status == 200

    async def test_null_is_no_parameter(self, world: World) -> None:
        asked = await world.call("POST", "v3/register", {"username": "bob", "password": PASSWORD})
        auth = {**DUMMY, "session": asked.json["session"]}
        answer = await world.call("POST", "v3/register", {"username": "bob", "password": None, "auth": auth})
        assert answer.status == 200

    async def test_no_secret_is_stored_in_clear(self, world: World, alice: Account) -> None:
        await world.call("POST", "v3/register", {"username": "bob", "password": "a very secret password"})
        asked = await world.call(
            "POST", "v3/account/password", {"new_password": "a very secret password"}, token=alice.access_token
        )
        stored = await world.everything_stored()
        secrets = ("a very secret password", PASSWORD, asked.json["session"], alice.access_token, alice.refresh_token)
        for secret in secrets:
            assert secret is not None
            assert secret not in stored
            assert secret.encode().hex() not in stored


class TestSeveralStages:
    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        """Registration by a flow that repeats nothing and one that begins the same way."""
        flows = (("m.login.dummy", "m.login.password"), ("m.login.dummy",))
        config = replace(open_config(tmp_path), registration=RegistrationConfig(enabled=True, flows=flows[:1]))
        async with open_world(config) as opened:
            await opened.services.registrations.create("owner", None)
            yield opened

    async def test_stage_out_of_order_is_refused(self, world: World) -> None:
        auth = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "owner"}, "password": "x"}
        answer = await world.call("POST", "v3/register", {"username": "bob", "auth": auth})
        assert answer.status == 401
        assert answer.json["errcode"] == "M_FORBIDDEN"
        assert answer.json["completed"] == []

    async def test_completed_stage_is_told_and_not_checked_again(self, world: World) -> None:
        asked = await world.call("POST", "v3/register", {"username": "bob", "auth": DUMMY})
        assert asked.json["completed"] == ["m.login.dummy"]
        auth = {"session": asked.json["session"]}
        for repeated in ({**auth, **DUMMY}, auth):
            answer = await world.call("POST", "v3/register", {"username": "bob", "auth": repeated})
            assert answer.status == 401
            assert answer.json["completed"] == ["m.login.dummy"]
            assert "errcode" not in answer.json

    async def test_parameters_are_fixed_once_a_stage_is_completed(self, world: World) -> None:
        asked = await world.call("POST", "v3/register", {"username": "bob", "auth": DUMMY})
        body = {"username": "bob", "password": PASSWORD, "auth": {"session": asked.json["session"]}}
        answer = await world.call("POST", "v3/register", body)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert "password" in answer.json["error"]


async def test_unreadable_session_is_an_unknown_one(world: World) -> None:
    for session in ("x" * 5000, "\0", "ü", "' OR 1=1 --"):
        raw = await world.raw("POST", "v3/register", json.dumps({"auth": {"session": session}}).encode())
        assert raw.status == 401


class TestWhatMayComeLate:
    """Some clients name their device only with the last request."""

    async def test_the_device_of_a_registration(self, world: World) -> None:
        body = {"username": "bob", "password": PASSWORD}
        asked = await world.call("POST", "v3/register", {**body, "initial_device_display_name": "first"})
        auth = {"type": "m.login.dummy", "session": asked.json["session"]}
        late = {"initial_device_display_name": "later", "device_id": "LATE", "refresh_token": True, "auth": auth}
        answer = await world.call("POST", "v3/register", {**body, **late})
        assert (answer.status, answer.json["device_id"]) == (200, "LATE")
        assert answer.json["refresh_token"]
        device = await world.call("GET", "v3/devices/LATE", token=answer.json["access_token"])
        assert device.json["display_name"] == "later"

    async def test_but_not_whose_account_it_is(self, world: World) -> None:
        asked = await world.call("POST", "v3/register", {"username": "bob", "password": PASSWORD})
        auth = {"type": "m.login.dummy", "session": asked.json["session"]}
        answer = await world.call("POST", "v3/register", {"username": "carol", "password": PASSWORD, "auth": auth})
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
