"""POST /account/deactivate."""

from pathlib import Path

from tests.server.handlers.test_validation import ADDRESS, ask, give, sending
from tests.world import PASSWORD, Account, World, open_world, password_auth

PATH = "v3/account/deactivate"


async def test_ends_the_account_for_good(world: World, alice: Account) -> None:
    other = await world.relogin(alice)
    await world.call(
        "PUT", f"v3/profile/{alice.user_id}/displayname", {"displayname": "Alice"}, token=alice.access_token
    )
    answer = await world.call("POST", PATH, {"auth": password_auth(alice)}, token=alice.access_token)
    assert (answer.status, answer.json) == (200, {"id_server_unbind_result": "success"})
    for token in (alice.access_token, other.access_token):
        gone = await world.whoami(token)
        assert (gone.status, gone.errcode) == (401, "M_UNKNOWN_TOKEN")
        assert gone.json.get("soft_logout", False) is False
    assert (await world.refresh(alice.refresh_token)).errcode == "M_UNKNOWN_TOKEN"
    # The hash is gone, so that nobody can prove to have been the owner.
    assert (await world.login("alice")).errcode == "M_FORBIDDEN"


async def test_the_name_is_never_given_again(world: World, alice: Account) -> None:
    await world.call("POST", PATH, {"auth": password_auth(alice)}, token=alice.access_token)
    again = await world.call(
        "POST", "v3/register", {"username": "alice", "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    )
    assert (again.status, again.errcode) == (400, "M_USER_IN_USE")
    free = await world.call("GET", "v3/register/available", query={"username": "alice"})
    assert free.errcode == "M_USER_IN_USE"


async def test_without_a_token_the_password_says_whose(world: World, alice: Account) -> None:
    asked = await world.call("POST", PATH, {})
    assert asked.status == 401
    answer = await world.call("POST", PATH, {"auth": password_auth(alice, asked.json["session"])})
    assert answer.status == 200
    assert (await world.whoami(alice.access_token)).errcode == "M_UNKNOWN_TOKEN"


async def test_wrong_password_ends_nothing(world: World, alice: Account) -> None:
    body = {"auth": password_auth(alice, password="wrong")}
    answer = await world.call("POST", PATH, body, token=alice.access_token)
    assert (answer.status, answer.errcode) == (401, "M_FORBIDDEN")
    assert (await world.whoami(alice.access_token)).status == 200


async def test_the_lost_answer_of_a_dialogue_is_not_an_error_of_the_server(world: World, alice: Account) -> None:
    asked = await world.call("POST", PATH, {})
    body = {"auth": password_auth(alice, asked.json["session"])}
    assert (await world.call("POST", PATH, body)).status == 200
    again = await world.call("POST", PATH, body)
    assert again.status in (401, 403)


async def test_erasing_forgets_the_address_wherever_it_stands(tmp_path: Path) -> None:
    async with open_world(sending(tmp_path)) as world:
        alice = await world.register("alice")
        await give(world, alice)
        await ask(world, "reset")
        await world.services.invitations.invite(ADDRESS, None, lifetime_ms=86_400_000)
        assert ADDRESS in await world.everything_stored()
        body = {"auth": password_auth(alice), "erase": True}
        assert (await world.call("POST", PATH, body, token=alice.access_token)).status == 200
        assert ADDRESS not in await world.everything_stored()


async def test_erasing_forgets_where_and_as_whom_it_was_used(world: World, alice: Account) -> None:
    await world.services.last_seen.write()
    await world.call(
        "PUT", f"v3/profile/{alice.user_id}/displayname", {"displayname": "Lady Alice"}, token=alice.access_token
    )
    body = {"auth": password_auth(alice), "erase": True}
    assert (await world.call("POST", PATH, body, token=alice.access_token)).status == 200
    stored = await world.everything_stored()
    assert "Lady Alice" not in stored
    assert world.address not in stored
