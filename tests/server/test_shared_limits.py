"""Limits of accounts over all processes: they are counted in the database, and mean what they mean in memory."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.accounts.values import CountedCall, Counting
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import LimitExceeded
from ostiary.config import Config, Rate, RateConfig, RateLimitsConfig, ServerConfig, serves_alone
from ostiary.server.housekeeping import ROWS_PER_STEP
from ostiary.server.limits import Bucket, Buckets, Limits, buckets_of
from ostiary.storage.store import SqlStore
from tests.databases import fresh_url
from tests.process import run_cli, serving
from tests.server.test_housekeeping import house_of
from tests.server.test_limits import WIDE, limited
from tests.storage.test_engines import Deaf, engine_at
from tests.world import PASSWORD, HeldClock, World, open_config, open_world

BURST = 4
NARROW = Rate(BURST, 6.0)  # one every ten seconds
INTERVAL_MS = 10_000
NEXT_MS = 10_001


def shared(path: Path, limits: RateLimitsConfig) -> Config:
    """A configuration of one of several processes, whichever the database."""
    return replace(open_config(path), rate_limits=limits, server=ServerConfig(workers=2))


class CountedStore(SqlStore):
    """Keeps how often the database was asked to count."""

    visits = 0

    async def count_call(self, call: CountedCall) -> Counting:
        self.visits += 1
        return await super().count_call(call)


class TestTwoServers:
    @pytest.fixture
    async def servers(self, tmp_path: Path) -> AsyncIterator[tuple[World, World]]:
        account = RateConfig(WIDE, NARROW)
        limits = limited(login=account, refresh=account, check=account)
        limits = replace(limits, change=account, message=account, register=RateConfig(WIDE, WIDE))
        config = shared(tmp_path, limits)
        async with open_world(config) as one, open_world(config, clock=one.clock, seed="other") as other:
            yield one, other

    @pytest.mark.parametrize("name", ["alice", "nobody"])
    async def test_of_many_logins_at_both_the_burst_is_let_through(
        self, servers: tuple[World, World], name: str
    ) -> None:
        await servers[0].register("alice")
        answers = await asyncio.gather(*(server.login(name, "wrong") for server in servers for _ in range(8)))
        assert sorted(answer.status for answer in answers) == [403] * BURST + [429] * (16 - BURST)
        assert {answer.json["retry_after_ms"] for answer in answers if answer.status == 429} == {NEXT_MS}
        servers[0].clock.advance(NEXT_MS)
        again = await asyncio.gather(*(server.login(name, "wrong") for server in servers for _ in range(2)))
        assert sorted(answer.status for answer in again) == [403, 429, 429, 429]

    async def test_of_many_refreshes_at_both_the_burst_is_let_through(self, servers: tuple[World, World]) -> None:
        alice = await servers[0].register("alice")
        calls = [server.refresh(alice.refresh_token) for server in servers for _ in range(8)]
        statuses = [answer.status for answer in await asyncio.gather(*calls)]
        assert sorted(statuses) == [200] * BURST + [429] * (16 - BURST)

    async def test_changes_are_counted_together(self, servers: tuple[World, World]) -> None:
        alice = await servers[0].register("alice")
        path = f"v3/profile/{alice.user_id}/displayname"
        statuses = []
        for number in range(BURST + 2):
            answer = await servers[number % 2].call("PUT", path, {"displayname": "x"}, token=alice.access_token)
            statuses.append(answer.status)
        assert statuses == [200] * BURST + [429] * 2

    async def test_restart_forgets_nothing(self, servers: tuple[World, World]) -> None:
        for _ in range(BURST):
            assert (await servers[0].login("alice", "wrong")).status == 403
        async with open_world(servers[0].config, clock=servers[0].clock, seed="third") as third:
            assert (await third.login("alice", "wrong")).status == 429

    async def test_what_is_stored_names_nobody(self, servers: tuple[World, World]) -> None:
        """People type their passwords into the wrong field."""
        await servers[0].login("my-secret-password" * 1000, "wrong")
        rows = await servers[0].sql("SELECT digest, full_at_us FROM buckets")
        assert [len(digest) for digest, _ in rows] == [16]
        assert "my-secret" not in repr(rows)


class TestServersWhoseClocksDiffer:
    """One is three seconds ahead; a call comes back every ten."""

    AHEAD_MS = 3_000

    async def test_limit_is_the_one_of_the_clock_ahead(self, tmp_path: Path) -> None:
        config = shared(tmp_path, limited(login=RateConfig(WIDE, NARROW)))
        ahead = HeldClock()
        ahead.advance(self.AHEAD_MS)
        async with open_world(config) as behind, open_world(config, clock=ahead, seed="other") as other:
            let_through = 0
            for _ in range(100):
                let_through += (await behind.login("alice", "wrong")).status == 403
                let_through += (await other.login("alice", "wrong")).status == 403
                behind.clock.advance(1_000)
                ahead.advance(1_000)
            assert let_through <= BURST + (100_000 + self.AHEAD_MS) / INTERVAL_MS
            assert let_through >= BURST + 100_000 // INTERVAL_MS - 1


class TestVisits:
    """What the counting costs."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[CountedStore]:
        engine = engine_at(fresh_url(tmp_path))
        await engine.start(Deaf())
        yield CountedStore(engine)
        await engine.stop()

    async def test_what_was_refused_is_refused_again_without_asking(self, store: CountedStore) -> None:
        clock = HeldClock()
        bucket = Bucket(2, INTERVAL_MS * 1_000)
        buckets = {limit: Buckets(bucket, bucket) for limit in RateLimit}
        one, other = Limits(clock, buckets, store), Limits(clock, buckets, store)
        assert await taken(one, 5) == [True, True, False, False, False]
        assert store.visits == 2
        assert await taken(other, 5) == [False] * 5
        assert store.visits == 3
        clock.advance(INTERVAL_MS)
        assert await taken(other, 2) == [True, False]
        assert await taken(one, 2) == [False, False]
        assert store.visits == 5

    async def test_clock_that_was_wrong_is_forgotten(self, store: CountedStore) -> None:
        """It was ahead by a year, for a moment."""
        clock, wrong = HeldClock(), HeldClock()
        wrong.advance(365 * 86_400_000)
        bucket = Bucket(1, INTERVAL_MS * 1_000)
        buckets = {limit: Buckets(bucket, bucket) for limit in RateLimit}
        assert await taken(Limits(wrong, buckets, store), 1) == [True]
        assert await taken(Limits(clock, buckets, store), 2) == [True, False]

    @pytest.mark.parametrize("ahead", [True, False])
    async def test_counts_are_forgotten_once_they_say_nothing(self, tmp_path: Path, ahead: bool) -> None:
        config = shared(tmp_path, limited(login=RateConfig(WIDE, NARROW)))
        async with open_world(config) as world:
            house, limiter = house_of(world), world.services.limiter
            for number in range(ROWS_PER_STEP + 5):
                await limiter.take_for_account(RateLimit.LOGIN, f"user{number}")
            await house.forget_dead()
            assert [*await world.sql("SELECT count(*) FROM buckets")] == [(ROWS_PER_STEP + 5,)]
            world.clock.advance(2 * 60_000 if ahead else -365 * 86_400_000)
            await house.forget_dead()
            assert [*await world.sql("SELECT count(*) FROM buckets")] == [(0,)]


async def taken(limits: Limits, count: int) -> Sequence[bool]:
    """Which of so many calls were let through."""
    results = []
    for _ in range(count):
        try:
            await limits.take_for_account(RateLimit.LOGIN, "alice")
        except LimitExceeded:
            results.append(False)
        else:
            results.append(True)
    return results


EXAMPLES = itertools.count()
"""Each has names of its own in the database."""

calls = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(-3_000, 20_000) | st.sampled_from([0, 0, 8_571, 8_572])),
    max_size=30,
)
rates = st.builds(Rate, st.integers(1, 4), st.sampled_from([7.0, 6.0, 1e6, 59.9, 1e-9]))


@given(calls=calls, rate=rates, forgetful=st.booleans())
def test_buckets_in_memory_and_in_the_database_agree(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[str, int]], rate: Rate, forgetful: bool
) -> None:
    """On any sequence of calls, also where a clock goes back a little. ``forgetful``: every call asks the database."""
    asyncio.run(compare(tmp_path_factory.getbasetemp(), calls, rate, forgetful=forgetful))


async def compare(path: Path, calls: list[tuple[str, int]], rate: Rate, *, forgetful: bool) -> None:
    clock = HeldClock()
    config = RateLimitsConfig(login=RateConfig(rate, rate))
    engine = engine_at(fresh_url(path))
    await engine.start(Deaf())
    try:
        store = SqlStore(engine)
        prefix = f"{next(EXAMPLES)} "
        in_memory = Limits(clock, buckets_of(config))
        in_store = [Limits(clock, buckets_of(config), store) for _ in range(2)]
        for number, (name, later) in enumerate(calls):
            clock.advance(later)
            expected = await outcome(in_memory, prefix + name)
            found = await outcome(in_store[number % 2], prefix + name)
            assert (found is None) == (expected is None)
            if forgetful:  # else one may remember when there was a call left, which another has taken since
                assert found == expected
                in_store = [Limits(clock, buckets_of(config), store) for _ in range(2)]
    finally:
        await engine.stop()


async def outcome(limits: Limits, account: str) -> int | None:
    try:
        await limits.take_for_account(RateLimit.LOGIN, account)
    except LimitExceeded as refused:
        return refused.retry_after_ms
    return None


@pytest.mark.parametrize(
    ("database", "workers", "alone"),
    [
        ("sqlite:///x.db", 1, True),
        ("sqlite:///x.db", 2, False),
        ("postgresql://db/x", 1, False),
    ],
)
def test_where_accounts_are_counted(database: str, workers: int, alone: bool) -> None:
    assert serves_alone(Config(database=database, server=ServerConfig(workers=workers))) is alone


def test_real_processes_share_a_limit(tmp_path: Path) -> None:
    database = fresh_url(tmp_path)
    environment = {
        "OSTIARY_RATE_LIMITS__LOGIN__PER_ACCOUNT__BURST": str(BURST),
        "OSTIARY_RATE_LIMITS__LOGIN__PER_ACCOUNT__PER_MINUTE": "0.001",
        "OSTIARY_RATE_LIMITS__LOGIN__PER_ADDRESS__BURST": "1000",
        "OSTIARY_PASSWORDS__ARGON2_MEMORY_KIB": "8",
        "OSTIARY_PASSWORDS__ARGON2_TIME_COST": "1",
    }
    made = run_cli(
        tmp_path, "admin", "accounts", "create", "alice", "--password-stdin", "--database", database,
        stdin=PASSWORD, environment=environment,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with serving(tmp_path, "--workers", "2", "--database", database, environment=environment) as server:
        body: dict[str, Any] = {"type": "m.login.password", "user": "alice", "password": "wrong"}
        statuses = [server.call("POST", "v3/login", body)[0] for _ in range(30)]
    assert statuses == [403] * BURST + [429] * (30 - BURST)
