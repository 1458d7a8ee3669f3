"""POST /user/{userId}/openid/request_token, and the federation endpoint that redeems it."""

from typing import Any

import pytest

from tests.world import Account, World

USERINFO = "/_matrix/federation/v1/openid/userinfo"


async def token_of(world: World, account: Account, version: str = "v3") -> str:
    path = f"{version}/user/{account.user_id}/openid/request_token"
    answer = await world.call("POST", path, {}, token=account.access_token)
    assert answer.status == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["matrix_server_name"] == "localhost"
    assert answer.json["expires_in"] == 3600
    token: str = answer.json["access_token"]
    return token


@pytest.mark.parametrize("version", ["r0", "v3"])
async def test_the_token_tells_who_has_it_until_it_expires(world: World, alice: Account, version: str) -> None:
    token = await token_of(world, alice, version)
    for _ in range(2):
        answer = await world.call("GET", USERINFO, query={"access_token": token})
        assert (answer.status, answer.json) == (200, {"sub": alice.user_id})
    world.clock.advance(3_600_000)
    answer = await world.call("GET", USERINFO, query={"access_token": token})
    assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")


async def test_the_token_opens_nothing(world: World, alice: Account) -> None:
    token = await token_of(world, alice)
    assert (await world.whoami(token)).errcode == "M_UNKNOWN_TOKEN"


async def test_an_access_token_tells_nothing_here(world: World, alice: Account) -> None:
    answer = await world.call("GET", USERINFO, query={"access_token": alice.access_token})
    assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")


async def test_without_a_token(world: World) -> None:
    answer = await world.call("GET", USERINFO)
    assert (answer.status, answer.errcode) == (401, "M_MISSING_TOKEN")


async def test_nobody_gets_one_for_another(world: World, alice: Account) -> None:
    bob = await world.register("bob")
    path = f"v3/user/{alice.user_id}/openid/request_token"
    answer = await world.call("POST", path, {}, token=bob.access_token)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


async def test_it_is_stored_as_a_digest(world: World, alice: Account) -> None:
    token = await token_of(world, alice)
    assert token not in await world.everything_stored()


@pytest.mark.parametrize(
    ("state", "status"),
    [({"is_locked": True}, 401), ({"expires_at": 1}, 401), ({"is_suspended": True}, 200)],
    ids=["locked", "expired", "suspended"],
)
async def test_it_vouches_for_nobody_who_cannot_log_in(
    world: World, alice: Account, state: dict[str, Any], status: int
) -> None:
    token = await token_of(world, alice)
    await world.change(alice, **state)
    answer = await world.call("GET", USERINFO, query={"access_token": token})
    assert (answer.status, answer.errcode) == (status, "M_UNKNOWN_TOKEN" if status == 401 else None)
    await world.change(alice, is_locked=False, expires_at=0, is_suspended=False)
    assert (await world.call("GET", USERINFO, query={"access_token": token})).status == 200


async def test_it_dies_with_the_account(world: World, alice: Account) -> None:
    token = await token_of(world, alice)
    await world.services.deactivations.deactivate(world.localpart(alice), world.origin, erase=False)
    answer = await world.call("GET", USERINFO, query={"access_token": token})
    assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")
