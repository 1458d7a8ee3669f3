"""The stage m.login.registration_token, and whether a token is valid."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.config import RegistrationConfig
from tests.world import PASSWORD, Answer, World, open_config, open_world

STAGE = "m.login.registration_token"
VALIDITY = f"v1/register/{STAGE}/validity"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    registration = RegistrationConfig(enabled=True, flows=((STAGE, "m.login.dummy"),))
    async with open_world(open_config(tmp_path, registration=registration)) as opened:
        yield opened


async def register(world: World, auth: dict[str, Any] | None = None, **fields: Any) -> Answer:
    body = {"username": "alice", "password": PASSWORD, **fields}
    return await world.call("POST", "v3/register", body if auth is None else {**body, "auth": auth})


async def is_valid(world: World, token: str) -> bool:
    answer = await world.call("GET", VALIDITY, query={"token": token})
    assert answer.status == 200
    valid: bool = answer.json["valid"]
    return valid


async def start(world: World, token: str, **fields: Any) -> tuple[Answer, str]:
    """Open a dialogue and show the token."""
    session = (await register(world, **fields)).json["session"]
    return await register(world, {"type": STAGE, "token": token, "session": session}, **fields), session


async def finish(world: World, session: str, **fields: Any) -> Answer:
    return await register(world, {"type": "m.login.dummy", "session": session}, **fields)


@pytest.mark.parametrize("kind", [STAGE, "org.matrix.msc3231.login.registration_token"])
async def test_opens_registration(world: World, kind: str) -> None:
    token = (await world.services.invitations.create(uses_allowed=1)).token
    assert await is_valid(world, token)
    session = (await register(world)).json["session"]
    shown = await register(world, {"type": kind, "token": token, "session": session})
    assert (shown.status, shown.json["completed"]) == (401, [STAGE])
    assert not await is_valid(world, token), "the use is held"
    assert (await finish(world, session)).status == 200
    assert not await is_valid(world, token)
    stored = await world.services.invitations.get(token)
    assert (stored.pending, stored.completed) == (0, 1)


@pytest.mark.parametrize("token", ["nonsense", "", "x" * 5000, "a b"])
async def test_unknown_token(world: World, token: str) -> None:
    shown, _ = await start(world, token)
    assert (shown.status, shown.errcode) == (401, "M_UNAUTHORIZED")
    assert shown.json["flows"]
    assert not await is_valid(world, token)


async def test_no_more_dialogues_than_uses(world: World) -> None:
    token = (await world.services.invitations.create(uses_allowed=1)).token
    first, session = await start(world, token)
    assert first.json["completed"] == [STAGE]
    second, _ = await start(world, token, username="bob")
    assert second.errcode == "M_UNAUTHORIZED"
    again = await register(world, {"type": STAGE, "token": token, "session": session})
    assert again.json["completed"] == [STAGE]


async def test_a_dialogue_that_is_given_up_gives_its_use_back(world: World) -> None:
    token = (await world.services.invitations.create(uses_allowed=1)).token
    await start(world, token)
    world.clock.advance(world.config.uia.session_lifetime_ms)
    assert await is_valid(world, token)
    shown, session = await start(world, token, username="bob")
    assert shown.json["completed"] == [STAGE]
    assert (await finish(world, session, username="bob")).status == 200


async def test_expiry(world: World) -> None:
    token = (await world.services.invitations.create(expires_at=world.clock.now() + 1000)).token
    world.clock.advance(1000)
    assert not await is_valid(world, token)
    shown, _ = await start(world, token)
    assert shown.errcode == "M_UNAUTHORIZED"


async def test_without_limit(world: World) -> None:
    token = (await world.services.invitations.create()).token
    for name in ("alice", "bob", "carol"):
        _, session = await start(world, token, username=name)
        assert (await finish(world, session, username=name)).status == 200


async def test_validity_where_registration_is_closed(tmp_path: Path) -> None:
    config = open_config(tmp_path, registration=RegistrationConfig(enabled=False))
    async with open_world(config) as world:
        answer = await world.call("GET", VALIDITY, query={"token": "x"})
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


async def test_validity_needs_a_token(world: World) -> None:
    answer = await world.call("GET", VALIDITY)
    assert (answer.status, answer.errcode) == (400, "M_MISSING_PARAM")
