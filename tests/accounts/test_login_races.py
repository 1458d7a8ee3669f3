"""What changes between the check of a password and the opening of the session counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ostiary.config import SqliteDatabase, parse_database_url
from tests.databases import ON_POSTGRES
from tests.world import Account, World

WAYS = pytest.mark.parametrize("device_id", [None, "OLD"])


def before_the_session_is_opened(world: World, monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Make a change at that moment, once."""
    store = world.services.store
    original = store.open_session

    async def interrupted(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        await change()
        return await original(*arguments, **named)

    monkeypatch.setattr(store, "open_session", interrupted)


@WAYS
async def test_password_that_was_changed_opens_nothing(
    world: World, alice: Account, monkeypatch: pytest.MonkeyPatch, device_id: str | None
) -> None:
    async def change() -> None:
        await world.sql("UPDATE accounts SET password_hash = 'another'")

    before_the_session_is_opened(world, monkeypatch, change)
    answer = await world.login("alice", **({"device_id": device_id} if device_id else {}))
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    await assert_nothing_was_opened(world)


async def assert_nothing_was_opened(world: World) -> None:
    """There is what registering has left, and no more."""
    for table in ("sessions", "devices"):
        assert await world.sql(f"SELECT count(*) FROM {table}") == [(1,)], table
    assert await world.sql("SELECT count(*) FROM audit_events WHERE kind = 'logged_in'") == [(0,)]
    assert await world.messages() == []


@WAYS
async def test_account_that_was_locked_has_a_session_that_is(
    world: World, alice: Account, monkeypatch: pytest.MonkeyPatch, device_id: str | None
) -> None:
    async def change() -> None:
        await world.change(alice, is_locked=True)

    before_the_session_is_opened(world, monkeypatch, change)
    answer = await world.login("alice", **({"device_id": device_id} if device_id else {}))
    assert answer.status == 200
    assert (await world.whoami(answer.json["access_token"])).errcode == "M_USER_LOCKED"
    await world.change(alice, is_locked=False)
    assert (await world.whoami(answer.json["access_token"])).status == 200


async def test_device_that_is_there_though_its_id_was_only_just_made_up_is_taken_over(
    world: World, alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.services.sessions, "_new_device_id", lambda: alice.device_id)
    assert (await world.whoami(alice.access_token)).status == 200
    again = await world.relogin(alice)
    assert again.device_id == alice.device_id
    assert (await world.whoami(alice.access_token)).status == 401
    assert (await world.whoami(again.access_token)).status == 200
    assert await world.sql("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == [(1,)]
    assert await world.sql("SELECT count(*) FROM devices") == [(1,)]


@pytest.mark.skipif(not ON_POSTGRES, reason="works come one after the other there")
class TestWaiting:
    """A login that comes while another changes the account waits, and finds it as it is then."""

    @asynccontextmanager
    async def changing(self, world: World, sql: str) -> AsyncIterator[Any]:
        """A change of the account that is committed at the end; yields what to wait for until a work waits for it."""
        import asyncpg

        database = parse_database_url(world.config.database)
        assert not isinstance(database, SqliteDatabase)
        connection = await asyncpg.connect(database.url.reveal())
        pid = await connection.fetchval("SELECT pg_backend_pid()")

        async def until_one_waits() -> None:
            waits = "SELECT 1 FROM pg_stat_activity WHERE :pid = ANY (pg_blocking_pids(pid))"
            for _ in range(1_000):
                if await world.sql(waits, pid=pid):
                    return
                await asyncio.sleep(0.005)
            pytest.fail("nobody waits")

        async with connection.transaction():
            await connection.execute(sql)
            yield until_one_waits
        await connection.close()

    @WAYS
    async def test_new_password_is_what_counts(self, world: World, alice: Account, device_id: str | None) -> None:
        async with self.changing(world, "UPDATE accounts SET password_hash = 'another'") as until_one_waits:
            login = asyncio.create_task(world.login("alice", **({"device_id": device_id} if device_id else {})))
            await until_one_waits()
        assert (await login).errcode == "M_FORBIDDEN"
        await assert_nothing_was_opened(world)

    async def test_new_state_is_what_the_session_has(self, world: World, alice: Account) -> None:
        async with self.changing(world, "UPDATE accounts SET state = 'locked', is_locked = 1") as until_one_waits:
            login = asyncio.create_task(world.login("alice"))
            await until_one_waits()
        answer = await login
        assert answer.status == 200
        assert (await world.whoami(answer.json["access_token"])).errcode == "M_USER_LOCKED"


async def test_device_of_a_session_that_lives_is_there_whoever_comes_first(world: World, alice: Account) -> None:
    """While others log it out, or in anew, no two sessions of a device live, and none without its device."""
    name = alice.device_id
    for _ in range(5):
        now = await world.relogin(alice, device_id=name)
        logins = asyncio.gather(*(world.relogin(alice, device_id=name) for _ in range(4)))
        logouts = (world.call("POST", "v3/logout", {}, token=now.access_token) for _ in range(2))
        assert {answer.status for answer in await asyncio.gather(*logouts)} <= {200, 401}
        opened = await logins
        living = [one for one in opened if (await world.whoami(one.access_token)).status == 200]
        assert len(living) == 1
        assert await world.sql("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == [(1,)]
        assert await world.sql("SELECT device_id FROM devices") == [(name,)]
