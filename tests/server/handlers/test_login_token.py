"""POST /login/get_token, and logging in with what it gives."""

from pathlib import Path

from ostiary.config import LoginConfig
from tests.world import Account, Answer, World, open_config, open_world, password_auth

PATH = "v1/login/get_token"


async def token_of(world: World, account: Account) -> str:
    answer = await world.call("POST", PATH, {"auth": password_auth(account)}, token=account.access_token)
    assert answer.status == 200, answer
    assert answer.json["expires_in_ms"] == 120_000
    token: str = answer.json["login_token"]
    return token


async def log_in(world: World, token: str) -> Answer:
    return await world.call("POST", "v3/login", {"type": "m.login.token", "token": token})


async def test_one_token_opens_one_session_of_another_device(world: World, alice: Account) -> None:
    token = await token_of(world, alice)
    answer = await log_in(world, token)
    assert answer.status == 200
    assert answer.json["user_id"] == alice.user_id
    assert answer.json["device_id"] != alice.device_id
    assert (await world.whoami(answer.json["access_token"])).status == 200
    again = await log_in(world, token)
    assert (again.status, again.errcode) == (403, "M_FORBIDDEN")
    assert (await world.whoami(alice.access_token)).status == 200


async def test_it_always_asks(world: World, alice: Account) -> None:
    for _ in range(2):
        asked = await world.call("POST", PATH, {}, token=alice.access_token)
        assert asked.status == 401
        assert asked.json["flows"] == [{"stages": ["m.login.password"]}]
        await token_of(world, alice)


async def test_it_expires(world: World, alice: Account) -> None:
    token = await token_of(world, alice)
    world.clock.advance(120_000)
    assert (await log_in(world, token)).errcode == "M_FORBIDDEN"


async def test_a_dead_account_is_not_logged_in(world: World, alice: Account) -> None:
    token = await token_of(world, alice)
    await world.change(alice, is_locked=True)
    assert (await log_in(world, token)).errcode == "M_USER_LOCKED"


async def test_what_is_no_token_is_refused_alike(world: World, alice: Account) -> None:
    for text in ("", "x", alice.access_token, "ostl_" + "0" * 27 + "_000000"):
        answer = await log_in(world, text)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    missing = await world.call("POST", "v3/login", {"type": "m.login.token"})
    assert (missing.status, missing.errcode) == (400, "M_MISSING_PARAM")


async def test_it_is_stored_as_a_digest(world: World, alice: Account) -> None:
    assert await token_of(world, alice) not in await world.everything_stored()


async def test_it_can_be_forbidden(tmp_path: Path) -> None:
    async with open_world(open_config(tmp_path, login=LoginConfig(token=False))) as world:
        alice = await world.register("alice")
        answer = await world.call("POST", PATH, {"auth": password_auth(alice)}, token=alice.access_token)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert (await world.call("GET", "v3/login")).json == {"flows": [{"type": "m.login.password"}]}
        refused = await log_in(world, "x")
        assert (refused.status, refused.errcode) == (400, "M_UNKNOWN")
        told = await world.call("GET", "v3/capabilities", token=alice.access_token)
        assert told.json["capabilities"]["m.get_login_token"] == {"enabled": False}


async def test_passwords_can_be_forbidden(tmp_path: Path) -> None:
    async with open_world(open_config(tmp_path, login=LoginConfig(password=False))) as world:
        await world.register("alice")
        refused = await world.login("alice")
        assert (refused.status, refused.errcode) == (400, "M_UNKNOWN")
