"""The worker that delivers: what is tried again when, what is given up, and that no message stops another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ostiary.accounts.messages import Medium, Message
from ostiary.accounts.model import Instant
from ostiary.accounts.outbox import OutboxEntry
from ostiary.accounts.ports import StoreUnavailable
from ostiary.delivery.mail import SmtpSender
from ostiary.delivery.outbox import AT_ONCE, LEASE_MS, OutboxWorker
from ostiary.delivery.sending import DeliveryFailed, Postmark
from ostiary.delivery.templates import Templates
from ostiary.storage.store import SqlStore
from ostiary.storage.work import Engine
from ostiary.storage.works import outbox
from tests.delivery.opened import CODE, LINK, notice, open_store, text_message, validation
from tests.delivery.smtpd import Mailbox, open_smtp_server
from tests.world import HeldClock, SeededEntropy

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass
class Events:
    """What was logged."""

    lines: list[str] = field(default_factory=list)

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append(f"{event} {fields}")

    warning = info


@dataclass
class Handed:
    """Takes messages, as a test says how."""

    taken: list[str] = field(default_factory=list)
    do: Callable[[Message], Awaitable[None]] | None = None

    async def send(self, message: Message, postmark: Postmark) -> None:
        if self.do is not None:
            await self.do(message)
        self.taken.append(message.address)


@dataclass
class Post:
    """A store, a worker over it, and a mail server."""

    engine: Engine
    store: SqlStore
    worker: OutboxWorker
    mailbox: Mailbox
    clock: HeldClock
    events: Events
    sender: SmtpSender

    async def put(self, *messages: Message) -> None:
        await self.engine.write(outbox.put(messages, self.clock.now()))

    async def waiting(self) -> list[OutboxEntry]:
        return [*await self.store.list_outbox(None, 100, stuck_only=False)]

    def over(self, sender: Handed, medium: Medium = Medium.EMAIL) -> OutboxWorker:
        """Another worker, whose messages go to this."""
        return OutboxWorker(self.store, {medium: sender}, self.clock, SeededEntropy(), self.events)

    async def delays_until_given_up(self) -> list[int]:
        """Move the clock from one attempt to the next, and tell how long each wait was."""
        delays: list[int] = []
        while True:
            assert await self.worker.deliver_due() == 1
            (entry,) = await self.waiting()
            if entry.given_up_at is not None:
                return delays
            delays.append(entry.next_attempt_at - self.clock.now())
            self.clock.advance(delays[-1] - 1)
            assert await self.worker.deliver_due() == 0
            self.clock.advance(1)


@asynccontextmanager
async def open_post(directory: Path) -> AsyncIterator[Post]:
    async with open_smtp_server() as mailbox, open_store(directory) as (store, engine):
        clock, events = HeldClock(), Events()
        sender = SmtpSender(
            Templates(None), host="127.0.0.1", port=mailbox.port, encryption="none",
            username=None, password=None, sender_address="accounts@example.org", timeout_ms=10_000, cafile=None,
            server_name="example.org",
        )  # fmt: skip
        worker = OutboxWorker(store, {Medium.EMAIL: sender}, clock, SeededEntropy(), events)
        yield Post(engine, store, worker, mailbox, clock, events, sender)
        for line in events.lines:
            for hidden in ("@example.org", LINK, "SECRETLINK", CODE):
                assert hidden not in line


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with open_post(tmp_path) as opened:
        yield opened


class TestDelivering:
    async def test_what_is_due_is_sent_and_gone(self, post: Post) -> None:
        await post.put(validation(), notice("bob@example.org"))
        assert await post.worker.deliver_due() == 2
        assert sorted(mail["To"] for mail in post.mailbox.mails) == ["alice@example.org", "bob@example.org"]
        assert not await post.waiting()
        assert await post.worker.deliver_due() == 0
        assert len([line for line in post.events.lines if line.startswith("message_delivered")]) == 2

    async def test_more_than_fit_at_once_are_all_sent_in_one_pass(self, post: Post) -> None:
        await post.put(*(notice(f"a{number}@example.org") for number in range(3 * AT_ONCE)))
        assert await post.worker.deliver_due() == 3 * AT_ONCE
        assert len(post.mailbox.mails) == 3 * AT_ONCE

    async def test_a_few_at_once_and_no_more(self, post: Post) -> None:
        under_way, most = 0, 0
        full = asyncio.Event()

        async def count(_: Message) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if under_way == AT_ONCE:
                full.set()
            await full.wait()
            under_way -= 1

        await post.put(*(notice(f"a{number}@example.org") for number in range(2 * AT_ONCE)))
        assert await post.over(Handed(do=count)).deliver_due() == 2 * AT_ONCE
        assert most == AT_ONCE

    async def test_two_workers_send_each_once(self, post: Post, tmp_path: Path) -> None:
        await post.put(*(notice(f"a{number}@example.org") for number in range(40)))
        async with open_store(tmp_path) as (store, _):
            other = OutboxWorker(store, {Medium.EMAIL: post.sender}, post.clock, SeededEntropy(), post.events)
            tried = await asyncio.gather(post.worker.deliver_due(), other.deliver_due())
        assert sum(tried) == 40
        assert len({mail["To"] for mail in post.mailbox.mails}) == len(post.mailbox.mails) == 40

    async def test_each_medium_has_its_sender(self, post: Post) -> None:
        await post.put(notice(), text_message())
        texts = Handed()
        both = OutboxWorker(
            post.store, {Medium.EMAIL: post.sender, Medium.MSISDN: texts}, post.clock, SeededEntropy(), post.events
        )  # fmt: skip
        assert await both.deliver_due() == 2
        assert texts.taken == ["491700000000"]
        assert len(post.mailbox.mails) == 1


class TestTryingAgain:
    async def test_waits_double_up_to_an_hour_and_end_after_three_days(self, post: Post) -> None:
        post.mailbox.sender_answer = "451 4.3.0 Later"
        await post.put(notice())
        start = post.clock.now()
        delays = await post.delays_until_given_up()
        assert delays[:8] == [30_000, 60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, HOUR]
        assert set(delays[8:]) == {HOUR}
        assert 3 * DAY - HOUR <= post.clock.now() - start < 3 * DAY
        (entry,) = await post.waiting()
        assert "451 4.3.0 Later" in str(entry.last_error)

    async def test_message_that_works_later_is_sent_later(self, post: Post) -> None:
        post.mailbox.recipient_answers["alice@example.org"] = "450 4.2.1 <alice@example.org> is busy"
        await post.put(notice())
        await post.worker.deliver_due()
        (entry,) = await post.waiting()
        assert entry.last_error == "The mail server refused the recipient: 450 4.2.1 <…> is busy"
        post.mailbox.recipient_answers.clear()
        post.clock.advance(30 * SECOND)
        assert await post.worker.deliver_due() == 1
        assert len(post.mailbox.mails) == 1
        assert not await post.waiting()

    async def test_mail_that_is_sent_again_is_seen_to_be_the_same(self, post: Post, tmp_path: Path) -> None:
        """The server took it and its word for that was lost; then another process sends it, an hour later."""
        start = post.clock.now()
        await post.put(notice(), notice("bob@example.org"))
        post.mailbox.word_for_it = "451 4.3.0 Lost"
        assert await post.worker.deliver_due() == 2
        post.clock.advance(HOUR)
        async with open_store(tmp_path) as (store, _):
            other = OutboxWorker(store, {Medium.EMAIL: post.sender}, post.clock, SeededEntropy("other"), post.events)
            assert await other.deliver_due() == 2
        told = sorted((mail["To"], mail["Message-ID"], mail["Date"].datetime) for mail in post.mailbox.mails)
        (alice, again, bob, once_more) = told
        assert (alice, bob) == (again, once_more)
        assert alice[1] != bob[1]
        assert alice[2] == datetime.fromtimestamp(start // 1000, UTC)

    async def test_permanent_failure_is_given_up_at_once(self, post: Post) -> None:
        post.mailbox.recipient_answers["alice@example.org"] = "550 5.1.1 No such user"
        await post.put(notice())
        assert await post.delays_until_given_up() == []
        post.clock.advance(DAY)
        assert await post.worker.deliver_due() == 0

    async def test_given_up_message_that_is_retried_is_sent(self, post: Post) -> None:
        post.mailbox.recipient_answers["alice@example.org"] = "550 5.1.1 No such user"
        await post.put(notice())
        await post.worker.deliver_due()
        (entry,) = await post.waiting()
        post.mailbox.recipient_answers.clear()
        post.clock.advance(10 * DAY)
        assert await post.store.retry(entry.id, post.clock.now())
        assert await post.worker.deliver_due() == 1
        assert len(post.mailbox.mails) == 1

    async def test_validation_is_tried_for_as_long_as_it_is_good(self, post: Post) -> None:
        post.mailbox.sender_answer = "451 4.3.0 Later"
        await post.put(validation(minutes=10))
        assert await post.delays_until_given_up() == [30_000, 60_000, 120_000, 240_000]

    async def test_validation_that_is_no_longer_good_is_not_sent(self, post: Post) -> None:
        await post.put(validation(minutes=10), notice("bob@example.org"))
        post.clock.advance(10 * MINUTE)
        await post.worker.deliver_due()
        assert [mail["To"] for mail in post.mailbox.mails] == ["bob@example.org"]
        (entry,) = await post.waiting()
        assert entry.given_up_at == post.clock.now()
        assert str(entry.last_error).startswith("Too late")

    async def test_medium_without_sender_waits_for_one(self, post: Post) -> None:
        await post.put(text_message())
        await post.worker.deliver_due()
        (entry,) = await post.waiting()
        assert entry.last_error == "Nothing is set up to send to the medium msisdn"
        assert entry.given_up_at is None

    async def test_server_that_sends_nothing_leaves_messages_to_others_first(self, post: Post) -> None:
        mute = OutboxWorker(post.store, {}, post.clock, SeededEntropy(), post.events)
        await post.put(notice())
        post.clock.advance(MINUTE - 1)
        assert await mute.deliver_due() == 0
        assert await post.worker.deliver_due() == 1

    async def test_server_that_sends_nothing_gives_messages_up_in_their_time(self, post: Post) -> None:
        mute = OutboxWorker(post.store, {}, post.clock, SeededEntropy(), post.events)
        await post.put(notice())
        start = post.clock.now()
        while (waiting := (await post.waiting())[0]).given_up_at is None:
            post.clock.advance(10 * MINUTE)
            await mute.deliver_due()
            assert post.clock.now() - start < 3 * DAY + HOUR
        assert post.clock.now() - start > 3 * DAY - 2 * HOUR
        assert waiting.last_error == "Nothing is set up to send to the medium email"
        assert post.events.lines[-1].startswith("message_given_up")


class TestOneDoesNotStopOthers:
    async def test_bad_ones_among_good_ones(self, post: Post) -> None:
        async def fail(message: Message) -> None:
            if message.address.startswith("bug"):
                raise KeyError(f"{LINK} {message.address}")
            if message.address.startswith("bad"):
                raise DeliveryFailed(f"No: {LINK} {CODE}", permanent=True)

        await post.put(
            validation("bug@example.org"), validation("good1@example.org"), validation("bad@example.org"),
            validation("good2@example.org"),
        )  # fmt: skip
        sender = Handed(do=fail)
        assert await post.over(sender).deliver_due() == 4
        assert sorted(sender.taken) == ["good1@example.org", "good2@example.org"]
        bug, bad = await post.waiting()
        assert str(bug.last_error).startswith("It cannot be sent for a fault within: KeyError at test_outbox_worker.py")
        assert bug.given_up_at is None
        assert bad.last_error == "No: … …"
        assert bad.given_up_at is not None

    async def test_message_that_lacks_a_value_is_kept_and_told(self, post: Post) -> None:
        await post.put(Message(notice().kind, Medium.EMAIL, "alice@example.org", {}), notice("bob@example.org"))
        assert await post.worker.deliver_due() == 2
        assert [mail["To"] for mail in post.mailbox.mails] == ["bob@example.org"]
        (entry,) = await post.waiting()
        assert "ValueError at templates.py" in str(entry.last_error)

    async def test_message_that_takes_too_long_is_stopped(self, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ostiary.delivery.outbox.SEND_LIMIT_S", 0.05)

        async def hang(message: Message) -> None:
            if message.address.startswith("slow"):
                await asyncio.Event().wait()

        await post.put(notice("slow@example.org"), notice("bob@example.org"))
        sender = Handed(do=hang)
        assert await post.over(sender).deliver_due() == 2
        assert sender.taken == ["bob@example.org"]
        (entry,) = await post.waiting()
        assert str(entry.last_error).startswith("It took longer than")


async def until(true: Callable[[], bool]) -> None:
    """Let the worker go on until something is so."""
    for _ in range(4000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it has not come to that")


class TestRunning:
    @asynccontextmanager
    async def running(self, worker: OutboxWorker) -> AsyncIterator[None]:
        task = asyncio.create_task(worker.run())
        yield
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_nudge_wakes_it(self, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ostiary.delivery.outbox.POLL_S", 3600)
        async with self.running(post.worker):
            await post.put(notice())
            post.worker.nudge()
            await until(lambda: len(post.mailbox.mails) == 1)

    async def test_it_looks_by_itself(self, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ostiary.delivery.outbox.POLL_S", 0.01)
        async with self.running(post.worker):
            for number in range(3):
                await post.put(notice())
                await until(lambda number=number: len(post.mailbox.mails) == number + 1)  # type: ignore[misc]

    async def test_many_are_sent_without_another_nudge(self, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ostiary.delivery.outbox.POLL_S", 3600)
        await post.put(*(notice(f"a{number}@example.org") for number in range(3 * AT_ONCE)))
        async with self.running(post.worker):
            await until(lambda: len(post.mailbox.mails) == 3 * AT_ONCE)

    async def test_one_that_hangs_does_not_hold_up_new_ones(self, post: Post) -> None:
        never = asyncio.Event()

        async def hang(message: Message) -> None:
            if message.address.startswith("slow"):
                await never.wait()

        sender = Handed(do=hang)
        worker = post.over(sender)
        async with self.running(worker):
            await post.put(notice("slow@example.org"))
            worker.nudge()
            await post.put(notice("bob@example.org"))
            worker.nudge()
            await until(lambda: sender.taken == ["bob@example.org"])
            never.set()

    async def test_stopping_lets_those_under_way_finish(self, post: Post) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def wait(_: Message) -> None:
            begun.set()
            await go_on.wait()

        await post.put(notice())
        task = asyncio.create_task(post.over(Handed(do=wait)).run())
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not await post.waiting()

    async def test_stopping_does_not_wait_for_ever(self, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ostiary.delivery.outbox.STOP_GRACE_S", 0.01)
        begun = asyncio.Event()

        async def hang(_: Message) -> None:
            begun.set()
            await asyncio.Event().wait()

        await post.put(notice())
        async with self.running(post.over(Handed(do=hang))):
            await begun.wait()
        assert await post.worker.deliver_due() == 0
        post.clock.advance(LEASE_MS)
        assert await post.worker.deliver_due() == 1  # what was cut off is sent again

    async def test_store_that_is_away_is_waited_for(self, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ostiary.delivery.outbox.POLL_S", 0.01)
        lease, away = post.store.lease, True

        async def sometimes(now: Instant, lease_ms: int, marks: Sequence[bytes]) -> Any:
            if away:
                raise StoreUnavailable
            return await lease(now, lease_ms, marks)

        monkeypatch.setattr(post.store, "lease", sometimes)
        await post.put(notice())
        async with self.running(post.worker):
            await until(lambda: bool(post.events.lines))
            assert post.events.lines[0].startswith("outbox_unavailable {'error': 'StoreUnavailable at")
            away = False
            await until(lambda: len(post.mailbox.mails) == 1)
