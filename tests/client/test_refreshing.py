"""Tokens that end while a session goes on, at any server: refreshed in time, once, and never lost."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.errors import UnknownToken
from ostiary.client import FileStore, MemoryStore, NotLoggedIn
from tests.client.faced import AnyFaces
from tests.client.homeservers import STRICT_SYNAPSE, SYNAPSE, on, on_any_server
from tests.starting import PIPE, AnyProcess, start
from tests.world import PASSWORD, Account

LIFETIME_MS = 300_000
"""How long access tokens live, at either."""

DAY_MS = 86_400_000

REFRESH, WHOAMI = "/_matrix/client/v3/refresh", "/_matrix/client/v3/account/whoami"

GOES_ON = """
import sys
from ostiary.client import Client, FileStore

with Client(sys.argv[1], store=FileStore(sys.argv[2])) as client:
    session = client.resume()
    print(session.whoami().user_id, session.record.access_token.reveal())
"""


@pytest.fixture
async def session(faces: AnyFaces, alice: Account) -> Any:
    opened = await faces.client().login(alice.user_id, PASSWORD)
    faces.asked.clear()
    return opened


@on_any_server
class TestInTime:
    async def test_shortly_before_the_end(self, faces: AnyFaces, session: Any) -> None:
        await session.whoami()
        faces.world.clock.advance(LIFETIME_MS - 20_000)
        await session.whoami()
        await session.whoami()
        assert [one.path for one in faces.asked] == [WHOAMI, REFRESH, WHOAMI, WHOAMI]

    async def test_when_the_server_says_that_it_has_ended(self, faces: AnyFaces, session: Any) -> None:
        unaware = await faces.client().restore(replace(session.record, expires_at=None))
        faces.world.clock.advance(2 * LIFETIME_MS)
        assert (await unaware.whoami()).user_id == session.user_id
        assert [one.path for one in faces.asked] == [WHOAMI, REFRESH, WHOAMI]
        assert unaware.record.expires_at > faces.world.clock.now()


@on_any_server
class TestOnce:
    @pytest.mark.parametrize("is_aware", [True, False])
    async def test_for_many_calls(self, faces: AnyFaces, session: Any, is_aware: bool) -> None:
        record = session.record if is_aware else replace(session.record, expires_at=None)
        shared = await faces.client().restore(record)
        faces.world.clock.advance(2 * LIFETIME_MS)
        answers = await asyncio.gather(*(shared.whoami() for _ in range(20)))
        assert {answer.user_id for answer in answers} == {session.user_id}
        assert [one.path for one in faces.asked].count(REFRESH) == 1

    async def test_for_clients_that_share_a_file(self, faces: AnyFaces, alice: Account, tmp_path: Path) -> None:
        stores = [FileStore(tmp_path / "sessions.json") for _ in range(4)]
        await faces.client(stores[0]).login(alice.user_id, PASSWORD)
        sessions = [await faces.client(store).resume() for store in stores]
        faces.world.clock.advance(2 * LIFETIME_MS)
        await asyncio.gather(*(one.whoami() for one in sessions))
        assert [one.path for one in faces.asked].count(REFRESH) == 1
        assert {one.record for one in sessions} == set(stores[0].list())


@on(SYNAPSE)
@pytest.mark.parametrize("faces", ["async"], indirect=True)
async def test_once_for_processes_that_share_a_file(faces: AnyFaces, alice: Account, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "sessions.json")
    session = await faces.client(store).login(alice.user_id, PASSWORD)
    faces.world.clock.advance(2 * LIFETIME_MS)
    arguments = (faces.world.base_url, str(store.path))
    processes = [start(*arguments, program=GOES_ON, stdout=PIPE) for _ in range(2)]
    told = {await asyncio.to_thread(printed, process) for process in processes}
    (record,) = store.list()
    assert told == {f"{alice.user_id} {record.access_token.reveal()}"}
    assert record.access_token != session.record.access_token


def printed(process: AnyProcess) -> str:
    with process:
        assert process.stdout is not None
        return process.stdout.read().strip()


@on(STRICT_SYNAPSE)
async def test_refresh_token_that_has_ended_too_ends_the_session(faces: AnyFaces, alice: Account) -> None:
    store = MemoryStore()
    session = await faces.client(store).login(alice.user_id, PASSWORD)
    faces.world.clock.advance(2 * DAY_MS)
    with pytest.raises(UnknownToken) as caught:
        await session.whoami()
    assert not caught.value.soft_logout
    assert store.list() == []


@on(SYNAPSE)
async def test_server_without_the_call_of_the_first_ones_ends_no_session_by_it(faces: AnyFaces, alice: Account) -> None:
    store = MemoryStore()
    client = faces.client(store)
    session = await client.login(alice.user_id, PASSWORD)
    old = await client.restore(session.record, legacy_refresh=True)
    with pytest.raises(UnknownToken, match="no longer supported"):
        await old.refresh()
    assert (await old.whoami()).user_id == alice.user_id
    assert store.list() == [session.record]


@on_any_server
class TestNeverLost:
    async def test_answer_that_was_lost_is_asked_for_again(self, faces: AnyFaces, session: Any) -> None:
        before = session.record
        await session.refresh()
        again = await faces.client().restore(before)
        await again.refresh()
        assert (await again.whoami()).user_id == session.user_id
        await again.refresh()
        assert (await again.whoami()).device_id == before.device_id

    async def test_token_that_has_been_used_up_ends_the_session(self, faces: AnyFaces, session: Any) -> None:
        before, store = session.record, MemoryStore()
        await session.refresh()
        await session.whoami()
        faces.world.clock.advance(120_000)  # until when ours takes it for a race
        stale = await faces.client(store).restore(before)
        with pytest.raises(UnknownToken):
            await stale.refresh()
        assert store.list() == []
        with pytest.raises(NotLoggedIn):
            await stale.whoami()

    async def test_logging_out_twice_is_once(self, faces: AnyFaces, session: Any) -> None:
        store = MemoryStore()
        other = await faces.client(store).restore(session.record)
        await session.logout()
        await other.logout()
        assert store.list() == []
