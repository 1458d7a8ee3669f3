"""A clock that goes wrong a few times; ``python -m tests.faults clock`` has it go wrong by the hundred."""

import logging
from pathlib import Path

from ostiary.accounts.messages import Medium, Message
from ostiary.delivery.outbox import OutboxWorker
from ostiary.delivery.sending import DeliveryFailed
from ostiary.server.logs import Log
from ostiary.storage.works import outbox
from tests.delivery.opened import notice, open_store
from tests.delivery.test_outbox_worker import Handed
from tests.faults.clock import YEAR_MS, clock_rounds
from tests.faults.report import Report
from tests.world import HeldClock, SeededEntropy

LOG = Log(logging.getLogger("tests.faults"))


async def test_what_a_wrong_clock_does_is_over_once_it_is_right(tmp_path: Path) -> None:
    report = Report("clock")
    await clock_rounds(tmp_path, rounds=3, seed=1, report=report, log=LOG)
    assert not report.violations, str(report)


async def test_message_that_was_put_off_by_a_clock_years_ahead_is_sent(tmp_path: Path) -> None:
    clock, sender = HeldClock(), Handed(do=fail)
    async with open_store(tmp_path) as (store, engine):
        worker = OutboxWorker(store, {Medium.EMAIL: sender}, clock, SeededEntropy(), LOG)
        clock.advance(YEAR_MS)
        await engine.write(outbox.put([notice()], clock.now()))
        await worker.deliver_due()
        clock.advance(-YEAR_MS)
        sender.do = None
        await worker.deliver_due()
        assert sender.taken == ["alice@example.org"]


async def fail(_message: Message) -> None:
    raise DeliveryFailed("The mail server is away", permanent=False)
