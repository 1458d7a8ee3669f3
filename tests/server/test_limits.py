"""Rate limits, and that a busy hashing pool refuses instead of queueing without end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import LimitExceeded
from ostiary.config import Rate, RateConfig, RateLimitsConfig
from ostiary.server.limits import MAX_KEYS, Bucket, Buckets, Limits, buckets_of, network_of
from tests.world import FAST_HASHES, PASSWORD, HeldClock, World, open_config, open_world

WIDE = Rate(1000, 1000.0)
NARROW = Rate(3, 6.0)  # one every ten seconds


def limited(login: RateConfig, **others: RateConfig) -> RateLimitsConfig:
    """These limits, and wide ones for everything else."""
    wide = RateConfig(WIDE, WIDE)
    get = others.get
    return RateLimitsConfig(
        login=login, register=get("register", wide), refresh=get("refresh", wide), check=get("check", wide)
    )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Three of anything from an address, and then one every ten seconds."""
    narrow = RateConfig(NARROW, WIDE)
    limits = limited(login=narrow, register=narrow, refresh=narrow, check=narrow)
    async with open_world(replace(open_config(tmp_path), rate_limits=limits)) as opened:
        await opened.services.registrations.create("alice", None)
        yield opened


class TestPerAddress:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "v3/login", {"type": "m.login.password", "user": "alice", "password": "x"}),
            ("POST", "v3/register", {"username": "bob"}),
            ("POST", "v3/refresh", {"refresh_token": "x"}),
            ("POST", "r0/tokenrefresh", {"refresh_token": "x"}),
            ("GET", "v3/register/available?username=bob", None),
            ("POST", "v3/account/password", {"new_password": PASSWORD}),
        ],
    )
    async def test_burst_and_then_one_an_interval(
        self, world: World, method: str, path: str, body: dict[str, str] | None
    ) -> None:
        path, _, query = path.partition("?")
        fields = dict([query.split("=")]) if query else None

        async def status() -> int:
            return (await world.call(method, path, body, query=fields)).status

        assert 429 not in [await status() for _ in range(3)]
        refused = await world.call(method, path, body, query=fields)
        assert (refused.status, refused.errcode) == (429, "M_LIMIT_EXCEEDED")
        assert refused.json["retry_after_ms"] == 10_001
        assert refused.headers["retry-after"] == "11"
        world.clock.advance(refused.json["retry_after_ms"])
        assert await status() != 429
        assert await status() == 429
        world.address = "192.0.2.2"
        assert await status() != 429

    async def test_whoami_is_not_limited(self, world: World) -> None:
        account = await world.register("bob")
        for _ in range(50):
            assert (await world.whoami(account.access_token)).status == 200


class TestPerAccount:
    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        limits = limited(login=RateConfig(WIDE, NARROW), refresh=RateConfig(WIDE, NARROW))
        async with open_world(replace(open_config(tmp_path), rate_limits=limits)) as opened:
            yield opened

    @pytest.mark.parametrize("name", ["alice", "nobody"])
    async def test_unknown_user_has_the_same_limit_as_a_known_one(self, world: World, name: str) -> None:
        await world.register("alice")
        for number in range(3):
            world.address = f"192.0.2.{number}"
            assert (await world.login(name.upper() if number else name, "wrong")).status == 403
        refused = await world.login(f"@{name}:localhost", "wrong")
        assert (refused.status, refused.errcode) == (429, "M_LIMIT_EXCEEDED")
        assert (await world.login("other", "wrong")).status == 403

    async def test_password_stage_counts_as_a_login(self, world: World) -> None:
        """Or whoever holds a stolen token could guess the password there."""
        alice = await world.register("alice")
        auth = {"type": "m.login.password", "password": "wrong"}
        for _ in range(3):
            answer = await world.call("DELETE", "v3/devices/X", {"auth": auth}, token=alice.access_token)
            assert answer.status == 401
        answer = await world.call("DELETE", "v3/devices/X", {"auth": auth}, token=alice.access_token)
        assert (answer.status, answer.errcode) == (429, "M_LIMIT_EXCEEDED")

    async def test_refreshing_one_session_is_limited(self, world: World) -> None:
        alice = await world.register("alice")
        for _ in range(3):
            assert (await world.refresh(alice.refresh_token)).status == 200
        assert (await world.refresh(alice.refresh_token)).status == 429


class TestHashingPool:
    async def test_full_pool_refuses_at_once_and_serves_everything_else(self, tmp_path: Path) -> None:
        slow = replace(FAST_HASHES, hashing_threads=1, hashing_queue=1, argon2_memory_kib=8192, argon2_time_cost=8)
        async with open_world(replace(open_config(tmp_path), passwords=slow)) as world:
            alice = await world.register("alice")
            logins = [asyncio.create_task(world.login("alice")) for _ in range(6)]
            await asyncio.sleep(0)
            assert (await world.whoami(alice.access_token)).status == 200
            answers = await asyncio.gather(*logins)
        assert sorted(answer.status for answer in answers) == [200, 200, 429, 429, 429, 429]
        (refused, *_) = (answer for answer in answers if answer.status == 429)
        assert refused.errcode == "M_LIMIT_EXCEEDED"
        assert refused.headers["retry-after"] == "1"


class TestLimits:
    async def test_memory_is_bounded(self) -> None:
        bucket = Bucket(1, 1_000_000)
        limits = Limits(HeldClock(), {limit: Buckets(bucket, bucket) for limit in RateLimit})
        for number in range(MAX_KEYS + 10):
            await limits.take_for_account(RateLimit.LOGIN, f"user{number}")
        assert len(limits._levels) <= MAX_KEYS
        with pytest.raises(LimitExceeded):  # the latest are remembered
            await limits.take_for_account(RateLimit.LOGIN, f"user{MAX_KEYS + 9}")

    @pytest.mark.parametrize("per_minute", [7.0, 0.7, 1e6, 1e-300])
    def test_full_bucket_always_has_its_burst(self, per_minute: float) -> None:
        """Also where an interval is no whole number of anything: once, sums of fractions refused every call."""
        config = RateLimitsConfig(check=RateConfig(Rate(1, per_minute), Rate(1, per_minute)))
        clock = HeldClock()
        limits = Limits(clock, buckets_of(config))
        for number in range(200):
            clock.advance(1)
            limits.take_for_address(RateLimit.CHECK, f"192.0.2.{number}")

    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("unix:", "unix:"),
        ],
    )
    def test_ipv6_is_counted_by_network(self, address: str, network: str) -> None:
        assert network_of(address) == network
