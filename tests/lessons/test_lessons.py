"""Holes that other servers of this kind have had, each with the test that would have found it here.

Named after what went wrong. Where the lesson is tested in more detail elsewhere, this is the short form that stays.
"""

import json
import logging
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.auth import AccessToken
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.codec import field_types
from ostiary.api.endpoint import Place, fields_in
from ostiary.config import PasswordsConfig, RateLimitsConfig, RegistrationConfig
from ostiary.server.addresses import ClientAddresses
from tests.arrows import imports_below
from tests.world import PASSWORD, Account, World, device_path, open_config, open_world, password_auth

SOURCE = Path(__file__).parent.parent.parent / "src" / "ostiary"
DUMMY = {"type": "m.login.dummy"}

GATES = [
    ("POST", "v3/account/password", {"new_password": "another good password"}),
    ("DELETE", "v3/devices/X", {}),
    ("POST", "v3/delete_devices", {"devices": ["X"]}),
]
"""Every operation that asks for the password again."""


async def set_state(world: World, state: str) -> None:
    """Change the state of every account, as an administrator would."""
    for table in ("accounts", "sessions"):  # which are written together
        await world.sql(f"UPDATE {table} SET state = :state", state=state)
    world.services.sessions.forget_everything()


@pytest.mark.parametrize(("method", "path", "body"), GATES)
async def test_any_password_was_accepted_when_asked_again(
    world: World, alice: Account, method: str, path: str, body: dict[str, Any]
) -> None:
    """A check that answered "no" was taken for one that had not failed."""
    for wrong in ("wrong", "", PASSWORD + " ", PASSWORD.upper()):
        auth = {**password_auth(alice), "password": wrong}
        answer = await world.call(method, path, {**body, "auth": auth}, token=alice.access_token)
        assert (answer.status, answer.json["errcode"]) == (401, "M_FORBIDDEN")
        assert answer.json["completed"] == []
    auth = password_auth(alice)
    assert (await world.call(method, path, {**body, "auth": auth}, token=alice.access_token)).status == 200


@pytest.mark.parametrize(("method", "path", "body"), GATES)
async def test_account_without_password_passed_the_password_stage(
    world: World, method: str, path: str, body: dict[str, Any]
) -> None:
    bob = await world.register("bob", password=None)
    for guess in ("", "!", "*", "None"):
        auth = {**password_auth(bob), "password": guess}
        assert (await world.call(method, path, {**body, "auth": auth}, token=bob.access_token)).status == 401
        assert (await world.login("bob", guess)).status == 403


@pytest.mark.parametrize(("method", "path", "body"), GATES)
async def test_another_users_password_was_accepted_with_my_token(
    world: World, alice: Account, method: str, path: str, body: dict[str, Any]
) -> None:
    mallory = await world.register("mallory", password="mallory's password")
    auth = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "mallory"},
        "password": "mallory's password",
    }
    answer = await world.call(method, path, {**body, "auth": auth}, token=alice.access_token)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    assert (await world.whoami(mallory.access_token)).status == 200


class TestStateWasCheckedByOneGrantButNotTheOther:
    """Locked and deactivated accounts could log in by some way that did not look."""

    @pytest.fixture(params=["locked", "deactivated"])
    async def state(self, request: pytest.FixtureRequest) -> str:
        value: str = request.param
        return value

    async def test_login(self, world: World, alice: Account, state: str) -> None:
        await set_state(world, state)
        answer = await world.login("alice")
        expected = {"locked": (401, "M_USER_LOCKED"), "deactivated": (403, "M_USER_DEACTIVATED")}
        assert (answer.status, answer.errcode) == expected[state]

    async def test_refresh(self, world: World, alice: Account, state: str) -> None:
        await set_state(world, state)
        for path in ("v3/refresh", "r0/tokenrefresh"):
            answer = await world.call("POST", path, {"refresh_token": alice.refresh_token})
            expected = {"locked": (401, "M_USER_LOCKED"), "deactivated": (403, "M_USER_DEACTIVATED")}
            assert (answer.status, answer.errcode) == expected[state]

    async def test_repeated_registration(self, world: World, state: str) -> None:
        body: dict[str, Any] = {"username": "bob", "password": PASSWORD}
        asked = await world.call("POST", "v3/register", body)
        body |= {"auth": {**DUMMY, "session": asked.json["session"]}}
        assert (await world.call("POST", "v3/register", body)).status == 200
        await set_state(world, state)
        assert (await world.call("POST", "v3/register", body)).status in (401, 403)

    async def test_password_change_without_a_token(self, world: World, alice: Account, state: str) -> None:
        await set_state(world, state)
        body = {"new_password": "another good password", "auth": password_auth(alice)}
        assert (await world.call("POST", "v3/account/password", body)).status in (401, 403)

    async def test_token_that_is_there_already(self, world: World, alice: Account, state: str) -> None:
        await set_state(world, state)
        answer = await world.whoami(alice.access_token)
        assert answer.status == 401
        assert answer.json["soft_logout"] is (state == "locked")

    async def test_locked_account_may_still_log_out(self, world: World, alice: Account) -> None:
        await set_state(world, "locked")
        assert (await world.call("POST", "v3/logout", {}, token=alice.access_token)).status == 200


async def test_state_was_told_before_the_password_was_right(world: World, alice: Account) -> None:
    for state in ("locked", "deactivated"):
        await set_state(world, state)
        answer = await world.login("alice", "wrong")
        assert (answer.status, answer.json) == (403, (await world.login("nobody", "wrong")).json)


async def test_new_password_was_kept_in_clear_in_the_dialogues_table(world: World, alice: Account) -> None:
    secret = "the new and secret password"
    await world.call("POST", "v3/account/password", {"new_password": secret}, token=alice.access_token)
    await world.call("POST", "v3/register", {"username": "bob", "password": secret})
    stored = await world.everything_stored()
    assert "uia_sessions" in stored
    assert secret not in stored


async def test_tokens_were_stored_in_clear(world: World, alice: Account) -> None:
    refreshed = await world.refresh(alice.refresh_token)
    stored = await world.everything_stored()
    for token in (alice.access_token, alice.refresh_token, *refreshed.json.values()):
        assert str(token)[5:32] not in stored or isinstance(token, int)


async def test_tokens_were_logged(
    world: World, alice: Account, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "canary-0123456789"
    await world.call("GET", "r0/account/whoami", query={"access_token": alice.access_token})
    await world.call("GET", "r0/account/whoami", query={"access_token": canary})
    await world.call("GET", "v3/nope", query={"access_token": canary})
    await world.whoami(canary)
    await world.login("alice", canary)
    await world.refresh(canary)
    await world.raw("POST", "v3/login", canary.encode())
    for body in ({"type": canary}, {"password": {canary: canary}}, {"identifier": canary}):
        await world.call("POST", "v3/login", body)
    output = caplog.text + "".join(capsys.readouterr()) + "".join(str(vars(record)) for record in caplog.records)
    assert "refused" in output
    assert canary not in output
    assert alice.access_token not in output


async def test_strings_had_no_bounds(world: World, alice: Account) -> None:
    """Anything that a client names is refused when it is long, and nothing of it is stored."""
    long = "x" * 60_000
    for endpoint in ENDPOINTS:
        for name in fields_in(endpoint, Place.BODY) - {"auth"}:
            if "str" not in str(field_types(endpoint)[name]) and "Secret" not in str(field_types(endpoint)[name]):
                continue
            body: dict[str, Any] = {"type": "m.login.password", "user": "alice", "password": "p", "devices": []}
            body |= {name: long, "auth": password_auth(alice)}
            path = endpoint.meta.path.replace("{deviceId}", alice.device_id)
            answer = await world.call(endpoint.meta.method, path, body, token=alice.access_token)
            assert 400 <= answer.status < 500, (endpoint, name)
    for device_id in (long[:8000], "a\nb", "\x7f"):
        assert (await world.login("alice", device_id=device_id)).status == 400
    assert long[:300] not in await world.everything_stored()


def test_randomness_was_not_fit_for_secrets() -> None:
    allowed = {"server.environment", "client.environment"}
    found = {one.module for one in imports_below(SOURCE) if one.imported in ("random", "secrets", "uuid")}
    assert found <= {"client.environment"}
    urandom = {file for file in SOURCE.rglob("*.py") if re.search(r"\bos\.urandom\b", file.read_text(encoding="utf-8"))}
    assert {".".join(file.relative_to(SOURCE).with_suffix("").parts) for file in urandom} <= allowed


async def test_key_was_the_same_on_every_installation(tmp_path: Path) -> None:
    tokens = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        async with open_world(open_config(tmp_path / name), seed=name) as world:
            alice = await world.register("alice")
            tokens |= {alice.access_token, (await world.refresh(alice.refresh_token)).json["access_token"]}
    assert len(tokens) == 4


@pytest.mark.parametrize("version", ["api/v1", "v2_alpha", "r0", "v3"])
async def test_old_path_was_a_door_around_the_checks(tmp_path: Path, version: str) -> None:
    async with open_world(open_config(tmp_path, registration=RegistrationConfig())) as world:
        for body in (
            {"username": "bob", "password": PASSWORD, "auth": DUMMY},
            {"user": "bob", "password": PASSWORD, "type": "m.login.password"},
            {"user": "bob", "password": PASSWORD, "type": "org.matrix.login.shared_secret", "mac": "x"},
        ):
            assert (await world.call("POST", f"{version}/register", body)).status == 403
        assert [*await world.sql("SELECT count(*) FROM accounts")] == [(0,)]


async def test_registration_completed_for_an_account_that_was_there(world: World, alice: Account) -> None:
    for name in ("alice", "ALICE", "Alice"):
        body = {"username": name, "password": "mine now!", "auth": DUMMY}
        assert (await world.call("POST", "v3/register", body)).errcode == "M_USER_IN_USE"
    assert (await world.login("alice", "mine now!")).status == 403


class TestSwitchInTheConfigurationDidNothing:
    """Each switch is seen to close what it says."""

    async def test_registration(self, tmp_path: Path) -> None:
        async with open_world(open_config(tmp_path, registration=RegistrationConfig(enabled=False, guests=True))) as w:
            assert (await w.call("POST", "v3/register", {"auth": DUMMY})).status == 403
            assert (await w.call("POST", "v3/register", {}, query={"kind": "guest"})).status == 200

    async def test_guests(self, tmp_path: Path) -> None:
        async with open_world(open_config(tmp_path, registration=RegistrationConfig(enabled=True, guests=False))) as w:
            assert (await w.call("POST", "v3/register", {}, query={"kind": "guest"})).status == 403
            assert (await w.call("POST", "v3/register", {"auth": DUMMY})).status == 200

    async def test_flows(self, tmp_path: Path) -> None:
        flows = (("m.login.dummy", "m.login.password"),)
        registration = RegistrationConfig(enabled=True, flows=flows)
        async with open_world(open_config(tmp_path, registration=registration)) as w:
            answer = await w.call("POST", "v3/register", {"username": "bob", "auth": DUMMY})
            assert (answer.status, answer.json["completed"]) == (401, ["m.login.dummy"])

    async def test_password_length(self, tmp_path: Path) -> None:
        passwords = PasswordsConfig(argon2_memory_kib=64, argon2_time_cost=1, min_length=12)
        async with open_world(open_config(tmp_path, passwords=passwords)) as w:
            body = {"username": "bob", "auth": DUMMY}
            assert (await w.call("POST", "v3/register", {**body, "password": "x" * 11})).errcode == "M_WEAK_PASSWORD"
            assert (await w.call("POST", "v3/register", {**body, "password": "x" * 12})).status == 200


async def test_forwarded_address_was_trusted_for_limits(tmp_path: Path) -> None:
    config = replace(open_config(tmp_path), rate_limits=RateLimitsConfig())
    async with open_world(config) as world:
        statuses = []
        for number in range(15):
            headers = (("X-Forwarded-For", f"198.51.100.{number}"), ("X-Real-IP", f"198.51.100.{number}"))
            body = json.dumps({"type": "m.login.password", "user": f"user{number}", "password": "x"}).encode()
            statuses.append((await world.raw("POST", "v3/login", body, headers=headers)).status)
        assert statuses == [403] * 10 + [429] * 5


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.9", "198.51.100.1", "192.0.2.9"),  # nobody whom we know says so
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.7, 198.51.100.1", "198.51.100.1"),  # the client wrote the first one itself
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:5000", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:5000", "2001:db8::1"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("unix", "198.51.100.1", "unix"),
    ],
)
def test_forwarded_address_of_a_proxy_that_is_not_ours_was_trusted(peer: str, forwarded: str, address: str) -> None:
    assert ClientAddresses(["10.0.0.0/8", "::1/128"]).of(peer, forwarded.encode()) == address


class TestUnknownUserWasToldByTheTimeItTook:
    """The hash was skipped where there was no account, or none with a password."""

    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        async with open_world(open_config(tmp_path, passwords=PasswordsConfig())) as opened:
            await opened.register("alice")
            await opened.register("nopassword", password=None)
            yield opened

    @pytest.mark.parametrize("name", ["nobody", "nopassword", "@alice:elsewhere.example", "no:such:name"])
    async def test_every_refusal_costs_a_hash(self, world: World, name: str) -> None:
        await world.login(name, "wrong")  # what is done only once is done now
        known, unknown = [], []
        for _ in range(5):
            known.append(await self._cpu(world, "alice"))
            unknown.append(await self._cpu(world, name))
        assert sorted(unknown)[2] > 0.7 * sorted(known)[2]

    async def _cpu(self, world: World, name: str) -> float:
        started = time.process_time()
        assert (await world.login(name, "wrong")).status == 403
        return time.process_time() - started


def routes_with_token() -> Iterator[Any]:
    for endpoint in ENDPOINTS:
        if isinstance(endpoint.meta.authentication, AccessToken):
            for path in endpoint.meta.history:
                yield pytest.param(endpoint.meta.method, path, id=f"{endpoint.meta.method} {path}")


@pytest.mark.parametrize(("method", "path"), list(routes_with_token()))
async def test_endpoint_forgot_to_ask_for_a_token(world: World, method: str, path: str) -> None:
    path = path.replace("{deviceId}", "X")
    for body in ({}, {"devices": ["X"], "display_name": "x"}):
        answer = await world.call(method, path, body)
        assert (answer.status, answer.errcode) == (401, "M_MISSING_TOKEN")
        answer = await world.call(method, path, body, token="unknown")
        assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")


async def test_lost_answer_of_a_refresh_signed_the_user_out(world: World, alice: Account) -> None:
    await world.refresh(alice.refresh_token)  # the answer never arrives
    world.clock.advance(3_600_000)
    again = await world.refresh(alice.refresh_token)
    assert (await world.whoami(again.json["access_token"])).status == 200


async def test_stolen_refresh_token_went_unnoticed(world: World, alice: Account) -> None:
    new = await world.refresh(alice.refresh_token)
    await world.whoami(new.json["access_token"])
    world.clock.advance(3_600_000)
    await world.refresh(alice.refresh_token)
    assert (await world.refresh(new.json["refresh_token"])).status == 401
    assert "token_replayed" in await world.everything_stored()


async def test_body_changed_in_the_middle_of_the_dialogue(world: World, alice: Account) -> None:
    victim = await world.relogin(alice)
    asked = await world.call("POST", "v3/delete_devices", {"devices": ["HARMLESS"]}, token=alice.access_token)
    body = {"devices": [victim.device_id], "auth": password_auth(alice, asked.json["session"])}
    assert (await world.call("POST", "v3/delete_devices", body, token=alice.access_token)).status == 403
    assert (await world.whoami(victim.access_token)).status == 200


async def test_token_outlived_the_logout_in_a_cache(world: World, alice: Account) -> None:
    for _ in range(3):
        assert (await world.whoami(alice.access_token)).status == 200
    other = await world.relogin(alice)
    body = {"auth": password_auth(alice)}
    await world.call("DELETE", device_path(alice.device_id), body, token=other.access_token)
    assert (await world.whoami(alice.access_token)).status == 401
