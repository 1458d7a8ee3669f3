"""Messages that wait: who takes them, and what becomes of them. On the engine that the run is for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ostiary.accounts.messages import Message
from ostiary.accounts.outbox import OutboxStore
from ostiary.storage.store import SqlStore
from ostiary.storage.work import Engine, Work, ask
from ostiary.storage.works import outbox
from tests.delivery.opened import LINK, marks, notice, open_store, validation

NOW = 1_800_000_000_000
MINUTE = 60_000

Opened = tuple[SqlStore, Engine]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    async with open_store(tmp_path) as both:
        yield both


async def put(engine: Engine, *messages: Message, at: int = NOW) -> None:
    await engine.write(outbox.put(messages, at))


async def test_message_comes_out_as_it_went_in(opened: Opened) -> None:
    store, engine = opened
    await put(engine, validation(language="de-AT"))
    (entry,) = await store.lease(NOW, MINUTE, marks(10))
    assert entry.message == validation(language="de-AT")
    assert (entry.created_at, entry.attempts, entry.next_attempt_at) == (NOW, 1, NOW + MINUTE)
    assert entry.last_error is None
    assert entry.given_up_at is None
    assert LINK not in repr(entry)


async def test_leased_message_is_due_again_when_the_lease_is_over(opened: Opened) -> None:
    store, engine = opened
    await put(engine, notice())
    assert not await store.lease(NOW - 1, MINUTE, marks(10))
    assert len(await store.lease(NOW, MINUTE, marks(10))) == 1
    assert not await store.lease(NOW + MINUTE - 1, MINUTE, marks(10))
    (entry,) = await store.lease(NOW + MINUTE, MINUTE, marks(10))
    assert entry.attempts == 2


async def test_longest_due_come_first_and_no_more_than_asked_for(opened: Opened) -> None:
    store, engine = opened
    for age in (1, 3, 2):
        await put(engine, notice(f"a{age}@example.org"), at=NOW - age)
    taken = [await store.lease(NOW, MINUTE, marks(2)), await store.lease(NOW, MINUTE, marks(2))]
    addresses = [[entry.message.address for entry in entries] for entries in taken]
    assert addresses == [["a3@example.org", "a2@example.org"], ["a1@example.org"]]


async def test_two_workers_at_once_never_take_the_same(opened: Opened, tmp_path: Path) -> None:
    store, engine = opened
    await put(engine, *(notice(f"a{number}@example.org") for number in range(60)))
    async with open_store(tmp_path) as (other, _):
        stores: list[OutboxStore] = [store, other] * 10
        taken = await asyncio.gather(*(one.lease(NOW, MINUTE, marks(5)) for one in stores))
        taken += await asyncio.gather(*(one.lease(NOW, MINUTE, marks(60)) for one in stores))
    ids = [entry.id for entries in taken for entry in entries]
    assert len(ids) == len(set(ids)) == 60


async def test_delivered_message_is_gone(opened: Opened) -> None:
    store, engine = opened
    await put(engine, notice(), notice("b@example.org"))
    first, second = await store.lease(NOW, MINUTE, marks(10))
    await store.delivered(first.id)
    assert [entry.id for entry in await store.list_outbox(None, 10, stuck_only=False)] == [second.id]


async def test_failed_message_waits_until_it_is_due_again(opened: Opened) -> None:
    store, engine = opened
    await put(engine, notice())
    (entry,) = await store.lease(NOW, MINUTE, marks(10))
    await store.failed(entry.id, "The server is away", NOW + 10)
    assert not await store.lease(NOW + 9, MINUTE, marks(10))
    (again,) = await store.lease(NOW + 10, MINUTE, marks(10))
    assert (again.attempts, again.last_error) == (2, "The server is away")


async def test_given_up_message_stays_to_be_looked_at_and_can_be_tried_again(opened: Opened) -> None:
    store, engine = opened
    await put(engine, notice())
    (entry,) = await store.lease(NOW, MINUTE, marks(10))
    await store.give_up(entry.id, "There is no such mailbox", NOW + 5)
    assert not await store.lease(NOW + 1000 * MINUTE, MINUTE, marks(10))
    (stuck,) = await store.list_outbox(None, 10, stuck_only=True)
    assert (stuck.last_error, stuck.given_up_at) == ("There is no such mailbox", NOW + 5)
    assert await store.retry(entry.id, NOW + 6)
    (again,) = await store.lease(NOW + 6, MINUTE, marks(10))
    assert (again.id, again.given_up_at) == (entry.id, None)


async def test_list_pages_and_tells_stuck_ones_apart(opened: Opened) -> None:
    store, engine = opened
    await put(engine, *(notice(f"a{number}@example.org") for number in range(5)))
    entries = await store.list_outbox(None, 10, stuck_only=False)
    await store.failed(entries[1].id, "No", NOW)
    await store.give_up(entries[3].id, "Never", NOW)
    assert [one.id for one in await store.list_outbox(entries[1].id, 2, stuck_only=False)] == [
        entries[2].id, entries[3].id,
    ]  # fmt: skip
    assert [one.id for one in await store.list_outbox(None, 9, stuck_only=True)] == [entries[1].id, entries[3].id]
    assert [one.id for one in await store.list_outbox(entries[1].id, 9, stuck_only=True)] == [entries[3].id]


async def test_dropped_message_is_gone_and_unknown_ones_are_told(opened: Opened) -> None:
    store, engine = opened
    await put(engine, notice())
    (entry,) = await store.list_outbox(None, 10, stuck_only=False)
    assert await store.drop(entry.id)
    assert not await store.drop(entry.id)
    assert not await store.retry(entry.id, NOW)
    await store.delivered(entry.id)
    assert not await store.lease(NOW, MINUTE, marks(10))


async def test_kind_of_a_newer_version_is_left_alone(opened: Opened) -> None:
    store, engine = opened

    def rename() -> Work[None]:
        yield ask("UPDATE outbox SET kind = 'of_tomorrow' WHERE address = 'new@example.org'")

    await put(engine, notice("new@example.org"), notice("old@example.org"))
    await engine.write(rename())
    (entry,) = await store.lease(NOW, MINUTE, marks(1))
    assert entry.message.address == "old@example.org"
    assert [one.id for one in await store.list_outbox(None, 9, stuck_only=False)] == [entry.id]
