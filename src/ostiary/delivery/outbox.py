"""The worker that carries messages from the outbox to their senders, again until it works or makes no sense.

A message is sent at least once: one that was handed over while the database went away is sent again, with the same
postmark. Must not know how messages are worded or carried, nor what is in them.
"""

import asyncio
import re
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from ostiary.accounts.messages import Medium, MessageKind
from ostiary.accounts.model import Instant
from ostiary.accounts.outbox import OutboxEntry, OutboxStore
from ostiary.accounts.ports import Clock, Entropy
from ostiary.delivery.sending import DeliveryFailed, Postmark, Sender

AT_ONCE: Final = 8
"""Messages under way at the same time."""

POLL_S: Final = 1.0
"""How often to look without having been told to: for what is due again, and for what other processes have put in."""

IDLE_MS: Final = 60_000
"""Where nothing is set up to send: how long others are let have what is due, and how often to look for what is left."""

MARK_BYTES: Final = 16
"""Random ones that tell a message from every other; of a mail, its Message-ID."""

SEND_LIMIT_S: Final = 120.0
LEASE_MS: Final = 180_000
"""Longer than a message may take, so that nobody else takes it meanwhile; what a killed process had comes after it."""

STOP_GRACE_S: Final = 5.0
"""How long a stopping worker lets those finish that are under way."""

FIRST_DELAY_MS: Final = 30_000
LONGEST_DELAY_MS: Final = 3_600_000
LIFETIME_MS: Final = 3 * 24 * 3_600_000
MS_PER_MINUTE: Final = 60_000

_VALIDATIONS: Final = frozenset(
    {MessageKind.VALIDATE_TO_REGISTER, MessageKind.VALIDATE_TO_ADD, MessageKind.VALIDATE_TO_RESET_PASSWORD}
)
_NOT_FOR_LOGS: Final = ("link", "code", "token")
SHORTEST_HIDDEN: Final = 4
"""Characters of what is looked for in others' words; anything shorter is found by chance, and guessed as well."""


class DeliveryLog(Protocol):
    """Is told how deliveries go: events with fields, which hold neither addresses nor what messages say."""

    def info(self, event: str, **fields: Any) -> None:
        """What happened."""
        ...

    def warning(self, event: str, **fields: Any) -> None:
        """What somebody should look at, some day."""
        ...


class OutboxWorker:
    """Delivers what is due. Any number of them may share a store, in one process or many.

    One without senders gives up in its time what nobody delivers: what was written before they were taken away.
    """

    def __init__(
        self, store: OutboxStore, senders: Mapping[Medium, Sender], clock: Clock, entropy: Entropy, log: DeliveryLog
    ) -> None:
        self._store = store
        self._senders = senders
        self._clock = clock
        self._entropy = entropy
        self._log = log
        self._nudged = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._more_may_wait = False  # the last look took as many as there was room for

    def nudge(self) -> None:
        """Something has been put into the outbox: look now. To be called in the worker's event loop."""
        self._nudged.set()

    async def run(self) -> None:
        """Deliver until cancelled. Nothing else ends it: while the store is away it waits for it."""
        try:
            while True:
                self._nudged.clear()
                try:
                    await self._fill()
                except Exception as error:  # noqa: BLE001 - the worker must outlive whatever it is
                    self._log.warning("outbox_unavailable", error=_named(error))
                await self._wait_for_nudge()
        finally:
            await self._stop()

    async def deliver_due(self) -> int:
        """Deliver all that is due now, and wait until that is done; the number of those tried. For one at a time."""
        tried = 0
        while (started := await self._fill()) or self._under_way:
            tried += started
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        return tried

    async def _fill(self) -> int:
        """Start as many as there is room for; their number."""
        free = AT_ONCE - len(self._under_way)
        entries: Sequence[OutboxEntry] = ()
        if free:
            marks = [self._entropy.token_bytes(MARK_BYTES) for _ in range(free)]
            due_by = self._clock.now() - (0 if self._senders else IDLE_MS)
            entries = await self._store.lease(due_by, LEASE_MS, marks)
        self._more_may_wait = len(entries) == free
        for entry in entries:
            task = asyncio.create_task(self._deliver_safely(entry))
            self._under_way.add(task)
            task.add_done_callback(self._finished)
        return len(entries)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if self._more_may_wait:
            self.nudge()

    async def _wait_for_nudge(self) -> None:
        try:
            async with asyncio.timeout(POLL_S if self._senders else IDLE_MS / 1000):
                await self._nudged.wait()
        except TimeoutError:
            return

    async def _stop(self) -> None:
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=STOP_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # --- One message -------------------------------------------------------------------------------------------------

    async def _deliver_safely(self, entry: OutboxEntry) -> None:
        """Whatever goes wrong with one must not stop the others; its lease ends, and it is tried again."""
        try:
            await self._deliver(entry)
        except Exception as error:  # noqa: BLE001 - see above
            self._log.warning("outbox_unavailable", **_fields(entry), error=_named(error))

    async def _deliver(self, entry: OutboxEntry) -> None:
        if entry.message.kind in _VALIDATIONS and self._clock.now() >= _deadline(entry):
            await self._give_up(entry, f"Too late: it is no longer good. {entry.last_error or ''}".strip())
            return
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                await self._sender_of(entry).send(entry.message, Postmark(entry.mark, entry.created_at))
        except DeliveryFailed as error:
            await self._note_failure(entry, str(error), permanent=error.permanent)
        except TimeoutError:
            await self._note_failure(entry, f"It took longer than {SEND_LIMIT_S:.0f} seconds", permanent=False)
        except Exception as error:  # noqa: BLE001 - a fault of ours, or of a template, which may be mended
            await self._note_failure(entry, f"It cannot be sent for a fault within: {_named(error)}", permanent=False)
        else:
            await self._store.delivered(entry.id)
            self._log.info("message_delivered", **_fields(entry))

    def _sender_of(self, entry: OutboxEntry) -> Sender:
        sender = self._senders.get(entry.message.medium)
        if sender is None:
            raise DeliveryFailed(f"Nothing is set up to send to the medium {entry.message.medium}", permanent=False)
        return sender

    async def _note_failure(self, entry: OutboxEntry, error: str, *, permanent: bool) -> None:
        next_attempt_at = self._clock.now() + _delay_after(entry.attempts)
        if permanent or next_attempt_at >= _deadline(entry):
            await self._give_up(entry, error)
            return
        error = _redacted(error, entry)
        await self._store.failed(entry.id, error, next_attempt_at)
        self._log.warning("message_failed", **_fields(entry), error=error)

    async def _give_up(self, entry: OutboxEntry, error: str) -> None:
        error = _redacted(error, entry)
        await self._store.give_up(entry.id, error, self._clock.now())
        self._log.warning("message_given_up", **_fields(entry), error=error)


def _delay_after(attempts: int) -> int:
    """Milliseconds until the next attempt, after so many."""
    delay = FIRST_DELAY_MS
    for _ in range(attempts - 1):
        if delay >= LONGEST_DELAY_MS:
            break
        delay *= 2
    return min(delay, LONGEST_DELAY_MS)


def _deadline(entry: OutboxEntry) -> Instant:
    """Until when it makes sense to send a message: what validates must be good still when it is read."""
    minutes = entry.message.values.get("minutes")
    if entry.message.kind in _VALIDATIONS and isinstance(minutes, int):
        return entry.created_at + minutes * MS_PER_MINUTE
    return entry.created_at + LIFETIME_MS


def _fields(entry: OutboxEntry) -> dict[str, Any]:
    message = entry.message
    return {
        "outbox_id": entry.id, "kind": message.kind.value, "medium": message.medium.value, "attempts": entry.attempts,
    }  # fmt: skip


def _redacted(error: str, entry: OutboxEntry) -> str:
    """The sentence without what a server may have repeated in its answer."""
    values = [entry.message.address, *(str(entry.message.values.get(name, "")) for name in _NOT_FOR_LOGS)]
    for value in values:
        if len(value) >= SHORTEST_HIDDEN:
            error = re.sub(re.escape(value), "…", error, flags=re.IGNORECASE)
    return error


def _named(error: Exception) -> str:
    """The class of an error and where it came from: its text might repeat anything."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
