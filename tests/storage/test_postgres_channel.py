"""What one process changes every other has heard of before it is acknowledged, whatever breaks meanwhile."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.config import Config, PostgresqlConfig
from tests.databases import ON_POSTGRES, fresh_url, server_url
from tests.delivery.doubles import closed_port
from tests.process import ServerProcess, serving
from tests.schemas import empty_url
from tests.world import PASSWORD, Account, World, open_config, open_world

asyncpg: Any = pytest.importorskip("asyncpg")

from ostiary.storage.postgres_channel import MARGIN, Channel, forget_everywhere  # noqa: E402 - which needs asyncpg
from ostiary.storage.work import DatabaseUnusable  # noqa: E402 - as above

pytestmark = pytest.mark.skipif(not ON_POSTGRES, reason="this run is not for PostgreSQL")

LISTENING = "application_name = 'ostiary listener'"

LEASE_S = 0.8
JOINING_S = LEASE_S * MARGIN
QUICK = PostgresqlConfig(lease_ms=int(LEASE_S * 1000))
IN_PROCESS = {"OSTIARY_POSTGRESQL__LEASE": f"{QUICK.lease_ms}ms"}


def quick_config(directory: Path) -> Config:
    return replace(open_config(directory), postgresql=QUICK)


@pytest.fixture
async def worlds(tmp_path: Path) -> AsyncIterator[list[World]]:
    """Three servers on one database, which all believe what they remember."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_world(quick_config(tmp_path))) for _ in range(3)]
        alice = await opened[0].register("first")
        for world in opened:
            await until_it_believes(world, alice)
        yield opened


async def until_it_believes(world: World, account: Account) -> None:
    end = time.monotonic() + 10
    while world.services.sessions.recall(account.access_token) is None:
        assert time.monotonic() < end
        await world.whoami(account.access_token)
        await asyncio.sleep(0.05)


async def end_listeners(*, but: int = 0) -> None:
    connection = await asyncpg.connect(server_url())
    await connection.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENING} ORDER BY random() OFFSET $1", but
    )
    await connection.close()


async def remembered_by_all(worlds: list[World]) -> Account:
    account = await worlds[0].register()
    for world in worlds:
        assert (await world.whoami(account.access_token)).status == 200
    return account


async def statuses(worlds: list[World], account: Account) -> list[int]:
    return [(await world.whoami(account.access_token)).status for world in worlds]


async def test_logout_is_heard_everywhere_before_it_is_acknowledged(worlds: list[World]) -> None:
    for number in range(30):
        account = await remembered_by_all(worlds)
        here = worlds[number % 3]
        assert (await here.call("POST", "v3/logout", {}, token=account.access_token)).status == 200
        assert await statuses(worlds, account) == [401, 401, 401]


async def test_what_cannot_be_told_is_not_done_where_telling_goes_with_it(
    worlds: list[World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that one who hears nothing, and is killed before it can tell, has ended no session that others believe in."""
    account = await remembered_by_all(worlds)
    engine: Any = worlds[0].services.vitals.engine
    monkeypatch.setattr(engine._coherence, "notice", lambda _: ("a name that is too long" * 10, ""))
    with pytest.raises(asyncpg.PostgresError):
        await worlds[0].services.sessions.end(
            await worlds[0].services.sessions.authenticate(account.access_token), worlds[0].origin
        )
    monkeypatch.undo()
    assert await statuses(worlds, account) == [200, 200, 200]
    assert await worlds[0].sql("SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL") == [(0,)]


async def test_many_at_once_are_told_together(worlds: list[World]) -> None:
    accounts = [await remembered_by_all(worlds) for _ in range(40)]

    async def log_out(number: int) -> None:
        account = accounts[number]
        assert (await worlds[number % 3].call("POST", "v3/logout", {}, token=account.access_token)).status == 200
        assert await statuses(worlds, account) == [401, 401, 401]

    await asyncio.gather(*(log_out(number) for number in range(40)))


async def test_others_sessions_stay_remembered(worlds: list[World]) -> None:
    bob = await remembered_by_all(worlds)
    alice = await remembered_by_all(worlds)
    await worlds[0].call("POST", "v3/logout", {}, token=alice.access_token)
    assert all(world.services.sessions.recall(bob.access_token) for world in worlds)


async def test_who_changes_sessions_beside_the_servers_can_say_so(worlds: list[World], tmp_path: Path) -> None:
    account = await remembered_by_all(worlds)
    connection = await asyncpg.connect(empty_url(tmp_path))
    await connection.execute("UPDATE sessions SET ended_at = 1")
    assert await statuses(worlds, account) == [200, 200, 200]
    await forget_everywhere(connection)
    await connection.close()
    end = time.monotonic() + 5
    while await statuses(worlds, account) != [401, 401, 401]:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_who_hears_nothing_believes_nothing(worlds: list[World]) -> None:
    account = await remembered_by_all(worlds)
    await end_listeners()
    end = time.monotonic() + 5
    while any(world.services.sessions.recall(account.access_token) for world in worlds):
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    assert await statuses(worlds, account) == [200, 200, 200]
    for world in worlds:
        await until_it_believes(world, account)


@pytest.mark.timeout(60)
async def test_listeners_that_are_lost_all_the_time(worlds: list[World]) -> None:
    """Acknowledged, or refused with 503; never acknowledged and believed."""
    over = asyncio.Event()

    async def break_things() -> None:
        chance = random.Random(7)
        while not over.is_set():
            await end_listeners(but=chance.randrange(3))
            await asyncio.sleep(chance.random() * 1.5)

    breaking = asyncio.create_task(break_things())
    acknowledged = 0
    end = time.monotonic() + 5
    try:
        while time.monotonic() < end:
            account = await remembered_by_all(worlds)
            here = worlds[acknowledged % 3]
            answer = await here.call("POST", "v3/logout", {}, token=account.access_token)
            assert answer.status in (200, 503)
            if answer.status == 200:
                acknowledged += 1
                assert await statuses(worlds, account) == [401, 401, 401]
    finally:
        over.set()
        await breaking
    assert acknowledged


async def test_change_made_while_the_own_channel_is_down_is_heard(worlds: list[World]) -> None:
    account = await remembered_by_all(worlds)
    channel = worlds[0].services.vitals.engine._coherence  # type: ignore[attr-defined]
    channel._become_deaf()
    others = worlds[1:]
    logging_out = asyncio.create_task(worlds[0].call("POST", "v3/logout", {}, token=account.access_token))
    end = time.monotonic() + 5
    while 200 in await statuses(others, account):  # they hear it from the transaction itself
        assert time.monotonic() < end
    assert not logging_out.done()
    channel._wake.set()
    assert (await logging_out).status in (200, 503)


class TestJoining:
    async def test_alone_one_believes_at_once(self, tmp_path: Path) -> None:
        async with open_world(quick_config(tmp_path)) as world:
            account = await remembered_by_all([world])
            assert world.services.sessions.recall(account.access_token) is not None

    async def test_beside_others_once_all_have_looked_who_listens(self, tmp_path: Path) -> None:
        now = 0.0
        config = quick_config(tmp_path)
        async with open_world(config) as world:
            channel = Channel(config.database, world.services.sessions, lambda: now, lease_s=LEASE_S)
            await channel.open()
            assert not channel.are_current()
            now = JOINING_S + 0.01
            channel._sees_until = now + 1  # its signs, which the held clock keeps from being due
            assert not channel.are_current(), "what was read before it may be believed is forgotten first"
            assert channel.are_current()
            now += 2
            assert not channel.are_current(), "a lease ends by itself"
            await channel.close()

    async def test_database_without_its_tables_is_told_at_once(self, tmp_path: Path) -> None:
        config = quick_config(tmp_path)
        async with open_world(config) as world:
            await world.sql("ALTER TABLE listeners RENAME TO gone")
        async with asyncio.timeout(5):
            with pytest.raises(DatabaseUnusable, match=r'cannot be used: .*"listeners" does not exist$'):
                async with open_world(config):
                    pass

    async def test_database_that_does_not_answer_is_not_waited_for_without_end(
        self, worlds: list[World], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ostiary.storage.postgres_channel.PATIENCE_S", 0.2)
        nowhere = f"postgresql://ostiary:hidden@127.0.0.1:{closed_port()}/ostiary"
        channel = Channel(nowhere, worlds[0].services.sessions, time.monotonic)
        async with asyncio.timeout(5):
            with pytest.raises(DatabaseUnusable, match="Connect call failed") as caught:
                await channel.open()
        assert "hidden" not in str(caught.value)
        await channel.close()

    async def test_who_has_left_is_not_waited_for(self, worlds: list[World], tmp_path: Path) -> None:
        async with open_world(quick_config(tmp_path)):
            await asyncio.sleep(0.3)  # until the others have seen it
        account = await remembered_by_all(worlds)
        started = time.monotonic()
        await worlds[0].call("POST", "v3/logout", {}, token=account.access_token)
        assert time.monotonic() - started < LEASE_S


class TestProcesses:
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return fresh_url(tmp_path)

    @staticmethod
    def serving(directory: Path, url: str) -> AbstractContextManager[ServerProcess]:
        return serving(directory, "--dev", "--database", url, environment=IN_PROCESS)

    @staticmethod
    def register(server: ServerProcess) -> str:
        body = {"username": "alice", "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        return str(server.call("POST", "v3/register", body)[1]["access_token"])

    @staticmethod
    def whoami(server: ServerProcess, token: str) -> int:
        return server.call("GET", "v3/account/whoami", token=token)[0]

    def test_frozen_one_believes_nothing_when_it_wakes(self, tmp_path: Path, url: str) -> None:
        with self.serving(tmp_path, url) as one, self.serving(tmp_path, url) as other:
            token = self.register(one)
            time.sleep(JOINING_S + 0.3)  # until the second believes what it remembers
            assert self.whoami(other, token) == 200
            os.kill(other.pid, signal.SIGSTOP)
            started = time.monotonic()
            assert one.call("POST", "v3/logout", {}, token=token)[0] == 200
            assert time.monotonic() - started > LEASE_S / 2
            os.kill(other.pid, signal.SIGCONT)
            assert self.whoami(other, token) == 401

    def test_killed_one_holds_nobody_up_for_long(self, tmp_path: Path, url: str) -> None:
        with self.serving(tmp_path, url) as one, self.serving(tmp_path, url) as other:
            token = self.register(one)
            time.sleep(0.3)
            other.stop(signal.SIGKILL)
            started = time.monotonic()
            assert one.call("POST", "v3/logout", {}, token=token)[0] == 200
            assert time.monotonic() - started < 2 * LEASE_S


class TestWithoutNotifications:
    @pytest.mark.parametrize("remember_ms", [0, 300])
    async def test_nothing_is_believed_for_longer(self, tmp_path: Path, remember_ms: int) -> None:
        config = replace(
            open_config(tmp_path), postgresql=PostgresqlConfig(notifications=False, remember_ms=remember_ms)
        )
        async with open_world(config) as here, open_world(config) as there:
            account = await remembered_by_all([here, there])
            assert (there.services.sessions.recall(account.access_token) is not None) == bool(remember_ms)
            assert (await here.call("POST", "v3/logout", {}, token=account.access_token)).status == 200
            await asyncio.sleep(remember_ms / 1000)
            assert await statuses([here, there], account) == [401, 401]
            assert await here.sql(f"SELECT 1 FROM pg_stat_activity WHERE {LISTENING}") == []
