"""Messages that wait to be sent, and the store that keeps them.

Must not know how they are carried (``delivery``): whoever carries them takes them out here and says how it went.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ostiary.accounts.messages import Message
from ostiary.accounts.model import Instant


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A message that waits.

    ``mark``: random bytes of its own, the same at every attempt; empty until it is taken out for the first time.
    ``attempts``: how often it was taken out to be sent, one that is under way included. ``last_error``: what went wrong
    last time, as a sentence without secrets. ``given_up_at``: since when nobody tries any longer.
    """

    id: int
    message: Message
    mark: bytes
    created_at: Instant
    attempts: int
    next_attempt_at: Instant
    last_error: str | None
    given_up_at: Instant | None


class OutboxStore(Protocol):
    """Keeps messages until they are handed over. Those whose kind this version does not know stay for one that does."""

    async def lease(self, now: Instant, lease_ms: int, marks: Sequence[bytes]) -> Sequence[OutboxEntry]:
        """Take the messages that are due, the longest due first, which counts as an attempt.

        Nobody else is given them for ``lease_ms``; after that they are due again, unless it was said how it went.
        ``marks``: as many random ones as messages are wanted; one that is taken for the first time keeps one of them.
        """
        ...

    async def delivered(self, entry_id: int) -> None:
        """It has been handed over: forget it."""
        ...

    async def failed(self, entry_id: int, error: str, next_attempt_at: Instant) -> None:
        """It could not be handed over, and is to be tried again. ``error``: a sentence without secrets."""
        ...

    async def give_up(self, entry_id: int, error: str, at: Instant) -> None:
        """It will not be handed over, and stays to be looked at."""
        ...

    async def list_outbox(
        self, after: int | None, limit: int, *, stuck_only: bool, backward: bool = False
    ) -> Sequence[OutboxEntry]:
        """Messages in the order in which they were written, those behind ``after``; backward, the newest first.

        ``stuck_only``: those that have failed at least once, or were given up.
        """
        ...

    async def retry(self, entry_id: int, at: Instant) -> bool:
        """Have it tried again at once, even if it was given up; False when there is none of this ID."""
        ...

    async def drop(self, entry_id: int) -> bool:
        """Forget it unsent; False when there is none of this ID."""
        ...
