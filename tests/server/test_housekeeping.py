"""What is long dead is deleted, and nothing else."""

import logging

from ostiary.server.housekeeping import Housekeeping
from ostiary.server.logs import Log
from tests.world import Account, World

DAY_MS = 86_400_000
TABLES = ("accounts", "devices", "sessions", "access_tokens", "refresh_tokens", "uia_sessions")


async def counts(world: World) -> dict[str, int]:
    return {table: (await world.sql(f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES}


async def test_dead_tokens_ended_sessions_and_old_dialogues_are_forgotten(world: World, alice: Account) -> None:
    memory_ms = world.config.sessions.dead_token_memory_ms
    house = Housekeeping(world.services, Log(logging.getLogger("test")), dead_token_memory_ms=memory_ms)
    bob = await world.register("bob")
    await world.call("POST", "v3/logout", {}, token=bob.access_token)
    await world.call("POST", "v3/register", {"username": "carol"})
    used = await world.refresh(alice.refresh_token)
    await world.whoami(used.json["access_token"])
    everything = await counts(world)
    assert everything == {
        "accounts": 2, "devices": 1, "sessions": 2, "access_tokens": 3, "refresh_tokens": 3, "uia_sessions": 1,
    }  # fmt: skip

    world.clock.advance(DAY_MS - 1)
    await house.forget_dead()
    assert await counts(world) == everything
    world.clock.advance(DAY_MS)
    await house.forget_dead()
    assert await counts(world) == {**everything, "uia_sessions": 0}
    world.clock.advance(memory_ms)
    await house.forget_dead()
    assert await counts(world) == {
        "accounts": 2, "devices": 1, "sessions": 1, "access_tokens": 1, "refresh_tokens": 1, "uia_sessions": 0,
    }  # fmt: skip
    assert (await world.refresh(used.json["refresh_token"])).status == 200
