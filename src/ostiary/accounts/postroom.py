"""The messages that wait to be sent, for an administrator: what is stuck and why, trying again, dropping.

Never shows what a message says: it may hold the secret of a validation. Must not know how messages are carried.
"""

from ostiary.accounts.outbox import OutboxEntry, OutboxStore
from ostiary.accounts.paging import Page, page_of, parse_number, parse_place
from ostiary.accounts.ports import Clock
from ostiary.api.errors import NotFound


class Postroom:
    """Looks after the outbox."""

    def __init__(self, store: OutboxStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list(
        self, start: str | None, limit: int, *, stuck_only: bool, backward: bool = False
    ) -> Page[OutboxEntry]:
        """Messages from behind ``start``, the oldest first. Raises InvalidParam.

        ``stuck_only``: those that have failed at least once, or were given up.
        """
        found = await self._store.list_outbox(parse_place(start), limit + 1, stuck_only=stuck_only, backward=backward)
        return page_of(found, limit, lambda entry: str(entry.id))

    async def retry(self, message_id: str) -> None:
        """Have a message tried again at once, even if it was given up. Raises NotFound, InvalidParam."""
        if not await self._store.retry(parse_number(message_id, "message_id"), self._clock.now()):
            raise NotFound("There is no such message")

    async def drop(self, message_id: str) -> None:
        """Forget a message unsent. Raises NotFound, InvalidParam."""
        if not await self._store.drop(parse_number(message_id, "message_id")):
            raise NotFound("There is no such message")
