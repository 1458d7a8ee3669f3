"""What each key of rate_limits does: how many calls at once, and how soon another, by address and by account."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from ostiary.config import Config, Rate, RateConfig, RateLimitsConfig
from ostiary.config.keys import all_keys, with_value
from tests.server.handlers.test_validation import ask, sending
from tests.world import Account, Answer, World, open_world

Call = Callable[[World, Account], Awaitable[Answer]]

MINUTE: Final = 60_000
WIDE: Final = RateConfig(Rate(1_000_000, 1_000_000), Rate(1_000_000, 1_000_000))
ALL_WIDE: Final = RateLimitsConfig(True, WIDE, WIDE, WIDE, WIDE, WIDE, WIDE)


async def log_in(world: World, alice: Account) -> Answer:
    return await world.login("alice", "wrong")


async def register(world: World, alice: Account) -> Answer:
    return await world.call("POST", "v3/register", {"username": "bob", "password": "a new horse"})


async def refresh(world: World, alice: Account) -> Answer:
    return await world.refresh(alice.refresh_token)


async def check(world: World, alice: Account) -> Answer:
    return await world.call("GET", "v3/register/available", query={"username": "bob"})


async def change(world: World, alice: Account) -> Answer:
    path = f"v3/profile/{alice.user_id}/displayname"
    return await world.call("PUT", path, {"displayname": "Alice"}, token=alice.access_token)


async def message(world: World, alice: Account) -> Answer:
    return await ask(world)


CALLS: Final[dict[str, Call]] = {
    "login": log_in, "register": register, "refresh": refresh, "check": check, "change": change, "message": message,
}  # fmt: skip

each_limit = pytest.mark.parametrize("limit", CALLS)
each_side = pytest.mark.parametrize("side", ["per_address", "per_account"])


def limited(path: Path, limit: str, side: str, burst: int, per_minute: float) -> Config:
    """Nothing is limited but one thing in one way."""
    config = replace(sending(path), rate_limits=ALL_WIDE)
    for name, value in (("burst", burst), ("per_minute", per_minute)):
        config = with_value(config, all_keys()[f"rate_limits.{limit}.{side}.{name}"], value)
    return config


@each_side
@each_limit
@pytest.mark.parametrize("burst", [1, 3])
async def test_burst_is_how_many_at_once(tmp_path: Path, limit: str, side: str, burst: int) -> None:
    async with open_world(sending(tmp_path)) as world:
        alice = await world.register("alice")
    async with open_world(limited(tmp_path, limit, side, burst, 1), seed="another") as world:
        answers = [await CALLS[limit](world, alice) for _ in range(4)]
        assert [answer.status == 429 for answer in answers] == [number >= burst for number in range(4)]


@each_side
@each_limit
@pytest.mark.parametrize("per_minute", [1, 60])
async def test_another_comes_after_its_part_of_a_minute(tmp_path: Path, limit: str, side: str, per_minute: int) -> None:
    async with open_world(sending(tmp_path)) as world:
        alice = await world.register("alice")
    async with open_world(limited(tmp_path, limit, side, 1, per_minute), seed="another") as world:
        assert (await CALLS[limit](world, alice)).status != 429
        world.clock.advance(MINUTE // per_minute - 1)
        assert (await CALLS[limit](world, alice)).status == 429
        world.clock.advance(1)
        assert (await CALLS[limit](world, alice)).status != 429


@pytest.mark.parametrize("is_on", [True, False])
async def test_limits_can_be_lifted(tmp_path: Path, is_on: bool) -> None:
    config = limited(tmp_path, "login", "per_address", 1, 1)
    config = with_value(config, all_keys()["rate_limits.enabled"], is_on)
    async with open_world(config) as world:
        alice = await world.register("alice")
        answers = [await log_in(world, alice) for _ in range(2)]
        assert (answers[-1].status == 429) == is_on
