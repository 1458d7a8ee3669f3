"""Four processes' workers on one outbox, each by an engine of its own; and one of them that is killed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ostiary.accounts.messages import Medium, Message
from ostiary.delivery.outbox import LEASE_MS, OutboxWorker
from ostiary.storage.store import SqlStore
from ostiary.storage.work import Engine
from ostiary.storage.works import outbox
from tests.delivery.opened import marks, notice, open_store
from tests.delivery.test_outbox_worker import Events, Handed
from tests.world import HeldClock, SeededEntropy

PROCESSES = 4
MESSAGES = 200

Opened = list[tuple[SqlStore, Engine]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_store(tmp_path)) for _ in range(PROCESSES)]


async def fill(opened: Opened, clock: HeldClock) -> None:
    messages = (notice(f"a{number}@example.org") for number in range(MESSAGES))
    await opened[0][1].write(outbox.put(messages, clock.now()))


async def left(opened: Opened) -> int:
    return len(await opened[0][0].list_outbox(None, MESSAGES, stuck_only=False))


async def test_no_message_is_handed_out_twice(opened: Opened) -> None:
    clock = HeldClock()
    await fill(opened, clock)

    async def take_until_none_is_left(store: SqlStore) -> list[int]:
        taken: list[int] = []
        while len(taken) < MESSAGES and (entries := await store.lease(clock.now(), LEASE_MS, marks(7))):
            taken += [entry.id for entry in entries]
        return taken

    shares = await asyncio.gather(*(take_until_none_is_left(store) for store, _ in opened for _ in range(2)))
    shares += [await take_until_none_is_left(opened[0][0])]  # what one passed over while another held it
    taken = Counter(entry_id for share in shares for entry_id in share)
    assert len(taken) == MESSAGES
    assert set(taken.values()) == {1}


async def test_each_is_delivered_once(opened: Opened) -> None:
    clock, sender = HeldClock(), Handed()
    await fill(opened, clock)
    workers = [OutboxWorker(store, {Medium.EMAIL: sender}, clock, SeededEntropy(), Events()) for store, _ in opened]
    tried = 0
    while await left(opened):
        tried += sum(await asyncio.gather(*(worker.deliver_due() for worker in workers)))
    assert tried == len(sender.taken) == len(set(sender.taken)) == MESSAGES


async def test_what_a_killed_one_had_is_delivered_by_the_others_after_its_lease(opened: Opened) -> None:
    clock, sender = HeldClock(), Handed()
    await fill(opened, clock)

    hangs = asyncio.Event()

    async def hang(_: Message) -> None:
        hangs.set()
        await asyncio.Event().wait()

    (killed, _), *others = opened
    dying = asyncio.create_task(
        OutboxWorker(killed, {Medium.EMAIL: Handed(do=hang)}, clock, SeededEntropy(), Events()).deliver_due()
    )
    await hangs.wait()
    held = [one for one in await killed.list_outbox(None, MESSAGES, stuck_only=False) if one.attempts]
    dying.cancel()
    workers = [OutboxWorker(store, {Medium.EMAIL: sender}, clock, SeededEntropy(), Events()) for store, _ in others]

    async def deliver_all_but(number: int) -> None:
        while await left(opened) > number:
            await asyncio.gather(*(worker.deliver_due() for worker in workers))

    await deliver_all_but(len(held))
    clock.advance(LEASE_MS - 1)
    assert sum(await asyncio.gather(*(worker.deliver_due() for worker in workers))) == 0
    clock.advance(1)
    await deliver_all_but(0)
    assert len(sender.taken) == len(set(sender.taken)) == MESSAGES
