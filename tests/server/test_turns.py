"""Of many processes one keeps house, step by step; and what two of them write about one device."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ostiary.accounts.devices import LastSeen
from ostiary.accounts.model import Origin
from ostiary.accounts.ports import StoreUnavailable
from ostiary.api.identifiers import Localpart
from ostiary.config import RegistrationConfig
from ostiary.server.housekeeping import ROWS_PER_STEP, Housekeeping, house_rules
from ostiary.server.logs import Log
from ostiary.server.turns import LEASE_MS, WRONG_CLOCK_MS, Chore, Rest, Turns
from ostiary.storage.store import SqlStore
from ostiary.storage.work import Engine, Work, ask
from ostiary.storage.works import buckets, devices, forgetting, outbox, states
from tests.server.handlers.test_validation import give, sending
from tests.server.test_housekeeping import DAY_MS
from tests.world import HeldClock, World, open_config, open_world

HOUR_MS = 3_600_000
PROCESSES = 4


async def no_rest() -> None:
    await asyncio.sleep(0)


@pytest.fixture
async def worlds(tmp_path: Path) -> AsyncIterator[list[World]]:
    """Several servers on one database, by one clock, which send notices."""
    registration = RegistrationConfig(enabled=True, account_lifetime_ms=30 * DAY_MS, expiry_notice_ms=7 * DAY_MS)
    config = replace(sending(tmp_path), registration=registration)
    clock = HeldClock()
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_world(config, clock=clock, seed=f"seed {number}"))
            for number in range(PROCESSES)
        ]


class Counted:
    """A chore that says how often it was done, and does so many steps."""

    def __init__(self, steps: int = 0, during: Callable[[], None] = lambda: None) -> None:
        self.done = 0
        self._steps = steps
        self._during = during

    async def __call__(self, rest: Rest) -> None:
        for _ in range(self._steps):
            self._during()
            await rest()
        self.done += 1


class TestTurns:
    async def turns_of(self, worlds: list[World]) -> list[Turns]:
        return [
            Turns(world.services.store, world.clock, f"process {number}", no_rest)
            for number, world in enumerate(worlds)
        ]

    async def test_one_of_many_does_it_each_time(self, worlds: list[World]) -> None:
        counted = Counted(steps=2)
        chore = Chore("count", HOUR_MS, counted)
        turns = await self.turns_of(worlds)
        for hour in range(1, 5):
            await asyncio.gather(*(one.do(chore) for one in turns for _ in range(3)))
            assert counted.done == hour
            worlds[0].clock.advance(HOUR_MS - 1)
            await asyncio.gather(*(one.do(chore) for one in turns))
            assert counted.done == hour
            worlds[0].clock.advance(1)

    async def test_who_dies_gives_way_when_the_lease_is_over(self, worlds: list[World]) -> None:
        dying, other, *_ = await self.turns_of(worlds)
        began = asyncio.Event()

        async def hang(_: Rest) -> None:
            began.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(dying.do(Chore("count", HOUR_MS, hang)))
        await began.wait()
        task.cancel()  # as at a kill: nothing is told
        counted = Counted()
        assert not await other.do(Chore("count", HOUR_MS, counted))
        worlds[0].clock.advance(LEASE_MS - 1)
        assert not await other.do(Chore("count", HOUR_MS, counted))
        worlds[0].clock.advance(1)
        assert await other.do(Chore("count", HOUR_MS, counted))
        assert counted.done == 1

    async def test_who_goes_on_keeps_the_turn_for_as_long(self, worlds: list[World]) -> None:
        clock = worlds[0].clock
        slow, other, *_ = await self.turns_of(worlds)
        began = asyncio.Event()

        def go_on() -> None:
            clock.advance(LEASE_MS // 4)
            began.set()

        counted = Counted(steps=100, during=go_on)
        task = asyncio.create_task(slow.do(Chore("count", HOUR_MS, counted)))
        await began.wait()
        stolen = 0
        while not task.done():
            stolen += await other.do(Chore("count", HOUR_MS, Counted()))
            await asyncio.sleep(0)
        assert (await task, stolen, counted.done) == (True, 0, 1)

    async def test_who_stood_still_for_too_long_stops(self, worlds: list[World]) -> None:
        clock = worlds[0].clock
        slow, other, *_ = await self.turns_of(worlds)
        counted = Counted()

        async def stand_still(rest: Rest) -> None:
            clock.advance(LEASE_MS)
            assert await other.do(Chore("count", HOUR_MS, counted))
            await rest()
            raise AssertionError("it goes on")

        assert not await slow.do(Chore("count", HOUR_MS, stand_still))
        assert counted.done == 1

    async def test_what_fails_is_tried_again_by_whoever_comes(self, worlds: list[World]) -> None:
        failing, other, *_ = await self.turns_of(worlds)

        async def fail(_: Rest) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await failing.do(Chore("count", HOUR_MS, fail))
        worlds[0].clock.advance(LEASE_MS)
        assert await other.do(Chore("count", HOUR_MS, Counted()))

    async def test_clock_that_was_wrong_stops_nothing_for_long(self, worlds: list[World]) -> None:
        """It was ahead by ten years, then by less than can be told from a lease."""
        wrong = HeldClock()
        turns = Turns(worlds[0].services.store, wrong, "wrong", no_rest)
        right = (await self.turns_of(worlds))[1]
        chore = Chore("count", HOUR_MS, Counted())
        wrong.advance(10 * 365 * DAY_MS)
        assert await turns.do(chore)
        assert await right.do(chore)
        wrong.advance(WRONG_CLOCK_MS - 10 * 365 * DAY_MS)
        worlds[0].clock.advance(HOUR_MS)
        wrong.advance(HOUR_MS)
        assert await turns.do(chore)
        worlds[0].clock.advance(HOUR_MS)
        assert not await right.do(chore)
        worlds[0].clock.advance(WRONG_CLOCK_MS)
        assert await right.do(chore)

    async def test_own_clock_that_was_wrong_stops_nothing(self, worlds: list[World]) -> None:
        clock = worlds[0].clock
        one = (await self.turns_of(worlds))[0]
        chore = Chore("count", HOUR_MS, Counted())
        clock.advance(10 * 365 * DAY_MS)
        assert await one.do(chore)
        clock.advance(-10 * 365 * DAY_MS)
        assert await one.do(chore)


def house_of(world: World, rest: Any = no_rest) -> Housekeeping:
    return Housekeeping(world.services, Log(logging.getLogger("test")), house_rules(world.config), rest)


class TestRounds:
    async def test_rounds_of_many_tell_and_expire_once(self, worlds: list[World]) -> None:
        houses = [house_of(world) for world in worlds]
        for number in range(30):
            account = await worlds[0].register(f"u{number}")
            await give(worlds[0], account, f"u{number}@example.org")

        async def all_go_round() -> None:
            await asyncio.gather(*(house.go_round() for house in houses))

        worlds[0].clock.advance(25 * DAY_MS)
        await all_go_round()
        await all_go_round()
        assert len(await worlds[0].messages()) == 30
        worlds[0].clock.advance(5 * DAY_MS)
        await all_go_round()
        ((expired,),) = await worlds[0].sql("SELECT count(*) FROM audit_events WHERE kind = 'expired'")
        assert expired == 30

    async def test_steps_that_do_overlap_do_nothing_twice(self, worlds: list[World]) -> None:
        """As where clocks are far apart: the turn is not what keeps things right."""
        for number in range(120):
            await worlds[0].services.registrations.create(f"u{number}", None)
        worlds[0].clock.advance(30 * DAY_MS)
        await asyncio.gather(*(house_of(world).expire_accounts() for world in worlds))
        ((expired,),) = await worlds[0].sql("SELECT count(*) FROM audit_events WHERE kind = 'expired'")
        assert expired == 120

    async def test_idle_devices_are_logged_out_once(self, tmp_path: Path) -> None:
        config = open_config(tmp_path)
        config = replace(config, sessions=replace(config.sessions, idle_lifetime_ms=DAY_MS))
        async with open_world(config) as one, open_world(config, clock=one.clock, seed="other") as other:
            for number in range(20):
                await one.register(f"u{number}")
            one.clock.advance(2 * DAY_MS)
            await asyncio.gather(*(house_of(world).end_idle_devices() for world in (one, other)))
            ((ended,),) = await one.sql("SELECT count(*) FROM audit_events WHERE kind = 'sessions_idle'")
            assert ended == 20


DEAD = 18_000
CHORES = (
    devices._LOOK_FOR_IDLE,
    states._EXPIRED,
    states._EXPIRING,
    outbox._DUE,
    outbox._MISDATED,
    buckets._STEP,
    buckets._FORGET,
)
"""Whatever else is asked again and again, whether there is something to do or not."""


class TestSteps:
    async def test_many_dead_rows_hold_up_nobody(self, tmp_path: Path) -> None:
        """Rest any two steps a request is served, and no step deletes more than its share."""
        async with open_world(open_config(tmp_path)) as world:
            alice = await world.register("alice")
            await world.services.store._engine.write(dead_rows(DEAD))  # type: ignore[attr-defined]
            served = 0
            left = [await rows_of(world)]

            async def serve_somebody() -> None:
                nonlocal served
                answer = await world.call("PUT", f"v3/devices/{alice.device_id}", {"display_name": "x"},
                                          token=alice.access_token)  # fmt: skip
                assert answer.status == 200
                served += 1
                left.append(await rows_of(world))

            await house_of(world, serve_somebody).forget_dead()
            deleted = [before - after for before, after in pairwise(left)]
            assert max(deleted) <= ROWS_PER_STEP
            assert sum(deleted) == DEAD
            assert served >= DEAD / max(deleted)
            assert (await world.whoami(alice.access_token)).status == 200

    @pytest.mark.parametrize("sql", [*forgetting.STATEMENTS.values(), *CHORES])
    async def test_no_step_looks_at_all_rows(self, world: World, sql: str) -> None:
        assert not await scans_of(world, sql)

    async def test_what_looks_at_all_rows_is_told(self, world: World) -> None:
        assert await scans_of(world, "DELETE FROM outbox WHERE created_at < :before")


def dead_rows(count: int) -> Work[None]:
    """Rows of every kind that are to be forgotten, so many in all."""
    each = count // 6
    for number in range(each):
        digest = number.to_bytes(8)
        yield ask("INSERT INTO sessions (session_id, localpart, device_id, kind, state, root, generation, "
                  "access_digest, since, created_at, ended_at) "
                  "VALUES (:id, 'alice', 'X', 'user', 'active', :digest, 0, :digest, 0, 0, 1)",
                  id=1_000 + number, digest=digest)  # fmt: skip
        yield ask("INSERT INTO uia_sessions (digest, operation, target, parameters, completed, expires_at) "
                  "VALUES (:digest, 'X', '', '{}', '[]', 1)", digest=digest)  # fmt: skip
        yield ask("INSERT INTO validations (sid, purpose, medium, address, secret_digest, send_attempt, language, "
                  "wrong_codes, is_held, expires_at) VALUES (:sid, 'add', 'email', 'x', :digest, 1, '', 0, 0, 1)",
                  sid=str(number), digest=digest)  # fmt: skip
        for table in ("login_tokens", "openid_tokens"):
            yield ask(f"INSERT INTO {table} (digest, localpart, expires_at) VALUES (:digest, 'alice', 1)",
                      digest=digest)  # fmt: skip
        yield ask("INSERT INTO outbox (kind, medium, address, language, content, created_at, next_attempt_at, "
                  "attempts, given_up_at) VALUES ('signed_in', 'email', 'x', '', '{}', 1, 1, 1, 1)")  # fmt: skip


async def rows_of(world: World) -> int:
    tables = ("sessions", "uia_sessions", "validations", "login_tokens", "openid_tokens", "outbox")
    ((count,),) = await world.sql("SELECT " + " + ".join(f"(SELECT count(*) FROM {table})" for table in tables))
    return int(count)


async def scans_of(world: World, sql: str) -> list[str]:
    """The steps of a statement's plan that go through a whole table."""
    return await engine_of(world).write(plan(sql, on_postgres="postgresql" in world.config.database))


def engine_of(world: World) -> Engine:
    engine: Engine = world.services.store._engine  # type: ignore[attr-defined]
    return engine


def plan(sql: str, *, on_postgres: bool) -> Work[list[str]]:
    if on_postgres:
        yield ask("SET LOCAL enable_seqscan = off")  # a table without rows would be read as a whole in any case
    sql = re.sub(r"(?<=digest )([<>]=?) :(after|last)\b", rf"\1 CAST('5' AS {'BYTEA' if on_postgres else 'BLOB'})", sql)
    sql = re.sub(r"(?<!:):(localpart|device_id)\b", "'5'", sql)
    sql = re.sub(r"(?<!:):[a-z_]+", "5", sql)
    rows = yield ask(f"EXPLAIN {'' if on_postgres else 'QUERY PLAN'} {sql}")
    if on_postgres:
        return [step for (step,) in rows if "Seq Scan" in step]
    return [step for *_, step in rows if step.startswith("SCAN")]


class AwayAtFirst(SqlStore):
    """A store that cannot be reached once."""

    is_away = True

    async def note_last_seen(self, seen: Mapping[tuple[Localpart, str], tuple[int, Origin]]) -> None:
        if self.is_away:
            self.is_away = False
            raise StoreUnavailable
        await super().note_last_seen(seen)


class TestLastSeen:
    async def test_what_was_seen_earlier_and_is_written_later_changes_nothing(self, world: World) -> None:
        alice = await world.register("alice")
        one, other = LastSeen(world.services.store), LastSeen(world.services.store)
        now = world.clock.now()
        localpart = Localpart("alice")
        one.note(localpart, alice.device_id, now + 1_000, Origin("192.0.2.1", "old"))
        other.note(localpart, alice.device_id, now + 9_000, Origin("192.0.2.2", "new"))
        await other.write()
        await one.write()
        assert await seen(world) == (now + 9_000, "192.0.2.2", "new")

    async def test_clock_that_was_wrong_is_corrected(self, world: World) -> None:
        alice = await world.register("alice")
        last_seen = LastSeen(world.services.store)
        now = world.clock.now()
        for at in (now + 365 * DAY_MS, now):
            last_seen.note(Localpart("alice"), alice.device_id, at, Origin("192.0.2.1", "x"))
            await last_seen.write()
        assert (await seen(world))[0] == now

    async def test_what_could_not_be_written_is_written_next_time(self, world: World) -> None:
        alice = await world.register("alice")
        store, now = AwayAtFirst(engine_of(world)), world.clock.now()
        last_seen = LastSeen(store)
        last_seen.note(Localpart("alice"), alice.device_id, now, Origin("192.0.2.1", "x"))
        with pytest.raises(StoreUnavailable):
            await last_seen.write()
        await last_seen.write()
        assert await seen(world) == (now, "192.0.2.1", "x")

    async def test_two_that_write_the_same_devices_do_not_wait_for_each_other(self, world: World) -> None:
        devices = [(await world.register(f"u{number}")).device_id for number in range(30)]
        ones = [LastSeen(world.services.store) for _ in range(8)]
        for turn, one in enumerate(ones):
            for number, device_id in list(enumerate(devices))[:: 1 if turn % 2 else -1]:
                one.note(Localpart(f"u{number}"), device_id, world.clock.now() + turn, Origin("192.0.2.1", "x"))
        await asyncio.gather(*(one.write() for one in ones))
        rows = await world.sql("SELECT DISTINCT last_seen_at FROM devices")
        assert [*rows] == [(world.clock.now() + 7,)]


async def seen(world: World) -> tuple[int, str, str]:
    ((at, address, user_agent),) = await world.sql(
        "SELECT last_seen_at, last_seen_ip, last_seen_user_agent FROM devices WHERE localpart = 'alice'"
    )
    return at, address, user_agent
